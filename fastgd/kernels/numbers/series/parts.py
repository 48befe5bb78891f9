"""Elements and slices of an `expressions.Series`, loops over it, and its length, known when the function runs."""

import operator
from functools import reduce

import numpy as np
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl, lower_getattr
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer,
    infer_getattr,
    infer_global,
    signature,
)
from numba.cpython.slicing import fix_slice, get_slice_length, guard_invalid_slice, make_slice_from_constant
from numba.extending import lower_builtin

from fastgd.kernels.numbers.indexing import within
from fastgd.kernels.numbers.series.expressions import (
    LongArray,
    Series,
    SeriesIterator,
    is_expression,
    length_of,
    read,
    series_of,
    shape_of,
)
from fastgd.kernels.numbers.vectors import WORD, Row


class _Slice:
    """The elements of a Series from one on, some steps apart."""

    def __repr__(self):
        return "slice"

    def read(self, context, builder, series, operands):
        """Return how an element is read."""
        whole, start, step = operands
        element = read(context, builder, series.operands[0], whole)
        return lambda at: element(builder.add(start, builder.mul(step, at)))


_SLICE = _Slice()


def part_of(series):
    """Return the type of a part of a sequence; it holds that, its first element's place, and the step to the next."""
    return Series(_SLICE, (series, types.intp, types.intp), series.dtype)


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, arguments, keywords):
        series, index = arguments
        if not isinstance(series, Series) or series.ndim > 1:
            return None
        if isinstance(index, types.Integer):
            return signature(series.dtype, series, index)
        if isinstance(index, types.SliceType):
            return signature(part_of(series), series, index)


@lower_builtin(operator.getitem, Series, types.Integer)
def _element(context, builder, sig, arguments):
    series, index_type = sig.args
    length = length_of(context, builder, series, arguments[0])
    index = within(context, builder, length, index_type, arguments[1])
    return read(context, builder, series, arguments[0])(index)


@lower_builtin(operator.getitem, Series, types.SliceType)
def _sliced(context, builder, sig, arguments):
    series, slice_type = sig.args
    bounds = context.make_helper(builder, slice_type, arguments[1])
    guard_invalid_slice(context, builder, slice_type, bounds)
    fix_slice(builder, bounds, length_of(context, builder, series, arguments[0]))
    context.nrt.incref(builder, series, arguments[0])
    operands = [arguments[0], bounds.start, bounds.step]
    return series_of(context, builder, sig.return_type, operands, [get_slice_length(builder, bounds)])


@infer
class _StaticGetItem(AbstractTemplate):
    key = "static_getitem"

    def generic(self, arguments, keywords):
        whole, index = arguments
        kind = _type_of_index(index)
        if not is_expression(whole) or kind is None:
            return None
        found = self.context.resolve_function_type(operator.getitem, (whole, kind), {})
        return found and signature(found.return_type, *arguments)


def _type_of_index(index):
    """Return the type of an index that the source tells, None if there may be none."""
    if isinstance(index, slice):
        return types.slice3_type
    return types.intp if type(index) is int else None


@lower_builtin("static_getitem", Series, types.Any)
@lower_builtin("static_getitem", LongArray, types.Any)
def _static(context, builder, sig, arguments):
    whole, index = arguments
    kind = _type_of_index(index)
    function_type = context.typing_context.resolve_value_type(operator.getitem)
    found = context.typing_context.resolve_function_type(function_type, (sig.args[0], kind), {})
    place = make_slice_from_constant(context, builder, kind, index) if isinstance(index, slice) else WORD(index)
    return context.get_function(function_type, found)(builder, [whole, place])


@lower_builtin("getiter", Series)
def _getiter(context, builder, sig, arguments):
    iterator = context.make_helper(builder, sig.return_type)
    iterator.at = cgutils.alloca_once_value(builder, WORD(0))
    iterator.series = arguments[0]
    context.nrt.incref(builder, sig.args[0], arguments[0])
    return iterator._getvalue()


@lower_builtin("iternext", SeriesIterator)
@iternext_impl(RefType.BORROWED)
def _iternext(context, builder, sig, arguments, result):
    series = sig.args[0].series
    iterator = context.make_helper(builder, sig.args[0], value=arguments[0])
    at = builder.load(iterator.at)
    is_valid = builder.icmp_signed("<", at, length_of(context, builder, series, iterator.series))
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        result.yield_(read(context, builder, series, iterator.series)(at))
        builder.store(builder.add(at, WORD(1)), iterator.at)


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, arguments, keywords):
        if isinstance(arguments[0], Series):
            return signature(types.intp, *arguments)


@lower_builtin(len, Series)
def _length(context, builder, sig, arguments):
    return length_of(context, builder, sig.args[0], arguments[0])


def _method(name, function):
    """Return Numba's template of the method that calls a function of NumPy's."""

    class Method(AbstractTemplate):
        key = f"fastgd.{name}"

        def generic(self, arguments, keywords):
            found = not keywords and self.context.resolve_function_type(function, (self.this, *arguments), {})
            return signature(found.return_type, *arguments, recvr=self.this) if found else None

    @lower_builtin(Method.key, types.VarArg(types.Any))
    def lowered(context, builder, sig, values):
        function_type = context.typing_context.resolve_value_type(function)
        found = context.typing_context.resolve_function_type(function_type, sig.args, {})
        return context.get_function(function_type, found)(builder, values)

    return Method


_METHODS = {
    name: _method(name, getattr(np, name))
    for name in ("all", "any", "clip", "cumsum", "dot", "max", "mean", "min", "prod", "std", "sum", "var")
}


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Series

    def resolve_size(self, series):
        return types.intp

    def resolve_ndim(self, series):
        return types.literal(series.ndim)

    def resolve_shape(self, series):
        return types.UniTuple(types.intp, series.ndim)

    def resolve_T(self, series):
        return series if series.ndim == 1 else None

    def generic_resolve(self, series, name):
        return types.BoundFunction(_METHODS[name], series) if name in _METHODS else None


@infer_getattr
class _MethodsOfArrays(AttributeTemplate):
    key = LongArray

    def generic_resolve(self, array, name):
        return types.BoundFunction(_METHODS[name], array) if name in _METHODS else None


@infer_getattr
class _MethodsOfRows(AttributeTemplate):
    key = Row

    def generic_resolve(self, row, name):
        return types.BoundFunction(_METHODS[name], row) if name in ("clip", "std", "var") else None


@lower_getattr(Series, "size")
def _size(context, builder, series, value):
    return reduce(builder.mul, shape_of(context, builder, series, value))


@lower_getattr(Series, "ndim")
def _ndim(context, builder, series, value):
    return WORD(series.ndim)


@lower_getattr(Series, "shape")
def _shape(context, builder, series, value):
    return cgutils.pack_array(builder, shape_of(context, builder, series, value))


@lower_getattr(Series, "T")
def _transposed(context, builder, series, value):
    context.nrt.incref(builder, series, value)
    return value
