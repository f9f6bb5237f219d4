"""How ranges of images, budgets, goals and shards are written, for options and grid files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from signflip.data import ImageSet
from signflip.errors import SettingError
from signflip.problem import Goal, Target, Untargeted


@dataclass(frozen=True)
class Indices:
    """Which images: `7`, `0:20`, `0:100:10`, `:`, or several of these with commas between.

    Attributes:
        text: as it was written.
        parts: the parts between the commas.
        called: what to call the text in errors.
    """

    text: str
    parts: tuple[slice, ...]
    called: str = "index"

    def of(self, images: ImageSet) -> Sequence[int]:
        """The chosen indices, each once, in the order given.

        Raises:
            SettingError: there is no such image, or none is chosen.
        """
        count = len(images)
        chosen: dict[int, None] = {}
        for part in self.parts:
            stop = count if part.stop is None else part.stop
            if (part.start or 0) >= count or stop > count:
                raise SettingError(
                    f"{self.called} {self.text} reaches beyond the images of {images.name}, which "
                    f"are 0 to {count - 1}; give indices among them"
                )
            chosen.update(dict.fromkeys(range(count)[part]))
        if not chosen:
            raise SettingError(
                f"{self.called} {self.text} chooses no image; in START:STOP the image START is the "
                "first and STOP - 1 the last"
            )
        return list(chosen)


# more digits than any data set needs are a slip, and Python refuses to read thousands of them
_PART = re.compile(r"\d{1,18}|(\d{0,18}):(\d{0,18})(:(0{0,18}[1-9]\d{0,17})?)?", re.ASCII)


def indices(text: str) -> Indices:
    """Reads `Indices`.

    Raises:
        SettingError: the text is none.
    """
    parts = text.replace(" ", "").split(",")
    if not all(_PART.fullmatch(part) for part in parts):
        raise SettingError(
            f"{text!r} is no range of images; write an index (7), a range (0:20, 0:100:10, 50:), "
            "or several with commas between"
        )
    return Indices(text, tuple(map(_slice, parts)))


def _slice(part: str) -> slice:
    bounds = [int(bound) if bound else None for bound in part.split(":")]
    if len(bounds) == 1:
        index = int(part)
        return slice(index, index + 1)
    return slice(*bounds)


@dataclass(frozen=True)
class Shard:
    """One of several parts that tasks are dealt to by their keys.

    A task has the same part in whatever grid, and whatever the store has of it already.

    Attributes:
        part: which one, from 1.
        parts: how many there are.
    """

    part: int
    parts: int

    def has(self, key: str) -> bool:
        """Whether the task of this key, hexadecimal digits, is in the part."""
        return int(key, 16) % self.parts == self.part - 1


def shard(text: str) -> Shard:
    """Reads K/N.

    Raises:
        SettingError: the text is of another form, or K is not from 1 to N.
    """
    part, _, parts = text.partition("/")
    if not all(re.fullmatch(r"\d{1,9}", number, re.ASCII) for number in (part, parts)):
        raise SettingError(f"{text!r} is no shard; write K/N: 3/8 for the third part of eight")
    if not 1 <= int(part) <= int(parts):
        raise SettingError(f"the shard is {text}; K must be from 1 to N in K/N")
    return Shard(int(part), int(parts))


def epsilon(text: str) -> float:
    """Reads a number, or a quotient such as 2/255.

    Raises:
        SettingError: the text is neither.
    """
    numerator, _, denominator = text.partition("/")
    try:
        return float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise SettingError(
            f"{text!r} is no number; write one such as 0.01, or a quotient: 2/255"
        ) from error


def goal(text: str) -> Goal | None:
    """Reads a goal: `second` (None), `untargeted`, or a class.

    Raises:
        SettingError: the text is none of these.
    """
    if text == "second":
        return None
    if text == "untargeted":
        return Untargeted()
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise SettingError(
            f"{text!r} is no target; write 'second' (the class with the second-highest output), "
            "'untargeted', or the number of a class"
        )
    return Target(int(text))


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
