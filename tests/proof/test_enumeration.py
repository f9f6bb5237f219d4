"""Cases that a checker goes through itself, against brute force: the bound of each holds."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.errors import ProofError
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem
from signflip.proof import enumeration
from signflip.proof.check import BOUND, BRANCH, ENUMERATED, check
from signflip.proof.container import packed
from tests.proof.test_check import every_pattern, lead, unstable
from tests.support.map_strategies import mapped_networks
from tests.support.proofs import accepted, content_of
from tests.support.random_problems import random_problem
from tests.support.strategies import networks, problems


def has_small_numbers(network: BinaryNetwork) -> bool:
    """Whether it has two hidden layers, and class values in units that are not too small."""
    pairs = product(range(network.classes), repeat=2)
    leads = (network.output.lead(*pair).numerators for pair in pairs)
    return len(network.hidden) == 2 and all(sum(map(abs, lead)) < 2**40 for lead in leads)


some_networks = st.one_of(networks(), mapped_networks()).filter(has_small_numbers)
some_problems = problems(network=some_networks)


@st.composite
def problems_with_levels(draw: st.DrawFn) -> tuple[Problem, list[list[int]]]:
    """A problem, and literals of all its unstable neurons in levels."""
    problem = draw(some_problems)
    left = draw(st.permutations(range(len(unstable(problem)))))
    levels = []
    while left:
        size = draw(st.integers(1, min(6, len(left))))
        levels.append([2 * neuron + draw(st.integers(0, 1)) for neuron in left[:size]])
        left = left[size:]
    return problem, levels


def steps_of(levels: list[list[int]]) -> list[int]:
    """Of levels in which literals close nothing."""
    return [ENUMERATED, *(each for level in levels for each in (len(level), *level, 0))]


@settings(max_examples=60)
@given(drawn=problems_with_levels())
def test_what_is_gone_through_has_the_bound_of_the_network(
    drawn: tuple[Problem, list[list[int]]],
) -> None:
    problem, levels = drawn
    if not levels:
        return
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    # it ends with the first level after which nothing is open, which is one of these
    ends = [content_of(problem, best, steps_of(levels[: i + 1])) for i in range(len(levels))]
    assert sum(accepted(problem, each) for each in ends) == 1
    lower = best - Fraction(1, 10**9)
    assert not any(accepted(problem, replace(each, bound=lower)) for each in ends)
    assert not any(accepted(problem, replace(each, strict=problem.rivals)) for each in ends)


@settings(max_examples=40)
@given(drawn=problems_with_levels(), data=st.data())
def test_a_case_goes_on_with_the_signs_that_it_has(
    drawn: tuple[Problem, list[list[int]]], data: st.DataObject
) -> None:
    problem, levels = drawn
    if len(levels) < 2:
        return
    size, rest = len(levels[0]), levels[1:]
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))

    def tree(neuron: int) -> list[int]:
        if neuron == size:
            return steps_of(rest[: data.draw(st.integers(1, len(rest)))])
        halves = (tree(neuron + 1) for _ in range(2))
        return [BRANCH + levels[0][neuron], *(number for half in halves for number in half)]

    assert not accepted(problem, content_of(problem, best - Fraction(1, 10**9), tree(0)))


def apart(width: int = 3, hidden: int = 2) -> Problem:
    """Of one pixel and thresholds 0.4, 0.5 and 0.6: who is below one is not above those after it.

    Class 1 leads by 2 (s + s' - 3 s0), of two neurons by 2 (s - s0).
    """
    first = SignLayer.dense([[1]] * width, [0.4, 0.5, 0.6][:width])
    times = 2 * width - 3
    rows = np.eye(width, dtype=np.int64)[[0] * times + list(range(1, width))]
    weights = np.array([*[1] * times, *[-1] * (width - 1)])
    same = SignLayer.dense(np.eye(len(rows), dtype=np.int64), np.zeros(len(rows)))
    layers = (first, SignLayer.dense(rows, np.zeros(len(rows))), same)[:hidden]
    if hidden == 1:
        weights = weights[-width:]
    output = OutputLayer(np.array([weights, -weights]), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork(layers, output), [0.45], epsilon=0.25)


BELOW_AND_ABOVE = [2, 0, 1, 3, 1]
"""Not above 0.4 and above 0.5, each with the multiplier 1: no point is so."""
BELOW_AND_FAR_ABOVE = [2, 0, 1, 5, 1]


@pytest.mark.parametrize(
    "levels",
    [
        [2, 0, 3, 1, 0, *BELOW_AND_ABOVE],
        [2, 3, 0, 1, 0, *BELOW_AND_ABOVE],
        [2, 1, 2, 1, 0, *BELOW_AND_ABOVE],
        [1, 0, 0, 1, 3, 1, 0, *BELOW_AND_ABOVE],
        [1, 2, 0, 1, 1, 1, 0, *BELOW_AND_ABOVE],
    ],
)
def test_literals_close_what_no_bound_does(levels: list[int]) -> None:
    problem = apart(2)
    # (-1, +1) leads by 4, and (-1, -1) and (+1, +1) by 0
    content = content_of(problem, Fraction(0), [ENUMERATED, *levels])
    assert accepted(problem, content)
    assert not accepted(problem, replace(content, bound=Fraction(-1)))


def test_literals_close_those_after_a_case_that_have_them_too() -> None:
    problem = apart()
    # below the first and above another one it leads by 6 or 10, else by 2 at most
    bound, begin = Fraction(2), [ENUMERATED, 3, 0, 3, 5]
    one, other = [0, *BELOW_AND_ABOVE], [0, *BELOW_AND_FAR_ABOVE]
    for entries in ([2, *one, *other], [3, *one, *other, 0, *BELOW_AND_ABOVE]):
        assert accepted(problem, content_of(problem, bound, begin + entries))
    # the second of the three has not the first one's literals
    skipped = [2, *one, 1, *BELOW_AND_FAR_ABOVE]
    for entries in ([1, *one], [1, 1, *BELOW_AND_FAR_ABOVE], skipped):
        with pytest.raises(ProofError, match="end before"):
            check(packed(content_of(problem, bound, begin + entries)), problem.network)


def test_what_is_closed_is_not_open_in_the_next_level() -> None:
    problem = apart()
    # two of the four are left: (-1, -1), and then (-1, -1, +1); the rest leads by 2 at most
    first, second = [2, 0, 3], [1, 5, 1]
    ends = [[*skipped, *BELOW_AND_FAR_ABOVE] for skipped in ([0], [1])]
    for closed, end in ((True, ends[0]), (False, ends[0]), (False, ends[1])):
        told = [*first, 1, 1, *BELOW_AND_ABOVE] if closed else [*first, 0]
        steps = [ENUMERATED, *told, *second, *end]
        assert accepted(problem, content_of(problem, Fraction(2), steps)) is closed


def test_only_what_excludes_itself_closes_cases() -> None:
    problem = apart(2)
    wrong = [0, 2, 0, 1, 2, 1, 0, 2, 1, 1, 3, 1]  # points below both, and above both
    steps = [ENUMERATED, 2, 0, 3, 3, *wrong, 0, *BELOW_AND_ABOVE]
    with pytest.raises(ProofError, match="a point may have"):
        check(packed(content_of(problem, Fraction(-1), steps)), problem.network)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([ENUMERATED], "end before"),
        ([ENUMERATED, 0], "a level is of 1 to 6"),
        ([ENUMERATED, 7, 1, 1], "end before|has its sign already"),
        ([ENUMERATED, 2**90], "end before"),
        ([ENUMERATED, 2, 1, 1, 0], "has its sign already"),
        ([ENUMERATED, 2, 0, 1, 0], "has its sign already"),
        ([ENUMERATED, 1, 6, 0], "is none"),
        ([ENUMERATED, 1, 2**80, 0], "is none"),
        ([BRANCH + 1, ENUMERATED, 1, 0, 0], "has its sign already"),
        ([ENUMERATED, 1, 1, 1], "end before"),
        ([ENUMERATED, 1, 1, 1, 9, *BELOW_AND_ABOVE], "no more than"),
        ([ENUMERATED, 1, 1, 1, 2**70, *BELOW_AND_ABOVE], "no more than"),
        ([ENUMERATED, 1, 1, 1, 0, *BELOW_AND_ABOVE], "it has not all literals"),
        ([ENUMERATED, 2, 1, 3, 1, 0, 2, 0, 1, 3, 0], "a multiplier is 0"),
        ([ENUMERATED, 2, 1, 3, 1, 2, 2, 1, 1, 2, 1], "it has not all literals"),
        ([ENUMERATED, 1, 1, 0, 1, 3, 0, 1, 5, 0, BOUND], "end before|go on|of 1 to 6|is none"),
    ],
)
def test_what_is_no_enumeration_is_refused_with_its_reason(steps: list[int], reason: str) -> None:
    problem = apart()
    with pytest.raises(ProofError, match=reason):
        check(packed(content_of(problem, Fraction(-100), steps)), problem.network)


@pytest.mark.parametrize("hidden", [1, 3])
def test_it_is_for_two_hidden_layers(hidden: int) -> None:
    problem = apart(hidden=hidden)
    content = content_of(problem, Fraction(6), [ENUMERATED, 1, 1, 0])
    with pytest.raises(ProofError, match="not two hidden layers"):
        check(packed(content), problem.network)


def test_numbers_that_might_overflow_are_refused() -> None:
    problem = apart()
    output = replace(problem.network.output, scale=np.array([1.0, 2.0**60]))
    large = Problem.ball(replace(problem.network, output=output), [0.45], epsilon=0.25)
    content = content_of(large, Fraction(2**70), [ENUMERATED, 1, 1, 0])
    with pytest.raises(ProofError, match="too large numbers"):
        check(packed(content), large.network)


def test_no_more_cases_are_open_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(np.random.default_rng(0), inputs=9, widths=(12, 7), epsilon=0.2)
    neurons = range(len(unstable(problem)))
    levels = [[2 * each for each in neurons[i : i + 6]] for i in range(0, len(neurons), 6)]
    low = content_of(problem, Fraction(-(10**6)), steps_of(levels))
    with pytest.raises(ProofError, match="end before"):  # all are open, to the end
        check(packed(low), problem.network)
    monkeypatch.setattr(enumeration, "MOST_OPEN", 64 * 64)
    with pytest.raises(ProofError, match="end before"):  # 64 are not too many of 64 neurons
        check(packed(content_of(problem, low.bound, steps_of(levels[:1]))), problem.network)
    with pytest.raises(ProofError, match="too many cases are open"):
        check(packed(low), problem.network)


@pytest.mark.parametrize("part", [1, 50, 2**20])
def test_parts_make_no_difference(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enumeration, "PART", part)
    rng = np.random.default_rng(10)
    problem = random_problem(rng, inputs=9, widths=(12, 9), classes=3, epsilon=0.2)
    neurons = range(len(unstable(problem)))
    levels = [[2 * each + 1 for each in neurons[i : i + 4]] for i in range(0, len(neurons), 4)]
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    cases = [
        check(packed(content), problem.network).cases
        for i in range(len(levels))
        if accepted(problem, content := content_of(problem, best, steps_of(levels[: i + 1])))
    ]
    assert len(cases) == 1
    assert cases[0] > 500
