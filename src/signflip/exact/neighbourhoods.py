"""The exact search where neurons read few others: elimination, and geometry as it is asked for.

With one or two hidden layers the objective is a sum over the last hidden layer, and each of its
neurons depends on the unstable first-layer neurons that it reads. Where these are few, as in
convolutions, the maximum over all sign patterns is found, or bounded, by elimination
(`signflip.exact.elimination`). Its pattern is then asked of the box: an image that has it is a
witness; else a part of it that no image has is ruled out, and the maximum taken again. A rival is
refuted when its maximum is not above the floor. Pairs that no image has (`signflip.exact.pairs`)
are known before: those that some neuron reads are ruled out at once, where they widen nothing. No
search tree, and every step is integer or rational arithmetic, or rounded outward.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Self

import numpy as np

from signflip.arrays import Booleans, Integers, Signs
from signflip.attack import Outcome
from signflip.exact.elimination import FORBIDDEN, LARGEST, Factor, Maximum, forbidding, maximise
from signflip.exact.goal_search import GoalSearch
from signflip.exact.pairs import Clashes, clashes
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, Lead
from signflip.network.sign_layer import as_signs
from signflip.patterns.realise import Realisation, Realiser
from signflip.patterns.space import PatternSpace
from signflip.problem import Standing
from signflip.result import Stop
from signflip.run import Run

MOST_READ = 16
"""Unstable neurons that a neuron of the last hidden layer reads, at most."""
KEPT = 12
"""Of more, so many that toggle most easily are kept, and the neuron has its way with the others."""
LEAST_LARGE = 200
"""Unstable neurons from which on that is done: where there are fewer, the tree is better."""
SHARE = 1 / 3
"""And their share of all unstable neurons: where neurons read most of them, the tree is faster."""
WIDTHS = (14, 18, 20, 22)
"""Variables of a table at most, 22 for four million entries: wider only where it is needed."""
MOST_CONFLICT = 8
"""Neurons of a part that no image has, at most: a wider table would undo what it gains."""


@dataclass(kw_only=True)
class Neighbourhoods(GoalSearch):
    """The search of one problem.

    Attributes:
        scopes: what each neuron of the last hidden layer reads of them, or is kept of that.
        most: the sign of each such neuron, for each toggling of its scope, +1 where that can be.
        least: the same, -1 where that can be; the two differ where less was kept than is read.
        complete: whether all that is read was kept.
        ruled_out: parts of patterns that no image has; they hold for every rival.
        width: of the widest tables that a rival was refuted with.
    """

    scopes: list[tuple[int, ...]]
    most: list[np.ndarray]
    least: list[np.ndarray]
    complete: bool
    ruled_out: list[Factor]
    width: int = WIDTHS[0]
    _apart: Clashes
    """Pairs that clash and are not ruled out so far: no neuron reads both."""
    _open: Standing | None = None
    _factors: dict[int, list[Factor]] = field(default_factory=dict)
    """Of the rival in hand."""

    @classmethod
    def of(
        cls,
        run: Run,
        goal: SearchGoal,
        space: PatternSpace,
        share: float = SHARE,
        *,
        sparing: bool = False,
    ) -> Self | None:
        """The search, or None where the network is too deep, or a neuron reads too many.

        Args:
            run: the method's run.
            goal: what the method is after.
            space: the unstable neurons.
            share: the largest share of them that a neuron may read.
            sparing: whether to rule out no pair before a best pattern has it.
        """
        network = run.problem.network
        if len(network.hidden) > 2 or (share < 1 and _reads_all(network)):
            return None
        lead = network.output.lead(run.problem.rivals[0], run.problem.prediction)
        if lead.numerators.dtype == object or int(np.abs(lead.numerators).sum()) >= LARGEST:
            return None
        half, effect = _last_layer(space)
        reads = effect != 0
        widest = int(reads.sum(axis=1).max(initial=0))
        complete = widest <= MOST_READ
        if widest > share * space.size or not (complete or space.size >= LEAST_LARGE):
            return None
        scopes = [_kept(np.flatnonzero(row)) for row in reads]
        most, least = [], []
        for start, row, scope in zip(half.tolist(), effect, scopes, strict=True):
            rest = row.astype(np.int64)
            rest[list(scope)] = 0
            most.append(_signs(start + int(rest[rest > 0].sum()), row[list(scope)]))
            least.append(
                _signs(start + int(rest[rest < 0].sum()), row[list(scope)])
                if rest.any()
                else most[-1]
            )
        known = clashes(space)
        near = _read_together(scopes, space.size)[known.neurons[:, 0], known.neurons[:, 1]]
        near &= not sparing
        pairs = zip(known.neurons[near], known.toggled[near], strict=True)
        return cls(
            run=run,
            goal=goal,
            space=space,
            scopes=scopes,
            most=most,
            least=least,
            complete=complete,
            ruled_out=[forbidding(pair, values) for pair, values in pairs],
            _apart=Clashes(known.neurons[~near], known.toggled[~near]),
        )

    def outcome(self) -> Outcome | None:
        """Refute one rival after the other; None where one of them stays open."""
        stuck = False
        for rival in self.run.problem.nearest_rivals:
            refuted = self.refute(rival)
            if self.goal.settled_by(self.run):
                return self.stopped(Stop.DECIDED)
            if self.run.clock.expired():
                return self.stopped(Stop.TIME_LIMIT)
            stuck = stuck or not refuted
        if stuck or (self._open is not None and self._open > self.floor):
            return None
        return self.ended()

    def refute(self, rival: int) -> bool:
        """Whether it is sure that nothing of a rival is above the floor; it may rise meanwhile."""
        for width in WIDTHS:
            while not self.run.clock.expired():
                best = self._best(rival, width)
                if best is None:
                    self.width = max(self.width, width)
                    return True
                if self.goal.settled_by(self.run):
                    return False
                if not self._pursue(best):
                    if best.exact:
                        # neither an image nor a refusal that can be noted: nothing is proved
                        return False
                    break
        return False

    def _best(self, rival: int, width: int) -> Maximum | None:
        """The best pattern for a rival; None if it is not above the floor, geometry or not."""
        problem = self.run.problem
        lead = problem.network.output.lead(rival, problem.prediction)
        if rival not in self._factors:
            self._factors = {rival: self._factors_of(lead)}
        best = maximise([*self._factors[rival], *self.ruled_out], self.space.size, width)
        if best.value < FORBIDDEN // 2:  # all patterns are ruled out
            return None
        best = replace(best, exact=best.exact and self.complete)
        value = Fraction(best.value + lead.constant, lead.denominator)
        tied = value == 0 and rival in problem.tied_rivals
        above = Standing(value, flipped=value > 0 or tied) > self.floor
        return best if above else None

    def _factors_of(self, lead: Lead) -> list[Factor]:
        """What the last layer's neurons add to a lead, those of one scope together."""
        tables: dict[tuple[int, ...], np.ndarray] = {}
        numerators = lead.numerators.tolist()
        signs = zip(self.scopes, self.most, self.least, numerators, strict=True)
        for scope, most, least, numerator in signs:
            table = most if numerator > 0 else least
            if numerator:
                tables[scope] = tables.get(scope, 0) + numerator * table.astype(np.int64)
        return [Factor(scope, table) for scope, table in tables.items()]

    def _pursue(self, best: Maximum) -> bool:
        """Look for an image with the pattern, or rule parts of it out; whether to go on."""
        space, problem = self.space, self.run.problem
        if self._rule_out_pairs(best.choice):
            return True
        toggled = space.pattern(best.choice)
        demand = np.zeros(len(space.signs), dtype=np.int8)
        demand[space.unstable] = toggled[space.unstable]
        found = self._realise(demand, thorough=best.exact)
        before = self.run.standing
        if found.image is not None and not found.refused:
            self.run.offer(found.image)
            if self.run.standing > before:
                return True
        if found.refused:
            return self._rule_out(found, demand, best.choice)
        if not best.exact:
            return False
        # neither an image nor a refusal: this pattern stays open
        signs = problem.network.activations_of_pattern(toggled[None])[-1][0]
        standing = problem.standing(signs)
        self._open = standing if self._open is None else max(self._open, standing)
        if space.size > MOST_CONFLICT:
            return False
        self.ruled_out.append(forbidding(np.arange(space.size), best.choice))
        return True

    def _rule_out_pairs(self, choice: Booleans) -> bool:
        """Rule out the pairs of a pattern that are known to clash; is there one?"""
        neurons, toggled = self._apart
        both = (choice[neurons] == toggled).all(axis=1)
        pairs = zip(neurons[both], toggled[both], strict=True)
        self.ruled_out += [forbidding(pair, values) for pair, values in pairs]
        self._apart = Clashes(neurons[~both], toggled[~both])
        return bool(both.any())

    def _realise(self, demand: Signs, *, thorough: bool = False) -> Realisation:
        return self._realiser.realise(demand, self.run.clock.remaining(), thorough=thorough)

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
        if found.image is not None:
            # it has nearly all that is best
            self.run.offer(found.image)
        return some

    def _fewer(self, conflict: Signs) -> Signs:
        """Signs that no image has together, made few by taking away one after the other."""
        asked = np.flatnonzero(conflict)
        realiser = Realiser(self.space.part(np.flatnonzero(conflict[self.space.unstable])))
        for neuron in asked.tolist():
            if conflict[neuron] == 0 or np.count_nonzero(conflict) <= 2:
                continue
            part = conflict.copy()
            part[neuron] = 0
            again = realiser.realise(part, self.run.clock.remaining(), thorough=False)
            if again.refused:
                conflict = again.conflict
        return conflict


def _reads_all(network: BinaryNetwork) -> bool:
    """Whether a neuron of the second layer reads the whole first one: seen without its tables."""
    above = network.hidden[1:]
    return any(layer.map.most_read == layer.map.inputs for layer in above)


def _kept(scope: Integers) -> tuple[int, ...]:
    """What is kept of what a neuron reads; the unstable neurons are in order, the dearest first."""
    kept = scope if len(scope) <= MOST_READ else scope[-KEPT:]
    return tuple(kept.tolist())


def _read_together(scopes: list[tuple[int, ...]], size: int) -> Booleans:
    """(m, m) bool: which unstable neurons some neuron reads both of."""
    together = np.zeros((size, size), dtype=np.bool_)
    for scope in set(scopes):
        together[np.ix_(scope, scope)] = True
    return together


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
    """(2, ..., 2) int8: the sign of a neuron for each toggling of what it reads."""
    total = np.full((2,) * len(effect), half, dtype=np.int64)
    for axis, change in enumerate(effect.tolist()):
        shape = [1] * len(effect)
        shape[axis] = 2
        total = total + np.array([0, change]).reshape(shape)
    return as_signs(total >= 0)
