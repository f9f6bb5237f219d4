from pathlib import Path

import numpy as np
import pytest

from signflip.adapters.replays import replayed
from signflip.formats.onnx_run import OnnxRuntime
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from tests.support.absent import unless_package

needs_runtime = unless_package("onnxruntime", "replay in onnxruntime")


def network_at(threshold: float, weight: object = ((1, 1, 1),)) -> BinaryNetwork:
    """Class 1 where the sum of the pixels reaches the threshold."""
    rows = np.array(weight)
    first = SignLayer.dense(rows, np.full(len(rows), threshold))
    output = OutputLayer(np.tile([[-1], [1]], (1, len(rows))), np.ones(2), np.zeros(2))
    return BinaryNetwork((first,), output)


def test_without_a_file_the_replay_is_exact() -> None:
    # 0.1 + 0.2 is above 0.3 in floating point, and 0.3 there is below 0.3
    network = network_at(0.3, ((1, 1),))
    found = replayed(network, 7, np.array([0.1, 0.2]), None)
    assert (found.index, found.prediction, found.theirs, found.why) == (7, 1, None, None)


def test_ties_are_named() -> None:
    network = network_at(0.3, ((1, 1), (-1, -1)))  # one neuron each way: always level
    found = replayed(network, 0, np.array([0.4, 0.4]), None)
    assert (found.prediction, found.tied) == (0, (0, 1))


@needs_runtime
@pytest.mark.parametrize(
    ("file_threshold", "threshold", "image", "theirs", "why"),
    [
        (0.3, 0.3, [0.5, 0.0, 0.0], 1, None),
        (
            0.4699999988079071,
            0.4699999988079071,
            [0.21, 0.13, 0.13],
            0,
            "rounded to float32, which the file",
        ),
        (
            0.5 + 2**-24,
            0.5 + 2**-24,
            [0.5, 2**-25, 2**-25],
            0,
            "1 of 1 first-layer sums are within",
        ),
        (0.9, 0.3, [0.5, 0.0, 0.0], 0, "is the file the same network?"),
    ],
)
def test_reasons(
    tmp_path: Path,
    file_threshold: float,
    threshold: float,
    image: list[float],
    theirs: int,
    why: str | None,
) -> None:
    from tests.support.onnx_float32 import write_float32

    path = tmp_path / "net.onnx"
    write_float32(network_at(file_threshold), path)
    network = network_at(threshold)
    found = replayed(network, 0, np.array(image), OnnxRuntime(path, network))
    assert found.prediction == 1
    if why is None:
        assert (found.theirs, found.why) == (1, None)
    else:
        assert found.theirs == theirs
        assert found.why is not None
        assert why in found.why


@needs_runtime
def test_a_tie_is_a_reason(tmp_path: Path) -> None:
    from tests.support.onnx_float32 import write_float32

    path = tmp_path / "net.onnx"
    network = network_at(0.3, ((1, 1), (-1, -1)))
    other = BinaryNetwork(
        network.hidden,
        OutputLayer(np.array([[-1.0, -1.0], [1.0, 0.5]]), np.ones(2), np.zeros(2)),
    )
    write_float32(other, path)
    found = replayed(network, 0, np.array([0.5, 0.5]), OnnxRuntime(path, network))
    assert (found.prediction, found.theirs) == (0, 1)
    assert found.why == "classes 0 and 1 tie; the lower one is the class"
