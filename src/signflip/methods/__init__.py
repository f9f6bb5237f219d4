"""The methods, by name: a new one is a file of this folder and a line of `METHODS`.

A method is imported when it is asked for: a command needs one of them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from signflip.attack import Method
from signflip.errors import SettingError

if TYPE_CHECKING:
    from signflip.methods.apgd import Apgd
    from signflip.methods.auto import Auto
    from signflip.methods.exact import Exact
    from signflip.methods.fgsm import Fgsm
    from signflip.methods.guided import Guided
    from signflip.methods.iprop import IProp
    from signflip.methods.milp import Milp
    from signflip.methods.pgd import Pgd
    from signflip.methods.square import Square
    from signflip.methods.walk import Walk


class _Table(Mapping[str, Callable[..., Method]]):
    """Names of methods -> their classes, of which it has the names; a module has its method's."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        self._classes = classes
        self.of_class = {kind: name for name, kind in classes.items()}

    def __getitem__(self, name: str) -> Callable[..., Method]:
        kind = self._classes[name]
        method: Callable[..., Method] = getattr(import_module(f"{__name__}.{name}"), kind)
        return method

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


METHODS = _Table(
    {
        "fgsm": "Fgsm",
        "pgd": "Pgd",
        "apgd": "Apgd",
        "square": "Square",
        "guided": "Guided",
        "milp": "Milp",
        "iprop": "IProp",
        "walk": "Walk",
        "exact": "Exact",
        "auto": "Auto",
    }
)
"""Name -> class; the command line and sweeps take their choices from here."""

__all__ = [
    "METHODS",
    "Apgd",
    "Auto",
    "Exact",
    "Fgsm",
    "Guided",
    "IProp",
    "Milp",
    "Pgd",
    "Square",
    "Walk",
    "make_method",
    "method_settings",
]


def __getattr__(name: str) -> Any:
    if name in METHODS.of_class:
        return METHODS[METHODS.of_class[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
