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
        total = builder.add(total, _picked(builder, products, products, half))
    return total


def _picked(builder: Any, a: Any, b: Any, places: list[int]) -> Any:
    """Numbers of two vectors, which are counted through."""
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
    return builder.shuffle_vector(a, b, chosen)


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """The sums of four vectors of eight numbers, as one of four."""

    def halved(a: Any, b: Any) -> Any:
        """Sums of neighbours: first those of `a`, then those of `b`."""
        count = a.type.count
        first, second = (_picked(builder, a, b, list(range(k, 2 * count, 2))) for k in (0, 1))
        return builder.add(first, second)

    a, b, c, d = vectors
    together = halved(halved(a, b), halved(c, d))
    low, high = (_picked(builder, together, together, list(range(k, 8, 2))) for k in (0, 1))
    return builder.add(low, high)


def _four_dots(_context: Any, a: Any, b: Any, c: Any, d: Any, x: Any, count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index = ir.IntType(64)
        narrow = ir.VectorType(ir.IntType(16), LANES)
        wide = ir.VectorType(ir.IntType(32), LANES // 2)
        rows = [
            data_of(context, builder, kind, value)
            for kind, value in zip(signature.args[:5], arguments[:5], strict=True)
        ]
        before, end = builder.block, arguments[5]
        loop, after = (builder.append_basic_block(name) for name in ("products", "sums"))
        nothing = ir.Constant(wide, [0] * (LANES // 2))
        some = builder.icmp_signed(">=", end, ir.Constant(index, LANES))
        builder.cbranch(some, loop, after)
        builder.position_at_end(loop)
        place = builder.phi(index)
        place.add_incoming(ir.Constant(index, 0), before)
        totals = [builder.phi(wide) for _ in range(4)]
        factors = [load_vector(builder, builder.gep(row, [place]), narrow, 2) for row in rows]
        raised = []
        for total, factor in zip(totals, factors[:4], strict=True):
            total.add_incoming(nothing, before)
            raised.append(_pair_products(context, builder, total, factor, factors[4]))
            total.add_incoming(raised[-1], loop)
        following = builder.add(place, ir.Constant(index, LANES))
        place.add_incoming(following, loop)
        past = builder.add(following, ir.Constant(index, LANES))
        builder.cbranch(builder.icmp_signed("<=", past, end), loop, after)
        builder.position_at_end(after)
        sums = []
        for total in raised:
            final = builder.phi(wide)
            final.add_incoming(nothing, before)
            final.add_incoming(total, loop)
            sums.append(final)
        found = _sums(builder, sums)
        number = ir.IntType(32)
        each = [builder.extract_element(found, ir.Constant(number, k)) for k in range(4)]
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
        index = ir.IntType(64)
        narrow = ir.VectorType(ir.IntType(16), LANES)
        wide = ir.VectorType(ir.IntType(32), LANES // 2)
        rows = [data_of(context, builder, signature.args[k], arguments[k]) for k in (0, 1)]
        before, step = builder.block, LANES * _UNROLLED
        loop, after = (builder.append_basic_block(name) for name in ("sizes", "size"))
        nothing = ir.Constant(wide, [0] * (LANES // 2))
        some = builder.icmp_signed(">=", arguments[2], ir.Constant(index, step))
        builder.cbranch(some, loop, after)
        builder.position_at_end(loop)
        place = builder.phi(index)
        place.add_incoming(ir.Constant(index, 0), before)
        totals = [builder.phi(wide) for _ in range(_UNROLLED)]
        raised = []
        for k, total in enumerate(totals):
            total.add_incoming(nothing, before)
            here = builder.add(place, ir.Constant(index, k * LANES))
            weight, value = (load_vector(builder, builder.gep(r, [here]), narrow, 2) for r in rows)
            kept = ir.Constant(ir.IntType(1), 0)
            name = f"llvm.abs.v{LANES}i16"
            size = called(builder, name, narrow, [value, kept])
            raised.append(_pair_products(context, builder, total, weight, size))
            total.add_incoming(raised[-1], loop)
        following = builder.add(place, ir.Constant(index, step))
        place.add_incoming(following, loop)
        past = builder.add(following, ir.Constant(index, step))
        builder.cbranch(builder.icmp_signed("<=", past, arguments[2]), loop, after)
        builder.position_at_end(after)
        sums = []
        for total in raised:
            final = builder.phi(wide)
            final.add_incoming(nothing, before)
            final.add_incoming(total, loop)
            sums.append(final)
        found, number = _sums(builder, sums), ir.IntType(32)
        each = [builder.extract_element(found, ir.Constant(number, k)) for k in range(4)]
        return builder.add(builder.add(each[0], each[1]), builder.add(each[2], each[3]))

    if not all(is_array(kind, types.int16, 1) for kind in (weights, values)):
        return None
    return (types.int32(weights, values, count), generate) if count == types.int64 else None


weighted_size = cast("Callable[..., Any]", intrinsic(_size))
"""The sum of `weights * |values|` in 32 bits, of the first `count` numbers of 16 bits.

As many as `count` says, rounded down to a multiple of `TOGETHER`.
"""


def _turned(_context: Any, table: Any, row: Any, factors: Any, count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, index = ir.FloatType(), ir.IntType(64)
        vector = ir.VectorType(number, LANES)
        rows, weights = (data_of(context, builder, signature.args[k], arguments[k]) for k in (0, 2))
        end, lanes, zero = arguments[3], ir.Constant(index, LANES), ir.Constant(index, 0)
        blank = ir.Constant(vector, ir.Undefined)
        first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

        def spread(value: Any) -> Any:
            one = builder.insert_element(blank, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(one, blank, first)

        def place(at: Any) -> Any:
            return builder.gep(rows, [builder.mul(at, lanes)])

        def added(total: Any, at: Any) -> Any:
            factor = spread(builder.load(builder.gep(weights, [at])))
            product = builder.fmul(
                factor, load_vector(builder, place(at), vector, 4), flags=["contract"]
            )
            return builder.fadd(total, product, flags=["contract"])

        nothing = ir.Constant(vector, [0.0] * LANES)
        totals, at = [nothing] * _UNROLLED, zero
        for step in (_UNROLLED, 1):
            before = builder.block
            loop = builder.append_basic_block("rows")
            after = builder.append_basic_block("sum")
            length = ir.Constant(index, step)
            some = builder.icmp_signed("<=", builder.add(at, length), end)
            builder.cbranch(some, loop, after)
            builder.position_at_end(loop)
            here = builder.phi(index)
            here.add_incoming(at, before)
            sums = [builder.phi(vector) for _ in range(step)]
            for k, known in enumerate(sums):
                known.add_incoming(totals[k], before)
            raised = [
                added(known, builder.add(here, ir.Constant(index, k)))
                for k, known in enumerate(sums)
            ]
            following = builder.add(here, length)
            here.add_incoming(following, loop)
            for known, new in zip(sums, raised, strict=True):
                known.add_incoming(new, loop)
            more = builder.icmp_signed("<=", builder.add(following, length), end)
            builder.cbranch(more, loop, after)
            builder.position_at_end(after)
            reached = builder.phi(index)
            reached.add_incoming(at, before)
            reached.add_incoming(following, loop)
            finals = []
            for k, new in enumerate(raised):
                final = builder.phi(vector)
                final.add_incoming(totals[k], before)
                final.add_incoming(new, loop)
                finals.append(final)
            at, totals = reached, finals + totals[step:]
        while len(totals) > 1:
            pairs = zip(totals[::2], totals[1::2], strict=True)
            totals = [builder.fadd(one, other) for one, other in pairs]
        total = totals[0]
        squares = builder.fmul(total, total)
        size = LANES
        while size > 1:
            size //= 2
            halves = (
                _picked(builder, squares, squares, list(range(k, k + size))) for k in (0, size)
            )
            squares = builder.fadd(*halves)
        square = builder.extract_element(squares, ir.Constant(ir.IntType(32), 0))
        root = builder.module.declare_intrinsic("llvm.sqrt", [number])
        length = builder.call(root, [square])
        unit = builder.fmul(total, spread(builder.fdiv(ir.Constant(number, 1.0), length)))
        own = place(arguments[1])
        some = builder.fcmp_ordered(">", length, ir.Constant(number, 0.0))
        chosen = builder.select(some, unit, load_vector(builder, own, vector, 4))
        builder.store(chosen, builder.bitcast(own, vector.as_pointer())).align = 4
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
