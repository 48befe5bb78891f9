"""A user's loss and gradient at a block of thetas, one beside the other.

    thetas (P, width), sums_out (P + 1, width), row-major: the first `count` lanes of them

Both functions are written into one loop, which LLVM vectorises where it can. What they raise is NaN, in its own lane.
"""

import math
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.lanes import WORD, lane_loop
from fastgd.kernels.numbers import functions, indexing  # noqa: F401 (what they register)
from fastgd.kernels.numbers.real import REAL, Real, is_number, real_of, value_of
from fastgd.kernels.numbers.rewriting import Compiler
from fastgd.kernels.numbers.vectors import MOST_ELEMENTS, Row, View, view_of

# How a function of such numbers is compiled: nobody calls it but the loop, which it becomes a part of.
OPTIONS = {"pipeline_class": Compiler, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def theta_type(dimension):
    """Return the type of theta: a number, or a vector that nobody may write; None where that would be too long."""
    if dimension == 1:
        return REAL
    return View(REAL, dimension, writable=False) if dimension <= MOST_ELEMENTS else None


def is_gradient(numba_type, dimension):
    """Tell whether a function returns P numbers."""
    if dimension == 1:
        return is_number(numba_type)
    if isinstance(numba_type, Row):
        return numba_type.count == dimension and is_number(numba_type.dtype)
    return isinstance(numba_type, types.BaseTuple) and len(numba_type) == dimension and all(map(is_number, numba_type))


class _Compiled(NamedTuple):
    """What a call needs of a compiled function: Numba keeps it for good, and the rest would keep the user's arrays."""

    library: Any
    fndesc: Any
    signature: Any

    @classmethod
    def of(cls, result):
        """Return that of what Numba's compiler returns."""
        return cls(result.library, result.fndesc, result.signature)


@intrinsic(prefer_literal=True)
def set_lanes(typing_context, loss, gradient, dimension, count, width, thetas, sums_out):
    """Set the sums of `count` lanes by two functions that are compiled for `theta_type`."""
    P = dimension.literal_value
    both = []
    for function in (loss, gradient):
        called = typing_context.resolve_function_type(function, (theta_type(P),), {})
        both.append(_Compiled.of(function.dispatcher.overloads[called.args]))

    def generate(context, builder, signature, arguments):
        count, width, thetas, sums_out = arguments[3:]
        context.add_linking_libs([function.library for function in both])
        with lane_loop(builder, count) as (lane, group):

            def place(first, k):
                return builder.gep(first, [builder.add(builder.mul(width, WORD(k)), lane)])

            # These accesses alone are known to be of one lane. What a function keeps in memory, if anything, is of all.
            reals = []
            for k in range(P):
                value = builder.load(place(thetas, k))
                value.set_metadata("llvm.access.group", group)
                reals.append(real_of(builder, value))
            theta = reals[0] if P == 1 else view_of(builder, reals)
            raised = ir.IntType(1)(False)
            values = []
            for function in both:
                status, result = _called(context, builder, function, theta)
                raised = builder.or_(raised, status.is_error)
                values += _floats(context, builder, function.signature.return_type, result)
            for k, value in enumerate(values):
                kept = builder.select(raised, ir.DoubleType()(math.nan), value)
                builder.store(kept, place(sums_out, k)).set_metadata("llvm.access.group", group)
        return context.get_dummy_value()

    return types.void(loss, gradient, dimension, count, width, thetas, sums_out), generate


def _called(context, builder, function, theta):
    """Return the status and the result of a function, whose other arguments have defaults."""
    arguments = [theta] + [context.get_dummy_value()] * (len(function.signature.args) - 1)
    return context.call_internal_no_propagate(builder, function.fndesc, function.signature, arguments)


def _floats(context, builder, kind, value):
    """Return what a function returned as float64s."""
    if isinstance(kind, types.BaseTuple | Row):
        elements = cgutils.unpack_tuple(builder, value)
        kinds = [kind.dtype] * kind.count if isinstance(kind, Row) else kind
    else:
        elements = [value]
        kinds = [kind]
    return [
        value_of(builder, element) if isinstance(each, Real) else context.cast(builder, element, each, types.float64)
        for each, element in zip(kinds, elements, strict=True)
    ]
