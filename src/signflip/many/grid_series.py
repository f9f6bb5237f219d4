"""The methods of a grid: settings by name become methods."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from signflip.errors import GridError, SettingError
from signflip.many.grid_model import Grid, MethodTable, did_you_mean
from signflip.many.notation import warm_start
from signflip.many.plan import Series
from signflip.many.seeded import seeded_method
from signflip.many.task import describe
from signflip.methods import METHODS, method_settings
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.step_size import AdaptiveStep, ConstantStep, StepSize
from signflip.programs import SOLVERS, ProgramBuilder, Solver, solver_named


def series_of(grid: Grid) -> tuple[Series, ...]:
    """The grid's methods; one with random choices once for each seed.

    Raises:
        GridError: a method's setting is unknown or out of range, or two methods are the same.
        MissingExtraError: a solver's package is not installed.
    """
    found: dict[str, Series] = {}
    for name, table in grid.methods.items():
        for series in _series_of_table(name, table, grid):
            same = found.setdefault(f"{describe(series.method)} {series.time_limit}", series)
            if same.name != name:
                raise GridError(
                    f"methods.{name} is the same as methods.{same.name}, with the same settings "
                    "and time limit; leave one of them out"
                )
    for solver in {solver for table in grid.methods.values() for solver in _solvers(table)}:
        _try(solver)
    return tuple(found.values())


def _series_of_table(name: str, table: MethodTable, grid: Grid) -> Iterator[Series]:
    place = f"methods.{name}"
    kind = table.method or name
    if kind not in METHODS:
        raise GridError(
            f"{place}: no method is called {name!r}{did_you_mean(name, METHODS)}; name one of "
            f"{', '.join(METHODS)}: {place}.method = ..."
        )
    if not name.strip():
        raise GridError(f"a method is called {name!r}; give it a name that can be seen")
    if name in METHODS and name != kind:
        raise GridError(
            f"{place}.method is {kind!r}; the name of a method may not stand for another one: "
            "choose a name of its own"
        )
    settings = _settings(place, kind, table.settings)
    start = None if table.warm_start is None else warm_start(table.warm_start)
    seeds = grid.seeds or [grid.seed or 0]
    if "seed" in settings:
        seeds = [settings["seed"]]
    elif "seed" not in method_settings(kind) and start is None:
        seeds = [0]
    for seed in seeds:
        try:
            method = seeded_method(kind, settings, seed, start)
        except SettingError as error:
            raise GridError(f"{place}: {error}") from error
        limit = grid.time_limit if table.time_limit is None else table.time_limit
        yield Series(name=name, kind=kind, method=method, seed=seed, time_limit=limit)


def _settings(place: str, kind: str, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the method takes them, of settings as TOML has them."""
    known = method_settings(kind)
    hints = get_type_hints(METHODS[kind])
    settings = {}
    for key, value in texts.items():
        if key not in known:
            keys = sorted({*known, *MethodTable.model_fields})
            raise GridError(
                f"{place}.{key} is no setting of {kind!r}{did_you_mean(key, keys)}; it has "
                f"{', '.join(keys)}"
            )
        try:
            settings[key] = _reader(hints[key])(value)
        except SettingError as error:
            raise GridError(f"{place}.{key}: {error}") from error
        except ValidationError as error:
            rule = error.errors()[0]["msg"].removeprefix("Input ")
            raise GridError(f"{place}.{key} is {value!r}; it {rule}") from error
    return settings


def _reader(hint: Any) -> Callable[[Any], Any]:
    return _READERS[hint] if hint in _READERS else _plain(hint)


def _plain(hint: Any) -> Callable[[Any], Any]:
    """Reads a number; "none", where a setting may be None, which TOML lacks."""
    reader = TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python
    return lambda value: None if value == "none" and type(None) in get_args(hint) else reader(value)


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
    hints = get_type_hints(AdaptiveStep)
    for key in value:
        if key not in hints:
            raise SettingError(
                f"{key!r} is no setting of the adaptive step{did_you_mean(key, hints)}; it has "
                f"{', '.join(hints)}"
            )
    return AdaptiveStep(**{key: _plain(hints[key])(each) for key, each in value.items()})


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    Solver: _solver,
    SearchGoal: _goal,
    StepSize: _step,
}
"""Type of a setting -> what reads it; numbers need no entry."""


def _solvers(table: MethodTable) -> Iterator[str]:
    if "solver" in table.settings:
        yield table.settings["solver"]


def _try(solver: str) -> None:
    """Solve a program of one column: does the solver's package work here?"""
    builder = ProgramBuilder()
    builder.column(0.0, 1.0)
    solver_named(solver).solve(builder.build(), time_limit=10.0)
