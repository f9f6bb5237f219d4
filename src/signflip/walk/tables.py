"""The layers above the first as tables of integers, kept with the network.

A neuron's *halved sum* is half of what its sum exceeds its integer threshold by: the neuron is +1
iff that is 0 or more, and a toggle of an input changes it by the input's weight, which may be 0. A
move toggles few neurons, so only the rows of neurons that turned are added.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from signflip.arrays import Signs
from signflip.compiled import compiled
from signflip.errors import ProblemError
from signflip.network import BinaryNetwork, LinearMap
from signflip.network.maps.sparse import SparseMap, as_matrix

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

Halves = npt.NDArray[np.int16]
"""Halved sums of all layers above the first, one layer after the other."""
MOST_FAN_IN = 32_766
"""Weights of a neuron whose halved sums, from `-fan_in - 1` to `fan_in`, 16 bits hold."""
SPARSE = 0.25
"""A layer whose neurons read a smaller share of its inputs than this has sparse rows."""


class Tables(NamedTuple):
    """Layers 2 to D of a network, L of them; with one hidden layer, that layer's own neurons.

    Rows of a layer: those of its inputs, the effect of +1 in place of -1 on each halved sum. Either
    dense, or the neurons that are affected and how.
    """

    inputs: npt.NDArray[np.int64]  # (L,)
    width: npt.NDArray[np.int64]  # (L,)
    place: npt.NDArray[np.int64]  # (L + 1,) where each layer's halved sums begin
    dense: npt.NDArray[np.bool_]  # (L,)
    begin: npt.NDArray[np.int64]  # (L,) of a dense layer: its first entry of `rows`
    rows: npt.NDArray[np.int8]  # dense rows, input after input
    first: npt.NDArray[np.int64]  # (L,) of another layer: its first entry of `bounds`
    bounds: npt.NDArray[np.int64]  # an input's entries of `neurons` and `weight` begin here
    neurons: npt.NDArray[np.int32]
    weight: npt.NDArray[np.int8]


class Wires(NamedTuple):
    """Halved sums on trial, and room to work."""

    sums: Halves  # (place[-1],)
    trial: Halves  # (place[-1],)
    changed: npt.NDArray[np.uint8]  # which neurons of a layer turned
    words: npt.NDArray[np.uint64]  # the same memory
    turned: npt.NDArray[np.int64]  # (largest,) indices of neurons that turned
    up: npt.NDArray[np.bool_]  # (largest,) whether to +1


_BY_INPUT: "WeakKeyDictionary[BinaryNetwork, Tables]" = WeakKeyDictionary()
_BY_NEURON: "WeakKeyDictionary[BinaryNetwork, Tables]" = WeakKeyDictionary()


def tables_of(network: BinaryNetwork) -> Tables:
    """The network's tables, built when they are first asked for.

    Raises:
        ProblemError: a neuron has too many weights for sums of 16 bits.
    """
    if network not in _BY_INPUT:
        layers = network.hidden[1:]
        for layer in layers:
            most = layer.map.most_read
            if most > MOST_FAN_IN:
                raise ProblemError(
                    f"a layer above the first has neurons of {most} weights; the pattern walk "
                    f"counts them in 16 bits and takes up to {MOST_FAN_IN}: use another method"
                )
        made = [_by_input(layer.map) for layer in layers]
        _BY_INPUT[network] = _tables(made or [_diagonal(network.hidden[0].neurons)])
    return _BY_INPUT[network]


def readers_of(network: BinaryNetwork) -> Tables:
    """The same tables with a row for each neuron: `inputs` are neurons, and `width` inputs."""
    if network not in _BY_NEURON:
        made = [_by_neuron(layer.map) for layer in network.hidden[1:]]
        _BY_NEURON[network] = _tables(made or [_diagonal(network.hidden[0].neurons)])
    return _BY_NEURON[network]


class _Table(NamedTuple):
    """One layer: the number and width of its rows, and either dense rows or sparse ones."""

    inputs: int
    width: int
    rows: Signs | None
    bounds: npt.NDArray[np.int64]
    neurons: npt.NDArray[np.int32]
    weight: Signs


def _diagonal(neurons: int) -> _Table:
    bounds = np.arange(neurons + 1, dtype=np.int64)
    one = np.ones(neurons, dtype=np.int8)
    return _Table(neurons, neurons, None, bounds, bounds[:-1].astype(np.int32), one)


def _by_input(layer: LinearMap) -> _Table:
    """A row for each input: who reads it."""
    if _full(layer):
        return _dense(layer.columns(np.arange(layer.inputs)).T)
    columns = layer.by_columns if isinstance(layer, SparseMap) else as_matrix(layer).tocsc()
    return _sparse(columns, layer.neurons)


def _by_neuron(layer: LinearMap) -> _Table:
    """A row for each neuron: what it reads."""
    if _full(layer):
        return _dense(layer.rows(np.arange(layer.neurons)))
    return _sparse(as_matrix(layer), layer.inputs)


def _full(layer: LinearMap) -> bool:
    """Whether rows are dense."""
    return bool(layer.fan_in.mean() >= SPARSE * layer.inputs)


def _dense(rows: Signs) -> _Table:
    """A table of these rows (count, width)."""
    none = np.zeros(0, dtype=np.int64)
    count, width = rows.shape
    rows = np.ascontiguousarray(rows)
    return _Table(count, width, rows, none, none.astype(np.int32), none.astype(np.int8))


def _sparse(matrix: "csr_array | csc_array", width: int) -> _Table:
    """The rows of a matrix in rows, or the columns of one in columns, each of `width`."""
    bounds, others = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
    return _Table(len(bounds) - 1, width, None, bounds, others, matrix.data)


def _tables(layers: Sequence[_Table]) -> Tables:
    """The tables of the layers, one after the other."""
    rows = [np.zeros(0, dtype=np.int8) if t.rows is None else t.rows.ravel() for t in layers]
    widths = [table.width for table in layers]
    entries = np.cumsum([0, *(len(table.neurons) for table in layers)])
    return Tables(
        inputs=np.array([table.inputs for table in layers], dtype=np.int64),
        width=np.array(widths, dtype=np.int64),
        place=np.cumsum([0, *widths]).astype(np.int64),
        dense=np.array([table.rows is not None for table in layers]),
        begin=np.cumsum([0, *map(len, rows)])[:-1].astype(np.int64),
        rows=np.concatenate(rows),
        first=np.cumsum([0, *(len(table.bounds) for table in layers)])[:-1].astype(np.int64),
        bounds=np.concatenate([t.bounds + entries[k] for k, t in enumerate(layers)]),
        neurons=np.concatenate([table.neurons for table in layers]),
        weight=np.concatenate([table.weight for table in layers]),
    )


def halved_sums(network: BinaryNetwork, pattern: Signs) -> Halves:
    """Halved sums of all layers above the first for a pattern (neurons,) int8 of the first."""
    if len(network.hidden) == 1:
        return np.where(pattern > 0, 0, -1).astype(np.int16)
    halves, signs = [], pattern[None]
    for layer in network.hidden[1:]:
        # integer thresholds have the parity of the sums: every difference is even
        half = (layer.sums(signs)[0].astype(np.int64) - layer.integer_threshold) // 2
        halves.append(half.astype(np.int16))
        signs = np.where(half >= 0, np.int8(1), np.int8(-1))[None]
    return np.concatenate(halves)


def wires_of(tables: Tables) -> Wires:
    """Room for one problem's halved sums."""
    total, largest = int(tables.place[-1]), int(max(tables.width.max(), tables.inputs.max()))
    changed = np.zeros((largest + 7) // 8 * 8, dtype=np.uint8)
    return Wires(
        sums=np.zeros(total, dtype=np.int16),
        trial=np.zeros(total, dtype=np.int16),
        changed=changed,
        words=changed.view(np.uint64),
        turned=np.zeros(largest, dtype=np.int64),
        up=np.zeros(largest, dtype=np.bool_),
    )


@compiled(inner=True)
def copy(source: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
    """Copy an array to one of its length; Numba takes seconds to compile `target[:] = source`."""
    for k in range(source.shape[0]):
        target[k] = source[k]


@compiled(inner=True)
def _add(tables: Tables, layer: int, neuron: int, up: bool, sums: Halves) -> None:
    """A toggle of an input of a layer, on the layer's halved sums."""
    if tables.dense[layer]:
        start = tables.begin[layer] + neuron * tables.width[layer]
        row = tables.rows[start : start + tables.width[layer]]
        if up:
            for k in range(sums.shape[0]):
                sums[k] += row[k]
        else:
            for k in range(sums.shape[0]):
                sums[k] -= row[k]
        return
    at = tables.first[layer] + neuron
    for entry in range(tables.bounds[at], tables.bounds[at + 1]):
        change = tables.weight[entry]
        sums[tables.neurons[entry]] += change if up else -change


@compiled(inner=True)
def _turned(before: Halves, after: Halves, wires: Wires) -> int:
    """List the neurons whose sign differs in `wires.turned`, and their new sign; how many."""
    width = before.shape[0]
    span = (width + 7) // 8
    changed = wires.changed
    for k in range(width):
        changed[k] = (before[k] ^ after[k]) < 0
    for k in range(width, 8 * span):
        changed[k] = 0
    count = 0
    for w in range(span):
        word = wires.words[w]
        if word != np.uint64(0):
            for k in range(8 * w, 8 * w + 8):
                if changed[k]:
                    wires.turned[count] = k
                    wires.up[count] = after[k] >= 0
                    count += 1
    return count


@compiled()
def propagate(tables: Tables, wires: Wires, count: int) -> None:
    """Write to `wires.trial` the halved sums after some neurons of the first layer toggle.

    Args:
        tables: the layers.
        wires: `turned` and `up` name the neurons of the first layer and their new signs.
        count: how many.
    """
    layers = tables.width.shape[0]
    for layer in range(layers):
        here = slice(tables.place[layer], tables.place[layer + 1])
        before, after = wires.sums[here], wires.trial[here]
        copy(before, after)
        for t in range(count):
            _add(tables, layer, wires.turned[t], wires.up[t], after)
        if layer < layers - 1 and count > 0:
            count = _turned(before, after, wires)


@compiled(fastmath=True)
def energy(
    last: Halves, coefficients: npt.NDArray[np.float32], inverse: np.float32
) -> tuple[np.float32, np.float32]:
    """The softened objective and the true one of the last layer's halved sums, without constant.

    Args:
        last: (width,) halved sums.
        coefficients: (width,) float32.
        inverse: one over the width of a softened sign.
    """
    soft = np.float32(0.0)
    true = np.float32(0.0)
    for k in range(coefficients.shape[0]):
        c = coefficients[k]
        x = np.float32(last[k]) + np.float32(0.5)
        true += c if x > np.float32(0.0) else -c
        soft += c * min(max(x * inverse, np.float32(-1.0)), np.float32(1.0))
    return soft, true
