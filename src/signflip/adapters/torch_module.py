"""A binarized network as a PyTorch module: exact forward, and a surrogate's slope backward.

Class values are those of the network itself, so whatever a library finds by this module is judged
by the true network. The gradient is that of a surrogate (`signflip.methods.surrogate` says which
unit its width is measured in; here the image is the row itself, since a module knows no other).
"""

import math
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from signflip.errors import DataError
from signflip.methods.surrogate import (
    BLACK,
    FINEST,
    Slope,
    check_width,
    share_of_reach,
    slope_named,
)
from signflip.network import UNIT_ROUNDOFF, BinaryNetwork, OutputLayer, SignLayer, check_network
from signflip.network.maps.sparse import SparseMap
from signflip.problem.regions.box import check_epsilon

_FLOATS = (torch.float32, torch.float64)


class TorchNetwork(nn.Module):
    """A `BinaryNetwork` as a module for attacks of other libraries.

    `forward` reads images (N, inputs) or (N, ...) with as many values, such as (N, 1, 28, 28),
    float32 or float64, in the range of the network, and gives class values (N, classes) in the same
    type. Their `argmax` is `network.predict` of the images, exactly, at ties of neurons and of
    classes too.

    Attributes:
        network: the network.
        slope: what a layer reads when the gradient is made.
        width: half the width of the ramp, in the surrogate's unit.
        epsilon: radius of the ball that an attack keeps to, None for none.
    """

    def __init__(
        self, network: BinaryNetwork, slope: Slope, width: float, epsilon: float | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.slope = slope
        self.width = width
        self.epsilon = epsilon
        self.layers = nn.ModuleList(
            _SignLayer(layer, k, epsilon) for k, layer in enumerate(network.hidden)
        )
        self.output = _Output(network.output)

    def forward(self, images: Tensor) -> Tensor:
        """Class values (N, classes) of images (N, ...).

        Raises:
            DataError: the images are no tensor, have another number of values or type, or a value
                is not finite.
        """
        if not isinstance(images, Tensor):
            raise DataError(
                f"images are of type {type(images).__name__}; the module reads a tensor: "
                "torch.tensor(images)"
            )
        flat = self._flat(images)
        # autocast would round what must be exact
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            signs = []
            below = flat.detach()
            for layer in self._layers():
                below = layer.signs(below)
                signs.append(below)
            exact = self.output.values(below, flat.dtype)
        if not (torch.is_grad_enabled() and images.requires_grad):
            return exact
        relaxed = self._relaxed(flat, signs)
        # its value is 0, its gradient the surrogate's
        return exact + (relaxed - relaxed.detach())

    def _relaxed(self, flat: Tensor, signs: list[Tensor]) -> Tensor:
        below = flat
        for layer, sign in zip(self._layers(), signs, strict=True):
            ramp = functional.hardtanh(layer.distance(below) / self.width)
            through = self.slope is Slope.STRAIGHT_THROUGH
            below = ramp + (sign.to(ramp.dtype) - ramp).detach() if through else ramp
        # a scale may be beyond the range of float32 where class values are not
        return self.output.real_values(below.double()).to(flat.dtype)

    def _layers(self) -> list["_SignLayer"]:
        return [cast("_SignLayer", layer) for layer in self.layers]

    def _flat(self, images: Tensor) -> Tensor:
        if images.dtype not in _FLOATS:
            raise DataError(
                f"images are {images.dtype}; the module reads float32 and float64: use "
                "images.float()"
            )
        shape, flat = self.network.image_shape, self.network.inputs
        each = tuple(images.shape[1:])
        right = each in ((flat,), shape, (1, *shape))
        if not right and not (len(shape) == 1 and math.prod(each) == flat and each):
            raise DataError(
                f"images have shape {tuple(images.shape)}; this network reads (N, {flat}) or "
                f"{('N', *shape)}: channels come first".replace("'", "")
            )
        return images.reshape(len(images), self.network.inputs)


class _SignLayer(nn.Module):
    """A hidden layer: exact signs, and the distance from the threshold as a ramp measures it."""

    def __init__(self, layer: SignLayer, index: int, epsilon: float | None) -> None:
        super().__init__()
        self.layer = layer
        self.reads_reals = index == 0
        self.map = torch_map(layer)
        if self.reads_reals:
            threshold = layer.threshold
        else:
            # midway between the sums that answer -1 and those that answer +1, so none is doubtful
            threshold = layer.integer_threshold.astype(np.float64) - 1
        # as bits: module.float() would round them
        self.register_buffer("threshold_bits", torch.from_numpy(threshold.view(np.int64).copy()))
        roots = np.sqrt(np.maximum(layer.map.fan_in, 1))
        self.roots = roots.tolist()
        self.most = None  # (neurons,) the largest units that a ball can use
        if self.reads_reals and epsilon is not None:
            self.most = share_of_reach(roots) * epsilon * layer.map.fan_in

    def signs(self, below: Tensor) -> Tensor:
        """Signs (N, neurons) of what lies below (N, inputs), exact."""
        if not self.reads_reals:
            # whole numbers, which float32 holds
            return _signs(self.map(below) - self._threshold(below.dtype))
        values = below.double()
        gaps = self.map(values) - self._threshold(torch.float64)
        magnitude = values.abs().sum(dim=1, keepdim=True)
        # Higham 2002, section 4.2, doubled; as in `SignLayer`, and one term more: the threshold's
        error = 2 * (self.layer.inputs + 1) * UNIT_ROUNDOFF * (magnitude + gaps.abs())
        signs = _signs(gaps)
        doubtful = torch.nonzero(~(gaps.abs() > error).all(dim=1))[:, 0]
        if len(doubtful):
            rows = values[doubtful].cpu().numpy()
            if not np.isfinite(rows).all():
                raise DataError("an image holds a value that is not finite; every one must be")
            settled = torch.from_numpy(self.layer.signs_of_reals(rows))
            signs[doubtful] = settled.to(signs.device, signs.dtype)
        return signs.to(below.dtype)

    def distance(self, below: Tensor) -> Tensor:
        """Sums less threshold (N, neurons), in the unit of the surrogate."""
        unit = torch.tensor(self.roots, dtype=below.dtype, device=below.device)
        threshold = self._threshold(torch.float64)
        # a constant neuron's threshold may be beyond the range of float32
        limit = torch.full_like(threshold[:1], 2.0 * self.layer.inputs)
        if self.reads_reals:
            values = below.detach()
            norm = values.norm(dim=1, keepdim=True)
            norm = torch.where(norm > BLACK, norm, torch.ones_like(norm))
            unit = unit * norm / self.layer.inputs**0.5
            if self.most is not None:
                most = torch.tensor(self.most, dtype=below.dtype, device=below.device)
                unit = torch.minimum(torch.maximum(most, FINEST * unit), unit)
            # of each image by itself: no gradient depends on what else is in the batch
            limit = limit * values.double().abs().amax(dim=1, keepdim=True).clamp(min=1.0)
        threshold = torch.minimum(torch.maximum(threshold, -limit), limit).to(below.dtype)
        distance: Tensor = (self.map(below) - threshold) / unit
        return distance

    def _threshold(self, dtype: torch.dtype) -> Tensor:
        return cast("Tensor", self.threshold_bits).view(torch.float64).to(dtype)


class _Output(nn.Module):
    """The output layer: class values whose order is exact."""

    def __init__(self, output: OutputLayer) -> None:
        super().__init__()
        self.output = output
        self.map = torch_map(output)
        for name in ("scale", "bias"):
            bits = torch.from_numpy(getattr(output, name).view(np.int64).copy())
            self.register_buffer(f"{name}_bits", bits)
        self.largest = output.largest

    def values(self, signs: Tensor, dtype: torch.dtype) -> Tensor:
        """Class values (N, classes) in `dtype`; their `argmax` is the exact prediction."""
        if self.largest > torch.finfo(dtype).max:
            raise DataError(
                f"class values may reach {self.largest:g}, beyond {dtype}: use images.double()"
            )
        exact = self.real_values(signs.double())
        values = exact.to(dtype)
        if self.output.plain:
            return values
        prediction = self._predictions(signs, exact)
        rows = torch.nonzero(values.argmax(dim=1) != prediction)[:, 0]
        if len(rows):
            # rounding has joined or swapped two classes: put the right one just above
            top = values[rows].amax(dim=1)
            values[rows, prediction[rows]] = torch.nextafter(top, torch.full_like(top, torch.inf))
        return values

    def _predictions(self, signs: Tensor, values: Tensor) -> Tensor:
        """Classes (N,) of float64 values, exact where two of them are too close to tell."""
        best = values.topk(2, dim=1).values
        prediction = values.argmax(dim=1)
        # each value is a sum of so many terms, rounded (Higham 2002, section 4.2)
        error = 2 * (self.output.inputs + 4) * UNIT_ROUNDOFF * self.largest
        close = torch.nonzero(best[:, 0] - best[:, 1] <= 2 * error)[:, 0]
        if len(close):
            exact = self.output.rankings(signs[close].cpu().numpy().astype(np.int8))[:, 0]
            prediction[close] = torch.from_numpy(exact.copy()).to(prediction.device)
        return prediction

    def real_values(self, below: Tensor) -> Tensor:
        """`scale * (weight . h) + bias` (N, classes) for h (N, inputs) of signs or on ramps."""
        scale, bias = (
            cast("Tensor", bits).view(torch.float64).to(below.dtype)
            for bits in (self.scale_bits, self.bias_bits)
        )
        values: Tensor = scale * self.map(below) + bias
        return values


class _Dense(nn.Module):
    """`weight . x` for a matrix."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        # a parameter, since libraries ask the first one for the device
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, below: Tensor) -> Tensor:
        return functional.linear(below, self.weight.to(below.dtype))


class _Real(nn.Module):
    """The same for real weights."""

    def __init__(self, weight: npt.NDArray[np.float64]) -> None:
        super().__init__()
        # as bits: module.float() would round them
        self.register_buffer("weight_bits", torch.from_numpy(weight.view(np.int64).copy()))

    def forward(self, below: Tensor) -> Tensor:
        weight = cast("Tensor", self.weight_bits).view(torch.float64)
        return functional.linear(below, weight.to(below.dtype))


class _Sparse(nn.Module):
    """The same for a matrix that is mostly 0: convolutions, pools, and networks made sparse."""

    def __init__(self, part: SparseMap) -> None:
        super().__init__()
        matrix = part.matrix.tocoo()
        places = np.stack([matrix.row, matrix.col]).astype(np.int64)
        self.register_buffer("places", torch.from_numpy(places))
        weight = torch.from_numpy(matrix.data.astype(np.float32))
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.shape = (part.neurons, part.inputs)

    def forward(self, below: Tensor) -> Tensor:
        places, weight = cast("Tensor", self.places), self.weight.to(below.dtype)
        matrix = torch.sparse_coo_tensor(
            places, weight, self.shape, is_coalesced=True, check_invariants=False
        )
        sums: Tensor = torch.sparse.mm(matrix, below.T).T
        return sums


def torch_map(layer: SignLayer | OutputLayer) -> nn.Module:
    """The linear map of a layer: (N, inputs) to (N, neurons), with a gradient. One branch a map."""
    if isinstance(layer, OutputLayer):
        if layer.real:
            return _Real(np.ascontiguousarray(layer.weight, dtype=np.float64))
        return _Dense(torch.from_numpy(layer.weight.astype(np.float32)))
    if isinstance(layer.map, SparseMap):
        return _Sparse(layer.map)
    return _Dense(torch.from_numpy(layer.map.rows(slice(None)).astype(np.float32)))


def to_torch(
    network: BinaryNetwork,
    *,
    slope: Slope | str = Slope.RAMP,
    width: float = 1.0,
    epsilon: float | None = None,
) -> TorchNetwork:
    """The network as a PyTorch module, for attacks of other libraries.

    Args:
        network: the network.
        slope: `ramp` or `straight-through`: what a layer reads when the gradient is made.
        width: half the width of the linear part of the ramp; 1 is the paper's, narrower ones are
            nearer to the network, with gradients that are more often 0.
        epsilon: radius of the ball that an attack keeps to, in the unit of the image: the first
            layer's ramps are then no wider than what it can use. None for ramps of any image.

    Raises:
        NetworkError: it is no network.
        SettingError: no slope has that name, or the width is out of range.
        ProblemError: epsilon is.
    """
    check_network(network)
    check_width(width)
    if epsilon is not None:
        check_epsilon(epsilon, network.input_range)
        epsilon = float(epsilon)  # of any kind of number
    return TorchNetwork(network, slope_named(slope), width, epsilon).eval()


def _signs(gaps: Tensor) -> Tensor:
    return (gaps >= 0).to(gaps.dtype) * 2 - 1
