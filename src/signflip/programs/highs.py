"""HiGHS, the default solver."""

from dataclasses import dataclass

from signflip.arrays import Floats
from signflip.programs.program import MixedProgram
from signflip.programs.solver import OnIncumbent, Solution


@dataclass(frozen=True, kw_only=True)
class Highs:
    """HiGHS through highspy.

    Attributes:
        tolerance: by how much a point may break a constraint.
    """

    tolerance: float = 1e-7

    def solve(
        self,
        program: MixedProgram,
        *,
        time_limit: float | None = None,
        threads: int = 1,
        seed: int = 0,
        quick: bool = False,
        start: Floats | None = None,
        on_incumbent: OnIncumbent | None = None,
    ) -> Solution:
        """Maximise the program; see `Solver.solve`."""
        # here, and not above: HiGHS takes longer to import than the rest of `import signflip`
        from signflip.programs.highs_runs import Settings, solve

        settings = Settings(
            tolerance=self.tolerance,
            time_limit=time_limit,
            threads=threads,
            seed=seed,
            quick=quick,
        )
        return solve(program, settings, start, on_incumbent)
