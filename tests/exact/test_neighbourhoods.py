"""The search by neighbourhoods against brute force, and against the tree on larger networks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signflip.attack import Outcome
from signflip.clock import Clock
from signflip.exact.beside import WalkBeside
from signflip.exact.neighbourhoods import Neighbourhoods
from signflip.exact.pairs import Clashes
from signflip.exact.tree import ExactSearch
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Conv2d, OutputLayer, SignLayer, Sparse
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Ties, Untargeted
from signflip.result import Stop
from signflip.run import Run
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.strategies import problems


def searched(problem: Problem, goal: SearchGoal, share: float = 1.0) -> tuple[Run, Outcome | None]:
    run = Run(problem, Clock.start(None))
    space = PatternSpace.of(problem)
    local = Neighbourhoods.of(run, goal, space, share)
    return run, None if local is None else local.outcome()


@settings(max_examples=150)
@given(
    problem=problems(network=mapped_networks()),
    goal=st.sampled_from(SearchGoal),
    ties=st.sampled_from([Ties.NONE, Ties.FLIP]),
)
def test_no_outcome_contradicts_brute_force(problem: Problem, goal: SearchGoal, ties: Ties) -> None:
    problem = Problem(problem.network, problem.image, problem.box, problem.goal, ties=ties)
    assume(PatternSpace.of(problem).size > 0)
    run, outcome = searched(problem, goal)
    optimum = exact_optimum(problem).value
    assert run.value <= optimum
    if outcome is None:
        return
    assert outcome.proved
    assert outcome.bound is not None
    assert outcome.bound >= optimum or outcome.stop is Stop.DECIDED
    if outcome.stop is Stop.OPTIMAL:
        assert run.value == optimum
    if outcome.flipless:
        assert not run.flipped
        assert optimum < 0 or (optimum == 0 and ties is Ties.NONE)


@settings(max_examples=40)
@given(problem=problems(network=mapped_networks()), goal=st.sampled_from(SearchGoal))
def test_what_is_not_kept_only_raises_bounds(problem: Problem, goal: SearchGoal) -> None:
    """Neurons that read more than two have their way with all but one: still nothing is wrong."""
    assume(PatternSpace.of(problem).size > 0)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("MOST_READ", 2), ("KEPT", 1), ("LEAST_LARGE", 0)):
            patch.setattr(f"signflip.exact.neighbourhoods.{name}", value)
        run, outcome = searched(problem, goal)
    optimum = exact_optimum(problem).value
    assert run.value <= optimum
    if outcome is not None:
        assert outcome.bound is not None
        assert outcome.bound >= optimum or outcome.stop is Stop.DECIDED
        assert not outcome.flipless or optimum <= 0


def image_network(seed: int) -> BinaryNetwork:
    """A convolution over 6x6 pixels, another over its signs, and ten classes."""
    rng = np.random.default_rng(seed)
    first = Conv2d(rng.choice([-1, 1], (3, 1, 3, 3)), (1, 6, 6))
    second = Conv2d(rng.choice([-1, 1], (4, 3, 2, 2)), first.output_shape)
    output = OutputLayer(rng.choice([-1, 1], (3, second.neurons)), np.ones(3), np.zeros(3))
    hidden = (
        SignLayer(first, rng.normal(0, 0.5, first.neurons)),
        SignLayer(second, rng.normal(0, 1, second.neurons)),
    )
    return BinaryNetwork(hidden, output)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("epsilon", [0.03, 0.06])
def test_it_agrees_with_the_tree(seed: int, epsilon: float) -> None:
    network = image_network(seed)
    image = np.random.default_rng(100 + seed).random(36)
    problem = Problem.ball(network, image, epsilon=epsilon, goal=Untargeted())
    run, outcome = searched(problem, SearchGoal.OPTIMISE)
    other = Run(problem, Clock.start(None))
    space = PatternSpace.of(problem)
    beside = WalkBeside(other, space, SearchGoal.OPTIMISE, share=0.2)
    tree = ExactSearch(Exact(goal=SearchGoal.OPTIMISE), other, space, beside).outcome()
    assert outcome is not None
    assert tree.stop is outcome.stop is Stop.OPTIMAL
    assert run.value == other.value


def test_input_thresholds_need_no_search() -> None:
    rng = np.random.default_rng(3)
    inputs = 400
    first = SignLayer(Sparse.selection(inputs, np.arange(inputs)), np.full(inputs, 0.5))
    output = OutputLayer(rng.choice([-1, 1], (3, inputs)), np.ones(3), np.zeros(3))
    problem = Problem.ball(
        BinaryNetwork((first,), output), rng.random(inputs), epsilon=0.1, goal=Untargeted()
    )
    run, outcome = searched(problem, SearchGoal.OPTIMISE, share=0.5)
    assert outcome is not None
    assert outcome.stop is Stop.OPTIMAL
    # each free pixel sides with the best rival
    near = np.abs(problem.image - 0.5) < 0.1
    signs = np.where(problem.image >= 0.5, 1, -1)
    best = max(
        float(
            (gain := problem.coefficients(rival))[~near] @ signs[~near] + np.abs(gain[near]).sum()
        )
        for rival in problem.rivals
    )
    assert float(run.value) == best


def test_dense_networks_are_left_to_the_tree() -> None:
    rng = np.random.default_rng(4)
    hidden = tuple(SignLayer.dense(rng.choice([-1, 1], (12, 12)), np.zeros(12)) for _ in range(2))
    output = OutputLayer(rng.choice([-1, 1], (2, 12)), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork(hidden, output), rng.random(12), epsilon=0.2)
    run = Run(problem, Clock.start(None))
    assert Neighbourhoods.of(run, SearchGoal.DECIDE, PatternSpace.of(problem)) is None


def no_clashes(space: PatternSpace) -> Clashes:
    del space
    return Clashes(np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2), dtype=np.bool_))


def test_a_conflict_that_cannot_be_noted_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Geometry refuses patterns here; without room to note them there is no verdict."""
    decided = 0
    for seed in range(20):
        network = image_network(seed)
        image = np.random.default_rng(200 + seed).random(36)
        problem = Problem.ball(network, image, epsilon=0.05, goal=Untargeted())
        run, outcome = searched(problem, SearchGoal.OPTIMISE)
        monkeypatch.setattr("signflip.exact.neighbourhoods.MOST_CONFLICT", 0)
        monkeypatch.setattr("signflip.exact.neighbourhoods.clashes", no_clashes)
        _, noted = searched(problem, SearchGoal.OPTIMISE)
        monkeypatch.undo()
        assert outcome is not None
        assert noted is None or (noted.stop is Stop.OPTIMAL and noted.bound == run.value)
        decided += noted is not None
    assert decided < 20
