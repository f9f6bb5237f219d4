"""Steps that are packed in parts are one zlib stream."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.proving import packing
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import Packing

pieces = st.lists(st.binary(max_size=300), max_size=4)


def packed(steps: list[bytes]) -> Packing:
    made = Packing()
    for piece in steps:
        made.add(piece)
    return made


@given(parts=st.lists(pieces, min_size=1, max_size=5), from_the_end=st.booleans())
def test_parts_are_one_stream(parts: list[list[bytes]], from_the_end: bool) -> None:
    made = [packed(part) for part in parts]
    if from_the_end:
        while len(made) > 1:
            last = made.pop()
            made[-1].append(last)
    else:
        for part in made[1:]:
            made[0].append(part)
    steps = made[0].steps()
    whole = b"".join(piece for part in parts for piece in part)
    assert zlib.decompress(steps.stream) == whole
    assert b"".join(steps) == whole


def test_parts_that_are_too_long_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_BYTES", 5)
    first = packed([b"123"])
    with pytest.raises(NoProofError, match="over 5 bytes"):
        first.append(packed([b"456"]))
    with pytest.raises(NoProofError, match="over 5 bytes"):
        packed([b"1234", b"56"])
