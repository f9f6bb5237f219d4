"""Cases of an even or an odd number of +1 signs against brute force: the bound of each holds."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem
from signflip.proof.check import BOUND, BRANCH
from signflip.proof.evaluate import step
from signflip.proof.parity import Parity
from tests.proof.test_check import every_pattern, lead, some_problems, unstable
from tests.support.proofs import accepted, content_of
from tests.support.random_problems import random_problem

UNSTABLE = [0, 2, 3, 4]
"""Of six neurons; the others have one sign."""


def layer_of(rng: np.random.Generator, *, full: bool) -> SignLayer:
    weights = rng.choice([-1, 1] if full else [-1, 0, 1], (9, 6))
    return SignLayer.dense(weights, rng.integers(-4, 5, 9) + rng.choice([0, 0.5], 9))


def parity_of(layer: SignLayer, stable: np.ndarray) -> Parity:
    return Parity((layer,), [], stable, UNSTABLE, lambda: 0)


def completions(signs: np.ndarray, parity: int) -> list[np.ndarray]:
    """Signs of all neurons with as many +1 among the unstable ones, by parity."""
    every = product(*([-1, 1] if sign == 0 else [sign] for sign in signs.tolist()))
    found = [np.array(each) for each in every]
    return [each for each in found if (each[UNSTABLE] > 0).sum() % 2 == parity]


@given(seed=st.integers(0, 10**6), full=st.booleans(), parity=st.sampled_from([0, 1]))
def test_signs_are_those_that_patterns_of_the_parity_have(
    seed: int, full: bool, parity: int
) -> None:
    rng = np.random.default_rng(seed)
    layer, stable = layer_of(rng, full=full), np.zeros(6, np.int64)
    stable[[1, 5]] = rng.choice([-1, 1], 2)
    signs = stable.copy()
    signs[UNSTABLE] = rng.choice([-1, 0, 0, 1], 4)
    every = completions(signs, parity)
    parities = parity_of(layer, stable)
    assert parities.missed(signs[None], np.array([parity]))[0] == (not every)
    assert not parities.missed(signs[None], np.array([-1]))[0]
    if not every:
        return
    over = parities.over(np.array([parity, -1]))
    found, plain = step(layer, np.array([signs, signs]), over)
    assert (plain == step(layer, signs[None])[0]).all()
    had = np.concatenate([step(layer, each[None]) for each in every])
    same = np.where((had == had[0]).all(axis=0), had[0], 0)
    reads_all = (layer.map.rows(slice(0, 9))[:, UNSTABLE] != 0).all(axis=1)
    # what is said is true, and all that can be is said of neurons that read all
    assert ((found == same) | (found == 0)).all()
    assert (found == same)[reads_all].all()
    assert (found == plain)[~reads_all].all()


@settings(max_examples=40)
@given(problem=some_problems, data=st.data())
def test_the_bound_of_halves_is_that_of_the_network(problem: Problem, data: st.DataObject) -> None:
    size = len(unstable(problem))

    def tree(neuron: int, known: bool) -> list[int]:
        if not known and (neuron == size or data.draw(st.integers(0, 2)) == 0):
            odd = data.draw(st.booleans())
            halves = (tree(neuron, known=True) for _ in range(2))
            return [BRANCH + 2 * size + odd, *(number for half in halves for number in half)]
        if neuron == size:
            return [BOUND]
        rest = (tree(neuron + 1, known) for _ in range(2))
        return [BRANCH + 2 * neuron, *(number for part in rest for number in part)]

    steps = tree(0, known=False)
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    exact = content_of(problem, best, steps)
    assert accepted(problem, exact)
    assert not accepted(problem, replace(exact, bound=best - Fraction(1, 10**9)))


def test_halves_show_what_the_whole_does_not() -> None:
    first = SignLayer.dense([[1, 0], [0, 1]], [0.5, 0.5])
    # the first is +1 where both are, which is an even number, the second where only one is
    second = SignLayer.dense([[1, 1], [1, -1]], [2, 2])
    output = OutputLayer(np.array([[-1, -1], [1, 1]]), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((first, second), output), [0.5, 0.5], epsilon=0.25)
    halves = [BRANCH + 4, BOUND, BOUND]
    assert accepted(problem, content_of(problem, Fraction(0), halves))
    assert not accepted(problem, content_of(problem, Fraction(-1), halves))
    assert accepted(problem, content_of(problem, Fraction(4), [BOUND]))
    assert not accepted(problem, content_of(problem, Fraction(3), [BOUND]))


@pytest.mark.parametrize(("literals", "good"), [((0, 1), False), ((1, 1), False), ((0,), True)])
def test_a_parity_is_assumed_once(literals: tuple[int, ...], good: bool) -> None:
    problem = random_problem(np.random.default_rng(0), inputs=9, widths=(5, 7), epsilon=0.2)
    size, most = len(unstable(problem)), Fraction(problem.largest_conceivable)
    steps = [BRANCH + 2 * size + literal for literal in literals] + [BOUND] * (len(literals) + 1)
    assert accepted(problem, content_of(problem, most, steps)) is good
    assert not accepted(problem, content_of(problem, most, [BRANCH + 2 * size + 2, BOUND, BOUND]))
