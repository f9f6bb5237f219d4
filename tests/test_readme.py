"""What the README says is run here."""

import io
import json
import re
import shlex
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from signflip.cli import cli
from signflip.formats.native import network_to_bytes
from signflip.many.grid_model import grid_of
from signflip.methods import METHODS
from signflip.zoo import load_zoo, zoo_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README + SWEEPS, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("signflip ")
]
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs() -> None:
    assert EXAMPLE is not None
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(EXAMPLE[1], "README.md", "exec"), {})
    verdict, clean, best = printed.getvalue().splitlines()[0].split()
    assert verdict in ("flipped", "unknown")
    assert float(clean) <= float(best)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_the_program_reads(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "signflip"
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    context = command.make_context(name, arguments)  # raises for unknown options and values
    named = [context.params.get("network"), *context.params.get("names", ())]
    assert {name for name in named if name} <= set(zoo_names())


def test_there_are_commands() -> None:
    assert {line.split()[1] for line in COMMANDS} >= set(cli.list_commands(click.Context(cli))) - {
        "demo"  # the README has `make demo`
    }


def test_the_example_of_a_grid_is_one() -> None:
    example = re.search(r"```toml\n(.*?)```", SWEEPS, re.DOTALL)
    assert example is not None
    grid = grid_of(tomllib.loads(example[1]))
    assert set(grid.methods) == {"exact", "fgsm", "iprop", "iprop-step-5"}


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


def test_network_files_hold_what_is_said_of_them() -> None:
    section = README.partition("Network files are ")[2].partition("## ")[0]
    data = network_to_bytes(load_zoo("mnist-3x30"))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    for key in ("format", "version"):
        assert f"`{key} = {metadata[key]}`" in section
    layer, output = (
        set(re.findall(rf"`({kind}\.[^` ]+)`", section)) for kind in ("hidden", "output")
    )
    assert {name.replace("{l}", "0") for name in layer} == {
        name for name in header if name.startswith("hidden.0.")
    }
    parts = {name.removesuffix(".plus").removesuffix(".shape") for name in header}
    assert output == {name for name in parts if name.startswith("output.")}


def test_the_tables_shown_have_the_columns_of_the_commands() -> None:
    arguments = ["min-epsilon", "mnist-2x100", "mnist-sample", "--index", "0", "--time-limit", "0"]
    printed = CliRunner().invoke(cli, arguments).stdout.splitlines()[0]
    shown = [line.split() for line in README.splitlines() if line.startswith("    image  label")]
    assert shown == [printed.split()]


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (demo|test|install|lint)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
