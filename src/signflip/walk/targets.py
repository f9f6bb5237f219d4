"""IProp's problem (9) by local search: which inputs give a layer the most of its targets?

A margin is how far a target neuron's halved sum is on the wanted side, 0 or more where it is met. A
toggle of an input changes margins by its weights, so only targets that are missed, or met by
nothing, decide what a toggle is worth. Targets that stay missed weigh more and more.
"""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Integers, Signs
from signflip.compiled import compiled
from signflip.patterns.space import Flips
from signflip.walk.dual import Dual, Frame, Singles, along
from signflip.walk.tables import Halves, Tables, Wires, copy, propagate

F32 = np.float32
TABU = 3
"""Steps in which an input is not toggled back."""
LIFTS = 3
"""How often the weights of missed targets are raised."""
JITTER = F32(0.1)
"""Random part of a gain, which is else a whole number and a cost."""
_STRIDE = 7_919
"""By how many places the random numbers are turned from step to step."""


@compiled(inner=True, fastmath=True)
def _add_gains(
    readers: Tables, layer: int, neuron: int, signs: Signs, side: int, weight: np.float32,
    missed: bool, gains: Singles,
) -> None:  # fmt: skip
    """What each input's toggle is worth to one target: if it is missed, help counts, else harm."""
    if readers.dense[layer]:
        width = readers.width[layer]
        start = readers.begin[layer] + neuron * width
        row = readers.rows[start : start + width]
        if missed:
            for k in range(width):
                gains[k] -= F32(side * row[k] * signs[k]) * weight
        else:
            for k in range(width):
                gains[k] -= weight if side * row[k] * signs[k] > 0 else F32(0.0)
        return
    at = readers.first[layer] + neuron
    for entry in range(readers.bounds[at], readers.bounds[at + 1]):
        k = readers.neurons[entry]
        help_ = -side * readers.weight[entry] * signs[k]
        if missed or help_ < 0:
            gains[k] += F32(help_) * weight


@compiled(inner=True)
def _shift_margins(
    tables: Tables, layer: int, k: int, sign: int, target: Signs, margin: npt.NDArray[np.int32]
) -> None:
    """An input of the layer takes `sign`: the margins of the layer's targets follow."""
    if tables.dense[layer]:
        width = tables.width[layer]
        start = tables.begin[layer] + k * width
        for j in range(width):
            margin[j] += target[j] * sign * tables.rows[start + j]
        return
    at = tables.first[layer] + k
    for entry in range(tables.bounds[at], tables.bounds[at + 1]):
        j = tables.neurons[entry]
        margin[j] += target[j] * sign * tables.weight[entry]


@compiled(inner=True)
def _count_met(target: Signs, margin: npt.NDArray[np.int32]) -> int:
    met = 0
    for j in range(target.shape[0]):
        if target[j] != 0 and margin[j] >= 0:
            met += 1
    return met


@compiled(allocates=True)
def chase(
    tables: Tables,
    readers: Tables,
    layer: int,
    halves: Halves,
    signs: Signs,
    target: Signs,
    free: npt.NDArray[np.bool_],
    cost: Singles,
    dice: Singles,
    most: int,
) -> int:
    """Toggle inputs of a layer until all targets are met, or as many as local search finds.

    Args:
        tables: the layers, by their inputs.
        readers: the same, by their neurons.
        layer: which of them.
        halves: (neurons,) int16, halved sums at `signs`.
        signs: (inputs,) int8, the incumbent's; afterwards those with the most targets met, and
            among these the fewest toggles.
        target: (neurons,) int8, 0 for none.
        free: (inputs,) bool, which may be toggled.
        cost: (inputs,) float32, what a toggle costs, in targets.
        dice: (inputs,) float32 in [0, 1), for ties.
        most: most steps.

    Returns:
        How many targets are met.
    """
    inputs, neurons = signs.shape[0], target.shape[0]
    margin = np.zeros(neurons, dtype=np.int32)
    weight = np.ones(neurons, dtype=np.float32)
    gains = np.zeros(inputs, dtype=np.float32)
    toggled = np.zeros(inputs, dtype=np.bool_)
    best = np.zeros(inputs, dtype=np.bool_)
    since = np.full(inputs, -TABU, dtype=np.int64)
    wanted = 0
    for j in range(neurons):
        if target[j] != 0:
            wanted += 1
            margin[j] = halves[j] if target[j] > 0 else -1 - halves[j]
    met = _count_met(target, margin)
    best_met, best_toggles, toggles, lifts = met, 0, 0, 0
    for step in range(most):
        if met == wanted:
            break
        for k in range(inputs):
            gains[k] = F32(0.0)
        for j in range(neurons):
            if target[j] != 0 and margin[j] <= 0:
                _add_gains(
                    readers, layer, j, signs, int(target[j]), weight[j], margin[j] < 0, gains
                )
        chosen = -1
        most_gain = F32(0.0)
        shift = step * _STRIDE % inputs
        for k in range(inputs):
            if not free[k] or step - since[k] < TABU:
                continue
            gain = gains[k] + (cost[k] if toggled[k] else -cost[k])
            at = k + shift
            gain += JITTER * dice[at if at < inputs else at - inputs]
            if gain > most_gain:
                most_gain = gain
                chosen = k
        if chosen < 0:
            lifts += 1
            if lifts > LIFTS:
                break
            for j in range(neurons):
                if target[j] != 0 and margin[j] < 0:
                    weight[j] += F32(1.0)
            continue
        signs[chosen] = -signs[chosen]
        _shift_margins(tables, layer, chosen, int(signs[chosen]), target, margin)
        met = _count_met(target, margin)
        since[chosen] = step
        toggles += -1 if toggled[chosen] else 1
        toggled[chosen] = not toggled[chosen]
        if met > best_met or (met == best_met and toggles < best_toggles):
            best_met, best_toggles = met, toggles
            for k in range(inputs):
                best[k] = toggled[k]
    for k in range(inputs):
        if toggled[k] != best[k]:
            signs[k] = -signs[k]
    return best_met


@compiled()
def look(
    tables: Tables,
    wires: Wires,
    frame: Frame,
    dual: Dual,
    unstable: Integers,
    sign: Signs,
    base: Halves,
    toggles: Flips,
    lack: Singles,
) -> bool:
    """What the network says at the dual's point: halved sums in `wires.trial`.

    Args:
        tables: the layers above the first.
        wires: room to work.
        frame: the geometry, m unstable neurons.
        dual: the point.
        unstable: (m,) their places in the first layer.
        sign: (m,) int8, their signs at the centre.
        base: halved sums of the centre's pattern.
        toggles: (m,) bool, written: what really toggles there.
        lack: (m,) float32, written: how far each neuron is from its toggle.

    Returns:
        Whether that is what the dual intends.
    """
    copy(base, wires.sums)
    count = 0
    same = True
    for j in range(unstable.shape[0]):
        lack[j] = frame.distance[j] - along(frame, j, dual.q)
        toggles[j] = lack[j] <= F32(0.0)
        same &= toggles[j] == dual.toggled[j]
        if toggles[j]:
            wires.turned[count] = unstable[j]
            wires.up[count] = sign[j] < 0
            count += 1
    propagate(tables, wires, count)
    return same
