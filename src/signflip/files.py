"""Files that are written whole or not at all, or looked for."""

import errno
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

_READING_MENDS = {
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOENT: "name one that is there",
    errno.ENOTDIR: "what should be its folder is none: name another",
    errno.EACCES: "ask for the right to read it, or name another",
    errno.EPERM: "ask for the right to read it, or name another",
}
"""What to do about some refusals to read a file."""

_WRITING_MENDS = {
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOENT: "its folder is missing: make it first",
    errno.ENOTDIR: "what should be its folder is none: name another",
}
"""What to do about some refusals to write a file."""


def as_path(path: object, what: str, kind: type[SignflipError]) -> Path:
    """The path that a user gave as `what`.

    Raises:
        SignflipError: it can be none, whatever files there are; an error of that kind.
    """
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise kind(f"{what} is {path!r:.60}; it must be a path, as a text or a Path")
    return Path(path)


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; not if its name is none, or its folder is closed."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` such that a killed process leaves the old file or the new one."""
    if not path.name:  # such as "." or "/"
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
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


def unreadable(name: str | Path, error: OSError, kind: type[SignflipError]) -> SignflipError:
    """The error for the user, of that kind, where the system refuses to read what has that name."""
    # Pillow and gzip say of damaged files that they are, with no number of an error
    mend = _READING_MENDS.get(error.errno or 0, "get it again, or name another")
    return kind(f"{name} cannot be read: {error.strerror or error}; {mend}")


@contextmanager
def writing(path: str | Path, kind: type[SignflipError] = SettingError) -> Iterator[None]:
    """Turns a failure to write `path` into an error for the user.

    Raises:
        SignflipError: the system refused; an error of that kind.
    """
    try:
        yield
    except OSError as error:
        mend = _WRITING_MENDS.get(error.errno or 0, "name another file, or make room")
        raise kind(f"{path} cannot be written ({error.strerror}); {mend}") from error
