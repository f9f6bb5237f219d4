"""Maximising a sum of small tables exactly, one variable after the other.

    maximise   sum_f table_f(x_scope_f)   over x in {0, 1}^n

A variable is eliminated by adding up the tables that it stands in and keeping, for each assignment
of their other variables, the better of its two values (bucket elimination: Dechter 1999; Bertele
and Brioschi 1972). The work is exponential in the width of the order only, so what falls into
neighbourhoods (convolutions, few inputs to a neuron) is solved in milliseconds, whatever its size.

Where the tables of one variable would grow too wide together they are eliminated in groups
(mini-buckets: Dechter and Rish 2003): the sum of maxima is not below the maximum, so the answer is
an upper bound. Everything is integer arithmetic.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Integers

FORBIDDEN = -(2**40)
"""What a table holds for an assignment that cannot be."""
LARGEST = 2**36
"""No sum of tables may be larger; `FORBIDDEN` is beyond all of them together."""

Table = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over some variables.

    Attributes:
        scope: variables, rising.
        table: (2, ..., 2) int64, an axis for each variable of the scope.
    """

    scope: tuple[int, ...]
    table: Table


@dataclass(frozen=True, eq=False, kw_only=True)
class Maximum:
    """The answer.

    Attributes:
        value: the maximum; an upper bound of it unless `exact`.
        choice: (n,) bool, an assignment: it has the value if that is exact, else it is a guess.
        exact: whether no table had to be split.
    """

    value: int
    choice: Booleans
    exact: bool


@dataclass(frozen=True, eq=False)
class _Step:
    """One elimination: the better value of a variable, for each assignment of a scope."""

    variable: int
    scope: tuple[int, ...]
    better: Booleans


def maximise(factors: Iterable[Factor], size: int, widest: int) -> Maximum:
    """The maximum of a sum of tables over `size` variables.

    Args:
        factors: the tables; the sizes of their entries add up to less than `LARGEST`, but for
            entries of `FORBIDDEN`.
        size: number n of variables.
        widest: variables of a table at most, when one is eliminated; beyond it tables are split.
    """
    value, tables = _gathered(factors)
    order = order_of([factor.scope for factor in tables], size)
    steps: list[_Step] = []
    exact = True
    buckets: dict[int, list[Factor]] = {variable: [] for variable in order}
    rank = {variable: place for place, variable in enumerate(order)}
    for factor in tables:
        buckets[min(factor.scope, key=rank.__getitem__)].append(factor)
    for variable in order:
        groups = _groups(buckets.pop(variable), widest)
        exact = exact and len(groups) <= 1
        for group in groups:
            step, rest = _eliminated(group, variable)
            steps.append(step)
            if rest.scope:
                buckets[min(rest.scope, key=rank.__getitem__)].append(rest)
            else:
                value += int(rest.table)
    choice = np.zeros(size, dtype=np.bool_)
    chosen: set[int] = set()
    for step in reversed(steps):
        # of a split variable the last group, which knows most, decides
        if step.variable not in chosen:
            place = tuple(int(choice[each]) for each in step.scope)
            choice[step.variable] = step.better[place]
            chosen.add(step.variable)
    return Maximum(value=value, choice=choice, exact=exact)


def _gathered(factors: Iterable[Factor]) -> tuple[int, list[Factor]]:
    """Tables of one scope added up, and what depends on no variable."""
    tables: dict[tuple[int, ...], Table] = {}
    constant = 0
    for factor in factors:
        if not factor.scope:
            constant += int(factor.table)
        elif factor.scope in tables:
            tables[factor.scope] = tables[factor.scope] + factor.table
        else:
            tables[factor.scope] = factor.table
    return constant, [Factor(scope, table) for scope, table in tables.items()]


def order_of(scopes: Iterable[tuple[int, ...]], size: int) -> list[int]:
    """Variables in an order of small width: always the one with the fewest neighbours next."""
    near: list[set[int]] = [set() for _ in range(size)]
    for scope in scopes:
        for variable in scope:
            near[variable].update(scope)
    for variable in range(size):
        near[variable].discard(variable)
    heap = [(len(near[variable]), variable) for variable in range(size)]
    heapq.heapify(heap)
    done = [False] * size
    order = []
    while heap:
        count, variable = heapq.heappop(heap)
        if done[variable] or count != len(near[variable]):
            continue  # an older count: the newer one is in the heap too
        done[variable] = True
        order.append(variable)
        for other in near[variable]:
            near[other] |= near[variable]
            near[other] -= {other, variable}
            heapq.heappush(heap, (len(near[other]), other))
    return order


def _groups(factors: list[Factor], widest: int) -> list[list[Factor]]:
    """The tables in groups whose variables are `widest` at most; one group where that is enough."""
    groups: list[tuple[set[int], list[Factor]]] = []
    for factor in sorted(factors, key=lambda each: (-len(each.scope), each.scope)):
        for scope, group in groups:
            if len(scope | set(factor.scope)) <= widest:
                scope.update(factor.scope)
                group.append(factor)
                break
        else:
            groups.append((set(factor.scope), [factor]))
    return [group for _, group in groups]


def _eliminated(group: list[Factor], variable: int) -> tuple[_Step, Factor]:
    scope = tuple(sorted(set().union(*(factor.scope for factor in group))))
    total = np.zeros((2,) * len(scope), dtype=np.int64)
    place = {each: axis for axis, each in enumerate(scope)}
    for factor in group:
        shape = [1] * len(scope)
        for each in factor.scope:
            shape[place[each]] = 2
        # scopes rise, so the axes are in order
        total += factor.table.reshape(shape)
    # a sum of forbidden entries is no less forbidden, and stays within the range of numbers
    np.maximum(total, FORBIDDEN, out=total)
    axis = place[variable]
    off, on = total.take(0, axis), total.take(1, axis)
    rest = scope[:axis] + scope[axis + 1 :]
    better: Booleans = np.asarray(on > off)
    return _Step(variable, rest, better), Factor(rest, np.maximum(off, on))


def forbidding(scope: Integers, values: Booleans) -> Factor:
    """The table that rules out one assignment (k,) of variables (k,)."""
    rising = np.argsort(scope)
    table = np.zeros((2,) * len(scope), dtype=np.int64)
    table[tuple(values[rising].astype(int).tolist())] = FORBIDDEN
    return Factor(tuple(scope[rising].tolist()), table)
