"""A user's loss and gradient at a block of thetas, one beside the other.

    thetas (P, width), sums_out (P + 1, width), row-major: the first `count` lanes of them

Both functions are written into one loop, which LLVM vectorises where it can. What they raise is NaN, in its own lane.
"""

import math
import weakref
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.lanes import WORD, lane_loop
from fastgd.kernels.numbers.dual import REAL, Dual, dual_of, is_number, partials_of, value_of
from fastgd.kernels.numbers.rewriting import compiler_for
from fastgd.kernels.numbers.series import composed, elementwise, parts  # noqa: F401 (what they register)
from fastgd.kernels.numbers.vectors import MOST_ELEMENTS, MOST_PARTIALS, Row, Vector, View, vector_of, view_of


def options(partials=0):
    """Return how a function of such numbers is compiled: nobody calls it but the loop, which it becomes a part of."""
    compiler = compiler_for(Dual(range(partials)))
    return {"pipeline_class": compiler, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def theta_type(dimension, is_derived=False):
    """Return the type of theta: a number, or a vector that nobody may write; None where that would be too long."""
    if is_derived:
        duals = [Dual((k,)) for k in range(dimension)]
        return duals[0] if dimension == 1 else Vector(duals) if dimension <= MOST_PARTIALS else None
    if dimension == 1:
        return REAL
    return View(REAL, dimension, writable=False) if dimension <= MOST_ELEMENTS else None


def model_types(features, dimension, spread, is_derived=True):
    """Return the types of a model's arguments x and theta: a row if there are features, and each parameter if spread.

    None where they would be too many.
    """
    if max(dimension, features or 0) > (MOST_PARTIALS if is_derived else MOST_ELEMENTS):
        return None
    numbers = [Dual((k,)) if is_derived else REAL for k in range(dimension)]
    x = REAL if features is None else Vector([REAL] * features)
    return x, *(numbers if spread else [Vector(numbers)])


def is_gradient(numba_type, dimension):
    """Tell whether a function returns P numbers."""
    if dimension == 1:
        return is_number(numba_type)
    if isinstance(numba_type, types.BaseTuple | Row):
        return len(numba_type) == dimension and all(map(is_number, numba_type))
    return False


class _Compiled(NamedTuple):
    """What a call needs of a compiled function: Numba keeps it for good, and the rest would keep the user's arrays.

    The library, which is large, lives as long as the jitted function.
    """

    library: Any
    fndesc: Any
    signature: Any

    @classmethod
    def of(cls, function):
        """Return that of a jitted function, by its type: it was compiled once."""
        (result,) = function.dispatcher.overloads.values()
        return cls(weakref.ref(result.library), result.fndesc, result.signature)


@intrinsic(prefer_literal=True)
def set_lanes(typing_context, loss, gradient, dimension, count, width, thetas, sums_out):
    """Set the sums of `count` lanes by two functions that are compiled for `theta_type`; the gradient may be None."""
    P = dimension.literal_value
    is_derived = isinstance(gradient, types.NoneType)
    both = [_Compiled.of(each) for each in ((loss,) if is_derived else (loss, gradient))]

    def generate(context, builder, signature, arguments):
        count, width, thetas, sums_out = arguments[3:]
        context.add_linking_libs([function.library() for function in both])
        with lane_loop(builder, count) as (lane, group):

            def place(first, k):
                return builder.gep(first, [builder.add(builder.mul(width, WORD(k)), lane)])

            # These accesses alone are known to be of one lane. What a function keeps in memory, if anything, is of all.
            floats = []
            for k in range(P):
                floats.append(builder.load(place(thetas, k)))
                floats[-1].set_metadata("llvm.access.group", group)
            theta = _theta_of(builder, _kinds(both[0].signature)[0], floats)
            raised = ir.IntType(1)(False)
            values = []
            for function in both:
                status, result = _called(context, builder, function, [theta])
                raised = builder.or_(raised, status.is_error)
                values += _floats(context, builder, function.signature.return_type, result, P if is_derived else 0)
            for k, value in enumerate(_unless(builder, raised, values)):
                builder.store(value, place(sums_out, k)).set_metadata("llvm.access.group", group)
        return context.get_dummy_value()

    return types.void(loss, gradient, dimension, count, width, thetas, sums_out), generate


@intrinsic
def with_partials(typing_context, function, derivative, x, theta):
    """Return a model's value and its P derivatives, a tuple; none of them is a number where the model raises.

    It is compiled for `model_types`, as is the function that returns its derivatives; that is None where they are
    derived. x is a float64 or a tuple of them, () if it has no x, and theta a tuple.
    """
    P = len(theta)
    is_derived = isinstance(derivative, types.NoneType)
    users = [_Compiled.of(each) for each in ((function,) if is_derived else (function, derivative))]
    kinds = _kinds(users[0].signature)

    def generate(context, builder, signature, arguments):
        *_, sample, parameters = arguments
        context.add_linking_libs([each.library() for each in users])
        numbers = cgutils.unpack_tuple(builder, sample) if isinstance(x, types.BaseTuple) else [sample]
        given = [dual_of(builder, REAL, number, {}) for number in numbers]
        if given and isinstance(kinds[0], Row):
            given = [vector_of(builder, given)]
        floats = cgutils.unpack_tuple(builder, parameters)
        others = kinds[len(given) :]
        if isinstance(others[0], Row):
            given.append(_theta_of(builder, others[0], floats))
        else:
            pairs = enumerate(zip(others, floats, strict=True))
            given += [_dual(builder, kind, k, value) for k, (kind, value) in pairs]
        raised = ir.IntType(1)(False)
        values = []
        for each in users:
            status, result = _called(context, builder, each, given)
            raised = builder.or_(raised, status.is_error)
            values += _floats(context, builder, each.signature.return_type, result, P if is_derived else 0)
        return context.make_tuple(builder, signature.return_type, _unless(builder, raised, values))

    return types.UniTuple(types.float64, P + 1)(function, derivative, x, theta), generate


def _dual(builder, kind, k, value):
    """Return theta_k, whose derivative by itself is 1."""
    return dual_of(builder, kind, value, {k: ir.DoubleType()(1.0)})


def _theta_of(builder, kind, floats):
    """Return theta of this type, of its float64s."""
    kinds = kind.kinds if isinstance(kind, Row) else [kind]
    numbers = [_dual(builder, each, k, value) for k, (each, value) in enumerate(zip(kinds, floats, strict=True))]
    if not isinstance(kind, Row):
        return numbers[0]
    return view_of(builder, numbers) if isinstance(kind, View) else vector_of(builder, numbers)


_STAR = types.StarArgTuple | types.StarArgUniTuple


def _kinds(signature):
    """Return the types of what a function is given, one by one: some may be gathered in a tuple."""
    kinds = [kind for kind in signature.args if not isinstance(kind, types.Omitted)]
    return [each for kind in kinds for each in (kind if isinstance(kind, _STAR) else [kind])]


def _called(context, builder, function, given):
    """Return the status and the result of a function."""
    left = list(given)
    arguments = []
    for kind in function.signature.args:
        if isinstance(kind, _STAR):
            arguments.append(context.make_tuple(builder, kind, left))
        else:
            arguments.append(context.get_dummy_value() if isinstance(kind, types.Omitted) else left.pop(0))
    return context.call_internal_no_propagate(builder, function.fndesc, function.signature, arguments)


def _unless(builder, raised, values):
    """Return values, or what is no number."""
    return [builder.select(raised, ir.DoubleType()(math.nan), value) for value in values]


def _floats(context, builder, kind, value, partials=0):
    """Return what a function returned as float64s, and after a number so many derivatives."""
    if isinstance(kind, types.BaseTuple | Row):
        elements = zip(cgutils.unpack_tuple(builder, value, len(kind)), kind, strict=True)
    else:
        elements = [(value, kind)]
    floats = []
    for each, of_type in elements:
        is_dual = isinstance(of_type, Dual)
        floats.append(value_of(builder, each) if is_dual else context.cast(builder, each, of_type, types.float64))
        by = partials_of(builder, of_type, each)
        floats += [by.get(k, ir.DoubleType()(0.0)) for k in range(partials)]
    return floats
