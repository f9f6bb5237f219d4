"""Steps of a proof that are packed as they are made, since there may be gigabytes of them."""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor

from signflip.proof.container import MOST_BYTES, Packed
from signflip.proving.no_proof import NoProofError

PIECE = 2**18
"""Bytes that are packed together, at least."""
LEVEL = 2
"""Of zlib: a higher one takes twice as long and saves 3 %."""
HEAD = zlib.compress(b"", LEVEL)[:2]
MODULUS = 65521
"""Of the sums at the end of a stream (RFC 1950)."""


class Packing:
    """Packs the pieces of the steps of a part of a proof, in a thread of its own."""

    def __init__(self) -> None:
        # no stream of its own: those of all parts are one
        self._packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._packed: list[Future[bytes]] = []
        self._size = 0
        self._sum = zlib.adler32(b"")

    def add(self, piece: bytes) -> None:
        """Pack the next bytes of the steps.

        Raises:
            NoProofError: no checker would read as many.
        """
        self._size += len(piece)
        _check(self._size)
        self._sum = zlib.adler32(piece, self._sum)
        self._packed.append(self._thread.submit(self._packer.compress, piece))

    def append(self, other: "Packing") -> None:
        """Go on with the steps of the next part, to which nothing is to be added any more.

        Raises:
            NoProofError: no checker would read as many.
        """
        self._flush(zlib.Z_FULL_FLUSH)
        other._flush(zlib.Z_FULL_FLUSH)
        other._thread.shutdown(wait=False)
        self._packed += other._packed
        # the sum of all bytes, and the sum of all such sums on the way
        low, high = self._sum & 0xFFFF, self._sum >> 16
        high += (other._sum >> 16) + other._size * (low - 1)
        low += (other._sum & 0xFFFF) - 1
        self._sum = high % MODULUS << 16 | low % MODULUS
        self._size += other._size
        _check(self._size)

    def _flush(self, mode: int) -> None:
        """Pack what is left, so that the next bytes refer to nothing before them."""
        self._packed.append(self._thread.submit(self._packer.flush, mode))

    def steps(self) -> Packed:
        """All of them; nothing can be added afterwards."""
        self._flush(zlib.Z_FINISH)
        self._thread.shutdown(wait=False)
        packed = [piece.result() for piece in self._packed]
        return Packed(b"".join([HEAD, *packed, self._sum.to_bytes(4, "big")]))


def _check(size: int) -> None:
    if size > MOST_BYTES:
        raise NoProofError(f"it has over {MOST_BYTES} bytes")
