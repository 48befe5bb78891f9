"""Sums over sequences of any length and tables, and what else combines all their elements to one.

A sum is taken in eight, of every eighth element each, which are added in the end: LLVM takes them a vector register at
a time, and its digits are the same wherever it stands. For that elements are written into a short buffer first.
"""

from functools import partial

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from fastgd.kernels.numbers.dual import Dual, union
from fastgd.kernels.numbers.functions import applied
from fastgd.kernels.numbers.series.expressions import (
    Series,
    check,
    is_expression,
    known,
    read,
    shape_of,
    store,
    stored_series,
)
from fastgd.kernels.numbers.vectors import WORD

_SIDE = 8  # sums that are taken beside one another
_BLOCK = 64  # elements that are written before they are added: what is written stays in the nearest cache


def summed(context, builder, kind, element, count):
    """Return the sum of so many elements, in LLVM: of each of the float64s that a number is made of."""
    number = context.get_value_type(kind)
    beside = ir.VectorType(ir.DoubleType(), _SIDE)
    zero = ir.Constant(beside, None)
    parts = range(len(number.elements))
    buffers = [cgutils.alloca_once(builder, ir.DoubleType(), size=_BLOCK + _SIDE) for _ in parts]
    totals = [cgutils.alloca_once_value(builder, zero) for _ in parts]
    for buffer in buffers:
        buffer.align = 8 * _SIDE

    def eight(buffer, at):
        return builder.bitcast(builder.gep(buffer, [at]), beside.as_pointer())

    with cgutils.for_range_slice(builder, WORD(0), count, WORD(_BLOCK), WORD) as (first, _):
        left = builder.sub(count, first)
        here = builder.select(builder.icmp_signed("<", left, WORD(_BLOCK)), left, WORD(_BLOCK))
        with cgutils.for_range(builder, here, intp=WORD) as loop:
            values = cgutils.unpack_tuple(builder, element(builder.add(first, loop.index)), len(parts))
            for buffer, value in zip(buffers, values, strict=True):
                builder.store(value, builder.gep(buffer, [loop.index]))
        for buffer in buffers:  # what is beyond the last is 0
            builder.store(zero, eight(buffer, here), align=8)
        with cgutils.for_range_slice(builder, WORD(0), here, WORD(_SIDE), WORD) as (at, _):
            for buffer, total in zip(buffers, totals, strict=True):
                builder.store(
                    builder.fadd(builder.load(total), builder.load(eight(buffer, at), align=8 * _SIDE)), total
                )
    return cgutils.pack_struct(builder, [_across(builder, builder.load(total)) for total in totals])


def _across(builder, beside):
    """Return the sum of a vector register's elements."""
    sums = [builder.extract_element(beside, ir.IntType(32)(k)) for k in range(_SIDE)]
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [builder.fadd(one, other) for one, other in zip(sums[:half], sums[half:], strict=True)]
    return sums[0]


def _read_number(context, builder, kind, value):
    """Return how an element is read, as a number of fastgd's."""
    element = read(context, builder, kind, value)
    return lambda *at: context.cast(builder, element(*at), kind.dtype, union(kind.dtype))


def _sum(context, builder, sig, arguments):
    series = sig.args[0]
    kind = sig.return_type
    element = _read_number(context, builder, series, arguments[0])
    *rows, count = shape_of(context, builder, series, arguments[0])
    if not rows:
        return summed(context, builder, kind, element, count)
    total = cgutils.alloca_once_value(builder, ir.Constant(context.get_value_type(kind), None))
    with cgutils.for_range(builder, *rows, intp=WORD) as loop:
        row = summed(context, builder, kind, partial(element, loop.index), count)
        builder.store(applied(context, builder, np.add, (kind, kind), (builder.load(total), row)), total)
    return builder.load(total)


def _folded(function, start=None):
    """Return how the elements of a Series are combined, the first with the second and so on."""

    def fold(context, builder, sig, arguments):
        series = sig.args[0]
        kind = sig.return_type
        element = _read_number(context, builder, series, arguments[0])
        shape = shape_of(context, builder, series, arguments[0])
        if start is None:
            for length in shape:
                check(context, builder, builder.icmp_signed(">", length, WORD(0)), "of no element there is none")
            first = element(*(WORD(0) for _ in shape))
        else:
            first = context.cast(builder, ir.DoubleType()(start), types.float64, kind)
        total = cgutils.alloca_once_value(builder, first)
        with cgutils.loop_nest(builder, shape, WORD) as at:  # the first once more, which changes neither extreme
            pair = (builder.load(total), element(*at))
            builder.store(applied(context, builder, function, (kind, kind), pair), total)
        return builder.load(total)

    return fold


def _of_floats(typing_context, series, *others):
    is_known = is_expression(series) and isinstance(series.dtype, Dual | types.Float) and not others
    return union(series.dtype) if is_known else None


for _function, _write in {
    np.sum: _sum,
    sum: _sum,
    np.prod: _folded(np.multiply, 1.0),
    **dict.fromkeys((np.max, np.amax), _folded(np.maximum)),
    **dict.fromkeys((np.min, np.amin), _folded(np.minimum)),
}.items():
    known(_function, _of_floats, _write)


def _counted(is_found):
    """Return how the truth values of a Series are combined: to whether one `is_found`, or all are not."""

    def fold(context, builder, sig, arguments):
        element = read(context, builder, sig.args[0], arguments[0])
        result = cgutils.alloca_once_value(builder, ir.IntType(1)(not is_found))
        with cgutils.loop_nest(builder, shape_of(context, builder, sig.args[0], arguments[0]), WORD) as at:
            combine = builder.or_ if is_found else builder.and_
            builder.store(combine(builder.load(result), element(*at)), result)
        return builder.load(result)

    return fold


def _of_truths(typing_context, series, *others):
    is_known = isinstance(series, Series) and isinstance(series.dtype, types.Boolean) and not others
    return types.boolean if is_known else None


known(np.any, _of_truths, _counted(is_found=True))
known(np.all, _of_truths, _counted(is_found=False))


def _running(typing_context, series, *others):
    is_known = _of_floats(typing_context, series, *others) and series.ndim == 1
    return stored_series(union(series.dtype)) if is_known else None


def _cumsum(context, builder, sig, arguments):
    series = sig.args[0]
    kind = sig.return_type.dtype
    element = _read_number(context, builder, series, arguments[0])
    total = cgutils.alloca_once_value(builder, ir.Constant(context.get_value_type(kind), None))

    def sum_so_far(at):
        so_far = applied(context, builder, np.add, (kind, kind), (builder.load(total), element(at)))
        builder.store(so_far, total)
        return so_far

    return store(context, builder, sig.return_type, sum_so_far, shape_of(context, builder, series, arguments[0]))


known(np.cumsum, _running, _cumsum)
