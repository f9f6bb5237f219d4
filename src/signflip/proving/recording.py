"""A proof that is made while the search goes on, instead of by a search of its own."""

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np

from signflip.clock import Clock
from signflip.exact.frontier import Leaves
from signflip.exact.kernel import Upper
from signflip.exact.rows import countable
from signflip.patterns.space import Flips, PatternSpace
from signflip.problem import Standing
from signflip.proof.container import Packed
from signflip.proving.cases import Cases
from signflip.proving.growing import End, Growing
from signflip.proving.hard import Frames
from signflip.proving.no_proof import NoProofError
from signflip.proving.refusals import Refusals


class RecordedTree:
    """The tree of an exact search whose steps are kept, see `signflip.exact.recorder`.

    Args:
        space: the patterns of the problem.
        upper: the layers above the second, with the incumbent, which may rise.
        floor: what is no better than this is of no interest.
        clock: of the search.
    """

    def __init__(
        self, space: PatternSpace, upper: Upper, floor: Callable[[], Standing], clock: Clock
    ) -> None:
        self._space, self._floor, self._clock = space, floor, clock
        self._proof: Growing = (
            Frames(space, upper.need) if countable(space) else Cases(space, upper)
        )
        self._refusals = Refusals(space)
        self._none = np.zeros((0, space.size), dtype=np.bool_)
        self.exhausted = self.lost = False
        self._open: Standing | None = None

    def advance(self, pool: Executor | None, capacity: int) -> Leaves:  # noqa: ARG002 - as any tree
        """Search for a while; the full pattern, if there is one that is not refused."""
        try:
            leaf = self._advance()
        except NoProofError:
            self.lost = True
            leaf = None
        return self._none if leaf is None else leaf[None]

    def _advance(self) -> Flips | None:
        why = self._proof.advance(self._proof.budget)
        self.exhausted = why is End.DONE
        if why is not End.LEAF:
            return None
        leaf = self._proof.leaf
        standing = self._space.standing(leaf)
        beats, refusal = standing > self._floor(), None
        if beats:
            refusal = self._refusals.of(leaf, self._clock)
            if refusal is None and (self._open is None or self._open < standing):
                self._open = standing
        self._proof.close(refusal)
        return leaf if beats and refusal is None else None

    def steps(self, best: Standing) -> Packed | None:
        """The steps of a proof that no pattern is better than `best`, where they are one."""
        if not self.exhausted or (self._open is not None and self._open > best):
            return None
        return self._proof.packed()


class Recording:
    """What listens to the searches of one attack.

    Args:
        clock: of the attack.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tree: RecordedTree | None = None

    def tree(
        self, space: PatternSpace, upper: Upper, floor: Callable[[], Standing]
    ) -> RecordedTree | None:
        """See `signflip.exact.recorder.Recorder`: None where only some images are meant."""
        if space.layer is space.problem.network.hidden[0]:
            self._tree = RecordedTree(space, upper, floor, self._clock)
        return self._tree

    def steps(self, best: Standing) -> Packed | None:
        """The steps of a proof that no image is better than `best`, if the search made them."""
        return None if self._tree is None else self._tree.steps(best)
