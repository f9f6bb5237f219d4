import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save as save_tensors

import signflip
from signflip.errors import NetworkError
from signflip.formats.native import (
    FORMAT,
    load_network,
    network_from_bytes,
    network_to_bytes,
    save_network,
)
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from tests.support.strategies import networks
from tests.support.weights import weights_of

Tensors = dict[str, np.ndarray]
METADATA = {"format": FORMAT, "version": "1", "seed": "7"}


def tensors() -> Tensors:
    """A network of 3 inputs, hidden widths 2 and 4, and 2 classes."""
    return {
        "hidden.0.weight": np.array([[1, -1, 1], [-1, -1, 1]], dtype=np.int8),
        "hidden.0.threshold": np.array([0.5, -0.25]),
        "hidden.1.weight": np.ones((4, 2), dtype=np.int8),
        "hidden.1.threshold": np.zeros(4),
        "output.weight": np.ones((2, 4), dtype=np.int8),
        "output.scale": np.ones(2),
        "output.bias": np.array([0.0, 1.5]),
    }


def file_of(changes: dict[str, np.ndarray | None]) -> bytes:
    """The file with some tensors replaced, added or (None) taken out."""
    merged = {**tensors(), **changes}
    kept = {key: tensor for key, tensor in merged.items() if tensor is not None}
    return save_tensors(kept, metadata=METADATA)


def equal(a: BinaryNetwork, b: BinaryNetwork) -> bool:
    return network_to_bytes(a) == network_to_bytes(b) and dict(a.card) == dict(b.card)


# --- what is written is read ----------------------------------------------------------------------


@given(
    networks(), st.dictionaries(st.sampled_from(["seed", "data set", "genauigkeit ä"]), st.text())
)
def test_round_trip(network: BinaryNetwork, card: dict[str, str]) -> None:
    network = BinaryNetwork(network.hidden, network.output, card)
    copy = network_from_bytes(network_to_bytes(network))
    assert copy.digest == network.digest
    assert dict(copy.card) == card
    for a, b in zip(copy.hidden, network.hidden, strict=True):
        assert weights_of(a).dtype == np.int8
        assert np.array_equal(weights_of(a), weights_of(b))
        assert a.threshold.tobytes() == b.threshold.tobytes()


def test_file_round_trip(tmp_path: Path) -> None:
    network = network_from_bytes(file_of({}))
    path = tmp_path / "network.safetensors"
    save_network(network, path)
    assert equal(load_network(path), network)
    assert equal(load_network(str(path)), network)
    assert [file.name for file in tmp_path.iterdir()] == ["network.safetensors"]


def test_a_file_of_another_writer_is_read() -> None:
    network = network_from_bytes(file_of({}))
    assert (network.inputs, network.widths, network.classes) == (3, (2, 4), 2)
    assert dict(network.card) == {"seed": "7"}
    assert network.output.bias.tolist() == [0, 1.5]


def test_more_than_ten_layers_keep_their_order() -> None:
    hidden = tuple(
        SignLayer.dense(np.ones((1, 1), dtype=np.int8), np.array([float(index)]))
        for index in range(12)
    )
    output = OutputLayer(np.ones((2, 1), dtype=np.int8), np.ones(2), np.zeros(2))
    copy = network_from_bytes(network_to_bytes(BinaryNetwork(hidden, output)))
    assert [layer.threshold[0] for layer in copy.hidden] == list(range(12))


def test_one_network_has_one_file() -> None:
    network = network_from_bytes(file_of({}))
    card = {f"key {index}": "value" for index in range(20)}
    forward = BinaryNetwork(network.hidden, network.output, card)
    backward = BinaryNetwork(network.hidden, network.output, dict(reversed(card.items())))
    assert network_to_bytes(forward) == network_to_bytes(backward)


# --- refusals -------------------------------------------------------------------------------------

NAN = np.array([np.nan, 0.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden.0.weight": np.zeros((2, 3), dtype=np.int8)}, r"weight\[0, 0\] is 0.*-1 or \+1"),
        ({"output.weight": np.full((2, 4), 3, dtype=np.int8)}, "output.weight.* is 3"),
        ({"hidden.0.weight": np.ones((3, 3), dtype=np.int8)}, r"threshold has shape \(2,\)"),
        ({"hidden.1.weight": np.ones((4, 3), dtype=np.int8)}, "layer above it reads 3.*chain"),
        ({"output.weight": np.ones((2, 5), dtype=np.int8)}, "layer above it reads 5.*chain"),
        ({"hidden.0.weight": np.ones(6, dtype=np.int8)}, r"weight has shape \(6,\)"),
        ({"output.scale": np.ones(3)}, r"output layer scale has shape \(3,\)"),
        ({"hidden.0.threshold": NAN}, r"threshold\[0\] is nan; it must be finite"),
        ({"output.bias": NAN}, r"output layer bias\[0\] is nan"),
        ({"output.scale": np.array([1, np.inf])}, r"output layer scale\[1\] is inf"),
        ({"output.bias": None}, "'output.bias' is missing"),
        ({"hidden.0.threshold": None}, "'hidden.0.threshold' is missing"),
        ({"hidden.0.weight": None}, "'hidden.0.weight' is missing"),
        ({"hidden.3.weight": np.ones((1, 1), dtype=np.int8)}, "'hidden.2.threshold' is missing"),
        ({"momentum": np.ones(1)}, "'momentum' is not part of the format"),
        ({"hidden.0.weight": np.ones((2, 3))}, "'hidden.0.weight' is float64; it must be int8"),
        (
            {"hidden.0.threshold": np.zeros(2, dtype=np.float32)},
            "'hidden.0.threshold' is float32; it must be float64",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(
    changes: dict[str, np.ndarray | None], message: str
) -> None:
    with pytest.raises(NetworkError, match=message) as caught:
        network_from_bytes(file_of(changes), "some.safetensors")
    assert str(caught.value).startswith("some.safetensors: ")


def test_a_network_without_hidden_layers_is_refused() -> None:
    data = file_of({key: None for key in tensors() if key.startswith("hidden")})
    with pytest.raises(NetworkError, match="0 hidden layers; it needs at least 1"):
        network_from_bytes(data)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, f"has format None and not '{FORMAT}'"),
        ({}, "has format None"),
        ({"format": "pt", "version": "1"}, "has format 'pt'"),
        ({"format": FORMAT}, "has version None; this Signflip reads '1'"),
        ({"format": FORMAT, "version": "3"}, "has version '3'.*use the Signflip that wrote it"),
    ],
)
def test_another_format_or_version_is_refused(
    metadata: dict[str, str] | None, message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        network_from_bytes(save_tensors(tensors(), metadata=metadata))


def with_header(edit: Callable[[dict[str, object]], None]) -> bytes:
    data = file_of({})
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    edit(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def test_a_type_that_numpy_lacks_is_refused() -> None:
    def to_float8(header: dict[str, object]) -> None:
        entry = header["hidden.0.weight"]
        assert isinstance(entry, dict)
        entry["dtype"] = "F8_E4M3"

    with pytest.raises(NetworkError, match=r"tensor of type 'F8_E4M3'.*weights are int8"):
        network_from_bytes(with_header(to_float8))

    def of_another_program(header: dict[str, object]) -> None:
        to_float8(header)
        header["__metadata__"] = {"format": "pt"}

    with pytest.raises(NetworkError, match=r"is a safetensors file; .* format 'pt' and not"):
        network_from_bytes(with_header(of_another_program))


def test_empty_metadata_is_refused() -> None:
    with pytest.raises(NetworkError, match="has format None"):
        network_from_bytes(with_header(lambda header: header.update(__metadata__=None)))


@given(st.data())
def test_a_truncated_file_is_refused(data: st.DataObject) -> None:
    whole = file_of({})
    length = data.draw(st.integers(0, len(whole) - 1))
    words = "not a whole safetensors file .*; copy or train it again" if length > 8 else ""
    with pytest.raises(NetworkError, match=f"^the network file is {words}"):
        network_from_bytes(whole[:length])


def test_a_file_with_more_than_its_tensors_is_refused() -> None:
    with pytest.raises(NetworkError, match="not a whole safetensors file"):
        network_from_bytes(file_of({}) + b"\0")


@given(st.data())
def test_a_damaged_file_is_refused_or_is_a_network(data: st.DataObject) -> None:
    damaged = bytearray(file_of({}))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        network = network_from_bytes(bytes(damaged))
    except NetworkError as error:
        assert str(error).startswith("the network file")  # noqa: PT017
    else:
        assert network_from_bytes(network_to_bytes(network)).digest == network.digest


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(NetworkError, match=r"^the network file is "):
        network_from_bytes(data)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"absent.safetensors cannot be read: No such file"):
        load_network(tmp_path / "absent.safetensors")
    with pytest.raises(NetworkError, match="cannot be read: Is a directory"):
        load_network(tmp_path)


def test_a_refused_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(NetworkError, match=r"picture.png is a picture; networks are read"):
        load_network(path)


def test_where_no_file_can_be_is_said_by_its_name(tmp_path: Path) -> None:
    network = network_from_bytes(file_of({}), "network")
    (tmp_path / "file").write_bytes(b"")
    for path, mend in (
        (tmp_path / "none" / "net.safetensors", "its folder is missing: make it first"),
        (tmp_path / "file" / "net.safetensors", "what should be its folder is none: name another"),
        (tmp_path, "it is a folder: name a file"),
        (Path(), "it is a folder: name a file"),
    ):
        words = f"^{re.escape(str(path))} cannot be written .*; {mend}$"
        with pytest.raises(NetworkError, match=words):
            save_network(network, path)


@pytest.mark.parametrize("name", ["net.onnx", "net.ONNX", "net.keras", "net.h5", "net.toml"])
def test_a_name_of_another_format_is_refused(name: str, tmp_path: Path) -> None:
    network = network_from_bytes(file_of({}), "network")
    with pytest.raises(NetworkError, match=f"{name} has the ending of another format.*; name net"):
        save_network(network, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 3, b"net.safetensors", "net\0.safetensors"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    network = network_from_bytes(file_of({}), "network")
    for use in (load_network, signflip.load_network, partial(save_network, network)):
        with pytest.raises(NetworkError, match=r"^the file of the network is .*; it must be a pat"):
            use(path)


@pytest.mark.parametrize("network", [None, "net.safetensors", 3])
def test_what_is_no_network_is_not_written(network: Any, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"^the network is .*; it must be a BinaryNetwork"):
        save_network(network, tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())
