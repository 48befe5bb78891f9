"""Functions of numbers, of each element of arrays of any length and of `expressions.Series`: which are such again.

At least one operand is fastgd's own, a number, a row or a Series: what arrays of Numba's are among themselves stays
Numba's. What meets a row of several elements has their number, and is computed at once: a Vector.
"""

from functools import partial

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.numbers.dual import Dual, is_number
from fastgd.kernels.numbers.functions import FUNCTIONS, IN_PLACE, POWERS, applied, of_numbers, result_of
from fastgd.kernels.numbers.series.expressions import (
    Series,
    check,
    held,
    hold,
    is_long,
    is_ours,
    known,
    length_of,
    read,
    series_of,
    shape_of,
    store,
    stored_series,
)
from fastgd.kernels.numbers.vectors import WORD, Row, Vector, elements_of, vector_of

_MOST_OPERATIONS = 32  # of an expression, whose code is written out wherever it is read
_NO_BROADCAST = "operands could not be broadcast together"


class Elementwise:
    """A function of the elements of operands; a number counts for all."""

    def __init__(self, function):
        self.function = function

    def __repr__(self):
        return self.function.__name__

    def read(self, context, builder, series, operands):
        """Return how an element is read."""
        kinds = tuple(map(_element, series.operands))
        readers = [_broadcast(context, builder, *operand) for operand in zip(series.operands, operands, strict=True)]
        is_power = self.function in POWERS and isinstance(kinds[0], Dual)
        write = _power if is_power and isinstance(series.operands[1], types.Integer | types.Float) else applied
        return lambda *at: write(context, builder, self.function, kinds, [reader(*at) for reader in readers])


def _element(kind):
    return kind.dtype if is_long(kind) or isinstance(kind, Row) else kind


def _broadcast(context, builder, kind, value):
    """Return how the element of an operand is read where one may count for all, and a sequence for each row."""
    element = read(context, builder, kind, value)
    steps = [  # LLVM looks whether one is 1, not at a select
        builder.zext(builder.icmp_signed("!=", own, WORD(1)), WORD) for own in shape_of(context, builder, kind, value)
    ]

    def broadcast(*at):
        own = at[len(at) - len(steps) :]
        return element(*(builder.mul(one, step) for one, step in zip(own, steps, strict=True)))

    return broadcast


def _power(context, builder, function, kinds, values):
    """Return a power by an exponent for all: products if it is a small number, as LLVM knows if the source says."""
    base, exponent = values
    number = context.cast(builder, exponent, kinds[1], types.float64)
    ways = {small: [base, small] for small in (2, 3, 4)} | {None: values}
    after = builder.append_basic_block("power")
    powers = []
    for small, way in ways.items():
        others = after
        if small:
            here = builder.append_basic_block("power.products")
            others = builder.append_basic_block("power.others")
            builder.cbranch(builder.fcmp_ordered("==", number, ir.DoubleType()(float(small))), here, others)
            builder.position_at_end(here)
        powers.append((applied(context, builder, function, kinds, way), builder.block))
        builder.branch(after)
        builder.position_at_end(others)
    result = builder.phi(powers[0][0].type)
    for power in powers:
        result.add_incoming(*power)
    return result


# ---- types -----------------------------------------------------------------------------------------------------------


def _alone(kind):
    """Return the type of a row's only element, another type as it is."""
    return kind.dtype if isinstance(kind, Row) and kind.count == 1 else kind


def _as_rows(kinds):
    """Return types with Vectors in the place of long sequences, if they meet a row of several elements; else None."""
    counts = {kind.count for kind in kinds if isinstance(kind, Row)} - {1}
    if not counts or any(is_long(kind, 2) for kind in kinds):
        return None
    return [Vector([kind.dtype] * max(counts)) if is_long(kind) else kind for kind in kinds]


def _read_type(function, typing_context, *kinds):
    """Return what a function of such operands is, at least one of them long: a Series, a Vector, or None if nothing."""
    if not (any(map(is_long, kinds)) and any(map(is_ours, kinds))) or (
        function in IN_PLACE and (is_long(kinds[0]) or isinstance(kinds[0], Row))
    ):
        return None
    if rows := _as_rows(kinds):
        found = typing_context.resolve_function_type(function, tuple(rows), {})
        return found and found.return_type
    each = of_numbers(function)
    operands = tuple(held(_alone(kind)) for kind in kinds)
    if each is None or not all(is_number(_element(kind)) for kind in operands):
        return None
    dtype = result_of(typing_context, each, tuple(map(_element, operands)))
    ndim = max(kind.ndim for kind in operands if is_long(kind))
    return dtype and Series(Elementwise(each), operands, dtype, ndim)


def _type_of(function, typing_context, *kinds):
    """Return the same; what would take many operations each time it is read is computed once."""
    made = _read_type(function, typing_context, *kinds)
    return stored_series(made.dtype, made.ndim) if isinstance(made, Series) and made.size > _MOST_OPERATIONS else made


# ---- in LLVM ---------------------------------------------------------------------------------------------------------


def _as_row(context, builder, kind, value, count):
    """Return the Vector of so many elements of a sequence; raise ValueError if it has not as many, or one."""
    length = length_of(context, builder, kind, value)
    fits = [builder.icmp_signed("==", length, WORD(own)) for own in (count, 1)]
    check(context, builder, builder.or_(*fits), _NO_BROADCAST)
    return vector_of(builder, _all(builder, _broadcast(context, builder, kind, value), count))


def _all(builder, element, count):
    """Return so many elements: written once, in a loop, for one may be a sum over samples."""
    with cgutils.for_range(builder, WORD(count), intp=WORD) as loop:
        each = element(loop.index)
        place = cgutils.alloca_once(builder, each.type, size=count)
        builder.store(each, builder.gep(place, [loop.index]))
    return [builder.load(builder.gep(place, [WORD(k)])) for k in range(count)]


def row_of(count):
    """Return the function of a Series that gives the Vector of its elements, and raises ValueError at another count."""

    @intrinsic
    def as_vector(typing_context, series):
        def generate(context, builder, sig, arguments):
            length = length_of(context, builder, series, arguments[0])
            check(
                context, builder, builder.icmp_signed("==", length, WORD(count)), "a gradient must be as long as theta"
            )
            return vector_of(builder, _all(builder, read(context, builder, series, arguments[0]), count))

        return Vector([series.dtype] * count)(series), generate

    return as_vector


def _written(function, context, builder, sig, values):
    """Return a function of such operands."""
    result = sig.return_type
    kinds = sig.args
    if rows := _as_rows(kinds):
        count = result.count
        values = [
            _as_row(context, builder, kind, value, count) if is_long(kind) else value
            for kind, value in zip(kinds, values, strict=True)
        ]
        function_type = context.typing_context.resolve_value_type(function)
        found = context.typing_context.resolve_function_type(function_type, tuple(rows), {})
        return context.get_function(function_type, found)(builder, values)
    if not all(isinstance(value, ir.Value) for value in values):
        raise NotImplementedError  # by which Numba understands that it must pass numbers as any others
    operands = []
    shape = [WORD(1)] * result.ndim
    for kind, value in zip(kinds, values, strict=True):
        own = shape_of(context, builder, kind, value)
        for axis, length in enumerate(own, result.ndim - len(own)):
            shape[axis] = _common(context, builder, shape[axis], length)
        if _alone(kind) is not kind:
            operands += elements_of(builder, kind, value)
        else:
            operands.append(hold(context, builder, kind, value))
    made = _read_type(function, context.typing_context, *kinds)
    series = series_of(context, builder, made, operands, shape)
    if made == result:
        return series
    kept = store(context, builder, result, read(context, builder, made, series), shape)
    context.nrt.decref(builder, made, series)
    return kept


def _common(context, builder, one, other):
    """Return the length of what sequences of these lengths are combined to: one element counts for all."""
    is_one = builder.icmp_signed("==", one, WORD(1))
    are_equal = builder.icmp_signed("==", one, other)
    fits = builder.or_(are_equal, builder.or_(is_one, builder.icmp_signed("==", other, WORD(1))))
    check(context, builder, fits, _NO_BROADCAST)
    return builder.select(is_one, other, one)


for _function in FUNCTIONS:
    known(_function, partial(_type_of, _function), partial(_written, _function))
