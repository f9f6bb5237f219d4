"""Bounds by factors, for networks of two hidden layers: for the checker.

A factor is some neurons of the last hidden layer that read few free signs between them, looked at
together at each choice of these signs. Messages make factors agree on a sign that several of them
read; "Factors" in docs/proof-format.md has the argument. All numbers are whole and below 2^62.
"""

from collections.abc import Iterable

import numpy as np

from signflip.proof.container import fail
from signflip.proof.elimination import MOST_LEAD
from signflip.proof.evaluate import Array
from signflip.proof.last_layer import LastLayer

UNIT = 2**12
"""Messages are so many parts of 1 of a lead."""
MOST_READ = 16
"""Free signs that several neurons of a factor read between them."""
MOST_MESSAGE, MOST_FACTORS = 2**45, 2**18
"""What a message's number stays below, and how many factors there are at most: 64 bits hold what
those of one sign add up to."""


class Factors(LastLayer):
    """Bounds by factors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._groups: dict[int, list[list[int]]] = {}
        self._bounded: dict[int, set[int]] = {}  # rivals, by the literals of a case

    def settled(self, held: int) -> set[int]:
        """The rivals that were bounded in a case, or in one that it splits, by its literals."""
        self._bounded = {case: each for case, each in self._bounded.items() if not case & ~held}
        return set[int]().union(*self._bounded.values())

    def bound(self, signs: Array, held: int, known: Iterable[int], case: str) -> None:
        """Bound some rivals in a case, as the next numbers say.

        Args:
            signs: (neurons,) of the first layer, 0 for those that are free.
            held: the literals of the case, as bits.
            known: sets of literals that exclude each other, as bits.
            case: its name.

        Raises:
            ProofError: one of them is not bounded.
        """
        if len(self.above) != 1 or any(np.abs(n).sum() > MOST_LEAD for n, _ in self.leads):
            fail(case, "factors are for two hidden layers, and leads below 2^40")
        if np.abs(self.columns[1]).max(initial=0) > 1:
            fail(case, "factors are for weights -1, 0 and +1")
        signs = self.implied(signs, held, known)
        count = self.read()
        if count > len(self.leads):
            fail(case, f"its factors are of {count} rivals, and there are {len(self.leads)}")
        rivals = [self.read() for _ in range(count)]
        if any(rival >= len(self.leads) for rival in rivals):
            fail(case, "a rival of its factors is none")
        for rival in rivals:
            if self._most(rival, signs, case) > self.leads[rival][1]:
                fail(case, f"factors do not bound rival no. {rival}")
        self._bounded[held] = self.settled(held).union(rivals)

    def implied(self, signs: Array, held: int, known: Iterable[int]) -> Array:
        """The signs, and those that sets leave to neurons: all others of a set are held."""
        signs = signs.copy()
        for literals in set(known):
            left = literals & ~held
            if left.bit_count() == 1:
                literal = left.bit_length() - 1
                signs[self.unstable[literal // 2]] = -1 if literal % 2 else 1
        return signs

    def helpers(self, rival: int, signs: Array, free: Array) -> tuple[Array, Array, Array]:
        """What helps each last neuron to be of the sign that helps a rival.

        Returns:
            lack (width,), how many of the free signs it needs for that; the signs that help
            (width, free), 0 where both are alike; and whether it may be either way (width,).
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

    def _most(self, rival: int, signs: Array, case: str) -> int:
        """At least what a rival's lead can be, as far as leads go."""
        free = np.array([j for j, n in enumerate(self.unstable) if not signs[n]], np.int64)
        worth = 2 * np.abs(self.leads[rival][0]).astype(np.int64)
        lack, effect, is_open = self.helpers(rival, signs, free)
        groups = self._read_groups(rival, len(worth), case)
        alone = is_open.copy()
        alone[[u for group in groups for u in group]] = False
        total = int(worth[(lack <= 0) | alone].sum()) - int(worth.sum()) // 2
        scaled, paid = 0, np.zeros(len(free), np.int64)
        for group in groups:
            some = [u for u in group if is_open[u]]
            read = np.flatnonzero(effect[some].any(axis=0))
            messages = np.array([self._signed(case) for _ in read], np.int64)
            paid[read] += messages
            if len(some) == 1:
                u = some[0]
                scaled += _one(int(worth[u]), int(lack[u]), effect[u, read], messages)
            elif some:
                if len(read) > MOST_READ:
                    fail(case, f"neurons of a factor read {len(read)} free signs between them")
                scaled += _several(worth[some], lack[some], effect[some][:, read], messages)
        # many messages add up to more than 64 bits hold
        scaled += sum(each for each in paid.tolist() if each > 0)
        # a lead is the total and some of these worths more
        step = int(np.gcd.reduce(worth[is_open & ~alone], initial=0))
        above = scaled // UNIT
        return total + (above - above % step if step else above)

    def _read_groups(self, rival: int, width: int, case: str) -> list[list[int]]:
        """The neurons of each factor: as the next numbers say, or as before."""
        count = self.read()
        if count > min(width, MOST_FACTORS):
            fail(case, f"{count} factors are more than there are neurons, or than 2^18")
        if count == 0:
            return self._groups.get(rival, [])
        groups: list[list[int]] = []
        left = width
        for _ in range(count):
            size = self.read()
            if size > left:
                fail(case, f"a factor has {size} of {left} neurons")
            groups.append([self.read() for _ in range(size)])
            left -= size
        every = [u for group in groups for u in group]
        if len(set(every)) != len(every) or any(u >= width for u in every):
            fail(case, "a neuron of its factors is none, or is there twice")
        self._groups[rival] = groups
        return groups

    def _signed(self, case: str) -> int:
        number = self.read()
        if number >= MOST_MESSAGE:
            fail(case, f"a message is not below {MOST_MESSAGE // 2}")
        return -(number + 1) // 2 if number % 2 else number // 2


def _one(worth: int, lack: int, effect: Array, messages: Array) -> int:
    """The most that a neuron by itself comes to, in units, less messages of signs that are +1."""
    # where -1 helps, that saves the message
    base: int = -sum(messages[effect < 0].tolist())
    costs: list[int] = sorted(np.where(effect > 0, messages, -messages).tolist())
    lost = -sum(cost for cost in costs if cost < 0)
    won = worth * UNIT - sum(cost for at, cost in enumerate(costs) if at < lack or cost < 0)
    return base + max(lost, won)


def _several(worth: Array, lack: Array, effect: Array, messages: Array) -> int:
    """The most that some neurons come to together, at one choice of the signs that they read."""
    value, paid = np.zeros(1 << len(messages), np.int64), _sums(0, messages)
    for own, need, helps in zip(worth.tolist(), lack.tolist(), effect, strict=True):
        value += own * UNIT * (_sums(int((helps < 0).sum()), helps) >= need)
    return int((value - paid).max())


def _sums(start: int, added: Array) -> Array:
    """`start` and what each choice of signs adds: of the p-th, if the p-th binary digit is 1."""
    sums = np.array([start], np.int64)
    for each in added.tolist():
        sums = np.concatenate([sums, sums + each])
    return sums
