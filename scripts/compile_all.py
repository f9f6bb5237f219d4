"""Compile all that Numba compiles, in two processes, unless it is kept on disk already.

Processes that start side by side on a fresh checkout would each compile the same for two minutes.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from signflip.methods import Exact, IProp, Square
from signflip.proving.files import prepare


def search() -> None:
    """What searches, and the walk beside it."""
    Exact().prepare()


def rest() -> None:
    """What the others and proofs need, most of it their own."""
    for method in (Square(), IProp()):
        method.prepare()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "a.proof")


def main() -> None:
    """Compile."""
    with ProcessPoolExecutor(max_workers=2) as pool:
        for made in [pool.submit(search), pool.submit(rest)]:
            made.result()


if __name__ == "__main__":
    main()
