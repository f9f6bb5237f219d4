"""The checker against brute force: it accepts what is true, of steps that nobody searched for."""

from collections.abc import Iterator
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
from signflip.proof import exclusions
from signflip.proof.check import BASE, BOUND, BRANCH, KNOWN, NEW, NOTED, WITH, check
from signflip.proof.container import packed
from signflip.proof.evaluate import MANY
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import _Neurons
from tests.support.proofs import accepted, content_of, is_true
from tests.support.reference import reference_values_of_pattern
from tests.support.strategies import networks, problems

some_problems = problems(network=st.one_of(networks(), mapped_networks()))


def unstable(problem: Problem) -> list[int]:
    neurons = _Neurons(problem.network, problem.box)
    return [j for j in range(len(neurons.weights)) if neurons.stable_sign(j) is None]


def every_pattern(problem: Problem) -> Iterator[tuple[int, ...]]:
    """Signs of the first layer, whether points have them together or not."""
    neurons = _Neurons(problem.network, problem.box)
    signs = [neurons.stable_sign(j) for j in range(len(neurons.weights))]
    return product(*([sign] if sign is not None else [-1, 1] for sign in signs))


def lead(problem: Problem, pattern: tuple[int, ...]) -> Fraction:
    values = reference_values_of_pattern(problem.network, pattern)
    return max(values[c] for c in problem.rivals) - values[problem.prediction]


def full_tree(size: int, neuron: int = 0) -> list[int]:
    if neuron == size:
        return [BOUND]
    rest = full_tree(size, neuron + 1)
    return [BRANCH + 2 * neuron, *rest, *rest]


@settings(max_examples=40)
@given(problem=some_problems)
def test_the_bound_of_full_cases_is_that_of_the_network(problem: Problem) -> None:
    steps = full_tree(len(unstable(problem)))
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    exact = content_of(problem, best, steps)
    assert accepted(problem, exact)
    assert is_true(problem.network, exact)
    assert not accepted(problem, replace(exact, bound=best - Fraction(1, 10**9)))
    assert not accepted(problem, replace(exact, strict=problem.rivals))
    assert not accepted(problem, replace(exact, rivals=(*problem.rivals, problem.rivals[0])))
    above = replace(exact, bound=best + Fraction(1, 10**9), strict=problem.rivals)
    assert accepted(problem, above)


@settings(max_examples=50)
@given(problem=some_problems, data=st.data())
def test_the_bound_of_a_partial_case_holds_for_all_its_patterns(
    problem: Problem, data: st.DataObject
) -> None:
    neurons = unstable(problem)
    places = (
        data.draw(st.lists(st.sampled_from(range(len(neurons))), unique=True)) if neurons else []
    )
    signs = [data.draw(st.booleans()) for _ in places]
    steps: list[int] = []
    for place, sign in zip(places, signs, strict=True):
        steps.append(BRANCH + 2 * place + sign)
    steps += [BOUND] * (len(places) + 1)
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    # all cases together hold every pattern: no bound below the best is accepted
    assert not accepted(problem, content_of(problem, best - Fraction(1, 2**60), steps))
    largest = problem.largest_conceivable
    assert accepted(problem, content_of(problem, Fraction(largest) + 1, steps))


@settings(max_examples=80)
@given(problem=some_problems, data=st.data())
def test_literals_are_refused_only_where_no_point_has_them(
    problem: Problem, data: st.DataObject
) -> None:
    neurons = unstable(problem)
    if not neurons:
        return
    places = data.draw(st.lists(st.sampled_from(range(len(neurons))), unique=True, min_size=1))
    signs = [data.draw(st.booleans()) for _ in places]
    numbers = st.one_of(st.integers(1, 3), st.integers(1, 2**70))
    literals = [2 * place + sign for place, sign in zip(places, signs, strict=True)]
    multipliers = [data.draw(numbers) for _ in places]
    steps = [BRANCH + literal for literal in literals]
    steps += [NEW, len(places)]
    for literal, multiplier in zip(literals, multipliers, strict=True):
        steps += [literal, multiplier]
    steps += [BOUND] * len(places)
    huge = Fraction(problem.largest_conceivable) + 1
    oracle = _Neurons(problem.network, problem.box)
    # no demand on the other neurons: an oracle of these alone
    oracle.weights = [oracle.weights[neurons[place]] for place in places]
    oracle.bases = [oracle.bases[neurons[place]] for place in places]
    point = oracle.realise([1 if sign else -1 for sign in signs], Fraction(0))
    if accepted(problem, content_of(problem, huge, steps)):
        assert point is None


def pair() -> Problem:
    """Neurons 0 and 1 answer x >= 1/2 and -x >= -1/2: both are -1 nowhere, and both +1 at 1/2."""
    first = SignLayer.dense([[1], [-1]], [0.5, -0.5])
    output = OutputLayer(np.array([[1.0, 1.0], [-1.0, -1.0]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((first,), output)
    return Problem.ball(network, [0.5], epsilon=0.25)


def test_a_set_that_just_excludes_itself_needs_a_strict_literal() -> None:
    problem = pair()
    bound = Fraction(0)  # class 1 is ahead of class 0 only if both neurons are -1

    def steps(*literals: int) -> list[int]:
        ordered = sorted(literals)
        return [
            *(BRANCH + ordered[0], BRANCH + ordered[1]),
            *(NEW, 2, ordered[0], 1, ordered[1], 1),
            *(BOUND, BOUND),
        ]

    assert accepted(problem, content_of(problem, bound, steps(0, 2)))
    assert not accepted(problem, content_of(problem, bound, steps(1, 3)))


def test_a_known_set_counts_only_where_all_its_literals_are_assumed() -> None:
    problem = pair()
    right = [BRANCH, BRANCH + 2, NEW, 2, 0, 1, 2, 1, BOUND, BOUND]
    assert accepted(problem, content_of(problem, Fraction(0), right))
    again = [BRANCH, BRANCH + 2, NEW, 2, 0, 1, 2, 1, KNOWN, 0, BOUND]
    assert not accepted(problem, content_of(problem, Fraction(0), again))


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([], "end before"),
        ([BRANCH, BOUND], "end before"),
        ([BRANCH, BOUND, BOUND, BOUND], "go on"),
        ([BRANCH, BRANCH, BOUND, BOUND, BOUND], "has its sign already"),
        ([BRANCH, BRANCH + 1, BOUND, BOUND, BOUND], "has its sign already"),
        ([BRANCH + 6, BOUND, BOUND], "is none"),
        ([BRANCH + 2**300, BOUND, BOUND], "is none"),
        ([KNOWN, 0], "has not all literals"),
        ([NEW, 0], "0 literals"),
        ([NEW, 2**100], "literals cannot"),
        ([NEW, 1, 7, 1], "a literal is none"),
        ([NEW, 1, 0, 0], "a multiplier is 0"),
        ([NEW, 1, 0], "end before"),
        ([BRANCH, BRANCH + 2, NEW, 1, 0, 1, BOUND, BOUND], "a point may have"),
        ([WITH, 0, 1], "there is no base"),
        ([BASE, 0], "0 literals"),
        ([BASE, 1, 0, 0], "a multiplier is 0"),
        ([BASE, 1, 0, 1, WITH, 4, 1], "a literal is none"),
        ([BASE, 1, 0, 1, WITH, 2, 0], "a multiplier is 0"),
        ([BASE, 1, 0, 1, BRANCH + 2, WITH, 2, 1], "has not all literals"),
        ([BASE, 1, 0, 1, BRANCH, WITH, 2, 1], "has not all literals"),
        ([BASE, 1, 0, 1, BRANCH, BRANCH + 3, WITH, 3, 1, BOUND, BOUND], "a point may have"),
        ([BOUND], "the bound of no. 0 of 1"),
    ],
)
def test_what_is_no_proof_is_refused_with_its_reason(steps: list[int], reason: str) -> None:
    problem = pair()
    bound = Fraction(0 if steps == [BOUND] else 4)  # 4 is the largest that there is
    with pytest.raises(ProofError, match=reason):
        check(packed(content_of(problem, bound, steps)), problem.network)


def apart() -> Problem:
    """Of one pixel and two thresholds: it cannot be below the lower and above the higher one."""
    first = SignLayer.dense([[1], [1]], [0.4, 0.6])
    output = OutputLayer(np.array([[1, 1], [-1, 1]]), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first,), output), [0.5], epsilon=0.25)


APART = [2, 0, 1, 3, 1]
"""The literals, each with the multiplier 1."""


def test_what_is_noted_is_looked_at_before_there_is_much_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = []
    looked = exclusions.Exclusions.look

    def counted(sets: exclusions.Exclusions, where: str) -> None:
        waiting.append(len(sets._waiting))
        looked(sets, where)

    monkeypatch.setattr(exclusions.Exclusions, "look", counted)
    problem, many = apart(), [NOTED, *APART] * 5000
    assert accepted(problem, content_of(problem, Fraction(4), [*many, BOUND]))
    assert len(waiting) > 5
    assert max(waiting) == MANY
    false = [NOTED, 1, 0, 1] * MANY
    with pytest.raises(ProofError, match="a point may have"):
        check(packed(content_of(problem, Fraction(4), false)), problem.network)


@pytest.mark.parametrize("much", [1, 2**40])
def test_a_base_serves_several_literals(much: int) -> None:
    first = SignLayer.dense([[1], [1], [1]], [0.4, 0.6, 0.7])
    output = OutputLayer(np.array([[1, 1, 1], [-1, 1, 1]]), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((first,), output), [0.5], epsilon=0.25)
    # a pixel below 0.4 is neither above 0.6 nor above 0.7
    both = [WITH, 3, much, BRANCH + 5, WITH, 5, much, BOUND]
    steps = [BASE, 1, 0, much, BRANCH, BRANCH + 3, *both, BOUND]
    assert accepted(problem, content_of(problem, Fraction(4), steps))
    for place, literal in ((2, 1), (2, 2), (7, 2), (7, 5)):  # of other signs or neurons
        other = steps.copy()
        other[place] = literal
        assert not accepted(problem, content_of(problem, Fraction(4), other))
    # three times what the pixel is above 0.6, less what it is above 0.4: 0.75 has that
    weak = [*steps[:6], WITH, 3, 3 * much, *steps[9:]]
    assert not accepted(problem, content_of(problem, Fraction(4), weak))


def test_only_the_last_sets_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "MOST_KNOWN", 8)
    problem = apart()
    for back in (0, 7, 8, 9):
        # neuron 0 is -1 and neuron 1 is +1: no point; then the other cases
        steps = [NOTED, *APART] * 40 + [BRANCH, BRANCH + 3, KNOWN, back, BOUND, BOUND]
        assert accepted(problem, content_of(problem, Fraction(4), steps)) == (back < 8)


def test_the_ball_must_lie_in_the_box() -> None:
    problem = pair()
    content = replace(content_of(problem, Fraction(4), [BOUND]), epsilon=0.25)
    assert accepted(problem, content)
    wider = float(np.nextafter(0.25, 1))
    assert not accepted(problem, replace(content, epsilon=wider))
    short = np.nextafter(content.upper, 0)
    assert not accepted(problem, replace(content, upper=short))
    # a pixel that is held fixed is none that is free
    fixed = replace(content, lower=content.image, upper=content.image)
    assert check(packed(fixed), problem.network).free == 0


def test_a_witness_is_shown_with_its_exact_values() -> None:
    problem = pair()
    content = replace(content_of(problem, None, []), witness=np.array([0.75]))
    proved = check(packed(content), problem.network)
    assert proved.values == (Fraction(0), Fraction(0))
    with pytest.raises(ProofError, match="outside"):
        check(packed(replace(content, witness=np.array([0.76]))), problem.network)
    with pytest.raises(ProofError, match="no witness"):
        check(packed(replace(content, witness=None)), problem.network)
    with pytest.raises(ProofError, match="steps"):
        check(packed(replace(content, steps=b"\0")), problem.network)


def test_numbers_of_every_size_are_added_up_exactly() -> None:
    tiny, large = 2.0**-1070, 2.0**60
    first = SignLayer.dense([[1, 1]], [tiny])
    weight = np.array([[1.0], [-1.0]])
    output = OutputLayer(weight, np.array([1e100, 1e-300]), np.array([tiny, large]))
    network = BinaryNetwork((first,), output)
    problem = Problem.ball(network, [0.0, 0.0], epsilon=tiny / 2)
    # the sum reaches the threshold in the corner, where class 0 gains: class 1 is ahead in both
    own = network.predict(problem.image[None])[0]
    best = max(lead(problem, pattern) for pattern in every_pattern(problem))
    assert own == problem.prediction
    steps = full_tree(len(unstable(problem)))
    assert accepted(problem, content_of(problem, best, steps))
    assert not accepted(problem, content_of(problem, best - Fraction(1, 2**2000), steps))
