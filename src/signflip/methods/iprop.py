"""IProp, the paper's Algorithm 1: targets propagated from the last layer to the image."""

from dataclasses import dataclass, field
from math import comb, inf
from typing import ClassVar

import numpy as np

from signflip.arrays import Integers, Signs
from signflip.attack import Outcome
from signflip.clock import Clock
from signflip.errors import SettingError
from signflip.methods.layer_solver import (
    LayerProblems,
    LayerSolver,
    LocalSearch,
    TieBreak,
    check_layer_solver,
    layer_solver,
    tie_break,
)
from signflip.methods.step_size import AdaptiveStep, ConstantStep, StepSize
from signflip.methods.table_time import allow_tables, time_of_a_step
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.preparation import Preparation
from signflip.problem import Problem
from signflip.result import Stop
from signflip.search import Search
from signflip.settings import check_flag, check_number, check_whole


@dataclass(frozen=True, kw_only=True)
class IProp:
    """Integer propagation (Algorithm 1).

    Each iteration draws a few neurons of the last hidden layer that are not ideal, asks for them
    and for all that are ideal, and propagates these targets down to the image by a layer problem
    (9) or (10) per layer. An image that improves objective (1) is the next incumbent.

    A neuron's ideal sign is the one that the rival gains from. With several rivals (an untargeted
    goal) it is the rival with the highest value at the incumbent; where that one's draws are used
    up, the next.

    At a local optimum every possible draw of the smallest step has been tried from the incumbent,
    none of them twice. There it stops, as the paper's does, or starts again from a random one: with
    local search near its best point and near the image in turn.

    Attributes:
        step: how many neurons to draw: `AdaptiveStep()` (the paper's) or `ConstantStep(neurons=5)`.
        cutoff: seconds that a layer problem may take; its best solution is used then.
        fix_stable: whether (9) knows which neurons cannot change anywhere in the box, and leaves
            them as they are. The paper's does not, and asks for much that (10) cannot give.
        solver: of layer problems: `LocalSearch()`, or as in the paper a solver of programs,
            `Highs()`, `Scip()` or `Gurobi()`; or its name.
        tie_break: which of the activations that meet as many targets (9) prefers: those with the
            fewest differences from the incumbent's (the paper's), or those whose differences are
            nearest to their thresholds.
        restarts: how often it starts again at a local optimum; None for until the time limit, and
            for never without one. The paper's does not.
        threads: threads that a solver of programs may use.
        seed: of the draws, and of the solver's random choices.

    Raises:
        SettingError: a setting is out of range.
    """

    SPEED_ONLY: ClassVar = ("threads",)
    VERSION: ClassVar = 3

    step: StepSize = field(default_factory=AdaptiveStep)
    cutoff: float = 10.0
    fix_stable: bool = True
    solver: LayerSolver = field(default_factory=LocalSearch)
    tie_break: TieBreak = TieBreak.DIFFERENCES
    restarts: int | None = None
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.solver, str):
            object.__setattr__(self, "solver", layer_solver(self.solver))
        object.__setattr__(self, "tie_break", tie_break(self.tie_break))
        check_layer_solver(self.solver)
        check_number(cutoff=self.cutoff)
        check_flag(fix_stable=self.fix_stable)
        if not isinstance(self.step, AdaptiveStep | ConstantStep):
            raise SettingError(
                f"the step is {self.step!r}; it must be AdaptiveStep() or ConstantStep(neurons=5)"
            )
        restarts = 0 if self.restarts is None else self.restarts
        check_whole(restarts=restarts, threads=self.threads, seed=self.seed)
        if self.restarts is not None and self.restarts < 0:
            raise SettingError(
                f"restarts is {self.restarts}; it must be 0 or more, or None for until the time "
                "limit"
            )
        if not self.cutoff > 0:
            raise SettingError(
                f"the cutoff is {self.cutoff}; it must be above 0 seconds: 10 is the paper's"
            )
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if not 0 <= self.seed < 2**31:
            raise SettingError(f"the seed is {self.seed}; it must be from 0 to {2**31 - 1}")

    def prepare(self) -> None:
        """Compile the local search; after the first time on a machine it comes from a cache."""
        if isinstance(self.solver, LocalSearch):
            LOCAL.load()

    def run(self, run: Search) -> Outcome:
        """Iterate from the run's best point, until the last local optimum or the time limit.

        Raises:
            SettingError: a layer problem is too large for the solver's licence.
            MissingExtraError: the solver's package is not installed.
            SolverFailure: the solver gave up.
            ProblemError: a layer is too wide for the local search's tables.
            OutOfTime: there is no time for them.
        """
        if run.clock.expired():
            return Outcome(Stop.TIME_LIMIT)
        search = self._layer_problems(run)
        if search is None:
            return Outcome(Stop.LOCAL_OPTIMUM)
        draws = _Draws(self, run.problem, search)
        restarts = self._restarts(run)
        while not run.clock.expired():
            targets = draws.next_targets()
            if len(targets) == 0:
                if restarts <= 0 or not search.restart():
                    return Outcome(Stop.LOCAL_OPTIMUM)
                restarts -= 1
                draws.restarted()
            elif search.pursue(targets):
                draws.improved()
            else:
                draws.failed(len(targets))
        return Outcome(Stop.TIME_LIMIT)

    def _layer_problems(self, run: Search) -> LayerProblems | None:
        """What solves the layer problems; None if the first layer has one pattern only."""
        if not isinstance(self.solver, LocalSearch):
            from signflip.methods.layer_programs import LayerPrograms

            return LayerPrograms(self, self.solver, run)
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.methods.local_layers import LocalLayers
        from signflip.patterns.space import PatternSpace

        space = PatternSpace.of(run.problem)
        if space.size == 0:
            return None
        allow_tables(run.clock, time_of_a_step(run.problem.network))
        return LocalLayers(self, self.solver, run, space)

    def _restarts(self, run: Search) -> float:
        if self.restarts is not None:
            return self.restarts
        return 0 if run.clock.limit is None else inf


class _Draws:
    """Lines 5 to 8 of Algorithm 1: which neurons of the last layer get a target."""

    def __init__(self, settings: IProp, problem: Problem, search: LayerProblems) -> None:
        self._step = settings.step
        self._search = search
        self._rng = np.random.default_rng(settings.seed)
        self._gains = {
            rival: (problem.constant(rival), problem.coefficients(rival))
            for rival in problem.rivals
        }
        self._first = self._step.first(problem.network.widths[-1])
        self.restarted()

    def restarted(self) -> None:
        """Start anew, with the first step."""
        self._size = self._first
        self.improved()

    def improved(self) -> None:
        """Start from the new incumbent."""
        self._failures = 0
        self._drawn: dict[tuple[int, int], set[frozenset[int]]] = {}

    def failed(self, draws: int) -> None:
        """So many draws, the last ones, led to no better incumbent."""
        self._failures += draws
        size = self._step.after(self._size, self._failures)
        if size != self._size:
            self._failures, self._size = 0, size

    def next_targets(self) -> Signs:
        """Targets (N, width) int8 for the last layer, 0 for none; no row at a local optimum."""
        incumbent = self._search.signs[-1]
        while True:
            most = self._until_smaller()
            for rival in self._rivals(incumbent):
                ideal = np.sign(self._gains[rival][1]).astype(np.int8)
                missed = np.flatnonzero((ideal != 0) & (incumbent != ideal))
                drawn = self._draw(rival, missed, most)
                if drawn:
                    target = np.where(incumbent == ideal, ideal, np.int8(0))
                    targets = np.repeat(target[None], len(drawn), axis=0)
                    for row, places in zip(targets, drawn, strict=True):
                        row[places] = ideal[places]
                    return targets
            smaller = self._step.after(self._size, inf)
            if smaller == self._size:
                return np.zeros((0, len(incumbent)), dtype=np.int8)
            self._failures, self._size = 0, smaller

    def _until_smaller(self) -> int:
        """How many draws may fail before the step changes, as far as they are made at once."""
        most = self._search.at_once
        changes = (
            count
            for count in range(1, most)
            if self._step.after(self._size, self._failures + count) != self._size
        )
        return next(changes, most)

    def _rivals(self, incumbent: Signs) -> list[int]:
        """The rivals, the highest value at the incumbent first."""
        if len(self._gains) == 1:
            return list(self._gains)
        values = {
            rival: constant + coefficients @ incumbent
            for rival, (constant, coefficients) in self._gains.items()
        }
        return sorted(values, key=lambda rival: -values[rival])

    def _draw(self, rival: int, missed: Integers, most: int) -> list[Integers]:
        """Sets of `missed`, up to `most`, that were not drawn from this incumbent yet."""
        size = min(self._size, len(missed))
        used = self._drawn.setdefault((rival, size), set())
        wanted = min(most, comb(len(missed), size) - len(used)) if size else 0
        found: list[Integers] = []
        while len(found) < wanted:
            drawn: Integers = self._rng.choice(missed, size, replace=False)
            members = frozenset(drawn.tolist())
            if members not in used:
                used.add(members)
                found.append(drawn)
        return found


def _compile() -> None:
    """Propagate on a small problem."""
    rng = np.random.default_rng(0)
    hidden = tuple(SignLayer.dense(rng.choice([-1, 1], (4, 4)), np.zeros(4)) for _ in range(2))
    output = OutputLayer(rng.choice([-1, 1], (2, 4)), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork(hidden, output), np.full(4, 0.5), epsilon=0.5)
    IProp(restarts=1).run(Search(problem, Clock.start(None)))


LOCAL = Preparation("iprop", _compile)
