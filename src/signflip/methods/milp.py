"""The paper's exact attack: its mixed-integer program (1)-(8), in a solver of choice."""

from dataclasses import dataclass, field

import numpy as np

from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.milp.candidates import Candidates
from signflip.milp.encoding import MaximalGain, maximal_gain
from signflip.milp.highs import Highs
from signflip.milp.program import MixedProgram
from signflip.milp.solver import Claim, Solution, Solver, SolverFailure
from signflip.network import Floats
from signflip.result import Stop
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
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if not 0 <= self.seed < 2**31:
            raise SettingError(f"the seed is {self.seed}; it must be from 0 to {2**31 - 1}")

    def run(self, run: Run) -> Outcome:
        """Solve the program, again without each pattern that no image has, until one is left.

        Raises:
            SettingError: the program is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up, or contradicts itself.
        """
        encoding = maximal_gain(run.problem)
        tolerance = encoding.tolerance

        def accept(image: Floats, claim: float) -> bool:
            run.offer(image)
            return float(run.value) >= claim - tolerance

        candidates = Candidates(network=encoding.network, accept=accept, clock=run.clock)
        program, bound = encoding.program, encoding.upper
        while bound > float(run.value) + tolerance:
            if run.clock.expired():
                return Outcome(Stop.TIME_LIMIT, candidates.cover(bound))
            solution = self._solve(run, program, encoding, candidates)
            if solution.bound is not None:
                bound = min(bound, encoding.bound(solution.bound))
            if solution.claim is Claim.TIME_LIMIT:
                return Outcome(Stop.TIME_LIMIT, candidates.cover(bound))
            if bound > float(run.value) + tolerance and not run.clock.expired():
                program = candidates.take_cuts(program)
        covered = candidates.cover(bound)
        doubtful = covered > float(run.value) + tolerance
        return Outcome(Stop.IMPRECISE if doubtful else Stop.CLAIMED_OPTIMAL, covered)

    def _solve(
        self, run: Run, program: MixedProgram, encoding: MaximalGain, candidates: Candidates
    ) -> Solution:
        def consider(point: Floats) -> None:
            rounded = np.where(program.integer, np.round(point), point)
            candidates.consider(rounded, encoding.objective(rounded))

        solution = self.solver.solve(
            program,
            time_limit=run.clock.remaining(),
            threads=self.threads,
            seed=self.seed,
            start=encoding.start(run.witness),
            on_incumbent=consider,
        )
        if solution.point is not None:
            consider(solution.point)
        if solution.claim is Claim.INFEASIBLE:
            raise SolverFailure(
                f"{self.solver} claims that no image satisfies the program; the clean image does"
            )
        return solution
