import numpy as np
import pytest

from signflip.arrays import Floats
from signflip.attack import attack
from signflip.clock import Clock
from signflip.methods import Fgsm, Walk
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.result import Verdict
from signflip.run import Run
from signflip.walk import walker as module
from signflip.walk.kinds import length_of
from signflip.walk.walker import Walker
from tests.support.random_problems import flat_problem, random_problem
from tests.support.zoo import zoo_problems


def walked(
    problem: Problem,
    moves: int,
    *,
    at_once: int | None = None,
    seed: int = 0,
    run: Run | None = None,
    start: Floats | None = None,
) -> Run:
    """A run of so many moves, in steps of `at_once`; a new one, or one that goes on."""
    run = run or Run(problem, Clock.start(None))
    walker = Walker(run, PatternSpace.of(problem), seed=seed, settle=False, start=start)
    while walker.moves < moves:
        walker.step(min(at_once or moves, moves - walker.moves))
    assert walker.moves == moves
    walker.finish()
    return run


def test_the_length_of_a_step_changes_nothing() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    whole, bit_by_bit = walked(problem, 7000), walked(problem, 7000, at_once=37)
    assert [value for _, value in whole.trace] == [value for _, value in bit_by_bit.trace]
    np.testing.assert_array_equal(whole.witness, bit_by_bit.witness)
    assert whole.value > problem.clean.value


def test_it_starts_where_it_is_told_to() -> None:
    """And not at a better point that another attack has found."""
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    alone = walked(problem, 7000)
    run = Run(problem, Clock.start(None))
    run.offer(attack(problem, Fgsm(width=0.3, iterations=5)).witness)
    assert problem.clean.value < run.value < alone.value
    walked(problem, 7000, run=run, start=problem.image)
    np.testing.assert_array_equal(run.witness, alone.witness)


def test_signs_are_softened_until_there_is_a_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two neurons of the last layer, both far from turning, as where an output is one bit."""
    rng = np.random.default_rng(3)
    first = SignLayer.dense(rng.choice([-1, 1], (40, 60)), np.zeros(40))
    weight, image = rng.choice([-1, 1], (2, 40)), rng.random(60)
    sums = weight @ np.where(first.map.apply(image[None])[0] >= 0, 1, -1)
    last = SignLayer.dense(weight, sums + np.array([-13, 13]))
    output = OutputLayer(np.eye(2, dtype=np.int8), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((first, last), output), image, epsilon=0.25)
    assert attack(problem, Walk(moves=3000)).verdict is Verdict.FLIPPED
    monkeypatch.setattr(module, "FLAT", 0.0)
    assert attack(problem, Walk(moves=3000)).verdict is Verdict.UNKNOWN


def test_seeds_differ() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    one, other = walked(problem, 3000), walked(problem, 3000, seed=1)
    assert not np.array_equal(one.witness, other.witness)


def test_all_rivals_have_their_turn_and_the_best_have_more() -> None:
    problem = random_problem(
        np.random.default_rng(3), inputs=40, widths=(30, 25), classes=6, epsilon=0.3
    )
    run = Run(problem, Clock.start(None))
    walker = Walker(run, PatternSpace.of(problem), seed=0, settle=False)
    # runs become longer: count those begun
    while sum(rival.runs for rival in walker._rivals) < 5 + 8:
        walker.step()
    assert len(walker._rivals) == 5
    assert min(rival.runs for rival in walker._rivals) >= 1
    assert max(rival.runs for rival in walker._rivals) >= 4
    best = max(walker._rivals, key=lambda rival: rival.best)
    assert best.best == pytest.approx(float(run.value))


def test_a_long_time_limit_leaves_the_first_run_as_it_is() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    lengths = []
    for limit in (None, 1000.0):
        run = Run(problem, Clock.start(limit))
        walker = Walker(run, PatternSpace.of(problem), seed=0, settle=False)
        walker.step(1)
        lengths.append(walker._left + walker.moves)
    assert lengths == [length_of(walker._space.size, 0)] * 2


def test_a_flip_that_just_fits_is_found() -> None:
    # ten toggles with hardly any room between them: loose runs need more than a million moves
    problem = zoo_problems("mnist-3x100", epsilon=0.02, count=1)[0]
    result = attack(problem, Walk(moves=400_000))
    assert result.verdict is Verdict.FLIPPED


def test_a_step_without_time_makes_moves() -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    run = Run(problem, Clock.start(None))
    walker = Walker(run, PatternSpace.of(problem), seed=0, settle=False)
    walker.step(seconds=0.0)
    assert walker.moves > 0


def test_a_run_is_cut_to_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = zoo_problems("mnist-3x100", epsilon=0.015, count=1)[0]
    clock = Clock.start(1000.0)
    walker = Walker(Run(problem, clock), PatternSpace.of(problem), seed=0, settle=False)
    while walker._number < 2:
        walker.step(10)
    assert walker._left > module.LEAST_MOVES
    monkeypatch.setattr(Clock, "remaining", lambda _clock: 0.0)
    while walker._number < 3:
        walker.step(10)
    assert walker._left < module.LEAST_MOVES


def test_where_no_neuron_matters_it_does_nothing() -> None:
    flat = flat_problem()
    run = Run(flat, Clock.start(None))
    walker = Walker(run, PatternSpace.of(flat), seed=0, settle=False)
    assert walker.idle
    walker.step()
    walker.finish()
    assert walker.moves == 0
    assert len(run.trace) == 1
