"""What a network makes of a box and of cases, in whole numbers and fractions: for the checker.

No number is ever rounded: each float64 is a whole number over a power of two, and arrays hold
Python's whole numbers, or int64 where no sum can reach 2^63.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.network import BinaryNetwork, SignLayer

LIMB, SMALL = 30, 2**31
"""Bits of the parts that a box's numbers are split into; what the weights of a row of int64 that
multiplies them add up to less than."""
MANY = 512
"""Rows of a matrix, or cases, that are looked at together."""
Array = npt.NDArray[Any]


class Box:
    """Bounds (inputs,) as whole numbers of steps of 2^-shift, also split into limbs of 30 bits."""

    def __init__(self, lower: Array, upper: Array, thresholds: Array) -> None:
        parts = [part.tolist() for part in (lower, upper, thresholds)]
        exact = {x: Fraction(x) for x in set().union(*parts)}  # few differ
        unit = max(x.denominator for x in exact.values())  # a power of two
        whole = {x: int(value * unit) for x, value in exact.items()}
        low, high, self.thresholds = ([whole[x] for x in part] for part in parts)
        shifts = range(0, max(x.bit_length() for x in low + high) + 1, LIMB)
        self.whole = [(0, np.array(low, object), np.array(high, object))]
        # limbs are from 0 to 2^30 - 1; the last has the sign, and is from -2^30 to 2^30
        masks = [(s, -1 if s == shifts[-1] else 2**LIMB - 1) for s in shifts]
        self.limbs = [
            (s, *(np.array([x >> s & mask for x in end], np.int64) for end in (low, high)))
            for s, mask in masks
        ]

    def extremes(self, rows: Array) -> Iterator[tuple[int, int]]:
        """Least and greatest `row . x` over the box, in steps, for whole rows (k, inputs).

        A row of int64 adds up to less than 2^31 in magnitude; others hold Python's numbers.
        """
        plus, minus = np.maximum(rows, 0), np.maximum(-rows, 0)
        least, most = [0] * len(rows), [0] * len(rows)
        for shift, low, high in self.whole if rows.dtype == object else self.limbs:
            down, up = plus @ low - minus @ high, plus @ high - minus @ low
            least = [a + (b << shift) for a, b in zip(least, down.tolist(), strict=True)]
            most = [a + (b << shift) for a, b in zip(most, up.tolist(), strict=True)]
        return zip(least, most, strict=True)

    def signs(self, layer: SignLayer) -> Array:
        """(neurons,) the sign of each first-layer neuron all over the box; 0 if it has both."""
        signs: list[int] = []
        for start in range(0, layer.neurons, MANY):
            ranges = self.extremes(layer.map.rows(slice(start, start + MANY)).astype(np.int64))
            pairs = zip(ranges, self.thresholds[start : start + MANY], strict=True)
            signs += [1 if least >= t else -1 if most < t else 0 for (least, most), t in pairs]
        return np.array(signs, np.int64)


def rounded_up(layer: SignLayer) -> Array:
    """(neurons,) thresholds of sums of signs, as whole numbers."""
    end = layer.inputs + 1  # beyond what a sum can be, one threshold is like another
    thresholds = layer.threshold.tolist()
    whole = {t: max(-end, min(end, math.ceil(t))) for t in set(thresholds)}  # few differ
    return np.array([whole[t] for t in thresholds], np.int64)


def step(layer: SignLayer, below: Array, over: Array | None = None) -> Array:
    """Signs (N, neurons) that a layer has for signs (N, inputs); 0 stands for either of them.

    Args:
        layer: it.
        below: the signs.
        over: (N, neurons) what sums are over their threshold, modulo 4, where that is the same for
            all choices of free signs; -1 where it is not, or not known. None if it never is.
    """
    moving = (below != below[0]).any(axis=0) | (below[0] == 0)
    fixed, free, thresholds = below[0, ~moving], below[:, moving] == 0, rounded_up(layer)
    signs = []
    for start in range(0, layer.neurons, MANY):
        rows = layer.map.rows(slice(start, start + MANY))
        middle = products(below[:, moving], rows[:, moving])
        middle += products(fixed[None], rows[:, ~moving])
        spread = products(free, np.abs(rows[:, moving]))
        low, high = (
            end - thresholds[start : start + MANY] for end in (middle - spread, middle + spread)
        )
        if over is not None:
            most = over[:, start : start + MANY]  # and the least sum from 0 on
            known = (most >= 0) & (spread > 0)
            low, high = low + known * (3 - most), high - known * most
        signs.append(1 * (low >= 0) - 1 * (high < 0))
    return np.concatenate(signs, axis=1)


def products(a: Array, b: Array) -> Array:
    """(N, k) int64: a (N, n) times the transpose of b (k, n), where no sum can reach 2^63.

    Where none can reach 2^31 either, 32 bits hold it: NumPy adds those up four times as fast.
    """
    most = a.shape[1] * int(np.abs(a).max(initial=0)) * int(np.abs(b).max(initial=0))
    kind = np.int32 if most < 2**31 else np.int64
    sums: Array = np.einsum("ij,kj->ik", a.astype(kind), b.astype(kind))
    return sums.astype(np.int64)


def values_of(network: BinaryNetwork, image: Array) -> list[Fraction]:
    """The class values of an image."""
    first = network.hidden[0]
    signs = Box(image, image, first.threshold).signs(first)[None]
    for layer in network.hidden[1:]:
        signs = step(layer, signs)
    h, parts = signs[0].tolist(), (weighted(network, c) for c in range(network.classes))
    return [Fraction(sum(map(mul, row, h)) + bias, unit) for row, bias, unit in parts]


def weighted(network: BinaryNetwork, c: int) -> tuple[list[int], int, int]:
    """What a class value multiplies each last sign with, what it adds, and the divisor of both."""
    output = network.output
    scale, bias = Fraction(float(output.scale[c])), Fraction(float(output.bias[c]))
    row = output.weight[c].tolist()
    worth = {weight: scale * Fraction(weight) for weight in set(row)}  # few differ
    unit = max(x.denominator for x in (bias, *worth.values()))  # a power of two
    whole = {weight: int(x * unit) for weight, x in worth.items()}
    return [whole[weight] for weight in row], int(bias * unit), unit
