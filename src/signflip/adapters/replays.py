"""Witnesses replayed exactly and in onnxruntime, and why the two differ where they do."""

from dataclasses import dataclass

from signflip.arrays import Floats
from signflip.formats.agreement import classes_of, why_they_differ
from signflip.formats.onnx_run import OnnxRuntime
from signflip.network import BinaryNetwork

UNEXPLAINED = "rounding explains none of it: is the file the same network?"


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
    prediction, tied = classes_of(network, image)
    if runtime is None:
        return Replayed(index=index, prediction=prediction, tied=tied)
    theirs = int(runtime.predict(image[None])[0])
    why = None
    if theirs != prediction:
        why = why_they_differ(network, image, runtime, theirs) or UNEXPLAINED
    return Replayed(index=index, prediction=prediction, tied=tied, theirs=theirs, why=why)
