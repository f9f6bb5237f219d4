"""Maps one after the other, with no sign between them: one map."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.network.maps.linear_map import LinearMap, Shape
from signflip.network.maps.sparse import SparseMap, as_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Composed(SparseMap):
    """The product of several maps, such as a convolution over the levels of a thermometer code.

    Args:
        maps: first applied first.

    Raises:
        NetworkError: shapes do not chain, or the product has a weight beyond -1, 0 and +1 (as that
            of two overlapping sums has).
    """

    def __init__(self, maps: Sequence[LinearMap]) -> None:
        from scipy.sparse import csr_array

        self._maps = tuple(maps)
        if not self._maps:
            raise NetworkError("a composed map has no maps; it needs at least 1")
        product = csr_array(as_matrix(self._maps[0]).astype(np.int32))
        for index, following in enumerate(self._maps[1:], start=1):
            if following.inputs != product.shape[0]:
                raise NetworkError(
                    f"map {index} of a composed map reads {following.inputs} values, and the one "
                    f"before gives {product.shape[0]}; shapes must chain"
                )
            product = csr_array(as_matrix(following).astype(np.int32) @ product)
        product.eliminate_zeros()
        product.sort_indices()
        if len(product.data) and int(np.abs(product.data).max()) > 1:
            raise NetworkError(
                f"a composed map has a weight of {int(np.abs(product.data).max())}; every weight "
                "must be -1, 0 or +1: windows that overlap cannot be summed before a sign"
            )
        self._matrix = product.astype(np.int8)

    @cached_property
    def matrix(self) -> "csr_array":
        """See `SparseMap.matrix`."""
        return self._matrix

    @property
    def input_shape(self) -> Shape:
        """That of the first map."""
        return self._maps[0].input_shape

    @property
    def output_shape(self) -> Shape:
        """That of the last map."""
        return self._maps[-1].output_shape

    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """`{place}.{kind}.{part}` of each map."""
        from signflip.network.maps import kind_of

        return {
            f"{place}.{kind_of(part)}.{name}": array
            for place, part in enumerate(self._maps)
            for name, array in part.parts().items()
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, npt.NDArray[Any]]) -> LinearMap:
        """See `LinearMap.from_parts`."""
        from signflip.network.maps import map_of

        made: dict[int, tuple[str, dict[str, npt.NDArray[Any]]]] = {}
        for key, array in parts.items():
            place, _, rest = key.partition(".")
            kind, _, name = rest.partition(".")
            if not place.isdecimal() or not name:
                raise NetworkError(
                    f"{key!r} names no part of a composed map, such as 0.pool.window"
                )
            known, arrays = made.setdefault(int(place), (kind, {}))
            if known != kind:
                raise NetworkError(f"map {place} of a composed map is both {known} and {kind}")
            arrays[name] = array
        return cls([map_of(*made[place]) for place in sorted(made)])
