"""What an attack is after: a goal names the classes that may beat the prediction."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np

from signflip.errors import ProblemError


@runtime_checkable
class Goal(Protocol):
    """A goal: a frozen value."""

    @property
    def target(self) -> int | None:
        """The class that it names, None if it names none."""
        ...

    def rivals(self, ranking: Sequence[int]) -> tuple[int, ...]:
        """The classes that may be raised above the prediction.

        Args:
            ranking: all classes, the clean image's prediction first.

        Raises:
            ProblemError: the network lacks the class, or it is the prediction.
        """
        ...

    def settled(self, ranking: Sequence[int]) -> "Goal":
        """The goal for an image of this ranking: another one where it depends on the image.

        Raises:
            ProblemError: as `rivals`.
        """
        ...


@dataclass(frozen=True)
class RunnerUp:
    """Make the class that is second on the clean image beat the prediction."""

    @property
    def target(self) -> None:
        """It is another one for each image."""

    def rivals(self, ranking: Sequence[int]) -> tuple[int, ...]:
        """The second class of the ranking."""
        return (ranking[1],)

    def settled(self, ranking: Sequence[int]) -> "Target":
        """That class as a target."""
        return Target(ranking[1])

    def __str__(self) -> str:
        return "the second-highest class"


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

    @property
    def target(self) -> int:
        """The class."""
        return self.class_index

    def rivals(self, ranking: Sequence[int]) -> tuple[int, ...]:
        """The class itself.

        Raises:
            ProblemError: the network lacks it, or it is the prediction.
        """
        if self.class_index not in ranking:
            raise ProblemError(
                f"the target is class {self.class_index}; the network has classes 0 to "
                f"{len(ranking) - 1}"
            )
        if self.class_index == ranking[0]:
            raise ProblemError(
                f"the target is class {self.class_index}, which the network predicts already; "
                "choose another class"
            )
        return (self.class_index,)

    def settled(self, ranking: Sequence[int]) -> "Target":
        """Itself.

        Raises:
            ProblemError: as `rivals`.
        """
        self.rivals(ranking)
        return self

    def __str__(self) -> str:
        return f"class {self.class_index}"


@dataclass(frozen=True)
class Untargeted:
    """Make any class beat the prediction. Also called `AnyOther`."""

    @property
    def target(self) -> None:
        """It names none."""

    def rivals(self, ranking: Sequence[int]) -> tuple[int, ...]:
        """All classes but the first of the ranking, in their order."""
        return tuple(sorted(ranking[1:]))

    def settled(self, ranking: Sequence[int]) -> "Untargeted":  # noqa: ARG002
        """Itself."""
        return self

    def __str__(self) -> str:
        return "any class"


AnyOther = Untargeted
_OURS = (RunnerUp, Target, Untargeted)


def is_goal(goal: object) -> TypeGuard[Goal]:
    """Whether it is a goal; a goal's class is none."""
    # to look for a protocol takes longer than to make a problem of everything else
    return isinstance(goal, _OURS) or (isinstance(goal, Goal) and not isinstance(goal, type))


def goal_of(goal: Goal | None) -> Goal:
    """The goal; None stands for `RunnerUp()`.

    Raises:
        ProblemError: it is another object.
    """
    if goal is None:
        return RunnerUp()
    if not is_goal(goal):
        raise ProblemError(
            f"the goal is {goal!r}; it must be Target(class), such as Target(3), Untargeted(), or "
            "None for the class with the second-highest value"
        )
    return goal
