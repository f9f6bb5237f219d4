"""IProp, the paper's Algorithm 1: targets propagated from the last layer to the image."""

from dataclasses import dataclass, field
from math import comb, inf
from typing import ClassVar

import numpy as np

from signflip.arrays import Floats, Integers, Signs
from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.methods.step_size import AdaptiveStep, StepSize
from signflip.milp.layers import ImageProblem, LayerProgram, signs_program
from signflip.milp.neurons import Activations, upper_layer
from signflip.network import BinaryNetwork
from signflip.programs.highs import Highs
from signflip.programs.solver import Solver
from signflip.result import Stop
from signflip.run import Run


@dataclass(frozen=True, kw_only=True)
class IProp:
    """Integer propagation (Algorithm 1).

    Each iteration draws a few neurons of the last hidden layer that are not ideal, asks for them
    and for all that are ideal, and propagates these targets down to the image by a layer problem
    (9) or (10) per layer. An image that improves objective (1) is the next incumbent.

    A neuron's ideal sign is the one that the rival gains from. With several rivals (an untargeted
    goal) it is the rival with the highest value at the incumbent; where that one's draws are used
    up, the next.

    It stops at a local optimum: every possible draw of the smallest step has been tried from the
    incumbent. What the layer problems answer to a draw is fixed, so none is tried twice.

    Attributes:
        step: how many neurons to draw: `AdaptiveStep()` (the paper's) or `ConstantStep(neurons=5)`.
        cutoff: seconds that a layer problem may take; its best solution is used then.
        fix_stable: whether (9) knows which neurons cannot change anywhere in the box, and leaves
            them as they are. The paper's does not, and asks for much that (10) cannot give.
        solver: `Highs()`, `Scip()` or `Gurobi()`.
        threads: threads that the solver may use.
        seed: of the draws, and of the solver's random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    SPEED_ONLY: ClassVar = ("threads",)

    step: StepSize = field(default_factory=AdaptiveStep)
    cutoff: float = 10.0
    fix_stable: bool = True
    solver: Solver = field(default_factory=Highs)
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.cutoff > 0:
            raise SettingError(
                f"the cutoff is {self.cutoff}; it must be above 0 seconds: 10 is the paper's"
            )
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if not 0 <= self.seed < 2**31:
            raise SettingError(f"the seed is {self.seed}; it must be from 0 to {2**31 - 1}")

    def run(self, run: Run) -> Outcome:
        """Iterate from the run's best point, until a local optimum or the time limit.

        Raises:
            SettingError: a layer problem is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up.
        """
        propagation = _Propagation(self, run)
        draws = _Draws(self, run)
        while not run.clock.expired():
            target = draws.next_target()
            if target is None:
                return Outcome(Stop.LOCAL_OPTIMUM)
            if propagation.pursue(target, draws.incumbent):
                draws.improved()
            else:
                draws.failed()
        return Outcome(Stop.TIME_LIMIT)


class _Draws:
    """Lines 5 to 8 of Algorithm 1: which neurons of the last layer get a target."""

    def __init__(self, settings: IProp, run: Run) -> None:
        self._step = settings.step
        self._run = run
        self._rng = np.random.default_rng(settings.seed)
        self._size = self._step.first(run.problem.network.widths[-1])
        self.improved()

    def improved(self) -> None:
        """Start from the run's new incumbent."""
        self.incumbent = [signs[0] for signs in _activations(self._run)]
        self._failures = 0
        self._drawn: set[tuple[int, frozenset[int]]] = set()

    def failed(self) -> None:
        """The last draw led to no better incumbent."""
        self._failures += 1
        size = self._step.after(self._size, self._failures)
        if size != self._size:
            self._failures, self._size = 0, size

    def next_target(self) -> Signs | None:
        """Targets (width,) int8 for the last layer, 0 for none; None at a local optimum."""
        while True:
            for rival in self._rivals():
                ideal = np.sign(self._run.problem.coefficients(rival)).astype(np.int8)
                missed = np.flatnonzero((ideal != 0) & (self.incumbent[-1] != ideal))
                drawn = self._draw(rival, missed)
                if drawn is not None:
                    target = np.where(self.incumbent[-1] == ideal, ideal, np.int8(0))
                    target[drawn] = ideal[drawn]
                    return target
            smaller = self._step.after(self._size, inf)
            if smaller == self._size:
                return None
            self._failures, self._size = 0, smaller

    def _rivals(self) -> list[int]:
        """The rivals, the highest value at the incumbent first."""
        problem = self._run.problem
        gains = {
            rival: problem.constant(rival) + problem.coefficients(rival) @ self.incumbent[-1]
            for rival in problem.rivals
        }
        return sorted(gains, key=lambda rival: -gains[rival])

    def _draw(self, rival: int, missed: Integers) -> Integers | None:
        """A set of `missed` that was not drawn from this incumbent yet, None if there is none."""
        size = min(self._size, len(missed))
        used = sum(1 for other, drawn in self._drawn if other == rival and len(drawn) == size)
        if size == 0 or used == comb(len(missed), size):
            return None
        while True:
            drawn: Integers = self._rng.choice(missed, size, replace=False)
            key = (rival, frozenset(drawn.tolist()))
            if key not in self._drawn:
                self._drawn.add(key)
                return drawn


class _Propagation:
    """Lines 9 to 12 of Algorithm 1: from targets of the last layer to an image."""

    def __init__(self, settings: IProp, run: Run) -> None:
        problem = run.problem
        first = problem.network.hidden[0]
        self._settings = settings
        self._run = run
        self._images = ImageProblem(first, problem.image, problem.region)
        self._fixed = stable_activations(problem.network, self._images.stable)
        if not settings.fix_stable:
            self._fixed = [np.zeros_like(signs) for signs in self._fixed]

    def pursue(self, target: Signs, incumbent: list[Signs]) -> bool:
        """Offer the image that comes of targets (width,) for the last layer; is it better?

        Args:
            target: the wanted signs, 0 for none.
            incumbent: the activations (neurons,) of each layer that ties go to.
        """
        layers = self._run.problem.network.hidden
        for above in range(len(layers) - 1, 0, -1):
            below = above - 1
            signs = signs_program(
                layers[above], target, incumbent[below], self._fixed[below], self._run.clock
            )
            target = signs.signs(self._solve(signs))
        images = self._images.program(target, self._run.witness, self._run.clock)
        # measured: quick is three times as fast for (10), and misses good points of (9)
        return self._run.offer(self._images.image_of(self._solve(images, quick=True)))

    def _solve(self, layer: LayerProgram, *, quick: bool = False) -> Floats:
        """The best point found within the cutoff, the incumbent's if there is no better one."""
        if not layer.program.columns or self._run.clock.expired():
            return layer.start
        solution = self._settings.solver.solve(
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
    stable = [first]
    for layer in network.hidden[1:]:
        column = np.where(stable[-1] == 0, np.arange(layer.inputs), -1)
        stable.append(upper_layer(layer, Activations(sign=stable[-1], column=column)).stable)
    return stable


def _activations(run: Run) -> list[Signs]:
    return run.problem.network.activations(run.witness[None])
