"""Steps of a proof that are packed as they are made, since there may be gigabytes of them."""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor

from signflip.proof.container import MOST_BYTES, Packed
from signflip.proving.no_proof import NoProofError

PIECE = 2**18
"""Bytes that are packed together, at least."""
TOGETHER = 2**15
"""Bytes that a thread is worth."""
LEVEL = 2
"""Of zlib: a higher one takes twice as long and saves 3 %."""
HEAD = zlib.compress(b"", LEVEL)[:2]
MODULUS = 65521
"""Of the sums at the end of a stream (RFC 1950)."""


class Packing:
    """Packs the pieces of the steps of a part of a proof, in a thread of its own if it is long."""

    def __init__(self) -> None:
        # no stream of its own: those of all parts are one
        self._packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
        self._thread: ThreadPoolExecutor | None = None
        self._packed: list[Future[bytes] | bytes] = []
        self._waiting: list[bytes] = []
        self._size = self._given = 0
        self._sum = zlib.adler32(b"")

    def add(self, piece: bytes) -> None:
        """Pack the next bytes of the steps.

        Raises:
            NoProofError: no checker would read as many.
        """
        self._size += len(piece)
        _check(self._size)
        self._sum = zlib.adler32(piece, self._sum)
        self._waiting.append(piece)
        if self._size - self._given >= TOGETHER:
            self._thread = self._thread or ThreadPoolExecutor(max_workers=1)
            self._pack(None)

    def append(self, other: "Packing") -> None:
        """Go on with the steps of the next part, to which nothing is to be added any more.

        Raises:
            NoProofError: no checker would read as many.
        """
        self._pack(zlib.Z_FULL_FLUSH)
        other._end(zlib.Z_FULL_FLUSH)
        self._packed += other._packed
        # the sum of all bytes, and the sum of all such sums on the way
        low, high = self._sum & 0xFFFF, self._sum >> 16
        high += (other._sum >> 16) + other._size * (low - 1)
        low += (other._sum & 0xFFFF) - 1
        self._sum = high % MODULUS << 16 | low % MODULUS
        self._size += other._size
        self._given = self._size
        _check(self._size)

    def _pack(self, flush: int | None) -> None:
        """Pack what waits, and with a flush all that is left: no later byte refers to these."""
        piece, packer = b"".join(self._waiting), self._packer
        self._waiting, self._given = [], self._size

        def work() -> bytes:
            packed = packer.compress(piece)
            return packed if flush is None else packed + packer.flush(flush)

        self._packed.append(work() if self._thread is None else self._thread.submit(work))

    def _end(self, flush: int) -> None:
        self._pack(flush)
        if self._thread is not None:
            self._thread.shutdown(wait=False)

    def steps(self) -> Packed:
        """All of them; nothing can be added afterwards."""
        self._end(zlib.Z_FINISH)
        packed = (part if isinstance(part, bytes) else part.result() for part in self._packed)
        return Packed(b"".join([HEAD, *packed, self._sum.to_bytes(4, "big")]))


def _check(size: int) -> None:
    if size > MOST_BYTES:
        raise NoProofError(f"it has over {MOST_BYTES} bytes")
