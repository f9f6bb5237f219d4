from pathlib import Path

import pytest

from signflip.cli import demo
from signflip.methods import METHODS
from tests.cli.conftest import Invoke


@pytest.mark.usefixtures("folder")
def test_a_row_for_each_epsilon_and_method_and_a_picture(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "COUNT", 1)
    monkeypatch.setattr(demo, "TIME_LIMIT", 0.5)
    monkeypatch.setattr(demo, "TIME_LIMITS", {})
    result = invoke("demo", "--workers", 1)
    assert result.exit_code == 0, result.output
    rows = [line.split()[:5] for line in result.stdout.splitlines()[1:-1] if line.strip()]
    assert [row[:2] for row in rows] == [
        [f"{epsilon:g}", name] for epsilon in demo.EPSILONS for name in METHODS
    ]
    assert all(row[3:] == ["of", "1"] for row in rows)
    assert Path("signflip-demo.png").read_bytes().startswith(b"\x89PNG")
    assert result.stdout.endswith("signflip-demo.png shows the strongest attack\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", 0), "the number of workers is 0"),
        (("--out", "demo.txt"), "demo.txt is no name of a picture"),
        (("--out", "no/demo.png"), "no is no folder; make it first"),
    ],
)
def test_bad_options(invoke: Invoke, options: tuple[object, ...], message: str) -> None:
    result = invoke("demo", *options)
    assert result.exit_code == 2
    assert message in result.stderr
