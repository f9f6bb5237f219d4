"""Compiled functions of the search, kept on disk until any source of the search changes.

Numba's own cache watches the file of a function only. A change in a function that it calls, or in a
table, would go unnoticed, and the machine code of an old search would go on to prove things.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy.typing as npt
from numba import njit

from signflip.compiled_files import CompiledCache, CompiledSet

Function = TypeVar("Function", bound=Callable[..., Any])


ROOMS = ("patterns", "square", "walk", "exact", "proving")
"""Where compiled functions are, beside `signflip`."""


def _digest_of_sources() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for room in ROOMS:
        for path in sorted(Path(__file__).with_name(room).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCES = _digest_of_sources()
SETS = CompiledSet(Path(__file__), SOURCES)
"""What each preparation compiles, as a whole; see `preparation`."""


def compiled(
    *, fastmath: bool | set[str] = False, inner: bool = False, allocates: bool = False
) -> Callable[[Function], Function]:
    """A function compiled by Numba, which lets other threads run meanwhile.

    Args:
        fastmath: whether sums may be taken in any order; or LLVM's flags for what else may be.
        inner: whether only compiled functions call it, and have it put in: that halves the time to
            compile it, and saves a call, which hands over seven words for each array.
        allocates: whether it makes arrays, or calls what does: `max`, or `a[:] = b`. One that does
            not counts no references to the arrays that it is given, an atomic addition each.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": fastmath,
        # divisions as IEEE has them: a test for 0 in each would keep loops from running on vectors
        "error_model": "numpy",
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": inner,
        "_nrt": allocates,
        "forceinline": inner,
    }

    def compile_one(function: Function) -> Function:
        dispatcher: Any = njit(**options)(function)
        dispatcher._cache = CompiledCache(function, SOURCES)
        return cast("Function", dispatcher)

    return compile_one


@compiled(inner=True)
def overwrite(target: npt.NDArray[Any], source: npt.NDArray[Any]) -> None:
    """Write the values of one array (n,) to another: `target[:] = source` counts references."""
    for k in range(target.shape[0]):
        target[k] = source[k]
