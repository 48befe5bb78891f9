"""A user's own loss and gradient, called through a pointer.

The user's functions are compiled (or wrapped, if they stay Python) once a process as `void f(double *theta, double
*out)`, out = (loss, gradient...). Engine loops get the address as a number, so they stay in the disk cache, which a
jitted function as an argument would prevent. A call costs 2 to 4 ns.
"""

from typing import NamedTuple

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fastgd.kernels.problems.blocks import block_function


class ObjectiveData(NamedTuple):
    """An objective as its kernel sees it: one block, whose sums are the loss and the gradient."""

    address: int


@intrinsic
def call_pointer(typingctx, address, theta, out):
    """Call the function at `address` with pointers to the data of two contiguous float64 arrays."""

    def generate(context, builder, signature, arguments):
        double_pointer = ir.DoubleType().as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [double_pointer, double_pointer])
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        data = [
            context.make_array(array_type)(context, builder, array).data
            for array_type, array in zip(signature.args[1:], arguments[1:], strict=True)
        ]
        builder.call(function, data)
        return context.get_dummy_value()

    return types.void(types.intp, theta, out), generate


@block_function(ObjectiveData)
def objective_sums(data_type):
    """Return the call of the user's functions."""
    return lambda samples, b, theta, sums_out: call_pointer(samples.address, theta, sums_out)
