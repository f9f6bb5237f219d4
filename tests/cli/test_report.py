import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signflip.many.store import Store
from tests.cli.conftest import Invoke
from tests.support.sweeps import result_row
from tests.support.tiny import INPUTS


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one result of FGSM, in the working folder."""
    monkeypatch.chdir(tmp_path)
    with Store.open("r.db", create=True) as opened:
        image = opened.add_image(np.full(INPUTS, 0.5))
        opened.add(result_row(series="fgsm", method="fgsm", settings={"kind": "Fgsm"}, image=image))
    return tmp_path


def test_a_report_and_what_it_lacks(store: Path, invoke: Invoke) -> None:
    result = invoke("report", "r.db", "--out", "docs/report", "--title", "My title")
    assert result.exit_code == 0, result.output
    assert result.stdout == "docs/report/index.html is written\n"
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["figure 5 is empty", "figure 6 is empty"]
    assert "My title" in (store / "docs/report/index.html").read_text()
    assert invoke("report", "r.db", "--out", "docs/report").exit_code == 0  # replaces its own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("r.db",), "Missing option '--out'"),
        (("no.db", "--out", "out"), "error: no.db is no file"),
        (("text.db", "--out", "out"), "error: text.db is no store of Signflip"),
        (("r.db", "--out", "text.db"), "error: text.db is a file; name a folder for the report"),
        (("r.db", "--out", "."), "error: . holds index.html, which is of no report"),
        (("r.db", "--out", "text.db/out"), "error: text.db/out cannot be written"),
    ],
)
def test_bad_input(store: Path, invoke: Invoke, arguments: tuple[str, ...], message: str) -> None:
    (store / "text.db").write_text("no store")
    (store / "index.html").write_text("mine")
    result = invoke("report", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (store / "out").exists()


PROGRAM = """
import sys
sys.modules[{package!r}] = None
from signflip.cli import cli
cli(["report", "r.db", "--out", "out"])
"""


@pytest.mark.parametrize("package", ["polars", "scipy", "jinja2"])
def test_without_the_extra_the_error_names_it(store: Path, package: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(package=package)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=store, check=False)
    assert answer.returncode == 2
    assert f"the report needs the package '{package}'" in answer.stderr
    assert "pip install 'signflip[report]'" in answer.stderr
