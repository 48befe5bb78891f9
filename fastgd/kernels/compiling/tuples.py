"""Tuples of arrays and of numbers in compiled code: borrowed from a caller, or taken an element of each."""

from numba import typeof
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.compiling.words import _leaf_types, _nested


def _leaves(builder, numba_type, value):
    """Yield the values of a nested tuple, depth first."""
    if isinstance(numba_type, types.BaseTuple):
        for element_type, element in zip(numba_type, cgutils.unpack_tuple(builder, value), strict=True):
            yield from _leaves(builder, element_type, element)
    else:
        yield value


@intrinsic
def borrowed(typingctx, value):
    """Return an array, or a nested tuple with arrays, that does not own its memory.

    Owned arrays are counted, atomically, in and out of every function they are passed to: 110 ns a step of a descent
    over 30 samples, of 130. A kernel's arguments outlive it, so it may borrow them from itself; one that it made
    itself Numba frees after its last use, borrowed or not.
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
def elements(typingctx, arrays, index):
    """Return one element of each array of a NamedTuple, (T,) or (1,) for all, in a NamedTuple of the same class."""
    row = types.NamedTuple([array.dtype for array in arrays], arrays.instance_class)

    def generate(context, builder, signature, arguments):
        values = []
        for array_type, value in zip(arrays, cgutils.unpack_tuple(builder, arguments[0]), strict=True):
            array = context.make_array(array_type)(context, builder, value)
            length = builder.extract_value(array.shape, 0)
            is_only = builder.icmp_signed("==", length, length.type(1))
            at = builder.select(is_only, length.type(0), arguments[1])
            values.append(builder.load(builder.gep(array.data, [at])))
        return context.make_tuple(builder, row, values)

    return row(arrays, types.intp), generate


def numbers_of(record):
    """Return the functions that read and write a record's numbers, each float64, in the first rows of one lane.

    They are of (rows, lane) and of (rows, lane, values), where rows is (I, W).
    """

    def pointer(context, builder, rows_type, rows, row, lane):
        array = context.make_array(rows_type)(context, builder, rows)
        width = builder.extract_value(array.shape, 1)
        return builder.gep(array.data, [builder.add(builder.mul(width, width.type(row)), lane)])

    @intrinsic
    def read(typingctx, rows, lane):
        numbers = types.NamedTuple([types.float64] * len(record._fields), record)

        def generate(context, builder, signature, arguments):
            values = [
                builder.load(pointer(context, builder, rows, arguments[0], k, arguments[1]))
                for k in range(len(numbers))
            ]
            return context.make_tuple(builder, numbers, values)

        return numbers(rows, types.intp), generate

    @intrinsic
    def write(typingctx, rows, lane, values):
        def generate(context, builder, signature, arguments):
            for k, number in enumerate(cgutils.unpack_tuple(builder, arguments[2])):
                builder.store(number, pointer(context, builder, rows, arguments[0], k, arguments[1]))
            return context.get_dummy_value()

        return types.void(rows, types.intp, values), generate

    return read, write


def each_by(functions):
    """Return the function of two NamedTuples of numbers that applies a function to each pair; None keeps the first."""
    compiled = [None if function is None else kernel_part(function) for function in functions]

    @intrinsic
    def applied(typingctx, first, second):
        known = [each and typeof(each) for each in compiled]
        called = [
            each and typingctx.resolve_function_type(each, (number, number), {})
            for each, number in zip(known, first, strict=True)
        ]

        def generate(context, builder, signature, arguments):
            values = []
            pairs = zip(*(cgutils.unpack_tuple(builder, argument) for argument in arguments), strict=True)
            for k, (ours, theirs) in enumerate(pairs):
                if known[k] is None:
                    values.append(ours)
                else:
                    values.append(context.get_function(known[k], called[k])(builder, [ours, theirs]))
            return context.make_tuple(builder, first, values)

        return first(first, second), generate

    return applied


@intrinsic
def at_lane(typingctx, rows, first, shape, lane):
    """Return rows first, first + 1, ... of an array (I, W) at one lane as an array of this shape, without owning it."""
    view = types.Array(rows.dtype, 2, "A")

    def generate(context, builder, signature, arguments):
        whole = context.make_array(rows)(context, builder, arguments[0])
        part = context.make_array(view)(context, builder)
        width = builder.extract_value(whole.shape, 1)
        lengths = cgutils.unpack_tuple(builder, arguments[2])
        begin = builder.gep(whole.data, [builder.add(builder.mul(width, arguments[1]), arguments[3])])
        stride = builder.mul(width, whole.itemsize)
        populate_array(part, begin, lengths, [builder.mul(stride, lengths[1]), stride], whole.itemsize, meminfo=None)
        return part._getvalue()

    return view(rows, types.intp, shape, types.intp), generate
