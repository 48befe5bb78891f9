"""Stopping tests: at each step, in the order of `TESTS`, the first that holds ends the descent with its status.

To add one: an entry in `TESTS`, its threshold among the hyperparameters, and if none fits a status. Kernels compile the
formula as it stands. An engine that does not know a test refuses a sweep that sets it, see `sweeps.engines.choose`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from fastgd.descent.hyperparameters import Configuration
from fastgd.descent.statuses import Status

LOSS_ROUNDING = 100.0 * 2.0**-52  # what rounding may change a loss by, times its size


class Moment(NamedTuple):
    """What tests see of a descent at step t."""

    t: int
    finite: bool  # whether loss and gradient are
    loss: float
    gradient_norm: float
    initial_loss: float
    loss_scale: float  # the loss where every prediction is 0; NaN stands for the initial loss, 0 for no predictions
    update_length: float  # of the update that would be taken; NaN before it is made


def diverged(own: Configuration, at: Moment) -> bool:
    """Tell whether loss or gradient overflowed, or the loss is too large."""
    return not at.finite or at.loss > own.divergence_threshold


def reached_loss(own: Configuration, at: Moment) -> bool:
    """Tell whether the loss is small enough."""
    return at.loss < own.loss_threshold


def small_gradient(own: Configuration, at: Moment) -> bool:
    """Tell whether the gradient is short enough."""
    return at.gradient_norm < own.gradient_tolerance


def loss_grew(own: Configuration, at: Moment) -> bool:
    """Tell whether after the last step the loss exceeds that of the start by more than its rounding."""
    if at.t != own.max_steps:
        return False
    size = abs(at.initial_loss)
    size += size if math.isnan(at.loss_scale) else abs(at.loss_scale)
    return at.loss > at.initial_loss + LOSS_ROUNDING * size


def out_of_steps(own: Configuration, at: Moment) -> bool:
    """Tell whether the last step was taken."""
    return at.t == own.max_steps


def small_update(own: Configuration, at: Moment) -> bool:
    """Tell whether the next update is too short to be taken."""
    return at.update_length < own.tolerance


class StoppingTest(NamedTuple):
    """A stopping test."""

    keyword: str  # the hyperparameter that is its threshold
    status: Status
    holds: Callable[[Configuration, Moment], bool]
    of_gradient: bool = False  # whether it needs the gradient's norm, which is not had for nothing
    of_update: bool = False  # whether it needs the next update, which it then keeps from being taken


TESTS = (
    StoppingTest("divergence_threshold", Status.DIVERGED, diverged),
    StoppingTest("loss_threshold", Status.REACHED_LOSS, reached_loss),
    StoppingTest("gradient_tolerance", Status.SMALL_GRADIENT, small_gradient, of_gradient=True),
    StoppingTest("max_steps", Status.LOSS_GREW, loss_grew),
    StoppingTest("max_steps", Status.MAX_STEPS, out_of_steps),
    StoppingTest("tolerance", Status.SMALL_UPDATE, small_update, of_update=True),
)
