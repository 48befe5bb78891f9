"""Calls of C functions by their address: a kernel that makes them stays in the disk cache, whatever they are."""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic
def call_by_address(typingctx, address, numbers, *arrays):
    """Call the function at `address` with a tuple of whole numbers and pointers to the data of arrays."""

    def generate(context, builder, signature, arguments):
        address, numbers, given = arguments
        values = cgutils.unpack_tuple(builder, numbers) if len(signature.args[1]) else []
        for array_type, array in zip(arrays, cgutils.unpack_tuple(builder, given), strict=True):
            values.append(context.make_array(array_type)(context, builder, array).data)
        function_type = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(address, function_type.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.intp, numbers, types.StarArgTuple(arrays)), generate
