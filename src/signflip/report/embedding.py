"""The gallery's data as the page carries it: columns of JSON, and pixels compressed in chunks."""

import base64
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from signflip.report.gallery import LEVELS, Changes, Gallery, GreyLevels, drawn_shape

CHUNK = 200
"""Images a chunk: a reader's browser unpacks only the chunks of what it shows."""

Json = dict[str, object]

_NAMED = {
    "problem": "problem",
    "network": "network_name",
    "images": "images_name",
    "method": "method",
    "series": "series",
    "stop": "stopped",
    "ties": "ties",
    "grid": "grid",
    "mask": "mask",
}
_PLAIN = (
    "image_index",
    "label",
    "prediction",
    "target",
    "epsilon",
    "objective",
    "clean_objective",
    "bound",
    "largest_conceivable",
    "seconds",
    "witness_prediction",
)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A gallery in the form that the page's script reads.

    Attributes:
        index: what JSON says. `columns` has a value for each result; of `names` it has the place
            in the list of names, of `image` the place among the originals, and of `change` the
            place among the changes, or null.
        originals: chunks of `CHUNK` images each, in base64 of zlib of a byte a pixel.
        changes: likewise, of a signed byte a pixel.
    """

    index: Json
    originals: Sequence[str]
    changes: Sequence[str]


def embedded(gallery: Gallery) -> Embedded:
    """A gallery as the page carries it."""
    records = [result.record for result in gallery.results]
    names: Json = {}
    columns: Json = {}
    for column, attribute in _NAMED.items():
        values = [_word(getattr(record, attribute)) for record in records]
        place = {name: number for number, name in enumerate(dict.fromkeys(values))}
        # a problem's key is of no use to a reader: its place is enough to tell it from others
        names[column] = len(place) if column == "problem" else list(place)
        columns[column] = [place[value] for value in values]
    for column in _PLAIN:
        columns[column] = [_number(getattr(record, column)) for record in records]
    columns["verdict"] = ["failed" if record.failed else record.verdict.value for record in records]
    keys = {key: number for number, key in enumerate(gallery.originals)}
    columns["image"] = [keys[result.original] for result in gallery.results]
    columns["reach"] = [_number(result.reach) for result in gallery.results]
    changes = [result.change for result in gallery.results if result.change is not None]
    place_of_change = iter(range(len(changes)))
    columns["change"] = [
        None if result.change is None else next(place_of_change) for result in gallery.results
    ]
    index: Json = {
        "total": gallery.total,
        "levels": LEVELS,
        "chunk": CHUNK,
        "names": names,
        "columns": columns,
        "pixels": [pixels.size for pixels in gallery.originals.values()],
        "shapes": [drawn_shape(pixels.size) for pixels in gallery.originals.values()],
    }
    return Embedded(
        index=index,
        originals=tuple(_packed(gallery.originals.values())),
        changes=tuple(_packed(changes)),
    )


def _word(value: str | Enum | None) -> str | None:
    return value.value if isinstance(value, Enum) else value


def _packed(images: Iterable[GreyLevels] | Iterable[Changes]) -> Iterator[str]:
    pictures = [picture.tobytes() for picture in images]
    for start in range(0, len(pictures), CHUNK):
        # changes are mostly +-epsilon at random: a search for repeats other than runs takes fifty
        # times as long, and loses
        packer = zlib.compressobj(strategy=zlib.Z_RLE)
        packed = packer.compress(b"".join(pictures[start : start + CHUNK])) + packer.flush()
        yield base64.b64encode(packed).decode()


def _number(value: float | None) -> float | None:
    """`value` as JSON takes it, in few letters: whole ones as int, and no infinity."""
    if value is None or not math.isfinite(value):
        return None
    if float(value).is_integer():
        return int(value)
    return float(f"{value:.6g}")
