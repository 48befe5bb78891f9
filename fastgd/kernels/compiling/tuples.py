"""Tuples of arrays in compiled code: borrowed from a caller, or unpacked from a table of words.

A C function takes numbers only. A nested tuple of arrays, ints and floats reaches it as the address of a table of
8-byte words, in the order of the tuple: an array is its address and its shape, an int or a float itself.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array


def words_of(value):
    """Return the table (W,) int64 of a nested tuple, whose arrays are C-contiguous."""
    if isinstance(value, tuple):
        return np.concatenate([words_of(element) for element in value] or [np.empty(0, np.int64)])
    if isinstance(value, np.ndarray):
        return np.array([value.ctypes.data, *value.shape], dtype=np.int64)
    return np.array([value], dtype=np.float64 if isinstance(value, float) else np.int64).view(np.int64)


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
    """Yield the words from an address on."""
    word = ir.IntType(64)
    pointer = builder.inttoptr(address, word.as_pointer())
    while True:
        yield builder.load(pointer)
        pointer = builder.gep(pointer, [word(1)])


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


def _leaves(builder, numba_type, value):
    """Yield the values of a nested tuple, depth first."""
    if isinstance(numba_type, types.BaseTuple):
        for element_type, element in zip(numba_type, cgutils.unpack_tuple(builder, value), strict=True):
            yield from _leaves(builder, element_type, element)
    else:
        yield value


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


@intrinsic
def borrowed(typingctx, value):
    """Return an array, or a nested tuple with arrays, that does not own its memory.

    Owned arrays are counted, atomically, in and out of every function they are passed to: 110 ns a step of a descent
    over 30 samples, of 130. A kernel's arguments outlive it, so it may borrow them from itself; an array that it made
    must be kept by `keep_alive`.
    """

    def unowned(context, builder, leaf_type, leaf):
        if not isinstance(leaf_type, types.Array):
            return leaf
        array = context.make_array(leaf_type)(context, builder, leaf)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()

    def generate(context, builder, signature, arguments):
        leaves = zip(_leaf_types(value), _leaves(builder, value, arguments[0]), strict=True)
        return _nested(context, builder, value, (unowned(context, builder, *leaf) for leaf in leaves))

    return value(value), generate


@intrinsic
def keep_alive(typingctx, value):
    """Keep an array from being freed before this point: Numba frees it after its last use, borrowed or not."""
    return types.void(value), lambda context, builder, signature, arguments: context.get_dummy_value()


@intrinsic
def elements(typingctx, arrays, index):
    """Return one element of each array (T,) of a NamedTuple, in a NamedTuple of the same class."""
    row = types.NamedTuple([array.dtype for array in arrays], arrays.instance_class)

    def generate(context, builder, signature, arguments):
        values = []
        for array_type, value in zip(arrays, cgutils.unpack_tuple(builder, arguments[0]), strict=True):
            array = context.make_array(array_type)(context, builder, value)
            values.append(builder.load(builder.gep(array.data, [arguments[1]])))
        return context.make_tuple(builder, row, values)

    return row(arrays, types.intp), generate
