"""Products of a matrix, an array of Numba's, and a vector of fastgd's numbers.

That with a row, theta say, is computed row by row when it is read. That with a Series takes as long for each row as
there are samples: it is computed once, and kept in memory.
"""

import operator

import numpy as np

from fastgd.kernels.numbers.dual import union
from fastgd.kernels.numbers.functions import applied, result_of
from fastgd.kernels.numbers.series.expressions import (
    Series,
    as_value,
    check,
    held,
    hold,
    is_array,
    is_expression,
    known,
    length_of,
    read,
    series_of,
    shape_of,
    store,
    stored_series,
)
from fastgd.kernels.numbers.series.sums import summed
from fastgd.kernels.numbers.vectors import WORD, Row, elements_of

NOT_ALIGNED = "shapes are not aligned"


class _Product:
    """Of each row of a matrix, or each column, and a row of numbers the sum of their elements' products."""

    def __init__(self, of_columns):
        self.of_columns = of_columns

    def __repr__(self):
        return "columns @" if self.of_columns else "rows @"

    def read(self, context, builder, series, operands):
        """Return how an element is read."""
        matrix, row = series.operands
        product = _products(context, builder, matrix, operands[0], self.of_columns)
        numbers = list(zip(row.kinds, elements_of(builder, row, operands[1]), strict=True))

        def element(at):
            kind, total = product(at, WORD(0), *numbers[0])
            for k, number in enumerate(numbers[1:], 1):  # of derivatives, only those that there are by then
                other_kind, other = product(at, WORD(k), *number)
                kinds = (kind, other_kind)
                total = applied(context, builder, np.add, kinds, (total, other))
                kind = result_of(context.typing_context, np.add, kinds)
            return total

        return element


_OF_ROWS = _Product(of_columns=False)
_OF_COLUMNS = _Product(of_columns=True)


def _products(context, builder, matrix, value, of_columns):
    """Return how a matrix' entry k of a row, or a column, and a number of a type are multiplied: to a type, a value."""
    entry = read(context, builder, matrix, value)

    def product(at, k, kind, number):
        kinds = (matrix.dtype, kind)
        indices = (k, at) if of_columns else (at, k)
        found = applied(context, builder, np.multiply, kinds, (entry(*indices), number))
        return result_of(context.typing_context, np.multiply, kinds), found

    return product


def _product_of(typing_context, one, other, *others):
    """Return what the product of a matrix and a vector of numbers is."""
    for operation, matrix, factor in ((_OF_ROWS, one, other), (_OF_COLUMNS, other, one)):
        if others or not is_array(matrix, 2):
            continue
        if isinstance(factor, Row):
            dtype = union(*(result_of(typing_context, np.multiply, (matrix.dtype, kind)) for kind in factor.kinds))
            return Series(operation, (held(matrix), as_value(factor)), dtype)
        if is_expression(factor, 1):
            dtype = result_of(typing_context, np.multiply, (matrix.dtype, factor.dtype))
            return stored_series(dtype)
    return None


def _product(context, builder, sig, arguments):
    of_columns = is_array(sig.args[1], 2)
    (matrix, value), (factor, other) = list(zip(sig.args, arguments, strict=True))[:: -1 if of_columns else 1]
    length, inner = shape_of(context, builder, matrix, value)[:: -1 if of_columns else 1]
    count = length_of(context, builder, factor, other)
    check(context, builder, builder.icmp_signed("==", inner, count), NOT_ALIGNED)
    if isinstance(factor, Row):
        operands = [hold(context, builder, matrix, value), hold(context, builder, factor, other)]
        return series_of(context, builder, sig.return_type, operands, [length])
    kept = stored_series(factor.dtype)
    vector = store(context, builder, kept, read(context, builder, factor, other), [count])
    product = _products(context, builder, matrix, value, of_columns)
    number = read(context, builder, kept, vector)

    def element(at):
        return summed(
            context, builder, sig.return_type.dtype, lambda k: product(at, k, factor.dtype, number(k))[1], count
        )

    made = store(context, builder, sig.return_type, element, [length])
    context.nrt.decref(builder, kept, vector)
    return made


for _function in (np.dot, operator.matmul):
    known(_function, _product_of, _product)
