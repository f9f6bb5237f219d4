"""Real output weights as whole numbers: what each useful neuron is worth, and what a rival needs.

A lead is `(sum_k n_k h_k + constant) / denominator` with whole numbers n_k. Its rival is ahead of a
value iff the |n_k| of the useful neurons, those with h_k = sign(n_k), add up to more than
`(value * denominator - constant + sum_k |n_k|) / 2`. In steps of a size g, each |n_k| is rounded up
to its worth and the threshold to the next whole number: that can only let through too much.
"""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.network.output_layer import Lead

FRACTION = 10
"""The mean worth is 2^10 steps."""


def _sizes(lead: Lead) -> tuple[int, int]:
    """`sum_k |n_k|`, and how many n_k are not 0; each at least 1."""
    total, count = int(np.abs(lead.numerators).sum()), int(np.count_nonzero(lead.numerators))
    return max(total, 1), max(count, 1)


def worths_of(lead: Lead) -> npt.NDArray[np.int64]:
    """(width,) |n_k| / g, rounded up."""
    total, count = _sizes(lead)
    sizes = [abs(int(n)) for n in lead.numerators]
    return np.array([-(-(size * count << FRACTION) // total) for size in sizes], dtype=np.int64)


def need_of(lead: Lead, value: Fraction, *, level: bool) -> int:
    """The worth, in steps, without which a rival's lead is not above `value`.

    Args:
        lead: of the rival.
        value: what it has to beat.
        level: whether `value` itself will do.
    """
    total, count = _sizes(lead)
    least = (value * lead.denominator - lead.constant + int(np.abs(lead.numerators).sum())) / 2
    steps = Fraction(least) * (count << FRACTION) / total
    need = math.ceil(steps) if level else math.floor(steps) + 1
    # all together are worth less than 2 count 2^F
    return min(max(need, 0), count << (FRACTION + 1))
