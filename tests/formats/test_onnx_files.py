"""What ONNX files say beside their nodes: ranges, layouts, tensors in other files, limits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from signflip import load_network
from signflip.errors import NetworkError
from signflip.formats.onnx_graph import CHANNELS_LAST, LAYOUT
from signflip.formats.onnx_write import write_onnx
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from tests.formats.test_onnx import Builder, agrees, dense_larq, images


def network_of(shape: tuple[int, ...], inputs: InputRange | None = None) -> BinaryNetwork:
    rng = np.random.default_rng(5)
    first = SignLayer.dense(rng.choice([-1, 1], (7, int(np.prod(shape)))), np.full(7, 1.0))
    output = OutputLayer(rng.choice([-1, 1], (3, 7)), np.ones(3), np.zeros(3))
    return BinaryNetwork((first,), output, {}, inputs or InputRange(), shape)


@pytest.mark.parametrize(
    "inputs", [InputRange(lower=0, upper=255, step=1), InputRange(lower=-0.1, upper=1 / 3)]
)
def test_our_files_state_the_range_of_inputs(tmp_path: Path, inputs: InputRange) -> None:
    path = tmp_path / "net.onnx"
    write_onnx(network_of((12,), inputs), path)
    assert load_network(path).input_range == inputs
    other = InputRange(lower=0, upper=2)
    assert load_network(path, input_range=other).input_range == other


@pytest.mark.parametrize("text", ["[0, 1]", "nothing", "[0, null, 1]", '["a", 1, null]', "3"])
def test_a_damaged_range_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.onnx"
    write_onnx(network_of((12,)), path)
    model = onnx.load(path)
    helper.set_model_props(model, {"signflip.input_range": text})
    onnx.save(model, path)
    with pytest.raises(NetworkError, match=r"signflip\.input_range"):
        load_network(path)


@pytest.mark.parametrize("shape", [(5, 4, 4), (8, 8, 3), (6, 5, 1)])
def test_our_files_are_channels_first(tmp_path: Path, shape: tuple[int, ...]) -> None:
    network = network_of(shape)
    write_onnx(network, tmp_path / "net.onnx")
    copy = load_network(tmp_path / "net.onnx")
    assert copy.image_shape == shape
    assert LAYOUT not in copy.card
    grid = np.random.default_rng(1).integers(0, 17, (40, network.inputs)) / 16
    assert np.array_equal(copy.predict(grid), network.predict(grid))


def test_images_that_are_convolved_are_channels_first(tmp_path: Path) -> None:
    shape = (5, 4, 4)
    b = Builder(shape)
    b.add("Mul", b.constant(2.0)).add("Conv", b.constant(b.signs(3, 5, 2, 2))).norm(3).sign()
    path = b.add("Flatten").dense(4, 27).save(tmp_path / "net.onnx")
    network = load_network(path)
    assert network.image_shape == shape
    session = onnx.reference.ReferenceEvaluator(str(path))
    for image in images(shape):
        (values,) = session.run(None, {"image": image[None]})
        flat = image.reshape(1, -1).astype(np.float64)
        assert network.predict(flat)[0] == int(np.argmax(values))


@pytest.mark.parametrize("shape", [(4, 4, 4), (3, 3, 8), (4, 6, 6)])
def test_images_that_are_transposed_are_channels_last(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    b = Builder(shape)
    b.add("Transpose", perm=[0, 3, 1, 2])
    b.add("Conv", b.constant(b.signs(3, shape[2], 2, 2))).norm(3).sign().add("Flatten")
    path = b.dense(4, 3 * (shape[0] - 1) * (shape[1] - 1)).save(tmp_path / "net.onnx")
    network = load_network(path)
    assert network.image_shape == (shape[2], shape[0], shape[1])
    assert network.card[LAYOUT] == CHANNELS_LAST
    assert network.card["checked"].startswith("the classes are those of onnxruntime")


def test_files_that_onnxruntime_refuses_are_refused(tmp_path: Path) -> None:
    b = dense_larq(Builder((12,)))
    path = b.save(tmp_path / "net.onnx", gives=TensorProto.INT64)
    with pytest.raises(
        NetworkError, match=r"onnxruntime cannot load .*Type Error.*export the file"
    ):
        load_network(path)
    path = dense_larq(Builder((12,))).save(tmp_path / "text.onnx", TensorProto.STRING)
    with pytest.raises(NetworkError, match="type 8; it must be of floats or whole numbers"):
        load_network(path)


def test_tensors_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(dense_larq(Builder((12,))).save(tmp_path / "net.onnx"))
    folder = tmp_path / "there"
    folder.mkdir()
    path = folder / "net.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=0, location="net.data")
    monkeypatch.chdir(tmp_path)
    network = load_network(path)
    agrees(path, network, images((12,)), (12,))
    (folder / "net.data").unlink()
    with pytest.raises(NetworkError, match=r"lies in 'net\.data', which must be beside"):
        load_network(path)


def huge_pad(b: Builder) -> Builder:
    return b.add("Pad", b.constant([0, 0, 0, 2_000_000_000], np.int64))


def huge_constant(b: Builder) -> Builder:
    size = b.constant([30_000, 1_000_000], np.int64)
    b.nodes.append(helper.make_node("ConstantOfShape", [size], ["huge"], name="huge"))
    return b.add("MatMul", "huge")


@pytest.mark.parametrize(
    ("shape", "build", "message"),
    [
        ((2_000_000_000,), lambda b: b.add("Sign"), r"an image of shape \(2000000000,\)"),
        ((4, 10**9, 10**9), lambda b: b.add("Sign"), r"it must have at most 16777216"),
        ((12,), huge_pad, r"what is padded .* has 2000000012 values"),
        ((12,), huge_constant, r"a constant .* has 30000000000 values"),
    ],
)
def test_small_files_take_no_memory(
    tmp_path: Path, shape: tuple[int, ...], build: Callable[[Builder], Builder], message: str
) -> None:
    path = build(Builder(shape)).save(tmp_path / "net.onnx")
    with pytest.raises(NetworkError, match=message):
        load_network(path)


@pytest.mark.parametrize(("ir", "opset"), [(99, 15), (8, 99)])
def test_files_newer_than_onnxruntime_are_read(tmp_path: Path, ir: int, opset: int) -> None:
    path = dense_larq(Builder((12,))).save(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.ir_version, model.opset_import[0].version = ir, opset
    onnx.save(model, path)
    assert load_network(path).card["checked"].startswith("not compared: onnxruntime cannot load")


def test_operators_that_onnxruntime_lacks_are_read(tmp_path: Path) -> None:
    b = Builder((1, 4, 4))  # it has no convolution in float64
    b.add("Conv", b.constant(b.signs(2, 1, 2, 2), np.float64)).add("Sign").add("Flatten")
    b.add("MatMul", b.constant(b.signs(18, 3), np.float64))
    path = b.save(tmp_path / "net.onnx", TensorProto.DOUBLE, gives=TensorProto.DOUBLE)
    assert "NOT_IMPLEMENTED" in load_network(path).card["checked"]


def test_operators_of_others_are_read(tmp_path: Path) -> None:
    b = Builder((12,)).dense(7, 12)
    b.add("BipolarQuant", b.constant(1.0), domain="onnx.brevitas").dense(3, 7)
    path = b.save(tmp_path / "net.onnx")
    assert load_network(path).card["checked"].startswith("not compared: onnxruntime cannot load")
