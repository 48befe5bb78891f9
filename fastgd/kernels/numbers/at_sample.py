"""A user's model side by side: at many samples for one theta, or at many thetas for one sample.

    x (F, x_stride), theta (P, theta_stride), out (P + 1, row), row-major: of `count` samples, or thetas, out gets the
    model's value, then each partial derivative

The model is written into one loop, which LLVM vectorises where it can. What it raises is NaN, in its own place.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastgd.kernels.compiling.lanes import WORD, lane_loop
from fastgd.kernels.numbers.lanes import _Compiled


@intrinsic(prefer_literal=True)
def set_values(
    typing_context, evaluate, features, dimension, by_lanes, count, x_stride, theta_stride, row, x, theta, out
):
    """Set values and partials by a jitted function of (x, theta) that returns their tuple, for one sample by lanes.

    x is a number to it where `features` is None, else a tuple of so many; theta is a tuple.
    """
    F = 0 if isinstance(features, types.NoneType) else features.literal_value
    P = dimension.literal_value
    number = types.float64
    point = types.UniTuple(number, P)
    sample = types.UniTuple(number, F) if F else number
    typing_context.resolve_function_type(evaluate, (sample, point), {})
    function = _Compiled.of(evaluate)
    moves_theta = bool(by_lanes.literal_value)

    def generate(context, builder, signature, arguments):
        count, x_stride, theta_stride, row, x, theta, out = arguments[4:]
        context.add_linking_libs([function.library()])

        def place(first, stride, k, index=None):
            begin = builder.mul(stride, WORD(k))
            return builder.gep(first, [begin if index is None else builder.add(begin, index)])

        def loaded(first, stride, many, index=None, group=None):
            values = [builder.load(place(first, stride, k, index)) for k in range(many)]
            for value in values if group else ():
                value.set_metadata("llvm.access.group", group)
            return values

        fixed = loaded(x, x_stride, F or 1) if moves_theta else loaded(theta, theta_stride, P)
        with lane_loop(builder, count) as (index, group):
            # These accesses alone are known to be of one place. What a model keeps in memory, if anything, is of all.
            if moves_theta:
                at = fixed
                parameters = loaded(theta, theta_stride, P, index, group)
            else:
                at = loaded(x, x_stride, F or 1, index, group)
                parameters = fixed
            given = [context.make_tuple(builder, sample, at) if F else at[0]]
            given.append(context.make_tuple(builder, point, parameters))
            _, result = context.call_internal_no_propagate(builder, function.fndesc, function.signature, given)
            for k, value in enumerate(cgutils.unpack_tuple(builder, result)):
                builder.store(value, place(out, row, k, index)).set_metadata("llvm.access.group", group)
        return context.get_dummy_value()

    words = (count, x_stride, theta_stride, row)
    return types.void(evaluate, features, dimension, by_lanes, *words, x, theta, out), generate


@intrinsic
def on_stack(typing_context, rows, width):
    """Return an array (rows, width) of float64 whose memory is the function's that calls this; not to be in a loop."""
    array_type = types.Array(types.float64, 2, "C")

    def generate(context, builder, signature, arguments):
        rows, width = arguments
        data = builder.alloca(ir.DoubleType(), size=builder.mul(rows, width))
        array = context.make_array(array_type)(context, builder)
        strides = [builder.mul(width, WORD(8)), WORD(8)]
        populate_array(array, data, [rows, width], strides, WORD(8), meminfo=None)
        return array._getvalue()

    return array_type(types.intp, types.intp), generate
