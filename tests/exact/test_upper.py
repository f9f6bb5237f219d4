from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.exact.upper import packed, set_incumbent, upper_of
from signflip.network import BinaryNetwork, OutputLayer
from signflip.problem import Problem
from tests.support.random_problems import random_problem

seeds = st.integers(0, 2**32)


def test_useful_signs_needed_for_a_plain_objective() -> None:
    problem = random_problem(np.random.default_rng(1), inputs=10, widths=(9, 31), classes=4)
    upper = upper_of(problem)
    for value in range(-70, 71):
        set_incumbent(upper, problem, Fraction(value))
        for count, need in zip(upper.counts.tolist(), upper.need.tolist(), strict=True):
            assert 2 * (2 * need - count) > value >= 2 * (2 * (need - 1) - count)


@settings(max_examples=100)
@given(seeds, st.integers(-300, 90), st.integers(-300, 90))
def test_a_real_objective_above_the_floor_is_never_missed(
    seed: int, scales: int, biases: int
) -> None:
    rng = np.random.default_rng(seed)
    base = random_problem(rng, inputs=3, widths=(30,), classes=3)
    output = OutputLayer(
        base.network.output.weight,
        rng.normal(size=3) * 10.0**scales,
        rng.normal(size=3) * 10.0**biases,
    )
    network = BinaryNetwork(base.network.hidden, output)
    problem = Problem(network, base.image, base.box)
    upper = upper_of(problem)
    signs = rng.choice([-1, 1], (20, 30)).astype(np.int8)
    for row in signs:
        value = problem.exact_objective(row)
        # the largest incumbent that this row beats
        set_incumbent(upper, problem, value - Fraction(1, 2**1100))
        summed = 0.0
        for term in (upper.coefficients[0] * row).tolist():
            summed += term
        assert summed > upper.floor[0]


def test_packed_words() -> None:
    rows = np.random.default_rng(0).random((5, 130)) < 0.5
    words = packed(rows, 3)
    assert words.shape == (5, 3)
    for row, bits in zip(rows, words.tolist(), strict=True):
        whole = sum(word << 64 * index for index, word in enumerate(bits))
        assert [bool(whole >> k & 1) for k in range(192)] == [*row.tolist(), *[False] * 62]
