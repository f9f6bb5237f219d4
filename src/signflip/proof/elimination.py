"""Bounds of a case whose last neurons read few free ones, as in convolutions: for the checker.

The plain bound lets each neuron of the last hidden layer choose the free signs for itself. Tables
of what each may be, added up and maximised over one free neuron after the other, make all of them
use the same signs, and none that exclude each other; "Elimination" in docs/proof-format.md has
the argument. All numbers are whole, and none that an array holds reaches 2^63.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from signflip.network import SignLayer
from signflip.proof.container import fail
from signflip.proof.evaluate import MANY, Array, rounded_up

MOST_READ, MOST_WIDTH, MOST_ENTRIES, MOST_AT_ONCE = 16, 22, 2**26, 2**28
"""Neurons of a table over what one neuron reads, and of any table; entries of the former, and of
those of sets; and of all that are there at once."""
MOST_LEAD, RULED_OUT = 2**40, -(2**42)
"""What a lead's numbers add up to at most; what a table holds where signs exclude each other."""

Scope = tuple[int, ...]
Tables = dict[Scope, Array]


@dataclass(frozen=True)
class _Neuron:
    """What a neuron of the last hidden layer may be, for each choice of signs of a scope.

    Attributes:
        number: of the neuron.
        scope: free neurons, rising; an axis of two signs, -1 first, for each.
        most: the greatest sign.
        least: the least one.
    """

    number: int
    scope: Scope
    most: Array
    least: Array


class Eliminations:
    """Bounds by elimination.

    Args:
        above: the layers above the first.
        leads: of the rivals, see `check`.
        unstable: neurons of the first layer.
        read: gives the next number of the steps.
    """

    def __init__(
        self,
        above: tuple[SignLayer, ...],
        leads: list[tuple[Array, int]],
        unstable: list[int],
        read: Callable[[], int],
    ) -> None:
        self.above, self.leads, self.read, self.unstable = above, leads, read, unstable

    def close(self, signs: Array, held: int, known: Iterable[int], case: str) -> None:
        """Bound all rivals in a case, as the next numbers say.

        Args:
            signs: (neurons,) of the first layer, 0 for those that are free.
            held: the literals of the case, as bits.
            known: sets of literals that exclude each other, as bits.
            case: its name.

        Raises:
            ProofError: one of them is not bounded.
        """
        if len(self.above) > 1 or any(np.abs(n).sum() > MOST_LEAD for n, _ in self.leads):
            fail(case, "elimination is for two hidden layers at most, and leads below 2^40")
        free = [j for j, neuron in enumerate(self.unstable) if not signs[neuron]]
        width, keep = self.read(), self.read()
        if not MOST_READ <= width <= MOST_WIDTH or keep > MOST_READ:
            fail(case, f"it asks for tables of {width} neurons, or for {keep} that are kept")
        last = self._all_of(free, case) if keep else []
        order = self._all_of(free, case)
        neurons = list(self._neurons(signs, free, last, keep, case))
        apart = excluding(known, held, width)
        for rival, (numbers, limit) in enumerate(self.leads):
            tables = dict(apart)
            for each in neurons:
                factor = int(numbers[each.number])
                signs_of_it = each.most if factor > 0 else each.least
                add(tables, each.scope, factor * signs_of_it.astype(np.int64))
            if greatest(tables, order, width) > limit:
                fail(case, f"elimination does not bound rival no. {rival}")

    def _all_of(self, free: list[int], case: str) -> list[int]:
        """The free neurons in an order, by the next numbers."""
        numbers = [self.read() for _ in free]
        if sorted(numbers) != free:
            fail(case, "an order of its free neurons has not each of them once")
        return numbers

    def _neurons(
        self, signs: Array, free: list[int], last: list[int], keep: int, case: str
    ) -> Iterator[_Neuron]:
        """What each neuron of the last hidden layer may be; of few, all that it reads counts."""
        rank = {j: place for place, j in enumerate(last)}
        columns, entries = [self.unstable[j] for j in free], 0
        for number, start, row in self._rows(signs, columns):
            read = np.flatnonzero(row).tolist()
            if len(read) > MOST_READ:
                by_rank = sorted(read, key=lambda q: rank.get(free[q], -1))
                read = sorted(by_rank[len(read) - keep :])
            entries += 2 ** len(read)
            if entries > MOST_ENTRIES:
                fail(case, "its tables have too many entries")
            sums = np.array(start)
            for q in read:
                sums = np.stack([sums - row[q], sums + row[q]], axis=-1)
            others = int(np.abs(row).sum() - np.abs(row[read]).sum())
            most = _signs(sums + others)
            least = _signs(sums - others) if others else most
            yield _Neuron(number, tuple(free[q] for q in read), most, least)

    def _rows(self, signs: Array, columns: list[int]) -> Iterator[tuple[int, int, Array]]:
        """Of each last neuron its number, its sum less its threshold, and its weights of columns.

        The free neurons count as 0 in the sum. Without a second layer, a last neuron is one of the
        first, and reads itself.
        """
        layer = self.above[0] if self.above else None
        size = len(signs) if layer is None else layer.neurons
        thresholds = np.zeros(size, np.int64) if layer is None else rounded_up(layer)
        for start in range(0, size, MANY):
            part = slice(start, min(start + MANY, size))
            if layer is None:
                rows: Array = np.eye(part.stop - start, size, start, np.int64)
            else:
                rows = layer.map.rows(part).astype(np.int64)
            sums = rows @ signs - thresholds[part]
            yield from zip(range(start, size), sums.tolist(), rows[:, columns], strict=False)


def _signs(sums: Array) -> Array:
    return np.where(sums >= 0, np.int8(1), np.int8(-1))


def add(tables: Tables, scope: Scope, table: Array) -> None:
    """Add a table to that of its scope."""
    tables[scope] = tables[scope] + table if scope in tables else table


def excluding(known: Iterable[int], held: int, width: int) -> Tables:
    """Tables that rule out what excludes each other in a case; those of more neurons are left out.

    Args:
        known: sets of literals, as bits.
        held: literals of the case.
        width: neurons of a table at most.

    Raises:
        ProofError: they have too many entries.
    """
    tables: Tables = {}
    entries = 0
    for literals in set(known):
        left = literals & ~held
        places = [at for at in range(left.bit_length()) if left >> at & 1]
        scope = tuple(at // 2 for at in places)
        # a literal whose opposite the case has leaves nothing to rule out
        opposed = any(held >> (at ^ 1) & 1 for at in places)
        if scope and not opposed and len(set(scope)) == len(scope) <= width:
            entries += 0 if scope in tables else 2 ** len(scope)
            _check_entries(entries, MOST_ENTRIES)
            table = np.zeros((2,) * len(scope), np.int64)
            table[tuple(at % 2 for at in places)] = RULED_OUT
            add(tables, scope, table)
            np.maximum(tables[scope], RULED_OUT, out=tables[scope])
    return tables


def greatest(tables: Tables, order: list[int], width: int) -> int:
    """At least the greatest sum of tables over all signs that none of them rules out.

    A neuron is eliminated by adding up the tables that have it, in groups of `width` neurons at
    most, and keeping the better of its signs in each: a sum of maxima is not below the maximum.

    Raises:
        ProofError: the tables have too many entries at once.
    """
    rank = {variable: place for place, variable in enumerate(order)}
    buckets: list[list[tuple[Scope, Array]]] = [[] for _ in order]
    value = waiting = 0  # entries of tables in buckets
    rest = list(tables.items())
    for place in range(-1, len(order)):
        if place >= 0:
            variable, rest, new = order[place], [], 0
            for scope, total in _together(buckets[place], width):
                axis = scope.index(variable)
                better = np.maximum(total.take(0, axis), total.take(1, axis))
                rest.append((scope[:axis] + scope[axis + 1 :], better))
                new += better.size
                _check_entries(waiting + new, MOST_AT_ONCE)
            waiting -= sum(table.size for _, table in buckets[place])
            buckets[place] = []
        for scope, table in rest:
            if scope:
                waiting += table.size
                buckets[min(rank[each] for each in scope)].append((scope, table))
            else:
                value += int(table)
    return value


def _check_entries(entries: int, most: int) -> None:
    if entries > most:
        fail("elimination", f"its tables have over {most} entries")


def _together(tables: list[tuple[Scope, Array]], width: int) -> Iterator[tuple[Scope, Array]]:
    """Tables added up in groups, the widest first, each to the first group that has room."""
    groups: list[tuple[set[int], list[tuple[Scope, Array]]]] = []
    for scope, table in sorted(tables, key=lambda each: (-len(each[0]), each[0])):
        for union, group in groups:
            if len(union | set(scope)) <= width:
                union.update(scope)
                group.append((scope, table))
                break
        else:
            groups.append((set(scope), [(scope, table)]))
    for union, group in groups:
        whole = tuple(sorted(union))
        total = np.zeros((2,) * len(whole), np.int64)
        for scope, table in group:
            total += table.reshape([2 if each in scope else 1 for each in whole])
            np.maximum(total, RULED_OUT, out=total)
        yield whole, total
