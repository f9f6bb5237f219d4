"""Methods as text and as JSON, and back: the one codec of options, grid files, keys and stores.

As JSON, a method is the name of its class and all its settings: `{"kind": "IProp", "cutoff": 2.0,
"step": {"kind": "ConstantStep", "neurons": 5}, ...}`. Users write the settings that differ, by
name, and short forms of some: `"scip"` for a solver, `5` for a constant step, `"none"` for None.

A method may state, as variables of its class, `SPEED_ONLY`, the names of settings that change the
speed and no answer, and `VERSION`, a number that is raised when it gives other answers than before
with the same settings. `identity` has the second and leaves the first out. What an older version of
a method answered stays its answer, and is none of the new one's.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, get_args, get_type_hints

from signflip.attack import Method
from signflip.errors import SettingError, did_you_mean
from signflip.methods import METHODS, make_method, method_settings
from signflip.methods.layer_solver import (
    LayerSolver,
    LocalSearch,
    TieBreak,
    layer_solver,
    tie_break,
)
from signflip.methods.losses import Scaling, scaling_named
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.step_size import AdaptiveStep, ConstantStep, StepSize
from signflip.methods.surrogate import Slope, slope_named
from signflip.methods.warm_start import WarmStarted
from signflip.programs import SOLVERS, Solver, solver_named

Setting = str | int | float | bool | None
Description = dict[str, "Setting | Description"]
"""A method, or a setting that has settings itself, such as JSON can hold."""

_FIRST_VERSION = 1


@dataclass(frozen=True)
class WarmStart:
    """A method to begin with, and its seconds."""

    method: str
    seconds: float


def warm_start(text: str) -> WarmStart:
    """Reads METHOD:SECONDS.

    Raises:
        SettingError: the text is of another form, or no method has that name.
    """
    method, _, seconds = text.partition(":")
    if method in METHODS and re.fullmatch(r"\d+(\.\d*)?|\.\d+", seconds, re.ASCII):
        return WarmStart(method, float(seconds))
    raise SettingError(
        f"{text!r} is no warm start; write METHOD:SECONDS, such as fgsm:5, with one of the "
        f"methods {', '.join(METHODS)}"
    )


def seeded_method(
    name: str, settings: Mapping[str, object], seed: int, warm_start: WarmStart | None
) -> Method:
    """The method called `name`, with `seed` if it makes random choices, as its warm start has.

    Args:
        name: name in `METHODS`.
        settings: settings by name; a seed among them counts for the method itself.
        seed: the seed.
        warm_start: what to begin with, or None.

    Raises:
        SettingError: no method has that name, it lacks a setting, or a value is out of range.
    """
    method = make_method(name, {**_seed(name, seed), **settings})
    if warm_start is None:
        return method
    first = make_method(warm_start.method, _seed(warm_start.method, seed))
    return WarmStarted(first=first, seconds=warm_start.seconds, then=method)


def _seed(name: str, seed: int) -> dict[str, object]:
    return {"seed": seed} if "seed" in method_settings(name) else {}


def read_settings(
    name: str, texts: Mapping[str, Any], *, others: Iterable[str] = ()
) -> dict[str, object]:
    """Settings of the method called `name`, of what users or JSON have for them.

    Args:
        name: name in `METHODS`.
        texts: name of a setting -> number, text, or table.
        others: what else may stand beside settings, for errors that name what there is.

    Raises:
        SettingError: there is no such setting, or a value is none for it; the message begins with
            the setting's name.
    """
    hints = _hints(METHODS[name])
    read: dict[str, object] = {}
    for key, value in texts.items():
        if key not in hints:
            keys = sorted({*hints, *others})
            raise SettingError(
                f"{key} is no setting of {name!r}{did_you_mean(key, keys)}; it has "
                f"{', '.join(keys)}"
            )
        read[key] = _read(key, hints[key], value)
    return read


def describe(value: object) -> Description:
    """A method, goal, step or solver with all its settings; equal values have equal descriptions.

    Raises:
        TypeError: a setting is of a kind that JSON cannot hold.
    """
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{value!r} is no dataclass")
    described: Description = {"kind": type(value).__name__}
    version = getattr(value, "VERSION", _FIRST_VERSION)
    if version != _FIRST_VERSION:
        described["version"] = version
    for name, hint in _hints(type(value)).items():
        described[name] = _describe_setting(getattr(value, name), hint)
    return described


def _describe_setting(value: object, hint: Any) -> "Setting | Description":
    if isinstance(value, Enum):
        return str(value.value)
    if type(value) is int and (hint is float or float in get_args(hint)):
        return float(value)  # equal values are the same text
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return describe(value)


def method_of(description: Mapping[str, Any]) -> Method:
    """The method that `describe` described.

    Raises:
        SettingError: it is no description of a method, or of one of another version.
    """
    made: Any = _made_of(description)
    if not hasattr(made, "run"):
        raise SettingError(f"{made!r} is no method")
    method: Method = made
    return method


def _made_of(description: Mapping[str, Any]) -> object:
    settings = dict(description)
    kind = settings.pop("kind", None)
    made = _kind_called(str(kind))
    if made is None:
        kinds = ", ".join((*METHODS.of_class, *_parts()))
        raise SettingError(f"{kind!r} is no kind of method; the kinds are {kinds}")
    version = settings.pop("version", _FIRST_VERSION)
    ours = getattr(made, "VERSION", _FIRST_VERSION)
    if version != ours:
        raise SettingError(
            f"{kind} is of version {version}, and this Signflip has {ours}: use the Signflip that "
            "described it, or write the settings anew"
        )
    hints = _hints(made)
    needed = [key for key in hints if key not in _defaults(made)]
    for keys, others, fault in ((settings, hints, "has no setting"), (needed, settings, "lacks")):
        for key in keys:
            if key not in others:
                raise SettingError(f"{kind} {fault} {key!r}; its settings are {', '.join(hints)}")
    return made(**{key: _read(key, hints[key], value) for key, value in settings.items()})


def identity(description: Mapping[str, Any]) -> Description:
    """What tells a method from others: the settings that differ from their defaults.

    Equal for methods that give the same answers. A setting that is added later, with a default that
    changes nothing, leaves it as it is; a default that changes does not, unless the method raises
    its version. Of another version than ours all settings count, as its defaults may be others.

    Args:
        description: of the method, or a part of it, as `describe` gives it.
    """
    made = _kind_called(str(description.get("kind")))
    ours = description.get("version", _FIRST_VERSION) == getattr(made, "VERSION", _FIRST_VERSION)
    defaults = _defaults(made) if made is not None and ours else {}
    speed_only = getattr(made, "SPEED_ONLY", ())
    return {
        name: identity(value) if isinstance(value, Mapping) else value
        for name, value in description.items()
        if name not in speed_only and not (name in defaults and value == defaults[name])
    }


def _kind_called(name: str) -> Any | None:
    """The class of this name, of all that a description may be of."""
    method = METHODS.of_class.get(name)
    return METHODS[method] if method is not None else _parts().get(name)


@cache
def _parts() -> Mapping[str, Any]:
    """Name of a class -> the class, of what may be a part of a description or stand around it."""
    solvers = (type(make()) for make in SOLVERS.values())
    return {one.__name__: one for one in (WarmStarted, LocalSearch, *get_args(StepSize), *solvers)}


@cache
def _defaults(made: type) -> Mapping[str, object]:
    """The described default of each setting that has one."""
    hints = _hints(made)
    found: dict[str, object] = {}
    for field in dataclasses.fields(made):
        if field.default is not dataclasses.MISSING:
            found[field.name] = _describe_setting(field.default, hints[field.name])
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = _describe_setting(field.default_factory(), hints[field.name])
    return found


@cache
def _hints(made: Any) -> Mapping[str, Any]:
    """Name of a setting -> its type."""
    hints = get_type_hints(made)
    return {field.name: hints[field.name] for field in dataclasses.fields(made)}


def _read(name: str, hint: Any, value: object) -> object:
    """A setting of type `hint`, of what users or JSON have for it.

    Raises:
        SettingError: it is none; the message begins with `name`.
    """
    if isinstance(value, Mapping) and "kind" in value:
        return _made_of(value)
    reader = _READERS.get(hint)
    if reader is None:
        return _plain(name, hint, value)
    try:
        return reader(value)
    except SettingError as error:
        raise SettingError(f"{name}: {error}") from error


def _plain(name: str, hint: Any, value: object) -> object:
    """Reads a number; "none", where a setting may be None, which TOML lacks."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError  # no attack waits for it

    if value == "none" and type(None) in get_args(hint):
        return None
    try:
        return TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        rule = error.errors()[0]["msg"].removeprefix("Input ")
        raise SettingError(f"{name} is {value!r}; it {rule}") from error


def _solver(value: object) -> Solver:
    if not isinstance(value, str):
        raise SettingError(f"{value!r} is no solver; write one of {', '.join(SOLVERS)} in quotes")
    return solver_named(value)


def _goal(value: object) -> SearchGoal:
    return search_goal(str(value))


def _step(value: object) -> StepSize:
    if isinstance(value, int) and not isinstance(value, bool):
        return ConstantStep(neurons=value)
    if not isinstance(value, Mapping):
        raise SettingError(
            f"{value!r} is no step; write a number of neurons, or a table of the adaptive step: "
            "{ share = 0.05, patience = 5 }"
        )
    hints = _hints(AdaptiveStep)
    for key in value:
        if key not in hints:
            raise SettingError(
                f"{key!r} is no setting of the adaptive step{did_you_mean(key, hints)}; it has "
                f"{', '.join(hints)}"
            )
    settings: dict[str, Any] = {key: _plain(key, hints[key], each) for key, each in value.items()}
    return AdaptiveStep(**settings)


def _method(value: object) -> Method:
    raise SettingError(f"{value!r} is no method; write a table that says its kind")


_READERS: Mapping[Any, Callable[[Any], object]] = {
    Solver: _solver,
    LayerSolver: layer_solver,
    TieBreak: tie_break,
    SearchGoal: _goal,
    Slope: lambda value: slope_named(str(value)),
    Scaling | None: lambda value: scaling_named(None if value in (None, "none") else str(value)),
    StepSize: _step,
    Method: _method,
}
"""Type of a setting -> what reads its short forms; plain ones need no entry."""
