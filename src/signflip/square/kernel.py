"""The compiled loop of the Square attack: proposals judged by what they change.

The first layer's sums follow from the pixels that changed, and each layer above from the neurons
below that toggled: a proposal costs no forward pass.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.compiled import compiled, overwrite
from signflip.problem import Problem


class Tables(NamedTuple):
    """A problem as the kernel reads it.

    Weights of all hidden layers lie in one row, the columns of a layer one after another: what
    reads input k of layer l is `columns[starts[l] + k * widths[l]:][:widths[l]]`.
    """

    columns: Signs
    starts: Integers  # (layers,)
    widths: Integers  # (layers,)
    thresholds: npt.NDArray[np.float64]  # all neurons, layer by layer
    spread: Floats  # (inputs,) upper - lower
    coefficients: Floats  # (rivals, last width)
    constants: Floats  # (rivals,)


class State(NamedTuple):
    """Where a chain stands, and room to try a proposal."""

    upper: npt.NDArray[np.bool_]  # (inputs,) whether a pixel is at its upper bound
    sums: Floats  # all neurons, layer by layer
    trial: Floats
    values: Floats  # (rivals,)
    trial_values: Floats
    changed: Integers  # (at least inputs and widths,) what a proposal changes below a layer


def tables_of(problem: Problem) -> Tables:
    """The tables of a problem."""
    network = problem.network
    weights = [layer.map.columns(np.arange(layer.inputs)).T for layer in network.hidden]
    thresholds = [network.hidden[0].threshold]
    thresholds += [layer.integer_threshold.astype(np.float64) for layer in network.hidden[1:]]
    return Tables(
        columns=np.concatenate([weight.ravel() for weight in weights]),
        starts=np.cumsum([0, *(weight.size for weight in weights[:-1])]),
        widths=np.array(network.widths, dtype=np.int64),
        thresholds=np.concatenate(thresholds),
        spread=problem.box.upper - problem.box.lower,
        coefficients=np.array([problem.coefficients(rival) for rival in problem.rivals]),
        constants=np.array([problem.constant(rival) for rival in problem.rivals]),
    )


def state_at(problem: Problem, tables: Tables, upper: npt.NDArray[np.bool_]) -> State:
    """The state of a chain at a vertex of the box, upper (inputs,) where it is at the upper bound.

    The sums are made anew, so that those of a chain do not drift by rounding.
    """
    first, *above = problem.network.hidden
    image = np.where(upper, problem.box.upper, problem.box.lower)
    sums = [first.map.apply(image[None])[0]]
    signs = np.where(sums[0] >= first.threshold, 1, -1).astype(np.int8)[None]
    for layer in above:
        sums.append(layer.sums(signs)[0].astype(np.float64))
        signs = layer.signs_of_signs(signs)
    values = tables.constants + tables.coefficients @ signs[0]
    flat = np.concatenate(sums)
    return State(
        upper=upper.copy(),
        sums=flat,
        trial=np.empty_like(flat),
        values=values,
        trial_values=np.empty_like(values),
        changed=np.empty(max(len(upper), *tables.widths), dtype=np.int64),
    )


@compiled(allocates=True)
def search(
    tables: Tables,
    state: State,
    shape: tuple[int, int, int],
    sides: Integers,
    draws: Floats,
    enough: float,
) -> int:
    """Try a square for each row of `draws`; keep what is no worse.

    Args:
        tables: of the problem.
        state: changed in place.
        shape: channels, height and width of the picture.
        sides: (n,) the side of each square.
        draws: (n, 2 + channels) uniform in [0, 1): place, and a sign for each channel.
        enough: stop at the first objective above this one.

    Returns:
        How many squares were tried.
    """
    for row in range(len(draws)):
        count = _paint(tables, state, shape, sides[row], draws[row])
        if count == 0:
            continue
        _propagate(tables, state, count)
        if state.trial_values.max() >= state.values.max():
            _keep(tables, state, shape, sides[row], draws[row])
            if state.values.max() > enough:
                return row + 1
    return len(draws)


@compiled()
def _corner(size: int, side: int, draw: float) -> int:
    return int(draw * (size - side + 1))


@compiled()
def _paint(
    tables: Tables, state: State, shape: tuple[int, int, int], side: int, draw: Floats
) -> int:
    """List the pixels that a square changes in `state.changed`; how many."""
    channels, height, width = shape
    tall, wide = min(side, height), min(side, width)
    top, left = _corner(height, tall, draw[0]), _corner(width, wide, draw[1])
    count = 0
    for channel in range(channels):
        up = draw[2 + channel] < 0.5
        for y in range(top, top + tall):
            for x in range(left, left + wide):
                pixel = (channel * height + y) * width + x
                if state.upper[pixel] != up and tables.spread[pixel] > 0:
                    state.changed[count] = pixel
                    count += 1
    return count


@compiled()
def _propagate(tables: Tables, state: State, count: int) -> None:
    """Sums and values after `count` pixels changed sides, into `trial` and `trial_values`."""
    overwrite(state.trial, state.sums)
    first = tables.widths[0]
    for k in range(count):
        pixel = state.changed[k]
        step = -tables.spread[pixel] if state.upper[pixel] else tables.spread[pixel]
        column = tables.columns[pixel * first : (pixel + 1) * first]
        for neuron in range(first):
            state.trial[neuron] += step * column[neuron]
    begin = 0
    for layer in range(len(tables.widths)):
        end = begin + tables.widths[layer]
        count = 0
        for neuron in range(begin, end):
            limit = tables.thresholds[neuron]
            if (state.trial[neuron] >= limit) != (state.sums[neuron] >= limit):
                state.changed[count] = neuron - begin
                count += 1
        if layer + 1 < len(tables.widths):
            width = tables.widths[layer + 1]
            for k in range(count):
                below = state.changed[k]
                plus = state.trial[begin + below] >= tables.thresholds[begin + below]
                step = 2.0 if plus else -2.0
                start = tables.starts[layer + 1] + below * width
                column = tables.columns[start : start + width]
                for neuron in range(width):
                    state.trial[end + neuron] += step * column[neuron]
            begin = end
    overwrite(state.trial_values, state.values)
    for k in range(count):
        below = state.changed[k]
        plus = state.trial[begin + below] >= tables.thresholds[begin + below]
        step = 2.0 if plus else -2.0
        for rival in range(len(state.values)):
            state.trial_values[rival] += step * tables.coefficients[rival, below]


@compiled()
def _keep(
    tables: Tables, state: State, shape: tuple[int, int, int], side: int, draw: Floats
) -> None:
    count = _paint(tables, state, shape, side, draw)
    for k in range(count):
        state.upper[state.changed[k]] = not state.upper[state.changed[k]]
    overwrite(state.sums, state.trial)
    overwrite(state.values, state.trial_values)
