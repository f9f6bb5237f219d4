"""What the layers of Keras, Larq and of BinaryNet in Keras (as hls4ml reads it) mean.

Images are channels last, as Keras has them. A sign of Larq is +1 at 0; `binary_tanh` is -1 there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.errors import NetworkError
from signflip.formats.assembly import Assembly
from signflip.formats.keras_windows import windows_of
from signflip.formats.outputs import ORDERED
from signflip.formats.value import Value, exact, refuse_infinite

SIGNS: Mapping[str, int] = {
    "ste_sign": 1,
    "approx_sign": 1,
    "swish_sign": 1,
    "SteSign": 1,
    "ApproxSign": 1,
    "SwishSign": 1,
    "binary_tanh": -1,
    "binary_tanh_unit": -1,
}
"""Quantisers of activations -> what they answer at 0."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of a file.

    Attributes:
        kind: its class.
        config: its settings, as the file has them.
        weights: its arrays by name.
        last: whether nothing follows that could tell its values from others of the same order.
    """

    kind: str
    config: Mapping[str, Any]
    weights: Mapping[str, npt.NDArray[Any]]
    last: bool

    def array(self, name: str, axes: int) -> npt.NDArray[np.float64]:
        """An array of so many axes."""
        found = self.weights.get(name)
        if found is None or found.ndim != axes:
            shape = "missing" if found is None else f"of shape {found.shape}"
            raise NetworkError(f"its {name} is {shape}; it must have {axes} axes")
        made = found.astype(np.float64)
        refuse_infinite(made, f"its {name} holds")
        return made


def read_layer(assembly: Assembly, value: Value, layer: Layer) -> Value:
    """The next value.

    Raises:
        NetworkError: the layer cannot be said exactly.
    """
    rule = RULES.get(layer.kind)
    if rule is None:
        raise NetworkError("there is no exact form of it")
    return rule(assembly, value, layer)


def only_arranges(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether a layer leaves the class values as they are."""
    if kind == "Activation":
        return _name(config.get("activation")) in (None, "linear")
    return kind in ("Dropout", "Flatten", "Reshape")


def ordered_by(kind: str, config: Mapping[str, Any]) -> str | None:
    """The function in a layer of which only the order of class values is known, if there is one."""
    return "Softmax" if kind == "Softmax" else ORDERED.get(str(_name(config.get("activation"))))


def _name(quantizer: Any) -> str | None:
    """The name of a quantiser or an activation, which a file has as text or as a class."""
    if isinstance(quantizer, dict):
        name = quantizer.get("registered_name") or quantizer.get("class_name")
        if name in ("function", "Custom>function") and isinstance(quantizer.get("config"), str):
            name = quantizer["config"]
        return str(name).rpartition(">")[2]
    return None if quantizer is None else str(quantizer).rpartition(">")[2]


def _activated(assembly: Assembly, value: Value, layer: Layer) -> Value:
    name = _name(layer.config.get("activation"))
    if name in (None, "linear"):
        return value
    if name in ORDERED:
        axis = None if name == "sigmoid" else -1
        return _ordered_alike(value, layer, str(name), axis)
    if name in SIGNS:
        return assembly.sign(value, at_zero=SIGNS[name])
    raise NetworkError(f"there is no exact form of its activation {name!r}")


def _ordered_alike(value: Value, layer: Layer, name: str, axis: Any = None) -> Value:
    """Class values before a function that keeps their order; over one axis, if it sums over one."""
    if not layer.last:
        raise NetworkError(
            f"its {name} is followed by other layers, which read its values; there is an exact "
            f"form only of a {name} of the class values, at the end"
        )
    if axis is not None:
        (place,) = axis if isinstance(axis, list) and len(axis) == 1 else (axis,)
        if place not in (-1, len(value.shape)) or value.shape[-1] != value.size:
            raise NetworkError(
                f"its {name} is over the axis {place} of values of shape {value.shape}; there is "
                "an exact form only of one over all class values"
            )
        if value.size == 1:
            raise NetworkError(
                f"its {name} is of a single value, and always the same; a single logit ends in a "
                "sigmoid"
            )
    return value


def _signed(assembly: Assembly, value: Value, layer: Layer) -> Value:
    """The layer's inputs after its own quantiser."""
    name = _name(layer.config.get("input_quantizer"))
    if name is None:
        return value
    if name not in SIGNS:
        raise NetworkError(f"there is no exact form of its input quantiser {name!r}")
    return assembly.sign(value, at_zero=SIGNS[name])


def _kernel(layer: Layer, axes: int) -> npt.NDArray[np.float64]:
    """The weights after the layer's quantiser, which is for latent ones."""
    latent = layer.array("kernel", axes)
    if layer.kind in ("BinaryDense", "BinaryConv2D"):
        height = layer.config.get("H", 1.0)
        if height != 1.0:
            raise NetworkError(f"its H is {height!r}; only 1 can be said exactly")
        return np.where(latent > 0, 1.0, -1.0)
    quantizer = layer.config.get("kernel_quantizer")
    name = _name(quantizer)
    if name is None:
        return latent
    signs: npt.NDArray[np.float64] = np.where(latent >= 0, 1.0, -1.0)
    if name in ("ste_sign", "SteSign", "approx_sign", "ApproxSign", "swish_sign", "SwishSign"):
        return signs
    if name in ("magnitude_aware_sign", "MagnitudeAwareSign"):
        # in float32, as Larq computes it: one size for each filter
        size = np.abs(latent.astype(np.float32)).mean(axis=tuple(range(axes - 1)))
        return signs * np.asarray(size, dtype=np.float64)
    if name in ("ste_tern", "SteTern"):
        settings = quantizer.get("config", {}) if isinstance(quantizer, dict) else {}
        if not settings.get("ternary_weight_networks", False):
            level = np.float32(settings.get("threshold_value", 0.05))
            return np.sign(latent) * (np.abs(latent) >= level)
    raise NetworkError(f"there is no exact form of its kernel quantiser {name!r}")


def _biased(value: Value, layer: Layer) -> Value:
    if not layer.config.get("use_bias", True):
        return value
    return value.scaled(1, exact(layer.array("bias", 1)))


def _dense(assembly: Assembly, value: Value, layer: Layer) -> Value:
    if len(value.shape) != 1:
        raise NetworkError("it reads more than one axis; flatten them before")
    read = _signed(assembly, value, layer)
    made = _biased(assembly.linear(read, _kernel(layer, 2).T), layer)
    return _activated(assembly, made, layer)


def _conv(assembly: Assembly, value: Value, layer: Layer) -> Value:
    config = layer.config
    weight = _kernel(layer, 4).transpose(3, 2, 0, 1)
    windows, padding = windows_of(value, config, weight.shape[2:], "kernel_size")
    read = _signed(assembly, value, layer)
    pad = float(config.get("pad_values") or 0.0)
    if pad and any(padding):
        read = read.padded((*padding[:2], 0), (*padding[2:], 0), pad)
        padding = (0, 0, 0, 0)
    made = assembly.conv2d(
        read.transposed((2, 0, 1)),
        weight,
        stride=windows.stride,
        padding=padding,
        dilation=windows.dilation,
        groups=int(config.get("groups", 1)),
    ).transposed((1, 2, 0))
    return _activated(assembly, _biased(made, layer), layer)


def _batch_norm(_assembly: Assembly, value: Value, layer: Layer) -> Value:
    axis = layer.config.get("axis", -1)
    (place,) = axis if isinstance(axis, list) else (axis,)
    if place not in (-1, len(value.shape)):
        raise NetworkError(f"it normalises the axis {place}; only the last one can be read")
    variance = layer.array("moving_variance", 1) + float(layer.config.get("epsilon", 1e-3))
    if not np.all(variance > 0):
        raise NetworkError(f"a variance is {variance.min()}; it must be above 0")
    factor = 1 / exact(np.sqrt(variance))
    if layer.config.get("scale", True):
        factor = factor * exact(layer.array("gamma", 1))
    offset = -factor * exact(layer.array("moving_mean", 1))
    if layer.config.get("center", True):
        offset = offset + exact(layer.array("beta", 1))
    return value.scaled(factor, offset)


def _max_pool(assembly: Assembly, value: Value, layer: Layer) -> Value:
    windows, _ = windows_of(value, layer.config, layer.config["pool_size"], "pool_size")
    return assembly.max_pool(value.transposed((2, 0, 1)), windows).transposed((1, 2, 0))


def _average_pool(assembly: Assembly, value: Value, layer: Layer) -> Value:
    windows, _ = windows_of(value, layer.config, layer.config["pool_size"], "pool_size")
    return assembly.average_pool(value.transposed((2, 0, 1)), windows).transposed((1, 2, 0))


def _global_average(assembly: Assembly, value: Value, layer: Layer) -> Value:
    _refuse_channels_first(layer)
    if len(value.shape) != 3 or layer.config.get("keepdims"):
        raise NetworkError("only images of (rows, columns, channels) have a mean of each channel")
    made = assembly.channel_means(value.transposed((2, 0, 1)))
    return made.arranged((made.size,))


def _refuse_channels_first(layer: Layer) -> None:
    if layer.config.get("data_format", "channels_last") not in (None, "channels_last"):
        raise NetworkError(
            f"its data_format is {layer.config['data_format']!r}; only images of (rows, columns, "
            "channels), channels_last, can be read"
        )


def _flatten(_assembly: Assembly, value: Value, layer: Layer) -> Value:
    if len(value.shape) > 1:
        _refuse_channels_first(layer)
    return value.arranged((value.size,))


def _reshape(_assembly: Assembly, value: Value, layer: Layer) -> Value:
    shape = [int(size) for size in layer.config["target_shape"]]
    if shape.count(-1) == 1:
        rest = -int(np.prod(shape))
        shape[shape.index(-1)] = value.size // rest if rest else 0
    return value.arranged(tuple(shape))


def _activation(assembly: Assembly, value: Value, layer: Layer) -> Value:
    return _activated(assembly, value, layer)


def _softmax(_assembly: Assembly, value: Value, layer: Layer) -> Value:
    return _ordered_alike(value, layer, "softmax", axis=layer.config.get("axis", -1))


def _quantizer(assembly: Assembly, value: Value, layer: Layer) -> Value:
    return assembly.sign(value, at_zero=SIGNS[layer.kind])


def _rescaling(_assembly: Assembly, value: Value, layer: Layer) -> Value:
    return value.scaled(layer.config["scale"], layer.config.get("offset", 0.0))


def _same(_assembly: Assembly, value: Value, _layer: Layer) -> Value:
    return value


RULES: Mapping[str, Callable[[Assembly, Value, Layer], Value]] = {
    "InputLayer": _same,
    "Dense": _dense,
    "QuantDense": _dense,
    "BinaryDense": _dense,
    "Conv2D": _conv,
    "QuantConv2D": _conv,
    "BinaryConv2D": _conv,
    "BatchNormalization": _batch_norm,
    "MaxPooling2D": _max_pool,
    "AveragePooling2D": _average_pool,
    "GlobalAveragePooling2D": _global_average,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Rescaling": _rescaling,
    "Activation": _activation,
    "SteSign": _quantizer,
    "ApproxSign": _quantizer,
    "SwishSign": _quantizer,
    "Softmax": _softmax,
    "Dropout": _same,
    "GaussianNoise": _same,
    "SpatialDropout2D": _same,
}
"""A layer's class -> what it means. Another is a function and a line."""
