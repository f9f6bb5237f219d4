"""Witnesses replayed exactly and in onnxruntime, and why the two differ where they do."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from signflip.arrays import Floats
from signflip.formats.onnx_run import OnnxRuntime
from signflip.network import BinaryNetwork, ranking


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One witness, replayed.

    Attributes:
        index: the image's place in its data set.
        prediction: its class, exact.
        tied: the classes that have the same value, if there are others, the class among them.
        theirs: its class in onnxruntime, None without a file.
        why: a sentence on why the two differ; None where they agree.
    """

    index: int
    prediction: int
    tied: tuple[int, ...]
    theirs: int | None = None
    why: str | None = None


def replayed(
    network: BinaryNetwork, index: int, image: Floats, runtime: OnnxRuntime | None
) -> Replayed:
    """Replay a witness (inputs,).

    Raises:
        DataError: the image has another shape, a value is not finite, or onnxruntime fails.
    """
    prediction, tied = _classes(network, image)
    if runtime is None:
        return Replayed(index=index, prediction=prediction, tied=tied)
    theirs = int(runtime.predict(image[None])[0])
    why = None if theirs == prediction else _why(network, image, runtime, theirs)
    return Replayed(index=index, prediction=prediction, tied=tied, theirs=theirs, why=why)


def _classes(network: BinaryNetwork, image: Floats) -> tuple[int, tuple[int, ...]]:
    """The class of an image, and all classes that share its value."""
    values = network.output.exact_values(network.activations(image[None])[-1][0])
    best = ranking(values)[0]
    tied = tuple(c for c, value in enumerate(values) if value == values[best])
    return best, tied if len(tied) > 1 else ()


def _why(network: BinaryNetwork, image: Floats, runtime: OnnxRuntime, theirs: int) -> str:
    """Why onnxruntime has another class than the exact replay."""
    read = runtime.read(image)
    prediction, tied = _classes(network, read)
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
    return "rounding explains none of it: is the file the same network?"


def _close(network: BinaryNetwork, image: Floats, dtype: np.dtype[Any]) -> int:
    """How many first-layer neurons floating-point sums of a type may get wrong at an image."""
    first = network.hidden[0]
    sums = first.map.apply(image[None])[0]
    unit = float(np.finfo(dtype).eps) / 2
    # Higham 2002, section 4.2, with a term for the threshold
    size = first.map.magnitude(np.abs(image)) + np.abs(first.threshold)
    error = 2 * (first.map.fan_in + 2) * unit * size
    return int((np.abs(sums - first.threshold) <= error).sum())
