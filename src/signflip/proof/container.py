"""Proof files as bytes: a header, arrays and steps, compressed; see docs/proof-format.md.

Nothing is decided here: what a well-formed file says may well be false.
"""

import json
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from signflip.arrays import Floats
from signflip.errors import ProofError

MAGIC = b"signflip-proof 8\n"
MOST_BYTES = 2**32
"""Of steps, unpacked."""
MOST_HEADER = 2**20
"""Bytes of a header."""
MOST_DIGITS = 100
"""Bytes of a number of a step."""
PIECE = 2**16
"""Bytes of steps that are unpacked at once."""


@dataclass(frozen=True, eq=False)
class Packed:
    """Steps that are unpacked piece by piece, whenever they are gone through.

    Attributes:
        stream: a zlib stream, and nothing behind it.
    """

    stream: bytes

    def __iter__(self) -> Iterator[bytes]:
        """The pieces.

        Raises:
            ProofError: the stream is not well-formed.
        """
        unpacker, size = zlib.decompressobj(), 0
        parts = (self.stream[i : i + PIECE] for i in range(0, len(self.stream), PIECE))
        while not unpacker.eof:
            part = unpacker.unconsumed_tail or next(parts, b"")
            try:
                piece = unpacker.decompress(part, PIECE)
            except zlib.error as error:
                fail("steps", f"their stream is damaged ({error})")
            size += len(piece)
            if not (part or piece):
                fail("steps", "their stream is cut off")
            if size > MOST_BYTES:
                fail("steps", f"they are over {MOST_BYTES} bytes")
            yield piece
        if unpacker.unused_data or next(parts, b""):
            fail("steps", "the file goes on after their end")


Steps = bytes | Packed
"""Of a proof: numbers of seven bits a byte, the lowest first; a byte below 128 ends a number."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """What a proof file says.

    Attributes:
        network: `digest` of the network.
        prediction: the network's class of the image.
        rivals: classes that may be raised above it.
        bound: no rival is further ahead of the prediction than this; None where that is not said.
        strict: rivals that are not even so far ahead.
        epsilon: the box holds the ball of this radius; None where that is not said.
        image: (inputs,) float64.
        lower: (inputs,) float64, of the box.
        upper: (inputs,) float64.
        witness: (inputs,) float64, or None.
        steps: of the proof of the bound.
    """

    network: str
    prediction: int
    rivals: tuple[int, ...]
    bound: Fraction | None
    strict: tuple[int, ...]
    epsilon: float | None
    image: Floats
    lower: Floats
    upper: Floats
    witness: Floats | None
    steps: Steps


def fail(step: str, reason: str) -> NoReturn:
    """Refuse a file.

    Raises:
        ProofError: always.
    """
    raise ProofError(f"{step}: {reason}")


def packed(content: Content) -> bytes:
    """The file of a content."""
    bound, witness = content.bound, content.witness
    header = {
        "network": content.network,
        "prediction": content.prediction,
        "rivals": content.rivals,
        "bound": None if bound is None else [bound.numerator, bound.denominator],
        "strict": content.strict,
        "epsilon": content.epsilon,
        "witness": witness is not None,
    }
    text = json.dumps(header, allow_nan=False).encode()
    arrays = [content.image, content.lower, content.upper, *([] if witness is None else [witness])]
    parts = [array.astype("<f8").tobytes() for array in arrays]
    head = b"".join([len(text).to_bytes(4, "little"), text, *parts])
    steps = content.steps
    return b"".join(
        [
            MAGIC,
            zlib.compress(head),
            steps.stream if isinstance(steps, Packed) else zlib.compress(steps),
        ]
    )


def unpacked(data: bytes, inputs: int) -> Content:
    """The content of a file about images of so many inputs; what its steps are shows when read.

    Raises:
        ProofError: what comes before the steps is not well-formed.
    """
    if not data.startswith(MAGIC):
        fail("file", f"it does not begin with {MAGIC!r}: it is no proof of this version")
    unpacker, most = zlib.decompressobj(), 4 + MOST_HEADER + 32 * inputs
    try:
        body = unpacker.decompress(data[len(MAGIC) :], most)
    except zlib.error as error:
        fail("header", f"its stream is damaged ({error})")
    if not unpacker.eof:
        fail("header", f"its stream is cut off, or has over {most} bytes")
    start = 4 + int.from_bytes(body[:4], "little")
    if start > 4 + MOST_HEADER:
        fail("header", f"it has over {MOST_HEADER} bytes")
    try:
        header = _checked(json.loads(body[4:start]))
    except (ValueError, KeyError, TypeError, ZeroDivisionError, RecursionError) as error:
        fail("header", f"it is not as it must be ({type(error).__name__}: {str(error)[:200]})")
    count = 4 if header.pop("witness") else 3
    end = start + 8 * count * inputs
    if len(body) != end:
        fail("arrays", f"there are not {count} of {inputs} numbers")
    image, lower, upper, *witness = np.frombuffer(body[start:end], "<f8").reshape(count, inputs)
    if not all(np.isfinite(array).all() for array in (image, lower, upper, *witness)):
        fail("arrays", "a number is not finite")
    shown = witness[0] if witness else None
    steps = Packed(unpacker.unused_data)
    return Content(**header, image=image, lower=lower, upper=upper, witness=shown, steps=steps)


def _checked(header: dict[str, Any]) -> dict[str, Any]:
    """The entries, each of its type."""
    bound, epsilon, classes = header["bound"], header["epsilon"], ("rivals", "strict")
    lists = [header["rivals"], header["strict"], [header["prediction"]]]
    if not all(type(each) is list and all(type(n) is int for n in each) for each in lists):
        raise TypeError("prediction, rivals and strict must be whole numbers")
    if not (bound is None or (len(bound) == 2 and all(type(n) is int for n in bound))):
        raise TypeError("the bound must be two whole numbers")
    if not (epsilon is None or (type(epsilon) is float and 0 <= epsilon < math.inf)):
        raise TypeError("epsilon must be a number of at least 0, such as 0.0")
    if type(header["network"]) is not str or type(header["witness"]) is not bool:
        raise TypeError("network must be a text, and witness true or false")
    exact = None if bound is None else Fraction(bound[0], bound[1])
    entries = {key: header[key] for key in ("network", "prediction", "epsilon", "witness")}
    return {**entries, **{key: tuple(header[key]) for key in classes}, "bound": exact}


def steps_of(numbers: Iterable[int]) -> bytes:
    """Whole numbers as bytes of steps."""
    steps = bytearray()
    for number in numbers:
        rest = number
        while rest > 127:
            steps.append(rest & 127 | 128)
            rest >>= 7
        steps.append(rest)
    return bytes(steps)


def pieces_of(steps: Steps) -> Iterable[bytes]:
    """Steps in pieces."""
    return steps if isinstance(steps, Packed) else (steps,)


def numbers_of(steps: Steps) -> Iterator[int]:
    """The numbers of `steps_of`.

    Raises:
        ProofError: one is too long, or cut off.
    """
    number = shift = 0
    for piece in pieces_of(steps):
        for byte in piece:
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                yield number
                number = shift = 0
            elif shift > 7 * MOST_DIGITS:
                fail("steps", f"a number has over {MOST_DIGITS} bytes")
    if shift:
        fail("steps", "the last number is cut off")
