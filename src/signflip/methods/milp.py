"""The paper's exact attack: its mixed-integer program (1)-(8), in a solver of choice."""

from dataclasses import dataclass, field

import numpy as np

from signflip.attack import Outcome
from signflip.milp.candidates import Candidates
from signflip.milp.close import Effort, close
from signflip.milp.encoding import maximal_gain
from signflip.milp.highs import Highs
from signflip.milp.realise import Realisation, realise
from signflip.milp.solver import Solver, SolverFailure
from signflip.network import Floats, Signs
from signflip.run import Run


@dataclass(frozen=True, kw_only=True)
class Milp:
    """The program (1)-(8), solved to optimality if time allows.

    The solver starts from the run's best point. Each of its incumbents is replayed as it is found,
    and mended if the solver's tolerance put it on the wrong side of a threshold. The bound is the
    solver's word, for all images of the box: what no image was found for is either refuted in exact
    arithmetic or still covered by the bound. It is no proof, so the verdict is never `robust`.

    Attributes:
        solver: `Highs()`, `Scip()` or `Gurobi()`.
        threads: threads that the solver may use.
        seed: of the solver's random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    solver: Solver = field(default_factory=Highs)
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        self._effort()

    def _effort(self) -> Effort:
        return Effort(solver=self.solver, threads=self.threads, seed=self.seed)

    def run(self, run: Run) -> Outcome:
        """Solve the program, again without each pattern that no image has, until one is left.

        Raises:
            SettingError: the program is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up, or contradicts itself.
        """
        problem = run.problem
        encoding = maximal_gain(problem)

        def accept(image: Floats, claim: float) -> bool:
            run.offer(image)
            return float(run.value) >= claim - encoding.tolerance

        def mend(demand: Signs, time_limit: float) -> Realisation:
            return realise(problem.network.hidden[0], problem.box, demand, time_limit=time_limit)

        closing = close(
            encoding,
            Candidates(network=encoding.network, accept=accept, mend=mend, clock=run.clock),
            effort=self._effort(),
            clock=run.clock,
            value=lambda: float(run.value),
            start=lambda: encoding.start(run.witness),
        )
        if closing.bound == -np.inf:
            raise SolverFailure(
                f"{self.solver} claims that no image satisfies the program; the clean image does"
            )
        return Outcome(closing.stop, closing.bound)
