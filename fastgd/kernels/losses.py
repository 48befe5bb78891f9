"""Losses of one residual r: rho(r) and its derivative psi(r), chosen by the type of the loss.

    squared    rho = r^2    psi = 2 r

psi is given as `slope_factor(loss) * slope(loss, r)`: the factor is applied once a block instead of once a sample.
"""

from typing import NamedTuple

from fastgd.kernels.jit import dispatched, is_instance


class Squared(NamedTuple):
    """Marks the squared loss."""


@dispatched(fastmath=True)
def rho(loss, r):
    """Return rho(r)."""
    if is_instance(loss, Squared):
        return lambda loss, r: r * r


@dispatched(fastmath=True)
def slope(loss, r):
    """Return psi(r) / slope_factor."""
    if is_instance(loss, Squared):
        return lambda loss, r: r


@dispatched
def slope_factor(loss):
    """Return the constant factor of psi."""
    if is_instance(loss, Squared):
        return lambda loss: 2.0
