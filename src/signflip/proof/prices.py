"""Bounds of a case by prices, for networks of two hidden layers: for the checker.

Each neuron of the last hidden layer that may help a rival needs some of the free signs for that.
A price for each of them bounds what it can win, with all neurons using the same signs; "Prices" in
docs/proof-format.md has the argument. All numbers are whole, and none reaches 2^62.
"""

import itertools
from collections.abc import Iterable

import numpy as np

from signflip.proof.container import fail
from signflip.proof.elimination import MOST_LEAD
from signflip.proof.evaluate import Array
from signflip.proof.last_layer import LastLayer

SCALE = 2**16
"""The largest price: no neuron is worth more than its number n times this."""
MOST_TOGETHER = 8
"""Free neurons of which some exclude each other, that are looked at together."""


class Prices(LastLayer):
    """Bounds by prices."""

    def bounded(self, signs: Array, held: int, known: Iterable[int], case: str) -> set[int]:
        """Bound some rivals in a case, as the next numbers say; which.

        Args:
            signs: (neurons,) of the first layer, 0 for those that are free.
            held: the literals of the case, as bits.
            known: sets of literals that exclude each other, as bits.
            case: its name.

        Raises:
            ProofError: one of them is not bounded.
        """
        if len(self.above) != 1 or any(np.abs(n).sum() > MOST_LEAD for n, _ in self.leads):
            fail(case, "prices are for two hidden layers, and leads below 2^40")
        if np.abs(self.columns[1]).max(initial=0) > 1:
            fail(case, "prices are for weights -1, 0 and +1")
        free = np.array([j for j, n in enumerate(self.unstable) if not signs[n]], np.int64)
        groups = together(free.tolist(), known, held)
        rivals = [self.read() for _ in range(self.read())]
        if len(set(rivals)) != len(rivals) or any(q >= len(self.leads) for q in rivals):
            fail(case, "a rival of its prices is none, or is there twice")
        for rival in rivals:
            if self._most(rival, signs, free, groups, case) > self.leads[rival][1]:
                fail(case, f"prices do not bound rival no. {rival}")
        return set(rivals)

    def helpers(self, rival: int, signs: Array, free: Array) -> tuple[Array, Array, Array]:
        """What helps each last neuron to be of the sign that helps a rival.

        Returns:
            lack (width,), how many of the free signs it needs for that; the signs that help
            (width, free), 0 where both are alike; and whether prices are for it (width,).
        """
        start, weights = self.columns
        numbers, _ = self.leads[rival]
        toward = np.sign(numbers).astype(np.int64)
        sums = start + weights @ signs[self.unstable]
        effect = weights[:, free] * toward[:, None]
        # useful iff sum + effect . signs is at least 0
        sums = np.where(toward > 0, sums, -1 - sums)
        lack = -((sums - np.abs(effect).sum(axis=1)) // 2)
        is_open = (toward != 0) & (lack > 0) & (lack <= (effect != 0).sum(axis=1))
        return lack, effect, is_open

    def _most(self, rival: int, signs: Array, free: Array, groups: list["Group"], case: str) -> int:
        """At least what a rival's lead can be, as far as leads go."""
        worth = 2 * np.abs(self.leads[rival][0]).astype(np.int64)
        lack, effect, is_open = self.helpers(rival, signs, free)
        total = int(worth[lack <= 0].sum()) - int(worth.sum()) // 2
        worth, lack, effect = worth[is_open], lack[is_open], effect[is_open]
        price = np.full(effect.shape, 2 * SCALE, np.int64)
        prices = [self.read() for _ in range(np.count_nonzero(effect))]
        if max(prices, default=0) > SCALE:
            fail(case, f"a price is above {SCALE}")
        price[effect != 0] = prices
        cheapest = np.cumsum(np.sort(price, axis=1), axis=1)[np.arange(len(lack)), lack - 1]
        scaled = int((worth * np.maximum(0, SCALE - cheapest)).sum())
        paid = worth[:, None] * price
        down, up = ((paid * (effect * sign > 0)).sum(axis=0).tolist() for sign in (-1, 1))
        scaled += sum(most_of(group, down, up) for group in groups)
        # a lead is the total and some of these worths more
        step = int(np.gcd.reduce(worth, initial=0))
        above = scaled // SCALE
        return total + (above - above % step if step else above)


Group = tuple[list[int], list[tuple[int, ...]]]
"""Places of free neurons, and the signs that they may have together: 0 for -1, 1 for +1."""


def together(free: list[int], known: Iterable[int], held: int) -> list[Group]:
    """Free neurons, those beside each other that exclude some of each other's signs.

    Args:
        free: the free neurons.
        known: sets of literals that exclude each other, as bits; only those count that leave one
            literal or two that the case has not.
        held: literals of the case.
    """
    place = {neuron: at for at, neuron in enumerate(free)}
    member = {at: [at] for at in range(len(free))}
    barred: list[list[tuple[int, int]]] = []
    for literals in set(known):
        left = literals & ~held
        if left.bit_count() > 2:
            continue
        ats = [at for at in range(left.bit_length()) if left >> at & 1]
        if not ats or any(at // 2 not in place for at in ats):
            continue
        signs = [(place[at // 2], at % 2) for at in ats]
        barred.append(signs)
        whole = [
            each for at in {id(member[a]): a for a, _ in signs}.values() for each in member[at]
        ]
        if len(whole) <= MOST_TOGETHER:
            for each in whole:
                member[each] = whole
    groups = []
    for places in {id(each): each for each in member.values()}.values():
        rules = [rule for rule in barred if all(at in places for at, _ in rule)]
        choices = [
            signs
            for signs in itertools.product((0, 1), repeat=len(places))
            if not any(all(signs[places.index(at)] == sign for at, sign in rule) for rule in rules)
        ]
        groups.append((places, choices))
    return groups


def most_of(group: Group, down: list[int], up: list[int]) -> int:
    """The most that the free neurons of a group are paid together.

    Args:
        group: the neurons; if they may have no signs at all, nothing is paid.
        down: what each free neuron is paid with the sign -1.
        up: with the sign +1.
    """
    places, choices = group
    return max(
        (
            sum((up if sign else down)[at] for at, sign in zip(places, signs, strict=True))
            for signs in choices
        ),
        default=0,
    )
