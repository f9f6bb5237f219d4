"""The form of a grid file: which keys it has, and what may stand in them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails

from signflip.errors import GridError, SettingError, did_you_mean
from signflip.many import notation
from signflip.methods import METHODS
from signflip.methods.spec import warm_start

_SHOWN = 5  # errors that a message names; the rest are counted


def _readable(reader: Callable[[str], object], text: str) -> str:
    """The text, if the reader can read it."""
    try:
        reader(text)
    except SettingError as error:
        raise ValueError(str(error)) from error
    return text


def _epsilon(value: object) -> object:
    try:
        return notation.epsilon(value) if isinstance(value, str) else value
    except SettingError as error:
        raise ValueError(str(error)) from error


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Epsilon = Annotated[float, BeforeValidator(_epsilon), Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_number_as_text)]


def _each_once(values: list[Any] | None) -> list[Any] | None:
    """The values, if none of them stands there twice."""
    for value in values or ():
        if (values or []).count(value) > 1:
            raise ValueError(f"{value!r} stands in it twice; each may stand in it once")
    return values


EACH_ONCE = AfterValidator(_each_once)


class _Table(BaseModel):
    # strict: "10" is no number and 1.5 no whole one
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class MethodTable(BaseModel):
    """`[methods.NAME]`: a method and its settings.

    Attributes:
        method: name in `METHODS`; None if it is the table's own.
        time_limit: seconds; None for the grid's.
        warm_start: METHOD:SECONDS to begin with, or None.
    """

    # the method's own settings are the further keys
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    method: str | None = None
    time_limit: Seconds | None = None
    warm_start: str | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The further keys."""
        return self.model_extra or {}

    @field_validator("method")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in METHODS:
            raise ValueError(
                f"no method is called {value!r}{did_you_mean(value, METHODS)}; the methods are "
                f"{', '.join(METHODS)}"
            )
        return value

    @field_validator("warm_start")
    @classmethod
    def _warm_start(cls, value: str | None) -> str | None:
        return None if value is None else _readable(warm_start, value)


class ProblemTable(_Table):
    """`[[problems]]`: networks, images and budgets, and which methods attack them.

    Attributes:
        networks: names of the zoo, or files.
        images: name of a data set, or a `.npz` file.
        index: which images, as the command line's `--index`.
        epsilons: budgets.
        target: `second`, `untargeted`, or a class.
        methods: names of `[methods.NAME]`, or None for all.
        ties: what a tie with the prediction counts as, the name of a rule.
        grid: which images count, as they are kept: `float32` or `8bit`; None for those of float64.
        mask: file of a mask, or None where every pixel may change.
    """

    networks: Annotated[list[str], EACH_ONCE] = Field(min_length=1)
    images: str
    index: Text = ":"
    epsilons: Annotated[list[Epsilon], EACH_ONCE] = Field(min_length=1)
    target: Text = "second"
    methods: Annotated[list[str] | None, EACH_ONCE] = Field(default=None, min_length=1)
    ties: Literal["none", "flip", "predict"] = "none"
    grid: Literal["float32", "8bit"] | None = None
    mask: str | None = None

    @field_validator("index")
    @classmethod
    def _index(cls, value: str) -> str:
        return _readable(notation.indices, value)

    @field_validator("target")
    @classmethod
    def _target(cls, value: str) -> str:
        return _readable(notation.goal, value)


class Grid(_Table):
    """A grid file.

    Attributes:
        title: what the grid is, for people.
        time_limit: seconds for each attack.
        seed: seed of the methods that make random choices.
        seeds: several seeds instead: each such method runs once with each.
        proofs: whether answers of exact and auto come with proof files, beside the store.
        methods: name of a series -> its method and settings.
        problems: what is attacked.
    """

    title: str = ""
    time_limit: Seconds = 180.0
    seed: Seed | None = None
    seeds: Annotated[list[Seed] | None, EACH_ONCE] = Field(default=None, min_length=1)
    proofs: bool = False
    methods: dict[str, MethodTable] = Field(min_length=1)
    problems: list[ProblemTable] = Field(min_length=1)


def grid_of(content: Mapping[str, Any]) -> Grid:
    """The grid that the content of a file says.

    Raises:
        GridError: a key is unknown or missing, or a value breaks a rule.
    """
    try:
        grid = Grid.model_validate(content)
    except ValidationError as error:
        raise GridError(_message(error)) from error
    if grid.seed is not None and grid.seeds is not None:
        raise GridError("seed and seeds are both there; keep one of them")
    for place, table in enumerate(grid.problems):
        for name in table.methods or ():
            if name not in grid.methods:
                raise GridError(
                    f"problems[{place}].methods names {name!r}, and there is no "
                    f"[methods.{name}]{did_you_mean(name, grid.methods)}"
                )
    return grid


def _message(error: ValidationError) -> str:
    details = error.errors()
    shown = [_sentence(detail) for detail in details[:_SHOWN]]
    if len(details) > _SHOWN:
        shown.append(f"and {len(details) - _SHOWN} more")
    return "; ".join(shown)


def _sentence(detail: ErrorDetails) -> str:
    place = _place(detail["loc"])
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = _keys_at(detail["loc"])
        hint = did_you_mean(str(detail["loc"][-1]), known)
        return f"{place} is no key of a grid{hint}; the keys there are {', '.join(known)}"
    if kind == "missing":
        return f"{place} is missing; give it"
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "value_error":
        return f"{place}: {rule}"
    if kind == "too_short":
        return f"{place} is empty; name at least one"
    if kind == "model_type":
        return f"{place} is {value!r}; it must be a table"
    return f"{place} is {value!r}; it {rule}"


def _place(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _keys_at(loc: Sequence[int | str]) -> tuple[str, ...]:
    return tuple((ProblemTable if loc[0] == "problems" else Grid).model_fields)
