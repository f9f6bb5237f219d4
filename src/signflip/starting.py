"""Ctrl-C while the command itself is imported, which takes a third of a second: it ends quietly.

There is nothing to tidy up then, and a traceback of imports tells nobody anything; NumPy would even
make an error of its own of it. A program that imports Signflip keeps its own ways.
"""

import os
import signal
import sys
from itertools import pairwise
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""


def end_quietly(_number: int, _: FrameType | None) -> None:
    """What Ctrl-C does until the command hears signals itself."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def is_command(script: str, words: list[str]) -> bool:
    """Whether a process is the command `signflip`, or `python -m signflip`.

    Args:
        script: `sys.argv[0]`, which is `-m` until the module is found.
        words: `sys.orig_argv`. Processes of multiprocessing have the command's name in `sys.argv`,
            and not in these.
    """
    if script == "-m":
        return ("-m", "signflip") in pairwise(words)
    name = os.path.basename(script)  # noqa: PTH119 - pathlib is a part of what is imported later
    return script in words and name in ("signflip", "signflip.exe")


if (
    is_command(next(iter(sys.argv), ""), sys.orig_argv)
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, end_quietly)
