"""Whether a network that was read predicts what its format's own runtime does.

Predictions are compared on random inputs, on inputs at which first-layer sums are exactly on their
thresholds, and on images that are given. Floating point may take another side than exact arithmetic
within its rounding, and at ties; whatever these do not explain is an error.
"""

from typing import Any, Protocol

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.errors import NetworkError
from signflip.network import BinaryNetwork, ranking

CHECKED = "checked"
"""In the card of a network: what was compared when it was read, or why nothing was."""
INPUTS = 32
"""Random inputs."""
MOVED = 3
"""Neurons of each whose sums are moved to their thresholds, one after the other."""
_GRID = 256
"""Random inputs are multiples of a share of the range: sums of them are exact in float32."""
_MOST_SHOWN = 12


class Runtime(Protocol):
    """What runs networks of a format."""

    dtype: np.dtype[Any]
    """What it computes in."""

    def read(self, images: Floats) -> Floats:
        """What it reads of images (N, inputs): rounded to its type."""
        ...

    def predict(self, images: Floats) -> Integers:
        """Classes (N,) of images (N, inputs) float64."""
        ...


def check_agreement(
    network: BinaryNetwork, runtime: Runtime, name: str, images: Floats | None = None
) -> str:
    """What was compared, for the card.

    Args:
        network: as it was read.
        runtime: of the format.
        name: what to call the runtime.
        images: (N, inputs) float64, to compare the two on as well.

    Raises:
        NetworkError: they differ at an input, and rounding and ties do not explain it.
    """
    rng = np.random.default_rng(0)
    drawn = _random(network, rng)
    on = _on_thresholds(network, drawn)
    sets = [("random inputs", drawn), ("inputs with sums on thresholds", on)]
    if images is not None:
        sets.append(("given images", images))
    said, rounded = [], 0
    for kind, group in sets:
        if not len(group):
            continue
        theirs = runtime.predict(group)
        for place in np.flatnonzero(network.predict(group) != theirs).tolist():
            image, other = group[place], int(theirs[place])
            if why_they_differ(network, image, runtime, other) is None:
                ours = int(network.predict(image[None])[0])
                raise NetworkError(
                    f"{name} has class {other} for an input for which Signflip has {ours}, one of "
                    f"the {kind}: {_shown(image)}; please report it with the file"
                )
            rounded += 1
        said.append(f"{len(group)} {kind}")
    agreed = f"the classes are those of {name} on {', '.join(said)}"
    return f"{agreed}, but for {rounded} within its rounding" if rounded else agreed


def _random(network: BinaryNetwork, rng: np.random.Generator) -> Floats:
    """(INPUTS, inputs): plain noise, and blocks of noise, of every contrast."""
    inputs = network.input_range
    step = inputs.step or inputs.width / _GRID
    levels = round(inputs.width / step)
    contrast = rng.random((INPUTS, 1))
    noise = rng.random((INPUTS, network.inputs))
    level = np.rint((rng.random((INPUTS, 1)) * (1 - contrast) + contrast * noise) * levels)
    return np.minimum(inputs.lower + level * step, inputs.upper)


def _on_thresholds(network: BinaryNetwork, images: Floats) -> Floats:
    """Images like those given, each with a first-layer sum that is exactly its threshold.

    Only where all thresholds are multiples of the grid: others no sum of a float is sure to meet.
    """
    first, inputs = network.hidden[0], network.input_range
    step = inputs.step or inputs.width / _GRID
    if not _on_grid(first.threshold / step):
        return np.zeros((0, network.inputs))
    # one value everywhere, 0 among them where it can be: sums of balanced weights are 0 together
    made = [np.full(network.inputs, level) for level in _levels(network)]
    sums = first.map.apply(images)
    for image, total in zip(images, sums, strict=True):
        # a sum that is close already is moved by the fewest pixels
        for neuron in np.argsort(np.abs(total - first.threshold))[:MOVED].tolist():
            row = first.map.rows(np.array([neuron]))[0]
            moved = _moved(image, row, first.threshold[neuron] - total[neuron], inputs.lower,
                           inputs.upper)  # fmt: skip
            if float(row @ moved) == first.threshold[neuron]:
                made.append(moved)
    return np.array(made).reshape(-1, network.inputs)


def _levels(network: BinaryNetwork) -> set[float]:
    inputs = network.input_range
    return {inputs.lower, inputs.upper, min(max(0.0, inputs.lower), inputs.upper)}


def _on_grid(steps: Floats) -> bool:
    return bool((np.rint(steps) == steps).all())


def _moved(image: Floats, row: Any, lack: float, lower: float, upper: float) -> Floats:
    """An image (inputs,) whose sum is larger by `lack`, if pixels have room for it."""
    moved = image.copy()
    for pixel in np.flatnonzero(row).tolist():
        if lack == 0:
            break
        before = moved[pixel]
        moved[pixel] = min(max(before + lack * row[pixel], lower), upper)
        lack -= (moved[pixel] - before) * row[pixel]
    return moved


def classes_of(network: BinaryNetwork, image: Floats) -> tuple[int, tuple[int, ...]]:
    """The class of an image (inputs,), and all classes that share its value if others do. Exact."""
    values, _ = network.output.whole_values(network.activations(image[None])[-1][0])
    best = ranking(values)[0]
    tied = tuple(c for c, value in enumerate(values) if value == values[best])
    return best, tied if len(tied) > 1 else ()


def why_they_differ(
    network: BinaryNetwork, image: Floats, runtime: Runtime, theirs: int
) -> str | None:
    """Why a runtime has another class for an image (inputs,); None if nothing explains it."""
    read = runtime.read(image)
    prediction, tied = classes_of(network, read)
    rounded = not np.array_equal(read, image)
    kind = runtime.dtype.name
    if rounded and prediction == theirs:
        return f"rounded to {kind}, which the file reads, it is another image, of class {theirs}"
    after = f" once it is rounded to {kind}" if rounded else ""
    if theirs in tied:
        return f"classes {' and '.join(map(str, tied))} tie{after}; the lower one is the class"
    close = _close(network, read, runtime.dtype)
    if close:
        return (
            f"{close} of {network.widths[0]} first-layer sums are within the rounding of {kind} of "
            f"their thresholds{after}, where its arithmetic may take the wrong side"
        )
    if _values_close(network, read, runtime.dtype, prediction, theirs):
        return (
            f"the values of classes {prediction} and {theirs} differ by less than the rounding of "
            f"{kind}{after}"
        )
    return None


def _values_close(
    network: BinaryNetwork, image: Floats, dtype: np.dtype[Any], one: int, other: int
) -> bool:
    """Whether sums in a type may take one class's value at an image for the other's, or above."""
    output, classes = network.output, [one, other]
    if max(classes) >= network.classes:
        return False
    scale, bias = np.abs(output.scale[classes]), np.abs(output.bias[classes])
    if not output.real and (scale == 1).all() and (np.rint(bias) == bias).all():
        return False  # whole numbers: no sum is rounded
    # a sum of signs is whole; then come a product and a sum, which a file may have taken apart
    terms = output.inputs + 4 if output.real else 4
    size = scale * np.abs(output.weight[classes]).sum(axis=1, dtype=np.float64) + bias
    error = terms * float(np.finfo(dtype).eps) * float(size.sum())
    values = output.exact_values(network.activations(image[None])[-1][0])
    return bool(abs(values[one] - values[other]) <= error)


def _close(network: BinaryNetwork, image: Floats, dtype: np.dtype[Any]) -> int:
    """How many first-layer neurons floating-point sums of a type may get wrong at an image."""
    first = network.hidden[0]
    sums = first.map.apply(image[None])[0]
    unit = float(np.finfo(dtype).eps) / 2
    size = first.map.magnitude(np.abs(image)) + np.abs(first.threshold)
    step = network.input_range.step or network.input_range.width / _GRID
    if _on_grid(image / step) and _on_grid(first.threshold / step) and size.max() < step / unit:
        return 0  # no sum and no threshold is rounded
    # Higham 2002, section 4.2, with a term for the threshold
    error = 2 * (first.map.fan_in + 2) * unit * size
    return int((np.abs(sums - first.threshold) <= error).sum())


def _shown(image: Floats) -> str:
    values = ", ".join(f"{value:g}" for value in image[:_MOST_SHOWN])
    return f"[{values}{', ...' if len(image) > _MOST_SHOWN else ''}]"
