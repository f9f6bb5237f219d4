import dataclasses
import subprocess
import sys
from typing import Any, cast

import pytest

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
