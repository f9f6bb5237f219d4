"""Options read what `signflip.many.notation` reads, whose own tests have the cases."""

from collections.abc import Callable

import click
import numpy as np
import pytest

from signflip.cli import values
from signflip.cli.values import WarmStart
from signflip.data import ImageSet
from signflip.errors import SettingError
from signflip.problem import Target


def test_what_options_read() -> None:
    assert values.epsilon("2/255") == 2 / 255
    assert values.goal("3") == Target(3)
    assert values.warm_start("fgsm:.5") == WarmStart("fgsm", 0.5)


def test_indices_are_called_by_the_name_of_their_option() -> None:
    images = ImageSet(name="eight", images=np.zeros((8, 1)), labels=np.zeros(8, dtype=np.int64))
    assert list(values.indices("6:").of(images)) == [6, 7]
    with pytest.raises(SettingError, match="--index 8 reaches beyond the images of eight"):
        values.indices("8").of(images)


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (values.indices, "is no range of images"),
        (values.epsilon, "is no number"),
        (values.goal, "is no target"),
        (values.warm_start, "is no warm start"),
        (values.hidden_widths, "names no hidden layers"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_option(
    reader: Callable[[str], object], message: str
) -> None:
    with pytest.raises(click.BadParameter, match=message):
        reader("1;2")


def test_a_network_of_no_layers_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="'0x100' names no hidden layers"):
        values.hidden_widths("0x100")


@pytest.mark.parametrize(
    ("text", "expected"), [("2x100", (100, 100)), ("1x7", (7,)), ("200,100,50", (200, 100, 50))]
)
def test_hidden_widths(text: str, expected: tuple[int, ...]) -> None:
    assert values.hidden_widths(text) == expected
