"""A part of an exact search, which one thread advances: a kernel, tables, and where it stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Leaves = npt.NDArray[np.bool_]


class Tallied(Protocol):
    """Where a search stands."""

    @property
    def tally(self) -> npt.NDArray[np.int64]:
        """(1 or more,) visits so far, first of all."""


State = TypeVar("State", bound=Tallied)


class Kernel(NamedTuple, Generic[State]):
    """What searches parts of one kind, compiled.

    Attributes:
        advance: called with a part's tables, its state, leaves and a budget; the leaves found.
        split: a state with some of another's work, or None if none can be given.
        depth: of a state, (1,) int64; below 0 when all of it is searched.
    """

    advance: Callable[..., int]
    split: Callable[[State], State | None]
    depth: Callable[[State], npt.NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Part(Generic[State]):
    """A part of the search that one thread advances.

    Attributes:
        kernel: what searches it.
        tables: what the kernel reads, the same for all parts.
        state: where the search stands.
        parity: 0 or 1, the parity that numbers of flips of the part's leaves have; another part
            has the others. None where it has all.
    """

    kernel: Kernel[State]
    tables: tuple[Any, ...]
    state: State
    parity: int | None = None

    @property
    def visited(self) -> int:
        """Visits so far: patterns of blocks, or frames and patterns of the blocks below them."""
        return int(self.state.tally[0])

    @property
    def done(self) -> bool:
        """Whether all of it is searched."""
        return bool(self.kernel.depth(self.state)[0] < 0)

    def advance(self, leaves: Leaves, budget: int) -> int:
        """Search on until `budget` visits are made or `leaves` is full; the leaves found."""
        count = self.kernel.advance(*self.tables, self.state, leaves, budget)
        if self.parity is None:
            return count
        own = leaves[:count][leaves[:count].sum(axis=1) % 2 == self.parity]
        leaves[: len(own)] = own
        return len(own)

    def split(self) -> "Part[State] | None":
        """Give some of the work away, if that can be done."""
        given = self.kernel.split(self.state)
        return None if given is None else replace(self, state=given)
