"""Results of a store, to look at one by one."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.errors import StoreError
from signflip.many.schema import store_errors
from signflip.many.store import FAILED, Store, unpack
from signflip.result import Stop, Verdict

LEVELS = 127
"""A change of one pixel is kept as a whole number of epsilon / LEVELS."""

GreyLevels = npt.NDArray[np.uint8]
Changes = npt.NDArray[np.int8]

# Flipped results first. Networks, data sets and methods take turns, so that a limit cuts all of
# them alike. The key is a hash of the problem: within a turn its order is as good as random, and
# always the same.
_CHOSEN = """
WITH chosen AS (
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
)
SELECT results.* FROM chosen JOIN results ON results.key = chosen_key ORDER BY place
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class GalleryResult:
    """One result, as the gallery shows it.

    Attributes:
        problem: key of the problem, the same for all methods.
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
        stop: why the method stopped or failed, a sentence.
        failed: whether there is no answer.
        objective: objective (1) of the best image.
        clean_objective: objective (1) of the clean image.
        bound: no image of the ball has an objective above this; None where none is known.
        largest_conceivable: the objective if every neuron of the last layer were ideal.
        seconds: time that the method took.
        witness_prediction: the class of the best image.
        change: (inputs,) best image minus original, in epsilon / `LEVELS`, rounded; None of robust
            and failed results, and where no image was better than the original.
    """

    problem: str
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
    change: Changes | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Gallery:
    """Results to look at.

    Attributes:
        total: how many results the store holds.
        results: those that are shown, networks, data sets and methods in turn.
        originals: key -> (inputs,) grey levels from 0 to 255, rounded.
    """

    total: int = 0
    results: Sequence[GalleryResult] = ()
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
    results = []
    cursor = store.connection.cursor()
    cursor.row_factory = sqlite3.Row
    with store_errors(store.path):
        (total,) = store.connection.execute("SELECT count(*) FROM results").fetchone()
        for row in cursor.execute(_CHOSEN, (limit,)):
            if row["image"] not in pixels:
                pixels[row["image"]] = store.pixels(row["image"])
            results.append(_result(row, pixels[row["image"]]))
    originals = {key: np.rint(values * 255).astype(np.uint8) for key, values in pixels.items()}
    return Gallery(total=total, results=tuple(results), originals=originals)


def _result(row: sqlite3.Row, pixels: Floats) -> GalleryResult:
    verdict = Verdict(row["verdict"])
    failed = row["stop"] == FAILED
    change = None
    if row["witness"] is not None and verdict is not Verdict.ROBUST:
        change = quantised(unpack(row["witness"]), pixels, row["epsilon"], row["key"])
    return GalleryResult(
        problem=row["problem"],
        network=row["network_name"],
        images=row["images_name"],
        image_index=row["image_index"],
        image=row["image"],
        label=row["label"],
        prediction=row["prediction"],
        target=row["target"],
        epsilon=row["epsilon"],
        method=row["method"],
        series=row["series"],
        verdict=verdict,
        stop=row["failure"] if failed else Stop[row["stop"]].value,
        failed=failed,
        objective=row["objective"],
        clean_objective=row["clean_objective"],
        bound=row["bound"],
        largest_conceivable=row["largest_conceivable"],
        seconds=row["seconds"],
        witness_prediction=row["witness_prediction"],
        change=change,
    )


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
