"""Loops on vectors, in the language of LLVM, for Numba kernels.

Numba widens small integers to 64 bits when it adds or multiplies them, and where LLVM does not find
the right instruction in what is left, the loop is written here.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16
"""Numbers that are taken together."""
_UNROLLED = 4
"""Sums that are kept beside each other, as one addition after the other would wait."""
TOGETHER = LANES * _UNROLLED
_INDEX = ir.IntType(64)
_NARROW = ir.VectorType(ir.IntType(16), LANES)
_WIDE = ir.VectorType(ir.IntType(32), LANES // 2)
_NOTHING = ir.Constant(_WIDE, [0] * (LANES // 2))
_START = ir.Constant(_INDEX, 0)


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


def data_of(context: Any, builder: Any, array: Any, value: Any) -> Any:
    """The address of an array's first number."""
    return context.make_array(array)(context, builder, value).data


def called(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """A call of a function of LLVM itself, on vectors."""
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def is_array(kind: Any, number: Any, dimensions: int) -> bool:
    """Whether a type is that of such an array, whose numbers lie one after the other."""
    return isinstance(kind, types.Array) and (kind.dtype, kind.ndim, kind.layout) == (
        number,
        dimensions,
        "C",
    )


def load_vector(builder: Any, address: Any, vector: Any, alignment: int) -> Any:
    """A vector from an address that is aligned as its numbers are, in bytes."""
    loaded = builder.load(builder.bitcast(address, vector.as_pointer()))
    loaded.align = alignment
    return loaded


def _pair_products(context: Any, builder: Any, total: Any, a: Any, b: Any) -> Any:
    """Add products of two vectors of 16 bits to a vector of half as many sums of 32 bits."""
    wide = total.type
    if "+avx2" in context.codegen().magic_tuple()[2]:
        # LLVM makes one instruction of this and the addition where there is one, but not of
        # what it is the short form for
        products = called(builder, "llvm.x86.avx2.pmadd.wd", wide, [a, b])
        return builder.add(total, products)
    longer = ir.VectorType(ir.IntType(32), LANES)
    products = builder.mul(builder.sext(a, longer), builder.sext(b, longer))
    for first in (0, LANES // 2):
        half = list(range(first, first + LANES // 2))
        total = builder.add(total, picked(builder, products, products, half))
    return total


def picked(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
    """Numbers of two vectors, which are counted through."""
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
    return builder.shuffle_vector(a, b, chosen)


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """The sums of four vectors of eight numbers, as one of four."""

    def halved(a: Any, b: Any) -> Any:
        """Sums of neighbours: first those of `a`, then those of `b`."""
        count = a.type.count
        first, second = (picked(builder, a, b, list(range(k, 2 * count, 2))) for k in (0, 1))
        return builder.add(first, second)

    a, b, c, d = vectors
    together = halved(halved(a, b), halved(c, d))
    low, high = (picked(builder, together, together, list(range(k, 8, 2))) for k in (0, 1))
    return builder.add(low, high)


def loop(
    builder: Any,
    places: tuple[Any, Any, int],
    totals: list[Any],
    body: Callable[[Any, list[Any]], list[Any]],
) -> tuple[Any, list[Any]]:
    """A loop that sums up, as long as a whole step fits.

    Args:
        builder: where the code goes, and goes on after the loop.
        places: the first, the end, and the step; the first two are words.
        totals: what there is before the first step.
        body: called with the place and the totals, makes the totals after a step.

    Returns:
        The first place that was left, and the totals.
    """
    first, end, step = places
    length = ir.Constant(first.type, step)
    before = builder.block
    inside, after = (builder.append_basic_block(name) for name in ("step", "done"))
    builder.cbranch(builder.icmp_signed("<=", builder.add(first, length), end), inside, after)
    builder.position_at_end(inside)
    place = builder.phi(first.type)
    known = [builder.phi(total.type) for total in totals]
    raised = body(place, known)
    following = builder.add(place, length)
    last = builder.block
    more = builder.icmp_signed("<=", builder.add(following, length), end)
    builder.cbranch(more, inside, after)
    builder.position_at_end(after)
    found = []
    each = ((place, first, following), *zip(known, totals, raised, strict=True))
    for inner, old, new in each:
        inner.add_incoming(old, before)
        inner.add_incoming(new, last)
        final = builder.phi(inner.type)
        final.add_incoming(old, before)
        final.add_incoming(new, last)
        found.append(final)
    return found[0], found[1:]


def spread(builder: Any, value: Any, vector: Any) -> Any:
    """A vector of one number, over and over."""
    blank = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(blank, value, ir.Constant(ir.IntType(32), 0))
    return picked(builder, one, blank, [0] * vector.count)


def _numbers(builder: Any, vector: Any) -> list[Any]:
    number = ir.IntType(32)
    return [
        builder.extract_element(vector, ir.Constant(number, k)) for k in range(vector.type.count)
    ]


def _four_dots(_context: Any, a: Any, b: Any, c: Any, d: Any, x: Any, count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [
            data_of(context, builder, kind, value)
            for kind, value in zip(signature.args[:5], arguments[:5], strict=True)
        ]

        def step(place: Any, totals: list[Any]) -> list[Any]:
            *factors, other = (
                load_vector(builder, builder.gep(row, [place]), _NARROW, 2) for row in rows
            )
            pairs = zip(totals, factors, strict=True)
            return [_pair_products(context, builder, *pair, other) for pair in pairs]

        places = _START, arguments[5], LANES
        _, totals = loop(builder, places, [_NOTHING] * 4, step)
        each = _numbers(builder, _sums(builder, totals))
        return context.make_tuple(builder, signature.return_type, each)

    if not all(is_array(kind, types.int16, 1) for kind in (a, b, c, d, x)) or count != types.int64:
        return None
    four: Any = types.UniTuple
    return four(types.int32, 4)(a, b, c, d, x, count), generate


four_dots = cast("Callable[..., tuple[Any, Any, Any, Any]]", intrinsic(_four_dots))
"""`a . x`, `b . x`, `c . x` and `d . x` in 32 bits, of the first numbers of 16 bits.

As many as `count` says, rounded down to a multiple of `LANES`.
"""


def _size(_context: Any, weights: Any, values: Any, count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [data_of(context, builder, signature.args[k], arguments[k]) for k in (0, 1)]
        least = ir.Constant(ir.IntType(1), 0)  # the size of -2^15 is -2^15

        def step(place: Any, totals: list[Any]) -> list[Any]:
            raised = []
            for k, total in enumerate(totals):
                here = builder.add(place, ir.Constant(_INDEX, k * LANES))
                weight, value = (
                    load_vector(builder, builder.gep(row, [here]), _NARROW, 2) for row in rows
                )
                size = called(builder, f"llvm.abs.v{LANES}i16", _NARROW, [value, least])
                raised.append(_pair_products(context, builder, total, weight, size))
            return raised

        places = _START, arguments[2], TOGETHER
        _, totals = loop(builder, places, [_NOTHING] * _UNROLLED, step)
        a, b, c, d = _numbers(builder, _sums(builder, totals))
        return builder.add(builder.add(a, b), builder.add(c, d))

    if not all(is_array(kind, types.int16, 1) for kind in (weights, values)):
        return None
    return (types.int32(weights, values, count), generate) if count == types.int64 else None


weighted_size = cast("Callable[..., Any]", intrinsic(_size))
"""The sum of `weights * |values|` in 32 bits, of the first `count` numbers of 16 bits.

As many as `count` says, rounded down to a multiple of `TOGETHER`.
"""
