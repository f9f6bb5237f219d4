import os
import subprocess
import sys
from pathlib import Path

import pytest

from signflip.many import fork_server

SCRIPT = """
import sys
from signflip.many import fork_server
from signflip.many.workers import WorkerPool


def imported(name):
    return name in sys.modules


if __name__ == "__main__":
    fork_server.start({imports})
    with WorkerPool(1) as pool:
        print(sorted(pool.run(imported, {asked}, limit=lambda _: None)))
"""


SLOW = """
import os, signal, time
time.sleep(1.0)
os.kill(os.getppid(), signal.SIGINT)
time.sleep(1.0)
"""

INTERRUPTED = """
import gc, multiprocessing, time
from signflip.many import fork_server
from signflip.many.workers import WorkerPool

if __name__ == "__main__":
    fork_server.start(["slow"])
    pool = WorkerPool(2)
    try:
        next(pool.run(abs, [-1], limit=lambda _: None))
    except KeyboardInterrupt:
        pool.close()
    del pool
    gc.collect()
    fork_server.wait()
    print("the server forks")
    time.sleep(0.5)
"""

forked = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")


@forked
@pytest.mark.parametrize(
    "imports", [["signflip.exact.warm"], ["signflip.no_such_module", "signflip.exact.warm"]]
)
def test_workers_have_what_the_server_imported(tmp_path: Path, imports: list[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.format(imports=imports, asked=["signflip.exact.warm", "scipy.optimize"])
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout == "[('scipy.optimize', False), ('signflip.exact.warm', True)]\n"
    assert not run.stderr


@forked
def test_an_interrupt_while_the_server_imports_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "script.py").write_text(INTERRUPTED)
    run = subprocess.run(
        [sys.executable, tmp_path / "script.py"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert (run.stdout, run.stderr) == ("the server forks\n", "")


def test_elsewhere_each_worker_is_a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "_FORKS", False)
    monkeypatch.delattr("multiprocessing.forkserver.ensure_running")
    fork_server.start(["signflip.methods"])
    assert fork_server.context().get_start_method() == "spawn"
