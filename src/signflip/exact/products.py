"""Products of 16-bit matrices, exact and on vectors, for Numba kernels."""

import numpy as np
import numpy.typing as npt

from signflip.arrays import Signs
from signflip.compiled import compiled
from signflip.exact.vectors import LANES, four_dots, multiply_add

I16 = np.int16
I32 = np.int32
Small = npt.NDArray[np.int16]
Whole = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int32]


@compiled(inner=True)
def add_rows(
    total: Small, matrix: Small | Signs, factors: Small, rows: Indices, count: int
) -> None:
    """Add `factors[q] * matrix[rows[q]]` to `total` for q below `count`, modulo 2^16."""
    width = total.shape[0]
    q = 0
    while q + 4 <= count:
        r0, r1, r2, r3 = (
            matrix[rows[q]],
            matrix[rows[q + 1]],
            matrix[rows[q + 2]],
            matrix[rows[q + 3]],
        )
        f0, f1, f2, f3 = factors[q], factors[q + 1], factors[q + 2], factors[q + 3]
        for k in range(width):
            total[k] += I16(f0 * r0[k]) + I16(f1 * r1[k]) + I16(f2 * r2[k]) + I16(f3 * r3[k])
        q += 4
    while q < count:
        row = matrix[rows[q]]
        factor = factors[q]
        for k in range(width):
            total[k] += I16(factor * row[k])
        q += 1


@compiled(inner=True)
def dot_rows(matrix: Small, vector: Small, rows: Indices, count: int, products: Whole) -> None:
    """Write `matrix[rows[q]] . vector` to `products[q]` for q below `count`, in 32 bits.

    Slow for what is more than a multiple of `LANES` in width; so is `gram`.
    """
    width = vector.shape[0]
    last = count - 1
    for q in range(0, count, 4):
        # the last row more than once where there are no four
        i, j, k = min(q + 1, last), min(q + 2, last), min(q + 3, last)
        r0, r1, r2, r3 = matrix[rows[q]], matrix[rows[i]], matrix[rows[j]], matrix[rows[k]]
        a, b, c, d = four_dots(r0, r1, r2, r3, vector, width)
        for z in range(width - width % LANES, width):
            x = vector[z]
            a, b = multiply_add(a, r0[z], x), multiply_add(b, r1[z], x)
            c, d = multiply_add(c, r2[z], x), multiply_add(d, r3[z], x)
        products[q], products[i], products[j], products[k] = a, b, c, d


@compiled(inner=True)
def gram(left: Small, right: Small, count: int, width: int, products: Whole) -> None:
    """Write `left[i, :width] . right[j, :width]` to `products[i, j]` and `[j, i]`, i, j < count.

    For a product that is symmetric; in 32 bits.
    """
    for i in range(count):
        x = left[i]
        for q in range(0, i + 1, 4):
            j, k, m = min(q + 1, i), min(q + 2, i), min(q + 3, i)
            r0, r1, r2, r3 = right[q], right[j], right[k], right[m]
            a, b, c, d = four_dots(r0, r1, r2, r3, x, width)
            for z in range(width - width % LANES, width):
                y = x[z]
                a, b = multiply_add(a, r0[z], y), multiply_add(b, r1[z], y)
                c, d = multiply_add(c, r2[z], y), multiply_add(d, r3[z], y)
            products[i, q], products[i, j] = a, b
            products[i, k], products[i, m] = c, d
            products[q, i], products[j, i] = a, b
            products[k, i], products[m, i] = c, d
