"""What solves IProp's layer problems (9) and (10), and how ties are broken in (9)."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from signflip.arrays import Signs
from signflip.errors import SettingError
from signflip.programs import SOLVERS, Solver, solver_named
from signflip.settings import check_whole


@dataclass(frozen=True, kw_only=True)
class LocalSearch:
    """Local search for (9), and a dual ascent that adds targets by the room they take for (10).

    It is no solver of programs: it answers thousands of layer problems a second, nearly as well.

    Attributes:
        steps: most steps of a local search.
        sweeps: of the ascent for each target of (10).

    Raises:
        SettingError: a setting is out of range.
    """

    steps: int = 200
    sweeps: int = 30

    def __post_init__(self) -> None:
        check_whole(steps=self.steps, sweeps=self.sweeps)
        for name in ("steps", "sweeps"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is {getattr(self, name)}; it must be at least 1")


LayerSolver = Solver | LocalSearch
LOCAL = "local"
LAYER_SOLVERS = (*SOLVERS, LOCAL)
"""Names of what `layer_solver` knows."""


def layer_solver(value: object) -> LayerSolver:
    """The layer solver called so: `local`, or a solver of programs.

    Raises:
        SettingError: there is none of that name.
    """
    if value == LOCAL:
        return LocalSearch()
    if not isinstance(value, str):
        names = ", ".join(LAYER_SOLVERS)
        raise SettingError(f"{value!r} is no solver; write one of {names} in quotes")
    if value not in SOLVERS:
        raise SettingError(
            f"no solver is called {value!r}; the solvers of layer problems are "
            f"{', '.join(LAYER_SOLVERS)}"
        )
    return solver_named(value)


def check_solver(solver: object, names: str = "Highs(), Scip() or Gurobi()") -> None:
    """Refuse what solves nothing: a class of solvers, or an object of another kind.

    Args:
        solver: the setting.
        names: what it may be.

    Raises:
        SettingError: it is none of them.
    """
    if isinstance(solver, type) or not hasattr(solver, "solve"):
        raise SettingError(f"the solver is {solver!r}; it must be {names}: solver=Highs()")


def check_layer_solver(solver: object) -> None:
    """Refuse what solves no layer problems.

    Raises:
        SettingError: it is no layer solver.
    """
    if not isinstance(solver, LocalSearch):
        check_solver(solver, "LocalSearch(), Highs(), Scip() or Gurobi(), or the name of one")


class TieBreak(Enum):
    """Which of the activations that meet as many targets (9) prefers."""

    DIFFERENCES = "differences"
    """Those with the fewest differences from the incumbent's: the paper's."""
    DISTANCE = "distance"
    """Those whose differences are near their thresholds at the incumbent: (10) can give more of
    them."""


def tie_break(value: object) -> TieBreak:
    """The tie-break, by itself or by its name.

    Raises:
        SettingError: there is none of that name.
    """
    try:
        return TieBreak(value)
    except ValueError as error:
        names = ", ".join(each.value for each in TieBreak)
        raise SettingError(f"tie_break is {value!r}; it must be one of {names}") from error


class LayerProblems(Protocol):
    """Lines 9 to 12 of Algorithm 1, with an incumbent of its own."""

    @property
    def signs(self) -> list[Signs]:
        """The incumbent's activations (neurons,) int8 of each hidden layer."""
        ...

    @property
    def at_once(self) -> int:
        """How many targets are worth handing over at once, at most."""
        ...

    def pursue(self, targets: Signs) -> bool:
        """Propagate targets (N, width) of the last layer down to images, one after the other.

        Returns:
            Whether one is better than the incumbent: it takes its place, and the rest is left.
        """
        ...

    def restart(self) -> bool:
        """Take a random incumbent; whether there is any choice."""
        ...
