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

from fastgd.kernels.numbers.dual import Dual, union

WORD = ir.IntType(64)
MOST_ELEMENTS = 16  # of a vector: its code is written out for each
MOST_PARTIALS = 32  # of a number; vectors of as many elements are known where derivatives are taken


class Row(types.IterableType):
    """The type of a Vector or a View.

    Attributes
    ----------
    kinds : tuple of Type
        Its elements' types.
    dtype : Type
        The type that holds each of them.
    """

    def __init__(self, kinds, name=""):
        self.kinds = tuple(kinds)
        self.count = len(self.kinds)
        self.dtype = kinds[0] if len(set(kinds)) == 1 else union(*kinds)
        elements = f"{self.dtype}, {self.count}" if len(set(kinds)) == 1 else ", ".join(map(str, kinds))
        super().__init__(f"fastgd.{type(self).__name__}({elements}{name})")

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.kinds)

    @property
    def iterator_type(self):
        """The type of its iterator."""
        return RowIterator(self)


class Vector(Row):
    """The type of a value of elements of these types."""

    def can_convert_from(self, typing_context, other):
        """Tell that a Vector becomes one of numbers with more derivatives; and theta: no other View does.

        A later change of that would not be seen.
        """
        if not isinstance(other, Row) or other.count != self.count or (isinstance(other, View) and other.writable):
            return None
        each = [typing_context.can_convert(*kinds) for kinds in zip(other.kinds, self.kinds, strict=True)]
        return Conversion.safe if all(found is not None for found in each) else None

    def unify(self, typing_context, other):
        """Return the type that holds this or the other."""
        if not isinstance(other, Row) or other.count != self.count or (isinstance(other, View) and other.writable):
            return None
        pairs = list(zip(self.kinds, other.kinds, strict=True))
        if not all(isinstance(one, Dual | types.Float) and isinstance(two, Dual | types.Float) for one, two in pairs):
            return None
        return Vector([one if one == two else union(one, two) for one, two in pairs])


class View(Row):
    """The type of `count` elements in memory."""

    def __init__(self, dtype, count, stride=1, writable=True):
        self.stride = stride
        self.writable = writable
        super().__init__([dtype] * count, f", {stride}, {writable}")

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
    return Vector([types.float64] * len(value.elements))


class RowIterator(types.SimpleIteratorType):
    """The type of an iterator over a row."""

    def __init__(self, row):
        self.row = row
        super().__init__(f"iter({row})", row.dtype)


register_model(Vector)(models.TupleModel)
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
    """Return the elements of a row, of the types `row.kinds`."""
    if isinstance(row, View):
        return [builder.load(place_of(builder, row, value, k)) for k in range(row.count)]
    return cgutils.unpack_tuple(builder, value, row.count)


def vector_of(builder, elements):
    """Return the Vector of these elements, at least one."""
    kinds = [element.type for element in elements]
    vector = ir.Constant(ir.LiteralStructType(kinds), ir.Undefined)
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


def in_memory(context, builder, row, value):
    """Return where the elements of a row lie, each of the type `row.dtype`."""
    return (
        value
        if isinstance(row, View)
        else view_of(builder, as_many(context, builder, row.count, row.dtype, row, value))
    )


def as_many(context, builder, count, dtype, kind, value):
    """Return so many elements of this type: of a row, or one number for all."""
    if isinstance(kind, Row):
        found = zip(elements_of(builder, kind, value), kind.kinds, strict=True)
        cast = [context.cast(builder, element, single, dtype) for element, single in found]
    else:
        cast = [context.cast(builder, value, kind, dtype)]
    return cast * count if len(cast) == 1 else cast


@lower_constant(Vector)
def _constant(context, builder, vector, value):
    doubles = [ir.DoubleType()(element) for element in value.elements]
    return ir.Constant(ir.LiteralStructType([each.type for each in doubles]), doubles)


@lower_cast(Vector, Vector)
@lower_cast(View, Vector)
def _to_vector(context, builder, from_type, to_type, value):
    elements = zip(elements_of(builder, from_type, value), from_type.kinds, to_type.kinds, strict=True)
    return vector_of(builder, [context.cast(builder, *element) for element in elements])
