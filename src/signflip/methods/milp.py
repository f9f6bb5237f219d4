"""The paper's exact attack: its mixed-integer program (1)-(8), in a solver of choice."""

from dataclasses import dataclass, field
from typing import ClassVar

from signflip.attack import Outcome
from signflip.methods.layer_solver import check_solver
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.problem import Problem
from signflip.programs.effort import Effort
from signflip.programs.highs import Highs
from signflip.programs.solver import Solver
from signflip.run import Run
from signflip.settings import check_whole


@dataclass(frozen=True, kw_only=True)
class Milp:
    """The program (1)-(8), solved to optimality, or until a flip is found or denied.

    Where the problem's measure is a distance, it looks for the nearest flip (`milp/smallest.py`).

    The solver starts from the run's best point. Each of its incumbents is replayed as it is found,
    and mended if the solver's tolerance put it on the wrong side of a threshold. The bound is the
    solver's word, for all images of the box: what no image was found for is either refuted in exact
    arithmetic or still covered by the bound. It is no proof, so the verdict is never `robust`.

    Attributes:
        goal: find the largest objective, or decide whether there is a flip: then images that do
            not flip are no points of the program, and it stops at the first flip.
        solver: `Highs()`, `Scip()` or `Gurobi()`.
        threads: threads that the solver may use.
        seed: of the solver's random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    SPEED_ONLY: ClassVar = ("threads",)

    goal: SearchGoal = SearchGoal.OPTIMISE
    solver: Solver = field(default_factory=Highs)
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        check_solver(self.solver)
        check_whole(threads=self.threads, seed=self.seed)
        self._effort()

    def _effort(self) -> Effort:
        return Effort(solver=self.solver, threads=self.threads, seed=self.seed)

    def refuses(self, _problem: Problem) -> str | None:
        """Nothing: it minimises perturbations too."""
        return None

    def run(self, run: Run) -> Outcome:
        """Solve the program, again without each pattern that no image has, until one is left.

        Raises:
            SettingError: the program is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up, or contradicts itself.
        """
        # here, and not above: HiGHS, and what mends its points, take long to import
        from signflip.methods.milp_search import MilpSearch

        return MilpSearch(run, self.goal, self._effort()).outcome()
