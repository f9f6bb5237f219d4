"""Code that is compiled by running it once, and whether a machine has all of it on disk already."""

from collections.abc import Callable


class Preparation:
    """What some compiled functions need before a clock may start.

    Args:
        name: of the preparation, no other's.
        run: calls the functions with all types of arguments that they are ever called with.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._loaded = self._kept = False

    def load(self) -> None:
        """Compile or load all of it, unless that was done before in this process."""
        if self._loaded:
            return
        self._run()
        self._loaded = True
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.compiled import set_complete

        set_complete(self._name)

    def kept(self) -> bool:
        """Whether all of it is on disk: what needs it loads it as it goes, in a tenth of a second.

        A file that was removed since is compiled when it is needed.
        """
        if not self._kept:  # easy problems take less time than to look again
            from signflip.compiled import is_complete

            self._kept = self._loaded or is_complete(self._name)
        return self._kept
