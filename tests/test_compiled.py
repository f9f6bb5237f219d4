import subprocess
import sys
from pathlib import Path

import pytest

from signflip import compiled

LOWER = "from pkg.compiled import compiled\n\n@compiled()\ndef number():\n    return {}\n"
UPPER = (
    "from pkg.compiled import compiled\nfrom pkg.lower import number\n\n"
    "@compiled()\ndef twice():\n    return 2 * number()\n"
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of a function that calls one of another file."""
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "compiled.py").write_bytes(Path(compiled.__file__).read_bytes())
    (package / "lower.py").write_text(LOWER.format(1))
    (package / "upper.py").write_text(UPPER)
    return package


def run(package: Path) -> list[int]:
    """The function's value in a new process, and how often its code came from disk."""
    code = "from pkg.upper import twice; print(twice(), sum(twice.stats.cache_hits.values()))"
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=True)
    return [int(word) for word in made.stdout.split()]


def test_code_is_kept_until_a_file_that_it_depends_on_changes(package: Path) -> None:
    assert run(package) == [2, 0]
    assert run(package) == [2, 1]
    (package / "lower.py").write_text(LOWER.format(5))
    assert run(package) == [10, 0]
