"""What the command line changes in its own process before it does anything."""

import io
import os
import sys


def settle() -> None:
    r"""Make the streams print any name, and forget the backend of a notebook's Matplotlib.

    A stream that is not UTF-8 (a pipe on Windows) shows what it lacks as `\u03b5`; one that is does
    so with a file name that is no text. A notebook's backend is of a package that need not be where
    the command is; pictures go to files.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")
    os.environ.pop("MPLBACKEND", None)
