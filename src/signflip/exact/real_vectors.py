"""Loops on vectors of float32 for the steps of `relaxation`, written as those of `vectors` are."""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from signflip.exact.vectors import (
    LANES,
    called,
    data_of,
    is_array,
    load_vector,
    loop,
    picked,
    spread,
)

_UNROLLED = 4
"""Sums that are kept beside each other, as one addition after the other would wait."""
_INDEX = ir.IntType(64)
_START = ir.Constant(_INDEX, 0)
_NUMBER = ir.FloatType()
_VECTOR = ir.VectorType(_NUMBER, LANES)
_NOTHING = ir.Constant(_VECTOR, [0.0] * LANES)


def _added_times(builder: Any, total: Any, number: Any, vector: Any) -> Any:
    """A total and a vector times the number at an address: one instruction, where there is it."""
    factor = spread(builder, builder.load(number), _VECTOR)
    product = builder.fmul(factor, vector, flags=["contract"])
    return builder.fadd(total, product, flags=["contract"])


def _turned(_context: Any, table: Any, row: Any, factors: Any, count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, weights = (data_of(context, builder, signature.args[k], arguments[k]) for k in (0, 2))

        def row_at(place: Any) -> Any:
            return builder.gep(rows, [builder.mul(place, ir.Constant(_INDEX, LANES))])

        def step(place: Any, totals: list[Any]) -> list[Any]:
            raised = []
            for k, total in enumerate(totals):
                here = builder.add(place, ir.Constant(_INDEX, k))
                known = load_vector(builder, row_at(here), _VECTOR, 4)
                raised.append(_added_times(builder, total, builder.gep(weights, [here]), known))
            return raised

        end = arguments[3]
        place, totals = loop(builder, (_START, end, _UNROLLED), [_NOTHING] * _UNROLLED, step)
        _, first = loop(builder, (place, end, 1), totals[:1], step)
        totals = [*first, *totals[1:]]
        while len(totals) > 1:
            totals = [builder.fadd(a, b) for a, b in zip(totals[::2], totals[1::2], strict=True)]
        squares = builder.fmul(totals[0], totals[0])
        size = LANES
        while size > 1:
            size //= 2
            ends = (list(range(first, first + size)) for first in (0, size))
            squares = builder.fadd(*(picked(builder, squares, squares, end) for end in ends))
        square = builder.extract_element(squares, ir.Constant(ir.IntType(32), 0))
        length = called(builder, "llvm.sqrt.f32", _NUMBER, [square])
        shorter = spread(builder, builder.fdiv(ir.Constant(_NUMBER, 1.0), length), _VECTOR)
        own = row_at(arguments[1])
        some = builder.fcmp_ordered(">", length, ir.Constant(_NUMBER, 0.0))
        unit = builder.fmul(totals[0], shorter)
        chosen = builder.select(some, unit, load_vector(builder, own, _VECTOR, 4))
        builder.store(chosen, builder.bitcast(own, _VECTOR.as_pointer())).align = 4
        return length

    fits = is_array(table, types.float32, 2) and is_array(factors, types.float32, 1)
    if not fits or (row, count) != (types.int64, types.int64):
        return None
    return types.float32(table, row, factors, count), generate


turned = cast("Callable[..., Any]", intrinsic(_turned))
"""Set a row of a float32 table (N, LANES) to a sum of its first `count`, made a unit vector.

`turned(table, row, factors, count)` adds up `factors[j] * table[j]`, and returns the length of the
sum. Where that is 0, the row stays.
"""


def _squared_sums(
    _context: Any, table: Any, factors: Any, first: Any, count: Any, sums: Any
) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = builder.udiv(builder.extract_value(array.strides, 0), ir.Constant(_INDEX, 4))
        weights, target = (
            data_of(context, builder, signature.args[k], arguments[k]) for k in (1, 4)
        )
        column = builder.gep(array.data, [arguments[2]])

        def added(total: Any, begin: int) -> Any:
            """The squares of half of the sums, which are as many as fit into a processor."""

            def step(place: Any, totals: list[Any]) -> list[Any]:
                address = builder.gep(column, [builder.mul(place, width)])
                known = load_vector(builder, address, _VECTOR, 4)
                row = builder.mul(place, ir.Constant(_INDEX, LANES))
                raised = []
                for k, old in enumerate(totals):
                    here = builder.add(row, ir.Constant(_INDEX, begin + k))
                    factor = builder.gep(weights, [here])
                    raised.append(_added_times(builder, old, factor, known))
                return raised

            places = _START, arguments[3], 1
            _, found = loop(builder, places, [_NOTHING] * (LANES // 2), step)
            for value in found:
                square = builder.fmul(value, value, flags=["contract"])
                total = builder.fadd(total, square, flags=["contract"])
            return total

        total = added(added(_NOTHING, 0), LANES // 2)
        place = builder.bitcast(builder.gep(target, [arguments[2]]), _VECTOR.as_pointer())
        builder.store(total, place).align = 4
        return context.get_dummy_value()

    real = types.float32
    fits = is_array(table, real, 2) and is_array(factors, real, 2) and is_array(sums, real, 1)
    if not fits or (first, count) != (types.int64, types.int64):
        return None
    return types.void(table, factors, first, count, sums), generate


squared_sums = cast("Callable[..., None]", intrinsic(_squared_sums))
"""Squares of sums of float32 rows, added up for `LANES` columns at once.

`squared_sums(table, factors, first, count, sums)` writes to `sums[first : first + LANES]`, column
by column, the sum over a of the square of the sum over q below `count` of `factors[q, a] *
table[q]`; `factors` (N, LANES).
"""
