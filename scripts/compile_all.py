"""Compile all that Numba compiles, in two processes, unless it is kept on disk already.

Processes that start side by side on a fresh checkout would each compile the same for two minutes.
"""

from concurrent.futures import ProcessPoolExecutor

from signflip.methods import Exact, IProp, Square
from signflip.proving.files import PROOFS


def search() -> None:
    """What searches, and the walk beside it."""
    Exact().prepare()


def rest() -> None:
    """What the others and proofs need, most of it their own."""
    for method in (Square(), IProp()):
        method.prepare()
    PROOFS.load()


def main() -> None:
    """Compile."""
    with ProcessPoolExecutor(max_workers=2) as pool:
        for made in [pool.submit(search), pool.submit(rest)]:
            made.result()


if __name__ == "__main__":
    main()
