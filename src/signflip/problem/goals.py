"""What an attack is after."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Make `class_index` beat the prediction."""

    class_index: int


@dataclass(frozen=True)
class Untargeted:
    """Make any class beat the prediction."""


Goal = Target | Untargeted
