"""The benchmarks of sweeps and stores, on few problems: they measure, and print a table."""

from pathlib import Path

from click.testing import CliRunner

from benchmarks import store_at_scale, sweep_overhead
from signflip.many.store import Store
from signflip.many.sweep import run_sweep
from tests.support.fake_methods import Quick
from tests.support.sweeps import HereExecutor, series, tiny_plan


def test_overhead_here_and_on_a_cluster() -> None:
    arguments = ["--problems", "40", "--images", "mnist-sample", "--workers", "1"]
    result = CliRunner().invoke(sweep_overhead.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    here, cluster = (line for line in result.stdout.splitlines() if "| 40 |" in line)
    assert here.startswith("| this machine, 1 processes")
    assert cluster.startswith("| loopback cluster, 1 workers")


def test_a_store_of_copies(tmp_path: Path) -> None:
    plan = tiny_plan(series("fgsm", Quick()))
    with Store.open(tmp_path / "few.db", create=True) as store:
        for _ in run_sweep(plan, plan.tasks(), store, HereExecutor()):
            pass
        rows = list(store.records("ORDER BY rowid"))
    assert len(rows) == len(plan.tasks())
    store_at_scale.fill(tmp_path / "few.db", tmp_path / "many.db", 10)
    with Store.open(tmp_path / "many.db") as store:
        copies = list(store.records("ORDER BY rowid"))
    assert len({row.problem for row in copies}) == 10
    original = {row.image: row for row in rows}
    assert len(original) == len(rows)
    assert {copy.image for copy in copies} == set(original)
    for copy in copies:
        row = original[copy.image]
        assert (copy.trace, copy.settings, copy.versions) == (row.trace, row.settings, row.versions)
