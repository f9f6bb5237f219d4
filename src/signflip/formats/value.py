"""What a graph's node gives, as Signflip can say it: an affine function of signs, or of the image.

    value_i = gain_i (matrix s)_i + shift_i          matrix of whole numbers, gain and shift exact

`s` is the image, or the activations of the last sign layer. Gains and shifts are fractions, so that
nothing is rounded before a threshold is made of them.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.errors import NetworkError
from signflip.network import Shape
from signflip.network.maps.windows import Windows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Exact = npt.NDArray[np.object_]
"""Fractions."""
_fractions = np.vectorize(Fraction, otypes=[object])


FLOAT64_BITS, CLOSE_BITS = 53, 40
MOST_VALUES = 2**24
"""A tensor of one image has no more."""


def refuse_size(shape: Shape, what: str) -> None:
    """Refuse more values than can be held, before anything is made of them.

    Raises:
        NetworkError: there are more.
    """
    size = math.prod(int(each) for each in shape)
    if size > MOST_VALUES:
        raise NetworkError(
            f"{what} of shape {tuple(shape)} has {size} values; it must have at most {MOST_VALUES}"
        )


def refuse_infinite(
    numbers: npt.NDArray[Any], said: str, rule: str = "every number must be finite"
) -> None:
    """Refuse infinite numbers, and what is none; `said` comes before the first, `rule` after it.

    Raises:
        NetworkError: there is one.
    """
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        raise NetworkError(f"{said} {numbers[~np.isfinite(numbers)][0]}; {rule}")


def exact(numbers: npt.ArrayLike) -> Exact:
    """Numbers as fractions, of any shape.

    Raises:
        NetworkError: one is not finite.
    """
    array = np.asarray(numbers)
    refuse_infinite(array, "a number is", "every one must be finite")
    made: Exact = _fractions(array) if array.size else array.astype(object)
    return made


@dataclass(frozen=True, eq=False, kw_only=True)
class Maximum:
    """`gain * maximum + shift` over windows of each channel, then moved about.

    Attributes:
        windows: of each channel.
        gain: (channels, rows, columns) fractions, of the windows.
        shift: the same.
        places: (values,) int64: which of the windows, counted in that order, each value is of.
    """

    windows: Windows
    gain: Exact
    shift: Exact
    places: Integers

    def scaled(self, factor: Exact, offset: Exact) -> "Maximum":
        """Numbers (values,), brought into the order of the windows."""
        factors, offsets = np.empty_like(self.gain), np.empty_like(self.shift)
        factors.ravel()[self.places], offsets.ravel()[self.places] = factor, offset
        return replace(self, gain=self.gain * factors, shift=self.shift * factors + offsets)


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """A tensor of one image, without the batch's dimension.

    Attributes:
        shape: its shape; everything else is flat, in C order.
        matrix: (values, base) whole numbers, or real ones where `real`.
        gain: (values,) fractions.
        shift: (values,) fractions.
        pooled: windows of which the maximum is still to be taken, and what is done to it after;
            `matrix`, `gain` and `shift` are then of the values before.
    """

    shape: Shape
    matrix: "csr_array"
    gain: Exact
    shift: Exact
    real: bool = False
    pooled: "Maximum | None" = None

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def scaled(self, factor: npt.ArrayLike | Fraction, offset: npt.ArrayLike | Fraction) -> "Value":
        """`factor * value + offset`, each of a shape that broadcasts to the value's."""
        factors, offsets = self._broadcast(factor).ravel(), self._broadcast(offset).ravel()
        if self.pooled is not None:
            return replace(self, pooled=self.pooled.scaled(factors, offsets))
        return replace(self, gain=self.gain * factors, shift=self.shift * factors + offsets)

    def _broadcast(self, numbers: npt.ArrayLike | Fraction) -> Exact:
        array = np.asarray(numbers)
        made = array if array.dtype == object else exact(array)
        try:
            return np.broadcast_to(made, self.shape)
        except ValueError as error:
            raise NetworkError(
                f"numbers of shape {array.shape} meet values of shape {self.shape}; they do not fit"
            ) from error

    def arranged(self, shape: Shape, order: Integers | None = None) -> "Value":
        """The same values in another shape, and in the order (values,) where one is given."""
        if int(np.prod(shape)) != self.size:
            raise NetworkError(f"values of shape {self.shape} cannot have the shape {shape}")
        if order is None:
            return replace(self, shape=shape)
        if self.pooled is not None:
            moved = replace(self.pooled, places=self.pooled.places[order])
            return replace(self, shape=shape, pooled=moved)
        return replace(
            self,
            shape=shape,
            matrix=self.matrix[order],
            gain=self.gain[order],
            shift=self.shift[order],
        )

    def refuse_maximum(self) -> None:
        """Refuse what cannot be said of a maximum before it is signed.

        Raises:
            NetworkError: it is one.
        """
        if self.pooled is not None:
            raise NetworkError(
                "a maximum is summed, counted, cut or padded before its sign; sign it first"
            )

    def first(self, count: int) -> "Value":
        """The first so many of flat values."""
        self.refuse_maximum()
        return replace(
            self,
            shape=(count,),
            matrix=self.matrix[:count],
            gain=self.gain[:count],
            shift=self.shift[:count],
        )

    def transposed(self, axes: tuple[int, ...]) -> "Value":
        """The axes in another order."""
        places = np.arange(self.size).reshape(self.shape).transpose(axes)
        return self.arranged(tuple(places.shape), places.ravel())

    def padded(self, before: tuple[int, ...], after: tuple[int, ...], number: float) -> "Value":
        """With `number` around it: so many before and after along each axis."""
        from scipy.sparse import csr_array, vstack

        self.refuse_maximum()
        sizes = zip(before, self.shape, after, strict=True)
        refuse_size(tuple(sum(parts) for parts in sizes), "what is padded")
        index = np.arange(1, self.size + 1).reshape(self.shape)
        index = np.pad(index, list(zip(before, after, strict=True)))
        nothing = csr_array((1, self.matrix.shape[1]), dtype=self.matrix.dtype)
        order = index.ravel()
        return replace(
            self,
            shape=tuple(index.shape),
            matrix=csr_array(vstack([nothing, self.matrix]))[order],
            gain=np.concatenate([self.gain[:1], self.gain])[order],
            shift=np.concatenate([exact([number]), self.shift])[order],
        )

    def uniform_gain(self) -> Fraction:
        """The one gain of all values that depend on anything.

        Raises:
            NetworkError: they have several, so that a sum of them has weights that are no signs.
        """
        if self.pooled is not None:
            raise NetworkError("a maximum that no sign has followed is summed; sign it first")
        depends = np.diff(self.matrix.indptr) > 0
        gains = set(self.gain[depends].tolist())
        if len(gains) > 1:
            few = ", ".join(f"{float(gain):g}" for gain in sorted(gains)[:3])
            raise NetworkError(
                f"values of {len(gains)} different scales ({few}, ...) meet in one sum, whose "
                "weights are then real numbers; only the last layer may have those"
            )
        return gains.pop() if gains else Fraction(1)


def of_image(shape: Shape) -> Value:
    """The image itself."""
    return of_activations(shape)


def of_activations(shape: Shape) -> Value:
    """The activations of a sign layer, as they are."""
    from scipy.sparse import csr_array, eye_array

    size = int(np.prod(shape))
    return Value(
        shape=shape,
        matrix=csr_array(eye_array(size, dtype=np.int32)),
        gain=exact(np.ones(size)),
        shift=exact(np.zeros(size)),
    )


def of_sides(shape: Shape, sides: list[Integers]) -> Value:
    """What is made of a layer's activations: the mean of its parts, each on its side."""
    from scipy.sparse import csr_array

    size, parts = len(sides[0]), len(sides)
    entries = np.concatenate(sides).astype(np.int32)
    places = (np.tile(np.arange(size), parts), np.arange(size * parts))
    return Value(
        shape=shape,
        matrix=csr_array((entries, places), shape=(size, size * parts)),
        gain=np.full(size, Fraction(1, parts), dtype=object),
        shift=exact(np.zeros(size)),
    )


def split_scales(weight: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], Exact] | None:
    """Rows of -a, 0 and +a as signs and the a of each row; None where a row has other numbers.

    Args:
        weight: (rows, ...) numbers.
    """
    rows = weight.reshape(len(weight), -1).astype(np.float64)
    size = np.abs(rows).max(axis=1, initial=0.0)
    if not np.all((rows == 0) | (np.abs(rows) == size[:, None])):
        return None
    signs = np.sign(rows).astype(np.int8).reshape(weight.shape)
    return signs, exact(np.where(size == 0, 1.0, size))


def times(matrix: Any, shift: Exact) -> Exact:
    """`matrix @ shift`, exact."""
    few = set(shift.tolist())
    if len(few) == 1 and matrix.dtype == np.int8:
        total: Exact = exact(np.asarray(matrix.astype(np.int64).sum(axis=1)).ravel()) * few.pop()
        return total
    denominator = int(np.lcm.reduce(np.array([part.denominator for part in few], dtype=object)))
    numbers = np.array([int(part * denominator) for part in shift.tolist()], dtype=object)
    sums = []
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        entries = exact(matrix.data[start:end]) * numbers[matrix.indices[start:end]]
        sums.append(Fraction(sum(entries.tolist(), start=Fraction(0)), denominator))
    return np.array(sums, dtype=object)


def as_floats(gain: Exact, shift: Exact, *, keep_ties: bool) -> tuple[Floats, Floats, Fraction]:
    """Gains and shifts of class values as float64, and what all of them were multiplied by.

    Rounded one by one, thirds that tie with a whole number tie no more. With `keep_ties`,
    where one factor close to 1 makes float64s of them all, it is taken: class values keep their
    order and their ties. Whoever compares them with constants has to multiply these too.
    """
    numbers = [*gain.tolist(), *shift.tolist()]
    try:
        made, factor = [float(number) for number in numbers], Fraction(1)
    except OverflowError as error:
        raise NetworkError("a class value is beyond float64; scale them all down") from error
    near = _factor(numbers) if keep_ties else Fraction(1)
    scaled = [float(near * number) for number in numbers]
    exactly = all(near * a == b for a, b in zip(numbers, scaled, strict=True))
    if exactly and scaled != made:
        made, factor = scaled, near
    whole = np.array(made, dtype=np.float64)
    return whole[: len(gain)], whole[len(gain) :], factor


def _factor(numbers: list[Fraction]) -> Fraction:
    """A multiple of all denominators over a power of two, within 2**-40 of 1; 1 for none."""
    common = 1
    for number in set(numbers):
        common = math.lcm(common, _odd(number.denominator))
        if common.bit_length() > FLOAT64_BITS:
            return Fraction(1)
    longest = max(_odd((number * common).numerator).bit_length() for number in numbers)
    spare = FLOAT64_BITS - longest
    if common == 1 or spare < CLOSE_BITS:
        return Fraction(1)
    power = 2 ** (common.bit_length() + spare - 1)
    return Fraction(common * round(Fraction(power, common)), power)


def _odd(number: int) -> int:
    """Without its factors of 2."""
    return number // (number & -number) if number else 0
