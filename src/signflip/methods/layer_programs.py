"""IProp's layer problems as mixed-integer programs (9) and (10), in a solver of choice."""

from typing import TYPE_CHECKING

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.methods.layer_solver import TieBreak
from signflip.milp.layers import ImageProblem, LayerProgram, signs_program
from signflip.network import BinaryNetwork, SignLayer
from signflip.network.domains import INTERVALS, Interval, propagate
from signflip.programs.solver import Solver
from signflip.search import Search

if TYPE_CHECKING:
    from signflip.methods.iprop import IProp

LEAST_COST = 0.1
"""Of a difference, by distance: what it costs at its threshold, in units of a mean distance."""


class LayerPrograms:
    """The layer problems of one run.

    Args:
        settings: the method.
        solver: what solves programs.
        run: its run.
    """

    at_once = 1

    def __init__(self, settings: "IProp", solver: Solver, run: Search) -> None:
        problem = run.problem
        self._settings = settings
        self._solver = solver
        self._run = run
        self._rng = np.random.default_rng(settings.seed)
        self._images = ImageProblem(problem.network.hidden[0], problem.image, problem.region)
        self._fixed = stable_activations(problem.network, self._images.stable)
        if not settings.fix_stable:
            self._fixed = [np.zeros_like(signs) for signs in self._fixed]
        self._take(run.witness)

    def _take(self, image: Floats) -> None:
        self._image = image
        self._standing = self._run.problem.replay(image).standing
        self.signs = [signs[0] for signs in self._run.problem.network.activations(image[None])]

    def pursue(self, targets: Signs) -> bool:
        """See `LayerProblems.pursue`."""
        (target,) = targets
        layers = self._run.problem.network.hidden
        for above in range(len(layers) - 1, 0, -1):
            below = above - 1
            costs = None
            if self._settings.tie_break is TieBreak.DISTANCE:
                costs = self._costs(layers[below], below)
            program = signs_program(
                layers[above], target, self.signs[below], self._fixed[below], costs,
                self._run.clock,
            )  # fmt: skip
            target = program.signs(self._solve(program))
        images = self._images.program(target, self._image, self._run.clock)
        # measured: quick is three times as fast for (10), and misses good points of (9)
        image = self._images.image_of(self._solve(images, quick=True))
        self._run.offer(image)
        replay = self._run.problem.replay(image)
        if not replay.inside or replay.standing <= self._standing:
            return False
        self._take(image)
        return True

    def restart(self) -> bool:
        """See `LayerProblems.restart`."""
        region = self._run.problem.region
        share = self._rng.random(len(self._image))
        image = region.project(region.box.lower + share * (region.box.upper - region.box.lower))
        self._run.offer(image)
        self._take(image)
        return bool((region.box.lower < region.box.upper).any())

    def _costs(self, layer: SignLayer, index: int) -> Floats:
        """What a difference of each neuron of a layer costs: its distance from its threshold."""
        if index == 0:
            reads = self._image[None]
            gaps = np.abs(layer.map.apply(reads)[0] - layer.threshold)
            costs: Floats = LEAST_COST + gaps / max(float(gaps.mean()), 1e-300)
            return costs
        sums = layer.sums(self.signs[index - 1][None])[0].astype(np.float64)
        gaps = np.abs(sums - layer.integer_threshold + 1.0)
        above: Floats = LEAST_COST + gaps / np.sqrt(np.maximum(layer.map.fan_in, 1))
        return above

    def _solve(self, layer: LayerProgram, *, quick: bool = False) -> Floats:
        """The best point found within the cutoff, the incumbent's if there is no better one."""
        if not layer.program.columns or self._run.clock.expired():
            return layer.start
        solution = self._solver.solve(
            layer.program,
            time_limit=self._run.clock.sub_limit(self._settings.cutoff),
            threads=self._settings.threads,
            seed=self._settings.seed,
            quick=quick,
            start=layer.start,
        )
        return layer.start if solution.point is None else solution.point


def stable_activations(network: BinaryNetwork, first: Signs) -> list[Signs]:
    """The sign (neurons,) int8 that each neuron of each layer is bound to, 0 where it can change.

    Args:
        network: the network.
        first: these signs for the first layer.
    """
    above = propagate(network.hidden[1:], INTERVALS, Interval.of_stable(first))
    return [first, *(interval.stable for interval in above)]
