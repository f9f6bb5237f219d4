"""Attack problems: a network, an image, a region around it, a goal, and a rule of ties."""

from signflip.problem.goals import AnyOther, Goal, RunnerUp, Target, Untargeted
from signflip.problem.grids import GridName
from signflip.problem.mask import Mask
from signflip.problem.measures import Distance, Incumbent, Margin, Measure
from signflip.problem.norms import Norm, exact_distance
from signflip.problem.problem import NO_FLIP, Problem, Replay, Standing
from signflip.problem.regions.box import Box
from signflip.problem.regions.grid_points import GridPoints
from signflip.problem.regions.l1 import L1Ball
from signflip.problem.regions.region import Region
from signflip.problem.terms import Terms
from signflip.problem.ties import Ties

__all__ = [
    "NO_FLIP",
    "AnyOther",
    "Box",
    "Distance",
    "Goal",
    "GridName",
    "GridPoints",
    "Incumbent",
    "L1Ball",
    "Margin",
    "Mask",
    "Measure",
    "Norm",
    "Problem",
    "Region",
    "Replay",
    "RunnerUp",
    "Standing",
    "Target",
    "Terms",
    "Ties",
    "Untargeted",
    "exact_distance",
]
