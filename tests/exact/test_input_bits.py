"""The search over bits of pixels against all patterns of the bits."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signflip.clock import Clock
from signflip.exact import factor_search as module
from signflip.exact.beside import WalkBeside
from signflip.exact.bits_bound import SCALE
from signflip.exact.input_bits import InputBits
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Conv2d, OutputLayer, SignLayer, Sparse
from signflip.patterns.space import PatternSpace
from signflip.problem import NO_FLIP, Box, Problem, Untargeted
from signflip.problem.regions.l1 import L1Ball
from signflip.result import Stop
from signflip.run import Run
from tests.support.bit_problems import best_standing, random_problem


def search_of(run: Run, goal: SearchGoal, share: float = 0.0) -> InputBits | None:
    space = PatternSpace.of(run.problem)
    return InputBits.of(run, goal, space, WalkBeside(run, space, goal, share))


@pytest.mark.parametrize("goal", SearchGoal)
@pytest.mark.parametrize(("pixels", "levels", "width"), [(3, 1, 4), (8, 1, 30), (4, 3, 20)])
def test_it_agrees_with_all_patterns(
    goal: SearchGoal, pixels: int, levels: int, width: int
) -> None:
    verdicts = set()
    for seed in range(60):
        problem = random_problem(seed, pixels, levels, width)
        space = PatternSpace.of(problem)
        if space.size == 0:  # one pattern: `Exact` does not ask
            continue
        best = best_standing(problem)
        run = Run(problem, Clock.start(None))
        search = search_of(run, goal)
        assert search is not None
        outcome = search.outcome()
        assert outcome is not None
        verdicts.add(run.flipped)
        assert outcome.proved
        assert run.flipped == best.flipped
        assert outcome.flipless == (not best.flipped)
        if goal is SearchGoal.OPTIMISE:
            assert outcome.stop is Stop.OPTIMAL
            assert run.value == outcome.bound == max(best.value, problem.clean.value)
    assert verdicts == {False, True}


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), pixels=st.integers(1, 7), levels=st.integers(1, 2))
def test_no_flip_is_ruled_out(seed: int, pixels: int, levels: int) -> None:
    problem = random_problem(seed, pixels, levels, 12)
    space = PatternSpace.of(problem)
    assume(space.size > 0)
    run = Run(problem, Clock.start(None))
    search = search_of(run, SearchGoal.DECIDE)
    assert search is not None
    outcome = search.outcome()
    assert outcome is not None
    assert outcome.flipless == (best_standing(problem) <= NO_FLIP)
    assert run.flipped != outcome.flipless


def test_bounds_stay_whole_numbers_of_64_bits() -> None:
    """Weights too large for the scaled sums are left to another search."""
    problem = random_problem(1, 4, 1, 6)
    network = problem.network
    for size, taken in ((2.0**20, True), (2.0**45, False)):
        output = OutputLayer(
            np.round(network.output.weight.astype(float) * size), np.ones(3), np.zeros(3)
        )
        made = BinaryNetwork(network.hidden, output)
        large = Problem.ball(made, problem.image, epsilon=0.3, goal=Untargeted())
        run = Run(large, Clock.start(None))
        search = search_of(run, SearchGoal.DECIDE)
        assert (search is not None) is taken
    assert SCALE * 2**44 * 4 <= 2**62


def test_other_networks_and_regions_are_left_alone() -> None:
    problem = random_problem(2, 4, 1, 6)
    network, image = problem.network, problem.image
    region = L1Ball(Box.ball(image, 1.0), image, 0.3)
    selection, above = network.hidden
    negated = SignLayer.dense(-selection.map.rows(slice(None)), -selection.threshold)
    dense = SignLayer.dense(np.ones((4, 4), dtype=int), np.full(4, 2.0))
    others = [
        Problem(network, image, region, Untargeted()),
        *(
            Problem.ball(BinaryNetwork(hidden, network.output), image, epsilon=1.0)
            for hidden in ((negated, above), (dense, above), (selection, above, dense))
            if hidden[-1].neurons == network.output.inputs
        ),
    ]
    assert len(others) >= 3
    for other in others:
        run = Run(other, Clock.start(None))
        assert search_of(run, SearchGoal.DECIDE) is None


def test_time_runs_out() -> None:
    problem = random_problem(0, 8, 1, 30)
    search = search_of(Run(problem, Clock.start(0.0)), SearchGoal.DECIDE)
    assert search is not None
    outcome = search.outcome()
    assert outcome is not None
    assert outcome.stop in (Stop.TIME_LIMIT, Stop.DECIDED)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_convolution_of_votes_is_decided(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than brute force can do: the witness, or else each pattern drawn, speaks for it."""
    monkeypatch.setattr(module, "_WORK", 1)  # a walk has its turn after each node
    rng = np.random.default_rng(5)
    first = SignLayer(Sparse.selection(144, np.tile(np.arange(144), 2)), np.repeat([0.3, 0.6], 144))
    second = Conv2d(rng.choice([-1, 0, 1], (6, 2, 3, 3)), (2, 12, 12), stride=(2, 2))
    weight = rng.integers(-7, 8, (4, second.neurons)).astype(np.float64)
    output = OutputLayer(weight, np.ones(4), np.zeros(4))
    network = BinaryNetwork((first, SignLayer(second, rng.normal(0, 1, second.neurons))), output)
    found = set()
    for number in range(12):
        image = rng.random(144)
        problem = Problem.ball(network, image, epsilon=0.005 * (1 + number % 4), goal=Untargeted())
        run = Run(problem, Clock.start(None))
        search = search_of(run, SearchGoal.DECIDE, share)
        assert search is not None
        outcome = search.outcome()
        assert outcome is not None
        found.add(run.flipped)
        box = problem.box
        corners = np.where(rng.random((2000, 144)) < 0.5, box.lower, box.upper)
        assert run.flipped or problem.objectives(corners).max() <= 0
        assert outcome.flipless is not run.flipped
    assert found == {False, True}
