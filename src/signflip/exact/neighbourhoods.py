"""The exact search where neurons read few others: elimination, and geometry as it is asked for.

With one or two hidden layers the objective is a sum over the last hidden layer, and each of its
neurons depends on the unstable first-layer neurons that it reads. Where these are few, as in
convolutions, the maximum over all sign patterns is found exactly (`signflip.exact.elimination`).
Its pattern is then asked of the box: an image that has it is a witness; else a part of it that no
image has is ruled out, and the maximum taken again. A rival is refuted when its maximum is not
above the floor. No search tree, and every step is integer or rational arithmetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from signflip.arrays import Booleans, Integers, Signs
from signflip.attack import Outcome
from signflip.exact.bounds import interval_bound
from signflip.exact.elimination import LARGEST, Factor, Maximum, forbidding, maximise
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Lead
from signflip.patterns.realise import Realisation, Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import NO_FLIP, Standing
from signflip.result import Stop
from signflip.run import Run

MOST_READ = 14
"""Unstable neurons that a neuron of the last hidden layer reads, at most."""
SHARE = 1 / 3
"""And their share of all unstable neurons: where neurons read most of them, the tree is faster."""
WIDEST = 20
"""Variables of a table at most: a million entries."""
MOST_CONFLICT = 8
"""Neurons of a part that no image has, at most: a wider table would undo what it gains."""


@dataclass(kw_only=True)
class Neighbourhoods:
    """The search of one problem.

    Attributes:
        run: the method's run.
        goal: whether to decide, or to find the optimum.
        space: the unstable neurons.
        scopes: what each neuron of the last hidden layer reads of them.
        tables: the sign of each such neuron, for each toggling of its scope.
        ruled_out: parts of patterns that no image has; they hold for every rival.
    """

    run: Run
    goal: SearchGoal
    space: PatternSpace
    scopes: list[tuple[int, ...]]
    tables: list[np.ndarray]
    ruled_out: list[Factor] = field(default_factory=list)
    _open: Standing | None = None
    _factors: dict[int, list[Factor]] = field(default_factory=dict)
    """Of the rival in hand."""

    @classmethod
    def of(
        cls, run: Run, goal: SearchGoal, space: PatternSpace, share: float = SHARE
    ) -> "Neighbourhoods | None":
        """The search, or None where the network is too deep, or a neuron reads too many.

        Args:
            run: the method's run.
            goal: what the method is after.
            space: the unstable neurons.
            share: the largest share of them that a neuron may read.
        """
        network = run.problem.network
        if len(network.hidden) > 2 or (share < 1 and _reads_all(network)):
            return None
        lead = network.output.lead(run.problem.rivals[0], run.problem.prediction)
        if lead.numerators.dtype == object or int(np.abs(lead.numerators).sum()) >= LARGEST:
            return None
        half, effect = _last_layer(space)
        reads = effect != 0
        if int(reads.sum(axis=1).max(initial=0)) > min(MOST_READ, share * space.size):
            return None
        scopes = [tuple(np.flatnonzero(row).tolist()) for row in reads]
        pairs = zip(half.tolist(), effect, scopes, strict=True)
        tables = [_signs(start, row[list(scope)]) for start, row, scope in pairs]
        return cls(run=run, goal=goal, space=space, scopes=scopes, tables=tables)

    @property
    def floor(self) -> Standing:
        """What is no better than this is of no interest."""
        return NO_FLIP if self.goal is SearchGoal.DECIDE else self.run.standing

    def outcome(self) -> Outcome | None:
        """Refute one rival after the other; None where tables grew too wide to be sure."""
        for rival in self._rivals():
            while (best := self._best(rival)) is not None:
                if self.run.clock.expired():
                    return self._stopped(Stop.TIME_LIMIT)
                if not best.exact:
                    return None
                if not self._pursue(best):
                    # neither an image nor a refusal that can be noted: nothing is proved
                    return self._stopped(Stop.TIME_LIMIT) if self.run.clock.expired() else None
                if self.goal is SearchGoal.DECIDE and self.run.flipped:
                    return self._stopped(Stop.DECIDED)
        if self._open is not None and self._open > self.floor:
            return None
        if self.goal is SearchGoal.DECIDE:
            return Outcome(Stop.DECIDED, bound=Fraction(0), proved=True, flipless=True)
        return Outcome(
            Stop.OPTIMAL, bound=self.run.value, proved=True, flipless=not self.run.flipped
        )

    def _stopped(self, stop: Stop) -> Outcome:
        return Outcome(stop, bound=interval_bound(self.space), proved=True)

    def _rivals(self) -> Iterator[int]:
        """The rivals, the nearest in the clean image first: it is the likeliest to flip."""
        problem = self.run.problem
        values = problem.network.forward(problem.image[None])[0]
        yield from sorted(problem.rivals, key=lambda rival: -values[rival])

    def _best(self, rival: int) -> Maximum | None:
        """The best pattern for a rival; None if it is not above the floor, geometry or not."""
        problem = self.run.problem
        lead = problem.network.output.lead(rival, problem.prediction)
        if rival not in self._factors:
            self._factors = {rival: self._factors_of(lead)}
        best = maximise([*self._factors[rival], *self.ruled_out], self.space.size, WIDEST)
        value = Fraction(best.value + lead.constant, lead.denominator)
        tied = value == 0 and rival in problem.tied_rivals
        above = Standing(value, flipped=value > 0 or tied) > self.floor
        return best if above else None

    def _factors_of(self, lead: Lead) -> list[Factor]:
        """What the last layer's neurons add to a lead, those of one scope together."""
        tables: dict[tuple[int, ...], np.ndarray] = {}
        numerators = lead.numerators.tolist()
        for scope, table, numerator in zip(self.scopes, self.tables, numerators, strict=True):
            if numerator:
                tables[scope] = tables.get(scope, 0) + numerator * table
        return [Factor(scope, table) for scope, table in tables.items()]

    def _pursue(self, best: Maximum) -> bool:
        """Look for an image with the pattern, or rule parts of it out; whether to go on."""
        space, problem = self.space, self.run.problem
        toggled = space.pattern(best.choice)
        demand = np.zeros(len(space.signs), dtype=np.int8)
        demand[space.unstable] = toggled[space.unstable]
        found = self._realise(demand)
        before = self.run.standing
        if found.image is not None and not found.refused:
            self.run.offer(found.image)
            if self.run.standing > before:
                return True
        if found.refused:
            return self._rule_out(found, demand, best.choice)
        # neither an image nor a refusal: this pattern stays open
        signs = problem.network.activations_of_pattern(toggled[None])[-1][0]
        standing = problem.standing(signs)
        self._open = standing if self._open is None else max(self._open, standing)
        if space.size > MOST_CONFLICT:
            return False
        self.ruled_out.append(forbidding(np.arange(space.size), best.choice))
        return True

    def _realise(self, demand: Signs) -> Realisation:
        return self._realiser.realise(demand, self.run.clock.remaining())

    @cached_property
    def _realiser(self) -> Realiser:
        return Realiser(self.space)

    def _rule_out(self, found: Realisation, demand: Signs, choice: Booleans) -> bool:
        """Rule out the parts of a pattern that no image has, one beside the other; is there one?"""
        place = np.full(len(demand), -1, dtype=np.int64)
        place[self.space.unstable] = np.arange(self.space.size)
        left, some = demand.copy(), False
        while found.refused and not self.run.clock.expired():
            conflict = self._fewer(found.conflict)
            left[conflict != 0] = 0
            neurons = place[np.flatnonzero(conflict)]
            if len(neurons) <= MOST_CONFLICT:
                self.ruled_out.append(forbidding(neurons, choice[neurons]))
                some = True
            # what is left may hold other parts that no image has: they cost little to find now
            found = self._realise(left)
        return some

    def _fewer(self, conflict: Signs) -> Signs:
        """Signs that no image has together, made few by taking away one after the other."""
        for neuron in np.flatnonzero(conflict).tolist():
            if conflict[neuron] == 0 or np.count_nonzero(conflict) <= 2:
                continue
            part = conflict.copy()
            part[neuron] = 0
            again = self._realise(part)
            if again.refused:
                conflict = again.conflict
        return conflict


def _reads_all(network: BinaryNetwork) -> bool:
    """Whether a neuron of the second layer reads the whole first one: seen without its tables."""
    above = network.hidden[1:]
    return any(int(layer.map.fan_in.max()) == layer.map.inputs for layer in above)


def _last_layer(space: PatternSpace) -> tuple[Integers, np.ndarray]:
    """Halved sums (K,) of the last hidden layer at the centre, and what each toggle adds (K, m)."""
    hidden = space.problem.network.hidden
    if len(hidden) == 1:
        effect = np.zeros((len(space.signs), space.size), dtype=np.int8)
        effect[space.unstable, np.arange(space.size)] = -space.signs[space.unstable]
        return np.where(space.signs > 0, 0, -1).astype(np.int64), effect
    second = hidden[1]
    sums = second.sums(space.signs[None])[0].astype(np.int64) - second.integer_threshold
    # integer thresholds have the parity of the sums: every difference is even
    return sums // 2, -(second.map.columns(space.unstable) * space.signs[space.unstable])


def _signs(half: int, effect: np.ndarray) -> np.ndarray:
    """(2, ..., 2) int64: the sign of a neuron for each toggling of what it reads."""
    total = np.full((2,) * len(effect), half, dtype=np.int64)
    for axis, change in enumerate(effect.tolist()):
        shape = [1] * len(effect)
        shape[axis] = 2
        total = total + np.array([0, change]).reshape(shape)
    signs: np.ndarray = np.where(total >= 0, 1, -1).astype(np.int64)
    return signs
