"""The exact search where the first layer only compares single pixels with thresholds.

The signs of such a layer are bits of pixels, and whatever the box lets each pixel do can be done by
all together: no geometry is left. With one more hidden layer and the output, a rival's lead is a
sum over neurons that read few bits, and `signflip.exact.factor_search` searches for its maximum.
"""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.attack import Outcome
from signflip.exact.beside import WalkBeside
from signflip.exact.bits_bound import FOUND, REFUTED, Votes
from signflip.exact.factor_search import RivalSearch
from signflip.exact.goal_search import GoalSearch
from signflip.methods.search_goal import SearchGoal
from signflip.network import Lead
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Standing
from signflip.result import Stop
from signflip.run import Run

LARGEST = 2**44
"""A lead's weights times the inputs of a neuron add up to less: 64 bits hold the scaled bounds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Levels:
    """What the pixels of a box can be, as the first layer sees them.

    The neurons of a pixel that the box leaves open switch one after the other as the pixel rises:
    it stands at one of the levels 0, 1, ..., and level l + 1 is passed where it reaches the next
    threshold.

    Attributes:
        pixel: (pixels,) those with an open neuron.
        first: (pixels + 1,) first bit of each, and the number of bits.
        threshold: (bits,) float64, rising within a pixel.
        bit: (m,) bit of each neuron of `PatternSpace.unstable`.
    """

    pixel: Integers
    first: Integers
    threshold: Floats
    bit: Integers

    @classmethod
    def of(cls, space: PatternSpace) -> "Levels":
        """The levels of a problem whose first layer `compares_pixels`."""
        layer = space.layer
        reads = np.argmax(layer.map.rows(space.unstable) != 0, axis=1)
        pairs = np.stack([reads.astype(np.float64), layer.threshold[space.unstable]], axis=1)
        # neurons of one pixel with one threshold share a bit
        made, bit = np.unique(pairs, axis=0, return_inverse=True)
        pixel, first = np.unique(made[:, 0].astype(np.int64), return_index=True)
        return cls(
            pixel=pixel,
            first=np.append(first, len(made)).astype(np.int64),
            threshold=made[:, 1],
            bit=bit.reshape(-1).astype(np.int64),
        )

    def image(self, space: PatternSpace, level: Integers) -> Floats:
        """The image of the box that has these levels (pixels,) and is nearest to the clean one."""
        box, image = space.problem.box, space.problem.image.copy()
        for number, pixel in enumerate(self.pixel.tolist()):
            passed, end = self.first[number] + level[number], self.first[number + 1]
            least, most = box.lower[pixel], box.upper[pixel]
            if level[number] > 0:
                least = self.threshold[passed - 1]
            if passed < end:
                most = np.nextafter(self.threshold[passed], -np.inf)
            image[pixel] = min(max(image[pixel], least), most)
        return image


def compares_pixels(space: PatternSpace) -> bool:
    """Whether each open neuron of the first layer is +1 iff one pixel is at least its threshold."""
    rows = space.problem.network.hidden[0].map
    if rows.most_read > 1:
        return False
    return bool((rows.rows(space.unstable).max(axis=1, initial=0) == 1).all())


def reads_bits(space: PatternSpace) -> bool:
    """Whether a problem is one for `InputBits`, but for the size of its weights."""
    problem = space.problem
    is_box = isinstance(problem.region, Box)
    return is_box and len(problem.network.hidden) == 2 and compares_pixels(space)


@dataclass(kw_only=True)
class InputBits(GoalSearch):
    """The search of one problem.

    Attributes:
        beside: a walk to take turns with.
        levels: the pixels that the bits belong to.
        off: (width,) halved sums of the last hidden layer, less thresholds, at level 0 everywhere.
        reader: (k,) the neurons of that layer that read a bit.
        neuron: (entries,) place in `reader` of each entry.
        bit: (entries,) its bit.
        change: (entries,) what passing the bit adds to the neuron's halved sum.
    """

    beside: WalkBeside
    levels: Levels
    off: Integers
    reader: Integers
    neuron: Integers
    bit: Integers
    change: Integers

    @classmethod
    def of(
        cls, run: Run, goal: SearchGoal, space: PatternSpace, beside: WalkBeside
    ) -> "InputBits | None":
        """The search, or None where the network or the region is another."""
        problem = run.problem
        network = problem.network
        if not reads_bits(space):
            return None
        last = network.hidden[1]
        width = max(1, last.map.most_read) + 1
        for rival in problem.rivals:
            lead = network.output.lead(rival, problem.prediction)
            if lead.numerators.dtype == object or abs(lead.constant) >= LARGEST:
                return None
            if int(np.abs(lead.numerators).sum()) * width >= LARGEST:
                return None
        levels = Levels.of(space)
        signs = space.signs.copy()
        signs[space.unstable] = -1
        # integer thresholds have the parity of the sums: every difference is even
        off = (last.sums(signs[None])[0].astype(np.int64) - last.integer_threshold) // 2
        columns = last.map.columns(space.unstable)
        reader = np.flatnonzero(columns.any(axis=1))
        effect = np.zeros((len(reader), int(levels.first[-1])), dtype=np.int64)
        for neuron, bit in enumerate(levels.bit.tolist()):
            effect[:, bit] += columns[reader, neuron]
        entries = np.nonzero(effect)
        return cls(
            run=run,
            goal=goal,
            space=space,
            beside=beside,
            levels=levels,
            off=off,
            reader=reader,
            neuron=entries[0].astype(np.int64),
            bit=entries[1].astype(np.int64),
            change=effect[entries],
        )

    def outcome(self) -> Outcome | None:
        """Refute one rival after the other; None where a pattern has no image, against all rules.

        Each flip that is found raises the floor, so a rival is refuted when nothing beats the best.
        """
        if self.goal.settled_by(self.run):  # at a tie, the clean image itself may count as a flip
            return self.stopped(Stop.DECIDED)
        for rival in self.run.problem.nearest_rivals:
            lead = self.run.problem.network.output.lead(rival, self.run.problem.prediction)
            votes, _ = self.votes(lead)
            step = int(np.gcd.reduce(votes.worth))
            found: RivalSearch | None = None
            while True:
                tied = rival in self.run.problem.level_beats(self.floor)
                # what is refuted stays so, as the floor only rises
                votes = votes._replace(
                    least=least_lead(lead, votes.base, step, self.floor, tied=tied)
                )
                if votes.base + int(votes.worth.sum()) < votes.least:
                    break
                if found is None:
                    found = RivalSearch(votes)
                answer = found.go_on(votes)
                if answer == REFUTED:
                    break
                if answer == FOUND:
                    before = self.run.standing
                    self.run.offer(self.levels.image(self.space, found.level))
                    if self.run.standing <= before:
                        return None
                elif self.run.clock.expired():
                    return self.stopped(Stop.TIME_LIMIT)
                else:
                    self.beside.turn()
                if self.goal.settled_by(self.run):
                    return self.stopped(Stop.DECIDED)
        return self.ended()

    def votes(self, lead: Lead) -> tuple[Votes, Integers]:
        """A rival's lead over the neurons that the bits leave open; its least is to be set.

        Returns:
            It, and which neurons of the last hidden layer these are.
        """
        side = np.sign(lead.numerators).astype(np.int64)
        weight = np.abs(lead.numerators).astype(np.int64)
        margin = np.where(side > 0, self.off, -self.off - 1)
        settled = np.where(margin >= 0, weight, -weight)
        base = lead.constant + int(settled.sum() - settled[self.reader].sum())
        base -= int(weight[self.reader].sum())
        # a change by more than 1 is as many helpers
        neuron = np.repeat(self.neuron, np.abs(self.change))
        bit = np.repeat(self.bit, np.abs(self.change))
        rises = np.repeat(self.change * side[self.reader][self.neuron] > 0, np.abs(self.change))
        readers = len(self.reader)
        helpers = np.bincount(neuron, minlength=readers)
        need = np.bincount(neuron[~rises], minlength=readers) - margin[self.reader]
        worth = 2 * weight[self.reader]
        base += int(worth[need <= 0].sum())
        kept = (need > 0) & (need <= helpers) & (worth > 0)
        at = np.flatnonzero(kept[neuron])
        first = self.levels.first
        votes = Votes(
            first=first,
            pixel=np.repeat(np.arange(len(first) - 1), np.diff(first)),
            start=np.append(0, np.cumsum(helpers[kept])),
            bit=bit[at],
            rises=rises[at],
            need=need[kept],
            worth=worth[kept],
            base=base,
            least=0,
        )
        return votes, self.reader[kept]


def least_lead(lead: Lead, base: int, step: int, floor: Standing, *, tied: bool) -> int:
    """The least lead, `base` plus a whole number of steps, that beats the floor."""
    value = floor.value * lead.denominator
    least = -(-value.numerator // value.denominator)  # rounded up
    if value.denominator == 1 and not tied:
        least += 1
    return least if step == 0 else least + (base - least) % step
