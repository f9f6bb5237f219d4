"""Compiled functions on disk: a file for each function and signature, and a digest in each.

Numba's own files are an index and code by number. A cut or damaged one ends every later run; two
processes that compile at a time may mix up the numbers; where no folder can be written nothing is
compiled at all; and code that was kept by another user is not read. Here a damaged file counts as
none, and is written again; what a folder holds is read even if it cannot be written; and where none
can, functions are compiled without being kept.
"""

import hashlib
import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from signflip.files import write_bytes

_log = logging.getLogger(__name__)
_DIGEST = hashlib.sha256().digest_size
_refusals: list[str] = []


def code_is_kept() -> bool:
    """Whether all that was compiled in this process is on disk now."""
    return not _refusals


class CompiledCache(FunctionCache):
    """Numba's cache of one function, in files of ours.

    Args:
        function: what is compiled.
        sources: stands for all that the code depends on beside Numba and the machine: code of other
            sources is not loaded.
    """

    def __init__(self, function: Callable[..., Any], sources: str) -> None:
        self._impl_class = _Implementation
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._sources = sources
        self._cache_file = CompiledFiles(  # type: ignore[assignment]
            list(_folders(Path(function.__code__.co_filename))), self._impl.filename_base, sources
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any | None:
        """The code for a signature, or None.

        It is whole: it needs Numba's runtime, but none of what the compiler has to know of NumPy,
        which Numba would import first, and which takes ten times as long as to load the code. Who
        compiles after all imports it then.
        """
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:
        key: tuple[Any, ...] = super()._index_key(signature, codegen)  # type: ignore[no-untyped-call]
        return (*key, *_made_by(self._sources))


class CompiledFiles:
    """The code of one function, by its signatures.

    Args:
        folders: where it may be; it is written to the first that can be written.
        name: begins the names of its files, and of no other function's.
        sources: what it depends on, see `CompiledCache`; files of other sources are removed.
    """

    def __init__(self, folders: list[Path], name: str, sources: str) -> None:
        self._folders = folders
        self._name = name
        self._now = f"{name}.{hashlib.sha256(sources.encode()).hexdigest()[:12]}-"

    def load(self, key: tuple[Any, ...]) -> Any | None:
        """What was saved under `key`; None if nothing was, or if it is damaged."""
        for folder in self._folders:
            try:
                data = (folder / self._file(key)).read_bytes()
            except OSError:  # it is not there, or is another user's own
                continue
            digest, content = data[:_DIGEST], data[_DIGEST:]
            if hashlib.sha256(content).digest() != digest:
                continue
            saved_key, saved = pickle.loads(content)
            if saved_key == key:
                return saved
        return None

    def save(self, key: tuple[Any, ...], code: Any) -> None:
        """Keep `code` under `key` in a folder that lets us; say it if none does."""
        content = dumps((key, code))  # type: ignore[no-untyped-call]
        data = hashlib.sha256(content).digest() + content
        faults = []
        for folder in self._folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_bytes(folder / self._file(key), data)
                self._remove(folder, all_sources=False)
            except OSError as error:
                faults.append(f"{folder} ({error.strerror})")
            else:
                return
        if not _refusals:
            _log.warning(
                "compiled code cannot be kept, so that each start takes half a minute longer: none "
                "of %s can be written; set NUMBA_CACHE_DIR to a folder that can",
                ", ".join(faults),
            )
        _refusals.append(self._name)

    def flush(self) -> None:
        """Remove what is kept, where that is allowed."""
        for folder in self._folders:
            self._remove(folder, all_sources=True)

    def _file(self, key: tuple[Any, ...]) -> str:
        return f"{self._now}{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.nbc"

    def _remove(self, folder: Path, *, all_sources: bool) -> None:
        for path in folder.glob(f"{self._name}.*"):
            if path.suffix in (".nbc", ".nbi") and (
                all_sources or not path.name.startswith(self._now)
            ):
                path.unlink(missing_ok=True)


class CompiledSet:
    """Which sets of functions are on disk as a whole, for this machine.

    Args:
        source: beside it is kept what is known.
        sources: what the functions depend on, see `CompiledCache`.
    """

    def __init__(self, source: Path, sources: str) -> None:
        self._source = source
        self._sources = sources

    def is_complete(self, name: str) -> bool:
        """Whether the set called `name` was kept, and no source changed since."""
        return self._file(name).load(self._key()) is not None

    def set_complete(self, name: str) -> None:
        """Say that the set called `name` is on disk, if all that was compiled here is."""
        if code_is_kept() and not self.is_complete(name):
            self._file(name).save(self._key(), True)

    def _file(self, name: str) -> CompiledFiles:
        return CompiledFiles(list(_folders(self._source)), f"complete.{name}", self._sources)

    def _key(self) -> tuple[Any, ...]:
        codegen: Any = cpu_target.target_context.codegen()
        return (codegen.magic_tuple(), *_made_by(self._sources))


def _made_by(sources: str) -> tuple[str, ...]:
    """What code depends on beside its function and the machine."""
    return (sources, numba.__version__, llvmlite.__version__)


def _folders(source: Path) -> Iterator[Path]:
    """Where the code of `source` may be kept: Numba's folders, in its order."""
    subfolder: str = _CacheLocator.get_suitable_cache_subpath(str(source))  # type: ignore[no-untyped-call]
    if chosen := config.CACHE_DIR:  # type: ignore[attr-defined]
        yield Path(chosen, subfolder)
    yield source.parent / "__pycache__"
    users = Path(AppDirs(appname="numba", appauthor=False).user_cache_dir, subfolder)  # type: ignore[no-untyped-call]
    if users.is_absolute():  # it is not where nobody knows the user's home
        yield users


class _Implementation(CompileResultCacheImpl):
    """Numba's way from code to bytes, without its search for a folder that it may write."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Place(function)
        source = Path(function.__code__.co_filename)
        self._filename_base = self.get_filename_base(  # type: ignore[no-untyped-call]
            f"{source.stem}.{function.__qualname__}", getattr(sys, "abiflags", "")
        )


class _Place(_CacheLocator):
    """What Numba asks of the place of a function's code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_file = function.__code__.co_filename
        self._line = function.__code__.co_firstlineno

    def ensure_cache_path(self) -> None:
        """`CompiledFiles` sees to it."""

    def get_cache_path(self) -> str:
        """The first folder."""
        return str(next(_folders(Path(self._py_file))))

    def get_source_stamp(self) -> None:
        """The sources are part of the key."""

    def get_disambiguator(self) -> str:
        """Tells functions of one name in one file apart."""
        return str(self._line)
