"""Figure 1: outputs of two classes as one pixel varies, of the network and of its surrogate."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from signflip.arrays import Floats, Integers
from signflip.data import load_dataset
from signflip.methods.surrogate import Surrogate
from signflip.network import BinaryNetwork
from signflip.report.figures.panels import Spacing, place_panels
from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.style import CLASSES, INK, Dashes
from signflip.zoo import load_zoo

_NETWORK, _IMAGES = "mnist-3x30", "mnist-sample"
_POINTS = 1001
_COARSE = np.linspace(0.0, 1.0, 5)
_DASHES: tuple[Dashes, Dashes] = ("-", "--")


@dataclass(frozen=True, eq=False, kw_only=True)
class Sweep:
    """Outputs of two classes as one pixel of an image goes from 0 to 1.

    Attributes:
        value: its value in the image.
        classes: the two classes that the network ranks first for the image.
        pixel_values: (points,) float64.
        network: (points, 2) float64, the two outputs of the network.
        surrogate: (points, 2) float64, those of the surrogate that FGSM climbs.
    """

    value: float
    classes: tuple[int, int]
    pixel_values: Floats
    network: Floats
    surrogate: Floats


def plot(source: Source) -> Plot:
    """The figure; it needs no results."""
    del source
    network, images = load_zoo(_NETWORK), load_dataset(_IMAGES).images
    index, pixel = liveliest(network, images)
    found = sweep(network, images[index], pixel)
    row, column = divmod(pixel, 28)
    first, second = found.classes
    return Plot(
        number=1,
        title="Outputs of a small network and of its surrogate",
        caption=(
            f"Outputs of two classes of {_NETWORK} as one pixel of an image goes from 0 to 1: on "
            "the left the network, on the right the surrogate whose gradient FGSM climbs. Of all "
            f"images and pixels of {_IMAGES}, it is the one that moves the network's outputs "
            f"most: image {index}, for which class {first} ranks first and class {second} second, "
            f"and the pixel in row {row} and column {column}, all counted from 0. The dotted line "
            "is the pixel's value in the image."
        ),
        drawing=_draw(found),
        values=pl.DataFrame(
            {
                "pixel_value": found.pixel_values,
                f"network_class_{first}": found.network[:, 0],
                f"network_class_{second}": found.network[:, 1],
                f"surrogate_class_{first}": found.surrogate[:, 0],
                f"surrogate_class_{second}": found.surrogate[:, 1],
            }
        ),
    )


def sweep(network: BinaryNetwork, image: Floats, pixel: int) -> Sweep:
    """The outputs as the pixel varies.

    Args:
        network: any network.
        image: (inputs,) float64 in [0, 1].
        pixel: index of the pixel.
    """
    classes = _first_two(network.forward(image[None]))[0]
    pixel_values = np.linspace(0.0, 1.0, _POINTS)
    images = np.tile(image, (_POINTS, 1))
    images[:, pixel] = pixel_values
    return Sweep(
        value=float(image[pixel]),
        classes=(int(classes[0]), int(classes[1])),
        pixel_values=pixel_values,
        network=network.forward(images)[:, classes],
        surrogate=Surrogate(network, image).forward(images)[:, classes],
    )


def liveliest(network: BinaryNetwork, images: Floats) -> tuple[int, int]:
    """The image and the pixel whose change moves the outputs most; the first of several.

    What counts is the range of the difference between the outputs of the two classes that rank
    first for the image, over a few values of the pixel.

    Args:
        network: any network.
        images: (N, inputs) float64 in [0, 1].
    """
    first = network.hidden[0]
    weight = first.map.rows(slice(None)).T.astype(np.float64)
    classes = _first_two(network.forward(images))
    widest, found = -1.0, (0, 0)
    for index, image in enumerate(images):
        # one pixel moves each sum by its weight; (values, inputs, neurons)
        moved = (_COARSE[:, None] - image)[:, :, None] * weight
        signs = np.where(weight.T @ image + moved >= first.threshold, 1, -1)
        pattern = signs.reshape(-1, first.neurons).astype(np.int8)
        last = network.activations_of_pattern(pattern)[-1]
        outputs = network.output.values(last)[:, classes[index]]
        difference = (outputs[:, 0] - outputs[:, 1]).reshape(len(_COARSE), -1)
        spread = np.ptp(difference, axis=0)
        if spread.max() > widest:
            widest, found = float(spread.max()), (index, int(spread.argmax()))
    return found


def _first_two(outputs: Floats) -> Integers:
    """The two classes (N, 2) with the highest outputs (N, classes); a tie to the lower class."""
    ranked: Integers = np.argsort(-outputs, axis=1, kind="stable")[:, :2]
    return ranked


def _draw(found: Sweep) -> Figure:
    handles = [
        Line2D([], [], color=colour, linestyle=dashes, label=f"class {each}")
        for each, colour, dashes in zip(found.classes, CLASSES, _DASHES, strict=True)
    ]
    spacing = Spacing(height=2.6, gap=0.6, below=0.5)
    figure, axes = place_panels([(0, 0), (0, 1)], spacing, handles)
    both = np.concatenate([found.network, found.surrogate])
    lowest, highest = float(both.min()), float(both.max())
    room = 0.05 * (highest - lowest)
    panels = (("network", found.network), ("surrogate", found.surrogate))
    for panel, (name, outputs) in zip(axes, panels, strict=True):
        panel.set_title(f"{name} ({_NETWORK})", loc="left")
        for values, colour, dashes in zip(outputs.T, CLASSES, _DASHES, strict=True):
            panel.plot(found.pixel_values, values, color=colour, linestyle=dashes)
        panel.axvline(found.value, color=INK, linewidth=0.8, linestyle=":", zorder=0)
        panel.set_xlim(-0.01, 1.01)
        panel.set_ylim(lowest - room, highest + room)
        panel.set_xlabel("value of the pixel (0 black, 1 white)")
    axes[0].set_ylabel("output of the class")
    return figure
