import subprocess
import sys
from pathlib import Path

import pytest

from signflip import compiled

LOWER = "from pkg.compiled import compiled\n\n@compiled()\ndef number():\n    return {}\n"
UPPER = (
    "from pkg.compiled import compiled\nfrom pkg.patterns.lower import number\n\n"
    "@compiled()\ndef twice():\n    return 2 * number()\n"
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of a function that calls one of another file."""
    package = tmp_path / "pkg"
    for folder in (package, package / "patterns", package / "exact"):
        folder.mkdir()
        (folder / "__init__.py").touch()
    (package / "compiled.py").write_bytes(Path(compiled.__file__).read_bytes())
    (package / "patterns" / "lower.py").write_text(LOWER.format(1))
    (package / "exact" / "upper.py").write_text(UPPER)
    return package


def run(package: Path) -> list[int]:
    """The function's value in a new process, and how often its code came from disk."""
    code = "from pkg.exact.upper import twice; print(twice(), sum(twice.stats.cache_hits.values()))"
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=True)
    assert not made.stderr
    return [int(word) for word in made.stdout.split()]


def kept(package: Path) -> list[Path]:
    return sorted(package.glob("*/__pycache__/*.nb*"))


def test_code_is_kept_until_it_is_damaged_or_a_file_that_it_depends_on_changes(
    package: Path,
) -> None:
    assert run(package) == [2, 0]
    files = kept(package)
    for path in files:
        path.write_bytes(path.read_bytes()[:100])
    assert run(package) == [2, 0]
    assert run(package) == [2, 1]
    (package / "patterns" / "lower.py").write_text(LOWER.format(5))
    assert run(package) == [10, 0]
    assert len(kept(package)) == len(files)
    assert not set(kept(package)) & set(files)


def test_every_compiled_function_is_in_a_room_that_is_watched() -> None:
    root = Path(compiled.__file__).parent
    users = {
        path.parent.name
        for path in root.rglob("*.py")
        if "from signflip.compiled import compiled" in path.read_text(encoding="utf-8")
    }
    assert users <= set(compiled.ROOMS)
