"""Short vectors whose length is part of their type, so that loops over them unroll and their elements are registers.

    Vector   a value, which nothing changes: what arithmetic returns
    View     elements in memory, `stride` apart: theta, which is not written; an array that a function makes, and slices

A View's memory belongs to the function that makes it: it may be passed on to others, but what a function returns is a
Vector, see `rewriting`. An index that the source does not tell is checked as Numba checks those of arrays.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_constant
from numba.core.typeconv import Conversion
from numba.extending import lower_cast, models, register_model, typeof_impl

WORD = ir.IntType(64)
MOST_ELEMENTS = 16  # of a vector: its code is written out for each


class Row(types.IterableType):
    """The type of a Vector or a View."""

    def __init__(self, dtype, count, name):
        self.dtype = dtype
        self.count = count
        super().__init__(f"fastgd.{type(self).__name__}({dtype}, {count}{name})")

    def __len__(self):
        return self.count

    @property
    def iterator_type(self):
        """The type of its iterator."""
        return RowIterator(self)


class Vector(Row):
    """The type of a value of `count` elements."""

    def __init__(self, dtype, count):
        super().__init__(dtype, count, "")

    def can_convert_from(self, typing_context, other):
        """Tell that theta becomes one: no other View, for a later change of it would not be seen."""
        same = isinstance(other, View) and (other.dtype, other.count) == (self.dtype, self.count)
        return Conversion.safe if same and not other.writable else None

    def unify(self, typing_context, other):
        """Return the type that holds this or theta."""
        return self if self.can_convert_from(typing_context, other) is not None else None


class View(Row):
    """The type of `count` elements in memory."""

    def __init__(self, dtype, count, stride=1, writable=True):
        self.stride = stride
        self.writable = writable
        super().__init__(dtype, count, f", {stride}, {writable}")

    @property
    def mutable(self):
        """Whether `a += b` writes it, or makes another."""
        return self.writable


class Constant:
    """A short array of float64 that a function reads."""

    def __init__(self, elements):
        self.elements = elements


def constant(array):
    """Return what stands for an array in compiled functions, None if it stays one."""
    is_short = type(array) is np.ndarray and array.dtype == np.float64 and array.ndim == 1
    return Constant(array.tolist()) if is_short and 0 < array.size <= MOST_ELEMENTS else None


@typeof_impl.register(Constant)
def _type_of_constant(value, context):
    return Vector(types.float64, len(value.elements))


class RowIterator(types.SimpleIteratorType):
    """The type of an iterator over a row."""

    def __init__(self, row):
        self.row = row
        super().__init__(f"iter({row})", row.dtype)


register_model(Vector)(models.UniTupleModel)
register_model(View)(models.PointerModel)


@register_model(RowIterator)
class _IteratorModel(models.StructModel):
    def __init__(self, manager, iterator):
        element = types.CPointer(iterator.row.dtype)
        super().__init__(manager, iterator, [("at", types.EphemeralPointer(types.intp)), ("first", element)])


# ---- in LLVM ---------------------------------------------------------------------------------------------------------


def _step(row):
    return row.stride if isinstance(row, View) else 1


def place_of(builder, row, pointer, k):
    """Return where element k, of LLVM's or Python's own, lies."""
    step = WORD(_step(row))
    return builder.gep(pointer, [builder.mul(k if isinstance(k, ir.Value) else WORD(k), step)])


def elements_of(builder, row, value):
    """Return the elements of a row."""
    if isinstance(row, View):
        return [builder.load(place_of(builder, row, value, k)) for k in range(row.count)]
    return cgutils.unpack_tuple(builder, value)


def vector_of(builder, elements):
    """Return the Vector of these elements, at least one."""
    vector = ir.Constant(ir.ArrayType(elements[0].type, len(elements)), ir.Undefined)
    for k, element in enumerate(elements):
        vector = builder.insert_value(vector, element, k)
    return vector


def view_of(builder, elements):
    """Return a View of these elements: in memory of the function, one for each place in its code."""
    pointer = cgutils.alloca_once(builder, elements[0].type, size=len(elements))
    set_elements(builder, View(None, len(elements)), pointer, elements)
    return pointer


def set_elements(builder, view, pointer, elements):
    """Set the elements of a View."""
    for k, element in enumerate(elements):
        builder.store(element, place_of(builder, view, pointer, k))


def in_memory(builder, row, value):
    """Return where the elements of a row lie."""
    return value if isinstance(row, View) else view_of(builder, elements_of(builder, row, value))


def as_many(context, builder, count, dtype, kind, value):
    """Return so many elements of this type: of a row, or one number for all."""
    single = kind.dtype if isinstance(kind, Row) else kind
    elements = elements_of(builder, kind, value) if isinstance(kind, Row) else [value]
    cast = [context.cast(builder, element, single, dtype) for element in elements]
    return cast * count if len(cast) == 1 else cast


@lower_constant(Vector)
def _constant(context, builder, vector, value):
    return ir.Constant(ir.ArrayType(ir.DoubleType(), vector.count), value.elements)


@lower_cast(View, Vector)
def _to_vector(context, builder, from_type, to_type, value):
    return vector_of(builder, elements_of(builder, from_type, value))
