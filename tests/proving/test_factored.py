"""Proofs behind input thresholds: of tiny problems against brute force, of votes by the checker."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.methods import Exact
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem, Ties, Untargeted
from signflip.proof.check import BRANCH, FACTORED, check
from signflip.proof.container import Content, numbers_of, unpacked
from signflip.proving.factored import factored
from signflip.proving.prove import proof_of
from signflip.result import Verdict
from signflip.zoo import load_zoo
from tests.support.bit_problems import best_standing, random_problem
from tests.support.proofs import accepted, content_of, is_true, tampered
from tests.support.zoo import zoo_problems

LITTLE = Fraction(1, 10**9)


def by_factors(problem: Problem, bound: Fraction, strict: tuple[int, ...] = ()) -> Content | None:
    space = PatternSpace.of(problem, problem.network.hidden[0])
    if space.size == 0:
        return None
    steps = factored(space, bound, strict, Clock.start(None))
    return None if steps is None else replace(content_of(problem, bound, []), steps=steps)


@pytest.mark.parametrize(("pixels", "levels"), [(7, 1), (4, 2), (3, 3)])
def test_the_optimum_is_proved_and_nothing_below_it(pixels: int, levels: int) -> None:
    made = branched = 0
    for seed in range(60):
        problem = random_problem(seed, pixels, levels, 14)
        best = best_standing(problem).value
        content = by_factors(problem, best)
        assert by_factors(problem, best - LITTLE) is None
        if content is None:  # two neurons with one threshold, or none that is unstable
            continue
        made += 1
        branched += max(numbers_of(content.steps), default=0) >= BRANCH
        assert accepted(problem, content)
        assert not accepted(problem, replace(content, bound=best - LITTLE))
        assert not accepted(problem, replace(content, strict=problem.rivals))
    assert made > 10
    assert branched > 5


@given(seed=st.integers(0, 10**6), pixels=st.integers(1, 6), levels=st.integers(1, 2))
def test_no_changed_file_says_what_is_false(seed: int, pixels: int, levels: int) -> None:
    random = Random(seed)
    problem = random_problem(seed, pixels, levels, 10)
    best = best_standing(problem).value
    content = by_factors(problem, best)
    if content is None:
        return
    near = Problem.ball(problem.network, np.clip(problem.image + 0.1, 0, 1), epsilon=0.2)
    other = proof_of(near, bound=best_standing(near).value, clock=Clock.start(None))
    others = [content, unpacked(other, problem.network.inputs)]
    for _ in range(30):
        data = tampered(content, others, random)
        try:
            proved = check(data, problem.network)
        except ProofError:
            continue
        assert is_true(problem.network, proved.content)


@pytest.mark.parametrize(("name", "epsilon"), [("mnist-vote-0.3", 0.3), ("fashion-vote-0.1", 0.1)])
def test_votes_of_the_zoo_have_proofs(name: str, epsilon: float) -> None:
    made = 0
    images = zoo_problems(name, epsilon=epsilon, count=8, goal=Untargeted())
    for image in images:
        problem = replace(image, ties=Ties.FLIP)
        result = attack(problem, Exact())
        if result.verdict is not Verdict.ROBUST:
            continue
        data = proof_of(
            problem, bound=Fraction(0), strict=problem.tied_rivals, clock=Clock.start(None)
        )
        proved = check(data, load_zoo(name))
        made += FACTORED in numbers_of(proved.content.steps)
        wrong = replace(proved.content, bound=Fraction(-(10**6)))
        assert not accepted(problem, wrong)
    assert made > 0
