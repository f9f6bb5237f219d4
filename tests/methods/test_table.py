import dataclasses
import subprocess
import sys
from typing import Any, cast

import pytest

import signflip.methods
from signflip.errors import SettingError
from signflip.methods import METHODS, Fgsm, make_method, method_settings


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_a_frozen_keyword_only_dataclass(name: str) -> None:
    method = cast("Any", make_method(name, {}))
    fields = dataclasses.fields(method)
    assert {field.name for field in fields} == method_settings(name)
    assert all(field.kw_only for field in fields)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.seed = 1


def test_settings_reach_the_method() -> None:
    assert make_method("fgsm", {"iterations": 7, "seed": 3}) == Fgsm(iterations=7, seed=3)


def test_unknown_names() -> None:
    with pytest.raises(SettingError, match="no method is called 'pdg'; the names are fgsm"):
        make_method("pdg", {})
    with pytest.raises(SettingError, match="the method 'fgsm' has no setting 'solver'; it has"):
        make_method("fgsm", {"solver": None})


def test_numba_is_imported_by_what_searches_alone() -> None:
    code = "import sys, signflip.methods, signflip.cli.options; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_method_is_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from signflip.methods import METHODS\n"
        "from signflip.methods.spec import describe, identity, seeded_method\n"
        "identity(describe(seeded_method('fgsm', {}, 0, None)))\n"
        "print(*(name for name in METHODS if f'signflip.methods.{name}' in sys.modules))"
    )
    made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert made.stdout.split() == ["fgsm"]


def test_the_methods_are_attributes_of_their_room() -> None:
    for name, kind in METHODS.items():
        assert getattr(signflip.methods, cast("Any", kind).__name__) is kind is METHODS[name]
    with pytest.raises(AttributeError, match="has no attribute 'Foo'"):
        signflip.methods.Foo  # noqa: B018


def test_code_that_is_kept_is_loaded_without_the_compiler() -> None:
    """What the compiler knows of NumPy takes longer to import than all the code to load."""
    code = (
        "import sys\n"
        "from signflip.methods import Exact\n"
        "Exact().prepare()\n"
        "print(*({'numba.np.linalg', 'numba.typed.typeddict'} & set(sys.modules)))"
    )
    for _ in range(2):  # the first one may have to compile
        made = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
    assert made.stdout.split() == []
