"""ONNX graphs that look like networks of signs and are something else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

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


def small(b: Builder) -> Builder:
    return b.dense(7, 12).sign().dense(3, 7)


def top(b: Builder, k: int, output: int, **attributes: int) -> Builder:
    small(b).add("TopK", b.constant([k], np.int64), **attributes)
    b.nodes[-1].output[:] = ["first values", "first classes"]
    b.last = b.nodes[-1].output[output]
    return b


def normalised_by_the_batch(b: Builder) -> Builder:
    b.dense(7, 12).norm(7)
    b.nodes[-1].attribute.append(helper.make_attribute("training_mode", 1))
    return b.sign().dense(3, 7)


def another_kernel(b: Builder) -> Builder:
    b.add("Reshape", b.constant([1, 1, 3, 4], np.int64))
    b.add("Conv", b.constant(b.signs(2, 1, 2, 2)), kernel_shape=[3, 3])
    return b.add("Flatten").sign().dense(3, 12)


def dropped(b: Builder) -> Builder:
    b.dense(7, 12).sign().add("Dropout", b.constant(0.5), b.constant(True, np.bool_))
    return b.dense(3, 7)


def one_logit(b: Builder) -> Builder:
    return b.dense(7, 12).sign().dense(1, 7).add("Softmax")


def drawn_weights(b: Builder) -> Builder:
    b.nodes.append(helper.make_node("RandomNormal", [], ["noise"], shape=[12, 7]))
    b.nodes.append(helper.make_node("Sign", ["noise"], ["drawn"]))
    return b.add("MatMul", "drawn").sign().dense(3, 7)


FOLLOWS = "follows a Softmax, a Sigmoid, an ArgMax or a TopK"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda b: top(b, 1, 0), "first output must be class values or classes"),
        (lambda b: top(b, 1, 1, largest=0), "must give the largest first"),
        (lambda b: top(b, 3, 1), "k is 3, and there are 3 classes; it must be from 1 to 2"),
        (lambda b: small(b).add("ArgMax", axis=1, select_last_index=1), "last of classes that tie"),
        (lambda b: small(b).add("ArgMax"), r"its axis is 0 of \[1, 3\]; it must be the classes'"),
        (lambda b: small(b).add("Softmax").add("Neg"), rf"Neg of.*{FOLLOWS}"),
        (lambda b: small(b).add("Softmax").dense(4, 3), rf"MatMul of.*{FOLLOWS}"),
        (lambda b: small(b).add("Softmax").add("Cast", to=TensorProto.INT64), FOLLOWS),
        (lambda b: small(b).add("ArgMax", axis=1).add("Cast", to=TensorProto.FLOAT), FOLLOWS),
        (one_logit, "one value, of which it says nothing"),
        (lambda b: small(b).add("Sigmoid"), "of 3 values, where large ones become 1 and tie"),
        (lambda b: small(b).add("Softmax").add("Sigmoid"), FOLLOWS),
        (normalised_by_the_batch, "training_mode"),
        (another_kernel, r"kernel_shape is \(3, 3\), and its weight's \(2, 2\)"),
        (dropped, "it drops values"),
        (drawn_weights, "draws numbers"),
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


@pytest.mark.parametrize(
    "build",
    [
        lambda b: top(b, 1, 1),
        lambda b: top(b, 2, 1),
        lambda b: small(b).add("Softmax").add("ArgMax", axis=-1, keepdims=0),
        lambda b: small(b).add("LogSoftmax").add("Flatten").add("ArgMax", axis=1).add("Identity"),
    ],
)
def test_classes_of_a_graph(tmp_path: Path, build: Build) -> None:
    path = build(Builder((12,))).save(tmp_path / "net.onnx", gives=TensorProto.INT64)
    network = load_network(path)
    assert network.card["checked"].startswith("the classes are those of onnxruntime")
    plain = load_network(small(Builder((12,))).save(tmp_path / "plain.onnx"))
    assert network.digest == plain.digest


def test_other_outputs_are_not_read(tmp_path: Path) -> None:
    b = Builder((12,))
    b.dense(7, 12).sign()
    hidden = b.last
    weight = b.constant(b.signs(7, 3))
    b.dense(4, 7).add("Softmax").add("Relu")
    b.last = hidden
    b.add("MatMul", weight)
    path = b.save(tmp_path / "net.onnx")
    agrees(path, load_network(path), images((12,)), (12,))


def test_constants_after_the_node_whose_meaning_they_settle(tmp_path: Path) -> None:
    b = Builder((1, 4, 4))
    b.add("Conv", b.constant(b.signs(2, 1, 2, 2))).add("MaxPool", kernel_shape=[2, 2]).add("Sign")
    value = numpy_helper.from_array(np.array(0.1, dtype=np.float32))
    b.nodes.append(helper.make_node("Constant", [], ["tenth"], value=value))
    b.add("Add", "tenth").add("Sign").add("Flatten").dense(3, 8)
    path = b.save(tmp_path / "net.onnx")
    agrees(path, load_network(path), images((1, 4, 4)), (1, 4, 4))
