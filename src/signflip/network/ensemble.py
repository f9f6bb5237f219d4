"""Several networks as one: its class values are the sums of theirs.

Layers are set side by side. The first ones read the same image; so do later ones, as long as the
layers below are the same in each network (input thresholds are), which are then kept once. Behind
layers that differ each network reads only its own neurons. Nothing but the output adds anything up,
so the ensemble is a `BinaryNetwork` like any other, to be attacked, proved and saved.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from signflip.arrays import Floats
from signflip.errors import NetworkError
from signflip.network.maps import Conv2d, Dense, LinearMap, Sparse, kind_of
from signflip.network.network import BinaryNetwork, check_network
from signflip.network.output_layer import OutputLayer
from signflip.network.sign_layer import SignLayer

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def ensemble(networks: Sequence[BinaryNetwork]) -> BinaryNetwork:
    """The network whose class values are the sums of those of `networks`.

    Args:
        networks: at least 1, of the same inputs and classes and as many hidden layers.

    Returns:
        It, with an empty card. Class values are exact sums where scales, and sums of biases, are
        numbers that float64 holds, as whole ones are; else they are rounded to the nearest.

    Raises:
        NetworkError: there is no network, or they do not fit each other.
    """
    if not isinstance(networks, Sequence):
        raise NetworkError(
            f"the networks of an ensemble are {networks!r:.60}; they must be a list: [one, other]"
        )
    if not networks:
        raise NetworkError("an ensemble has 0 networks; it needs at least 1")
    first = networks[0]
    for index, network in enumerate(networks):
        check_network(network)
        for name in ("inputs", "classes", "input_range"):
            own, others = getattr(network, name), getattr(first, name)
            if own != others:
                raise NetworkError(
                    f"network {index} of the ensemble has {name} {own}, and network 0 has "
                    f"{others}; all must agree"
                )
        if len(network.hidden) != len(first.hidden):
            raise NetworkError(
                f"network {index} of the ensemble has {len(network.hidden)} hidden layers, and "
                f"network 0 has {len(first.hidden)}; all must have as many"
            )
    hidden = []
    meet = True
    for layers in zip(*(network.hidden for network in networks), strict=True):
        if meet and all(_same(layer, layers[0]) for layer in layers):
            hidden.append(layers[0])
            continue
        joined = _joined([layer.map for layer in layers], apart=not meet)
        hidden.append(SignLayer(joined, np.concatenate([layer.threshold for layer in layers])))
        meet = False
    return BinaryNetwork(
        hidden=tuple(hidden),
        output=_output([network.output for network in networks], shared=meet),
        input_range=first.input_range,
        input_shape=first.input_shape,
    )


def _same(layer: SignLayer, other: SignLayer) -> bool:
    if kind_of(layer.map) != kind_of(other.map):
        return False
    own, others = layer.map.parts(), other.map.parts()
    return (
        own.keys() == others.keys()
        and all(np.array_equal(own[name], others[name]) for name in own)
        and np.array_equal(layer.threshold, other.threshold)
    )


def _joined(maps: Sequence[LinearMap], *, apart: bool) -> LinearMap:
    """Maps side by side: of the same values, or `apart`, of the values of each beside each other.

    A matrix is it always; convolutions of one shape, and dense maps, stay what they are.
    """
    convolutions = [each for each in maps if isinstance(each, Conv2d)]
    if len(convolutions) == len(maps):
        joined = Conv2d.joined(convolutions, apart=apart)
        if joined is not None:
            return joined
    from scipy.sparse import block_diag, vstack

    matrices = [_matrix(each) for each in maps]
    matrix: Any = block_diag(matrices, format="csr") if apart else vstack(matrices, format="csr")
    if all(isinstance(each, Dense) for each in maps):
        return Dense(matrix.toarray())
    return Sparse(matrix, None if apart else maps[0].input_shape)


def _matrix(linear: LinearMap) -> "csr_array":
    from scipy.sparse import csr_array

    return csr_array(linear.rows(slice(None)))


def _output(outputs: Sequence[OutputLayer], *, shared: bool) -> OutputLayer:
    """Their sum; `shared` where all read the same neurons."""
    first = outputs[0]
    weights: list[Floats] = [each.weight.astype(np.float64) for each in outputs]
    scale = first.scale
    if not all(np.array_equal(each.scale, scale) for each in outputs):
        weights = [a * each.scale[:, None] for a, each in zip(weights, outputs, strict=True)]
        scale = np.ones(first.classes)
    weight: Floats = np.sum(weights, axis=0) if shared else np.hstack(weights)
    bias: Floats = np.sum([each.bias for each in outputs], axis=0)
    return OutputLayer(weight=weight, scale=scale, bias=bias)
