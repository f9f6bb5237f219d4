"""What signs neurons may have, sixteen or eight of them at once, for Numba kernels.

A neuron of the second layer has a range of sums. One above it may have each sign iff enough of its
inputs may suit that sign. The loops are in the language of LLVM: see `vectors`.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from signflip.exact.vectors import LANES, called, data_of, is_array, load_vector, loop, spread

NEURONS = 8
"""Neurons above the second layer that are taken together."""
_INDEX, _WORD = ir.IntType(64), ir.IntType(64)


def _bits(builder: Any, vector: Any) -> Any:
    """A vector of truths as the low bits of a word."""
    return builder.zext(builder.bitcast(vector, ir.IntType(vector.type.count)), _WORD)


def _both(builder: Any, plus: Any, minus: Any) -> Any:
    """Two words, the second above what is used of the first."""
    count = plus.type.count
    high = builder.shl(_bits(builder, minus), ir.Constant(_WORD, count))
    return builder.or_(_bits(builder, plus), high)


def _range_bits(_context: Any, sums: Any, gain: Any, loss: Any, first: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(16), LANES)
        places = [
            builder.gep(data_of(context, builder, kind, value), [arguments[3]])
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]
        sums, gain, loss = (load_vector(builder, place, vector, 2) for place in places)
        zero = ir.Constant(vector, [0] * LANES)
        # what is too large for 16 bits stays as large as they can say
        most, least = (
            called(builder, f"llvm.{name}.sat.v{LANES}i16", vector, pair)
            for name, pair in (("sadd", [sums, gain]), ("ssub", [sums, loss]))
        )
        plus = builder.icmp_signed(">=", most, zero)
        return _both(builder, plus, builder.icmp_signed("<", least, zero))

    fits = all(is_array(kind, types.int16, 1) for kind in (sums, gain, loss))
    if not fits or first != types.int64:
        return None
    return types.uint64(sums, gain, loss, first), generate


range_bits = cast("Callable[..., Any]", intrinsic(_range_bits))
"""`range_bits(sums, gain, loss, first)`: a bit for each of `LANES` neurons from `first` on.

It is set where `sums + gain >= 0`, and `LANES` bits higher where `sums - loss < 0`.
"""


def _enough_bits(
    _context: Any,
    plus: Any,
    minus: Any,
    known: Any,
    row: Any,
    for_plus: Any,
    for_minus: Any,
    first: Any,
) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, zero = ir.VectorType(_WORD, NEURONS), ir.Constant(_INDEX, 0)
        row, first = arguments[3], arguments[6]
        data = {
            k: data_of(context, builder, signature.args[k], arguments[k]) for k in (0, 1, 2, 4, 5)
        }
        shape = context.make_array(signature.args[0])(context, builder, arguments[0]).shape
        words, width = (builder.extract_value(shape, k) for k in (0, 1))

        def wanted(of: int, place: Any) -> Any:
            return load_vector(builder, builder.gep(data[of], [place]), vector, 8)

        def step(word: Any, totals: list[Any]) -> list[Any]:
            here = builder.add(builder.mul(word, width), first)
            weights = [wanted(k, here) for k in (0, 1)]
            start = builder.add(builder.mul(row, words), word)
            may = [
                spread(builder, builder.load(builder.gep(data[2], [place])), vector)
                for place in (start, builder.add(start, words))
            ]
            raised = []
            for total, suits in zip(totals, (weights, weights[::-1]), strict=True):
                inputs = builder.or_(builder.and_(may[0], suits[0]), builder.and_(may[1], suits[1]))
                ones = called(builder, f"llvm.ctpop.v{NEURONS}i64", vector, [inputs])
                raised.append(builder.add(total, ones))
            return raised

        nothing = ir.Constant(vector, [0] * NEURONS)
        _, totals = loop(builder, (zero, words, 1), [nothing] * 2, step)
        enough = [
            builder.icmp_signed(">=", total, wanted(of, first))
            for total, of in zip(totals, (4, 5), strict=True)
        ]
        return _both(builder, *enough)

    tables = all(is_array(kind, types.uint64, 2) for kind in (plus, minus, known))
    lists = all(is_array(kind, types.int64, 1) for kind in (for_plus, for_minus))
    if not tables or not lists or (row, first) != (types.int64, types.int64):
        return None
    return types.uint64(plus, minus, known, row, for_plus, for_minus, first), generate


enough_bits = cast("Callable[..., Any]", intrinsic(_enough_bits))
"""`enough_bits(plus, minus, known, row, for_plus, for_minus, first)`: a bit for each of `NEURONS`.

`plus` and `minus` (words, neurons) are their weights, packed; `known[row]` says which inputs may be
+1, and `known[row + 1]` which may be -1. A neuron's bit is set where at least `for_plus` inputs may
suit its weights, and `NEURONS` bits higher where at least `for_minus` may oppose them.
"""
