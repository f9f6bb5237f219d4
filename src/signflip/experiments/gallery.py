"""Results of a store, to look at one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signflip.result import Verdict

LEVELS = 127
"""A change of one pixel is kept as a whole number of epsilon / LEVELS."""

Bytes = npt.NDArray[np.uint8]
SignedBytes = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False, kw_only=True)
class GalleryResult:
    """One result, as the gallery shows it.

    Attributes:
        network: name of the network.
        images: name of the data set.
        image_index: the image's place in the data set.
        image: key of the original in `Gallery.originals`.
        label: the image's true class.
        prediction: the class of the clean image.
        target: the class to raise above it, or None for any.
        epsilon: radius of the ball, in the unit of the image.
        method: name of the method.
        series: the method's name in the grid.
        verdict: what is certain.
        stop: why the method stopped, a sentence.
        failed: whether the method's process failed.
        objective: objective (1) of the best image.
        clean_objective: objective (1) of the clean image.
        bound: no image of the ball has an objective above this; None where none is known.
        largest_conceivable: the objective if every neuron of the last layer were ideal.
        seconds: time that the method took.
        witness_prediction: the class of the best image.
        change: (inputs,) best image minus original, in epsilon / `LEVELS`, rounded; None where
            there is no image better than the original, or nothing to show.
    """

    network: str
    images: str
    image_index: int
    image: str
    label: int
    prediction: int
    target: int | None
    epsilon: float
    method: str
    series: str
    verdict: Verdict
    stop: str
    failed: bool
    objective: float
    clean_objective: float
    bound: float | None
    largest_conceivable: float
    seconds: float
    witness_prediction: int
    change: SignedBytes | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Gallery:
    """Results to look at.

    Attributes:
        total: how many results the store holds.
        results: those that are shown.
        originals: key -> (inputs,) grey levels from 0 to 255.
    """

    total: int = 0
    results: Sequence[GalleryResult] = ()
    originals: Mapping[str, Bytes] = field(default_factory=dict)
