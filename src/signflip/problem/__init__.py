"""Attack problems: a network, an image, a region around it, a goal, and a rule of ties."""

from signflip.problem.goals import AnyOther, Goal, RunnerUp, Target, Untargeted
from signflip.problem.problem import NO_FLIP, Problem, Replay, Standing
from signflip.problem.regions.box import Box
from signflip.problem.regions.region import Region
from signflip.problem.ties import Ties

__all__ = [
    "NO_FLIP",
    "AnyOther",
    "Box",
    "Goal",
    "Problem",
    "Region",
    "Replay",
    "RunnerUp",
    "Standing",
    "Target",
    "Ties",
    "Untargeted",
]
