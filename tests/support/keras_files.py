"""Keras files as Keras 2 and 3 write them, made with h5py alone."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from signflip.formats.keras import _snake


class Part(NamedTuple):
    """A layer: its class, settings, and weights by name, in Keras' order."""

    kind: str
    config: dict[str, Any]
    weights: Mapping[str, np.ndarray] = MappingProxyType({})


def _layers(parts: Sequence[Part], shape: tuple[int, ...], key: str) -> list[dict[str, Any]]:
    met: dict[str, int] = {}
    layers: list[dict[str, Any]] = []
    for part in parts:
        snake = _snake(part.kind.rpartition(">")[2])
        count = met.get(snake, 0)
        met[snake] = count + 1
        config = {"name": f"{snake}_{count}" if count else snake, **part.config}
        if not layers:
            config[key] = [None, *shape]
        layers.append({"class_name": part.kind, "config": config})
    return layers


def write_hdf5(path: Path, parts: Sequence[Part], shape: tuple[int, ...]) -> None:
    """The layout of `model.save("model.h5")`."""
    import h5py

    layers = _layers(parts, shape, "batch_input_shape")
    model = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["model_config"] = json.dumps(model)
        root = file.create_group("model_weights")
        for layer, part in zip(layers, parts, strict=True):
            name = layer["config"]["name"]
            group = root.create_group(name)
            places = [f"{name}/{weight}:0" for weight in part.weights]
            group.attrs["weight_names"] = [place.encode() for place in places]
            for place, array in zip(places, part.weights.values(), strict=True):
                group[place] = array.astype(np.float32)


def write_archive(path: Path, parts: Sequence[Part], shape: tuple[int, ...]) -> None:
    """The layout of `model.save("model.keras")`."""
    import h5py

    layers = _layers(parts, shape, "batch_shape")
    model = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        for layer, part in zip(layers, parts, strict=True):
            group = file.create_group(f"layers/{layer['config']['name']}/vars")
            for number, array in enumerate(part.weights.values()):
                group[str(number)] = array.astype(np.float32)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", held.getvalue())
