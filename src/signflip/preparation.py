"""Code that is compiled by running it once, and whether a machine has all of it on disk already."""

from collections.abc import Callable


class Preparation:
    """What some compiled functions need before a clock may start.

    Args:
        name: of the preparation, no other's.
        run: calls the functions with all types of arguments that they are ever called with.
        part: calls those that nearly every problem needs; None for none.
    """

    def __init__(
        self, name: str, run: Callable[[], None], part: Callable[[], None] | None = None
    ) -> None:
        self._name = name
        self._run = run
        self._part = part
        self._loaded = self._ready = False

    def load(self) -> None:
        """Compile or load all of it, unless that was done before in this process."""
        if self._loaded:
            return
        self._run()
        self._loaded = self._ready = True
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.compiled import SETS

        SETS.set_complete(self._name)

    def ready(self) -> bool:
        """Load the part that nearly every problem needs, if all of it is on disk; whether it is.

        The rest is loaded as it is needed, in a tenth of a second. A file that was removed since is
        compiled when it is needed.
        """
        if not self._ready:  # easy problems take less time than to look again
            from signflip.compiled import SETS

            if not SETS.is_complete(self._name):
                return False
            if self._part is not None:
                self._part()
            self._ready = True
        return True
