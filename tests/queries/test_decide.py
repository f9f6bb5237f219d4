"""Queries on small networks against brute force over the patterns of their first layer."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import Outcome
from signflip.errors import ProblemError
from signflip.methods import Exact
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Box, Problem
from signflip.queries import decide as decide_module
from signflip.queries.decide import Answer, Turn, decide, rounded_to_float32
from signflip.queries.query import Comparison, Query
from signflip.run import Run
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import patterns
from tests.support.reference import reference_values_of_pattern
from tests.support.tiny import tiny_network

EXACT = (Turn(Exact(), 1.0),)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    network = draw(mapped_networks(coarse=True))
    ends = draw(
        st.lists(
            st.tuples(st.integers(0, 16), st.integers(0, 16)),
            min_size=network.inputs,
            max_size=network.inputs,
        )
    )
    lower, upper = (np.array([side(pair) for pair in ends]) / 16 for side in (min, max))
    classes = st.integers(0, network.classes - 1)

    def comparison() -> Comparison:
        first, second = draw(st.permutations(range(network.classes)))[:2]
        if draw(st.booleans()):
            level = Fraction(draw(st.integers(-40, 40)), 16)
            return Comparison(coefficients=((draw(classes), Fraction(1)),), level=level)
        pair = sorted([(first, Fraction(1)), (second, Fraction(-1))])
        return Comparison(coefficients=tuple(pair), level=Fraction(0))

    cases = tuple(
        tuple(comparison() for _ in range(draw(st.integers(1, 2))))
        for _ in range(draw(st.integers(1, 3)))
    )
    return Query(network=network, lower=lower, upper=upper, cases=cases)


def truth(query: Query) -> bool:
    """Whether some real point of the box fulfils a case."""
    box = Box(lower=query.lower, upper=query.upper)
    for pattern, _ in patterns(query.network, box):
        values = reference_values_of_pattern(query.network, pattern)
        if any(all(each.holds(values) for each in case) for case in query.cases):
            return True
    return False


@settings(max_examples=120)
@given(queries())
def test_no_answer_contradicts_brute_force(query: Query) -> None:
    decision = decide(query, EXACT)
    if decision.answer is Answer.SAT:
        assert decision.witness is not None
        assert query.is_witness(decision.witness)
        assert truth(query)
    elif decision.answer is Answer.UNSAT:
        assert not truth(query)
    else:
        # a case of several comparisons may stay open, one comparison is decided
        assert any(len(case) > 1 for case in query.cases) or not truth(query)


def test_a_tie_counts() -> None:
    network = two_classes()
    same = Comparison(coefficients=((0, Fraction(-1)), (1, Fraction(1))), level=Fraction(0))
    query = Query(network=network, lower=np.zeros(1), upper=np.ones(1), cases=((same,),))
    assert decide(query, EXACT).answer is Answer.SAT


def two_classes() -> BinaryNetwork:
    """Both classes are worth the same everywhere."""
    from signflip.network import OutputLayer, SignLayer

    hidden = SignLayer.dense(np.array([[1]]), np.array([0.5]))
    return BinaryNetwork((hidden,), OutputLayer(np.array([[1], [1]]), np.ones(2), np.zeros(2)))


def opposite_classes() -> BinaryNetwork:
    """Class 1 is worth 1 from 0.5 on, and -1 below; class 0 the opposite."""
    from signflip.network import OutputLayer, SignLayer

    hidden = SignLayer.dense(np.array([[1]]), np.array([0.5]))
    return BinaryNetwork((hidden,), OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2)))


def test_a_query_that_does_not_fit_is_refused() -> None:
    network = two_classes()
    asks = Comparison(coefficients=((2, Fraction(1)),), level=Fraction(0))
    with pytest.raises(ProblemError, match="Y_2; there are 2 outputs"):
        Query(network=network, lower=np.zeros(1), upper=np.ones(1), cases=((asks,),))
    with pytest.raises(ProblemError, match="bounds 2 inputs"):
        Query(network=network, lower=np.zeros(2), upper=np.ones(2), cases=((asks,),))
    with pytest.raises(ProblemError, match="empty at input 0"):
        Query(network=network, lower=np.ones(1), upper=np.zeros(1), cases=((asks,),))
    with pytest.raises(ProblemError, match="asks for nothing"):
        Query(network=network, lower=np.zeros(1), upper=np.ones(1), cases=())


def test_inputs_may_be_grey_levels() -> None:
    """A box from 0 to 255 is nothing special: one neuron, +1 from 100 on."""
    from signflip.network import OutputLayer, SignLayer

    hidden = SignLayer.dense(np.array([[1]]), np.array([100.0]))
    network = BinaryNetwork((hidden,), OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2)))
    ahead = Comparison(coefficients=((0, Fraction(-1)), (1, Fraction(1))), level=Fraction(0))
    for upper, answer in ((99.0, Answer.UNSAT), (100.0, Answer.SAT)):
        query = Query(
            network=network, lower=np.array([97.0]), upper=np.array([upper]), cases=((ahead,),)
        )
        assert decide(query, EXACT).answer is answer


@dataclass(frozen=True, kw_only=True)
class TooWide:
    """A method that finds out late that it cannot work on the problem."""

    def run(self, run: Run) -> Outcome:
        raise ProblemError(f"{run.problem.network.inputs} inputs are too many; use another method")


def test_a_method_that_cannot_work_leaves_the_answer_to_others() -> None:
    network = tiny_network()
    inside = np.full(network.inputs, 0.5)
    never = Comparison(coefficients=((0, Fraction(1)),), level=Fraction(10**6))
    query = Query(network=network, lower=inside - 0.25, upper=inside + 0.25, cases=((never,),))
    assert decide(query, (Turn(TooWide(), 1.0),)).answer is Answer.UNKNOWN
    assert decide(query, (Turn(TooWide(), 0.1), *EXACT)).answer is Answer.UNSAT


def test_inputs_in_steps_are_whole_numbers_of_them() -> None:
    """+1 from 2.5 on, in steps of 1: 2 is not, 3 is, and nothing lies between."""
    from signflip.network import InputRange, OutputLayer, SignLayer

    hidden = SignLayer.dense(np.array([[1]]), np.array([2.5]))
    output = OutputLayer(np.array([[-1], [1]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((hidden,), output, input_range=InputRange(lower=0, upper=255, step=1))
    ahead = Comparison(coefficients=((0, Fraction(-1)), (1, Fraction(1))), level=Fraction(0))

    def answer(lower: float, upper: float) -> Answer:
        box = np.array([lower]), np.array([upper])
        query = Query(network=network, lower=box[0], upper=box[1], cases=((ahead,),))
        found = decide(query, EXACT)
        assert found.witness is None or query.is_witness(found.witness)
        return found.answer

    assert answer(0.5, 2.9) is Answer.UNSAT
    assert answer(0.5, 3.1) is Answer.SAT
    assert answer(3.2, 3.8) is Answer.UNSAT  # no input at all


def test_comparisons_that_exclude_each_other_are_refuted_together() -> None:
    """Each can hold: Y_0 >= 1 where the neuron is -1, Y_1 >= 1 where it is +1."""
    network = opposite_classes()
    case = tuple(Comparison(coefficients=((c, Fraction(1)),), level=Fraction(1)) for c in range(2))
    query = Query(network=network, lower=np.zeros(1), upper=np.ones(1), cases=(case,))
    assert decide(query, EXACT).answer is Answer.UNSAT


def test_comparisons_that_hold_together_are_found() -> None:
    """Y_0 and Y_1 at most 0 at two of four corners, and nowhere else."""
    from signflip.network import OutputLayer, SignLayer

    hidden = SignLayer.dense(np.array([[1, 0], [0, 1]]), np.array([0.75, 0.75]))
    output = OutputLayer(np.array([[1, 1], [-1, -1]]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((hidden,), output)
    case = tuple(Comparison(coefficients=((c, Fraction(-1)),), level=Fraction(0)) for c in range(2))
    query = Query(network=network, lower=np.zeros(2), upper=np.ones(2), cases=(case,))
    decision = decide(query, EXACT)
    assert decision.answer is Answer.SAT
    assert decision.witness is not None
    assert query.is_witness(decision.witness)


def test_no_case_is_begun_when_time_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    network = opposite_classes()
    case = tuple(Comparison(coefficients=((c, Fraction(1)),), level=Fraction(1)) for c in range(2))
    query = Query(network=network, lower=np.zeros(1), upper=np.ones(1), cases=(case,) * 3)
    begun: list[Query] = []
    whole = decide_module._problem

    def counted(query: Query, *rest: Any) -> Problem | None:
        begun.append(query)
        return whole(query, *rest)

    monkeypatch.setattr(decide_module, "_problem", counted)
    assert decide(query, EXACT, time_limit=0.0).answer is Answer.TIMEOUT
    assert not begun
    assert decide(query, EXACT).answer is Answer.UNSAT
    assert begun


@pytest.mark.parametrize("size", [1, 10**250, Fraction(1, 10**250)], ids=["1", "large", "small"])
@pytest.mark.parametrize(
    ("level", "answer"),
    [(10**280, Answer.UNSAT), (-(10**280), Answer.SAT), (6, Answer.SAT)],
    ids=["never", "always", "sometimes"],
)
def test_numbers_beyond_class_values_are_decided(
    size: Fraction, level: int, answer: Answer
) -> None:
    # f_0 = 3 (s_0 + s_1), which is 6 in a corner of the box
    first = SignLayer.dense(np.array([[1, 0], [0, 1]]), np.array([0.9, 0.9]))
    output = OutputLayer(np.array([[1, 1], [-1, 1]]), np.full(2, 3.0), np.zeros(2))
    asked = Comparison(coefficients=((0, Fraction(size)), (1, Fraction(0))), level=level * size)
    query = Query(
        network=BinaryNetwork((first,), output),
        lower=np.zeros(2),
        upper=np.ones(2),
        cases=((asked,),),
    )
    decision = decide(query, (Turn(Exact(), 1.0),))
    assert decision.answer is answer


def between(low: float, high: float) -> Query:
    """Is there x with low <= x_0 + x_1 <= high?"""
    first = SignLayer.dense(np.array([[1, 1], [-1, -1]]), np.array([low, -high]))
    output = OutputLayer(np.array([[1, 1], [-1, 1]]), np.ones(2), np.zeros(2))
    both = Comparison(coefficients=((0, Fraction(1)),), level=Fraction(2))
    network = BinaryNetwork((first,), output)
    return Query(network=network, lower=np.zeros(2), upper=np.ones(2), cases=((both,),))


@pytest.mark.parametrize(
    ("query", "witness", "there"),
    [
        (between(0.3, 0.4), [0.1, 0.21], True),  # rounded, it still is one
        (between(0.75, 0.75), [0.125 + 2**-40, 0.625 - 2**-40], True),  # another one is
        (between(2**-60 + 0.5, 2**-60 + 0.5), [0.5, 0.0], True),
        (between(1 + 2**-40, 1 + 2**-40), [1, 2**-40], True),
        (between(2 - 2**-40, 2 - 2**-40), [1 - 2**-41, 1 - 2**-41], False),  # none is
    ],
)
def test_witnesses_are_of_float32_numbers_where_one_is_found(
    query: Query, witness: list[float], there: bool
) -> None:
    given = np.array(witness)
    assert query.is_witness(given)
    made = rounded_to_float32(query, given, EXACT, time_limit=10)
    assert query.is_witness(made)
    assert (made.astype(np.float32) == made).all() == there
    assert there or made is given
