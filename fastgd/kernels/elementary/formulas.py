"""Formulas written with Python's `math`, compiled with these functions in its place."""

from functools import update_wrapper
from types import FunctionType

from fastgd.kernels.elementary import functions


def with_elementary(formula):
    """Return a copy of a plain function in which the global name `math` means `functions`."""
    names = formula.__globals__ | {"math": functions}
    copy = FunctionType(formula.__code__, names, formula.__name__, formula.__defaults__, formula.__closure__)
    return update_wrapper(copy, formula)
