"""One step of a descent.

At t = 0, 1, 2, ... with L and g at theta_t: stop as the first test of `descent.stopping` says, else form candidate =
clip(theta_t - rate s(t) u_t), stop if a test of the update says so, else take it. `advance` is that step; every engine
that iterates in theta calls it, so the definition stands here once.

Parameters that kernels share: own, the configuration's hyperparameters; sums (P + 1,), the loss and the gradient at
theta. Unchecked.
"""

import math

from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.statuses import Status
from fastgd.descent.stopping import TESTS, Moment
from fastgd.kernels.compiling.jit import kernel, kernel_part, merged_block_kernel
from fastgd.kernels.descent.directions import corrections, direction, schedule_factor
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
gradient_is_tested = any_on([test for test in TESTS if test.of_gradient])
update_is_tested = any_on([test for test in TESTS if test.of_update])


@kernel
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


@kernel
def slope(sums, theta, bounds, held):
    """Return the gradient's norm without what pushes against bounds; `held` (P,) is scratch."""
    for k in range(theta.size):
        g = sums[1 + k]
        held[k] = g if (theta[k] <= bounds.lower[k] and g > 0.0) or (theta[k] >= bounds.upper[k] and g < 0.0) else 0.0
    return distance(sums, held)


@kernel
def has_stalled(status, slope, initial_slope):
    """Tell whether an update was shorter than `tolerance` although the slope is not small beside that of the start."""
    return status == SMALL_UPDATE and slope > SMALL_SLOPE * initial_slope


@kernel
def advance(method, own, t, sums, gradient_norm, start, theta, memory, bounds, candidate):
    """Apply the definition once at theta_t, whose loss and gradient are `sums`; return the status, or CANCELLED.

    CANCELLED means that the descent goes on, and theta is theta_{t+1}. `gradient_norm` counts where it is tested;
    `candidate` (P + 1,) is scratch.
    """
    at = moment(t, sums, gradient_norm, start)
    status = stop_before_update(own, at)
    if status != CANCELLED:
        return status
    rate = own.learning_rate * schedule_factor(method.schedule, own, t)
    corrected = corrections(method.rule, own, t)
    for k in range(theta.size):
        u = direction(method.rule, own, corrected, sums[1 + k], memory, k)
        candidate[1 + k] = min(max(theta[k] - rate * u, bounds.lower[k]), bounds.upper[k])
    if update_is_tested(own):  # or the length is not worth its square root
        status = stop_by_update(own, with_update(at, distance(candidate, theta)))
    if status == CANCELLED:
        for k in range(theta.size):
            theta[k] = candidate[1 + k]
    return status
