"""Less common ways to write a graph: what exporters of newer versions and of other tools write."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from signflip import load_network
from signflip.errors import NetworkError
from signflip.network import InputRange
from tests.formats.test_onnx import Builder, agrees, images

Build = Callable[[Builder], Builder]


def batch_of_the_shape(b: Builder) -> Builder:
    b.nodes.append(helper.make_node("Shape", ["image"], ["batch"], start=0, end=1))
    rest = b.constant([-1], np.int64)
    b.nodes.append(helper.make_node("Concat", ["batch", rest], ["flat"], axis=0))
    return b.add("Reshape", "flat").dense(9, 12).sign().dense(4, 9)


def sizes_of_the_shape(b: Builder) -> Builder:
    b.nodes.append(helper.make_node("Shape", ["image"], ["sizes"], start=-2))
    b.nodes.append(helper.make_node("ReduceProd", ["sizes"], ["size"], keepdims=1))
    first = b.constant([-1], np.int64)
    b.nodes.append(helper.make_node("Concat", [first, "size"], ["flat"], axis=0))
    return b.add("Reshape", "flat").dense(9, 12).sign().dense(4, 9)


def rows_of_one(b: Builder) -> Builder:
    b.add("Reshape", b.constant([-1, 1, 12], np.int64)).dense(9, 12).sign().dense(4, 9)
    return b.add("Flatten")


def average_with_padding(b: Builder) -> Builder:
    b.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 1, 1, 1],
          count_include_pad=1)  # fmt: skip
    b.add("Sub", b.constant(0.3)).sign().add("Flatten")
    return b.dense(4, 6)


def pools_that_end_with_the_image(b: Builder) -> Builder:
    b.add("AveragePool", kernel_shape=[1, 2], strides=[1, 2], ceil_mode=1)
    b.add("Sub", b.constant(0.5)).sign()
    b.add("MaxPool", kernel_shape=[1, 2], strides=[2, 1], ceil_mode=1).add("Flatten")
    return b.dense(3, 2)


def means_of_channels(b: Builder) -> Builder:
    b.add("Conv", b.constant(b.signs(5, 1, 2, 2))).sign()
    return b.add("ReduceMean", axes=[-1, 2], keepdims=0).dense(3, 5)


def kept_means(b: Builder) -> Builder:
    b.add("Conv", b.constant(b.signs(5, 1, 2, 2))).sign()
    return b.add("ReduceMean", axes=[2, 3]).add("Flatten").dense(3, 5)


FLAT, IMAGE = (12,), (1, 3, 4)


@pytest.mark.parametrize(
    ("shape", "build"),
    [
        (IMAGE, batch_of_the_shape),
        (IMAGE, sizes_of_the_shape),
        (FLAT, rows_of_one),
        (IMAGE, average_with_padding),
        (IMAGE, pools_that_end_with_the_image),
        (IMAGE, means_of_channels),
        (IMAGE, kept_means),
    ],
)
def test_more_forms(tmp_path: Path, shape: tuple[int, ...], build: Build) -> None:
    path = build(Builder(shape)).save(tmp_path / "net.onnx")
    agrees(path, load_network(path), images(shape), shape)


def test_weights_of_int8_have_a_scale_for_each_column(tmp_path: Path) -> None:
    b = Builder(FLAT)
    names = [b.constant(b.signs(12, 9), np.int8), b.constant(b.rng.choice([0.25, 0.5], 9))]
    b.nodes.append(helper.make_node("DequantizeLinear", names, ["scaled"], axis=1))
    path = b.add("MatMul", "scaled").norm(9).sign().dense(4, 9).save(tmp_path / "net.onnx")
    # not with ONNX's evaluator, which has newer versions of the operator only
    assert "the classes are those of onnxruntime on" in load_network(path).card["checked"]


def test_axes_of_a_mean_may_be_an_input(tmp_path: Path) -> None:
    b = Builder(IMAGE).add("Conv", "kernel").sign()
    b.constants.append(onnx.numpy_helper.from_array(b.signs(5, 1, 2, 2), "kernel"))
    b.add("ReduceMean", b.constant([2, 3], np.int64), keepdims=0)
    path = b.dense(3, 5).save(tmp_path / "net.onnx", opset=18)
    agrees(path, load_network(path), images(IMAGE), IMAGE)


@pytest.mark.parametrize("axes", [[0, 1, 3, 2], [3, 2], [-1, -2], [2, 3]])
def test_pads_of_stated_axes(tmp_path: Path, axes: list[int]) -> None:
    b = Builder((1, 3, 3))
    wide = [0] * (len(axes) - 2)
    pads = b.constant([*wide, 1, 0, *wide, 0, 0], np.int64)
    b.add("Pad", pads, b.constant(0.5), b.constant(axes, np.int64)).add("Flatten")
    path = b.dense(7, 12).sign().dense(4, 7).save(tmp_path / "net.onnx", opset=18)
    agrees(path, load_network(path), images((1, 3, 3)), (1, 3, 3))


@pytest.mark.parametrize("there", [False, True])
def test_functions_of_the_file_are_what_they_say(tmp_path: Path, there: bool) -> None:
    """Also where they have the name of an operator."""
    b = Builder((12,)).dense(9, 12)
    b.add("Sign", domain="mine").dense(4, 9)
    path = b.save(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    if not there:
        onnx.save(model, path)
        with pytest.raises(NetworkError, match=r"Sign of.*of the operators 'mine', of which none"):
            load_network(path)
        return
    turned = [helper.make_node("Neg", ["x"], ["t"]), helper.make_node("Sign", ["t"], ["y"])]
    opsets = [helper.make_opsetid("", 15)]
    model.functions.append(helper.make_function("mine", "Sign", ["x"], ["y"], turned, opsets))
    onnx.save(model, path)
    agrees(path, load_network(path), images(FLAT), FLAT)


@pytest.mark.parametrize(
    ("kind", "number", "message"),
    [
        ("Sub", 128, r"values from -128 to 127 in uint8, which must be from 0 to 255"),
        ("Add", 1, r"values from 1 to 256 in uint8"),
        ("Mul", 2, r"values from 0 to 510 in uint8"),
        ("Div", 2, r"computes in uint8 values that need not be whole, and cuts them"),
        ("Div", 1, None),
        ("Mul", 1, None),
    ],
)
def test_whole_numbers_are_computed_as_such(
    tmp_path: Path, kind: str, number: int, message: str | None
) -> None:
    b = Builder(FLAT).add(kind, "number").add("Cast", to=TensorProto.FLOAT)
    b.constants.append(onnx.numpy_helper.from_array(np.array(number, np.uint8), "number"))
    b.dense(7, 12).sign().dense(3, 7)
    path = b.save(tmp_path / "net.onnx", kind=TensorProto.UINT8)
    if message is None:
        assert load_network(path).input_range.step == 1
        return
    with pytest.raises(NetworkError, match=rf"{kind} of.*{message}"):
        load_network(path)


def test_products_of_whole_numbers_must_fit(tmp_path: Path) -> None:
    b = Builder(FLAT).dense(7, 12).sign().add("Cast", to=TensorProto.INT32)
    for _ in range(2):
        b.add("Mul", b.constant(100_000, np.int32))
    path = b.add("Cast", to=TensorProto.FLOAT).dense(3, 7).save(tmp_path / "net.onnx")
    with pytest.raises(NetworkError, match="from -10000000000 to 10000000000 in int32"):
        load_network(path)


def column(b: Builder) -> Builder:
    """A number for each image of a batch of three."""
    b.dense(7, 12).sign()
    names = [b.constant(b.signs(7, 3)), b.constant([[4.0], [-4.0], [0.5]])]
    return b.add("Gemm", *names).sign().dense(3, 3)


def open_pool(b: Builder) -> Builder:
    b.add("Reshape", b.constant([-1, 1, 3, 4], np.int64)).sign()
    return b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1).add("Flatten")


def dilated_pool(b: Builder) -> Builder:
    b.add("Reshape", b.constant([-1, 1, 3, 4], np.int64)).sign()
    return b.add("MaxPool", kernel_shape=[2, 2], dilations=[1, 2], auto_pad="SAME_UPPER")


def odd_pads(b: Builder) -> Builder:
    return b.add("Pad", b.constant([0, 1], np.int64), b.constant(0), b.constant([1, 1], np.int64))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (column, r"Gemm of.*a constant of shape \(3, 1\) meets values of 2 axes"),
        (open_pool, r"MaxPool of.*last windows reach beyond the image \(ceil_mode\)"),
        (dilated_pool, "runtimes differ in what auto_pad is of a dilated pool"),
        (
            lambda b: b.dense(7, 12).sign().add("ReduceMean", b.constant([1], np.int64)),
            "only the mean of each channel",
        ),
        (odd_pads, r"its pads are \[0, 1\]; it must have two for each of its axes \[1, 1\]"),
    ],
)
def test_what_would_be_another_network_is_refused(
    tmp_path: Path, build: Build, message: str
) -> None:
    path = build(Builder(FLAT)).save(tmp_path / "net.onnx", opset=18)
    with pytest.raises(NetworkError, match=message):
        load_network(path)


def test_a_graph_of_whole_numbers_reads_no_others(tmp_path: Path) -> None:
    b = Builder(FLAT).add("Cast", to=TensorProto.FLOAT).dense(7, 12).sign().dense(3, 7)
    path = b.save(tmp_path / "net.onnx", kind=TensorProto.INT32)
    assert load_network(path).input_range == InputRange(lower=0, upper=1, step=1)
    grey = load_network(path, input_range=InputRange(lower=0, upper=255))
    assert grey.input_range == InputRange(lower=0, upper=255, step=1)
    for stated in (InputRange(lower=0, upper=1, step=0.5), InputRange(lower=0, upper=0.5)):
        with pytest.raises(NetworkError, match="whole numbers"):
            load_network(path, input_range=stated)
