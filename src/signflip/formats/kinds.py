"""What a file is, by its first bytes and never by its name, and what to do with it.

What no reader of `signflip.formats.opening` takes is refused in words.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

READ = (
    "network files of Signflip (.safetensors)",
    "ONNX models (.onnx)",
    "Keras models (.h5, .keras)",
    "descriptions of arrays (.toml)",
)
"""The files that networks are read from, in words; a reader of another format adds its own."""

_BUILD = (
    "make a signflip.BinaryNetwork of its weights and thresholds, and write that with "
    "signflip.save_network"
)
_EXPORT = f"export it to ONNX, or {_BUILD}"
_DESCRIBE = "describe its arrays in a .toml file, see signflip.formats.arrays"
_IMAGES = "give it as IMAGES, after NETWORK"
_AGAIN = "copy or train it again"


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """A kind of file.

    Attributes:
        words: what it is, with its article.
        mend: what to do who has such a file and wants a network.
    """

    words: str
    mend: str


SAFETENSORS = FileKind(words="a safetensors file", mend=_BUILD)
ONNX = FileKind(words="an ONNX model", mend=_BUILD)
KERAS = FileKind(words="a Keras archive (.keras)", mend=_EXPORT)
HDF5 = FileKind(words="an HDF5 file, such as Keras and Larq write", mend=_EXPORT)
PYTORCH = FileKind(words="a PyTorch checkpoint", mend=_EXPORT)
TORCHSCRIPT = FileKind(words="a TorchScript archive of PyTorch", mend=_EXPORT)
PICKLE = FileKind(words="a Python pickle, such as old PyTorch checkpoints are", mend=_EXPORT)
NPZ = FileKind(words="an .npz file of NumPy arrays", mend=_DESCRIBE)
NPZ_IMAGES = FileKind(words="an .npz file of images and labels", mend=_IMAGES)
NPY = FileKind(words="a NumPy array (.npy)", mend=_DESCRIBE)
MATLAB = FileKind(words="a MATLAB file (.mat)", mend=_BUILD)
TFLITE = FileKind(words="a TensorFlow Lite model", mend=_EXPORT)
SAVED_MODEL = FileKind(words="a SavedModel of TensorFlow", mend=_EXPORT)
GGUF = FileKind(words="a GGUF model", mend=_BUILD)
NNET = FileKind(words="an .nnet file of real weights, as Marabou and ReluVal read", mend=_BUILD)
MARABOU = FileKind(
    words="an input query of Marabou",
    mend="it is a question about a network; give the network, or " + _BUILD,
)
VNNLIB = FileKind(
    words="a VNN-LIB property", mend="give the network that it is about, and --epsilon"
)
IDX = FileKind(words="an IDX file, such as MNIST's", mend="name its folder by --data-dir")
PICTURE = FileKind(words="a picture", mend="give a network's file, and images in an .npz file")
STORE = FileKind(
    words="a SQLite file, such as a sweep's store", mend="`signflip report` reads stores"
)
GZIP = FileKind(words="compressed with gzip", mend="unpack it by gunzip")
COMPRESSED = FileKind(words="a compressed archive", mend="unpack it")
ZIP = FileKind(words="a zip archive of neither arrays nor a model", mend="unpack it")
CUT_ZIP = FileKind(words="a zip archive that is damaged or not whole", mend=_AGAIN)
POINTER = FileKind(
    words="a pointer of Git LFS and not the file itself", mend="fetch the file by `git lfs pull`"
)
PAGE = FileKind(words="a web page", mend="download the file itself, not the page that shows it")
JSON = FileKind(words="a JSON text", mend=_BUILD)
TEXT = FileKind(words="a text", mend=_BUILD)
EMPTY = FileKind(words="empty", mend=_AGAIN)
UNKNOWN = FileKind(words="of no kind that is known here, or damaged", mend=_AGAIN)


def kind_of_bytes(data: bytes) -> FileKind:
    """The kind of a file.

    Args:
        data: all of its bytes.
    """
    if not data:
        return EMPTY
    for begins, kind in _BEGINNINGS:
        if data.startswith(begins):
            return kind
    for is_one, kind in _TESTS:
        if is_one(data):
            return kind
    if data.startswith(b"PK"):
        return _kind_of_zip(data)
    return _kind_of_text(data)


def why_no_network(name: str, data: bytes) -> str:
    """A sentence that says of a file what it is, which files are read, and what to do.

    Args:
        name: what to call the file.
        data: all of its bytes.
    """
    kind = kind_of_bytes(data)
    called = PurePath(name).suffix
    belied = f", whatever its name says ({called})" if kind in (TEXT, UNKNOWN) and called else ""
    read = f"networks are read from {', '.join(READ[:-1])} and {READ[-1]}"
    return f"{name} is {kind.words}{belied}; {read}: {kind.mend}"


_BEGINNINGS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89HDF\r\n\x1a\n", HDF5),
    (b"\x93NUMPY", NPY),
    (b"MATLAB 5.0", MATLAB),
    (b"MATLAB 7", MATLAB),
    (b"GGUF", GGUF),
    (b"SQLite format 3\0", STORE),
    (b"\x1f\x8b", GZIP),
    (b"\xfd7zXZ\0", COMPRESSED),
    (b"BZh", COMPRESSED),
    (b"7z\xbc\xaf\x27\x1c", COMPRESSED),
    (b"\x28\xb5\x2f\xfd", COMPRESSED),
    (b"\x89PNG\r\n", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (b"version https://git-lfs", POINTER),
)


def _is_safetensors(data: bytes) -> bool:
    # 8 bytes of length, then JSON; a file that was cut has both
    length = int.from_bytes(data[:8], "little")
    return data[8:9] == b"{" and 2 <= length <= 100_000_000


def _is_onnx(data: bytes) -> bool:
    # a protocol buffer: ir_version (1) is a small number, graph (7) is there
    fields = _fields(data)
    return 0 < fields.get(1, 0) < 100 and 7 in fields


def _is_saved_model(data: bytes) -> bool:
    return _fields(data) == {1: 1, 2: 0}


def _fields(data: bytes) -> dict[int, int]:
    """Field -> value at the top of a protocol buffer, 0 for bytes; nothing if it is no such."""
    found: dict[int, int] = {}
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        field, wire = key >> 3, key & 7
        if place < 0 or not 0 < field < 30 or wire not in (0, 2):
            return {}
        value, place = _varint(data, place)
        if place < 0:
            return {}
        found[field] = value if wire == 0 else 0
        place += value if wire == 2 else 0
    return found if place == len(data) else {}


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """The number at `place`, and the place behind it: -1 if there is none."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    return 0, -1


def _is_pickle(data: bytes) -> bool:
    return data[:1] == b"\x80" and 2 <= data[1] <= 5 and data.rstrip()[-1:] == b"."


_TESTS: tuple[tuple[Callable[[bytes], bool], FileKind], ...] = (
    (_is_safetensors, SAFETENSORS),
    (lambda data: data[4:8] == b"TFL3", TFLITE),
    (lambda data: data[:2] == b"\0\0" and data[2:4] in (b"\x08\x01", b"\x08\x03"), IDX),
    # PyTorch's old files go on behind their first pickle
    (lambda data: data.startswith(b"\x80\x02\x8a\nl\xfc\x9cF\xf9"), PICKLE),
    (lambda data: len(data) > 1 and _is_pickle(data), PICKLE),
    (_is_onnx, ONNX),
    (_is_saved_model, SAVED_MODEL),
)


def _kind_of_zip(data: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return CUT_ZIP
    parts = {name.rpartition("/")[2] for name in names}
    if "data.pkl" in parts:
        return TORCHSCRIPT if "constants.pkl" in parts else PYTORCH
    if "model.weights.h5" in parts:
        return KERAS
    if {"images.npy", "labels.npy"} <= parts:
        return NPZ_IMAGES
    return NPZ if any(name.endswith(".npy") for name in names) else ZIP


def _kind_of_text(data: bytes) -> FileKind:
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return UNKNOWN
    if not text or not text[0].isprintable() or "\0" in text:
        return UNKNOWN
    start = text[:2000].lower()
    if start.startswith(("<!doctype html", "<html", "<?xml")):
        return PAGE
    if _is_json(text):
        return JSON
    lines = [line for line in text.splitlines() if line.strip()]
    if lines[0].startswith(";") or "(declare-const" in start:
        return VNNLIB
    if _is_nnet(lines):
        return NNET
    # numbers of variables, bounds, equations and constraints, each on a line of its own
    if len(lines) > 4 and all(line.strip().isdigit() for line in lines[:5]):
        return MARABOU
    return TEXT


def _is_json(text: str) -> bool:
    if text[0] not in "{[":
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_nnet(lines: list[str]) -> bool:
    # comments, then the numbers of layers, inputs, outputs, and the width of the widest
    numbers = [line for line in lines if not line.startswith("//")]
    if len(numbers) < 2:
        return False
    words = [word.strip() for word in numbers[0].rstrip(", ").split(",")]
    return len(words) == 4 and all(word.isdigit() for word in words)
