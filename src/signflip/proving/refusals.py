"""Whole multipliers for signs that no point of the box has together."""

import math
from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.clock import Clock
from signflip.patterns.ascent import End, ascend, sweeps_of
from signflip.patterns.rational import Feasible, solve
from signflip.patterns.realise import Realiser
from signflip.patterns.refute import refutes, refutes_exactly
from signflip.patterns.settle import ExactSigns
from signflip.patterns.space import Flips, PatternSpace

LARGEST = 2**62
"""Multipliers are below this."""
SCALES = (100, 10_000, 2**20, 2**30)
"""Largest multipliers that are tried, the small ones first: they make a short proof."""


@dataclass(frozen=True, eq=False)
class Refusal:
    """Signs that exclude each other.

    Attributes:
        neurons: (k,) places of the unstable neurons, dearest first.
        multipliers: (k,) whole numbers above 0.
    """

    neurons: Integers
    multipliers: list[int]


def literals_of(space: PatternSpace) -> Integers:
    """What a checker calls the literals (2 m,): at 2 j + 1 that neuron j toggles, at 2 j that not.

    It counts the unstable neurons by their index; here the dearest is first.
    """
    place = np.argsort(np.argsort(space.unstable))
    away = (space.signs[space.unstable] < 0).astype(np.int64)  # the sign of a toggled neuron
    literals = np.empty(2 * space.size, dtype=np.int64)
    literals[1::2], literals[::2] = 2 * place + away, 2 * place + 1 - away
    return literals


class Refusals:
    """Refuses the patterns of one space."""

    def __init__(self, space: PatternSpace) -> None:
        self._space = space
        self._unit = max(float(space.radius.max(initial=0.0)), 2.0**-900)
        self._realiser = Realiser(space)
        self._exact = ExactSigns(space)

    def of(self, flips: Flips, clock: Clock) -> Refusal | None:
        """Why no point of the box has a pattern; None where one has, or time is out.

        Args:
            flips: (m,) bool, which unstable neurons toggle.
            clock: when to give up.
        """
        side = np.where(flips, np.int8(1), np.int8(-1))
        return self._by_ascent(side) or self._by_program(side, clock)

    def _by_ascent(self, side: Signs) -> Refusal | None:
        space = self._space
        need = np.where(side > 0, space.reluctance, -space.distance) / self._unit
        multipliers, z = np.zeros(space.size), np.zeros(len(space.radius))
        end = ascend(
            space.directions,
            space.radius / self._unit,
            side.astype(np.float64),
            need,
            0.0,
            sweeps_of(*space.directions.shape),
            multipliers,
            z,
        )
        return self._rounded(side, multipliers) if end == End.REFUSAL else None

    def _rounded(self, side: Signs, multipliers: Floats) -> Refusal | None:
        """Whole multipliers, and none where it can be left out."""
        largest = float(multipliers.max())
        for scale in SCALES:
            whole = np.rint(multipliers * (scale / largest))
            if not refutes(self._space, side, whole * side):
                continue
            for neuron in np.argsort(whole, kind="stable").tolist():
                if whole[neuron] > 0:
                    fewer = whole.copy()
                    fewer[neuron] = 0
                    if refutes(self._space, side, fewer * side):
                        whole = fewer
            used = np.flatnonzero(whole)
            return Refusal(used, [int(u) for u in whole[used]])
        return None

    def _by_program(self, side: Signs, clock: Clock) -> Refusal | None:
        space = self._space
        demand = np.zeros(len(space.signs), dtype=np.int8)
        demand[space.unstable] = -side * space.signs[space.unstable]
        found = self._realiser.realise(demand, clock.remaining())
        if not found.refused:
            return None
        asked = np.where(found.conflict[space.unstable] != 0, side, 0).astype(np.int8)
        program = self._exact.program(asked)
        answer = solve(program, None, clock)
        if answer is None or (isinstance(answer, Feasible) and answer.slack > 0):
            return None
        if not refutes_exactly(program, answer.multipliers):
            raise AssertionError("the multipliers of an exact program do not prove its answer")
        rows = np.flatnonzero(asked)[np.flatnonzero(answer.multipliers)]
        multipliers = [int(u) for u in answer.multipliers if u]
        divisor = math.gcd(*multipliers)
        # minors of a matrix of -1, 0 and 1: of fewer than 26 rows none is as large (Hadamard)
        if max(multipliers) // divisor >= LARGEST:
            return None
        return Refusal(rows, [u // divisor for u in multipliers])
