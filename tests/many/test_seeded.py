import pytest

from signflip.errors import SettingError
from signflip.many.notation import WarmStart
from signflip.many.seeded import seeded_method
from signflip.methods import Exact, Fgsm, IProp
from signflip.methods.warm_start import WarmStarted


def test_a_method_gets_the_seed_if_it_has_one() -> None:
    assert seeded_method("fgsm", {"width": 0.5}, 7, None) == Fgsm(width=0.5, seed=7)
    assert seeded_method("exact", {}, 7, None) == Exact()


def test_a_seed_among_the_settings_counts() -> None:
    assert seeded_method("fgsm", {"seed": 2}, 7, None) == Fgsm(seed=2)


def test_a_warm_start_has_the_same_seed() -> None:
    expected = WarmStarted(first=Fgsm(seed=7), seconds=0.5, then=IProp(cutoff=2.0, seed=7))
    assert seeded_method("iprop", {"cutoff": 2.0}, 7, WarmStart("fgsm", 0.5)) == expected


def test_a_setting_that_the_method_has_not() -> None:
    with pytest.raises(SettingError, match="the method 'exact' has no setting 'seed'"):
        seeded_method("exact", {"seed": 1}, 7, None)
