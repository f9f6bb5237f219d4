import os
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from signflip import load_network
from signflip.errors import NetworkError
from signflip.formats.onnx_run import OnnxRuntime
from signflip.formats.onnx_write import write_onnx
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.zoo import load_zoo
from tests.formats.test_onnx import Builder
from tests.support.absent import unless_package

pytestmark = unless_package("onnxruntime", "ONNX files in onnxruntime")


def random_network(shape: tuple[int, ...], seed: int = 0) -> BinaryNetwork:
    rng = np.random.default_rng(seed)
    inputs = int(np.prod(shape))
    first = SignLayer.dense(rng.choice([-1, 1], (20, inputs)), rng.normal(size=20))
    output = OutputLayer(rng.choice([-1, 1], (4, 20)), np.ones(4), np.zeros(4))
    return BinaryNetwork((first,), output, input_shape=shape)


def test_our_own_files_predict_the_same(tmp_path: Path) -> None:
    network = load_zoo("mnist-3x30")
    write_onnx(network, tmp_path / "net.onnx")
    images = np.random.default_rng(0).random((30, 784))
    runtime = OnnxRuntime(tmp_path / "net.onnx", network)
    assert runtime.dtype == np.float64
    np.testing.assert_array_equal(runtime.read(images), images)
    np.testing.assert_array_equal(runtime.predict(images), network.predict(images))
    assert runtime.predict(images[:0]).shape == (0,)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"n\xe9.onnx")
    write_onnx(random_network((4,)), path)
    assert load_network(path).card["checked"].startswith("the classes are those of onnxruntime")


@pytest.mark.parametrize("layout", [(3, 4, 5), (4, 5, 3), (60,), (3, 20), ("a", 4, 5)])
@pytest.mark.parametrize("argmax", [False, True])
def test_layouts_of_images(tmp_path: Path, layout: tuple[int | str, ...], argmax: bool) -> None:
    from tests.support.onnx_float32 import write_float32

    network = random_network((3, 4, 5))
    stored = network
    if layout == (4, 5, 3):  # the file has its weights in the order in which it reads
        order = np.arange(60).reshape(3, 4, 5).transpose(1, 2, 0).ravel()
        (first,) = network.hidden
        weight = first.map.rows(slice(None))[:, order]
        stored = BinaryNetwork((SignLayer.dense(weight, first.threshold),), network.output)
    write_float32(stored, tmp_path / "net.onnx", shape=layout, argmax=argmax)
    images = np.random.default_rng(1).random((9, 60)).astype(np.float32).astype(np.float64)
    runtime = OnnxRuntime(tmp_path / "net.onnx", network)
    assert runtime.dtype == np.float32
    np.testing.assert_array_equal(runtime.predict(images), network.predict(images))


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_onnx(random_network((3, 4, 5)), path)
    with pytest.raises(
        NetworkError, match=r"reads images of shape \(3, 4, 5\), and the network \("
    ):
        OnnxRuntime(path, load_zoo("mnist-3x30"))
    path.write_bytes(b"no network")
    with pytest.raises(NetworkError, match="onnxruntime cannot load"):
        OnnxRuntime(path, load_zoo("mnist-3x30"))
    with pytest.raises(NetworkError, match=r"other.onnx cannot be read: No such file"):
        OnnxRuntime(tmp_path / "other.onnx", load_zoo("mnist-3x30"))


def test_weights_of_whole_numbers_meet_images_as_they_are(tmp_path: Path) -> None:
    # onnxruntime's own way with such weights rounds what they meet
    b = Builder((4,))
    weight = [[1, 1, -1, -1, -1], [1, -1, 1, 1, 1], [-1, -1, -1, 1, -1], [-1, 1, 1, -1, 1]]
    names = [b.constant(weight, np.int8), b.constant(0.5)]
    b.nodes.append(helper.make_node("DequantizeLinear", names, ["scaled"]))
    path = b.add("Gemm", "scaled").sign().dense(2, 5).save(tmp_path / "net.onnx", opset=21)
    assert "the classes are those of onnxruntime on" in load_network(path).card["checked"]


@pytest.mark.parametrize("kind", ["uint8", "int32", "int64", "float16"])
def test_files_of_other_types_are_compared(tmp_path: Path, kind: str) -> None:
    b = Builder((12,)).add("Cast", to=TensorProto.FLOAT).dense(9, 12)
    b.add("Sub", b.constant(0.5)).sign().dense(3, 9)
    path = b.save(tmp_path / "net.onnx", kind=getattr(TensorProto, kind.upper()))
    network = load_network(path)
    assert "onnxruntime on 32 random inputs" in network.card["checked"]
    runtime = OnnxRuntime(path, network)
    images = np.array([[0.0] * 12, [1.0] * 12, [0.6] * 12, [-1e30] * 12])
    read = runtime.read(images)
    assert read[:2].tolist() == images[:2].tolist()
    if kind != "float16":
        assert read[2].tolist() == [1.0] * 12
        assert (read[3] <= 0).all()
        assert np.array_equal(runtime.predict(images), network.predict(read))


def test_class_values_that_are_close_may_be_rounded_together(tmp_path: Path) -> None:
    # 0.1 + 0.2 and 0.3, each as float32: the second is 7e-9 above, and float32 has them tie
    b = Builder((2,))
    b.add("MatMul", b.constant(np.eye(2))).sign().add(
        "MatMul", b.constant([[0.1, 0.3], [0.2, 0.0]])
    )
    path = b.save(tmp_path / "net.onnx")
    network = load_network(path)
    assert "but for" in network.card["checked"]
    assert network.predict(np.array([[0.5, 0.5]])).tolist() == [1]
    assert OnnxRuntime(path, network).predict(np.array([[0.5, 0.5]])).tolist() == [0]
