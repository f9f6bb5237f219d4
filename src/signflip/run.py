"""The search of a method by its older name."""

from signflip.search import OnImprovement
from signflip.search import Search as Run

__all__ = ["OnImprovement", "Run"]
