"""A solver, and what it may use."""

from dataclasses import dataclass

from signflip.errors import SettingError
from signflip.programs.solver import Solver

MOST_SEED = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Effort:
    """A solver and what it may use.

    Attributes:
        solver: the solver.
        threads: threads that it may use.
        seed: of its random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    solver: Solver
    threads: int
    seed: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        # the least that the solvers have in common
        if not 0 <= self.seed <= MOST_SEED:
            raise SettingError(f"the seed is {self.seed}; it must be from 0 to {MOST_SEED}")
