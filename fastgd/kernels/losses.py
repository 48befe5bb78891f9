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
from typing import Any, NamedTuple

import numpy as np
from numba.core import types

from fastgd.kernels.elementary import log_cosh, tanh
from fastgd.kernels.jit import dispatched, is_instance

USERS_LOSSES: dict[type, tuple[Any, Any]] = {}  # class of a user's loss -> their compiled rho and psi


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
    """Return the mark of a user's loss, a NamedTuple of a class of its own."""
    users_class = namedtuple(f"UsersLoss{len(USERS_LOSSES)}", ())
    USERS_LOSSES[users_class] = compiled_rho, compiled_psi
    return users_class()


def holds_users_loss(data_type):
    """Tell whether a type of data has a user's loss, which no other process knows."""
    return any(getattr(field, "instance_class", None) in USERS_LOSSES for field in data_type)


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
    users_rho, _ = USERS_LOSSES[loss.instance_class]
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
    _, users_psi = USERS_LOSSES[loss.instance_class]
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
