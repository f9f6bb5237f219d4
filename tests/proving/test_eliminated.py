"""Proofs by elimination: of tiny problems against brute force, of convolutions by the checker."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact import neighbourhoods
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Conv2d, OutputLayer, SignLayer, Sparse
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Ties, Untargeted
from signflip.proof import elimination
from signflip.proof.check import ELIMINATED, NOTED, check
from signflip.proof.container import Content, numbers_of, packed, steps_of
from signflip.proving import eliminated as module
from signflip.proving import prove
from signflip.proving.prove import proof_of
from signflip.result import Stop, Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.proofs import accepted, by_elimination, is_true, tampered
from tests.support.strategies import networks, problems

some_problems = problems(
    network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)
)


@pytest.fixture(params=[False, True], ids=["all that is read", "a part of it"])
def parts(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether neurons read more than a table holds."""
    patch = pytest.MonkeyPatch()
    if request.param:
        patch.setattr(neighbourhoods, "MOST_READ", 2)
        patch.setattr(neighbourhoods, "LEAST_LARGE", 1)
        for each in (neighbourhoods, module):
            patch.setattr(each, "KEPT", 2)
        for each in (elimination, module):
            patch.setattr(each, "MOST_READ", 2)
    yield request.param
    patch.undo()


def test_the_optimum_is_proved_and_nothing_below_it(parts: bool) -> None:
    made = 0

    @settings(max_examples=80)
    @given(problem=some_problems)
    def holds(problem: Problem) -> None:
        nonlocal made
        best = exact_optimum(problem).value
        for content in by_elimination(problem, best):
            made += 1
            assert is_true(problem.network, content)
            # each neuron is eliminated at one time for all rivals: narrow tables may not do
            if not parts:
                assert accepted(problem, content)
            assert not accepted(problem, replace(content, bound=best - Fraction(1, 10**9)))
            assert not accepted(problem, replace(content, strict=problem.rivals))
        below = best - Fraction(1, 10**9)
        assert not by_elimination(problem, below)

    holds()
    assert made > 4


def convolutions(seed: int, epsilon: float) -> Problem:
    """Two convolutions of real pixels, and an image with many unstable neurons."""
    rng = np.random.default_rng(seed)
    first = Conv2d(rng.choice([-1, 1], (2, 1, 2, 2)), (1, 13, 13))
    second = Conv2d(rng.choice([-1, 0, 1], (2, 2, 2, 2)), first.output_shape, stride=(2, 2))
    hidden = (
        SignLayer(first, rng.normal(0, 0.2, first.neurons)),
        SignLayer(second, rng.integers(-2, 3, second.neurons).astype(float)),
    )
    weights = rng.choice([-1, 1], (4, second.neurons)).astype(np.int8)
    output = OutputLayer(weights, np.ones(4), rng.integers(-60, 61, 4).astype(float))
    network = BinaryNetwork(hidden, output)
    image = rng.uniform(0.2, 0.8, network.inputs)
    return Problem.ball(network, image, epsilon=epsilon, goal=Untargeted())


@pytest.mark.parametrize(
    ("seed", "epsilon", "least"), [(12, 0.2, 0), (36, 0.3, 0), (3, 0.3, 5), (58, 0.3, 5)]
)
def test_robust_answers_on_convolutions_have_proofs(
    seed: int, epsilon: float, least: int, tmp_path: Path
) -> None:
    problem = convolutions(seed, epsilon)
    assert PatternSpace.of(problem).size >= 32
    path = tmp_path / "a.proof"
    result = attack(problem, Exact(), time_limit=60, proof=path)
    assert (result.verdict, result.remark) == (Verdict.ROBUST, "")
    proved = check(path.read_bytes(), problem.network)
    assert (proved.cases, proved.content.bound) == (1, Fraction(0))
    steps = list(numbers_of(proved.content.steps))
    assert steps.count(NOTED) >= least
    if least:  # signs that exclude each other are what it rests on
        alone = replace(proved.content, steps=steps_of(steps[steps.index(ELIMINATED) :]))
        with pytest.raises(ProofError, match="does not bound"):
            check(packed(alone), problem.network)


def test_a_checker_that_takes_longer_than_there_is_time_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Content] = []
    monkeypatch.setattr(prove, "covered", lambda _, content: asked.append(content))
    monkeypatch.setattr(prove, "eliminated", lambda *_: [b"\0"])
    problem = convolutions(36, 0.3)
    assert proof_of(problem, bound=Fraction(0), clock=Clock.start(60))
    assert len(asked) == 1
    monkeypatch.setattr(prove, "ROW", 1.0)
    assert proof_of(problem, bound=Fraction(0), clock=Clock.start(60))
    assert len(asked) == 1


def test_where_bits_of_pixels_have_too_many_cases_they_are_eliminated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prove, "factored", lambda *_: None)
    rng = np.random.default_rng(0)
    first = Sparse(scipy.sparse.eye_array(144, dtype=np.int8).tocsr())
    second = Conv2d(rng.choice([-1, 1], (2, 1, 3, 3)), (1, 12, 12), stride=(2, 2))
    hidden = (SignLayer(first, np.full(144, 0.5)), SignLayer(second, np.zeros(second.neurons)))
    output = OutputLayer(rng.choice([-1, 1], (3, second.neurons)), np.ones(3), np.zeros(3))
    problem = Problem.ball(
        BinaryNetwork(hidden, output), rng.random(144), epsilon=0.1, goal=Untargeted()
    )
    best = attack(problem, Exact(goal=SearchGoal.OPTIMISE))
    assert best.stop is Stop.OPTIMAL
    bound = Fraction(best.objective)
    data = proof_of(problem, bound=bound, clock=Clock.start(None))
    proved = check(data, problem.network)
    assert (proved.cases, proved.content.bound) == (1, bound)
    assert next(numbers_of(proved.content.steps)) == ELIMINATED


@pytest.mark.usefixtures("parts")
def test_what_is_tampered_with_proves_nothing_false() -> None:
    random, refused, left = Random(3), 0, 0
    contents: list[tuple[BinaryNetwork, Content]] = []

    @settings(max_examples=100)
    @given(problem=some_problems)
    def collect(problem: Problem) -> None:
        best = exact_optimum(problem).value
        found = by_elimination(problem, best)
        contents.extend((problem.network, each) for each in found[-1:] if accepted(problem, each))

    collect()
    assert len(contents) > 2
    for network, content in contents:
        others = [each for _, each in contents if len(each.image) == len(content.image)]
        for _ in range(10):
            data = tampered(content, others, random)
            try:
                proved = check(data, network)
            except ProofError:
                refused += 1
                continue
            left += 1
            assert is_true(network, proved.content)
    assert refused > left
