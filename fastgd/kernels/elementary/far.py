"""Where fast reduction ends: sines and their kin of large arguments, without taking the vectors from everybody else.

    x = n pi/2 + r      2/pi in pieces of 50 bits, of which those count whose product with x is no multiple of 4

(Payne and Hanek). Products are exact as sums of two float64s, remainders by 4 are exact, and what is summed keeps
three: next to a multiple of pi/2 up to 62 bits cancel. The C library is not asked: glibc 2.36 has 11 right digits then.

A loop with a branch and a call in it has no vectors. So the choice stands in a function of (x, value), the fast one's
value, which LLVM is told to have forms of 2, 4 and 8 lanes (LLVM's Language Reference, `vector-function-abi-variant`):
each looks at its lanes together, and only where there is a large argument among them at one after the other.
"""

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.elementary.arithmetic import (
    FRACTION,
    ROUNDING,
    bits_of,
    elementary,
    fma,
    ordered_two_sum,
    two_product,
    two_sum,
    two_to_the,
    upper_bits,
)

FAR = 2.0**45  # from where on the fast reduction's n has no room
PIECE = 50  # bits
PIECES = 5  # that count: what is left out is below 2^-146
TWO_OVER_PI = int(  # its first 1,300 bits, cut off
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1d"
    "eb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b"
    "5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b"
    "6babf0cfbc209af4361da9e39",
    16,
)
PIECES_OF_IT = np.array([float(TWO_OVER_PI >> 1300 - PIECE * (k + 1) & (1 << PIECE) - 1) for k in range(26)])
HALF_PI = math.pi / 2.0
HALF_PI_REST = float.fromhex("0x1.1a62633145c07p-54")


@elementary
def turned_back_from_far(x):
    """Return the bits of n + ROUNDING, r and what r lacks, of x = n pi/2 + r, FAR <= |x| < inf; n by its last bits."""
    first = ((upper_bits(bits_of(x), FRACTION) & 2047) - (1023 + FRACTION + 2)) // PIECE
    first = max(first, 0)
    unit = x * two_to_the(-PIECE * (first + 1))
    total = 0.0
    rest = 0.0
    last = 0.0
    for k in range(PIECES):
        product, dropped = two_product(unit * 2.0 ** (-PIECE * k), PIECES_OF_IT[first + k])
        for part in (product, dropped):
            total, lost = two_sum(total, part - 4.0 * np.rint(0.25 * part))
            rest, lost = two_sum(rest, lost)
            last += lost
    rounded = total + ROUNDING
    turn, rest = two_sum(total - (rounded - ROUNDING), rest)
    turn, rest = ordered_two_sum(turn, rest + last)
    r, lost = two_product(turn, HALF_PI)
    return bits_of(rounded), *ordered_two_sum(r, lost + fma(turn, HALF_PI_REST, rest * HALF_PI))


def unless_far(name, function):
    """Return the function of (x, value) that is value where |x| < FAR, and beyond what the function makes of x.

    The function, a plain one, gets what `turned_back_from_far` returns.
    """

    def of_far(x):
        return function(*turned_back_from_far(x)) if abs(x) < math.inf else math.nan

    compiled = kernel_part(of_far)

    @intrinsic
    def chosen(typingctx, x, value):
        of_one = types.float64(types.float64)

        def generate(context, builder, signature, arguments):
            chooser = f"fastgd.far.{name}"
            if chooser not in builder.module.globals:
                result = compiled.get_compile_result(of_one)
                context.active_code_library.add_linking_library(result.library)

                def call(builder, x):
                    return context.call_internal_no_propagate(builder, result.fndesc, of_one, [x])[1]

                _write(builder.module, chooser, call)
            return builder.call(builder.module.globals[chooser], arguments)

        return types.float64(types.float64, types.float64), generate

    return chosen


# ---- in LLVM ---------------------------------------------------------------------------------------------------------

DOUBLE = ir.DoubleType()
INT = ir.IntType(32)
LANES = (2, 4, 8)


def _write(module, name, call):
    """Write the function of one lane, declared to have forms of several, and those."""
    one = _started(module, name, DOUBLE, "linkonce_odr")
    forms = {lanes: _started(module, f"{name}.{lanes}", ir.VectorType(DOUBLE, lanes), "weak_odr") for lanes in LANES}
    told = ",".join(f"_ZGV_LLVM_N{lanes}vv_{name}({form.name})" for lanes, form in forms.items())
    set.add(one.attributes, f'"vector-function-abi-variant"="{told}"')
    x, value = one.args
    builder = ir.IRBuilder(one.append_basic_block())
    with builder.if_then(_is_far(builder, x, "f64", DOUBLE(FAR)), likely=False):
        builder.ret(call(builder, x))
    builder.ret(value)
    for lanes, form in forms.items():
        x, values = form.args
        builder = ir.IRBuilder(form.append_basic_block())
        is_far = _is_far(builder, x, f"v{lanes}f64", ir.Constant(x.type, [FAR] * lanes))
        some = _call(builder, f"llvm.vector.reduce.or.v{lanes}i1", ir.IntType(1), is_far)
        with builder.if_then(some, likely=False):
            result = values
            for lane in map(INT, range(lanes)):
                of_lane = [builder.extract_element(each, lane) for each in (x, values)]
                result = builder.insert_element(result, builder.call(one, of_lane), lane)
            builder.ret(result)
        builder.ret(values)


def _started(module, name, kind, linkage):
    """Return a function of two of a kind that LLVM keeps apart, and whose calls it may move."""
    function = ir.Function(module, ir.FunctionType(kind, [kind, kind]), name)
    function.linkage = linkage  # all copies are alike; a weak one stays, though only vectors will call it
    function.attributes.add("noinline")
    function.attributes.add("nounwind")
    for attribute in ("memory(none)", "willreturn"):
        set.add(function.attributes, attribute)  # llvmlite knows too few
    return function


def _is_far(builder, x, kind, limit):
    return builder.fcmp_ordered(">=", _call(builder, f"llvm.fabs.{kind}", x.type, x), limit)


def _call(builder, name, result, argument):
    kind = ir.FunctionType(result, [argument.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [argument])
