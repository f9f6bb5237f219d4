"""Steps of a proof that are packed as they are made, since there may be gigabytes of them."""

import zlib

from signflip.proof.container import MOST_BYTES, Packed
from signflip.proving.no_proof import NoProofError

PIECE = 2**22
"""Bytes that are packed together, at least."""


class Packing:
    """Packs the pieces of the steps of one proof."""

    def __init__(self) -> None:
        # a higher level takes twice as long and saves 3 %
        self._packer = zlib.compressobj(level=2)
        self._packed: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Pack the next bytes of the steps.

        Raises:
            NoProofError: no checker would read as many.
        """
        self._size += len(piece)
        if self._size > MOST_BYTES:
            raise NoProofError(f"it has over {MOST_BYTES} bytes")
        self._packed.append(self._packer.compress(piece))

    def steps(self) -> Packed:
        """All of them; nothing can be added afterwards."""
        return Packed(b"".join([*self._packed, self._packer.flush()]))
