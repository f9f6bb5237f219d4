"""Cases whose signs a checker goes through itself, a few neurons at a time: for the checker.

The steps of such a proof name only the neurons, in their order, and why no point has what no bound
closes: "Enumeration" in docs/proof-format.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from signflip.proof.container import fail
from signflip.proof.evaluate import Array, products
from signflip.proof.exclusions import Exclusions
from signflip.proof.last_layer import LastLayer

MOST_TOGETHER, MOST_NUMBERS = 6, 2**40
"""Neurons of a level; what the numbers of a lead add up to."""
MOST_OPEN, LEAST, PART = 2**27, 64, 2**20
"""Cases that are open at once, times the neurons of the second layer that matter, or at least so
many; cases times these that are looked at together."""


@dataclass(eq=False)
class Enumerations(LastLayer):
    """Closes cases by going through their signs.

    Attributes:
        exclusions: literals that exclude each other.
    """

    exclusions: Exclusions

    @cached_property
    def _rivals(self) -> list[tuple[Array, Array, int]]:
        """What neurons are worth to each rival at +1, and at -1; the most that keeps the bound."""
        found = []
        for numbers, limit in self.leads:
            total = sum(map(abs, numbers.tolist()))
            if len(self.above) != 1 or total > MOST_NUMBERS:
                fail("enumeration", "the network has not two hidden layers, or too large numbers")
            whole = numbers.astype(np.int64)
            # the lead is what helps less what does not
            found.append((np.maximum(whole, 0), np.maximum(-whole, 0), (limit + total) // 2))
        return found

    def close(self, signs: Array, held: int, case: str) -> int:
        """Close a case by the next numbers; how many cases that were.

        Args:
            signs: (neurons,) of the first layer, 0 for those that are free.
            held: the literals of the case, as bits.
            case: its name.
        """
        rivals, (sums, weights) = self._rivals, self.columns
        matter = np.any([plus + minus for plus, minus, _ in rivals], axis=0)
        sums, weights = sums[matter], weights[matter]
        # a sum, a threshold and what is free are no larger than the number of inputs, or by 1
        weights = weights.astype(np.int16 if 4 * len(signs) < 2**15 else np.int32)
        signs, cases, closed = signs[self.unstable].copy(), [held], 0
        rows = (sums + weights @ signs)[None].astype(weights.dtype)
        while cases:
            literals = self._literals(signs, case)
            spread = np.abs(weights[:, signs == 0]).sum(axis=1, dtype=weights.dtype)
            changes = [weights[:, each // 2] * (each % 2 * 2 - 1) for each in literals]
            closed += len(cases) << len(literals)
            level = _Level(literals, cases, self.exclusions, self.read, case)
            parts = [rows[:0]]
            for part, parents, patterns in self._open(rows, spread, changes, matter):
                parts.append(part[level.left(parents, patterns)])
                if len(level.found) * max(LEAST, len(spread)) > MOST_OPEN:
                    fail(case, "too many cases are open at once")
            rows, cases = np.concatenate(parts), level.end()
            closed -= len(cases)
        return closed

    def _literals(self, signs: Array, case: str) -> list[int]:
        """The literals of the next level, of neurons that were free: they have signs now."""
        literals = [self.read() for _ in range(min(self.read(), MOST_TOGETHER + 1))]
        for literal in literals:
            if literal >= 2 * len(signs) or signs[literal // 2]:
                fail(case, f"neuron {literal // 2} is none, or has its sign already")
            signs[literal // 2] = 1
        if not 0 < len(literals) <= MOST_TOGETHER:
            fail(case, f"a level is of 1 to {MOST_TOGETHER} neurons")
        return literals

    def _open(
        self, rows: Array, spread: Array, changes: list[Array], matter: Array
    ) -> Iterator[tuple[Array, Array, Array]]:
        """The cases of the next level that the bound leaves open: sums, parents and patterns.

        Args:
            rows: (N, K) sums less thresholds of the cases before; what is free counts as 0.
            spread: (K,) what is free after the level changes them by, at most.
            changes: for each of its neurons (K,) what its literal adds.
            matter: (neurons,) which these K neurons are.
        """
        ranks = _ranks(len(changes))
        together = max(1, PART // (1 + rows.shape[1] << len(changes)))
        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            keys = np.arange(start, start + len(part)) << len(changes)
            for q, change in enumerate(changes):
                rest = spread + np.abs(changes[q + 1 :]).sum(axis=0, dtype=spread.dtype)
                part = np.concatenate([part - change, part + change])
                keys = np.concatenate([keys, keys + (1 << q)])
                kept = self._wins(part, rest, matter)
                part, keys = part[kept], keys[kept]
            parents, patterns = keys >> len(changes), keys & (1 << len(changes)) - 1
            order = np.lexsort((ranks[patterns], parents))
            yield part[order], parents[order], patterns[order]

    def _wins(self, sums: Array, spread: Array, matter: Array) -> Array:
        """(N,) whether any rival may be too far ahead, each neuron for itself."""
        able, unable = sums >= -spread, sums < spread
        wins = np.zeros(len(sums), np.bool_)
        for plus, minus, most in self._rivals:
            worth = products(able, plus[None, matter]) + products(unable, minus[None, matter])
            wins |= worth[:, 0] > most
        return wins


class _Level:
    """The cases of a level that its bound leaves open, and which of them exclusions close.

    Args:
        literals: of its neurons; a pattern has those of its ones, and the opposite of others.
        cases: those of the level before, as sets of literals.
        exclusions: literals that exclude each other.
        read: gives the next number of the steps.
        case: the name of all of it.
    """

    def __init__(
        self,
        literals: list[int],
        cases: list[int],
        exclusions: Exclusions,
        read: Callable[[], int],
        case: str,
    ) -> None:
        self._literals, self._cases, self._case = literals, cases, case
        self._exclusions, self._read = exclusions, read
        self.found: list[int] = []
        """Those that are not closed, as sets of literals."""
        self._pairs = [3 << each // 2 * 2 for each in literals]
        self._bits = [
            sum(1 << (each ^ 1 ^ pattern >> q & 1) for q, each in enumerate(literals))
            for pattern in range(1 << len(literals))
        ]
        self._seen, self._waiting, self._place = 0, read(), -1
        self._go_on()

    def _go_on(self) -> None:
        """Read which case is closed next."""
        if self._waiting:
            self._place += 1 + self._read()

    def left(self, parents: Array, patterns: Array) -> Array:
        """Close what is to be closed of the next cases (N,); which are left."""
        left = np.ones(len(parents), np.bool_)
        ends = np.searchsorted(parents, parents, "right")
        while self._waiting and self._place < self._seen + len(parents):
            at = self._place - self._seen
            self._exclusions.note(self._case)
            have = self._cases[parents[at]] | self._bits[patterns[at]]
            self._exclusions.close(have, 0, self._case)
            excluded = self._exclusions.known[-1]
            mask = sum(1 << q for q, pair in enumerate(self._pairs) if excluded & pair)
            later = slice(at, ends[at])
            left[later] &= (patterns[later] ^ patterns[at]) & mask != 0
            self._waiting -= 1
            self._go_on()
        self._seen += len(parents)
        kept = zip(parents[left].tolist(), patterns[left].tolist(), strict=True)
        self.found += [self._cases[parent] | self._bits[pattern] for parent, pattern in kept]
        return left

    def end(self) -> list[int]:
        """Those that are not closed, once all were gone through."""
        if self._waiting:
            fail(self._case, f"no more than {self._seen} cases are open")
        return self.found


def _ranks(neurons: int) -> Array:
    """(2^neurons,) where each pattern comes: those with fewer ones first."""
    return np.argsort(sorted(range(1 << neurons), key=int.bit_count))
