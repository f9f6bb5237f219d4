"""Hypothesis strategies: small networks over every kind of map, with real outputs too.

Small enough for the oracle: at most 4 inputs, and some 8 first-layer neurons.
"""

from functools import cache
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from signflip.network import (
    BinaryNetwork,
    Composed,
    Conv2d,
    Dense,
    Floats,
    LinearMap,
    OutputLayer,
    Pool,
    Shape,
    SignLayer,
    Signs,
    Sparse,
)
from tests.support.picks import mixtures, picks
from tests.support.strategies import GRID, grid, thresholds

MOST_NEURONS = 8


@cache
def ternary(shape: Shape) -> st.SearchStrategy[Signs]:
    """Weights of -1, 0 and +1."""
    return picks(shape, [-1, 0, 1, 1, -1])


@st.composite
def dense_maps(draw: st.DrawFn, inputs: int, most: int = 5) -> LinearMap:
    """A matrix, with zeros or without."""
    weight = draw(ternary((draw(st.integers(1, most)), inputs)))
    full = draw(st.booleans())
    return Dense(np.where(weight == 0, 1, weight) if full else weight)


@st.composite
def sparse_maps(draw: st.DrawFn, inputs: int, most: int = 5) -> LinearMap:
    """A sparse matrix."""
    return Sparse(draw(ternary((draw(st.integers(1, most)), inputs))))


@st.composite
def conv_maps(draw: st.DrawFn, shape: Shape) -> LinearMap:
    """A convolution with stride, padding, dilation and groups, of few neurons."""
    channels, rows, columns = shape
    groups = draw(st.sampled_from([g for g in (1, 2) if channels % g == 0]))
    filters = groups * draw(st.integers(1, 2))
    kernel = draw(st.integers(1, min(2, rows))), draw(st.integers(1, min(2, columns)))
    for _ in range(20):
        made = Conv2d(
            draw(ternary((filters, channels // groups, *kernel))),
            shape,
            stride=draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
            padding=draw(st.tuples(*[st.integers(0, 1)] * 4)),
            groups=groups,
        )
        if made.neurons <= MOST_NEURONS:
            return made
    return Conv2d(draw(ternary((1, channels, rows, columns))), shape)


@st.composite
def pool_layers(draw: st.DrawFn, shape: Shape) -> SignLayer:
    """Max-pooling or min-pooling of signs."""
    _, rows, columns = shape
    kernel = draw(st.integers(1, rows)), draw(st.integers(1, columns))
    pool = Pool(shape, kernel, stride=draw(st.none() | st.just((1, 1))))
    if pool.neurons > MOST_NEURONS:
        pool = Pool(shape, (rows, columns))
    size = pool.fan_in.astype(np.float64)
    return SignLayer(pool, draw(st.sampled_from([2 - size, size])))


@st.composite
def mapped_networks(draw: st.DrawFn, *, coarse: bool = False) -> BinaryNetwork:
    """Networks of 1 to 4 hidden layers over any maps, with real output weights or not."""
    kind = draw(st.sampled_from(["dense", "sparse", "conv", "thermometer"]))
    if kind == "conv":
        shape = draw(st.sampled_from([(1, 2, 2), (2, 1, 2), (1, 1, 4), (2, 2, 1)]))
        first = draw(conv_maps(shape))
        hidden = [SignLayer(first, draw(thresholds(first.neurons, 4, coarse=coarse)))]
    elif kind == "thermometer":
        hidden = draw(thermometers())
    else:
        inputs = draw(st.integers(1, 4))
        first = draw(dense_maps(inputs) if kind == "dense" else sparse_maps(inputs))
        hidden = [SignLayer(first, draw(thresholds(first.neurons, inputs, coarse=coarse)))]
    for _ in range(draw(st.integers(0, 4 - len(hidden)))):
        hidden.append(draw(upper_layers(hidden[-1].map.output_shape)))
    for below, above in pairwise(hidden):
        assert below.neurons == above.inputs
    return BinaryNetwork(tuple(hidden), draw(outputs(hidden[-1].neurons, coarse=coarse)))


@st.composite
def siblings(draw: st.DrawFn, network: BinaryNetwork) -> BinaryNetwork:
    """Networks of the same inputs, classes and depth; the first layers may be the same ones."""
    kept = draw(st.integers(0, len(network.hidden)))
    hidden = list(network.hidden[:kept])
    while len(hidden) < len(network.hidden):
        below = hidden[-1].map.output_shape if hidden else network.hidden[0].map.input_shape
        hidden.append(draw(upper_layers(below)))
    output = draw(outputs(hidden[-1].neurons, coarse=True, classes=network.classes))
    return BinaryNetwork(tuple(hidden), output, input_shape=network.input_shape)


@st.composite
def thermometers(draw: st.DrawFn) -> list[SignLayer]:
    """Input thresholds, several a pixel, and a layer that adds the levels of each pixel."""
    inputs, levels = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    chosen = np.repeat(np.arange(inputs), levels)
    values = draw(st.lists(st.integers(0, GRID), min_size=len(chosen), max_size=len(chosen)))
    first = SignLayer(Sparse.selection(inputs, chosen), np.array(values) / GRID)
    above = Composed([Sparse.totals(chosen, inputs), draw(dense_maps(inputs))])
    return [first, SignLayer(above, draw(thresholds(above.neurons, len(chosen))))]


@st.composite
def upper_layers(draw: st.DrawFn, shape: Shape) -> SignLayer:
    """A layer that reads the neurons of `shape`."""
    kinds = ["dense", "sparse"] + (["conv", "pool"] if len(shape) == 3 else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "pool":
        return draw(pool_layers(shape))
    inputs = int(np.prod(shape))
    if kind == "conv":
        made: LinearMap = draw(conv_maps(shape))
    else:
        made = draw(dense_maps(inputs) if kind == "dense" else sparse_maps(inputs))
    return SignLayer(made, draw(thresholds(made.neurons, inputs)))


@st.composite
def outputs(
    draw: st.DrawFn, width: int, *, coarse: bool = False, classes: int | None = None
) -> OutputLayer:
    """Outputs of weights -1, 0 and +1, or real ones; plain or scaled."""
    classes = classes or draw(st.integers(2, 4))

    def numbers(*shape: int) -> Floats:
        return draw(_numbers(shape, coarse=coarse))

    real = draw(st.booleans())
    weight: Signs | Floats = draw(ternary((classes, width)))
    if real:
        weight = numbers(classes, width)
    if draw(st.booleans()):
        return OutputLayer(weight, np.ones(classes), np.zeros(classes))
    return OutputLayer(weight, numbers(classes), numbers(classes))


@cache
def _numbers(shape: Shape, *, coarse: bool) -> st.SearchStrategy[Floats]:
    return mixtures(shape, [grid(-2, 2)], None if coarse else st.floats(-2, 2))
