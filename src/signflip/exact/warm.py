"""What Numba does once in a process, done by importing this module: see `many.fork_server`.

Its first function makes Numba import and register what it knows of NumPy, which takes five times as
long as to load the compiled search.
"""

import signflip.exact.tree  # noqa: F401 - with it, the search's own modules
from signflip.compiled import compiled


@compiled()
def first() -> int:
    """Any function does."""
    return 0


first()
