"""Stores to make galleries of: images of the samples, and changes as attacks make them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signflip.data import load_dataset
from signflip.many.record import FAILED, Record
from signflip.many.store import Store
from signflip.network import Floats
from signflip.problem import Box
from signflip.report.gallery import Shown
from signflip.result import Verdict

SERIES = ("exact", "fgsm", "iprop", "milp")
EPSILONS = (0.005, 0.01, 0.02)
SIZES = ("2x100", "2x200", "3x100", "5x100")
SETS = {"mnist": "mnist-sample", "fashion": "fashion-mnist-sample"}


def sample_row(**columns: Any) -> Record:
    """A flipped result, but for the columns given."""
    row = Record(
        key="key",
        problem="problem",
        network="network",
        image="image",
        network_name="mnist-2x100",
        images_name="mnist-sample",
        image_index=3,
        label=7,
        prediction=7,
        target=3,
        epsilon=0.01,
        time_limit=10.0,
        method="iprop",
        series="iprop",
        settings={"kind": "IProp"},
        seed=0,
        verdict=Verdict.FLIPPED,
        stop="optimal",
        failure=None,
        objective=2.0,
        clean_objective=-34.0,
        bound=None,
        largest_conceivable=100.0,
        seconds=1.25,
        trace=((0.0, -34.0),),
        witness=None,
        witness_prediction=3,
        host="host",
        versions={},
        finished="2026-01-01T00:00:00.000+00:00",
    )
    return replace(row, **columns)


def fill(store: Store, count: int, *, seed: int = 0) -> None:
    """Add `count` results of all verdicts, spread over networks, epsilons, images and methods."""
    rng = np.random.default_rng(seed)
    with store.transaction():
        for number in range(count):
            add_result(store, number, rng)


def add_result(store: Store, number: int, rng: np.random.Generator) -> None:
    """Add the result of that number; consecutive ones are of one problem."""
    problem, method = divmod(number, len(SERIES))
    rest, epsilon_place = divmod(problem, len(EPSILONS))
    rest, size = divmod(rest, len(SIZES))
    index, which = divmod(rest, len(SETS))
    prefix, images_name = list(SETS.items())[which]
    images = load(images_name)
    prediction = (problem + problem % 5 // 4) % 10
    target = (problem + 3) % 10
    pixels = images[index % len(images)]
    epsilon = EPSILONS[epsilon_place]
    verdict, stop, failure = _outcome(SERIES[method], rng)
    largest = 60.0 + 20 * size
    clean = -2.0 * float(rng.integers(1, 30))
    best = _objective(verdict, clean, rng)
    witness = attacked(pixels, epsilon, rng) if best > clean else pixels
    store.add(
        sample_row(
            key=f"{number * 2654435761 % 2**32:08x}-{number}",
            problem=f"problem-{problem}",
            image=store.add_image(pixels),
            network_name=f"{prefix}-{SIZES[size]}",
            images_name=images_name,
            image_index=index,
            label=problem % 10,
            prediction=prediction,
            target=target if problem % 7 else None,
            epsilon=epsilon,
            method=SERIES[method],
            series=SERIES[method],
            verdict=verdict,
            stop=stop,
            failure=failure,
            objective=best,
            clean_objective=clean,
            bound=best if stop == "optimal" else None,
            largest_conceivable=largest,
            seconds=float(rng.gamma(1.0, 3.0)),
            witness=None if failure else witness,
            witness_prediction=target if verdict is Verdict.FLIPPED else prediction,
        )
    )


def attacked(pixels: Floats, epsilon: float, rng: np.random.Generator) -> Floats:
    """An image at a corner of the ball but for some pixels, as a program's solution is."""
    signs = rng.choice([-1.0, 1.0], size=pixels.shape)
    inner = rng.random(pixels.shape) < 0.05
    steps = np.where(inner, rng.uniform(-1, 1, pixels.shape), signs)
    return Box.ball(pixels, epsilon).clip(pixels + epsilon * steps)


def load(name: str) -> Floats:
    """The images of a sample."""
    if name not in _LOADED:
        _LOADED[name] = load_dataset(name).images
    return _LOADED[name]


def altered(shown: Shown, **columns: Any) -> Shown:
    """A result of a gallery with other values."""
    return replace(shown, record=replace(shown.record, **columns))


def make_store(path: Path, count: int) -> Store:
    """An open store at `path` with `count` results."""
    store = Store.open(path, create=True)
    fill(store, count)
    return store


def _outcome(series: str, rng: np.random.Generator) -> tuple[Verdict, str, str | None]:
    draw = rng.random()
    if draw < 0.01:
        return Verdict.UNKNOWN, FAILED, "the process was ended at its hard limit of 70 s"
    if draw < 0.45:
        return Verdict.FLIPPED, "optimal" if series == "exact" else "time_limit", None
    if series == "exact":
        return Verdict.ROBUST, "optimal", None
    return Verdict.UNKNOWN, "local_optimum" if draw < 0.7 else "time_limit", None


def _objective(verdict: Verdict, clean: float, rng: np.random.Generator) -> float:
    if verdict is Verdict.FLIPPED:
        return 2.0 * float(rng.integers(1, 20))
    return clean if rng.random() < 0.2 else clean * float(rng.integers(0, 10)) / 10


_LOADED: dict[str, Floats] = {}
