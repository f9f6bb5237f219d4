"""Options that several commands share."""

from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

CERTIFY = ("certify", "net.safetensors", "images.npz", "--epsilon", "0.1")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (CERTIFY, "--out"),
        (CERTIFY, "--summary"),
        (CERTIFY, "--witnesses"),
        (CERTIFY, "--store"),
        (CERTIFY, "--proofs"),
        (("report", "results.db"), "--out"),
        (("export", "results.db"), "--out"),
        (("convert", "net.safetensors"), "OUT"),
    ],
)
def test_a_dash_is_no_file(
    folder: Path, invoke: Invoke, command: tuple[str, ...], option: str
) -> None:
    before = {path.name for path in folder.iterdir()}
    words = (*command, "-") if option == "OUT" else (*command, option, "-")
    result = invoke(*words)
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert f"Invalid value for '{option}': '-' stands for no stream here; name a file" in said
    assert {path.name for path in folder.iterdir()} == before


def test_a_file_may_be_called_a_dash_by_its_path(folder: Path, invoke: Invoke) -> None:
    result = invoke(*CERTIFY, "--index", "0", "--summary", "./-")
    assert result.exit_code == 0, result.output
    assert (folder / "-").is_file()
