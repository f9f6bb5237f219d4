"""The mask of an answer, found again: a store has its name and digest, a proof its free pixels."""

from collections.abc import Iterator

import numpy as np

from signflip.arrays import Booleans
from signflip.many.record import Record
from signflip.many.task import problem_key
from signflip.problem import Distance, Margin, Mask, Target, Terms, Untargeted


def mask_of(
    record: Record, free: Booleans, known: Booleans, image_shape: tuple[int, ...]
) -> Booleans | None:
    """Where the mask of an answer lets a pixel change, if that is what a proof says.

    Args:
        record: the answer, whose problem's key holds the digest of its mask.
        free: (inputs,) bool, the pixels that the proof leaves free.
        known: (inputs,) bool, those that could change without a mask; of others the proof says
            nothing, and all that are left are taken to be free, or none.
        image_shape: of the network's images.

    Returns:
        (inputs,) bool; None where no mask of these pixels has the answer's digest.
    """
    for mask in _masks(free, known, image_shape):
        if _key(record, mask) == record.problem:
            return mask.flat(image_shape)
    return None


def _masks(free: Booleans, known: Booleans, image_shape: tuple[int, ...]) -> Iterator[Mask]:
    """The masks of such pixels, of every shape that fits the images."""
    for rest in (True, False):
        for array in _arrays(free, known, image_shape, rest):
            if array.any():
                yield Mask.of(array)


def _arrays(
    free: Booleans, known: Booleans, image_shape: tuple[int, ...], rest: bool
) -> Iterator[Booleans]:
    whole = np.where(known, free, rest).reshape(image_shape)
    yield whole.ravel()
    yield whole
    if len(image_shape) == 3:
        yield np.moveaxis(whole, 0, -1)
        some_free = (free & known).reshape(image_shape).any(axis=0)
        some_held = (~free & known).reshape(image_shape).any(axis=0)
        if not (some_free & some_held).any():  # one for all channels
            yield np.where(some_free | some_held, some_free, rest)


def _key(record: Record, mask: Mask) -> str:
    """The key of the answer's problem, were this its mask."""
    goal = Untargeted() if record.target is None else Target(record.target)
    norm, tolerance = record.norm, record.tolerance
    distance = None if norm is None or tolerance is None else Distance(norm, tolerance)
    terms = Terms(ties=record.ties, grid=record.grid, mask=mask, measure=distance or Margin())
    return problem_key(record.network, record.image, record.epsilon, goal, terms)
