import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import NetworkError
from signflip.formats import kinds
from signflip.formats.kinds import FileKind, kind_of_bytes, why_no_network
from signflip.formats.native import network_to_bytes
from signflip.formats.opening import FORMATS, load_network
from tests.support.tiny import tiny_network


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def zip_of(*names: str) -> bytes:
    def write(buffer: io.BytesIO) -> None:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, b"content")

    return written(write)


ARRAY = np.ones(3)
MODULE = torch.nn.Linear(2, 2)
STATE = MODULE.state_dict()

FILES: dict[str, tuple[bytes, FileKind]] = {
    "ours": (network_to_bytes(tiny_network()), kinds.SAFETENSORS),
    # ir_version 8, a producer, a graph of three bytes, an operator set
    "onnx": (b"\x08\x08\x12\x06a test\x3a\x03abc\x42\x04\x0a\0\x10\x0d", kinds.ONNX),
    "pytorch": (written(lambda file: torch.save(STATE, file)), kinds.PYTORCH),
    "pytorch of old": (
        written(lambda file: torch.save(STATE, file, _use_new_zipfile_serialization=False)),
        kinds.PICKLE,
    ),
    "torchscript": (zip_of("m/data.pkl", "m/constants.pkl", "m/code/m.py"), kinds.TORCHSCRIPT),
    "pickle": (pickle.dumps({"weights": [1, -1]}), kinds.PICKLE),
    "npz": (written(lambda file: np.savez(file, w0=ARRAY)), kinds.NPZ),
    "images": (written(lambda file: np.savez(file, images=ARRAY, labels=ARRAY)), kinds.NPZ_IMAGES),
    "npy": (written(lambda file: np.save(file, ARRAY)), kinds.NPY),
    "keras": (zip_of("config.json", "metadata.json", "model.weights.h5"), kinds.KERAS),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(90), kinds.HDF5),
    "matlab": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", kinds.MATLAB),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(40), kinds.TFLITE),
    # saved_model_schema_version 1, and a meta graph of three bytes
    "saved model": (b"\x08\x01\x12\x03abc", kinds.SAVED_MODEL),
    "nnet": (b"// A network\n2,3,1,4,\n3,4,1,\n0,\n-1,-1,-1,\n", kinds.NNET),
    "marabou": (b"12\n3\n3\n2\n4\n2\n0,0\n1,1\n", kinds.MARABOU),
    "vnnlib": (b"; a property\n(declare-const X_0 Real)\n", kinds.VNNLIB),
    "idx": (b"\0\0\x08\x03" + bytes(30), kinds.IDX),
    "store": (b"SQLite format 3\0" + bytes(90), kinds.STORE),
    "gzip": (b"\x1f\x8b\x08\0" + bytes(20), kinds.GZIP),
    "zip": (zip_of("readme.txt"), kinds.ZIP),
    "half a zip": (zip_of("w.npy")[:40], kinds.CUT_ZIP),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", kinds.POINTER),
    "page": (b"\n<!DOCTYPE html>\n<html>", kinds.PAGE),
    "json": (b'{"layers": [1, 2]}', kinds.JSON),
    "text": (b"pytorch-or-onnx-bytes, not safetensors", kinds.TEXT),
    "nothing": (b"", kinds.EMPTY),
    "noise": (bytes(range(255, 100, -1)), kinds.UNKNOWN),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_it_begins_with(name: str) -> None:
    data, kind = FILES[name]
    assert kind_of_bytes(data) is kind


@given(st.binary(max_size=300), st.sampled_from([data[:20] for data, _ in FILES.values()]))
def test_any_bytes_are_of_some_kind(data: bytes, start: bytes) -> None:
    assert isinstance(kind_of_bytes(start + data), FileKind)


def test_the_sentence_says_what_it_is_what_is_read_and_what_to_do() -> None:
    assert why_no_network("net.pth", FILES["pytorch"][0]) == (
        "net.pth is a PyTorch checkpoint; networks are read from network files of Signflip "
        "(.safetensors), ONNX models (.onnx), Keras models (.h5, .keras) and descriptions of "
        "arrays (.toml): export it to ONNX, or make a signflip.BinaryNetwork of its weights and "
        "thresholds, and write that with signflip.save_network"
    )
    assert why_no_network("net.onnx", b"bytes").startswith(
        "net.onnx is a text, whatever its name says (.onnx); networks are read from "
    )


def test_every_file_without_a_reader_is_refused_in_words(tmp_path: Path) -> None:
    read = {each.kind for each in FORMATS}
    for data, kind in FILES.values():
        if kind not in read or kind is kinds.TEXT:
            path = tmp_path / "net.onnx"
            path.write_bytes(data)
            with pytest.raises(NetworkError, match=re.escape(f"net.onnx is {kind.words}")):
                load_network(path)


def test_a_range_that_is_none_is_refused() -> None:
    wrong: Any = 3
    with pytest.raises(NetworkError, match="the input range is 3; it must be InputRange"):
        load_network("net.onnx", input_range=wrong)
