"""What stops a descent: the tests of `descent.stopping`, compiled, and what they see.

Parameters that kernels share: own, the configuration's hyperparameters; sums (P + 1,), the loss and the gradient at
theta. Unchecked.
"""

import math

from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.statuses import Status
from fastgd.descent.stopping import TESTS, Moment
from fastgd.kernels.compiling.jit import kernel_part, merged_block_kernel
from fastgd.kernels.descent.norms import distance

CANCELLED = int(Status.CANCELLED)
DIVERGED = int(Status.DIVERGED)
SMALL_UPDATE = int(Status.SMALL_UPDATE)

SMALL_SLOPE = 0.01  # of the slope at the start: a loss that is quadratic has then fallen to 1e-4 of its height


def _first_of(tests):
    """Return the function of own and a moment that is the status of the first test that holds, CANCELLED if none does.

    Each calls the function of the tests after it.
    """
    first, *others = tests
    status = int(first.status)
    holds = kernel_part(first.holds)
    if not others:
        return kernel_part(lambda own, at: status if holds(own, at) else CANCELLED)
    of_others = _first_of(others)
    return kernel_part(lambda own, at: status if holds(own, at) else of_others(own, at))


def any_on(tests):
    """Return the function of own that tells whether one of the tests has a threshold that is not off."""
    first, *others = tests
    place = list(HYPERPARAMETERS).index(first.keyword)
    off = HYPERPARAMETERS[first.keyword].off
    if not others:
        return kernel_part(lambda own: own[place] != off)
    of_others = any_on(others)
    return kernel_part(lambda own: own[place] != off or of_others(own))


stop_before_update = _first_of([test for test in TESTS if not test.of_update])
stop_by_update = _first_of([test for test in TESTS if test.of_update])


@kernel_part
def stop(own, at):
    """Return the status of the first test of all that holds, CANCELLED if none does."""
    status = stop_before_update(own, at)
    return status if status != CANCELLED else stop_by_update(own, at)


gradient_is_tested = any_on([test for test in TESTS if test.of_gradient])
update_is_tested = any_on([test for test in TESTS if test.of_update])


@kernel_part
def all_finite(sums):
    """Return whether loss and gradient are."""
    finite = True
    for k in range(sums.size):
        finite = finite and math.isfinite(sums[k])
    return finite


@merged_block_kernel  # as a call that returns a tuple it took 10 ns
def moment(t, sums, gradient_norm, start):
    """Return what tests see at step t."""
    return Moment(t, all_finite(sums), sums[0], gradient_norm, start.loss, start.scale, math.nan)


@merged_block_kernel
def with_update(at, length):
    """Return what tests see of an update of this length."""
    return Moment(at.t, at.finite, at.loss, at.gradient_norm, at.initial_loss, at.loss_scale, length)


@kernel_part
def slope(sums, theta, bounds, held):
    """Return the gradient's norm without what pushes against bounds; `held` (P,) is scratch."""
    for k in range(theta.size):
        g = sums[1 + k]
        held[k] = g if (theta[k] <= bounds.lower[k] and g > 0.0) or (theta[k] >= bounds.upper[k] and g < 0.0) else 0.0
    return distance(sums, held)


@kernel_part
def has_stalled(status, slope, initial_slope):
    """Tell whether an update was shorter than `tolerance` although the slope is not small beside that of the start."""
    return status == SMALL_UPDATE and slope > SMALL_SLOPE * initial_slope
