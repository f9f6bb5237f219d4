"""The columns of a record in files: what a store keeps of each field, and how it is read back."""

import json
import types
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, Union, get_args, get_origin

import numpy as np

from signflip.arrays import Floats
from signflip.errors import StoreError
from signflip.many.record import Record

_QUICK = 1  # zlib's level: witnesses hardly shrink further, and a sweep has no time to lose


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table `results`.

    Attributes:
        name: of the field of `Record`, and of the column.
        kind: what SQLite calls its type: TEXT, INTEGER, REAL, or BLOB.
        nullable: whether there may be no value.
        default: of the field, as SQLite keeps it; None if there is none.
        write: makes what SQLite keeps of a value.
        read: makes a value of what SQLite keeps.
    """

    name: str
    kind: str
    nullable: bool
    default: object
    write: Callable[[Any], object]
    read: Callable[[Any], object]

    def stored(self, value: object) -> object:
        """What SQLite keeps of a value."""
        if value is None:
            return None
        kept = self.write(value)
        return as_printed(kept) if isinstance(kept, str) else kept

    def value(self, stored: object) -> object:
        """The value that SQLite keeps as `stored`.

        Raises:
            StoreError: it is none.
        """
        if stored is None and self.nullable:
            return None
        try:
            return self.read(stored)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"the store is damaged: a row's {self.name} is {stored!r} ({error})"
            ) from error

    @property
    def declaration(self) -> str:
        """The column as SQL declares it."""
        words = [self.name, self.kind, *([] if self.nullable else ["NOT NULL"])]
        if self.name == "key":
            words.append("PRIMARY KEY")
        if self.default is not None:
            words.append(f"DEFAULT {self.default!r}")
        return " ".join(words)


def as_printed(text: str) -> str:
    r"""The text as SQLite can keep it: bytes of a file's name that are none are `\udce9` then."""
    return text.encode("utf-8", "backslashreplace").decode()


# json.dumps would make one anew for each text
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON that is the same for equal values, as keys and the store have it."""
    return _ENCODER.encode(value)


def pack(values: Floats) -> bytes:
    """(N,) float64 as the store keeps it: little-endian, compressed by zlib."""
    return zlib.compress(np.ascontiguousarray(values, dtype="<f8").tobytes(), _QUICK)


def unpack(data: bytes) -> Floats:
    """The (N,) float64 that `pack` made `data` of.

    Raises:
        StoreError: `data` is damaged.
    """
    try:
        values = np.frombuffer(zlib.decompress(data), dtype="<f8")
    except (zlib.error, ValueError, TypeError) as error:
        raise StoreError(
            f"an image in the store is damaged ({error}); take the store from a backup, or run its "
            "sweep again"
        ) from error
    return values.astype(np.float64)


def _pairs(text: str) -> tuple[tuple[float, float], ...]:
    return tuple((seconds, value) for seconds, value in json.loads(text))


def _word(value: Any) -> object:
    return value.value


def _same(value: object) -> object:
    return value


_KINDS: Mapping[Any, tuple[str, Callable[[Any], object], Callable[[Any], object]]] = {
    str: ("TEXT", _same, str),
    int: ("INTEGER", _same, int),
    bool: ("INTEGER", int, bool),
    float: ("REAL", _same, float),
    dict: ("TEXT", canonical_json, json.loads),
    tuple: ("TEXT", canonical_json, _pairs),
    np.ndarray: ("BLOB", pack, unpack),
}
"""Type of a field -> type of its column, and what writes and reads it; enums are their words."""


def _columns() -> dict[str, Column]:
    found = {}
    for field in fields(Record):
        hint: Any = field.type
        nullable = False
        if get_origin(hint) in (Union, types.UnionType):
            (hint,) = (each for each in get_args(hint) if each is not types.NoneType)
            nullable = True
        word = isinstance(hint, type) and issubclass(hint, Enum)
        kind, write, read = ("TEXT", _word, hint) if word else _KINDS[get_origin(hint) or hint]
        default = None if field.default in (MISSING, None) else write(field.default)
        found[field.name] = Column(
            name=field.name, kind=kind, nullable=nullable, default=default, write=write, read=read
        )
    return found


COLUMNS: Mapping[str, Column] = _columns()
"""Name -> column, in the order of the record's fields."""

_ONCE_IN_CAPITALS = ("stop",)
"""What stores of Signflip 0.1.0, and rows that were merged from them, have in capitals."""


def selection(names: Iterable[str]) -> str:
    """What SQL selects of the table `results` for columns of these names."""
    return ", ".join(
        f"lower(results.{name}) AS {name}" if name in _ONCE_IN_CAPITALS else f"results.{name}"
        for name in names
    )
