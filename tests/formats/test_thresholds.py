"""Thresholds of neurons that were read from other formats, by what they have to answer."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.formats.assembly import Assembly
from signflip.methods import Exact
from signflip.network import BinaryNetwork, InputRange
from signflip.queries.decide import Answer, Turn, decide
from signflip.queries.query import Comparison, Query

UNIT = InputRange()


def signed(gain: list[Fraction], shift: list[Fraction], at_zero: int) -> BinaryNetwork:
    """A class for each sign(gain_k (x_0 + x_1) + shift_k), read for inputs in [0, 1]."""
    assembly = Assembly((2,), UNIT)
    sums = assembly.linear(assembly.image(), np.ones((len(gain), 2)))
    made = sums.scaled(np.array(gain, dtype=object), np.array(shift, dtype=object))
    hidden = assembly.sign(made, at_zero=at_zero)
    return assembly.finish(assembly.linear(hidden, np.eye(len(gain))), {})


small = st.fractions(min_value=-4, max_value=4, max_denominator=4)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(small, small), min_size=1, max_size=4),
    st.sampled_from([-1, 0, 1]),
    st.lists(st.integers(-64, 64), min_size=2, max_size=2),
)
def test_signs_are_those_of_the_values_beyond_the_range_that_was_assumed(
    parts: list[tuple[Fraction, Fraction]], at_zero: int, image: list[int]
) -> None:
    # 2 neurons at least: one logit would be two classes
    parts = [*parts, (Fraction(1), Fraction(0))]
    network = signed([gain for gain, _ in parts], [shift for _, shift in parts], at_zero)
    point = np.array(image) / 4
    total = Fraction(sum(image), 4)
    values = network.output.exact_values(network.activations(point[None])[-1][0])
    for (gain, shift), value in zip(parts, values, strict=True):
        exactly = gain * total + shift
        # a threshold is rounded to a float64 where it is none
        if gain == 0 or Fraction(float(-shift / gain)) == -shift / gain:
            assert value == (1 if exactly > 0 else -1 if exactly < 0 else at_zero)


@pytest.mark.parametrize("level", [50.5, 1e20, 1e300])
def test_a_box_may_lie_beyond_the_range(level: float) -> None:
    network = signed([Fraction(1), Fraction(1)], [Fraction(-level), Fraction(level)], 1)
    assert network.hidden[0].threshold.tolist() == [level, -level]
    reached = Comparison(coefficients=((0, Fraction(1)),), level=Fraction(1))
    below = Query(
        network=network, lower=np.array([20.0, 10]), upper=np.array([21.0, 11]), cases=((reached,),)
    )
    assert decide(below, (Turn(Exact(), 1.0),)).answer is Answer.UNSAT
    above = Query(
        network=network,
        lower=np.array([level / 2, level / 4]),
        upper=np.array([level, level]),
        cases=((reached,),),
    )
    assert decide(above, (Turn(Exact(), 1.0),)).answer is Answer.SAT


def test_a_neuron_that_is_the_same_everywhere_reads_nothing() -> None:
    network = signed([Fraction(0), Fraction(0)], [Fraction(1), Fraction(-1)], 1)
    rows = network.hidden[0].map.rows(slice(None))
    assert not np.any(rows)
    image = np.array([[1e9, -1e9]])
    assert network.activations(image)[-1][0].tolist() == [1, -1]
