"""Losses of one residual r: rho(r) and its derivative psi(r), chosen by the type of the loss.

    squared     rho = r^2                                        psi = 2 r
    absolute    |r|                                              sign r, 0 at 0
    Huber       r^2 / 2 up to delta, delta (|r| - delta/2) above r clipped to delta
    log-cosh    log cosh r                                       tanh r
    the user's  their two functions

Sums over samples take `weighted(weights, i, value)`, the weights being an array, or () where all are 1.

psi is given as `slope_factor(loss) * slope(loss, r)`: the factor is applied once a block instead of once a sample. A
residual that is not a number has a rho that is none. Huber (1964) for his; the forms of log-cosh stand in `elementary`.
"""

from collections import namedtuple
from typing import NamedTuple

import numpy as np
from numba.core import types

from fastgd.kernels.compiling.jit import dispatched, is_instance
from fastgd.kernels.problems.elementary import log_cosh, tanh


class Squared(NamedTuple):
    """Marks the squared loss."""


class Absolute(NamedTuple):
    """Marks the absolute loss."""


class Huber(NamedTuple):
    """Huber's loss. Its delta is data, so that another one compiles nothing."""

    delta: float


class LogCosh(NamedTuple):
    """Marks the log-cosh loss."""


def users_loss(compiled_rho, compiled_psi):
    """Return the mark of a user's loss, a NamedTuple of a class of its own, which has all that is compiled of it."""
    users_class = namedtuple("UsersLoss", ())
    users_class.functions = compiled_rho, compiled_psi
    users_class.block_functions = {}  # by the type of the data
    return users_class()


def users_class(data_type):
    """Return the class of the user's loss in a type of data, None if there is none. No other process knows it."""
    classes = (getattr(field, "instance_class", None) for field in data_type)
    return next((kind for kind in classes if hasattr(kind, "functions")), None)


@dispatched(fastmath=True)
def rho(loss, r):
    """Return rho(r)."""
    if is_instance(loss, Squared):
        return lambda loss, r: r * r
    if is_instance(loss, Absolute):
        return lambda loss, r: abs(r)
    if is_instance(loss, Huber):
        return lambda loss, r: clipped(r, loss.delta) * (r - 0.5 * clipped(r, loss.delta))
    if is_instance(loss, LogCosh):
        return lambda loss, r: log_cosh(r)
    users_rho, _ = loss.instance_class.functions
    return lambda loss, r: users_rho(r)


@dispatched(fastmath=True)
def slope(loss, r):
    """Return psi(r) / slope_factor."""
    if is_instance(loss, Squared):
        return lambda loss, r: r
    if is_instance(loss, Absolute):
        return lambda loss, r: 1.0 if r > 0.0 else (-1.0 if r < 0.0 else r)
    if is_instance(loss, Huber):
        return lambda loss, r: clipped(r, loss.delta)
    if is_instance(loss, LogCosh):
        return lambda loss, r: tanh(r)
    _, users_psi = loss.instance_class.functions
    return lambda loss, r: users_psi(r)


@dispatched
def slope_factor(loss):
    """Return the constant factor of psi."""
    if is_instance(loss, Squared):
        return lambda loss: 2.0
    return lambda loss: 1.0


@dispatched(fastmath=True)
def clipped(r, delta):
    """Return r clipped to [-delta, delta]."""

    def implementation(r, delta):  # one after the other: each is a single instruction, and what is not a number stays
        above = -delta if r < -delta else r
        return delta if above > delta else above

    return implementation


@dispatched(fastmath=True)
def weighted(weights, i, value):
    """Return the value times the weight of sample i."""
    if isinstance(weights, types.Array):
        return lambda weights, i, value: np.float64(weights[i]) * value
    return lambda weights, i, value: value


@dispatched
def weights_of(weights, first, last):
    """Return the weights of samples first..last-1."""
    if isinstance(weights, types.Array):
        return lambda weights, first, last: weights[first:last]
    return lambda weights, first, last: weights
