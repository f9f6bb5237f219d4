"""Frames of results, made up: each row is what the test says, and quiet defaults."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.spec import describe
from signflip.methods.step_size import ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.report.frame import derive

METHODS: Mapping[str, tuple[str, object]] = {
    "fgsm": ("fgsm", Fgsm()),
    "milp": ("milp", Milp()),
    "iprop": ("iprop", IProp()),
    "exact": ("exact", Exact(goal="optimise")),  # type: ignore[arg-type]
    "exact-decide": ("exact", Exact()),
    "iprop-step-1": ("iprop", IProp(step=ConstantStep(neurons=1))),
    "iprop-step-5": ("iprop", IProp(step=ConstantStep(neurons=5))),
    "iprop-step-20": ("iprop", IProp(step=ConstantStep(neurons=20))),
    "iprop-warm": ("iprop", WarmStarted(first=Fgsm(), seconds=5.0, then=IProp())),
}
"""Series -> the method's name and the method."""


def row(series: str, image: int = 0, **values: Any) -> dict[str, Any]:
    """One row of a store, without what frames do not read; `values` replace the defaults."""
    name, method = METHODS.get(series, (series, None))
    network = values.get("network_name", "mnist-2x100")
    images = values.get("images_name", "mnist")
    epsilon = values.get("epsilon", 0.01)
    defaults = {
        "key": f"{network} {images} {epsilon} {series} {image}",
        "problem": f"{network} {images} {epsilon} {image}",
        "network": f"key of {network}",
        "network_name": network,
        "images_name": images,
        "image_index": image,
        "target": 3,
        "ties": "none",
        "grid": None,
        "mask": None,
        "epsilon": epsilon,
        "time_limit": 10.0,
        "method": name,
        "series": series,
        "settings": "{}" if method is None else json.dumps(describe(method), sort_keys=True),
        "seed": 0,
        "verdict": "unknown",
        "stop": "time_limit",
        "objective": -4.0,
        "clean_objective": -10.0,
        "largest_conceivable": 20.0,
        "proof": None,
        "checked": None,
        "seconds": 1.0,
        "host": "machine",
        "finished": "2026-01-01T00:00:00.000+00:00",
    }
    return {**defaults, **values}


def flipped(series: str, image: int = 0, **values: Any) -> dict[str, Any]:
    """A row with a flip."""
    return row(series, image, **{"verdict": "flipped", "objective": 2.0, **values})


def robust(series: str, image: int = 0, **values: Any) -> dict[str, Any]:
    """A row with a proof that there is no flip, by the optimum."""
    return row(series, image, **{"verdict": "robust", "stop": "optimal", **values})


def failed(series: str, image: int = 0, **values: Any) -> dict[str, Any]:
    """A row without an answer."""
    return row(series, image, **{"stop": "failed", "objective": -10.0, **values})


def frame_of(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """The frame of these rows."""
    return derive(pl.DataFrame([dict(each) for each in rows], infer_schema_length=None))
