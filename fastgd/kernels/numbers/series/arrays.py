"""Arrays of numbers that a function makes, too long for a `View`: on the heap, as Numba has them.

Numba's own implementations index them, slice them and loop over them. Here they are made, and what is computed element
by element is written into them.
"""

import operator
from functools import partial

from numba.core import cgutils, types

from fastgd.kernels.numbers.dual import Dual, union
from fastgd.kernels.numbers.functions import IN_PLACE
from fastgd.kernels.numbers.series.expressions import (
    LongArray,
    Series,
    check,
    held,
    hold,
    is_long,
    is_ours,
    known,
    read,
    shape_of,
    stored,
)
from fastgd.kernels.numbers.vectors import WORD, Row


def array_of_shape(dual, shape):
    """Return the type of the array of a shape, a number or a tuple of numbers; None of anything else."""
    lengths = list(shape) if isinstance(shape, types.BaseTuple) else [shape]
    known_ndim = 0 < len(lengths) <= 2 and all(isinstance(length, types.Integer) for length in lengths)
    return LongArray(dual, len(lengths), "C") if known_ndim else None


def array_like(dual, sequence):
    """Return the type of the array of a sequence's shape; None if it is not of floats of 64 bits."""
    is_known = is_long(sequence) and (isinstance(sequence.dtype, Dual) or sequence.dtype == types.float64)
    return LongArray(dual, sequence.ndim, "C") if is_known else None


def make_array(context, builder, array, kind, value, number=None):
    """Return an array of a number everywhere, in LLVM: of this shape, or like this sequence, or a copy of that."""
    if is_long(kind):
        shape = shape_of(context, builder, kind, value)
    else:
        kinds = list(kind) if isinstance(kind, types.BaseTuple) else [kind]
        lengths = cgutils.unpack_tuple(builder, value, len(kinds)) if isinstance(kind, types.BaseTuple) else [value]
        shape = [context.cast(builder, *pair, types.intp) for pair in zip(lengths, kinds, strict=True)]
        for length in shape:
            check(context, builder, builder.icmp_signed(">=", length, WORD(0)), "negative dimensions not allowed")
    if number is not None:
        return stored(context, builder, array, lambda *at: number, shape)
    element = read(context, builder, kind, value)
    cast = partial(context.cast, builder, fromty=kind.dtype, toty=array.dtype)
    return stored(context, builder, array, lambda *at: cast(val=element(*at)), shape)


# ---- written element by element --------------------------------------------------------------------------------------


def _takes(array, kind):
    """Tell whether an array has room for each number of a sequence: for each of their derivatives."""
    is_array = isinstance(array, LongArray) and array.mutable
    return is_array and union(array.dtype, kind.dtype) == array.dtype and kind.ndim <= array.ndim


def _write_all(context, builder, array, target, series, value):
    """Set the elements of an array to those of an expression; raise ValueError if it has not as many, or one."""
    shape = shape_of(context, builder, array, target)
    own = shape_of(context, builder, series, value)
    element = read(context, builder, series, value)
    steps = []
    for length, ours in zip(shape[len(shape) - len(own) :], own, strict=True):
        is_one = builder.icmp_signed("==", ours, WORD(1))
        fits = builder.or_(is_one, builder.icmp_signed("==", ours, length))
        check(context, builder, fits, "could not be broadcast into an array of another shape")
        steps.append(builder.zext(builder.not_(is_one), WORD))
    struct = context.make_array(array)(context, builder, target)
    with cgutils.loop_nest(builder, shape, WORD) as at:
        places = [builder.mul(*pair) for pair in zip(at[len(at) - len(own) :], steps, strict=True)]
        number = context.cast(builder, element(*places), series.dtype, array.dtype)
        pointer = cgutils.get_item_pointer(context, builder, array, struct, at)
        context.pack_value(builder, array.dtype, number, pointer)


def _computed(function, typing_context, array, *others):
    """Return the Series that an operator in place computes, None if the array has no room for it."""
    found = typing_context.resolve_function_type(function, (array, *others), {})
    made = found and found.return_type
    return found if isinstance(made, Series) and _takes(array, made) else None


def _in_place(function):
    def result(typing_context, *kinds):
        is_known = len(kinds) == 2 and isinstance(kinds[0], LongArray)
        return kinds[0] if is_known and _computed(function, typing_context, *kinds) else None

    def write(context, builder, sig, values):
        found = _computed(function, context.typing_context, *sig.args)
        function_type = context.typing_context.resolve_value_type(function)
        made = context.get_function(function_type, found)(builder, values)
        _write_all(context, builder, sig.args[0], values[0], found.return_type, made)
        context.nrt.decref(builder, found.return_type, made)
        context.nrt.incref(builder, sig.args[0], values[0])
        return values[0]

    return result, write


for _function, _operator in IN_PLACE.items():
    known(_function, *_in_place(_operator))


def _set_type(typing_context, array, index, value, *others):
    """Return nothing's type if a part of an array can be set to a sequence."""
    is_known = isinstance(array, LongArray) and isinstance(index, types.SliceType) and not others
    if not is_known or not (isinstance(value, Row) or (is_long(value) and is_ours(value))):
        return None
    is_row = isinstance(value, Row) and union(array.dtype, value.dtype) == array.dtype
    return types.void if array.ndim == 1 and array.mutable and (is_row or _takes(array, value)) else None


def _set(context, builder, sig, values):
    array, index, kind = sig.args
    function_type = context.typing_context.resolve_value_type(operator.getitem)
    found = context.typing_context.resolve_function_type(function_type, (array, index), {})
    part = context.get_function(function_type, found)(builder, values[:2])
    value = hold(context, builder, kind, values[2])  # a copy of another part of the array, which this may overlap
    _write_all(context, builder, found.return_type, part, held(kind), value)
    context.nrt.decref(builder, held(kind), value)
    context.nrt.decref(builder, found.return_type, part)
    return context.get_dummy_value()


known(operator.setitem, _set_type, _set)
