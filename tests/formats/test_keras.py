"""Keras and Larq files against a forward pass of their layers in NumPy.

`scripts/larq_models.py` compares with Larq itself.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip import load_network
from signflip.errors import NetworkError
from signflip.formats import keras
from signflip.formats.keras import read_here, read_keras
from signflip.network import BinaryNetwork, InputRange
from signflip.queries.layout import Layout
from tests.support.absent import unless_package
from tests.support.keras_files import Part, write_archive, write_hdf5

pytestmark = unless_package("h5py", "Keras files")

RANGE = InputRange(lower=-2, upper=2)
STE = {"class_name": "Larq>SteSign", "config": {"clip_value": 1.0}}
WRITERS = [write_hdf5, write_archive]
Write = Callable[[Path, Sequence[Part], tuple[int, ...]], None]


def normal(channels: int, rng: np.random.Generator, *, scale: bool) -> Part:
    """A batch norm of whole numbers, of either sign: sums are exactly on thresholds."""
    weights = {"gamma": rng.choice([-2.0, 1.0, 3.0], channels)} if scale else {}
    weights["beta"] = np.zeros(channels)
    weights["moving_mean"] = rng.integers(-2, 3, channels).astype(float)
    weights["moving_variance"] = rng.uniform(1, 4, channels)
    config = {"axis": [-1], "scale": scale, "center": True, "epsilon": 0.001}
    return Part("BatchNormalization", config, weights)


def quantised(kind: str, shape: tuple[int, ...], rng: np.random.Generator, **config: Any) -> Part:
    settings = {"use_bias": False, "kernel_quantizer": STE, "activation": "linear", **config}
    return Part(f"Larq>{kind}", settings, {"kernel": rng.normal(0, 1, shape)})


def larq_model(rng: np.random.Generator) -> list[Part]:
    pool = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
    return [
        quantised("QuantConv2D", (3, 3, 2, 4), rng, padding="same", strides=[1, 1]),
        normal(4, rng, scale=True),
        quantised("QuantConv2D", (2, 2, 4, 3), rng, input_quantizer=STE, padding="same",
                  pad_values=1.0),
        Part("MaxPooling2D", pool),
        normal(3, rng, scale=True),
        Part("Flatten", {}),
        quantised("QuantDense", (27, 5), rng, input_quantizer="ste_sign"),
        normal(5, rng, scale=False),
        Part("Activation", {"activation": "softmax"}),
    ]  # fmt: skip


def hls4ml_model(rng: np.random.Generator) -> list[Part]:
    signs = rng.choice([-1.0, 1.0], (12, 7)), rng.choice([-1.0, 1.0], (7, 4))
    return [
        Part("BinaryDense", {"H": 1.0, "use_bias": False}, {"kernel": signs[0]}),
        normal(7, rng, scale=False),
        Part("Activation", {"activation": "binary_tanh"}),
        Part("Dense", {"use_bias": True}, {"kernel": signs[1], "bias": np.arange(4.0)}),
    ]


def padded(values: np.ndarray, size: Sequence[int], number: float) -> np.ndarray:
    """TensorFlow's `same` for steps of 1: the odd row or column comes after."""
    around = [(each - 1) // 2 for each in size], [each // 2 for each in size]
    sides = [(0, 0), *zip(*around, strict=True), (0, 0)]
    return np.pad(values, sides, constant_values=number)


def forward(parts: Sequence[Part], values: np.ndarray) -> np.ndarray:
    """Class values, in float64."""
    for part in parts:
        kind, config, weights = part.kind.rpartition(">")[2], part.config, part.weights
        if config.get("input_quantizer"):
            values = np.where(values >= 0, 1.0, -1.0)
        if "kernel" in weights:
            kernel = weights["kernel"].astype(np.float32).astype(float)
            kernel = np.where(kernel >= 0, 1.0, -1.0)
            if kernel.ndim == 4:
                size = kernel.shape[:2]
                values = padded(values, size, config.get("pad_values", 0.0))
                windows = np.lib.stride_tricks.sliding_window_view(values, size, (1, 2))
                values = np.einsum("nrcihw,hwio->nrco", windows, kernel)
            else:
                values = values @ kernel
            values = values + weights.get("bias", 0.0)
        elif kind == "BatchNormalization":
            root = np.sqrt(weights["moving_variance"].astype(np.float32).astype(float) + 0.001)
            values = weights.get("gamma", 1.0) * (values - weights["moving_mean"]) / root
        elif kind == "MaxPooling2D":
            n, r, c, k = values.shape
            values = values.reshape(n, r // 2, 2, c // 2, 2, k).max(axis=(2, 4))
        elif kind == "Flatten":
            values = values.reshape(len(values), -1)
        elif config.get("activation") == "binary_tanh":
            values = np.where(values > 0, 1.0, -1.0)
    return values


def read(path: Path) -> BinaryNetwork:
    return read_here(path, RANGE)


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_is_read_in_a_process_of_its_own(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "model"
    write(path, larq_model(np.random.default_rng(0)), (6, 6, 2))
    assert load_network(path, input_range=RANGE).digest == read(path).digest
    assert load_network(path).input_range.default
    parts = faulty(larq_model(np.random.default_rng(0)), 2, input_quantizer="ste_tern")
    write(path, parts, (6, 6, 2))
    with pytest.raises(NetworkError, match=r"model: the layer .* its input quantiser 'ste_tern'"):
        load_network(path, input_range=RANGE)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(("model", "shape"), [(larq_model, (6, 6, 2)), (hls4ml_model, (12,))])
@pytest.mark.parametrize("seed", range(3))
def test_every_prediction_is_the_same(
    tmp_path: Path,
    write: Write,
    model: Callable[..., list[Part]],
    shape: tuple[int, ...],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    parts = model(rng)
    write(tmp_path / "model", parts, shape)
    network = read(tmp_path / "model")
    images = rng.integers(-2, 3, (200, *shape)).astype(float)
    images[0] = 0
    values = forward(parts, images)
    flat = images.reshape(200, -1)[:, Layout.of(network).places]
    best = np.take_along_axis(values, network.predict(flat)[:, None], 1)[:, 0]
    # ties of sums may be broken otherwise by rounding
    np.testing.assert_allclose(best, values.max(axis=1), rtol=0, atol=1e-9)
    assert network.card["producer"] == "Keras"


def faulty(parts: list[Part], place: int, **config: Any) -> list[Part]:
    part = parts[place]
    parts[place] = Part(part.kind, {**part.config, **config}, part.weights)
    return parts


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("place", "config", "words"),
    [
        (0, {"kernel_quantizer": "dorefa_quantizer"}, "its kernel quantiser 'dorefa_quantizer'"),
        (2, {"input_quantizer": "ste_tern"}, "its input quantiser 'ste_tern'"),
        (1, {"axis": [1]}, "normalises the axis 1"),
        (3, {"data_format": "channels_first"}, "have windows"),
        (8, {"activation": "relu"}, "its activation 'relu'"),
        (6, {"use_bias": True}, "its bias is missing"),
        (5, {"data_format": "channels_first"}, "its data_format is 'channels_first'"),
        (6, {"activation": "softmax"}, "its softmax is followed by other layers"),
        (2, {"activation": "sigmoid"}, "its sigmoid is followed by other layers"),
    ],
)
def test_what_cannot_be_said_is_named(
    tmp_path: Path, write: Write, place: int, config: dict[str, Any], words: str
) -> None:
    parts = faulty(larq_model(np.random.default_rng(0)), place, **config)
    write(tmp_path / "model", parts, (6, 6, 2))
    with pytest.raises(NetworkError, match="the layer '.*" + words):
        read(tmp_path / "model")


def test_channels_first_means_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = [
        quantised("QuantConv2D", (3, 3, 2, 4), rng, activation=STE),
        Part("GlobalAveragePooling2D", {"data_format": "channels_first"}),
        Part("Dense", {"use_bias": False}, {"kernel": rng.normal(0, 1, (4, 3))}),
    ]
    write_hdf5(tmp_path / "model.h5", parts, (6, 6, 2))
    with pytest.raises(NetworkError, match=r"the layer 'global_.*its data_format is"):
        read(tmp_path / "model.h5")


@pytest.mark.parametrize("write", WRITERS)
def test_a_softmax_counts_only_at_the_end(tmp_path: Path, write: Write) -> None:
    parts = hls4ml_model(np.random.default_rng(0))
    ends = [Part("Dropout", {}), Part("Flatten", {}), Part("Reshape", {"target_shape": [-1]}),
            Part("Activation", {"activation": "linear"})]  # fmt: skip
    write(tmp_path / "without", parts, (12,))
    expected = read(tmp_path / "without").digest
    for last in (
        [Part("Softmax", {"axis": -1})],
        [Part("Softmax", {"axis": [1]}), *ends],
        [Part("Activation", {"activation": "log_softmax"}), *ends],
        [Part("Activation", {"activation": "sigmoid"})],
    ):
        write(tmp_path / "model", [*parts, *last], (12,))
        assert read(tmp_path / "model").digest == expected
    after = Part("Activation", {"activation": "binary_tanh"})
    for layer in (Part("Softmax", {}), Part("Activation", {"activation": "softmax"})):
        write(tmp_path / "model", [*parts[:1], layer, after, parts[3]], (12,))
        with pytest.raises(NetworkError, match="its softmax is followed by other layers"):
            read(tmp_path / "model")


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Part("Softmax", {"axis": 0})], "over the axis 0"),
        ([Part("Reshape", {"target_shape": [2, 2]}), Part("Softmax", {})], "over the axis -1"),
        ([Part("Dense", {"use_bias": False}, {"kernel": np.ones((4, 1))}), Part("Softmax", {})],
         "of a single value"),
    ],
)  # fmt: skip
def test_a_softmax_of_other_than_all_classes_is_refused(
    tmp_path: Path, layers: list[Part], words: str
) -> None:
    parts = hls4ml_model(np.random.default_rng(0))
    write_hdf5(tmp_path / "model.h5", [*parts, *layers], (12,))
    with pytest.raises(NetworkError, match=words):
        read(tmp_path / "model.h5")


@pytest.mark.parametrize("write", WRITERS)
def test_a_sigmoid_of_one_logit_keeps_its_side(tmp_path: Path, write: Write) -> None:
    parts = hls4ml_model(np.random.default_rng(0))
    logit = Part("Dense", {"use_bias": False}, {"kernel": np.ones((7, 1))})
    write(tmp_path / "without", [*parts[:3], logit], (12,))
    last = Part("Dense", {**logit.config, "activation": "sigmoid"}, logit.weights)
    write(tmp_path / "model", [*parts[:3], last], (12,))
    with_it, without = read(tmp_path / "model"), read(tmp_path / "without")
    assert with_it.digest == without.digest
    said = (with_it.card["outputs"], without.card["outputs"])
    assert said == ("one logit, Sigmoid", "one logit")


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, write: Write, number: float) -> None:
    for place, name in ((0, "kernel"), (2, "kernel"), (1, "moving_variance")):
        parts = larq_model(np.random.default_rng(0))
        parts[place].weights[name].ravel()[0] = number
        write(tmp_path / "model", parts, (6, 6, 2))
        with pytest.raises(NetworkError, match=rf"the layer '.*its {name} holds {number}"):
            read(tmp_path / "model")


def test_a_layer_without_a_rule_is_named(tmp_path: Path) -> None:
    parts = [*hls4ml_model(np.random.default_rng(0)), Part("Lambda", {"function": "x"})]
    write_hdf5(tmp_path / "model.h5", parts, (12,))
    with pytest.raises(NetworkError, match=r"the layer 'lambda' \(Lambda of \(4,\)\): there is no"):
        read(tmp_path / "model.h5")


def test_weights_alone_and_branches_are_refused(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "model.h5"
    write_hdf5(path, hls4ml_model(np.random.default_rng(0)), (12,))
    with h5py.File(path, "r+") as file:
        model = json.loads(file.attrs["model_config"])
        model["class_name"] = "Functional"
        for layer, sources in zip(
            model["config"]["layers"], ([], ["a"], ["b", "a"], ["c"]), strict=True
        ):
            layer["name"] = chr(ord("a") + len(layer.get("x", ""))) if not sources else "b"
            layer["inbound_nodes"] = [[[each, 0, 0, {}] for each in sources]] if sources else []
        file.attrs["model_config"] = json.dumps(model)
    with pytest.raises(NetworkError, match="only chains of layers"):
        read(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
    with pytest.raises(NetworkError, match="it holds weights only"):
        read(path)


def test_weights_kept_in_another_file_are_not_followed(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "model.h5"
    write_hdf5(path, hls4ml_model(np.random.default_rng(0)), (12,))
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense"]
        del group["dense/bias:0"]
        group["dense/bias:0"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(NetworkError, match="kept in another file"):
        read(path)


@pytest.mark.parametrize("write", WRITERS)
def test_damaged_files_are_refused(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "model"
    write(path, hls4ml_model(np.random.default_rng(0)), (12,))
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 8):
            changed[place] = rng.integers(256)
        path.write_bytes(bytes(changed[: rng.integers(1, len(data) + 1)]))
        # whatever it is now, nothing but an error of ours comes of it
        with contextlib.suppress(NetworkError):
            read(path)


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("exec sleep 60", r"comes to no end with it\); save"),
        ("kill -SEGV $$", "reader ended with -11"),
    ],
)
def test_a_reader_that_hangs_or_dies_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, message: str
) -> None:
    stands_in = tmp_path / "python"
    stands_in.write_text(f"#!/bin/sh\n{does}\n")
    stands_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stands_in))
    monkeypatch.setattr(keras, "PATIENCE", 0.5)
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(NetworkError, match=message):
        read_keras(path)
