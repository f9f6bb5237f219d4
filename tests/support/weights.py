"""Whole matrices, for tests: the package itself looks at a map only through its methods."""

from signflip.network import SignLayer, Signs


def weights_of(layer: SignLayer) -> Signs:
    """(neurons, inputs) int8."""
    return layer.map.rows(slice(None))
