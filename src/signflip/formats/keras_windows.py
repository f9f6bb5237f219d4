"""The windows of convolutions and pools in Keras, channels last."""

from collections.abc import Mapping
from typing import Any

from signflip.errors import NetworkError
from signflip.formats.value import Value
from signflip.network.maps.windows import Windows


def _pair(number: Any) -> tuple[int, int]:
    return (number, number) if isinstance(number, int) else (int(number[0]), int(number[1]))


def windows_of(
    value: Value, config: Mapping[str, Any], kernel: Any, stride: str
) -> tuple[Windows, tuple[int, int, int, int]]:
    """The windows of a layer, and what is around the image: TensorFlow's rule for `same`."""
    if len(value.shape) != 3 or config.get("data_format", "channels_last") != "channels_last":
        raise NetworkError("only images of (rows, columns, channels) have windows")
    size = _pair(kernel)
    steps = _pair(config.get("strides") or (config[stride] if stride == "pool_size" else (1, 1)))
    dilation = _pair(config.get("dilation_rate", (1, 1)))
    padding = (0, 0, 0, 0)
    if config.get("padding", "valid") == "same":
        lacking = [
            max(0, (-(-value.shape[axis] // steps[axis]) - 1) * steps[axis]
                + dilation[axis] * (size[axis] - 1) + 1 - value.shape[axis])
            for axis in (0, 1)
        ]  # fmt: skip
        top, left = (each // 2 for each in lacking)
        padding = (top, left, lacking[0] - top, lacking[1] - left)
    elif config.get("padding", "valid") != "valid":
        raise NetworkError(f"its padding is {config['padding']!r}; only valid and same can be read")
    made = Windows(
        image=value.shape[:2], kernel=size, stride=steps, padding=padding, dilation=dilation
    )
    return made, padding
