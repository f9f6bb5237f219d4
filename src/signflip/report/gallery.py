"""Results of a store, to look at one by one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.errors import StoreError
from signflip.many.record import Record
from signflip.many.schema import store_errors
from signflip.many.store import Store
from signflip.network import InputRange
from signflip.network.input_range import UNIT_RANGE
from signflip.result import Verdict

LEVELS = 127
"""A change of one pixel is kept as a whole number of epsilon / LEVELS."""

GreyLevels = npt.NDArray[np.uint8]
Changes = npt.NDArray[np.int8]

# Flipped results first. Networks, data sets and methods take turns, so that a limit cuts all of
# them alike. The key is a hash of the problem: within a turn its order is as good as random, and
# always the same.
_CHOSEN = """
JOIN (
    SELECT key AS chosen_key, row_number() OVER (
        ORDER BY verdict <> 'flipped', turn, network_name, images_name, series, verdict, key
    ) AS place
    FROM (
        SELECT key, verdict, network_name, images_name, series, row_number() OVER (
            PARTITION BY verdict, network_name, images_name, series ORDER BY key
        ) AS turn
        FROM results
    )
    ORDER BY place LIMIT ?
) ON results.key = chosen_key ORDER BY place
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """One result, as the gallery shows it.

    Attributes:
        record: the result, without its witness.
        change: (inputs,) best image minus original, in epsilon / `LEVELS`, rounded; None of robust
            and failed results, and where no image was better than the original.
        inputs: what the network's inputs are: black and white are its ends.
    """

    record: Record
    change: Changes | None
    inputs: InputRange = UNIT_RANGE

    @property
    def original(self) -> str:
        """Key of the original in `Gallery.originals`: one image is two for two input ranges."""
        image = self.record.image
        return image if self.inputs == UNIT_RANGE else f"{image} in {self.inputs}"

    @property
    def reach(self) -> float:
        """Epsilon as a part of the way from black to white."""
        return self.record.epsilon / self.inputs.width


@dataclass(frozen=True, eq=False, kw_only=True)
class Gallery:
    """Results to look at.

    Attributes:
        total: how many results the store holds.
        results: those that are shown, networks, data sets and methods in turn.
        originals: `Shown.original` -> (inputs,) grey levels from 0 to 255, rounded.
    """

    total: int = 0
    results: Sequence[Shown] = ()
    originals: Mapping[str, GreyLevels] = field(default_factory=dict)


def gallery_of(store: Store, limit: int = 10_000) -> Gallery:
    """The results of a store, or `limit` of them: flipped ones first, spread evenly.

    Args:
        store: the store.
        limit: how many results to show at most.

    Raises:
        StoreError: the store is damaged.
    """
    pixels: dict[str, Floats] = {}
    originals: dict[str, GreyLevels] = {}
    results = []
    with store_errors(store.path):
        (total,) = store.connection.execute("SELECT count(*) FROM results").fetchone()
        networks = store.connection.execute("SELECT key FROM networks").fetchall()
    ranges = {key: store.network(key).input_range for (key,) in networks}
    for record in store.records(_CHOSEN, (limit,)):
        if record.image not in pixels:
            pixels[record.image] = store.pixels(record.image)
        change = None
        if record.witness is not None and record.verdict is not Verdict.ROBUST:
            change = quantised(record.witness, pixels[record.image], record.epsilon, record.key)
        inputs = ranges.get(record.network, UNIT_RANGE)
        shown = Shown(record=replace(record, witness=None), change=change, inputs=inputs)
        if shown.original not in originals:
            originals[shown.original] = _grey_levels(pixels[record.image], inputs)
        results.append(shown)
    return Gallery(total=total, results=tuple(results), originals=originals)


def _grey_levels(pixels: Floats, inputs: InputRange) -> GreyLevels:
    levels: GreyLevels = np.rint((pixels - inputs.lower) / inputs.width * 255).astype(np.uint8)
    return levels


def drawn_shape(size: int) -> tuple[int, int, int]:
    """Channels, height and width of a picture of so many values, whose shape no store keeps.

    One square if it can be, else three, a colour each; else rows of a square that is not full.
    """
    side = math.isqrt(size)
    third = math.isqrt(size // 3)
    if side * side != size and 3 * third * third == size:
        return 3, third, third
    width = math.isqrt(size - 1) + 1
    return 1, -(-size // width), width


def quantised(witness: Floats, pixels: Floats, epsilon: float, key: str) -> Changes | None:
    """What was added to `pixels`, in epsilon / `LEVELS`, rounded; None if nothing was.

    Args:
        witness: (inputs,) float64, the best image.
        pixels: (inputs,) float64, the original.
        epsilon: radius of the ball.
        key: what to call the result in errors.

    Raises:
        StoreError: the witness is no image of the ball.
    """
    if witness.shape != pixels.shape:
        raise StoreError(
            f"the image of result {key} has {witness.size} pixels and its original {pixels.size}; "
            "the store is damaged: sweep again into a new one"
        )
    change = witness - pixels
    if not change.any():
        return None
    # the ball is rounded inward, so only the subtraction's own rounding can pass it
    if not np.abs(change).max() <= epsilon * (1 + 1e-9):
        raise StoreError(
            f"the image of result {key} leaves its ball of radius {epsilon:g} by "
            f"{np.abs(change).max() - epsilon:g}; the store is damaged: sweep again into a new one"
        )
    return np.rint(change / epsilon * LEVELS).astype(np.int8)
