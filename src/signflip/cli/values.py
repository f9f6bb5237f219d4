"""The kinds of values that options take, beside click's own: a function reads each."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import click

from signflip.errors import NetworkError, SettingError
from signflip.many import notation
from signflip.many.notation import Indices, Shard
from signflip.methods import spec
from signflip.methods.spec import WarmStart
from signflip.network import InputRange
from signflip.problem import Goal

__all__ = [
    "Indices",
    "WarmStart",
    "epsilon",
    "goal",
    "hidden_widths",
    "indices",
    "input_range",
    "warm_start",
]

Value = TypeVar("Value")

_DEEPEST = 1_000  # hidden layers; a slip would fill the memory with widths


def _read(reader: Callable[[str], Value], text: str) -> Value:
    try:
        return reader(text)
    except SettingError as error:
        raise click.BadParameter(str(error)) from error


def indices(text: str) -> Indices:
    """Reads `Indices`."""
    return replace(_read(notation.indices, text), called="--index")


def shard(text: str) -> Shard:
    """Reads K/N."""
    return _read(notation.shard, text)


def epsilon(text: str) -> float:
    """Reads a number, or a quotient such as 2/255."""
    return _read(notation.epsilon, text)


def goal(text: str) -> Goal | None:
    """Reads a goal: `second` (None), `untargeted`, or a class."""
    return _read(notation.goal, text)


def warm_start(text: str) -> WarmStart:
    """Reads METHOD:SECONDS."""
    return _read(spec.warm_start, text)


def input_range(text: str) -> InputRange:
    """Reads LO:HI, or LO:HI:STEP."""
    try:
        lower, upper, *step = (float(part) for part in text.split(":", maxsplit=2))
        return InputRange(lower=lower, upper=upper, step=step[0] if step else None)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no range of inputs; write LO:HI or LO:HI:STEP, such as 0:255:1"
        ) from error
    except NetworkError as error:
        raise click.BadParameter(str(error)) from error


def hidden_widths(text: str) -> tuple[int, ...]:
    """Reads the widths of hidden layers: DEPTHxWIDTH, or widths with commas between."""
    equal = re.fullmatch(r"(\d+)x(\d+)", text, re.ASCII)
    if equal and 1 <= int(equal[1]) <= _DEEPEST:
        return (int(equal[2]),) * int(equal[1])
    if re.fullmatch(r"\d+(,\d+)*", text, re.ASCII):
        return tuple(map(int, text.split(",")))
    raise click.BadParameter(
        f"{text!r} names no hidden layers; write DEPTHxWIDTH (2x100) with a depth from 1 to "
        f"{_DEEPEST:,}, or widths with commas between (200,100)"
    )
