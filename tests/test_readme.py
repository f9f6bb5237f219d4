"""What the README says is run here."""

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import click
import pytest

from signflip.cli import cli
from signflip.methods import METHODS
from signflip.zoo import zoo_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs() -> None:
    assert EXAMPLE is not None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(EXAMPLE[1], "README.md", "exec"), {})
    verdict, clean, best = printed.getvalue().splitlines()[0].split()
    assert verdict in ("flipped", "unknown")
    assert float(clean) <= float(best)


@pytest.mark.parametrize("line", COMMANDS[1].splitlines() if COMMANDS else [])
def test_every_command_is_one_that_the_program_reads(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "signflip"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    context = command.make_context(name, arguments)  # raises for unknown options and values
    named = [context.params.get("network"), *context.params.get("names", ())]
    assert {name for name in named if name} <= set(zoo_names())


def test_there_are_commands() -> None:
    assert COMMANDS is not None
    assert len(COMMANDS[1].splitlines()) >= 4


def test_the_table_of_methods_is_that_of_the_code() -> None:
    section = README.partition("## Methods")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(METHODS)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "PERFORMANCE.md"]
)
def test_links_to_files_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (demo|test|install|lint)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
