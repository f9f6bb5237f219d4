"""ONNX graphs that look like networks of signs and are something else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from signflip import load_network
from signflip.errors import NetworkError
from tests.formats.test_onnx import Builder, agrees, images

Build = Callable[[Builder], Builder]


def cut_to_whole_numbers(b: Builder) -> Builder:
    b.add("Mul", b.constant(4.0)).add("Cast", to=TensorProto.INT32)
    return b.add("Cast", to=TensorProto.FLOAT).dense(7, 12).sign().dense(3, 7)


def halves_as_whole_numbers(b: Builder) -> Builder:
    b.dense(7, 12).sign().dense(6, 7).add("Mul", b.constant(0.25))
    return b.add("Cast", to=TensorProto.INT64)


def signs_as_bool(b: Builder) -> Builder:
    b.dense(7, 12).sign().add("Cast", to=TensorProto.BOOL)
    return b.add("Cast", to=TensorProto.FLOAT).dense(3, 7)


def signs_as_unsigned(b: Builder) -> Builder:
    b.dense(7, 12).sign().add("Cast", to=TensorProto.UINT8)
    return b.add("Cast", to=TensorProto.FLOAT).dense(3, 7)


def quantised(b: Builder, weight: float, scale: float = 1.0) -> Builder:
    latent = b.rng.normal(size=(12, 8))
    latent[3, 4] = weight
    b.last = b.constant(latent)
    b.add("BipolarQuant", b.constant(scale))
    b.nodes[-1].output[0] = "latent"
    b.last = "image"
    return b.add("MatMul", "latent").sign().dense(3, 8)


def signs_of_infinity(b: Builder) -> Builder:
    b.last = b.constant(np.where(b.rng.random((12, 8)) < 0.5, np.inf, -1))
    b.add("Sign")
    b.nodes[-1].output[0] = "latent"
    b.last = "image"
    return b.add("MatMul", "latent").sign().dense(3, 8)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (cut_to_whole_numbers, r"Cast.*casts to int32 values that need not be whole, and cuts"),
        (halves_as_whole_numbers, r"casts to int64 values that need not be whole"),
        (signs_as_bool, r"casts to bool values from -1 to 1, which must be from 0 to 1"),
        (signs_as_unsigned, r"casts to uint8 values from -1 to 1, which must be from 0 to 255"),
        (lambda b: quantised(b, np.nan), r"BipolarQuant.*constant nan; every number must be fin"),
        (lambda b: quantised(b, -np.inf), r"constant -inf; every number must be finite"),
        (lambda b: quantised(b, 1, np.nan), r"constant nan; every number must be finite"),
        (signs_of_infinity, r"constant inf; every number must be finite"),
    ],
)
def test_what_would_be_another_network_is_refused(
    tmp_path: Path, build: Build, message: str
) -> None:
    path = build(Builder((12,))).save(tmp_path / "net.onnx")
    with pytest.raises(NetworkError, match=message):
        load_network(path)


def whole_sums(b: Builder) -> Builder:
    b.dense(7, 12).sign().add("Cast", to=TensorProto.INT8).add("Cast", to=TensorProto.FLOAT)
    return b.dense(3, 7).add("Cast", to=TensorProto.INT32).add("Cast", to=TensorProto.FLOAT)


def compared(b: Builder) -> Builder:
    b.dense(7, 12).add("Greater", b.constant(0.3)).add("Cast", to=TensorProto.INT32)
    b.add("Cast", to=TensorProto.BOOL).add("Cast", to=TensorProto.FLOAT)
    return b.dense(3, 7)


@pytest.mark.parametrize("build", [whole_sums, compared])
def test_casts_that_change_nothing(tmp_path: Path, build: Build) -> None:
    path = build(Builder((12,))).save(tmp_path / "net.onnx")
    agrees(path, load_network(path), images((12,)), (12,))
