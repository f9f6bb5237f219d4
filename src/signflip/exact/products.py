"""Products of 16-bit matrices, exact and on vectors, for Numba kernels.

Numba widens small integers to 64 bits when it adds or multiplies them; what is written here keeps
them small, so that sixteen fit a register.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from signflip.compiled import compiled

I16 = np.int16
I32 = np.int32
Small = npt.NDArray[np.int16]
Whole = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int32]


def _multiply_add(_context: Any, total: Any, a: Any, b: Any) -> Any:

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(32)
        product = builder.mul(builder.sext(arguments[1], wide), builder.sext(arguments[2], wide))
        return builder.add(arguments[0], product)

    wanted = (types.int32, types.int16, types.int16)
    return (types.int32(*wanted), generate) if (total, a, b) == wanted else None


# inside a kernel: a 32-bit sum and two 16-bit factors
multiply_add = cast("Callable[[Any, Any, Any], Any]", intrinsic(_multiply_add))
"""`total + a * b` in 32 bits."""


@compiled(inner=True)
def add_rows(total: Small, matrix: Small, factors: Small, rows: Indices, count: int) -> None:
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
    """Write `matrix[rows[q]] . vector` to `products[q]` for q below `count`, in 32 bits."""
    width = vector.shape[0]
    q = 0
    while q + 4 <= count:
        r0, r1, r2, r3 = (
            matrix[rows[q]],
            matrix[rows[q + 1]],
            matrix[rows[q + 2]],
            matrix[rows[q + 3]],
        )
        a, b, c, d = I32(0), I32(0), I32(0), I32(0)
        for k in range(width):
            x = vector[k]
            a = multiply_add(a, r0[k], x)
            b = multiply_add(b, r1[k], x)
            c = multiply_add(c, r2[k], x)
            d = multiply_add(d, r3[k], x)
        products[q], products[q + 1], products[q + 2], products[q + 3] = a, b, c, d
        q += 4
    while q < count:
        row = matrix[rows[q]]
        a = I32(0)
        for k in range(width):
            a = multiply_add(a, row[k], vector[k])
        products[q] = a
        q += 1


@compiled(inner=True)
def gram(left: Small, right: Small, count: int, width: int, products: Whole) -> None:
    """Write `left[i, :width] . right[j, :width]` to `products[i, j]` and `[j, i]`, i, j < count.

    For a product that is symmetric; in 32 bits.
    """
    for i in range(count):
        x = left[i]
        j = 0
        while j + 4 <= i + 1:
            r0, r1, r2, r3 = right[j], right[j + 1], right[j + 2], right[j + 3]
            a, b, c, d = I32(0), I32(0), I32(0), I32(0)
            for k in range(width):
                y = x[k]
                a = multiply_add(a, r0[k], y)
                b = multiply_add(b, r1[k], y)
                c = multiply_add(c, r2[k], y)
                d = multiply_add(d, r3[k], y)
            products[i, j], products[i, j + 1] = a, b
            products[i, j + 2], products[i, j + 3] = c, d
            products[j, i], products[j + 1, i] = a, b
            products[j + 2, i], products[j + 3, i] = c, d
            j += 4
        while j <= i:
            row = right[j]
            a = I32(0)
            for k in range(width):
                a = multiply_add(a, x[k], row[k])
            products[i, j] = products[j, i] = a
            j += 1
