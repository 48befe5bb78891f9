"""Tuples of arrays as tables of words, by whose address functions get them.

A C function takes numbers only. A nested tuple of arrays, ints and floats reaches it as the address of a table of
8-byte words, in the order of the tuple: an array is its address and its shape, an int or a float itself. It can be
unpacked whole, or read field by field: a record of thirty arrays that is handed from kernel to kernel is two hundred
words, each of which is compiled at every call, whether or not it is used.
"""

import ctypes
import struct

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic, models, register_model
from numba.np.arrayobj import populate_array

WORD = ir.IntType(64)
_NOTHING = ctypes.c_char * 0


def words_of(value):
    """Return the table (W,) int64 of a nested tuple, whose arrays are C-contiguous."""
    words = []
    _append_words(value, words)
    return np.array(words, dtype=np.int64)


def _append_words(value, words):
    if isinstance(value, tuple):
        for element in value:
            _append_words(element, words)
    elif isinstance(value, np.ndarray):
        words.append(_address(value))
        words.extend(value.shape)
    elif isinstance(value, float):
        words.extend(struct.unpack("q", struct.pack("d", value)))
    else:
        words.append(value)


def _address(array):
    """Return where an array's elements are."""
    # a quarter of the time of the interface's, but a read-only array lends no such buffer
    if array.flags.writeable:
        return ctypes.addressof(_NOTHING.from_buffer(array))
    return array.__array_interface__["data"][0]


def unpacker(tuple_type):
    """Return the function that turns the address of a table into the tuple of this type."""

    @intrinsic
    def unpacked(typingctx, address):
        def generate(context, builder, signature, arguments):
            words = _words(builder, arguments[0])
            leaves = (_leaf(context, builder, leaf_type, words) for leaf_type in _leaf_types(tuple_type))
            return _nested(context, builder, tuple_type, leaves)

        return tuple_type(types.intp), generate

    return unpacked


def _words(builder, address):
    """Yield the words from an address on, which no kernel changes: they need be read but once."""
    pointer = builder.inttoptr(address, WORD.as_pointer())
    while True:
        word = builder.load(pointer)
        word.set_metadata("invariant.load", builder.module.add_metadata([]))
        yield word
        pointer = builder.gep(pointer, [WORD(1)])


def _leaf(context, builder, leaf_type, words):
    """Return an array that owns no memory, or a number."""
    first = next(words)
    if isinstance(leaf_type, types.Float):
        return builder.bitcast(first, ir.DoubleType())
    if not isinstance(leaf_type, types.Array):
        return first
    array = context.make_array(leaf_type)(context, builder)
    element = context.get_data_type(leaf_type.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    shape = [next(words) for _ in range(leaf_type.ndim)]
    strides = [size]
    for length in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], length))
    populate_array(array, builder.inttoptr(first, element.as_pointer()), shape, strides, size, meminfo=None)
    return array._getvalue()


def _leaf_types(numba_type):
    if isinstance(numba_type, types.BaseTuple):
        return [leaf for element in numba_type for leaf in _leaf_types(element)]
    return [numba_type]


def _nested(context, builder, numba_type, leaves):
    """Return a nested tuple made of the values that `leaves` yields."""
    if isinstance(numba_type, types.BaseTuple):
        elements = [_nested(context, builder, element_type, leaves) for element_type in numba_type]
        return context.make_tuple(builder, numba_type, elements)
    return next(leaves)


# ---- field by field --------------------------------------------------------------------------------------------------


class Words(types.Type):
    """The address of the words of a NamedTuple, whose fields are read where they are used."""

    def __init__(self, tuple_type):
        self.tuple_type = tuple_type
        super().__init__(f"Words({tuple_type})")

    def field(self, name):
        """Return a field's place among the words, and its type."""
        place = self.tuple_type.fields.index(name)
        before = (leaf for element in self.tuple_type.types[:place] for leaf in _leaf_types(element))
        return sum(1 + getattr(leaf, "ndim", 0) for leaf in before), self.tuple_type.types[place]


@register_model(Words)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, manager, words):
        super().__init__(manager, words, WORD)


@infer_getattr
class _WordsAttributes(AttributeTemplate):
    key = Words

    def generic_resolve(self, words, name):
        if name not in words.tuple_type.fields:
            return None
        _, kind = words.field(name)
        return Words(kind) if isinstance(kind, types.BaseTuple) else kind


@lower_getattr_generic(Words)
def _read_field(context, builder, words, value, name):
    place, kind = words.field(name)
    address = builder.add(value, WORD(8 * place))
    return address if isinstance(kind, types.BaseTuple) else _leaf(context, builder, kind, _words(builder, address))


def reader(tuple_type):
    """Return the function that makes of an address what reads a tuple of this type field by field."""
    words = Words(tuple_type)

    @intrinsic
    def read(typingctx, address):
        return words(types.intp), lambda context, builder, signature, arguments: arguments[0]

    return read


@intrinsic
def whole(typingctx, words):
    """Return the tuple that is read field by field."""

    def generate(context, builder, signature, arguments):
        read = _words(builder, arguments[0])
        leaves = (_leaf(context, builder, leaf_type, read) for leaf_type in _leaf_types(words.tuple_type))
        return _nested(context, builder, words.tuple_type, leaves)

    return words.tuple_type(words), generate
