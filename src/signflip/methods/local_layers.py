"""IProp's layer problems by local search: bits of a layer for (9), a dual ascent for (10)."""

from typing import TYPE_CHECKING

import numpy as np

from signflip.arrays import Signs
from signflip.methods.layer_programs import stable_activations
from signflip.methods.layer_solver import LocalSearch, TieBreak
from signflip.patterns.space import Flips, PatternSpace
from signflip.search import Search
from signflip.walk.dual import (
    FINE,
    ROOM,
    Singles,
    frame_of,
    fresh_dual,
    image_of,
    load,
    pursue,
    settle_all,
)
from signflip.walk.tables import halved_sums, readers_of, tables_of, wires_of
from signflip.walk.targets import chase, look

if TYPE_CHECKING:
    from signflip.methods.iprop import IProp

DIFFERENCE = 0.3
"""What a difference from the incumbent costs (9), in targets: the paper's tie-break."""
LEAST, BY_DISTANCE = 0.1, 3.0
"""By distance: what one costs at its threshold, and what for each mean distance from it."""
MEND_SWEEPS = 3
RESTART_TOGGLES = 5
"""Neurons of the first layer that a random incumbent toggles."""


class LocalLayers:
    """The layer problems of one run.

    Args:
        settings: the method.
        solver: its local search.
        run: its run.
        space: the patterns of the run's problem, at least two.
    """

    def __init__(
        self, settings: "IProp", solver: LocalSearch, run: Search, space: PatternSpace
    ) -> None:
        network = run.problem.network
        self._settings, self._solver, self._run, self._space = settings, solver, run, space
        self._rng = np.random.default_rng(settings.seed)
        self._tables, self._readers = tables_of(network), readers_of(network)
        self._wires = wires_of(self._tables)
        self._base = halved_sums(network, space.signs)
        self._frame = frame_of(space)
        self._dual = fresh_dual(self._frame)
        self._unstable = np.ascontiguousarray(space.unstable, dtype=np.int64)
        self._centre_signs = np.ascontiguousarray(space.signs[space.unstable])
        stable = space.signs.copy()
        stable[space.unstable] = 0
        fixed = stable_activations(network, stable)
        self._free = [signs == 0 for signs in fixed]
        if not settings.fix_stable:
            self._free = [np.ones_like(free) for free in self._free]
        self._scales = [np.sqrt(layer.map.fan_in) / 2 for layer in network.hidden]
        self._lack = np.zeros(space.size, dtype=np.float32)
        self._take_over(space.toggles_of(run.witness))

    def pursue(self, target: Signs) -> bool:
        """See `LayerProblems.pursue`."""
        for above in range(len(self.signs) - 1, 0, -1):
            below = self.signs[above - 1].copy()
            chase(
                self._tables, self._readers, above - 1, self._halves[above - 1], below, target,
                self._free[above - 1], self._costs(above - 1),
                self._rng.random(len(below), dtype=np.float32), self._solver.steps,
            )  # fmt: skip
            target = below
        unstable = self._space.unstable
        signs = self._space.signs[unstable]
        # a neuron without a target stays as it is
        wanted = np.where(target[unstable] == 0, self.signs[0][unstable], target[unstable]) != signs
        load(self._frame, self._dual, *self._state)
        pursue(self._frame, self._dual, wanted, self._solver.sweeps, np.float32(ROOM))
        same = self._look()
        if self._score <= self._best and not same:
            settle_all(self._frame, self._dual, MEND_SWEEPS, np.float32(FINE))
            self._look()
        if self._score <= self._best:
            return False
        self._keep()
        return True

    def restart(self) -> bool:
        """See `LayerProblems.restart`."""
        wanted = np.zeros(self._space.size, dtype=np.bool_)
        count = min(RESTART_TOGGLES, len(wanted))
        wanted[self._rng.choice(len(wanted), count, replace=False)] = True
        self._take_over(wanted)
        return True

    def _take_over(self, wanted: Flips) -> None:
        """Take the incumbent's place with a pattern (m,), as far as the box gives it."""
        dual = self._dual
        load(self._frame, dual, np.zeros_like(wanted), np.zeros_like(dual.u), np.zeros_like(dual.z))
        pursue(self._frame, dual, wanted, self._solver.sweeps, np.float32(ROOM))
        self._look()
        self._keep()

    def _look(self) -> bool:
        """Evaluate the dual's point; whether it has what is intended."""
        toggles = np.zeros(self._space.size, dtype=np.bool_)
        same = look(
            self._tables, self._wires, self._frame, self._dual, self._unstable,
            self._centre_signs, self._base, toggles, self._lack,
        )  # fmt: skip
        self._first = self._space.pattern(toggles)
        last = self._wires.trial[self._tables.place[-2] :]
        signs = np.where(last >= 0, np.int8(1), np.int8(-1))
        self._score = float(self._run.problem.scores_of_signs(signs[None])[0])
        return same

    def _keep(self) -> None:
        """The dual's point is the new incumbent."""
        dual = self._dual
        self._state = dual.toggled.copy(), dual.u.copy(), dual.z.copy()
        self._distances = np.abs(self._lack)
        self._best = self._score
        halves = np.split(self._wires.trial.copy(), self._tables.place[1:-1])
        self._halves = halves
        self.signs = [self._first]
        if len(self._free) > 1:
            self.signs += [np.where(each >= 0, np.int8(1), np.int8(-1)) for each in halves]
        if self._best > self._run.standing.score:
            self._run.offer(image_of(self._space, dual))

    def _costs(self, layer: int) -> Singles:
        """What a toggle of each neuron of a layer costs (9)."""
        if self._settings.tie_break is TieBreak.DIFFERENCES:
            return np.full(len(self.signs[layer]), DIFFERENCE, dtype=np.float32)
        if layer == 0:
            distances = np.zeros(len(self.signs[0]))
            mean = max(float(np.abs(self._frame.distance).mean()), 1e-30)
            distances[self._space.unstable] = self._distances / mean
        else:
            half = np.abs(self._halves[layer - 1] + 0.5)
            distances = half / np.maximum(self._scales[layer], 0.5)
        costs: Singles = (LEAST + BY_DISTANCE * distances).astype(np.float32)
        return costs
