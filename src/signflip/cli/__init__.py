"""The command line: each command parses, calls the library, and prints."""

from collections.abc import Sequence

import click

from signflip.cli.group import Group
from signflip.cli.process import settle
from signflip.many import fork_server
from signflip.many.interrupts import end_on_signals

__all__ = ["cli", "main"]

_WORKERS_IMPORT = {
    "attack": fork_server.TASKS,
    **dict.fromkeys(("certify", "curve", "min-epsilon", "sweep", "demo"), fork_server.SEARCH),
}
_SEARCHES = ("auto", "exact", "walk")
_WITHOUT_WORKERS = ("-h", "--help", "--scheduler", "--dry-run")


def _workers_import(command: str, arguments: Sequence[str]) -> Sequence[str]:
    """What the worker processes of a command import; nothing if it has none here."""
    if any(argument.startswith(_WITHOUT_WORKERS) for argument in arguments):
        return ()
    by_default = not any(argument.startswith("--method") for argument in arguments)
    searches = any(name in argument for name in _SEARCHES for argument in arguments)
    if command == "attack" and (by_default or searches):
        return fork_server.SEARCH
    return _WORKERS_IMPORT.get(command, ())


@click.group(
    cls=Group,
    names=(
        *(
            "attack",
            "certify",
            "curve",
            "min-epsilon",
            "show",
            "networks",
            "convert",
            "ensemble",
            "verify",
            "replay",
            "check",
            "train",
            "demo",
        ),
        *("sweep", "merge", "export", "report"),
    ),
    workers_import=_workers_import,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="signflip")
def cli() -> None:
    """Attack binarized neural networks, and prove that there is no attack."""


def main() -> None:
    """Run the command line of this process."""
    settle()
    end_on_signals()
    cli()
