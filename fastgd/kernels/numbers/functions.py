"""What can be done with `real.Real` and with vectors of it: all that Numba does with a float64.

Each function of numbers is typed and written as Numba has it for float64, the elementary ones as fastgd has them, which
loops over lanes can be vectorised with. Of vectors it is taken element by element, as NumPy would: an operator then is
its universal function, and divides by zero without raising.
"""

import builtins
import math
import operator

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, overload, overload_method

from fastgd.kernels.compiling.jit import inlined_on_disk
from fastgd.kernels.elementary import functions as elementary
from fastgd.kernels.numbers.real import REAL, Real, is_number, real_of, value_of
from fastgd.kernels.numbers.vectors import Row, Vector, View, as_many, set_elements, vector_of

_OPERATORS = """
    add sub mul truediv floordiv mod pow iadd isub imul itruediv ifloordiv imod ipow neg pos not_ truth
    eq ne lt le gt ge
"""
_BUILTINS = "abs bool divmod float int max min pow round"
_MATH = """
    acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees erf erfc exp expm1 fabs floor fmod gamma
    hypot isfinite isinf isnan ldexp lgamma log log10 log1p log2 pow radians sin sinh sqrt tan tanh trunc
"""
_NUMPY = """
    abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt ceil copysign cos cosh deg2rad divide
    equal exp exp2 expm1 fabs floor floor_divide fmax fmin fmod greater greater_equal hypot isfinite isinf isnan less
    less_equal log log10 log1p log2 logaddexp maximum minimum multiply negative not_equal positive power rad2deg
    reciprocal remainder rint sign signbit sin sinh sqrt square subtract tan tanh true_divide trunc where
"""
_NAMES = ((operator, _OPERATORS), (builtins, _BUILTINS), (math, _MATH), (np, _NUMPY))
FUNCTIONS = list(dict.fromkeys(getattr(module, name) for module, names in _NAMES for name in names.split()))


def _own(name):
    """Return fastgd's own function, compiled once for all processes: each would need a third of a second."""
    function = getattr(elementary, name)

    def of_one(x):
        return function(x)

    def of_two(x, y):
        return function(x, y)

    return inlined_on_disk(of_two if name == "pow" else of_one, name)


def _where(condition, this, other):
    return this if condition else other


_NAMES_IN_NUMPY = {"atan": "arctan", "pow": "power"}
_ELEMENTARY = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "pow")
_OWN = {name: _own(name) for name in _ELEMENTARY}
_OWN[np.where] = inlined_on_disk(_where, "where")  # Numba's makes an array of numbers
_OWN |= {getattr(math, name): _OWN[name] for name in _ELEMENTARY}
_OWN |= {getattr(np, _NAMES_IN_NUMPY.get(name, name)): _OWN[name] for name in _ELEMENTARY}

# of vectors: NumPy's function of an operator
_UNIVERSAL = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.true_divide,
    operator.floordiv: np.floor_divide,
    operator.mod: np.remainder,
    operator.pow: np.power,
    operator.neg: np.negative,
    operator.pos: np.positive,
    operator.eq: np.equal,
    operator.ne: np.not_equal,
    operator.lt: np.less,
    operator.le: np.less_equal,
    operator.gt: np.greater,
    operator.ge: np.greater_equal,
    abs: np.abs,
}
_IN_PLACE = {
    getattr(operator, f"i{name}"): getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
}
_POWERS = (operator.pow, operator.ipow, np.power, pow)
_BY_PRODUCTS = {int: range(1, 65), float: (1.0, 2.0, 3.0, 4.0)}


# ---- of numbers ------------------------------------------------------------------------------------------------------


def _known(typing_context, function, kinds):
    """Return Numba's type of a function and its signature, with float64 in the place of Reals."""
    own = _own_of(function, kinds)
    called = typing_context.resolve_value_type(function) if own is None else typeof(own)
    plain = [types.float64 if own is not None or isinstance(kind, Real) else kind for kind in kinds]
    return called, typing_context.resolve_function_type(called, tuple(plain), {})


def _own_of(function, kinds):
    """Return fastgd's own function in the place of this one, or None."""
    if function in _POWERS and isinstance(kinds[-1], types.Float | Real):
        return _OWN["pow"]
    return _OWN.get(function)


def _result(typing_context, function, kinds):
    """Return the type that a function of numbers returns: float64 is a Real."""
    result = _known(typing_context, function, kinds)[1].return_type
    return REAL if result == types.float64 else result


def _applied(context, builder, function, kinds, values):
    """Return a function of numbers, in LLVM. Values may be Python's own, as the source has them."""
    if not all(isinstance(value, ir.Value) for value in values):
        return _power(builder, function, kinds, values)
    called, known = _known(context.typing_context, function, kinds)
    plain = [_plain(builder, kind, value) for kind, value in zip(kinds, values, strict=True)]
    if any(isinstance(kind, types.StarArgTuple | types.StarArgUniTuple) for kind in known.args):  # of min and max
        cast = [context.make_tuple(builder, known.args[0], [value for _, value in plain])]
    else:
        cast = [context.cast(builder, value, kind, to) for (kind, value), to in zip(plain, known.args, strict=True)]
    result = context.get_function(called, known)(builder, cast)
    return real_of(builder, result) if known.return_type == types.float64 else result


def _plain(builder, kind, value):
    return (types.float64, value_of(builder, value)) if isinstance(kind, Real) else (kind, value)


def _power(builder, function, kinds, values):
    """Return a power by a whole number that the source tells, by squares of squares."""
    base, exponent = values
    if (
        function not in _POWERS
        or not isinstance(base, ir.Value)
        or exponent not in _BY_PRODUCTS.get(type(exponent), ())
    ):
        raise NotImplementedError  # by which Numba understands that it must pass numbers as any others
    _, square = _plain(builder, kinds[0], base)
    result = ir.DoubleType()(1.0)
    left = int(exponent)
    while left:
        if left & 1:
            result = builder.fmul(result, square)
        square = builder.fmul(square, square)
        left >>= 1
    return real_of(builder, result)


# ---- of numbers and vectors ------------------------------------------------------------------------------------------


def _element(kind):
    if isinstance(kind, types.Omitted) and type(kind.value) is float:  # an exponent that the source tells
        return types.float64
    return kind.dtype if isinstance(kind, Row) else kind


def _register(function):
    """Let a function of numbers take Reals, and vectors element by element."""
    implementation = ("fastgd.Real", function)

    class Template(AbstractTemplate):
        key = function

        def generic(self, arguments, keywords):
            elements = tuple(map(_element, arguments))
            if keywords or not all(map(is_number, elements)):
                return None
            if rows := [kind for kind in arguments if isinstance(kind, Row)]:
                return _elementwise(self.context, function, arguments, elements, rows)
            if any(isinstance(kind, Real) for kind in arguments):
                return signature(_result(self.context, function, elements), *arguments)
            return None

        def get_impl_key(self, sig):
            return implementation

    infer_global(function, types.Function(Template))

    @lower_builtin(implementation, types.VarArg(types.Any))
    def lowered(context, builder, sig, values):
        if any(isinstance(kind, Row) for kind in sig.args):
            return _of_rows(context, builder, function, sig, values)
        return _applied(context, builder, function, tuple(map(_element, sig.args)), values)


def _of_numbers(function):
    """Return the function of numbers that one of vectors takes of each element, None if it has none."""
    function = _IN_PLACE.get(function, function)
    function = _UNIVERSAL.get(function, function)
    return function if isinstance(function, np.ufunc) or function is np.where else None


def _elementwise(typing_context, function, arguments, elements, rows):
    """Return the signature of a function of vectors, None if there is none."""
    counts = {row.count for row in rows} - {1}
    each = _of_numbers(function)
    if len(counts) > 1 or each is None or not any(isinstance(kind, Real | types.Float) for kind in elements):
        return None  # truth values among themselves follow other rules
    count = max(row.count for row in rows)
    first = arguments[0]
    if function in _IN_PLACE and isinstance(first, Row):
        return signature(first, *arguments) if _changes(first, count) else None
    return signature(Vector(_result(typing_context, each, elements), count), *arguments)


def _changes(row, count):
    return isinstance(row, View) and row.writable and row.count == count


def _of_rows(context, builder, function, sig, values):
    count = sig.return_type.count
    each = _of_numbers(function)
    elements = tuple(map(_element, sig.args))
    columns = [
        [value] * count if not isinstance(value, ir.Value) else as_many(context, builder, count, element, kind, value)
        for element, kind, value in zip(elements, sig.args, values, strict=True)
    ]
    results = [_applied(context, builder, each, elements, row) for row in zip(*columns, strict=True)]
    if isinstance(sig.return_type, View):
        set_elements(builder, sig.return_type, values[0], results)
        return values[0]
    return vector_of(builder, results)


for _function in FUNCTIONS:
    _register(_function)


# ---- sums ------------------------------------------------------------------------------------------------------------


def _folded(function):
    """Return the function of a vector that combines its elements, the first with the second and so on."""

    @intrinsic
    def fold(typing_context, row):
        def generate(context, builder, sig, arguments):
            first, *others = as_many(context, builder, row.count, REAL, row, arguments[0])
            for other in others:
                first = _applied(context, builder, function, (REAL, REAL), (first, other))
            return first

        return (REAL(row), generate) if isinstance(row, Row) and isinstance(row.dtype, Real | types.Float) else None

    return fold


def _of_vector(fold, function, method):
    def choose(row):
        return (lambda row: fold(row)) if isinstance(row, Row) else None

    overload(function, strict=False)(choose)
    overload_method(Row, method, strict=False)(choose)


_sum = _folded(operator.add)
_of_vector(_sum, np.sum, "sum")
overload(sum, strict=False)(lambda iterable: (lambda iterable: _sum(iterable)) if isinstance(iterable, Row) else None)
_of_vector(_folded(operator.mul), np.prod, "prod")
_of_vector(_folded(np.maximum), np.max, "max")
_of_vector(_folded(np.minimum), np.min, "min")


@overload(np.mean, strict=False)
@overload_method(Row, "mean", strict=False)
def _mean(row):
    return (lambda row: _sum(row) / len(row)) if isinstance(row, Row) else None


@overload(np.dot, strict=False)
@overload(operator.matmul, strict=False)
@overload_method(Row, "dot", strict=False)
def _dot(row, other):
    both = isinstance(row, Row) and isinstance(other, Row)
    return (lambda row, other: _sum(row * other)) if both and row.count == other.count else None
