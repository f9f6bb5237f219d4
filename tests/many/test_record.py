import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.many.record import AttackRecord, finite_bound, number
from signflip.result import Verdict

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.integers(-1000, 1000), finite)


@given(
    target=st.none() | st.integers(0, 9),
    verdict=st.sampled_from(Verdict),
    objective=numbers,
    bound=st.none() | numbers,
    trace=st.lists(st.tuples(finite, numbers), max_size=3),
    images=st.text(max_size=8),
)
def test_a_record_survives_its_line(
    target: int | None,
    verdict: Verdict,
    objective: float,
    bound: float | None,
    trace: list[tuple[float, float]],
    images: str,
) -> None:
    record = AttackRecord(
        network="mnist-2x100",
        images=images,
        index=3,
        label=7,
        prediction=1,
        target=target,
        epsilon=0.01,
        method="milp",
        seed=0,
        verdict=verdict,
        objective=objective,
        clean_objective=-4,
        bound=bound,
        seconds=1.25,
        trace=tuple(trace),
    )
    line = record.to_json()
    assert len(line.splitlines()) == 1
    assert AttackRecord.from_json(line) == record
    assert json.loads(line)["verdict"] == verdict.value


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
