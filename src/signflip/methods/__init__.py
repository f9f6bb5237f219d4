"""The methods, by name: a new one is a file of this folder and a line of `METHODS`."""

import inspect
from collections.abc import Callable, Mapping

from signflip.attack import Method
from signflip.errors import SettingError
from signflip.methods.apgd import Apgd
from signflip.methods.auto import Auto
from signflip.methods.exact import Exact
from signflip.methods.fgsm import Fgsm
from signflip.methods.iprop import IProp
from signflip.methods.milp import Milp
from signflip.methods.pgd import Pgd
from signflip.methods.square import Square
from signflip.methods.walk import Walk

METHODS: Mapping[str, Callable[..., Method]] = {
    "fgsm": Fgsm,
    "pgd": Pgd,
    "apgd": Apgd,
    "square": Square,
    "milp": Milp,
    "iprop": IProp,
    "walk": Walk,
    "exact": Exact,
    "auto": Auto,
}
"""Name -> class; the command line and sweeps take their choices from here."""

__all__ = [
    "METHODS",
    "Apgd",
    "Auto",
    "Exact",
    "Fgsm",
    "IProp",
    "Milp",
    "Pgd",
    "Square",
    "Walk",
    "make_method",
    "method_settings",
]


def method_settings(name: str) -> frozenset[str]:
    """Names of the settings of the method called `name`.

    Raises:
        SettingError: no method has that name.
    """
    if name not in METHODS:
        raise SettingError(f"no method is called {name!r}; the names are {', '.join(METHODS)}")
    return frozenset(inspect.signature(METHODS[name]).parameters)


def make_method(name: str, settings: Mapping[str, object]) -> Method:
    """The method called `name` with `settings`, and defaults for the rest.

    Raises:
        SettingError: no method has that name, it lacks a setting, or a value is out of range.
    """
    known = method_settings(name)
    for setting in settings:
        if setting not in known:
            raise SettingError(
                f"the method {name!r} has no setting {setting!r}; it has "
                f"{', '.join(sorted(known)) or 'none'}: leave it out"
            )
    return METHODS[name](**settings)
