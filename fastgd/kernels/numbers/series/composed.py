"""Functions of NumPy's that are written in others: of numbers, of rows and of what is as long as a user's arrays.

Each is a formula of calls, which is taken twice: of types, where the types of a user's function are found, and of
values, where it is written. Derivatives follow from those of what is called.
"""

import operator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numba.core import types

from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.series.expressions import (
    check,
    held,
    hold,
    is_expression,
    is_long,
    is_ours,
    known,
    length_of,
    series_of,
    shape_of,
)
from fastgd.kernels.numbers.series.parts import part_of
from fastgd.kernels.numbers.series.products import NOT_ALIGNED
from fastgd.kernels.numbers.vectors import WORD, Row, elements_of


class _Operand(NamedTuple):
    """A type, and a value of it, in LLVM, where there is one."""

    kind: Any
    value: Any = None


class _Calls:
    """What a formula calls functions by."""

    def __init__(self, typing_context, context=None, builder=None):
        self.typing_context = typing_context
        self.context = context
        self.builder = builder
        self.made = []  # each owns what is behind it

    def __call__(self, function, *operands):
        function_type = self.typing_context.resolve_value_type(function)
        kinds = tuple(operand.kind for operand in operands)
        found = self.typing_context.resolve_function_type(function_type, kinds, {})
        value = None
        if self.builder is not None:
            pairs = zip(operands, found.args, strict=True)
            given = [self.context.cast(self.builder, *reversed(operand), to) for operand, to in pairs]
            value = self.context.get_function(function_type, found)(self.builder, given)
        self.made.append(_Operand(found.return_type, value))
        return self.made[-1]

    def elements(self, row):
        """Return the elements of a row."""
        values = [None] * row.kind.count if self.builder is None else elements_of(self.builder, *row)
        return list(map(_Operand, row.kind.kinds, values))


def _composed(function, formula, is_known):
    """Let compiled functions call a function that a formula writes, where the types of its arguments are known."""

    def result(typing_context, *kinds):
        return formula(_Calls(typing_context), *map(_Operand, kinds)).kind if is_known(*kinds) else None

    def write(context, builder, sig, values):
        calls = _Calls(context.typing_context, context, builder)
        found = formula(calls, *map(_Operand, sig.args, values))
        for made in calls.made:
            if made is not found:
                context.nrt.decref(builder, *made)
        return found.value

    known(function, result, write, prefers_literal=True)


def _is_sequence(kind, *others):
    return (isinstance(kind, Row) or is_expression(kind)) and not others


# ---- statistics ------------------------------------------------------------------------------------------------------


def _size(x):
    """Return the number of elements of a Series."""
    raise NotImplementedError


def _write_size(context, builder, sig, values):
    return reduce(builder.mul, shape_of(context, builder, sig.args[0], values[0]))


known(_size, lambda typing_context, x: types.intp, _write_size)


def _mean(call, x):
    return call(operator.truediv, call(np.sum, x), call(_size, x))


def _var(call, x):
    from_mean = call(operator.sub, x, call(np.mean, x))
    return call(np.mean, call(operator.mul, from_mean, from_mean))


_composed(np.mean, _mean, lambda *kinds: _is_sequence(*kinds) and is_long(kinds[0]))
_composed(np.var, _var, _is_sequence)
_composed(np.std, lambda call, x: call(np.sqrt, call(np.var, x)), _is_sequence)


def _norm(call, x, order=None):
    if order is not None and getattr(order.kind, "literal_value", None) == 1:
        return call(np.sum, call(np.abs, x))
    return call(np.sqrt, call(np.sum, call(operator.mul, x, x)))


def _has_norm(kind, order=types.none, *others):
    is_vector = isinstance(kind, Row) or is_long(kind, 1)
    is_plain = isinstance(order, types.NoneType) or (is_vector and getattr(order, "literal_value", None) in (1, 2))
    return _is_sequence(kind, *others) and is_plain


_composed(np.linalg.norm, _norm, _has_norm)


# ---- products --------------------------------------------------------------------------------------------------------


def _aligned(one, other):
    """Return the first of two sequences; raise ValueError if their lengths differ."""
    raise NotImplementedError


def _write_aligned(context, builder, sig, values):
    one, other = (length_of(context, builder, *operand) for operand in zip(sig.args, values, strict=True))
    check(context, builder, builder.icmp_signed("==", one, other), NOT_ALIGNED)
    context.nrt.incref(builder, sig.args[0], values[0])
    return values[0]


known(_aligned, lambda typing_context, one, other: one, _write_aligned)


def _dot(call, one, other):
    return call(np.sum, call(operator.mul, call(_aligned, one, other), other))


def _has_dot(*kinds):
    are_vectors = len(kinds) == 2 and all(isinstance(kind, Row) or is_long(kind, 1) for kind in kinds)
    return are_vectors and any(map(is_ours, kinds)) and any(map(is_long, kinds))


_composed(np.dot, _dot, _has_dot)
_composed(operator.matmul, _dot, _has_dot)


# ---- others ----------------------------------------------------------------------------------------------------------


def _clip(call, a, lower, upper):
    for function, bound in ((np.maximum, lower), (np.minimum, upper)):
        if not isinstance(bound.kind, types.NoneType):
            a = call(function, a, bound)
    return a


_composed(np.clip, _clip, lambda *kinds: len(kinds) == 3 and any(map(is_ours, kinds)))


def _polyval(call, p, x):
    value, *others = call.elements(p)
    for other in others:
        value = call(operator.add, call(operator.mul, value, x), other)
    return value


def _is_polynomial(p, x):
    return isinstance(p, Row) and p.count > 1 and (is_number(x) or isinstance(x, Row) or is_long(x))


_composed(np.polyval, _polyval, _is_polynomial)


def _later(x):
    """Return a Series without its first element."""
    raise NotImplementedError


def _earlier(x):
    """Return a Series without its last element."""
    raise NotImplementedError


def _part(first):
    def write(context, builder, sig, values):
        length = builder.sub(length_of(context, builder, sig.args[0], values[0]), WORD(1))
        is_empty = builder.icmp_signed("<", length, WORD(0))
        operands = [hold(context, builder, sig.args[0], values[0]), WORD(first), WORD(1)]
        return series_of(context, builder, sig.return_type, operands, [builder.select(is_empty, WORD(0), length)])

    return write


known(_later, lambda typing_context, x: part_of(held(x)), _part(1))
known(_earlier, lambda typing_context, x: part_of(held(x)), _part(0))
_composed(
    np.diff,
    lambda call, x: call(operator.sub, call(_later, x), call(_earlier, x)),
    lambda *kinds: len(kinds) == 1 and is_expression(*kinds, ndim=1),
)
