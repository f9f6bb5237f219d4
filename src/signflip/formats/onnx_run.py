"""Running ONNX files in onnxruntime, as others do who check what Signflip says."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers
from signflip.errors import DataError, MissingExtraError, NetworkError
from signflip.files import unreadable
from signflip.formats.outputs import outputs_of
from signflip.network import BinaryNetwork

_FLOATS: dict[str, np.dtype[Any]] = {
    "tensor(float16)": np.dtype(np.float16),
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
}
_WHOLE: dict[str, np.dtype[Any]] = {
    f"tensor({name})": np.dtype(name)
    for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
}
_TYPES = {**_FLOATS, **_WHOLE}

_BEYOND = ("NOT_IMPLEMENTED", "max supported IR version", "is under development")
"""In what onnxruntime says of files that are valid, and that it cannot run."""


def _named(path: Path) -> str | bytes:
    """The file by its name, as tensors may lie in files beside it; if that is no text, its bytes.

    Raises:
        OSError: it cannot be read.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.read_bytes()
    return str(path)


class InvalidFileError(NetworkError):
    """onnxruntime refuses a file as invalid."""


class OnnxRuntime:
    """A network's ONNX file in onnxruntime, on one core.

    Attributes:
        dtype: what the file computes in: the floats that it reads; float32 where these are whole
            numbers.
    """

    def __init__(
        self, path: Path, network: BinaryNetwork, *, channels_last: bool | None = None
    ) -> None:
        """Load a file that is to be the same network.

        Args:
            path: the file.
            network: which it is.
            channels_last: whether the file reads images so; None for what its shape tells.

        Raises:
            MissingExtraError: onnxruntime is not installed.
            NetworkError: the file cannot be read, or reads other images than the network.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnxruntime", "running an ONNX file") from error
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 4  # it writes to stderr by itself
        # it would round what weights of whole numbers meet, to 8 bits
        settings.add_session_config_entry("session.disable_quant_qdq", "1")
        self._path, self._count = path, network.classes
        self._least = 0.5 if "Sigmoid" in outputs_of(network) else 0.0  # of one logit, for class 1
        try:
            with path.open("rb"):
                pass  # onnxruntime would say less clearly why it cannot
            self._session = onnxruntime.InferenceSession(
                _named(path), settings, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise unreadable(path, error, NetworkError) from error
        except Exception as error:  # onnxruntime's have no base class of their own
            line = _first_line(error)
            kind = NetworkError if any(each in line for each in _BEYOND) else InvalidFileError
            raise kind(f"onnxruntime cannot load {path}: {line}") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            found = ", ".join(f"{entry.name}: {entry.type}" for entry in inputs) or "nothing"
            raise NetworkError(f"{path} reads {found}; it must read one tensor of numbers")
        self._name = inputs[0].name
        self._reads = _TYPES[inputs[0].type]
        self.dtype = _FLOATS.get(inputs[0].type, _FLOATS["tensor(float)"])
        self._order, self._shape = self._layout(inputs[0].shape, network, channels_last)
        self._batch = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else None

    def _layout(
        self,
        dimensions: list[int | str | None],
        network: BinaryNetwork,
        channels_last: bool | None,
    ) -> tuple[Integers, tuple[int, ...]]:
        """The order of the inputs, and the shape of one image, in the file."""
        order = np.arange(network.inputs)
        shape = tuple(size if isinstance(size, int) else -1 for size in dimensions[1:])
        ours = network.image_shape
        turned = len(ours) == 3 and shape == (*ours[1:], ours[0])
        if turned and (shape != ours if channels_last is None else channels_last):
            return order.reshape(ours).transpose(1, 2, 0).ravel(), shape
        free, size = shape.count(-1), abs(math.prod(shape))
        if size == network.inputs if not free else free == 1 and network.inputs % size == 0:
            return order, shape
        raise NetworkError(
            f"{self._path} reads images of shape {tuple(dimensions[1:])}, and the network "
            f"{ours}: it is another network"
        )

    def read(self, images: Floats) -> Floats:
        """What the file reads of images (N, inputs), as float64: rounded to its type."""
        return self._read(images).astype(np.float64)

    def _read(self, images: Floats) -> npt.NDArray[Any]:
        if self._reads.kind == "f":
            with np.errstate(over="ignore"):
                return images.astype(self._reads)
        limits = np.iinfo(self._reads)
        # the greatest numbers of 64 bits are no float64s
        most = np.nextafter(limits.max, 0) if self._reads.itemsize == 8 else limits.max
        return np.clip(np.rint(images), limits.min, most).astype(self._reads)

    def predict(self, images: Floats) -> Integers:
        """Classes (N,) of images (N, inputs) float64, as onnxruntime has them.

        Raises:
            DataError: onnxruntime fails.
        """
        size = self._batch or max(1, len(images))
        if len(images) % size:
            raise DataError(
                f"{self._path} reads {size} images at once, and there are {len(images)}; export it "
                "for any number"
            )
        blocks = [self._run(images[i : i + size]) for i in range(0, len(images), size)]
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)

    def _run(self, images: Floats) -> Integers:
        values = self._read(images[:, self._order]).reshape(len(images), *self._shape)
        try:
            (output, *_) = self._session.run(None, {self._name: values})
        except Exception as error:  # as above
            raise DataError(f"onnxruntime cannot run {self._path}: {_first_line(error)}") from error
        return _classes(np.asarray(output).reshape(len(images), -1), self._count, self._least)


def _classes(output: npt.NDArray[np.generic], count: int, least: float) -> Integers:
    """Classes (N,) of class values (N, count), of one logit (N, 1), or of the first classes (N, k).

    The first classes are fewer than all, and whole numbers.
    """
    if 1 < output.shape[1] < count and output.dtype.kind in "iu":
        return np.asarray(output[:, 0], dtype=np.int64)
    if output.shape[1] > 1:
        return np.asarray(output.argmax(axis=1), dtype=np.int64)
    single = output[:, 0]
    if single.dtype.kind == "f":
        return (single.astype(np.float64) >= least).astype(np.int64)
    return single.astype(np.int64)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
