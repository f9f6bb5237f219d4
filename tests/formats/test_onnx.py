"""ONNX graphs of every way to write a binarized network, against ONNX's own evaluator."""

import itertools
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from signflip import load_network, save_network
from signflip.data import load_dataset
from signflip.errors import NetworkError
from signflip.formats.assembly import SCALED
from signflip.formats.onnx_graph import read_onnx
from signflip.formats.onnx_write import write_onnx
from signflip.network import BinaryNetwork, Dense, InputRange, OutputLayer, SignLayer
from signflip.queries.layout import Layout
from signflip.zoo import load_zoo
from tests.support.map_strategies import mapped_networks

Node = Any
RNG = np.random.default_rng(7)
OPSET = 15  # the evaluator of older ones normalises a batch by itself


class Builder:
    """A graph, node by node."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.rng = np.random.default_rng(11)
        self.shape = tuple(shape)
        self.nodes: list[Node] = []
        self.constants: list[Any] = []
        self.last = "image"

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype=dtype), name))
        return name

    def add(self, kind: str, *others: str, **attributes: Any) -> "Builder":
        name = f"{kind.lower()}{len(self.nodes)}"
        inputs = [self.last, *others]
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.last = name
        return self

    def signs(self, *shape: int, zeros: bool = False) -> np.ndarray:
        return self.rng.choice([-1, 0, 1] if zeros else [-1, 1], shape).astype(np.float32)

    def dense(self, out: int, fan_in: int, zeros: bool = False) -> "Builder":
        return self.add("MatMul", self.constant(self.signs(fan_in, out, zeros=zeros)))

    def norm(self, channels: int) -> "Builder":
        gain = self.rng.normal(size=channels)
        shift, mean = self.rng.normal(size=(2, channels))
        variance = self.rng.uniform(0.5, 2, channels)
        names = [self.constant(each) for each in (gain, shift, mean, variance)]
        return self.add("BatchNormalization", *names, epsilon=1e-3)

    def sign(self) -> "Builder":
        """+1 at 0, as Larq exports it."""
        self.add("Sign")
        return self.add("Add", self.constant(0.1)).add("Sign")

    def save(
        self,
        path: Path,
        kind: int = TensorProto.FLOAT,
        gives: int = TensorProto.FLOAT,
        opset: int = OPSET,
    ) -> Path:
        image = helper.make_tensor_value_info("image", kind, [1, *self.shape])
        output = helper.make_tensor_value_info(self.last, gives, None)
        graph = helper.make_graph(self.nodes, "g", [image], [output], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8 if opset < 19 else 10
        onnx.save(model, path)
        return path


def agrees(path: Path, network: BinaryNetwork, images: np.ndarray, shape: Sequence[int]) -> None:
    """The class values have the order that ONNX's evaluator gives them."""
    session = ReferenceEvaluator(str(path))
    for image in images:
        batch = image.reshape(1, *shape).astype(np.float32)
        (values,) = session.run(None, {"image": batch})
        flat = batch.reshape(1, -1).astype(np.float64)
        if len(shape) == 3 and shape[2] <= 4 < shape[0]:
            flat = batch[0].transpose(2, 0, 1).reshape(1, -1).astype(np.float64)
        assert network.predict(flat)[0] == int(np.argmax(values))


def images(shape: Sequence[int], count: int = 40) -> np.ndarray:
    return RNG.random((count, *shape)).astype(np.float32)


def dense_larq(b: Builder) -> Builder:
    return b.dense(9, 12).norm(9).sign().dense(7, 9, zeros=True).norm(7).sign().dense(4, 7).norm(4)


def dense_torch(b: Builder) -> Builder:
    b.add("Gemm", b.constant(b.signs(9, 12)), b.constant(b.rng.normal(size=9)), transB=1)
    b.norm(9).add("Clip", b.constant(-1), b.constant(1)).add("Sign")
    b.add("Gemm", b.constant(b.rng.normal(size=(4, 9))), b.constant(b.rng.normal(size=4)), transB=1)
    return b.add("LogSoftmax")


def where_greater(b: Builder) -> Builder:
    b.dense(9, 12).add("Greater", b.constant(b.rng.normal(size=9)))
    b.add("Where", b.constant(1), b.constant(-1))
    b.dense(6, 9).add("GreaterOrEqual", b.constant(b.rng.integers(-3, 4, 6)))
    b.add("Cast", to=TensorProto.FLOAT)
    return b.dense(3, 6)


def scaled_weights(b: Builder) -> Builder:
    weight = b.signs(12, 8) * b.rng.uniform(0.1, 3, 8).astype(np.float32)
    b.add("MatMul", b.constant(weight)).add("Add", b.constant(b.rng.normal(size=8))).sign()
    return b.add("Mul", b.constant(0.25)).dense(3, 8).add("Softmax")


def latent_weights(b: Builder) -> Builder:
    latent = b.constant(b.rng.normal(size=(12, 8)))
    b.nodes.append(helper.make_node("Sign", [latent], ["latent"], name="latent"))
    return b.add("MatMul", "latent").norm(8).sign().dense(3, 8)


def conv_larq(b: Builder) -> Builder:
    """Channels last, as tf2onnx writes it: transposed, convolved, pooled, normalised, signed."""
    b.add("Transpose", perm=[0, 3, 1, 2])
    b.add("Conv", b.constant(b.signs(4, 2, 3, 3)), pads=[1, 1, 1, 1], strides=[1, 1])
    b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    b.norm(4).sign()
    b.add("Conv", b.constant(b.signs(6, 4, 2, 2)), auto_pad="SAME_UPPER")
    b.norm(6).sign().add("Transpose", perm=[0, 2, 3, 1])
    b.add("Reshape", b.constant([1, -1], np.int64))
    return b.dense(5, 54).norm(5)


def conv_torch(b: Builder) -> Builder:
    """Channels first: groups, a pool of signs, a global mean at the end."""
    b.add("Conv", b.constant(b.signs(4, 1, 2, 2)), b.constant(b.rng.normal(size=4)), group=2)
    b.norm(4).sign().add("MaxPool", kernel_shape=[2, 2], strides=[1, 1])
    b.add("Conv", b.constant(b.signs(3, 4, 1, 1))).add("GlobalAveragePool")
    return b.add("Flatten").add("Add", b.constant([0.01, 0.02, 0.03]))


def padded_with_ones(b: Builder) -> Builder:
    b.dense(16, 12).norm(16).sign().add("Reshape", b.constant([1, 1, 4, 4], np.int64))
    b.add("Pad", b.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), b.constant(1.0))
    b.add("Conv", b.constant(b.signs(2, 1, 3, 3))).norm(2).sign()
    return b.add("Flatten").dense(3, 32)


def signed_then_convolved(b: Builder) -> Builder:
    b.dense(48, 12).norm(48).sign().add("Reshape", b.constant([1, 3, 4, 4], np.int64))
    return b.add("Conv", b.constant(b.signs(4, 3, 3, 3)))


def pool_then_sign_without_zero(b: Builder) -> Builder:
    """Sums of 27 signs are odd: no maximum is 0, and ONNX's own sign answers -1 or +1."""
    signed_then_convolved(b).add("MaxPool", kernel_shape=[2, 2]).add("Sign")
    return b.add("Flatten").dense(3, 4)


def sign_then_pool_without_zero(b: Builder) -> Builder:
    signed_then_convolved(b).add("Sign").add("MaxPool", kernel_shape=[2, 2])
    return b.add("Flatten").dense(3, 4)


def pool_norm_sign_without_zero(b: Builder) -> Builder:
    signed_then_convolved(b).add("MaxPool", kernel_shape=[2, 2]).norm(4).add("Sign")
    return b.add("Flatten").dense(3, 4)


def pixels_signed(b: Builder) -> Builder:
    b.add("Mul", b.constant(2.0)).add("Sub", b.constant(1.0)).sign()
    return b.dense(8, 12).norm(8).sign().dense(4, 8)


@pytest.mark.parametrize(
    ("shape", "build"),
    [
        ((12,), dense_larq),
        ((12,), dense_torch),
        ((12,), where_greater),
        ((12,), scaled_weights),
        ((12,), latent_weights),
        ((6, 6, 2), conv_larq),
        ((2, 4, 5), conv_torch),
        ((12,), padded_with_ones),
        ((12,), pixels_signed),
        ((12,), pool_then_sign_without_zero),
        ((12,), sign_then_pool_without_zero),
        ((12,), pool_norm_sign_without_zero),
    ],
)
def test_a_graph_is_read_exactly(
    tmp_path: Path, shape: tuple[int, ...], build: Callable[[Builder], Builder]
) -> None:
    path = build(Builder(shape)).save(tmp_path / "net.onnx")
    network = load_network(path)
    agrees(path, network, images(shape), shape)
    save_network(network, tmp_path / "net.safetensors")
    assert load_network(tmp_path / "net.safetensors").digest == network.digest


@pytest.mark.parametrize("divisor", [1, 0.25, 7, 10])
def test_ties_of_class_values_that_are_no_floats(tmp_path: Path, divisor: float) -> None:
    """The mean of three signs against one of them."""
    b = Builder((3,))
    b.add("Sub", b.constant(0.5)).sign().add("MatMul", b.constant([[1, 1], [1, 0], [1, 0]]))
    b.add("Div", b.constant([3 * divisor, divisor])).add("Add", b.constant(0.625))
    network = load_network(b.save(tmp_path / "net.onnx"))
    factor = Fraction(network.card[SCALED])
    assert factor != 1
    assert abs(factor - 1) <= 2**-40
    by, shift = Fraction(divisor), Fraction(5, 8)
    for signs in itertools.product([-1, 1], repeat=3):
        image = (np.array([signs]) + 1.0) / 2
        values = [Fraction(sum(signs), 3) / by + shift, signs[0] / by + shift]
        found = network.output.exact_values(network.activations(image)[-1][0])
        assert found == [factor * value for value in values]
        assert network.predict(image)[0] == (0 if values[0] >= values[1] else 1)


def test_class_values_that_are_floats_stay_as_they_are(tmp_path: Path) -> None:
    b = Builder((12,))
    b.dense(7, 12).sign().dense(3, 7).add("Div", b.constant([1, 2, 4]))
    network = load_network(b.add("Add", b.constant(0.1)).save(tmp_path / "net.onnx"))
    assert SCALED not in network.card
    assert network.output.scale.tolist() == [1, 0.5, 0.25]
    # as many bits as these have leave no room for a factor: each is rounded by itself
    b = Builder((12,))
    b.dense(7, 12).sign().dense(3, 7).norm(3)
    assert SCALED not in load_network(b.save(tmp_path / "norm.onnx")).card


def test_inputs_are_counted_as_in_the_file(tmp_path: Path) -> None:
    shape = (6, 6, 2)
    path = conv_larq(Builder(shape)).save(tmp_path / "net.onnx")
    network = load_network(path)
    layout = Layout.of(network)
    (image,) = images(shape, 1).astype(np.float64)
    assert layout.to_network(image.ravel()).tolist() == image.transpose(2, 0, 1).ravel().tolist()
    assert layout.to_file(layout.to_network(image.ravel())).tolist() == image.ravel().tolist()
    flat = load_network(dense_larq(Builder((12,))).save(tmp_path / "flat.onnx"))
    assert Layout.of(flat).places.tolist() == list(range(12))


def test_a_sign_that_answers_0_is_two_neurons(tmp_path: Path) -> None:
    b = Builder((6,))
    b.add("Mul", b.constant(2.0)).add("Sub", b.constant(1.0)).add("Sign")
    # sums of three values can be 0; ONNX's own sign answers 0 there, and so must the network
    b.dense(8, 6).add("Sign").dense(5, 8).add("Sign").dense(3, 5)
    path = b.save(tmp_path / "net.onnx")
    network = load_network(path)
    grid = RNG.choice([0.0, 0.5, 1.0], (60, 6))
    agrees(path, network, grid, (6,))


def test_whole_pixels(tmp_path: Path) -> None:
    b = Builder((6,))
    b.add("Cast", to=TensorProto.FLOAT).dense(7, 6).add("Sub", b.constant(0.0)).sign().dense(3, 7)
    path = b.save(tmp_path / "net.onnx", TensorProto.UINT8)
    network = load_network(path)
    assert network.input_range == InputRange(lower=0, upper=255, step=1)
    session = ReferenceEvaluator(str(path))
    for image in RNG.integers(0, 3, (60, 6)):
        (values,) = session.run(None, {"image": image[None].astype(np.uint8)})
        assert network.predict(image[None].astype(np.float64))[0] == int(np.argmax(values))


def real_first(b: Builder) -> Builder:
    return b.add("MatMul", b.constant(b.rng.normal(size=(12, 4)))).sign().dense(3, 4)


def unknown_node(b: Builder) -> Builder:
    return b.dense(4, 12).add("Relu").sign().dense(3, 4)


def no_sign(b: Builder) -> Builder:
    return b.dense(3, 12)


def clipped(b: Builder) -> Builder:
    return b.dense(4, 12).add("Clip", b.constant(-1), b.constant(1)).dense(3, 4)


def pool_then_sign_with_zero(b: Builder) -> Builder:
    b.dense(48, 12).norm(48).sign().add("Reshape", b.constant([1, 3, 4, 4], np.int64))
    b.add("Conv", b.constant(b.signs(4, 3, 2, 2))).add("MaxPool", kernel_shape=[2, 2]).add("Sign")
    return b.add("Flatten").dense(3, 16)


def pool_of_pixels_then_sign(b: Builder) -> Builder:
    b.add("Reshape", b.constant([1, 1, 3, 4], np.int64))
    b.add("Conv", b.constant(b.signs(2, 1, 2, 2))).add("MaxPool", kernel_shape=[2, 2]).norm(2)
    return b.add("Sign").add("Flatten").dense(3, 4)


def mixed_scales(b: Builder) -> Builder:
    b.dense(4, 12).sign().add("Mul", b.constant([1, 2, 3, 4]))
    return b.dense(5, 4).sign().dense(3, 5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (real_first, r"node 'sign1' \(Sign.*real weights"),
        (unknown_node, r"node 'relu1' \(Relu of values of shape \(4,\)\): there is no exact form"),
        (no_sign, "no sign before the output"),
        (clipped, "nothing but signs follows"),
        (mixed_scales, "4 different scales"),
        (pool_then_sign_with_zero, "answers 0 at 0, which it may be"),
        (pool_of_pixels_then_sign, "answers 0 at 0, which it may be"),
    ],
)
def test_what_cannot_be_said_is_refused(
    tmp_path: Path, build: Callable[[Builder], Builder], message: str
) -> None:
    path = build(Builder((12,))).save(tmp_path / "net.onnx")
    with pytest.raises(NetworkError, match=message):
        load_network(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = dense_larq(Builder((12,))).save(tmp_path / "net.onnx").read_bytes()
    rng = np.random.default_rng(3)
    refused = 0
    for round_ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 1 + round_ % 4):
            data[place] = rng.integers(0, 256)
        file = tmp_path / "bad.onnx"
        file.write_bytes(bytes(data[: rng.integers(1, len(data))] if round_ % 3 == 0 else data))
        try:
            read_onnx(file)
        except NetworkError:
            refused += 1
    assert refused > 50


def one_neuron(threshold: float) -> BinaryNetwork:
    """A network of one input and one neuron."""
    layer = SignLayer(Dense(np.ones((1, 1), dtype=np.int8)), np.array([threshold]))
    weight = np.array([[1], [-1]], dtype=np.int8)
    return BinaryNetwork((layer,), OutputLayer(weight, np.ones(2), np.zeros(2)))


@settings(max_examples=40)
@given(mapped_networks(), st.integers(0, 2**32))
@example(one_neuron(1e-46), 0)
def test_what_is_written_is_read_again(network: BinaryNetwork, seed: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        write_onnx(network, path)
        copy = load_network(path)
        assert copy.image_shape == network.image_shape
        grid = np.random.default_rng(seed).integers(0, 17, (30, network.inputs)) / 16
        assert np.array_equal(copy.predict(grid), network.predict(grid))
        options = onnxruntime.SessionOptions()
        # its optimiser takes a lone threshold that is 0 as float32, as 1e-46 is, for 0
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(path), options)
        (values,) = session.run(None, {"image": grid.reshape(-1, *network.image_shape)})
        # float64 throughout, and numbers that it adds exactly
        assert values == pytest.approx(network.forward(grid), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["mnist-2x100", "fashion-3x100"])
def test_a_zoo_network_goes_out_and_in(tmp_path: Path, name: str) -> None:
    network = load_zoo(name)
    write_onnx(network, tmp_path / "net.onnx")
    copy = load_network(tmp_path / "net.onnx")
    assert copy.widths == network.widths
    images = load_dataset("mnist-sample").images
    assert np.array_equal(copy.predict(images), network.predict(images))
    assert np.array_equal(copy.forward(images), network.forward(images))


def test_where_no_file_can_be_is_said_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "none" / "net.onnx"
    with pytest.raises(NetworkError, match=f"^{re.escape(str(path))} cannot be written "):
        write_onnx(load_zoo("mnist-2x100"), path)
