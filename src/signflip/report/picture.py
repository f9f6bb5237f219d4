"""The picture of an attack: the image, what was added, and what the network makes of the sum."""

import io
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from signflip.arrays import Floats
from signflip.errors import SettingError
from signflip.files import write_bytes
from signflip.network import Shape
from signflip.problem import Problem
from signflip.report.drawing import drawable, drawing

FORMATS = (".png", ".svg", ".pdf")


def draw_attack(problem: Problem, witness: Floats, *, title: str, label: int) -> Figure:
    """Original, perturbation magnified to full contrast, and adversarial image, side by side.

    Images have the shape that the network gives them: grey or colour, of any height and width;
    other numbers of channels are drawn side by side.

    Args:
        problem: what was attacked.
        witness: (inputs,) float64, the best image found.
        title: what to write above.
        label: the image's true class; below 0 if it is not known.
    """
    shape = problem.network.image_shape
    change = witness - problem.image
    # full contrast for the largest change allowed, so that pictures of one epsilon compare
    largest = problem.box.epsilon or float(abs(change).max()) or 1.0
    known = f", label {label}" if label >= 0 else ""
    with drawing({}):
        figure = Figure(figsize=(9.6, 4.0), layout="constrained")
        figure.suptitle(drawable(title))
        original, perturbation, adversarial = figure.subplots(1, 3)
        _show_image(original, problem, problem.image, f"original{known}")
        _show_image(adversarial, problem, witness, "adversarial image")
        _show_change(figure, perturbation, plane(change, shape), largest)
        _describe(original, problem, problem.image)
        _describe(adversarial, problem, witness)
        changed = int((change != 0).sum())
        perturbation.set_xlabel(
            f"{changed} of {len(change)} {'pixels' if len(shape) < 3 else 'inputs'} changed\n"
            f"by at most {largest:g}"
        )
    return figure


def plane(image: Floats, shape: Shape) -> Floats:
    """An image (inputs,) as it is drawn: (height, width), or (height, width, 3) in colour.

    Args:
        image: the image.
        shape: (inputs,), (height, width) or (channels, height, width).
    """
    channels, height, width = (1, 1, *shape)[-3:]
    planes = image.reshape(channels, height, width)
    if channels == len("RGB"):
        return planes.transpose(1, 2, 0)
    return planes.transpose(1, 0, 2).reshape(height, channels * width)


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


def _show_image(axes: Axes, problem: Problem, image: Floats, title: str) -> None:
    limits = problem.network.input_range
    shown = np.clip((image - limits.lower) / limits.width, 0, 1)
    axes.imshow(plane(shown, problem.network.image_shape), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title)
    _hide_ticks(axes)


def _show_change(figure: Figure, axes: Axes, change: Floats, largest: float) -> None:
    """A change (height, width), or of three colours around grey, which stands for none."""
    if change.ndim == 2:
        colours = axes.imshow(change, cmap="RdBu_r", vmin=-largest, vmax=largest)
        figure.colorbar(colours, ax=axes, shrink=0.7, ticks=[-largest, 0, largest])
    else:
        axes.imshow(np.clip(0.5 + change / (2 * largest), 0, 1))
    axes.set_title(f"perturbation, magnified {_times(1 / largest)}")
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
