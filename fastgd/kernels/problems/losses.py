"""The loss of one residual r in kernels: rho(r) and its derivative psi(r), chosen by the type of the loss' mark.

psi is `slope_factor(loss) * slope(loss, r)`: the factor is applied once a block instead of once a sample. Sums over
samples take `weighted(weights, i, value)`, the weights being an array, or () where all are 1.
"""

from collections import namedtuple

import numpy as np
from numba.core import types

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.elementary.logarithm import log

TERMS_AT_ONCE = 1008  # samples: so many factors, 2 at most, have a finite product


def mark_class(name, formulas, parameters, on_disk):
    """Return a NamedTuple class whose instances mark data with a loss of these formulas (rho, slope, factor).

    A loss' numbers are fields of the mark, data like any other, so that another number compiles nothing. What is
    compiled for data with a mark is kept on disk, or else in the class alone: no other process knows it.
    """
    marks = namedtuple(name, parameters)
    marks.formulas = formulas
    marks.block_functions = None if on_disk else {}  # by the type of the data
    return marks


def own_block_functions(data_type):
    """Return the dict of what is compiled for this type of data and lives as long as its loss; None of one on disk."""
    classes = (getattr(field, "instance_class", None) for field in data_type)
    return next((kind.block_functions for kind in classes if hasattr(kind, "formulas")), None)


def _rho(loss, r):
    """Return rho(r)."""
    return loss.instance_class.formulas.rho


def _slope(loss, r):
    """Return psi(r) / slope_factor."""
    return loss.instance_class.formulas.slope


@dispatched
def slope_factor(loss):
    """Return the constant factor of psi."""
    factor = loss.instance_class.formulas.factor
    return lambda loss: factor


def _weighted(weights, i, value):
    """Return the value times the weight of sample i."""
    if isinstance(weights, types.Array):
        return lambda weights, i, value: np.float64(weights[i]) * value
    return lambda weights, i, value: value


# In sums over a block; and for lanes, in the order written: a vector and the lanes left over must not differ.
rho = dispatched(_rho, fastmath=True)
slope = dispatched(_slope, fastmath=True)
weighted = dispatched(_weighted, fastmath=True)
rho_in_order = dispatched(_rho, inlined=True)
slope_in_order = dispatched(_slope, inlined=True)
weighted_in_order = dispatched(_weighted, inlined=True)


def has_terms(loss, weights):
    """Tell, of the types of a loss and of weights, whether sums are taken by terms."""
    return loss.instance_class.formulas.terms is not None and not isinstance(weights, types.Array)


@dispatched(fastmath=True)
def _terms(loss, r):
    """Return the terms of a residual."""
    return loss.instance_class.formulas.terms


@dispatched(fastmath=True)
def take_slopes(loss, r):
    """Turn residuals of up to TERMS_AT_ONCE samples into slopes, by terms; return the sum of rho."""

    def implementation(loss, r):
        total = 0.0
        product = 1.0
        for i in range(r.size):
            psi, summand, factor = _terms(loss, r[i])
            total += summand
            product *= factor
            r[i] = psi
        return total - log(product)

    return implementation


@dispatched
def weights_of(weights, first, last):
    """Return the weights of samples first..last-1."""
    if isinstance(weights, types.Array):
        return lambda weights, first, last: weights[first:last]
    return lambda weights, first, last: weights
