"""The group of commands: how they are found, and how errors and Ctrl-C reach the user."""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click

from signflip.errors import SignflipError
from signflip.many import fork_server
from signflip.many.interrupts import undisturbed
from signflip.starting import INTERRUPTED

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class CommandError(click.ClickException):
    """An error of the user's making, as one line on stderr."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error."""
        click.echo(f"error: {self.format_message()}", file=file or sys.stderr)


class Group(click.Group):
    """Commands of this folder, each in the file of its name.

    A command's file is imported when it is called: one that draws no picture, and every worker
    process, starts without the plotting library. Each `SignflipError` becomes a line on stderr.

    Args:
        names: the commands; `min-epsilon` is the function `min_epsilon` of `min_epsilon.py`.
        workers_import: what the worker processes of a command, called with arguments, import. They
            get ready while the command itself is imported.
        settings: of `click.Group`.
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        workers_import: Callable[[str, Sequence[str]], Sequence[str]],
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._names = tuple(names)
        self._workers_import = workers_import

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line; what the output's end refuses is one line too.

        Of a pipe that nobody reads any more click says nothing.
        """
        try:
            return super().main(*args, **settings)
        except OSError as error:
            # what is left in it cannot be written when the process ends, either
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open to the end
            CommandError(_refused(error)).show()
            sys.exit(CommandError.exit_code)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands, in the order of `names`."""
        return list(self._names)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name, command and arguments of what the user named."""
        name, *rest = args
        imports = self._workers_import(name, rest)
        if imports:
            fork_server.start(imports)
        return super().resolve_command(ctx, args)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self._names:
            return None
        name = cmd_name.replace("-", "_")
        with undisturbed():  # some packages make another error of Ctrl-C during their import
            command: click.Command = getattr(import_module(f"signflip.cli.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the user named."""
        try:
            result = super().invoke(ctx)
        except SignflipError as error:
            raise CommandError(one_line(error)) from error
        except OSError as error:
            if error.filename is None:  # such as a pipe that nobody reads: handled by `main`
                raise
            raise CommandError(
                f"{error.filename} cannot be used ({error.strerror}); name another"
            ) from error
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)
        if sys.stdout is not None:  # closed by whoever called
            sys.stdout.flush()
        return result


def one_line(error: SignflipError) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())


def _refused(error: OSError) -> str:
    """What the system refused, where it names no file."""
    if error.errno in _NO_ROOM:
        return f"the output cannot be written ({error.strerror}); make room, or send it elsewhere"
    return f"the system refused what the command needs ({error.strerror or error}); try again"
