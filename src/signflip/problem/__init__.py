"""Attack problems: a network, an image, a region around it, and a goal."""

from signflip.problem.goals import Goal, Target, Untargeted
from signflip.problem.problem import Problem, Replay
from signflip.problem.regions.box import Box

__all__ = ["Box", "Goal", "Problem", "Replay", "Target", "Untargeted"]
