"""Elements and slices of `vectors`, loops over them, and their lengths, which Numba takes for numbers that it knows."""

import operator

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
from numba.extending import lower_builtin

from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.vectors import (
    WORD,
    Row,
    RowIterator,
    Vector,
    View,
    as_many,
    elements_of,
    in_memory,
    place_of,
    set_elements,
    vector_of,
)


def within(context, builder, count, index_type, index):
    """Return an index of so many elements from the beginning; raise IndexError, as Numba does of arrays."""
    index = context.cast(builder, index, index_type, types.intp)
    if not isinstance(index_type, types.Integer) or index_type.signed:
        index = builder.select(builder.icmp_signed("<", index, WORD(0)), builder.add(index, count), index)
    with builder.if_then(builder.icmp_unsigned(">=", index, count), likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("index out of bounds",))
    return index


def _sliced(row, index):
    """Return what the type of a slice is, where its first element is; None if it has none."""
    places = range(row.count)[index]
    if not places:
        return None
    if isinstance(row, View):
        return View(row.dtype, len(places), row.stride * places.step, row.writable), places
    return Vector([row.kinds[k] for k in places]), places


def _is_index(row, index):
    return type(index) is int and -row.count <= index < row.count


@infer
class _StaticGetItem(AbstractTemplate):
    key = "static_getitem"

    def generic(self, arguments, keywords):
        row, index = arguments
        if isinstance(row, Row):
            if _is_index(row, index):
                return signature(row.kinds[index], *arguments)
            if isinstance(index, slice) and (sliced := _sliced(row, index)):
                return signature(sliced[0], *arguments)


@lower_builtin("static_getitem", Row, types.Any)
def _static_getitem(context, builder, sig, arguments):
    row = sig.args[0]
    value, index = arguments
    if isinstance(index, int) and not _is_index(row, index):  # it raises when it is run
        return _getitem(context, builder, signature(row.dtype, row, types.intp), (value, WORD(index)))
    if isinstance(index, int):
        return elements_of(builder, row, value)[index]
    places = _sliced(row, index)[1]
    if isinstance(row, View):
        return place_of(builder, row, value, places[0])
    return vector_of(builder, [builder.extract_value(value, k) for k in places])


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, arguments, keywords):
        row, index = arguments
        if isinstance(row, Row) and isinstance(index, types.Integer):
            return signature(row.dtype, row, index)


@lower_builtin(operator.getitem, Row, types.Integer)
def _getitem(context, builder, sig, arguments):
    row, index_type = sig.args
    index = within(context, builder, WORD(row.count), index_type, arguments[1])
    return builder.load(place_of(builder, row, in_memory(context, builder, row, arguments[0]), index))


def _fits(view, count, value):
    """Tell whether a value may be assigned to so many elements of a View."""
    if not (isinstance(view, View) and view.writable):
        return False
    if isinstance(value, Row) and value.count not in (1, count):
        return False
    kind = value.dtype if isinstance(value, Row) else value
    return is_number(kind) and not {*getattr(kind, "partials", ())} - {*view.dtype.partials}


@infer
class _StaticSetItem(AbstractTemplate):
    key = "static_setitem"

    def generic(self, arguments, keywords):
        view, index, value = arguments
        if isinstance(view, View):
            if _is_index(view, index) and _fits(view, 1, value) and is_number(value):
                return signature(types.void, view, types.literal(index), value)
            sliced = _sliced(view, index) if isinstance(index, slice) else None
            if sliced and _fits(view, sliced[0].count, value):
                return signature(types.void, view, types.literal(index), value)


@lower_builtin("static_setitem", View, types.Any, types.Any)
def _static_setitem(context, builder, sig, arguments):
    view, _, kind = sig.args
    pointer, index, value = arguments
    if isinstance(index, int) and not _is_index(view, index):
        _setitem(context, builder, signature(types.void, view, types.intp, kind), (pointer, WORD(index), value))
        return
    if isinstance(index, int):
        index = slice(index % view.count, index % view.count + 1)
    part, places = _sliced(view, index)
    elements = as_many(context, builder, part.count, part.dtype, kind, value)
    set_elements(builder, part, place_of(builder, view, pointer, places[0]), elements)


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, arguments, keywords):
        view, index, value = arguments
        if isinstance(index, types.Integer) and is_number(value) and _fits(view, 1, value):
            return signature(types.void, view, index, value)


@lower_builtin(operator.setitem, View, types.Integer, types.Any)
def _setitem(context, builder, sig, arguments):
    view, index_type, kind = sig.args
    index = within(context, builder, WORD(view.count), index_type, arguments[1])
    builder.store(context.cast(builder, arguments[2], kind, view.dtype), place_of(builder, view, arguments[0], index))


# ---- iteration, lengths ----------------------------------------------------------------------------------------------


@lower_builtin("getiter", Row)
def _getiter(context, builder, sig, arguments):
    iterator = context.make_helper(builder, sig.return_type)
    iterator.at = cgutils.alloca_once_value(builder, WORD(0))
    iterator.first = in_memory(context, builder, sig.args[0], arguments[0])
    return iterator._getvalue()


@lower_builtin("iternext", RowIterator)
@iternext_impl(RefType.BORROWED)
def _iternext(context, builder, sig, arguments, result):
    row = sig.args[0].row
    iterator = context.make_helper(builder, sig.args[0], value=arguments[0])
    at = builder.load(iterator.at)
    is_valid = builder.icmp_signed("<", at, WORD(row.count))
    result.set_valid(is_valid)
    with builder.if_then(is_valid):
        result.yield_(builder.load(place_of(builder, row, iterator.first, at)))
        builder.store(builder.add(at, WORD(1)), iterator.at)


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, arguments, keywords):
        if isinstance(arguments[0], Row):
            return signature(types.literal(arguments[0].count), *arguments)


@lower_builtin(len, Row)
def _length(context, builder, sig, arguments):
    return WORD(sig.args[0].count)


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Row

    def resolve_size(self, row):
        return types.literal(row.count)

    def resolve_ndim(self, row):
        return types.literal(1)

    def resolve_shape(self, row):
        return types.Tuple([types.literal(row.count)])

    def resolve_T(self, row):
        return row


@lower_getattr(Row, "size")
def _size(context, builder, row, value):
    return WORD(row.count)


@lower_getattr(Row, "ndim")
def _ndim(context, builder, row, value):
    return WORD(1)


@lower_getattr(Row, "shape")
def _shape(context, builder, row, value):
    return context.make_tuple(builder, types.Tuple([types.literal(row.count)]), [WORD(row.count)])


@lower_getattr(Row, "T")
def _transposed(context, builder, row, value):
    return value
