"""Linear maps: what a layer reads. A new one is a file of this folder and a line of `MAPS`."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.network.maps.composed import Composed
from signflip.network.maps.conv2d import Conv2d
from signflip.network.maps.dense import Dense
from signflip.network.maps.linear_map import LinearMap, Shape
from signflip.network.maps.pool import Pool
from signflip.network.maps.sparse import Sparse

MAPS: Mapping[str, type[LinearMap]] = {
    "dense": Dense,
    "sparse": Sparse,
    "conv2d": Conv2d,
    "pool": Pool,
    "composed": Composed,
}
"""Name of a kind of map -> class; network files name the kind."""

__all__ = [
    "MAPS",
    "Composed",
    "Conv2d",
    "Dense",
    "LinearMap",
    "Pool",
    "Shape",
    "Sparse",
    "kind_of",
    "map_of",
]


def kind_of(part: LinearMap) -> str:
    """The name of the kind of a map."""
    return next(name for name, kind in MAPS.items() if type(part) is kind)


def map_of(kind: str, parts: Mapping[str, npt.NDArray[Any]]) -> LinearMap:
    """The map of a kind, made of the arrays of a file.

    Raises:
        NetworkError: there is no such kind, or the arrays break a rule of it.
    """
    if kind not in MAPS:
        raise NetworkError(f"no map is of the kind {kind!r}; the kinds are {', '.join(MAPS)}")
    try:
        return MAPS[kind].from_parts(parts)
    except KeyError as missing:
        raise NetworkError(f"a {kind} map lacks the part {missing}") from missing
