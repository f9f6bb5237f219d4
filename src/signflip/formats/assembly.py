"""A network assembled step by step, as the readers of other formats find its parts.

Each reader says what its file says, in order: sums, convolutions, batch norms, maxima, signs. What
Signflip cannot say exactly is refused by a `NetworkError`, to which the reader adds the node.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans
from signflip.errors import NetworkError
from signflip.formats.outputs import OUTPUTS, outputs_card
from signflip.formats.thresholds import neurons_of
from signflip.formats.value import (
    Exact,
    Maximum,
    Value,
    as_floats,
    exact,
    of_activations,
    of_image,
    of_sides,
    refuse_size,
    split_scales,
    times,
)
from signflip.network import (
    BinaryNetwork,
    Conv2d,
    Dense,
    InputRange,
    LinearMap,
    OutputLayer,
    Pool,
    Shape,
    SignLayer,
    Sparse,
)
from signflip.network.maps.windows import Windows

SCALED = "class values multiplied by"
"""In the card of a network whose class values are no float64s, and were made such together."""
DENSE_SHARE = 0.3
"""Maps with at least this share of weights that are not 0 are kept as dense matrices."""


class Assembly:
    """Layers so far.

    Args:
        input_shape: shape of an image, channels first.
        input_range: what the inputs are.

    Raises:
        NetworkError: an image has more values than any network here.
    """

    def __init__(self, input_shape: Shape, input_range: InputRange) -> None:
        refuse_size(input_shape, "an image")
        self.input_range = input_range
        self.input_shape = input_shape
        self.layers: list[SignLayer] = []

    def image(self) -> Value:
        """Where it starts."""
        return of_image(self.input_shape)

    def linear(self, value: Value, weight: npt.NDArray[Any]) -> Value:
        """Sums of all values, by a matrix (outputs, values); the value becomes flat."""
        if weight.ndim != 2 or weight.shape[1] != value.size:
            raise NetworkError(
                f"a weight of shape {weight.shape} meets {value.size} values; it must be (outputs, "
                f"{value.size})"
            )
        from scipy.sparse import csr_array

        split = split_scales(weight)
        signs, scales = split if split else (weight.astype(np.float64), None)
        return self._summed(value, csr_array(signs), scales, (len(weight),))

    def conv2d(self, value: Value, weight: npt.NDArray[Any], **window: Any) -> Value:
        """Convolution by (filters, channels / groups, height, width); `window` as of `Conv2d`."""
        split = split_scales(weight)
        if split is None:
            raise NetworkError(
                "a convolution has real weights: in some filter they differ in size; only the last "
                "layer may have real weights, and it must be dense"
            )
        signs, scales = split
        conv = Conv2d(signs, value.shape, **window)
        places = conv.neurons // len(signs)
        return self._summed(value, conv.matrix, np.repeat(scales, places), conv.output_shape)

    def average_pool(self, value: Value, windows: Windows, over: int | None = None) -> Value:
        """The mean of each window of each channel, of what is within the image.

        With `over`, it is the sum over that number, as where zeros beyond the image count.
        """
        pool = _pool(value.shape, windows)
        share = 1 / exact(pool.fan_in if over is None else np.full(pool.neurons, over))
        return self._summed(value, pool.matrix, share, pool.output_shape)

    def channel_means(self, value: Value) -> Value:
        """The mean of each channel of (channels, rows, columns)."""
        size = (value.shape[1], value.shape[2])
        return self.average_pool(value, Windows(image=size, kernel=size))

    def _summed(self, value: Value, matrix: Any, scales: Exact | None, shape: Shape) -> Value:
        value.refuse_maximum()
        gain = value.uniform_gain()
        if value.real:
            raise NetworkError("a layer with real weights is followed by another sum")
        shift = times(matrix, value.shift)
        rows = int(matrix.shape[0])
        wide = np.int32 if scales is not None else np.float64
        product = matrix.astype(wide) @ value.matrix.astype(wide)
        factors = exact(np.ones(rows)) if scales is None else scales
        return Value(
            shape=shape,
            matrix=product.tocsr(),
            gain=factors * gain,
            shift=factors * shift,
            real=scales is None,
        )

    def max_pool(self, value: Value, windows: Windows) -> Value:
        """The maximum of each window of each channel; what is beyond the image does not count."""
        if value.pooled is not None:
            raise NetworkError("a maximum is taken of a maximum; sign the first one")
        pool = _pool(value.shape, windows)
        if self._are_signs(value):
            return self._pool_signs(value, pool, np.zeros(pool.neurons, dtype=np.bool_))
        nothing = exact(np.zeros(pool.output_shape))
        places = np.arange(pool.neurons)
        maximum = Maximum(windows=windows, gain=nothing + 1, shift=nothing, places=places)
        return replace(value, shape=pool.output_shape, pooled=maximum)

    def _are_signs(self, value: Value) -> bool:
        if not self.layers or value.real or np.any(np.diff(value.matrix.indptr) != 1):
            return False
        plain = set(value.gain.tolist()) == {1} and set(value.shift.tolist()) == {0}
        return plain and bool(np.all(np.abs(value.matrix.data) == 1))

    def _are_still_signs(self, value: Value) -> bool:
        """Whether each value is one sign, moved by less than its size: it has the same sign."""
        if not self.layers or np.any(np.diff(value.matrix.indptr) != 1):
            return False
        # a sign that is read twice would have a weight of 2 in a later sum
        if np.any(np.abs(value.matrix.data) != 1) or np.any(np.bincount(value.matrix.indices) > 1):
            return False
        pairs = zip(value.gain.tolist(), value.shift.tolist(), strict=True)
        return all(abs(shift) < abs(gain) for gain, shift in pairs)

    def _pool_signs(self, value: Value, pool: Pool, every: Booleans) -> Value:
        """A layer that is +1 where one sign of a window is, or where `every` sign is."""
        size = pool.fan_in
        threshold = np.where(every, size, 2 - size).astype(np.float64)
        matrix = pool.matrix.astype(np.int32) @ value.matrix
        self.layers.append(SignLayer(_map_of(matrix), threshold))
        return of_activations(pool.output_shape)

    def sign(self, value: Value, *, at_zero: int = 1) -> Value:
        """The sign of each value: a layer. `at_zero` is what the sign of 0 is: 1, -1 or 0."""
        if value.real:
            raise NetworkError(
                "a layer with real weights is followed by a sign; only the last layer may have "
                "real weights: binarize it by its own quantiser"
            )
        if value.pooled is not None:
            return self._sign_of_maximum(value, at_zero)
        if self._are_still_signs(value):
            sides = np.array([-1 if gain < 0 else 1 for gain in value.gain.tolist()])
            matrix = value.matrix.multiply(sides[:, None]).tocsr()
            return replace(of_activations(value.shape), matrix=matrix)
        rules = (False, True) if at_zero == 0 and self._can_be_zero(value) else (at_zero < 0,)
        parts = [
            neurons_of(value, strict=strict, inputs=None if self.layers else self.input_range)
            for strict in rules
        ]
        matrix = _stacked([part.matrix for part in parts])
        if matrix.nnz and int(np.abs(matrix.data).max()) > 1:
            raise NetworkError(
                f"a sum before a sign has a weight of {int(np.abs(matrix.data).max())}; every "
                "weight must be -1, 0 or +1: sums that overlap cannot be summed again"
            )
        threshold = np.concatenate([part.threshold for part in parts])
        self.layers.append(SignLayer(_map_of(matrix), threshold))
        return of_sides(value.shape, [part.side for part in parts])

    def steps(self, value: Value, levels: npt.ArrayLike) -> Value:
        """How many levels each value has reached, a level counting from the value on.

        Args:
            value: what is compared.
            levels: (..., k) numbers, of a shape that broadcasts to (*value.shape, k).
        """
        array = np.asarray(levels)
        if array.shape[-1] == 0:
            raise NetworkError("a quantiser has no thresholds; it needs at least 1")
        value.refuse_maximum()
        inputs = None if self.layers else self.input_range
        parts = [
            neurons_of(value.scaled(1, -exact(array[..., k])), strict=False, inputs=inputs)
            for k in range(array.shape[-1])
        ]
        matrix = _stacked([part.matrix for part in parts])
        threshold = np.concatenate([part.threshold for part in parts])
        self.layers.append(SignLayer(_map_of(matrix), threshold))
        half = Fraction(len(parts), 2)
        return of_sides(value.shape, [part.side for part in parts]).scaled(half, half)

    def _can_be_zero(self, value: Value) -> bool:
        """Whether a value of sums of signs or pixels may be 0; no value is where parity forbids."""
        if not self.layers:
            return True
        fan_in = np.diff(value.matrix.indptr).tolist()
        odd = np.asarray(np.abs(value.matrix).sum(axis=1)).ravel().tolist()
        for gain, shift, reads, total in zip(
            value.gain.tolist(), value.shift.tolist(), fan_in, odd, strict=True
        ):
            if gain == 0 or reads == 0:
                if shift == 0:
                    return True
                continue
            level = -shift / gain
            even = level.denominator == 1 and (int(level) - int(total)) % 2 == 0
            if even and abs(level) <= total:
                return True
        return False

    def _sign_of_maximum(self, value: Value, at_zero: int) -> Value:
        """sign(g max + b): OR of signs where g > 0, AND where g < 0."""
        maximum = value.pooled
        assert maximum is not None
        gains, shifts = (
            [_one(channel) for channel in numbers] for numbers in (maximum.gain, maximum.shift)
        )
        channels = len(gains)
        before = replace(value, shape=(channels, *maximum.windows.image), pooled=None)
        factors, offsets = (
            np.array(numbers, dtype=object)[:, None, None] for numbers in (gains, shifts)
        )
        before = before.scaled(factors, offsets)
        if at_zero == 0:
            if self._can_be_zero(before):
                raise NetworkError(
                    "the sign of a maximum answers 0 at 0, which it may be; only -1 and +1 can be "
                    "pooled"
                )
            at_zero = 1
        signed = self.sign(before, at_zero=at_zero)
        pool = _pool(signed.shape, maximum.windows)
        every = np.repeat([gain < 0 for gain in gains], pool.neurons // channels)
        return self._pool_signs(signed, pool, every).arranged(value.shape, maximum.places)

    def finish(
        self,
        value: Value,
        card: dict[str, str],
        *,
        after: str | None = None,
        keep_ties: bool = False,
    ) -> BinaryNetwork:
        """The network whose class values these are.

        Args:
            value: the last one.
            card: what is known of the network.
            after: what follows class values in the file, as of `outputs_card`.
            keep_ties: as of `as_floats`.
        """
        if not self.layers:
            raise NetworkError("there is no sign before the output; a binarized network has one")
        output, factor = self._output(value, keep_ties=keep_ties)
        others = {key: text for key, text in card.items() if key != OUTPUTS}
        card = {**others, **outputs_card(value.size == 1, after)}
        if factor != 1:
            card = {**card, SCALED: str(factor)}
        return BinaryNetwork(tuple(self.layers), output, card, self.input_range, self.input_shape)

    def _output(self, value: Value, *, keep_ties: bool) -> tuple[OutputLayer, Fraction]:
        if value.pooled is not None:
            raise NetworkError("the output is a maximum; it must be a sum for each class")
        matrix = value.matrix.toarray()
        scale, bias, factor = as_floats(value.gain, value.shift, keep_ties=keep_ties)
        if len(matrix) == 1:
            # one logit: class 1 where it is above 0; at 0 the classes tie
            matrix, scale, bias = np.vstack([-matrix, matrix]), scale.repeat(2), bias.repeat(2)
            bias[0] *= -1
        return OutputLayer(matrix, scale, bias), factor


def _pool(shape: Shape, windows: Windows) -> Pool:
    return Pool(
        shape,
        windows.kernel,
        stride=windows.stride,
        padding=windows.padding,
        dilation=windows.dilation,
    )


def _one(channel: Exact) -> Fraction:
    found = set(channel.ravel().tolist())
    if len(found) > 1:
        raise NetworkError("a maximum is scaled by other numbers at other places of one channel")
    number: Fraction = found.pop()
    return number


def _map_of(matrix: Any) -> LinearMap:
    rows, columns = matrix.shape
    if matrix.nnz >= DENSE_SHARE * rows * columns:
        return Dense(matrix.toarray())
    return Sparse(matrix)


def _stacked(matrices: list[Any]) -> Any:
    from scipy.sparse import csr_array, vstack

    return csr_array(vstack(matrices)) if len(matrices) > 1 else matrices[0]
