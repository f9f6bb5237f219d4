"""Proofs by frames and forms: of tiny problems against brute force, of others by the checker."""

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.frames import Rules
from signflip.exact.rows import countable
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Ties
from signflip.proof.check import check
from signflip.proof.container import unpacked
from signflip.proof.joint import Forms
from signflip.proof.parity import Parity
from signflip.proving import hard, prove
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.proofs import is_true, tampered
from tests.support.random_problems import random_problem, with_copies
from tests.support.strategies import networks, problems

ENDLESS = Clock.start(None)
some_problems = problems(
    network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)
)


@pytest.fixture(autouse=True, scope="module")
def _frames_at_once() -> Iterator[None]:
    """No problem is easy; each frame has forms of its own, or is among the last."""
    patch = pytest.MonkeyPatch()
    patch.setattr(prove, "FEW", 0)
    patch.setattr(prove, "EASY", 1)
    patch.setattr(hard, "RULES", Rules(least=0, fresh=1, age=1, near=0.0, bottom=0))
    yield
    patch.undo()


@settings(max_examples=80)
@given(problem=some_problems, bottom=st.integers(0, 8), halved=st.sampled_from([-1, 110, 10**9]))
def test_the_optimum_is_proved_and_nothing_below_it(
    problem: Problem, bottom: int, halved: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hard, "RULES", hard.RULES._replace(bottom=bottom))
        patch.setattr(hard, "HALVED", halved)
        _prove_the_optimum(problem)


def _prove_the_optimum(problem: Problem) -> None:
    best = exact_optimum(problem).value
    proved = check(proof_of(problem, bound=best, clock=ENDLESS), problem.network)
    assert is_true(problem.network, proved.content)
    with pytest.raises(NoProofError):
        proof_of(problem, bound=best - Fraction(1, 10**9), clock=ENDLESS)


def problem_of(seed: int, plain: bool, classes: int) -> Problem:
    rng = np.random.default_rng(seed)
    problem = random_problem(
        rng, inputs=6, widths=(14, 40), classes=classes, epsilon=0.2, plain=plain
    )
    return with_copies(rng, problem) if seed % 2 else problem


def bound_of(problem: Problem) -> Fraction:
    """A bound that holds but is not far from the best, by bisection over proofs."""
    low, high = Fraction(0), Fraction(problem.largest_conceivable)
    for _ in range(5):
        middle = (low + high) / 2
        try:
            proof_of(problem, bound=middle, clock=ENDLESS)
            high = middle
        except NoProofError:
            low = middle
    return high


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("plain", "classes"), [(True, 2), (False, 2), (True, 4)])
def test_forms_are_made_and_accepted(
    seed: int, plain: bool, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(seed, plain, classes)
    assert countable(PatternSpace.of(problem))
    made: list[Forms] = []
    keep = Forms.keep

    def counted(forms: Forms) -> None:
        made.append(forms)
        keep(forms)

    monkeypatch.setattr(Forms, "keep", counted)
    data = proof_of(problem, bound=bound_of(problem), clock=ENDLESS)
    assert check(data, problem.network).cases > 0
    assert made, "the proof has no form"


@pytest.mark.parametrize("halved", [-1, 110])
def test_a_long_proof_goes_on_by_halves(halved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(0, True, 2)
    monkeypatch.setattr(hard, "HALVED", halved)
    monkeypatch.setattr(hard, "RULES", hard.RULES._replace(bottom=4))
    seen: set[int] = set()
    over = Parity.over

    def noted(parity: Parity, parities: np.ndarray) -> np.ndarray | None:
        seen.update(parities.tolist())
        return over(parity, parities)

    monkeypatch.setattr(Parity, "over", noted)
    data = proof_of(problem, bound=bound_of(problem), clock=ENDLESS)
    assert check(data, problem.network).cases > 0
    assert seen == ({0, 1} if halved < 0 else {-1, 0, 1})


@pytest.mark.parametrize("halved", [-1, 10**9])
def test_forms_that_were_tampered_with_prove_nothing_false(
    halved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hard, "HALVED", halved)
    problem, random = problem_of(0, True, 2), Random(5)
    high = bound_of(problem)
    content = unpacked(proof_of(problem, bound=high, clock=ENDLESS), problem.network.inputs)
    refused = 0
    for _ in range(60):
        try:
            found = check(tampered(content, [content], random), problem.network).content
        except ProofError:
            refused += 1
            continue
        same = np.array_equal(found.lower, content.lower) and np.array_equal(
            found.upper, content.upper
        )
        assert not same or found.bound is None or found.bound >= best_found(problem)
    assert refused > 30


def best_found(problem: Problem) -> Fraction:
    """An objective that an image of the box has."""
    rng = np.random.default_rng(0)
    lower, upper = problem.box.lower, problem.box.upper
    images = lower + (upper - lower) * rng.random((300, len(lower)))
    return max(problem.replay(problem.box.clip(image)).value for image in images)
