"""Arrays with a description: an `.npz` of a framework's arrays, and a TOML that says what they are.

    format = "signflip-arrays"
    arrays = "mnist.npz"                      # beside the description
    input = { shape = [784], range = [0, 1] } # step = 1 for whole numbers
    output = "values"                         # or "highest bit": the class is the highest set bit

    [[step]]                                  # one after the other, from the image to the classes
    kind = "dense"
    weight = "blocks/0/lin/W"
    bias = "blocks/0/lin/b"

Nothing is guessed: layout, values of bits, what a sign answers at 0 and how a threshold compares
are stated by each step (`signflip.formats.array_steps`).
"""

import math
import tomllib
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signflip.errors import MissingExtraError, NetworkError
from signflip.files import NO_ARRAYS, unreadable
from signflip.formats.array_steps import Arrays, Step
from signflip.formats.assembly import Assembly
from signflip.formats.value import MOST_VALUES, Value, exact
from signflip.network import BinaryNetwork, InputRange

if TYPE_CHECKING:
    from torch import Tensor


class Input(BaseModel):
    """What the network reads.

    Attributes:
        shape: of an image.
        range: the least and the greatest value of an input.
        step: inputs are whole numbers of steps; None for real ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    shape: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    range: tuple[float, float] = (0.0, 1.0)
    step: float | None = None


class Description(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["signflip-arrays"]
    arrays: str
    input: Input
    step: Annotated[tuple[Step, ...], Field(min_length=1)]
    output: Literal["values", "highest bit"] = "values"
    classes: int | None = None
    card: dict[str, str] = {}


def read_arrays(path: Path, input_range: InputRange | None = None) -> BinaryNetwork:
    """The network that a description (TOML) and its arrays (.npz) make.

    Raises:
        NetworkError: one of the files is damaged, or a step cannot be said exactly.
    """
    if input_range is not None:
        raise NetworkError(
            f"{path} states the range of its inputs itself; leave out what you state"
        )
    try:
        description = Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetworkError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NetworkError(
            f"{path}: {place}: {first['msg']}, and not {first['input']!r}"
        ) from error
    except OSError as error:
        raise unreadable(path, error, NetworkError) from error
    given = description.input
    if math.prod(given.shape) > MOST_VALUES:
        raise NetworkError(
            f"{path}: input.shape is {list(given.shape)}, {math.prod(given.shape)} inputs; there "
            f"may be {MOST_VALUES}"
        )
    lower, upper = given.range
    try:
        inputs = InputRange(lower=lower, upper=upper, step=given.step)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    arrays = _arrays(path.parent / description.arrays)
    assembly = Assembly(given.shape, inputs)
    value = assembly.image()
    for number, step in enumerate(description.step):
        try:
            value = step.apply(assembly, value, arrays)
        except NetworkError as error:
            raise NetworkError(f"{path}: step {number} ({step.kind}): {error}") from error
    try:
        last = _class_values(assembly, value, description)
        return assembly.finish(last, {"source": path.name, **description.card})
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error


def _arrays(path: Path) -> Arrays:
    if path.suffix in (".pt", ".pth"):
        return Arrays(_state_dict(path))
    try:
        # opened here: NumPy leaves a file open that it refuses
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise NetworkError(
                    f"{path} is one array without a name; arrays with names are in an .npz file: "
                    "numpy.savez"
                )
            with archive:
                return Arrays({name: archive[name] for name in archive.files})
    except OSError as error:
        raise unreadable(path, error, NetworkError) from error
    except NO_ARRAYS as error:
        raise NetworkError(f"{path} is no whole .npz file of plain arrays ({error})") from error


def _state_dict(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a PyTorch file, read without running anything that is in it."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "torch", f"reading {path.name}") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error, NetworkError) from error
    except (RuntimeError, ValueError, EOFError, KeyError, UnpicklingError) as error:
        raise NetworkError(f"{path} is no state_dict of plain tensors ({error})") from error
    tensors = state.get("state_dict", state) if isinstance(state, dict) else {}
    if not tensors or not all(isinstance(each, torch.Tensor) for each in tensors.values()):
        raise NetworkError(f"{path} holds no state_dict; save model.state_dict()")
    return {str(name): _numbers(path, str(name), tensor) for name, tensor in tensors.items()}


def _numbers(path: Path, name: str, tensor: "Tensor") -> npt.NDArray[np.float64]:
    """The numbers of a tensor that holds each of them as it is."""
    kinds = [
        ("complex", tensor.is_complex()),
        ("quantised", tensor.is_quantized),
        ("without data", tensor.is_meta),
        (str(tensor.layout), "strided" not in str(tensor.layout)),
    ]
    if found := [kind for kind, there in kinds if there]:
        raise NetworkError(
            f"{path}: the tensor {name!r} is {found[0]}; it must be a plain one of real numbers"
        )
    values: npt.NDArray[np.float64] = tensor.detach().double().numpy()
    return values


def _class_values(assembly: Assembly, value: Value, description: Description) -> Value:
    if description.classes is not None:
        if not 2 <= description.classes <= value.size:
            raise NetworkError(f"classes is {description.classes}; there are {value.size} values")
        value = value.arranged((value.size,)).first(description.classes)
    if description.output == "values":
        return value
    # 2^c for a set bit c and 0 for another: the highest set bit wins, and class 0 where none is set
    weights = exact(2.0 ** np.arange(value.size))
    return assembly.sign(value).scaled(weights / 2, weights / 2)
