import subprocess
import sys
from pathlib import Path

import pytest

from signflip import fork_server

SCRIPT = """
import sys
from signflip import fork_server
from signflip.workers import WorkerPool


def imported(name):
    return name in sys.modules


if __name__ == "__main__":
    fork_server.start({imports})
    with WorkerPool(1) as pool:
        print(sorted(pool.run(imported, {asked}, limit=lambda _: None)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
@pytest.mark.parametrize(
    "imports", [["signflip.search.warm"], ["signflip.no_such_module", "signflip.search.warm"]]
)
def test_workers_have_what_the_server_imported(tmp_path: Path, imports: list[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.format(imports=imports, asked=["signflip.search.warm", "scipy.optimize"])
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout == "[('scipy.optimize', False), ('signflip.search.warm', True)]\n"
    assert not run.stderr


def test_elsewhere_each_worker_is_a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_FORKS", False)
    monkeypatch.delattr("multiprocessing.forkserver.ensure_running")
    fork_server.start(["signflip.methods"])
    assert fork_server.context().get_start_method() == "spawn"
