import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.many.record import Record, finite_bound, number
from signflip.result import Stop, Verdict
from tests.support.sweeps import failed_row, result_row

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.integers(-1000, 1000), finite)


@given(
    target=st.none() | st.integers(0, 9),
    verdict=st.sampled_from(Verdict),
    objective=numbers,
    bound=st.none() | numbers,
    trace=st.lists(st.tuples(finite, numbers), max_size=3).map(tuple),
    images_name=st.text(max_size=8),
)
def test_a_line_says_what_the_record_says(**values: Any) -> None:
    record = result_row(**values)
    line = record.to_json()
    assert len(line.splitlines()) == 1
    found = json.loads(line)
    assert found == {
        "network": record.network_name,
        "images": record.images_name,
        "index": record.image_index,
        "label": record.label,
        "prediction": record.prediction,
        "target": record.target,
        "epsilon": record.epsilon,
        "method": record.method,
        "seed": record.seed,
        "verdict": record.verdict.value,
        "objective": record.objective,
        "clean_objective": record.clean_objective,
        "bound": record.bound,
        "seconds": record.seconds,
        "trace": [list(pair) for pair in record.trace],
        "ties": record.ties.value,
        "grid": None,
        "mask": None,
        "remark": record.remark,
        "proof": None,
        "witness_prediction": record.witness_prediction,
        "flips_as_float32": None,
        "flips_as_8bit": None,
        "found_by": None,
    }
    assert type(found["objective"]) is type(record.objective)


def test_every_field_of_a_line_is_one_of_the_record() -> None:
    line = json.loads(result_row().to_json())
    keys = {field.metadata["key"] for field in fields(Record) if field.metadata}
    assert line.keys() < keys
    smallest = replace(result_row(), tolerance=0.1, lower=0.2, upper=0.25, closed=True)
    assert keys - line.keys() == {"tolerance", "lower", "upper", "closed", "stop", "norm"}
    assert keys - line.keys() < json.loads(smallest.to_json()).keys()


def test_why_it_stopped_is_a_sentence() -> None:
    assert result_row(stop="optimal").stopped == Stop.OPTIMAL.value
    assert failed_row(reason="it died").stopped == "it died"
    assert result_row(stop="of_a_later_signflip").stopped == "of_a_later_signflip"
    assert failed_row().failed
    assert not result_row().failed


@pytest.mark.parametrize(
    ("value", "plain", "expected"), [(4.0, True, 4), (4.5, True, 4.5), (4.0, False, 4.0)]
)
def test_whole_objectives_of_plain_networks_are_integers(
    value: float, plain: bool, expected: float
) -> None:
    found = number(value, plain=plain)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("bound", "expected"), [(None, None), (math.inf, None), (-math.inf, None), (6.0, 6), (6.3, 6.3)]
)
def test_a_bound_is_a_number_or_none(bound: float | None, expected: float | None) -> None:
    assert finite_bound(bound, plain=True) == expected
