"""The first step at which a descent at a constant rate stops, without taking the steps before it.

Along t the loss and the squared gradient norm are sums of w_j rho_j^(2 t) with w_j >= 0, so they are convex: the steps
at which one is below a threshold are an interval, and so are those at which the loss is not above its upper limit. If a
sum is below its threshold at the last step that matters, "no test stops at t" holds up to some t and nowhere from there
on. That t is found twice:

- roughly: where no residual grows by Newton's method on the logarithm of each sum, two or three iterations however far
  the step is; else bit by bit from the top, with a table of rho_j^(2^k): a probe costs P multiply-adds and no
  exponential, but a limit of 10^9 steps asks for 30 of them;
- exactly, from there, by the definition's own tests on the states that `jump` gives, so that what is reported passes
  the test that it is said to have passed, and the step before does not.

If some residual grows, a sum may fall below its threshold and rise again. Then the last step that matters is the one
where it is least, the first at which sum w_j rho_j^(2 t) (1 - rho_j^2) is not positive.

Shapes: modes (ALL_ROWS, P), the rows of `modes` and below them those named here; sums (P + 1,). All are unchecked.
"""

import math

import numpy as np

from fastgd.descent import codes
from fastgd.kernels.compiling.jit import kernel, never_inline
from fastgd.kernels.descent.directions import distance
from fastgd.kernels.descent.loops import all_finite, stop_before_update, stop_by_update
from fastgd.kernels.modes.modes import FIRST, LOGARITHM, ROWS, SHRINKAGE, SLOPE, jump, set_sums

# A weight is a squared residual over the square of the largest. Rows that are arguments are np.int64: Numba compiles a
# function anew for every literal int that it is called with.
FIRST_WEIGHT = ROWS
WEIGHT = ROWS + 1  # after the bits so far
TRIAL = ROWS + 2  # with one more bit
ONE = np.int64(ROWS + 3)
CURVATURE = np.int64(ROWS + 4)  # (s / largest s)^2, what a weight counts in the squared gradient norm
FALL = np.int64(ROWS + 5)  # 1 - rho^2, what a step takes away of a weight
FALL_OF_SLOPE = np.int64(ROWS + 6)  # what it takes away of its part in the squared gradient norm
TABLE = ROWS + 7  # rho^2, rho^4, rho^8, ...
LEVELS = 53  # of the table; steps are counted up to 2^53
ALL_ROWS = TABLE + LEVELS

TINY = np.finfo(np.float64).tiny
LARGEST = np.finfo(np.float64).max
GONE = -400.0  # a logarithm of |rho| at which a weight is 0 after one step


# ---- exactly ---------------------------------------------------------------------------------------------------------


@kernel
def status_at(configuration, t, sums, gradient_norm, initial_loss, rate):
    """Return the status of all tests at step t, CANCELLED if none stops; `rate` is that of this step."""
    status = stop_before_update(configuration, t, all_finite(sums), sums[0], gradient_norm, initial_loss)
    return stop_by_update(configuration, rate * gradient_norm) if status == codes.CANCELLED else status


@kernel
def look(modes, level, configuration, initial_loss, origin, t, sums):
    """Go to step t; return the gradient's norm and the status there."""
    never_inline()
    jump(modes, configuration.learning_rate, t)
    return judge(modes, level, configuration, initial_loss, origin, t, sums)


@kernel
def judge(modes, level, configuration, initial_loss, origin, t, sums):
    """Return the gradient's norm and the status at step t, where the modes are."""
    set_sums(modes, level, sums)
    gradient_norm = distance(sums, origin)
    return gradient_norm, status_at(configuration, t, sums, gradient_norm, initial_loss, configuration.learning_rate)


@kernel
def settle(modes, level, configuration, initial_loss, origin, guess, last, sums):
    """Return a step that stops right after one that does not, `guess` or near it. 0 does not stop, `last` does."""
    goes_on, stops = np.int64(0), last
    t, stride = max(guess - 1, 1), np.int64(1)
    while stops - goes_on > 1:
        if not goes_on < t < stops:
            t = goes_on + (stops - goes_on) // 2
        _, status = look(modes, level, configuration, initial_loss, origin, t, sums)
        if status == codes.CANCELLED:
            goes_on = t
            t += stride
        else:
            stops = t
            t -= stride
        stride = min(2 * stride, last)
    return stops


# ---- roughly ---------------------------------------------------------------------------------------------------------


@kernel
def set_weights(modes):
    """Set the weights and what they count; return the largest residual and slope."""
    P = modes.shape[1]
    residual, slope = 0.0, 0.0
    for j in range(P):
        residual = max(residual, abs(modes[FIRST, j]))
        slope = max(slope, modes[SLOPE, j])
    for j in range(P):
        modes[FIRST_WEIGHT, j] = (modes[FIRST, j] / residual) ** 2
        modes[ONE, j] = 1.0
        modes[CURVATURE, j] = (modes[SLOPE, j] / slope) ** 2
    return residual, slope


@kernel
def last_step_above(modes, limit, factor, least):
    """Return the real t <= limit, at least 1, up to which sum factor w >= least, of a sum that falls.

    The factor is a row. The logarithm of the sum is convex, so that Newton's method from the left never goes too far.
    It begins where the first mode alone is still enough, and ends where its next step would be below one half.
    """
    if not least > 0.0:
        return limit
    t = 1.0
    for j in range(modes.shape[1]):
        ratio = modes[factor, j] * modes[FIRST_WEIGHT, j] / least
        if ratio > 1.0:
            t = max(t, math.log(ratio) / (-2.0 * modes[LOGARITHM, j]))
    while t < limit:
        total, fall, bend = 0.0, 0.0, 0.0
        for j in range(modes.shape[1]):
            speed = -2.0 * max(modes[LOGARITHM, j], GONE)
            term = modes[factor, j] * modes[FIRST_WEIGHT, j] * math.exp(-speed * t)
            total += term
            fall += speed * term
            bend += speed * speed * term
        if not total > least:
            break
        step = math.log(total / least) * total / fall
        t += step
        if (bend / fall - fall / total) * step * step < 1.0:
            break
    return min(t, limit)


@kernel
def set_table(modes, levels):
    """Set the table's first levels, and what a step takes away of the weights.

    A power is kept as 1 - rho^2 while that is small, and squared from then on: squaring rho itself doubles its relative
    error each time.
    """
    for j in range(modes.shape[1]):
        x = modes[SHRINKAGE, j]
        change = -x if x < 1.0 else x - 2.0  # |rho| - 1
        power = 1.0 + change
        fall = -change * (2.0 + change)
        for k in range(levels):
            change = change * (2.0 + change)
            power = 1.0 + change if change > -0.5 else power * power
            modes[TABLE + k, j] = power
        modes[FALL, j] = fall
        modes[FALL_OF_SLOPE, j] = modes[CURVATURE, j] * fall


@kernel
def last_step_within(modes, levels, limit, factor, least, most, other_factor, other_least):
    """Return the largest t < limit with least <= sum factor w <= most and other_least <= sum other_factor w.

    The factors are rows. It is taken to hold at 0, and to hold nowhere after a t where it does not.
    """
    P = modes.shape[1]
    for j in range(P):
        modes[WEIGHT, j] = modes[FIRST_WEIGHT, j]
    t = np.int64(0)
    for k in range(levels - 1, -1, -1):
        further = t + (np.int64(1) << k)
        if further >= limit:
            continue
        total, other = 0.0, 0.0
        for j in range(P):
            weight = modes[WEIGHT, j] * modes[TABLE + k, j]
            modes[TRIAL, j] = weight
            total += modes[factor, j] * weight
            other += modes[other_factor, j] * weight
        if least <= total <= most and other_least <= other:
            t = further
            for j in range(P):
                modes[WEIGHT, j] = modes[TRIAL, j]
    return t


@kernel
def bottom(modes, levels, limit, fall):
    """Return the step t <= limit at which a sum is least, `fall` being the row of what a step takes away from it."""
    first_fall = 0.0
    for j in range(modes.shape[1]):
        first_fall += modes[fall, j] * modes[FIRST_WEIGHT, j]
    if not first_fall > 0.0:
        return np.int64(0)
    return last_step_within(modes, levels, limit, fall, TINY, math.inf, fall, -math.inf) + 1


def first_stop(mark, modes, level, configuration, grows, initial_loss, origin, sums):
    """Return the first step that stops, where step 0 does not; `grows` tells whether some residual does."""
    last = configuration.max_steps
    least_loss = level.scale * level.floor
    least_slope = configuration.gradient_tolerance
    if configuration.tolerance > 0.0:
        least_slope = max(least_slope, configuration.tolerance / configuration.learning_rate)
    seeks_loss = configuration.loss_threshold > least_loss
    seeks_slope = least_slope > 0.0
    seeks = seeks_loss or seeks_slope
    if last == 1 or not (grows or seeks):
        return last

    if not grows:
        largest, steepest = set_weights(modes)
        least = (configuration.loss_threshold - least_loss) / (level.scale * largest**2)
        t = last_step_above(modes, last - 1.0, CURVATURE, (least_slope / (steepest * largest)) ** 2)
        t = last_step_above(modes, t, ONE, least)
        return settle(modes, level, configuration, initial_loss, origin, np.int64(t) + 1, last, sums)

    slope, status = look(modes, level, configuration, initial_loss, origin, last, sums)
    if status != codes.DIVERGED and not seeks:
        return last
    levels = 0
    while (last - 1) >> levels > 0:
        levels += 1
    largest, steepest = set_weights(modes)
    set_table(modes, levels)
    if seeks_loss and sums[0] >= configuration.loss_threshold:
        t = bottom(modes, levels, configuration.max_steps, FALL)
        _, status = look(modes, level, configuration, initial_loss, origin, t, sums)
        if status != codes.CANCELLED:
            last = t
    if seeks_slope and slope >= least_slope:
        t = bottom(modes, levels, configuration.max_steps, FALL_OF_SLOPE)
        _, status = look(modes, level, configuration, initial_loss, origin, t, sums)
        if status != codes.CANCELLED:
            last = min(last, t)

    unit = level.scale * largest**2
    guess = 1 + last_step_within(
        modes,
        levels,
        last,
        ONE,
        (configuration.loss_threshold - least_loss) / unit,
        (min(configuration.divergence_threshold, LARGEST) - least_loss) / unit,
        CURVATURE,
        (least_slope / (steepest * largest)) ** 2,
    )
    return settle(modes, level, configuration, initial_loss, origin, guess, last, sums)
