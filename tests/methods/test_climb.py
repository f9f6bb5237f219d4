import numpy as np

from signflip.arrays import Floats
from signflip.attack import Outcome, attack
from signflip.methods.climb import restart
from signflip.methods.surrogate import Slope, Surrogate
from signflip.result import Stop
from signflip.run import Run
from tests.support.random_problems import random_problem


class Recording:
    """A gradient attack that goes nowhere, and keeps what it was asked for."""

    def __init__(self, *, restarts: int, iterations: int, quick: bool = True) -> None:
        self.restarts, self.iterations, self.quick = restarts, iterations, quick
        self.climbs: list[tuple[int, int]] = []
        self.starts: list[Floats] = []

    def run(self, run: Run) -> Outcome:
        def climb_from(images: Floats, iterations: int) -> None:
            self.climbs.append((len(images), iterations))
            self.starts.append(images[0].copy())

        surrogate = Surrogate.within(run.problem, 1.0, Slope.RAMP)
        return restart(
            run,
            self.restarts,
            0,
            climb_from,
            iterations=self.iterations,
            surrogate=surrogate,
            quick=self.quick,
        )


def test_a_quick_climb_comes_first_and_batches_are_doubled() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=9, widths=(6, 5), epsilon=0.2)
    method = Recording(restarts=9, iterations=100)
    assert attack(problem, method).stop is Stop.BUDGET
    assert method.climbs == [(1, 20), (2, 100), (4, 100), (3, 100)]
    for start in method.starts[:2]:  # the same point is climbed from at length
        np.testing.assert_array_equal(start, problem.image)
    assert not np.array_equal(method.starts[2], problem.image)


def test_there_is_no_quick_climb_where_none_is_wanted_or_it_would_have_one_step() -> None:
    problem = random_problem(np.random.default_rng(0), inputs=9, widths=(6, 5), epsilon=0.2)
    for method in (
        Recording(restarts=1, iterations=100, quick=False),
        Recording(restarts=1, iterations=5),
    ):
        attack(problem, method)
        assert method.climbs == [(1, method.iterations)]
