"""The errors of Signflip.

    SignflipError
    ├── NetworkError      a network, or the file it comes from, breaks a rule
    ├── DataError         images or labels break a rule, or a data set is missing
    ├── ProblemError      network, image, box and goal do not make a problem
    ├── SettingError      a method's or solver's setting is out of range
    ├── WorkerError       worker processes, or the cluster they are of, cannot be had or are lost
    ├── GridError         the grid of a sweep breaks a rule
    ├── ProofError        a proof is not valid, or cannot be made
    ├── StoreError        a store of results cannot be used
    └── MissingExtraError an optional package is needed and not installed

Each message names the value, the rule that it broke, and the mend.
"""

import difflib
from collections.abc import Iterable


class SignflipError(Exception):
    """Base of every error that a user of Signflip can cause or mend."""


class NetworkError(SignflipError):
    """A network, or the file it comes from, breaks a rule."""


class DataError(SignflipError):
    """Images or labels break a rule, or a data set cannot be had."""


class ProblemError(SignflipError):
    """Network, image, box and goal do not make an attack problem."""


class SettingError(SignflipError):
    """A setting of a method, a solver or a run is out of its range."""


class GridError(SignflipError):
    """The grid of a sweep, or the file it comes from, breaks a rule."""


class ProofError(SignflipError):
    """A file proves nothing, or a proof cannot be made."""


class StoreError(SignflipError):
    """A file is no store of results, or cannot be read or written."""


class WorkerError(SignflipError):
    """Worker processes, or the cluster that they belong to, cannot be had or are lost."""


class MissingExtraError(SignflipError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        # the parts are the arguments, so that the error survives the way from a worker process
        super().__init__(package, extra, purpose)

    def __str__(self) -> str:
        package, extra, purpose = self.args
        return (
            f"{purpose} needs the package {package!r}, which is not installed: "
            f"pip install 'signflip[{extra}]'"
        )


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the name that is most like `name`, if any is."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
