"""What a method that can prove something is asked to settle."""

from enum import Enum

from signflip.errors import SettingError
from signflip.run import Run


class SearchGoal(Enum):
    """What the search is to settle."""

    DECIDE = "decide"
    """Is there a flip?"""
    OPTIMISE = "optimise"
    """What is the largest objective?"""

    def settled_by(self, run: Run) -> bool:
        """Whether the question is only if there is a flip, and there is."""
        return self is SearchGoal.DECIDE and run.flipped


def search_goal(goal: SearchGoal | str) -> SearchGoal:
    """The goal, by itself or by its name.

    Raises:
        SettingError: no goal has that name.
    """
    try:
        return SearchGoal(goal)
    except ValueError as error:
        names = ", ".join(each.value for each in SearchGoal)
        raise SettingError(f"goal is {goal!r}; it must be one of {names}") from error
