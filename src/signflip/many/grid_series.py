"""The methods of a grid: settings by name become methods."""

from collections.abc import Iterator

from signflip.errors import GridError, SettingError, did_you_mean
from signflip.many.grid_model import Grid, MethodTable
from signflip.many.task import Series
from signflip.methods import METHODS, IProp, Milp, method_settings
from signflip.methods.layer_solver import LocalSearch
from signflip.methods.spec import identity, read_settings, seeded_method, warm_start
from signflip.methods.warm_start import WarmStarted
from signflip.programs import ProgramBuilder, Solver


def series_of(grid: Grid) -> tuple[Series, ...]:
    """The grid's methods; one with random choices once for each seed.

    Raises:
        GridError: a method's setting is unknown or out of range, or two methods are the same.
        MissingExtraError: a solver's package is not installed.
    """
    found: dict[str, Series] = {}
    for name, table in grid.methods.items():
        for series in _series_of_table(name, table, grid):
            same = found.setdefault(f"{identity(series.settings)} {series.time_limit}", series)
            if same.name != name:
                raise GridError(
                    f"methods.{name} is the same as methods.{same.name}, with the same time limit "
                    "and settings, but for those that change only the speed; leave one out"
                )
    for solver in {solver for series in found.values() for solver in _solvers(series.method)}:
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
    try:
        settings = read_settings(kind, table.settings, others=MethodTable.model_fields)
    except SettingError as error:
        raise GridError(f"{place}.{error}") from error
    start = None if table.warm_start is None else warm_start(table.warm_start)
    seeds = grid.seeds or [grid.seed or 0]
    if "seed" in settings:
        seeds = [table.settings["seed"]]
    elif "seed" not in method_settings(kind) and start is None:
        seeds = [0]
    for seed in seeds:
        try:
            method = seeded_method(kind, settings, seed, start)
        except SettingError as error:
            raise GridError(f"{place}: {error}") from error
        limit = grid.time_limit if table.time_limit is None else table.time_limit
        yield Series(name=name, kind=kind, method=method, seed=seed, time_limit=limit)


def _solvers(method: object) -> Iterator[Solver]:
    parts = (method.first, method.then) if isinstance(method, WarmStarted) else (method,)
    for part in parts:
        if isinstance(part, Milp | IProp) and not isinstance(part.solver, LocalSearch):
            yield part.solver


def _try(solver: Solver) -> None:
    """Solve a program of one column: does the solver's package work here?"""
    builder = ProgramBuilder()
    builder.column(0.0, 1.0)
    solver.solve(builder.build(), time_limit=10.0)
