"""Norms: how large a perturbation is."""

from enum import Enum
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats


class Norm(Enum):
    """What a perturbation's size is."""

    LINF = "linf"
    """The largest change of a pixel: epsilon."""
    L1 = "l1"
    """The sum of all changes."""


def exact_distance(image: Floats, other: Floats, norm: Norm) -> float:
    """The norm of `other - image`, both (inputs,), computed exactly and rounded up."""
    pairs = zip(image.tolist(), other.tolist(), strict=True)
    changes = [abs(Fraction(there) - Fraction(here)) for here, there in pairs if here != there]
    if not changes:
        return 0.0
    exact = max(changes) if norm is Norm.LINF else sum(changes, start=Fraction(0))
    nearest_float = float(exact)
    if Fraction(nearest_float) < exact:
        return float(np.nextafter(nearest_float, np.inf))
    return nearest_float
