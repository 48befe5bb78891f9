"""What can be done with `dual.Dual` and with vectors of it: all that Numba does with a float64, and its derivatives.

Each function of numbers is typed and written as Numba has it for float64, the elementary ones as fastgd has them, which
loops over lanes can be vectorised with. Of vectors it is taken element by element, as NumPy would: an operator then is
its universal function, and divides by zero without raising.
"""

import builtins
import math
import operator
from functools import cache

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, overload, overload_method

from fastgd.kernels.compiling.jit import inlined_on_disk
from fastgd.kernels.elementary import functions as elementary
from fastgd.kernels.numbers.dual import REAL, Dual, dual_of, is_number, partials_of, union, value_of
from fastgd.kernels.numbers.slopes import CHOSEN, FLAT, SLOPES, slope
from fastgd.kernels.numbers.vectors import Row, Vector, View, elements_of, set_elements, vector_of

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
    abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh around cbrt ceil copysign cos cosh deg2rad
    degrees divide equal exp exp2 expm1 fabs fix float_power floor floor_divide fmax fmin fmod greater greater_equal
    heaviside hypot isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp maximum minimum multiply
    negative not_equal positive power rad2deg radians real reciprocal remainder rint round sign signbit sin sinc sinh
    sqrt square subtract tan tanh true_divide trunc where
"""
_NAMES = ((operator, _OPERATORS), (builtins, _BUILTINS), (math, _MATH), (np, _NUMPY))
FUNCTIONS = list(dict.fromkeys(getattr(module, name) for module, names in _NAMES for name in names.split()))
# One name for all that a function is called.
_CALLED = {
    "absolute": "abs",
    "arctan2": "atan2",
    "around": "round",
    "deg2rad": "radians",
    "divide": "truediv",
    "fabs": "abs",
    "fix": "trunc",
    "float_power": "pow",
    "floor_divide": "floordiv",
    "fmod": "mod",
    "maximum": "max",
    "minimum": "min",
    "multiply": "mul",
    "negative": "neg",
    "positive": "pos",
    "power": "pow",
    "rad2deg": "degrees",
    "real": "pos",
    "remainder": "mod",
    "subtract": "sub",
    "true_divide": "truediv",
}
_CALLED |= {f"arc{name}": f"a{name}" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")}
_CALLED |= {f"i{name}": name for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")}
_NAME = {getattr(module, name): _CALLED.get(name, name) for module, names in _NAMES for name in names.split()}


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


def _fmod(x, y):
    return np.fmod(x, y)


def _heaviside(x, y):
    return y if x == 0.0 else 0.0 if x < 0.0 else 1.0 if x > 0.0 else x


def _sinc(x):
    angle = math.pi * x
    return elementary.sin(angle) / angle if angle != 0.0 else 1.0


_NAMES_IN_NUMPY = {"atan": "arctan", "pow": "power"}
_ELEMENTARY = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "pow")
_OWN = {name: _own(name) for name in _ELEMENTARY}
_OWN[np.where] = inlined_on_disk(_where, "where")  # Numba's makes an array of numbers
_OWN[math.fmod] = inlined_on_disk(_fmod, "fmod")  # which Numba has not
_FURTHER = {  # which Numba has not of one number
    np.around: lambda x: np.rint(x),
    np.fix: lambda x: np.trunc(x),
    np.heaviside: _heaviside,
    np.real: lambda x: x,
    np.round: lambda x: np.rint(x),
    np.sinc: _sinc,
}
_OWN |= {function: inlined_on_disk(formula, function.__name__) for function, formula in _FURTHER.items()}
_OWN[np.float_power] = _OWN["pow"]
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
IN_PLACE = {
    getattr(operator, f"i{name}"): getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
}
POWERS = (operator.pow, operator.ipow, np.power, pow)
_BY_PRODUCTS = {int: range(1, 65), float: (1.0, 2.0, 3.0, 4.0)}


# ---- of numbers ------------------------------------------------------------------------------------------------------


@cache
def _known(typing_context, function, kinds):
    """Return Numba's type of a function and its signature, with float64 in the place of Duals."""
    own = _own_of(function, kinds)
    called = typing_context.resolve_value_type(function) if own is None else typeof(own)
    plain = [types.float64 if own is not None or isinstance(kind, Dual) else kind for kind in kinds]
    return called, typing_context.resolve_function_type(called, tuple(plain), {})


def _own_of(function, kinds):
    """Return fastgd's own function in the place of this one, or None."""
    if function in POWERS and isinstance(kinds[-1], types.Float | Dual):
        return _OWN["pow"]
    return _OWN.get(function)


def result_of(typing_context, function, kinds):
    """Return the type that a function of numbers returns: float64 is a Dual. None where its derivatives are unknown."""
    result = _known(typing_context, function, kinds)[1].return_type
    moved = union(*kinds)
    name = _NAME[function]
    if result != types.float64:
        return None if moved.partials and isinstance(result, types.BaseTuple) else result
    if name in FLAT or not moved.partials:
        return REAL
    if name in CHOSEN or name in _BY_HAND or name == "where":
        return union(*kinds[name == "where" :])
    if name not in SLOPES:
        return None
    return union(*(kind for kind, formula in zip(kinds, SLOPES[name], strict=True) if formula))


def applied(context, builder, function, kinds, values):
    """Return a function of numbers, in LLVM. Values may be Python's own, as the source has them."""
    if not all(isinstance(value, ir.Value) for value in values):
        return _power(builder, function, kinds, values)
    typing_context = context.typing_context
    result_type = result_of(typing_context, function, kinds)
    name = _NAME[function]
    if name in CHOSEN and len(values) > 2 and union(*kinds).partials:
        first = applied(context, builder, function, kinds[:2], values[:2])
        kinds = (result_of(typing_context, function, kinds[:2]), *kinds[2:])
        return applied(context, builder, function, kinds, [first, *values[2:]])
    called, known = _known(typing_context, function, kinds)
    plain = [_plain(builder, kind, value) for kind, value in zip(kinds, values, strict=True)]
    if any(isinstance(kind, types.StarArgTuple | types.StarArgUniTuple) for kind in known.args):  # of min and max
        cast = [context.make_tuple(builder, known.args[0], [value for _, value in plain])]
    else:
        cast = [context.cast(builder, value, kind, to) for (kind, value), to in zip(plain, known.args, strict=True)]
    result = context.get_function(called, known)(builder, cast)
    if not isinstance(result_type, Dual):
        return result
    partials = {}
    if result_type.partials:
        moved = [partials_of(builder, kind, value) for kind, value in zip(kinds, values, strict=True)]
        floats = [context.cast(builder, value, kind, types.float64) for kind, value in plain]
        partials = _partials(context, builder, name, floats, result, moved)
    return dual_of(builder, result_type, result, partials)


def _plain(builder, kind, value):
    return (types.float64, value_of(builder, value)) if isinstance(kind, Dual) else (kind, value)


def _partials(context, builder, name, values, result, moved):
    """Return the derivatives of a function's result of float64s, whose own derivatives are `moved`, by the chain rule.

    Of two products' sum one is rounded alone, and not both: so that what is stated here is what is computed, with the
    same digits in every lane.
    """
    if name in CHOSEN or name == "where":
        *condition, one, two = values
        is_first = condition[0] if condition else _called(context, builder, _chosen(name), [one, two])
        if condition:
            is_first = builder.fcmp_unordered("!=", is_first, ir.DoubleType()(0.0))
        zero = ir.DoubleType()(0.0)
        first, second = moved[-2:]
        return {k: builder.select(is_first, first.get(k, zero), second.get(k, zero)) for k in {**first, **second}}
    slopes = _BY_HAND.get(name, _by_formula)
    steep = slopes(context, builder, name, values, result, [bool(partials) for partials in moved])
    sums = {}
    for each, partials in zip(steep, moved, strict=True):
        for k, partial in partials.items():
            if each is not None:
                sums[k] = _with_product(builder, sums.get(k), each, partial)
    return sums


def _with_product(builder, total, factor, partial):
    """Return total + factor partial; a factor may be Python's 1 or -1, and the total None."""
    if factor == 1:
        return partial if total is None else builder.fadd(total, partial)
    if factor == -1:
        return builder.fneg(partial) if total is None else builder.fsub(total, partial)
    return builder.fmul(factor, partial) if total is None else builder.fma(factor, partial, total)


def _by_formula(context, builder, name, values, result, wanted):
    """Return the derivatives by those arguments that are wanted, else None."""
    return [
        _called(context, builder, slope(name, place), [*values, result]) if is_wanted and SLOPES[name][place] else None
        for place, is_wanted in enumerate(wanted)
    ]


def _called(context, builder, function, values):
    """Return what a jitted function of float64s returns."""
    function_type = typeof(function)
    known = context.typing_context.resolve_function_type(function_type, (types.float64,) * len(values), {})
    return context.get_function(function_type, known)(builder, values)


@cache
def _chosen(name):
    return inlined_on_disk(CHOSEN[name], f"{name} chosen")


def _of_product(context, builder, name, values, result, wanted):
    return values[1], values[0]


def _of_quotient(context, builder, name, values, result, wanted):
    inverse = builder.fdiv(ir.DoubleType()(1.0), values[1])
    return inverse, builder.fneg(builder.fmul(result, inverse)) if wanted[1] else None


# What takes a product or none.
_BY_HAND = {
    "add": lambda *_: (1, 1),
    "sub": lambda *_: (1, -1),
    "float": lambda *_: (1,),
    "neg": lambda *_: (-1,),
    "pos": lambda *_: (1,),
    "mul": _of_product,
    "truediv": _of_quotient,
}


def _power(builder, function, kinds, values):
    """Return a power by a whole number that the source tells, by squares of squares."""
    base, exponent = values
    if function not in POWERS or not isinstance(base, ir.Value) or exponent not in _BY_PRODUCTS.get(type(exponent), ()):
        raise NotImplementedError  # by which Numba understands that it must pass numbers as any others
    _, value = _plain(builder, kinds[0], base)
    n = int(exponent)
    moved = partials_of(builder, kinds[0], base)
    steep = builder.fmul(ir.DoubleType()(float(n)), _by_squares(builder, value, n - 1)) if moved else None
    partials = {k: builder.fmul(steep, partial) for k, partial in moved.items()}
    return dual_of(builder, union(*kinds[:1]), _by_squares(builder, value, n), partials)


def _by_squares(builder, square, exponent):
    result = ir.DoubleType()(1.0)
    while exponent:
        if exponent & 1:
            result = builder.fmul(result, square)
        square = builder.fmul(square, square)
        exponent >>= 1
    return result


# ---- of numbers and vectors ------------------------------------------------------------------------------------------


def _elements(kind, count):
    """Return the types of so many elements, of a row or of one number for all."""
    if isinstance(kind, Row):
        return kind.kinds * count if kind.count == 1 else kind.kinds
    if isinstance(kind, types.Omitted) and type(kind.value) is float:  # an exponent that the source tells
        kind = types.float64
    return (kind,) * count


_ASKED_FIRST = {"target": "cpu"}  # a template's metadata: Numba's own, dozens of an operator, take 2 ms to say no


def _register(function):
    """Let a function of numbers take Duals, and vectors element by element."""
    implementation = ("fastgd.Dual", function)

    class Template(AbstractTemplate):
        key = function
        metadata = _ASKED_FIRST

        def generic(self, arguments, keywords):
            if keywords or not arguments:
                return None
            rows = [kind for kind in arguments if isinstance(kind, Row)]
            count = max((row.count for row in rows), default=1)
            columns = [_elements(kind, count) for kind in arguments]
            if not all(is_number(kind) for column in columns for kind in column):
                return None
            if rows:
                return _elementwise(self.context, function, arguments, columns, count)
            if any(isinstance(kind, Dual) for kind in arguments):
                result = result_of(self.context, function, tuple(column[0] for column in columns))
                return result and signature(result, *arguments)
            return None

        def get_impl_key(self, sig):
            return implementation

    infer_global(function, types.Function(Template))

    @lower_builtin(implementation, types.VarArg(types.Any))
    def lowered(context, builder, sig, values):
        if any(isinstance(kind, Row) for kind in sig.args):
            return _of_rows(context, builder, function, sig, values)
        return applied(context, builder, function, tuple(_elements(kind, 1)[0] for kind in sig.args), values)


def of_numbers(function):
    """Return the function of numbers that one of vectors takes of each element, None if it has none."""
    function = IN_PLACE.get(function, function)
    function = _UNIVERSAL.get(function, function)
    return function if isinstance(function, np.ufunc) or function is np.where or function in _FURTHER else None


def _elementwise(typing_context, function, arguments, columns, count):
    """Return the signature of a function of vectors, None if there is none."""
    lengths = {kind.count for kind in arguments if isinstance(kind, Row)} - {1}
    each = of_numbers(function)
    are_floats = any(isinstance(kind, Dual | types.Float) for column in columns for kind in column)
    if len(lengths) > 1 or each is None or not are_floats:
        return None  # truth values among themselves follow other rules
    kinds = [result_of(typing_context, each, row) for row in zip(*columns, strict=True)]
    if None in kinds:
        return None
    first = arguments[0]
    if function in IN_PLACE and isinstance(first, Row):
        return signature(first, *arguments) if _changes(first, kinds) else None
    return signature(Vector(kinds), *arguments)


def _changes(row, kinds):
    if not isinstance(row, View) or not row.writable or row.count != len(kinds):
        return False
    return union(row.dtype, *kinds) == row.dtype


def _of_rows(context, builder, function, sig, values):
    count = sig.return_type.count
    each = of_numbers(function)
    columns = [_elements(kind, count) for kind in sig.args]
    found = []
    for kind, value in zip(sig.args, values, strict=True):
        elements = elements_of(builder, kind, value) if isinstance(kind, Row) else [value]
        found.append(elements * count if len(elements) == 1 else elements)
    results = [
        applied(context, builder, each, kinds, row)
        for kinds, row in zip(zip(*columns, strict=True), zip(*found, strict=True), strict=True)
    ]
    result = sig.return_type
    if isinstance(result, View):
        kinds = [result_of(context.typing_context, each, kinds) for kinds in zip(*columns, strict=True)]
        cast = [context.cast(builder, *one, result.dtype) for one in zip(results, kinds, strict=True)]
        set_elements(builder, result, values[0], cast)
        return values[0]
    return vector_of(builder, results)


for _function in FUNCTIONS:
    _register(_function)


# ---- sums ------------------------------------------------------------------------------------------------------------


def _folded(function):
    """Return the function of a vector that combines its elements, the first with the second and so on."""

    def types_so_far(typing_context, kinds):
        """Return the type of what the first elements come to, for each number of them."""
        found = [union(kinds[0])]
        for kind in kinds[1:]:
            found.append(result_of(typing_context, function, (found[-1], kind)))
        return found

    @intrinsic
    def fold(typing_context, row):
        def generate(context, builder, sig, arguments):
            before, *others = elements_of(builder, row, arguments[0])
            kinds = types_so_far(context.typing_context, row.kinds)
            before = context.cast(builder, before, row.kinds[0], kinds[0])
            for kind, so_far, other in zip(row.kinds[1:], kinds, others, strict=False):
                before = applied(context, builder, function, (so_far, kind), (before, other))
            return before

        known = isinstance(row, Row) and all(isinstance(kind, Dual | types.Float) for kind in row.kinds)
        return (types_so_far(typing_context, row.kinds)[-1](row), generate) if known else None

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
def _dot(row, other):
    both = isinstance(row, Row) and isinstance(other, Row)
    return (lambda row, other: _sum(row * other)) if both and row.count == other.count else None


overload_method(Row, "dot", strict=False)(lambda row, other: lambda row, other: np.dot(row, other))
