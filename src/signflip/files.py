"""Files that are written whole or not at all, or looked for."""

import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

from signflip.errors import SettingError, SignflipError

NO_ARRAYS = (
    ValueError, EOFError, SyntaxError, TokenError, AttributeError, KeyError, MemoryError,
    RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise of a file that is no whole `.npy` or `.npz`, `OSError` apart.

The headers of arrays are parsed as Python literals, their sizes are believed, and of zip files
there are encrypted ones and those packed by means that Python has not.
"""


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; not if its name is none, or its folder is closed."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` such that a killed process leaves the old file or the new one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: str | Path, kind: type[SignflipError] = SettingError) -> Iterator[None]:
    """Turns a failure to write `path` into an error for the user.

    Raises:
        SignflipError: the system refused; an error of that kind.
    """
    try:
        yield
    except OSError as error:
        raise kind(
            f"{path} cannot be written ({error.strerror}); name another file, or make room"
        ) from error
