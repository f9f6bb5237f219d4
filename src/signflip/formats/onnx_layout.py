"""What an ONNX file says of its images: their range, and where their channels stand.

Files that Signflip wrote say both in their metadata. Of others the first node that tells channels
from rows decides: ONNX convolves and pools channels first, and others transpose before.
"""

import json
from collections.abc import Mapping
from typing import Any

from signflip.errors import NetworkError
from signflip.formats.onnx_reading import attributes
from signflip.network import InputRange, Shape

RANGE = "signflip.input_range"
"""Key of the metadata: [lower, upper, step or null] as JSON."""
ORDER = "signflip.layout"
CHANNELS_FIRST = "channels first"
"""What files of Signflip say under `ORDER`."""
MOST_CHANNELS_LAST = 4
_FIRST = frozenset(
    {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization", "MultiThreshold"}
)
_EACH = frozenset(
    [
        "Add",
        "BipolarQuant",
        "Cast",
        "Clip",
        "Div",
        "Dropout",
        "Greater",
        "GreaterOrEqual",
        "HardTanh",
        "Identity",
        "Less",
        "LessOrEqual",
        "Mul",
        "Neg",
        "Not",
        "Pad",
        "Sign",
        "Sub",
        "Where",
    ]
)
"""Operators that leave axes where they are."""


def metadata(model: Any) -> dict[str, str]:
    """What a model says of itself."""
    return {entry.key: entry.value for entry in model.metadata_props}


def stated(inputs: InputRange) -> dict[str, str]:
    """Metadata of a file whose images are flat or channels first."""
    numbers = json.dumps([inputs.lower, inputs.upper, inputs.step])
    return {ORDER: CHANNELS_FIRST, RANGE: numbers}


def stated_range(said: Mapping[str, str]) -> InputRange | None:
    """The range of inputs that a file's metadata states, if it does.

    Raises:
        NetworkError: it is none.
    """
    text = said.get(RANGE)
    if text is None:
        return None
    try:
        lower, upper, step = json.loads(text)
        return InputRange(lower=lower, upper=upper, step=step)
    except (NetworkError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise NetworkError(
            f"its metadata has {RANGE} {text!r}; it must be [lower, upper, step], the step null "
            "where there is none"
        ) from error


def are_channels_last(
    shape: Shape, said: Mapping[str, str], name: str, consumers: Mapping[str, list[Any]]
) -> bool:
    """Whether images are (rows, columns, channels).

    Args:
        shape: of an image.
        said: the file's metadata.
        name: of the graph's input.
        consumers: name -> the nodes that read it.
    """
    if len(shape) != 3 or said.get(ORDER) == CHANNELS_FIRST:
        return False
    told = _told(name, consumers)
    # where no node tells, all inputs are summed alike: the order changes no class
    return shape[2] <= MOST_CHANNELS_LAST < shape[0] if told is None else told


def _told(name: str, consumers: Mapping[str, list[Any]]) -> bool | None:
    """What the first node tells that reads more than single values; None if it does not."""
    names, seen = [name], {name}
    while names:
        for node in consumers.get(names.pop(0), []):
            if node.op_type in _FIRST:
                return False
            if node.op_type == "Transpose":
                order = list(attributes(node).get("perm", ()))
                if order in ([0, 3, 1, 2], [0, 2, 3, 1]):
                    return order == [0, 3, 1, 2]
            elif node.op_type in _EACH and node.output[0] not in seen:
                names.append(node.output[0])
                seen.add(node.output[0])
    return None
