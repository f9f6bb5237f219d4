"""What listens to an exact search: it makes the proof while the search goes on."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol, runtime_checkable

from signflip.exact.kernel import Upper
from signflip.exact.part import Leaves
from signflip.patterns.space import PatternSpace
from signflip.problem import Standing


class Tree(Protocol):
    """What is left to search of a problem, as `Frontier`."""

    @property
    def exhausted(self) -> bool:
        """Whether all is searched."""
        ...

    def advance(self, pool: Executor | None, capacity: int) -> Leaves:
        """Search for a while; leaves (N, m) bool, full patterns that beat the incumbent."""
        ...


class Recorded(Tree, Protocol):
    """A tree whose steps are kept."""

    @property
    def lost(self) -> bool:
        """Whether it cannot go on."""
        ...


@runtime_checkable
class Recorder(Protocol):
    """Keeps the steps of a search, for a proof."""

    def tree(
        self,
        space: PatternSpace,
        upper: Upper,
        floor: Callable[[], Standing],
        workers: int,
        seconds: float,
    ) -> Recorded | None:
        """What is to be searched from now on in place of the usual tree; None for that, as yet.

        Args:
            space: the patterns of the problem.
            upper: the layers above the second, with the incumbent, which may rise.
            floor: what is no better than this is of no interest.
            workers: threads.
            seconds: that the usual tree was searched.
        """
        ...
