"""Proof files: what comes back of them, and files that are none."""

import json
import tracemalloc
import zlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import ProofError
from signflip.proof import container
from signflip.proof.container import (
    MAGIC,
    Content,
    numbers_of,
    packed,
    pieces_of,
    steps_of,
    unpacked,
)

CONTENT = Content(
    network="0123",
    prediction=1,
    rivals=(0, 2),
    bound=Fraction(-1, 3),
    strict=(0,),
    epsilon=0.1,
    image=np.array([0.0, 0.25]),
    lower=np.array([-0.0, 5e-324]),
    upper=np.array([1.0, 1 / 3]),
    witness=np.array([0.5, 0.1]),
    steps=b"\x00\x01",
)
HEADER: dict[str, Any] = {
    "network": "0123",
    "prediction": 1,
    "rivals": [0, 2],
    "bound": None,
    "strict": [],
    "epsilon": None,
    "witness": False,
}


def file(header: object, rest: bytes = bytes(48)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = zlib.compress(len(text).to_bytes(4, "little") + text + rest)
    return MAGIC + head + zlib.compress(b"\0")


def test_a_content_comes_back_as_it_was() -> None:
    again = unpacked(packed(CONTENT), 2)
    assert packed(again) == packed(CONTENT)
    assert (again.bound, again.rivals, again.strict, again.epsilon) == (
        *(Fraction(-1, 3), (0, 2), (0,)),
        0.1,
    )
    assert again.image.tolist() == [0.0, 0.25]
    assert list(numbers_of(again.steps)) == [0, 1]
    bare = unpacked(packed(replace(CONTENT, witness=None, bound=None, epsilon=None)), 2)
    assert bare.witness is None
    assert bare.bound is None


@given(numbers=st.lists(st.integers(0, 2**80)))
def test_numbers_come_back_as_they_were(numbers: list[int]) -> None:
    assert list(numbers_of(steps_of(numbers))) == numbers


def test_a_file_as_the_tests_make_them_is_read() -> None:
    assert unpacked(file(HEADER), 2).rivals == (0, 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin"),
        (b"signflip-proof 1\n" + packed(CONTENT)[len(MAGIC) :], "does not begin"),
        (MAGIC, "cut off"),
        (MAGIC + b"no zlib", "damaged"),
        (MAGIC + zlib.compress(bytes(2**21)), "over 1048644 bytes"),
        (file(b"{"), "JSONDecodeError"),
        (file(b"\xff"), "header"),
        (file(b"[" * 100_000), "header"),
        (file(b'{"network": ' + b"9" * 10_000 + b"}"), "header"),
        (file([]), "header"),
        (file({}), "KeyError"),
        (file(HEADER | {"rivals": [0.5]}), "whole numbers"),
        (file(HEADER | {"rivals": [True]}), "whole numbers"),
        (file(HEADER | {"rivals": "02"}), "whole numbers"),
        (file(HEADER | {"prediction": None}), "whole numbers"),
        (file(HEADER | {"bound": [1, 0]}), "ZeroDivisionError"),
        (file(HEADER | {"bound": [1.5, 2]}), "two whole numbers"),
        (file(HEADER | {"bound": 0}), "TypeError"),
        (file(HEADER | {"epsilon": -0.5}), "epsilon"),
        (file(json.dumps(HEADER).replace('"epsilon": null', '"epsilon": NaN').encode()), "epsilon"),
        (file(json.dumps(HEADER).replace('"epsilon": null', '"epsilon": 1e999').encode()), "eps"),
        (file(HEADER | {"network": 1}), "text"),
        (file(HEADER | {"witness": 1}), "true or false"),
        (file(HEADER, bytes(47)), "not 3 of 2"),
        (file(HEADER, bytes(49)), "not 3 of 2"),
        (file(HEADER | {"witness": True}), "not 4 of 2"),
        (file(HEADER, np.array([0, 0, 0, 0, 0, np.nan]).tobytes()), "finite"),
        (file(HEADER, np.array([0, 0, 0, 0, 0, np.inf]).tobytes()), "finite"),
        (MAGIC + zlib.compress(b"\xff\xff\xff\xff"), "header"),
    ],
)
def test_what_is_no_proof_file_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ProofError, match=reason):
        unpacked(data, 2)


@pytest.mark.parametrize("length", [0, 2, 3 * container.PIECE])
def test_what_is_wrong_with_the_steps_shows_when_they_are_read(length: int) -> None:
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 128, length, dtype=np.uint8).tobytes()
    data = packed(replace(CONTENT, steps=steps))
    read = unpacked(data, 2)
    assert list(numbers_of(read.steps)) == list(steps)
    assert list(numbers_of(read.steps)) == list(steps)  # and again
    assert packed(read) == data
    for other, reason in (
        (data[:-1], "cut off"),
        (data + b"0", "goes on"),
        (data + bytes(2 * container.PIECE), "goes on"),
        (data[:-4] + bytes(4), "damaged"),
        (data[: -len(zlib.compress(steps))], "cut off"),
    ):
        late = unpacked(other, 2)
        with pytest.raises(ProofError, match=reason):
            list(numbers_of(late.steps))


def test_steps_that_unpack_to_too_much_are_refused_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(container, "MOST_BYTES", 2**25)
    data = packed(replace(CONTENT, steps=bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(ProofError, match="over 33554432 bytes"):
        sum(map(len, pieces_of(unpacked(data, 2).steps)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23


def test_numbers_without_end_are_refused() -> None:
    with pytest.raises(ProofError, match="over 100 bytes"):
        list(numbers_of(b"\x80" * 2000))
    with pytest.raises(ProofError, match="cut off"):
        list(numbers_of(b"\x80"))
