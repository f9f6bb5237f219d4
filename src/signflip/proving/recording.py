"""A proof that is made while the search goes on, instead of by a search of its own."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor

import numpy as np

from signflip.clock import Clock
from signflip.exact.frontier import MOST_CASE_TABLES
from signflip.exact.kernel import Upper
from signflip.exact.part import Leaves
from signflip.exact.rows import countable
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Standing
from signflip.proof.container import Steps
from signflip.proving.cases import Cases, entries
from signflip.proving.enumerated import Enumerated, enumerable
from signflip.proving.growing import End, Growing, Pace
from signflip.proving.hard import Frames
from signflip.proving.no_proof import NoProofError
from signflip.proving.packing import Packing
from signflip.proving.refusals import Refusals

RECORD = 0.01
"""Seconds after which a search is recorded that is not `enumerable`: a shorter one is soon made
anew, and in a way that makes a shorter proof."""


class RecordedTree:
    """The tree of an exact search whose steps are kept, see `signflip.exact.recorder`.

    Args:
        space: the patterns of the problem.
        upper: the layers above the second, with the incumbent, which may rise.
        floor: what is no better than this is of no interest.
        clock: of the search.
        workers: threads; each has a part of the proof.
    """

    def __init__(
        self,
        space: PatternSpace,
        upper: Upper,
        floor: Callable[[], Standing],
        clock: Clock,
        workers: int,
    ) -> None:
        self._space, self._floor, self._clock, self._workers = space, floor, clock, workers
        self._kinds = _kinds_of(space, upper, clock)
        self._parts: list[Growing | Packing] = []
        """In the order of the proof: what is searched, and between these the steps of what was."""
        self._refusals = Refusals(space)
        self.lost = self._failed = False
        self._begin()

    def _begin(self) -> None:
        """Begin a proof of the next kind; without one, go on without."""
        make = next(self._kinds, None)
        if make is None:
            self.let_go()
            return
        whole, self._failed = make(), False
        self._parts, self._pace = [whole], Pace(whole.budget, whole.first)
        self._open: Standing | None = None

    @property
    def exhausted(self) -> bool:
        """Whether all is searched."""
        return not (self.lost or self._failed) and all(
            isinstance(part, Packing) for part in self._parts
        )

    def advance(self, pool: Executor | None, capacity: int) -> Leaves:  # noqa: ARG002 - as any tree
        """Search for a while; the full patterns that are not refused, one a thread at most."""
        leaves: list[Flips] = []
        if self._failed:
            self._begin()
        try:
            leaves.extend(self._advance(pool))
        except NoProofError:  # the leaves before it may settle all
            self._failed = True
        return np.array(leaves, dtype=np.bool_).reshape(-1, self._space.size)

    def let_go(self) -> None:
        """Drop all steps, gigabytes maybe, and the threads that pack them."""
        self.lost, self._parts = True, []

    def _advance(self, pool: Executor | None) -> Iterator[Flips]:
        open_parts = self._shared()
        work, cases, started = map if pool is None else pool.map, self._pace.cases, time.monotonic()
        ends = list(work(lambda part: part.advance(cases), open_parts))
        self._pace.took(time.monotonic() - started, all_of_them=End.PAUSE in ends)
        for part, why in zip(open_parts, ends, strict=True):
            if why is End.LEAF:
                yield from self._close(part)
        through = [part for part, why in zip(open_parts, ends, strict=True) if why is End.DONE]
        self._parts = _joined(
            part.packing() if not isinstance(part, Packing) and part in through else part
            for part in self._parts
        )

    def _shared(self) -> list[Growing]:
        """The parts that are open, as many as there are threads if they can be split."""
        found = [part for part in self._parts if not isinstance(part, Packing)]
        for part in list(found):
            given = part.split() if len(found) < self._workers else None
            if given is not None:
                found.append(given)
                self._parts.insert(self._parts.index(part) + 1, given)
        return found

    def _close(self, part: Growing) -> Iterator[Flips]:
        """Close a full case; its pattern, if no more is known than that it beats the floor."""
        leaf = part.leaf
        standing = self._space.standing(leaf)
        beats, refusal = standing > self._floor(), None
        if beats:
            refusal = self._refusals.of(leaf, self._clock)
        if beats and refusal is None:
            if self._open is None or self._open < standing:
                self._open = standing
            yield leaf  # even where there is no such proof
        part.close(refusal)

    def steps(self, best: Standing) -> Steps | None:
        """The steps of a proof that no pattern is better than `best`, where they are one."""
        if not self.exhausted or (self._open is not None and self._open > best):
            return None
        (whole,) = self._parts
        return whole.steps() if isinstance(whole, Packing) else None


def _kinds_of(space: PatternSpace, upper: Upper, clock: Clock) -> Iterator[Callable[[], Growing]]:
    """What makes proofs of a problem, the one that is to be tried first before others."""
    if enumerable(space):
        yield lambda: Enumerated(space, upper, clock)
    if countable(space):
        yield lambda: Frames(space, upper.need)
    else:
        yield lambda: Cases(space, upper)


def _joined(parts: Iterable[Growing | Packing]) -> list[Growing | Packing]:
    """The same, with steps that follow others joined to these."""
    found: list[Growing | Packing] = []
    for part in parts:
        before = found[-1] if found else None
        if isinstance(before, Packing) and isinstance(part, Packing):
            before.append(part)
        else:
            found.append(part)
    return found


class Recording:
    """What listens to the searches of one attack.

    Args:
        clock: of the attack.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tree: RecordedTree | None = None

    def tree(
        self,
        space: PatternSpace,
        upper: Upper,
        floor: Callable[[], Standing],
        workers: int,
        seconds: float,
    ) -> RecordedTree | None:
        """See `signflip.exact.recorder.Recorder`: None where only some images are meant.

        Nor is there one where its tables would be larger than those of any search by cases.
        """
        fits = countable(space) or entries(space) <= MOST_CASE_TABLES
        late = enumerable(space) or seconds > RECORD
        if fits and late and space.layer is space.problem.network.hidden[0]:
            self._tree = RecordedTree(space, upper, floor, self._clock, workers)
        return self._tree

    def steps(self, best: Standing) -> Steps | None:
        """The steps of a proof that no image is better than `best`, if the search made them."""
        return None if self._tree is None else self._tree.steps(best)

    def let_go(self) -> None:
        """Drop what was recorded: a search and what listens to it refer to each other."""
        if self._tree is not None:
            self._tree.let_go()
