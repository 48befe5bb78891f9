"""Sequences of numbers of any length, and tables, computed when they are read: what arithmetic of arrays gives.

A user's function closes over samples, arrays of Numba's, and combines them with theta. A Series is the value of such an
expression: it holds the operands, and its type says what is done with them. Nothing is stored for each sample: a sum
reads element after element and computes them on the way. Each is computed by `functions`, as of any numbers.

    np.exp(-theta[1] * x)    the function np.exp of the elements of the Series that multiplies a number by x
    A @ theta                of row i of a matrix and a vector, their product
    series[1:-1]             of another one, elements further on

An array that the function may write is copied when it becomes an operand, as if the expression were computed there.
What meets a `Row` has its length, and is computed at once: a Vector. Whether lengths agree is known when the function
runs: where they don't, it raises ValueError.
"""

from types import MappingProxyType

from numba.core import cgutils, types
from numba.core.datamodel.models import ArrayModel
from numba.core.errors import TypingError
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model
from numba.np.arrayobj import _empty_nd_impl, load_item, make_array, store_item

from fastgd.kernels.numbers.dual import Dual, is_number
from fastgd.kernels.numbers.vectors import WORD, Row, Vector, elements_of, in_memory, vector_of


class Series(types.IterableType):
    """The type of such a sequence or table.

    Attributes
    ----------
    operation : object
        `read(context, builder, series, operands)` returns how an element at indices is read.
    operands : tuple of Type
    dtype : Type
        Its elements' type.
    ndim : int
    size : int
        How many operations an element is computed by.
    """

    def __init__(self, operation, operands, dtype, ndim=1):
        self.size = 1 + sum(operand.size for operand in operands if isinstance(operand, Series))
        self.operation = operation
        self.operands = operands
        self.dtype = dtype
        self.ndim = ndim
        super().__init__(f"fastgd.Series({operation}, {operands}, {dtype}, {ndim})")

    @property
    def iterator_type(self):
        """The type of its iterator."""
        if self.ndim > 1:
            raise TypingError("a loop over rows of an expression is not known")
        return SeriesIterator(self)


class SeriesIterator(types.SimpleIteratorType):
    """The type of an iterator over a Series."""

    def __init__(self, series):
        self.series = series
        super().__init__(f"iter({series})", series.dtype)


class LongArray(types.Array):
    """The type of an array of numbers that a function makes, too long for a View: Numba's own, but for what is it.

    What is done with it element by element, and what combines them, finds fastgd's implementations by this type.
    """

    def copy(self, dtype=None, ndim=None, layout=None, readonly=None):
        """Return the type that differs from this one so."""
        same = super().copy(dtype, ndim, layout, readonly)
        return LongArray(same.dtype, same.ndim, same.layout, readonly=not same.mutable, aligned=same.aligned)


register_model(LongArray)(ArrayModel)


@register_model(Series)
class _Model(models.StructModel):
    def __init__(self, manager, series):
        operands = [(f"operand{k}", kind) for k, kind in enumerate(series.operands)]
        super().__init__(manager, series, [*operands, ("shape", types.UniTuple(types.intp, series.ndim))])


@register_model(SeriesIterator)
class _IteratorModel(models.StructModel):
    def __init__(self, manager, iterator):
        super().__init__(manager, iterator, [("at", types.EphemeralPointer(types.intp)), ("series", iterator.series)])


# ---- operands --------------------------------------------------------------------------------------------------------


def is_array(kind, ndim):
    """Tell whether a type is of Numba's arrays of numbers."""
    return isinstance(kind, types.Array) and kind.ndim == ndim and is_number(kind.dtype)


def is_ours(kind):
    """Tell whether a type is of fastgd's numbers, or of what is made of them."""
    return isinstance(kind, Series | LongArray | Row | Dual)


def is_expression(kind, ndim=None):
    """Tell whether a type is of what is long and fastgd's."""
    return isinstance(kind, Series | LongArray) and ndim in (None, kind.ndim)


def is_long(kind, ndim=None):
    """Tell whether a type is of sequences, or tables, whose shape is known when the function runs."""
    is_table = isinstance(kind, Series) or is_array(kind, 1) or is_array(kind, 2)
    return is_table and ndim in (None, kind.ndim)


def held(kind):
    """Return the type as which a Series holds an operand: a number, an array that nobody writes, a Vector, a Series."""
    if isinstance(kind, types.Array):
        return kind.copy(layout="C", readonly=True) if kind.mutable else kind
    if isinstance(kind, types.Omitted):  # an exponent that the source tells
        return types.float64
    return as_value(kind) if isinstance(kind, Row) else types.unliteral(kind)


def as_value(row):
    """Return the type of the Vector of a row's elements as they are now."""
    return Vector(row.kinds)


def hold(context, builder, kind, value):
    """Return an operand as that type, in LLVM, and a reference of its own to the memory behind it."""
    to = held(kind)
    if isinstance(kind, types.Array) and kind.mutable:
        shape = shape_of(context, builder, kind, value)
        return stored(context, builder, to, read(context, builder, kind, value), shape)
    if isinstance(kind, Row):
        return vector_of(builder, elements_of(builder, kind, value))
    value = context.cast(builder, value, kind, to)
    context.nrt.incref(builder, to, value)
    return value


def series_of(context, builder, series, operands, shape):
    """Return a Series of operands that are held, in LLVM."""
    made = cgutils.create_struct_proxy(series)(context, builder)
    for k, operand in enumerate(operands):
        setattr(made, f"operand{k}", operand)
    made.shape = cgutils.pack_array(builder, shape)
    return made._getvalue()


def shape_of(context, builder, kind, value):
    """Return the shape of a sequence or a table, in LLVM; of a number ()."""
    if isinstance(kind, Row):
        return [WORD(kind.count)]
    if isinstance(kind, Series):
        return cgutils.unpack_tuple(builder, builder.extract_value(value, len(kind.operands)))
    if isinstance(kind, types.Array):
        return cgutils.unpack_tuple(builder, make_array(kind)(context, builder, value).shape)
    return []


def length_of(context, builder, kind, value):
    """Return the length of a sequence, in LLVM."""
    return shape_of(context, builder, kind, value)[0]


def read(context, builder, kind, value):
    """Return a function that writes how the element at indices is read; what all elements need is written here."""
    if isinstance(kind, Series):
        operands = [builder.extract_value(value, k) for k in range(len(kind.operands))]
        return kind.operation.read(context, builder, kind, operands)
    if isinstance(kind, types.Array):
        array = make_array(kind)(context, builder, value)

        def element(*indices):
            return load_item(context, builder, kind, cgutils.get_item_pointer(context, builder, kind, array, indices))

        return element
    if isinstance(kind, Row):
        first = in_memory(context, builder, kind, value)
        return lambda at: builder.load(builder.gep(first, [at]))
    return lambda: value


def stored(context, builder, array, element, shape):
    """Return an array of Numba's of these elements, in LLVM."""
    array = types.Array(array.dtype, array.ndim, "C")
    made = _empty_nd_impl(context, builder, array, shape)
    with cgutils.loop_nest(builder, shape, WORD) as indices:
        place = cgutils.get_item_pointer(context, builder, array, made, indices)
        store_item(context, builder, array, element(*indices), place)
    return made._getvalue()


def check(context, builder, is_right, sentence):
    """Raise ValueError with a sentence unless a condition holds."""
    with builder.if_then(builder.not_(is_right), likely=False):
        context.call_conv.return_user_exc(builder, ValueError, (sentence,))


class _Stored:
    """The elements of an array."""

    def __repr__(self):
        return "stored"

    def read(self, context, builder, series, operands):
        """Return how an element is read."""
        return read(context, builder, *series.operands, *operands)


_STORED = _Stored()


def stored_series(dtype, ndim=1):
    """Return the type of a Series whose elements are in memory."""
    return Series(_STORED, (types.Array(dtype, ndim, "C", readonly=True),), dtype, ndim)


def store(context, builder, series, element, shape):
    """Return a Series of that type, in LLVM, of these elements."""
    return series_of(context, builder, series, [stored(context, builder, *series.operands, element, shape)], shape)


# ---- functions -------------------------------------------------------------------------------------------------------


def known(function, result, write, prefers_literal=False):
    """Let compiled functions call a function, where `result` tells its type.

    Unlike what is known by `numba.extending.overload` it is written where it is called, and optimised with what is
    known there: the lengths of arrays, say.

    Parameters
    ----------
    function : callable
    result : callable
        Called with Numba's typing context and the types of the arguments; returns a type, or None for others.
    write : callable
        Called with context, builder, signature and values, as Numba does.
    prefers_literal : bool, default False
        Whether the types say the numbers that the source tells.
    """
    implementation = ("fastgd.Series", function, write)

    class Template(AbstractTemplate):
        key = function
        metadata = MappingProxyType({"target": "cpu"})  # by which it is asked before Numba's
        prefer_literal = prefers_literal

        def generic(self, arguments, keywords):
            kind = None if keywords else result(self.context, *arguments)
            return kind and signature(kind, *arguments)

        def get_impl_key(self, sig):
            return implementation

    infer_global(function, types.Function(Template))
    lower_builtin(implementation, types.VarArg(types.Any))(write)
