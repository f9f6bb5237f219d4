"""One encoding of a layer, for every program: pre-activations, and what forces a neuron's sign.

Activations are 0/1 variables h, with 1 for the sign +1. Pre-activations are measured from their
thresholds and substituted into the rows, so that they need no variables:

    a_j = coefficients_j . x + constant_j         (2), (3)

In the first layer `a` is real. A solver's point breaks rows by its tolerance, so a sign that must
survive a replay needs a clearance from the threshold. Above it `a` is an even integer: +1 needs
a >= 0, and -1 needs a <= -2.
"""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.network import SignLayer
from signflip.problem import Box
from signflip.programs.program import Booleans, ProgramBuilder

ROUNDING = 1e-12
"""More than the rounding error of a sum of pixels, for each pixel."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Activations:
    """A layer's activations: constants, or columns of binaries.

    Attributes:
        sign: (neurons,) int8, -1 or +1 where the neuron is constant, else 0.
        column: (neurons,) int64, the binary's column; -1 where the neuron is constant, or where
            nothing asks for its sign.
    """

    sign: Signs
    column: Integers

    @classmethod
    def free(cls, builder: ProgramBuilder, neurons: int) -> "Activations":
        """Neurons that may take any sign: one new binary each."""
        columns = [builder.binary() for _ in range(neurons)]
        return cls(sign=np.zeros(neurons, dtype=np.int8), column=np.array(columns, dtype=np.int64))

    def at(self, point: Floats) -> Signs:
        """Signs (neurons,) int8 at a point (columns,) of the program; 0 where nothing asks."""
        signs = self.sign.copy()
        asked = self.column >= 0
        signs[asked] = np.where(point[self.column[asked]] > 0.5, 1, -1)
        return signs


@dataclass(frozen=True, eq=False, kw_only=True)
class PreActivations:
    """A layer's pre-activations, measured from thresholds: `factor weights . x + constant`.

    Attributes:
        columns: (terms,) int64, the variables that they share.
        weights: (neurons, terms) int8 of -1, 0 and +1.
        factor: what the weights are multiplied by.
        constant: (neurons,) float64.
        lower: (neurons,) float64, L of (8).
        upper: (neurons,) float64, U of (8).
        least_on: a neuron is held at +1 by `a >= least_on`.
        least_off: a neuron is held at -1 by `a <= -least_off`.
        stable: (neurons,) int8, -1 or +1 where the neuron has only that sign, else 0.
    """

    columns: Integers
    weights: Signs
    factor: float
    constant: Floats
    lower: Floats
    upper: Floats
    least_on: float
    least_off: float
    stable: Signs

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.constant)

    def row(self, neuron: int) -> tuple[Integers, Floats]:
        """Columns and coefficients of one neuron, none of them 0."""
        weights = self.weights[neuron]
        read = np.flatnonzero(weights)
        return self.columns[read], self.factor * weights[read].astype(np.float64)

    def at(self, neurons: Integers, point: Floats) -> Floats:
        """Pre-activations of some neurons at a point (columns,) of the program."""
        sums: Floats = self.weights[neurons].astype(np.float64) @ point[self.columns]
        return self.factor * sums + self.constant[neurons]

    @property
    def dearest(self) -> Integers:
        """(neurons,) int64, a rank from 1: the highest is the neuron that is hardest to flip.

        That is the one farthest from its threshold in the middle of its range.
        """
        rank = np.empty(self.neurons, dtype=np.int64)
        rank[np.argsort(np.abs(self.lower + self.upper), kind="stable")] = np.arange(self.neurons)
        return rank + 1


def first_layer(
    layer: SignLayer,
    image: Floats,
    box: Box,
    pixels: Integers,
    *,
    clearance: float = 0.0,
    budget: float = np.inf,
) -> PreActivations:
    """(2): pre-activations of the first layer, in the perturbation of each pixel.

    Args:
        layer: the first layer.
        image: (inputs,) float64, the point that perturbations are measured from.
        box: where image + perturbation lies.
        pixels: (inputs,) int64, the column of each pixel's perturbation, -1 where it is fixed.
        clearance: how far from its threshold a neuron must be to count as either sign. With 0, a
            point on a threshold counts as both.
        budget: the largest L1 norm of the perturbation; no pre-activation changes by more.

    As far as the box goes, `stable` is exact: each neuron's extreme images are run through the
    layer.
    """
    moving = pixels >= 0
    low, high = box.lower - image, box.upper - image
    sums, twice_middle = layer.map.apply(np.stack([image, low + high]))
    constant = sums - layer.threshold
    twice_reach = layer.map.magnitude(high - low)
    down = np.maximum((twice_middle - twice_reach) / 2, -budget)
    up = np.minimum((twice_middle + twice_reach) / 2, budget)
    out_of_reach = np.abs(constant) > budget + ROUNDING * layer.inputs
    return PreActivations(
        columns=pixels[moving],
        weights=layer.map.columns(moving),
        factor=1.0,
        constant=constant,
        lower=constant + down,
        upper=constant + up,
        least_on=clearance,
        least_off=clearance,
        stable=np.where(out_of_reach, np.sign(constant), stable_signs(layer, box)).astype(np.int8),
    )


def stable_signs(layer: SignLayer, box: Box) -> Signs:
    """(neurons,) int8: the sign that a first-layer neuron has in all of the box, else 0. Exact."""
    least, most = layer.signs_at_extremes(box.lower, box.upper)
    return np.where(least == most, least, np.int8(0)).astype(np.int8)


def upper_layer(layer: SignLayer, inputs: Activations) -> PreActivations:
    """(3): pre-activations of a layer above the first, in the binaries of the layer below."""
    free = inputs.column >= 0
    # a sum of w (2 h - 1) over the binaries, and of w times the sign over the constants
    signs = np.where(free, np.int8(-1), inputs.sign).astype(np.int8)
    sums, balance = layer.sums(np.stack([signs, free.astype(np.int8)])).astype(np.float64)
    constant = sums - layer.integer_threshold
    reach = layer.map.magnitude(free.astype(np.float64))
    lower, upper = constant + balance - reach, constant + balance + reach
    return PreActivations(
        columns=inputs.column[free],
        weights=layer.map.columns(free),
        factor=2.0,
        constant=constant,
        lower=lower,
        upper=upper,
        least_on=0.0,
        least_off=2.0,
        stable=np.where(lower >= 0, 1, np.where(upper < 0, -1, 0)).astype(np.int8),
    )


def force_sign(
    builder: ProgramBuilder,
    pre: PreActivations,
    neuron: int,
    sign: int,
    switch: int,
    state: int = 1,
) -> None:
    """Add a row: where x[switch] is `state`, the neuron has `sign`. (4) and (5), with (8).

    The row's big M is the least that lets the neuron go anywhere in [L, U] otherwise.
    """
    least = pre.least_on if sign > 0 else pre.least_off
    lowest = pre.lower[neuron] if sign > 0 else -pre.upper[neuron]
    big_m = max(0.0, least - lowest)
    columns, coefficients = pre.row(neuron)
    # state 1:  sign * a >= least - M (1 - x);  state 0:  sign * a >= least - M x
    builder.row(
        np.append(columns, switch),
        np.append(sign * coefficients, -big_m if state else big_m),
        lower=least - (big_m if state else 0.0) - sign * pre.constant[neuron],
    )


def add_layer(
    builder: ProgramBuilder,
    pre: PreActivations,
    on: Booleans,
    off: Booleans,
    priority: Integers | None = None,
) -> Activations:
    """Add the binaries of a layer's unstable neurons and the rows that tie them to `pre`.

    Args:
        builder: the program.
        pre: the layer's pre-activations.
        on: (neurons,) bool, where h = 1 must hold the neuron at +1.
        off: (neurons,) bool, where h = 0 must hold the neuron at -1. A neuron with neither gets no
            binary; one with only `on` may have h = 0 at either sign, which serves where the
            program gains from h = 1 only.
        priority: (neurons,) int64, which to branch on first, the highest; None for 0.

    Raises:
        OutOfTime: the builder has no time for so many rows.
    """
    urgency = np.zeros(pre.neurons, dtype=np.int64) if priority is None else priority
    column = np.full(pre.neurons, -1, dtype=np.int64)
    chosen = np.flatnonzero((pre.stable == 0) & (on | off))
    builder.expect(int(on[chosen].sum() + off[chosen].sum()) * (len(pre.columns) + 1))
    for neuron in chosen.tolist():
        column[neuron] = builder.binary(int(urgency[neuron]))
        if on[neuron]:
            force_sign(builder, pre, neuron, +1, column[neuron], state=1)
        if off[neuron]:
            force_sign(builder, pre, neuron, -1, column[neuron], state=0)
    return Activations(sign=pre.stable, column=column)
