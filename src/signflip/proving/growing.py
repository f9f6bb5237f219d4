"""A proof that grows case by case, and what refutes its full cases."""

import time
from enum import IntEnum
from fractions import Fraction
from typing import ClassVar, Protocol, Self

from signflip.clock import Clock
from signflip.exact.cases import DONE, LEAF, PAUSE
from signflip.exact.frontier import SLICE_SECONDS
from signflip.patterns.space import Flips, PatternSpace
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import Packing
from signflip.proving.refusals import Refusal, Refusals

FIRST = 100
"""Cases before the first look at the clock, as a rule."""


class End(IntEnum):
    """Why a proof does not grow further."""

    DONE = DONE
    LEAF = LEAF
    PAUSE = PAUSE


class Growing(Protocol):
    """A proof that is found case by case.

    Attributes:
        budget: cases between two looks at the clock, at most.
        first: before the first one.
    """

    budget: ClassVar[int]
    first: ClassVar[int]

    @property
    def leaf(self) -> Flips:
        """(m,) bool, the toggles of the full case in hand."""
        ...

    def advance(self, budget: int) -> End:
        """Look at so many cases, or go on to a full one or to the end.

        Raises:
            NoProofError: there are too many.
        """
        ...

    def close(self, refusal: Refusal | None) -> None:
        """Close the full case in hand: why no point has it; None where it keeps the bound."""
        ...

    def split(self) -> Self | None:
        """Give away what comes last of what is left, if there are two cases or more.

        Its steps follow those of this part, whatever these will be.
        """
        ...

    def packing(self) -> Packing:
        """The steps, once all is covered."""
        ...


def keeps(space: PatternSpace, flips: Flips, bound: Fraction, strict: tuple[int, ...]) -> bool:
    """Whether the objective of a pattern keeps a bound, that of strict rivals strictly."""
    problem = space.problem
    signs = problem.network.activations_of_pattern(space.pattern(flips)[None])[-1][0]
    values = problem.network.output.exact_values(signs)
    room = bound + values[problem.prediction]
    level = {c for c in problem.rivals if values[c] == room}
    return max(values[c] for c in problem.rivals) <= room and not level & set(strict)


class Refuter:
    """Says why a full case is none that breaks a bound.

    Args:
        space: the patterns of the problem.
        bound: what no objective is to be above.
        strict: rivals whose lead is to be below the bound.
        clock: when to give up.
    """

    def __init__(
        self, space: PatternSpace, bound: Fraction, strict: tuple[int, ...], clock: Clock
    ) -> None:
        self._space, self._bound, self._strict, self._clock = space, bound, strict, clock
        self._refusals = Refusals(space)

    def of(self, flips: Flips) -> Refusal | None:
        """Why no point has a full pattern; None where it keeps the bound.

        Raises:
            NoProofError: neither is so, or time is out.
        """
        if keeps(self._space, flips, self._bound, self._strict):
            return None
        refusal = self._refusals.of(flips, self._clock)
        if refusal is None:
            raise NoProofError("a pattern above the bound could not be refused")
        return refusal


class Pace:
    """How many cases are looked at between two looks at the clock: as many as a slice takes.

    Args:
        most: of them.
        first: of them, the first time.
    """

    def __init__(self, most: int, first: int = FIRST) -> None:
        self._most = most
        self.cases = min(first, most)

    def took(self, seconds: float, *, all_of_them: bool) -> None:
        """Go by what as many took, or fewer."""
        scale = min(2.0 if all_of_them else 1.0, SLICE_SECONDS / max(seconds, 1e-9))
        self.cases = min(self._most, max(1, int(self.cases * scale)))


def step(
    proof: Growing, refuter: Refuter, clock: Clock, pace: Pace, most: int | None = None
) -> End:
    """Look at some cases, at `most` so many, or go on to a full one and close that, or to the end.

    Raises:
        NoProofError: there is no proof, or time is out.
    """
    started, cases = time.monotonic(), pace.cases if most is None else min(pace.cases, most)
    why = proof.advance(cases)
    all_of_them = why is End.PAUSE and cases == pace.cases
    pace.took(time.monotonic() - started, all_of_them=all_of_them)
    if why is not End.DONE and clock.expired():
        raise NoProofError("time was out before all cases were refuted")
    if why is End.LEAF:
        proof.close(refuter.of(proof.leaf))
    return why
