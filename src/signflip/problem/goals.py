"""What an attack is after."""

import operator
from dataclasses import dataclass

import numpy as np

from signflip.errors import ProblemError


@dataclass(frozen=True)
class Target:
    """Make `class_index` beat the prediction.

    Raises:
        ProblemError: it is no whole number.
    """

    class_index: int

    def __post_init__(self) -> None:
        given: object = self.class_index
        try:
            # NumPy's integers become Python's: equal goals have equal texts
            index = None if isinstance(given, bool | np.bool_) else operator.index(self.class_index)
        except TypeError:
            index = None
        if index is None:
            raise ProblemError(
                f"the target is {given!r}; it must be the number of a class, a whole number: "
                "Target(3)"
            )
        object.__setattr__(self, "class_index", index)


@dataclass(frozen=True)
class Untargeted:
    """Make any class beat the prediction."""


Goal = Target | Untargeted


def check_goal(goal: object) -> None:
    """Refuse what is neither a goal nor None.

    Raises:
        ProblemError: it is another object.
    """
    if goal is not None and not isinstance(goal, Goal):
        raise ProblemError(
            f"the goal is {goal!r}; it must be Target(class), such as Target(3), Untargeted(), or "
            "None for the class with the second-highest value"
        )
