"""IProp's layer problems by local search: bits of a layer for (9), a dual ascent for (10)."""

from typing import TYPE_CHECKING

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.methods.layer_programs import stable_activations
from signflip.methods.layer_solver import LocalSearch, TieBreak
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem.problem import LEAST_SCORE
from signflip.search import Search
from signflip.walk.aim import Course, Incumbent, aim, judge
from signflip.walk.dual import ROOM, frame_of, fresh_dual, image_of, load, pursue
from signflip.walk.tables import halved_sums, readers_of, tables_of, wires_of

if TYPE_CHECKING:
    from signflip.methods.iprop import IProp

DIFFERENCE = 0.3
"""What a difference from the incumbent costs (9), in targets: the paper's tie-break."""
LEAST, BY_DISTANCE = 0.1, 3.0
"""By distance: what one costs at its threshold, and what for each mean distance from it."""
RESTART_TOGGLES = 4
"""Neurons of the first layer that a random incumbent toggles."""
AT_ONCE, WEIGHTS_AT_ONCE = 16, 2**22
"""Most targets between two looks at the clock, fewer on wide networks: some milliseconds."""


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
        self._course = course = _course(space, fix_stable=settings.fix_stable)
        self._parts = [
            slice(*pair) for pair in zip(course.place[:-1], course.place[1:], strict=True)
        ]
        neurons, size = int(course.place[-1]), space.size
        self._incumbent = Incumbent(
            signs=np.zeros(neurons, dtype=np.int8),
            halves=np.zeros_like(course.base),
            cost=np.full(neurons, DIFFERENCE, dtype=np.float32),
            toggled=np.zeros(size, dtype=np.bool_),
            u=np.zeros_like(course.dual.u),
            z=np.zeros_like(course.dual.z),
        )
        weights = sum(layer.inputs * layer.neurons for layer in network.hidden)
        self.at_once = max(1, min(AT_ONCE, WEIGHTS_AT_ONCE // weights))
        self._top, self._summit = -np.inf, np.zeros(size, dtype=np.bool_)
        self._restarts = 0
        self._take_over(space.toggles_of(run.witness))

    @property
    def signs(self) -> list[Signs]:
        """See `LayerProblems.signs`."""
        return [self._incumbent.signs[part] for part in self._parts]

    def pursue(self, targets: Signs) -> bool:
        """See `LayerProblems.pursue`."""
        dice = self._rng.random((len(targets), int(self._course.place[-1])), dtype=np.float32)
        in_vain = aim(
            self._course, self._incumbent, self._best, targets, dice, self._solver.steps,
            self._solver.sweeps, LEAST_SCORE,
        )  # fmt: skip
        if in_vain == len(targets):
            return False
        self._keep()
        return True

    def restart(self) -> bool:
        """See `LayerProblems.restart`: near the best point so far and near the image, in turn."""
        self._restarts += 1
        wanted = self._summit.copy() if self._restarts % 2 else np.zeros_like(self._summit)
        count = min(RESTART_TOGGLES, len(wanted))
        wanted[self._rng.choice(len(wanted), count, replace=False)] ^= True
        self._take_over(wanted)
        return True

    def _take_over(self, wanted: Flips) -> None:
        """Take the incumbent's place with a pattern (m,), as far as the box gives it."""
        frame, dual = self._course.frame, self._course.dual
        load(frame, dual, np.zeros_like(wanted), np.zeros_like(dual.u), np.zeros_like(dual.z))
        pursue(frame, dual, wanted, self._solver.sweeps, np.float32(ROOM))
        judge(self._course, LEAST_SCORE)
        self._keep()

    def _keep(self) -> None:
        """The dual's point is the new incumbent."""
        course, incumbent, dual = self._course, self._incumbent, self._course.dual
        self._best = float(course.score[0])
        if self._best > self._top:
            self._top, self._summit = self._best, dual.toggled.copy()
        for source, target in (
            (dual.toggled, incumbent.toggled),
            (dual.u, incumbent.u),
            (dual.z, incumbent.z),
            (course.wires.trial, incumbent.halves),
        ):
            target[:] = source
        first = self._parts[0]
        incumbent.signs[first] = self._space.pattern(course.toggles)
        if len(self._parts) > 1:
            above = np.where(incumbent.halves >= 0, np.int8(1), np.int8(-1))
            incumbent.signs[first.stop :] = above
        if self._settings.tie_break is TieBreak.DISTANCE:
            incumbent.cost[:] = self._distances()
        if self._best > self._run.standing.score:
            self._run.offer(image_of(self._space, dual))

    def _distances(self) -> Floats:
        """What a toggle of each neuron costs (9), by its distance from its threshold."""
        space, halves = self._space, self._incumbent.halves
        distances = np.zeros(len(self._incumbent.signs))
        mean = max(float(np.abs(self._course.frame.distance).mean()), 1e-30)
        distances[space.unstable] = np.abs(self._course.lack) / mean
        if len(self._parts) > 1:
            fan_in = [layer.map.fan_in for layer in space.problem.network.hidden[1:]]
            half_widths = np.maximum(np.sqrt(np.concatenate(fan_in)) / 2, 0.5)
            distances[self._parts[0].stop :] = np.abs(halves + 0.5) / half_widths
        return LEAST + BY_DISTANCE * distances


def _course(space: PatternSpace, *, fix_stable: bool) -> Course:
    """All that a run does not change, at the centre of the box."""
    problem, network = space.problem, space.problem.network
    tables, frame = tables_of(network), frame_of(space)
    stable = space.signs.copy()
    stable[space.unstable] = 0
    fixed = np.concatenate(stable_activations(network, stable))
    rivals = problem.rivals
    return Course(
        tables=tables,
        readers=readers_of(network),
        wires=wires_of(tables),
        frame=frame,
        dual=fresh_dual(frame),
        place=np.cumsum([0, *network.widths], dtype=np.int64),
        free=(fixed == 0) | (not fix_stable),
        unstable=np.ascontiguousarray(space.unstable, dtype=np.int64),
        sign=np.ascontiguousarray(space.signs[space.unstable]),
        base=halved_sums(network, space.signs),
        coefficients=np.array([problem.coefficients(rival) for rival in rivals], dtype=np.float64),
        constants=np.array([problem.constant(rival) for rival in rivals], dtype=np.float64),
        tied=np.array([rival in problem.tied_rivals for rival in rivals]),
        toggles=np.zeros(space.size, dtype=np.bool_),
        lack=np.zeros(space.size, dtype=np.float32),
        score=np.zeros(1),
    )
