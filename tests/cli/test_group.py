from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from signflip.cli import cli


@pytest.mark.parametrize(
    ("arguments", "imports"),
    [
        (["sweep", "no-such.toml", "--store", "no-such.db"], "signflip.many.prepared"),
        (["sweep", "no-such.toml", "--store", "no-such.db", "--dry-run"], None),
        (["attack", "mnist-2x100", "no-such.npz", "--epsilon", "0.1"], "signflip.many.prepared"),
        (["attack", "net", "no-such.npz", "--method", "fgsm"], "signflip.many.chunks"),
        (["attack", "net", "no-such.npz", "--method=exact"], "signflip.many.prepared"),
        (["sweep", "no-such.toml", "--scheduler=tcp://127.0.0.1:1", "--store", "s.db"], None),
        (["sweep", "--help"], None),
        (["networks"], None),
    ],
)
def test_workers_get_ready_for_the_commands_that_have_some(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], imports: str | None
) -> None:
    started: list[Sequence[str]] = []
    monkeypatch.setattr("signflip.many.fork_server.start", started.append)
    CliRunner().invoke(cli, arguments)
    assert [names[-1] for names in started] == ([] if imports is None else [imports])
