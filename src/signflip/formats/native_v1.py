"""Version 1 of Signflip's network files: dense layers of -1 and +1, inputs in [0, 1].

hidden.{l}.weight     int8     (out, in)        each -1 or +1
hidden.{l}.threshold  float64  (out,)           finite
output.weight         int8     (classes, width) each -1 or +1
output.scale          float64  (classes,)       finite
output.bias           float64  (classes,)       finite
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.network import BinaryNetwork, OutputLayer, SignLayer

_HIDDEN_PARTS = ("weight", "threshold")
_OUTPUT_PARTS = ("weight", "scale", "bias")


def assemble_first(
    tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]
) -> BinaryNetwork:
    """The network of a file's tensors.

    Raises:
        NetworkError: they break a rule of the format.
    """
    depth = sum(key.startswith("hidden.") and key.endswith(".weight") for key in tensors)
    expected = {f"hidden.{index}.{part}" for index in range(depth) for part in _HIDDEN_PARTS}
    expected |= {f"output.{part}" for part in _OUTPUT_PARTS}
    for key in sorted(expected ^ set(tensors)):
        fault = "is missing" if key in expected else "is not part of the format"
        raise NetworkError(f"the tensor {key!r} {fault}; expected {sorted(expected)}")
    for key, tensor in tensors.items():
        wanted = np.dtype(np.int8 if key.endswith(".weight") else np.float64)
        if tensor.dtype != wanted:
            raise NetworkError(f"the tensor {key!r} is {tensor.dtype}; it must be {wanted}")
        if wanted == np.int8 and not np.all(np.abs(tensor) == 1):
            place = tuple(np.argwhere(np.abs(tensor) != 1)[0].tolist())
            raise NetworkError(
                f"{key}{list(place)} is {tensor[place]}; every weight of version 1 must be -1 or +1"
            )
    hidden = tuple(
        SignLayer.dense(tensors[f"hidden.{index}.weight"], tensors[f"hidden.{index}.threshold"])
        for index in range(depth)
    )
    card = {key: value for key, value in metadata.items() if key not in ("format", "version")}
    output = OutputLayer(*(tensors[f"output.{part}"] for part in _OUTPUT_PARTS))
    return BinaryNetwork(hidden, output, card)
