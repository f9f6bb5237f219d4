"""The picture of an attack: the image, what was added, and what the network makes of the sum."""

import io
import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signflip.arrays import Floats
from signflip.errors import DataError, SettingError
from signflip.files import write_bytes
from signflip.network import InputRange
from signflip.problem import Problem
from signflip.report.drawing import drawing

FORMATS = (".png", ".svg", ".pdf")


def draw_attack(problem: Problem, witness: Floats, *, title: str, label: int) -> Figure:
    """Original, perturbation magnified to full contrast, and adversarial image, side by side.

    Args:
        problem: what was attacked.
        witness: (inputs,) float64, the best image found.
        title: what to write above.
        label: the image's true class.

    Raises:
        DataError: the image is not square.
    """
    side = side_of(len(problem.image))
    change = witness - problem.image
    # full contrast for the largest change allowed, so that pictures of one epsilon compare
    largest = problem.box.epsilon or float(abs(change).max()) or 1.0
    with drawing({}):
        figure = Figure(figsize=(9.6, 4.0), layout="constrained")
        figure.suptitle(title)
        original, perturbation, adversarial = figure.subplots(1, 3)
        inputs = problem.network.input_range
        _show_image(original, problem.image.reshape(side, side), f"original, label {label}", inputs)
        _show_image(adversarial, witness.reshape(side, side), "adversarial image", inputs)
        colours = perturbation.imshow(
            change.reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest
        )
        perturbation.set_title(f"perturbation, magnified {_times(1 / largest)}")
        _hide_ticks(perturbation)
        figure.colorbar(colours, ax=perturbation, shrink=0.7, ticks=[-largest, 0, largest])
        _describe(original, problem, problem.image)
        _describe(adversarial, problem, witness)
        changed = int((change != 0).sum())
        perturbation.set_xlabel(
            f"{changed} of {len(change)} pixels changed\nby at most {largest:g}"
        )
    return figure


def side_of(pixels: int) -> int:
    """Height and width of a square image.

    Raises:
        DataError: an image of so many pixels is not square.
    """
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise DataError(f"the image has {pixels} pixels and only square images can be drawn")
    return side


def check_picture_name(path: Path) -> None:
    """Refuse a file name that tells no known format.

    Raises:
        SettingError: the suffix is none of `FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise SettingError(f"{path} is no name of a picture; it must end in {', '.join(FORMATS)}")


def save_picture(figure: Figure, path: Path) -> None:
    """Write the figure, whole or not at all, in the format that the name ends in.

    Raises:
        SettingError: the suffix is none of `FORMATS`.
    """
    check_picture_name(path)
    buffer = io.BytesIO()
    with drawing({}):
        figure.savefig(buffer, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_bytes(path, buffer.getvalue())


def _show_image(axes: Axes, image: Floats, title: str, inputs: InputRange) -> None:
    axes.imshow(image, cmap="gray", vmin=inputs.lower, vmax=inputs.upper)
    axes.set_title(title)
    _hide_ticks(axes)


def _hide_ticks(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])


def _describe(axes: Axes, problem: Problem, image: Floats) -> None:
    """What the network makes of the image, below it."""
    values = problem.network.forward(image[None])[0]
    rival = max(problem.rivals, key=lambda c: (values[c], -c))
    winner = problem.replay(image).prediction
    axes.set_xlabel(
        f"predicted {winner}\n"
        f"class {problem.prediction}: {values[problem.prediction]:g}, "
        f"class {rival}: {values[rival]:g}"
    )


def _times(factor: float) -> str:
    return f"{factor:.3g} times"
