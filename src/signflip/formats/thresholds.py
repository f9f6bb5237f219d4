"""From "the value is at least 0" to a neuron: its row and its threshold.

A value is `gain L + shift`, L a row's sum. With M = L, or -L where the gain is negative,

    value >= 0  iff  M >= t,        value > 0  iff  M > t,        t = -shift / |gain|.
"""

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.formats.value import Value
from signflip.network import InputRange


@dataclass(frozen=True, eq=False, kw_only=True)
class Neurons:
    """A layer to be.

    Attributes:
        matrix: (neurons, base) whole numbers.
        threshold: (neurons,) float64.
        side: (neurons,) -1 where the neuron answers the opposite of what was asked, else 1.
    """

    matrix: Any
    threshold: Floats
    side: Integers


def neurons_of(value: Value, *, strict: bool, inputs: InputRange | None) -> Neurons:
    """The neurons that answer value >= 0, or value > 0 where `strict`.

    Args:
        value: an affine function.
        strict: whether 0 is -1.
        inputs: what the sums are of: the range of images, None for signs. On signs, and on images
            in steps, the next sum serves for "above"; on real images the neuron is turned round,
            as M > t iff not -M >= -t.
    """
    down = np.array([gain < 0 for gain in value.gain.tolist()])
    step = Fraction(1) if inputs is None else Fraction(inputs.step or 0)
    reach = np.diff(value.matrix.indptr).tolist()
    turn = strict and step == 0
    thresholds = []
    for gain, shift, fan_in in zip(value.gain.tolist(), value.shift.tolist(), reach, strict=True):
        if gain == 0:  # the same for all inputs: its row reads nothing
            on = shift > 0 or (shift == 0 and not strict)
            thresholds.append(-1.0 if on != turn else 1.0)
            continue
        level = -shift / abs(gain)
        if inputs is None:
            # signs reach no further; what images do is not known here, as a box may lie anywhere
            level = max(-fan_in - 2, min(fan_in + 2, level))
        if step:
            steps = level / step
            level = step * (math.floor(steps) + 1 if strict else math.ceil(steps))
        thresholds.append(_nearest(-level if turn else level))
    side = np.where(down != turn, -1, 1)
    side[[gain == 0 for gain in value.gain.tolist()]] = 0
    matrix = value.matrix.multiply(side[:, None]).tocsr()
    matrix.eliminate_zeros()
    return Neurons(
        matrix=matrix,
        threshold=np.array(thresholds, dtype=np.float64),
        side=np.full(len(side), -1 if turn else 1, dtype=np.int64),
    )


def _nearest(level: Fraction) -> float:
    """The nearest float64; the largest where the level is beyond."""
    most = Fraction(sys.float_info.max)
    return float(max(-most, min(most, level)))
