"""The first step at which a descent at a constant rate stops, without taking the steps before it.

Along t the loss and the squared gradient norm are sums of w_j shrink_j^(2 t) with w_j >= 0, so they are convex: the
steps at which one is below a threshold are an interval, and so are those at which the loss is not above its upper
limit. If a sum is below its threshold at the last step that matters, "no test stops at t" holds up to some t and
nowhere from there on. That t is found twice:

- roughly: where no residual grows by Newton's method on the logarithm of each sum, two or three iterations however far
  the step is; else bit by bit from the top, with a table of shrink_j^(2^k): a probe costs P multiply-adds and no
  exponential, but a limit of 10^9 steps asks for 30 of them;
- exactly, from there, by the definition's own tests on the states that `jump` gives, so that what is reported passes
  the test that it is said to have passed, and the step before does not.

If some residual grows, a sum may fall below its threshold and rise again. Then the last step that matters is the one
where it is least, the first at which sum w_j shrink_j^(2 t) (1 - shrink_j^2) is not positive.

Shapes: modes (ALL_ROWS, P), the rows of `modes` and below them those named here; sums (P + 1,). All are unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.kernels.compiling.jit import kernel_part, never_inline
from fastgd.kernels.descent.norms import distance
from fastgd.kernels.descent.step import CANCELLED, DIVERGED, moment, stop_before_update, stop_by_update, with_update
from fastgd.kernels.modes.modes import FIRST, LOGARITHM, ONE, ROWS, STEEPNESS, TAKEN, Place, grows, jump, set_sums

# A weight is a squared residual over the square of the largest. Rows that are arguments are np.int64: Numba compiles a
# function anew for every literal int that it is called with.
FIRST_WEIGHT = ROWS
WEIGHT = ROWS + 1  # after the bits so far
TRIAL = ROWS + 2  # with one more bit
IN_LOSS = np.int64(ROWS + 3)  # 1, what a weight counts in the loss
IN_GRADIENT = np.int64(ROWS + 4)  # (s / largest s)^2, what it counts in the squared gradient norm
FALL_OF_LOSS = np.int64(ROWS + 5)  # 1 - shrink^2, what a step takes away of it in the loss
FALL_OF_GRADIENT = np.int64(ROWS + 6)  # and in the squared gradient norm
TABLE = ROWS + 7  # shrink^2, shrink^4, shrink^8, ...
LEVELS = 53  # of the table; steps are counted up to 2^53
ALL_ROWS = TABLE + LEVELS

TINY = np.finfo(np.float64).tiny
LARGEST = np.finfo(np.float64).max
GONE = -400.0  # a logarithm of |shrink| at which a weight is 0 after one step


class Units(NamedTuple):
    """What weights are counted in."""

    residual: float  # the largest
    steepness: float  # the largest


class Range(NamedTuple):
    """What a sum of weights is to lie within."""

    row: int  # what each weight counts in it
    least: float
    most: float


class Aims(NamedTuple):
    """What is sought: sums below which a test stops."""

    loss: float  # less the least loss there is; not above 0 where it can't be reached
    gradient_norm: float  # 0 where no test asks for it


# ---- exactly ---------------------------------------------------------------------------------------------------------


@kernel_part
def status_at(own, at):
    """Return the status of all tests at a moment of gradient descent at a constant rate, CANCELLED if none stops."""
    status = stop_before_update(own, at)
    if status != CANCELLED:
        return status
    return stop_by_update(own, with_update(at, own.learning_rate * at.gradient_norm))


@kernel_part
def place_with(course, t, gradient_norm):
    """Return the place of a descent at step t, whose sums are there, and the norm of whose gradient is known."""
    return Place(t, gradient_norm, status_at(course.own, moment(t, course.sums, gradient_norm, course.start)))


@kernel_part
def judged(course, t):
    """Return the place of a descent at step t, to which its modes have been brought."""
    set_sums(course.modes, course.origin.size, ONE, course.level, course.sums)
    return place_with(course, t, distance(course.sums, course.origin))


@kernel_part
def look(course, t):
    """Go to step t; return the place there."""
    never_inline()
    jump(course.modes, t)
    return judged(course, t)


@kernel_part
def settle(course, guess, last):
    """Return a step that stops right after one that does not, `guess` or near it. 0 does not stop, `last` does."""
    goes_on = np.int64(0)
    stops = last
    t = max(guess - 1, 1)
    stride = np.int64(1)
    while stops - goes_on > 1:
        if not goes_on < t < stops:
            t = goes_on + (stops - goes_on) // 2
        if look(course, t).status == CANCELLED:
            goes_on = t
            t += stride
        else:
            stops = t
            t -= stride
        stride = min(2 * stride, last)
    return stops


# ---- roughly ---------------------------------------------------------------------------------------------------------


@kernel_part
def set_weights(modes):
    """Set the weights and what they count; return their units."""
    P = modes.shape[1]
    residual = 0.0
    steepness = 0.0
    for j in range(P):
        residual = max(residual, abs(modes[FIRST, j]))
        steepness = max(steepness, modes[STEEPNESS, j])
    for j in range(P):
        modes[FIRST_WEIGHT, j] = (modes[FIRST, j] / residual) ** 2
        modes[IN_LOSS, j] = 1.0
        modes[IN_GRADIENT, j] = (modes[STEEPNESS, j] / steepness) ** 2
    return Units(residual, steepness)


@kernel_part
def last_step_above(modes, limit, row, least):
    """Return the real t <= limit, at least 1, up to which a sum is >= least, of a sum that falls.

    `row` has what each weight counts in it. The logarithm of the sum is convex, so that Newton's method from the left
    never goes too far. It begins where the first mode alone is still enough, and ends where its next step would be
    below one half.
    """
    if not least > 0.0:
        return limit
    t = 1.0
    for j in range(modes.shape[1]):
        ratio = modes[row, j] * modes[FIRST_WEIGHT, j] / least
        if ratio > 1.0:
            t = max(t, math.log(ratio) / (-2.0 * modes[LOGARITHM, j]))
    while t < limit:
        total = 0.0
        fall = 0.0
        bend = 0.0
        for j in range(modes.shape[1]):
            speed = -2.0 * max(modes[LOGARITHM, j], GONE)
            term = modes[row, j] * modes[FIRST_WEIGHT, j] * math.exp(-speed * t)
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


@kernel_part
def set_table(modes, levels):
    """Set the table's first levels, and what a step takes away of the weights.

    A power is kept as 1 - shrink^2 while that is small, and squared from then on: squaring shrink itself doubles its
    relative error each time.
    """
    for j in range(modes.shape[1]):
        x = modes[TAKEN, j]
        change = -x if x < 1.0 else x - 2.0  # |shrink| - 1
        power = 1.0 + change
        fall = -change * (2.0 + change)
        for k in range(levels):
            change = change * (2.0 + change)
            power = 1.0 + change if change > -0.5 else power * power
            modes[TABLE + k, j] = power
        modes[FALL_OF_LOSS, j] = fall
        modes[FALL_OF_GRADIENT, j] = modes[IN_GRADIENT, j] * fall


@kernel_part
def last_step_within(modes, levels, limit, first, second):
    """Return the largest t < limit at which two sums lie within their ranges.

    They are taken to do so at 0, and nowhere after a t at which they do not.
    """
    P = modes.shape[1]
    for j in range(P):
        modes[WEIGHT, j] = modes[FIRST_WEIGHT, j]
    t = np.int64(0)
    for k in range(levels - 1, -1, -1):
        further = t + (np.int64(1) << k)
        if further >= limit:
            continue
        total = 0.0
        other = 0.0
        for j in range(P):
            weight = modes[WEIGHT, j] * modes[TABLE + k, j]
            modes[TRIAL, j] = weight
            total += modes[first.row, j] * weight
            other += modes[second.row, j] * weight
        if first.least <= total <= first.most and second.least <= other <= second.most:
            t = further
            for j in range(P):
                modes[WEIGHT, j] = modes[TRIAL, j]
    return t


@kernel_part
def bottom(modes, levels, limit, fall):
    """Return the step t <= limit at which a sum is least; the row `fall` has what a step takes away of it."""
    first_fall = 0.0
    for j in range(modes.shape[1]):
        first_fall += modes[fall, j] * modes[FIRST_WEIGHT, j]
    if not first_fall > 0.0:
        return np.int64(0)
    falls = Range(fall, TINY, math.inf)
    return last_step_within(modes, levels, limit, falls, falls) + 1


# ---- both ------------------------------------------------------------------------------------------------------------


@kernel_part
def first_stop(course):
    """Return the first step that stops, where step 0 does not."""
    own = course.own
    gradient_norm = own.gradient_tolerance
    if own.tolerance > 0.0:
        gradient_norm = max(gradient_norm, own.tolerance / own.learning_rate)
    aims = Aims(own.loss_threshold - course.level.scale * course.level.floor, gradient_norm)
    if not (aims.loss > 0.0 or aims.gradient_norm > 0.0):
        return first_stop_untested(course)
    if own.max_steps == 1:
        return own.max_steps
    return first_stop_of_growing(course, aims) if grows(course.modes) else first_stop_of_falling(course, aims)


@kernel_part
def first_stop_untested(course):
    """Return the first step that stops, where step 0 does not and no test is on: the last, or one that diverged."""
    modes = course.modes
    own = course.own
    if not grows(modes) or look(course, own.max_steps).status != DIVERGED:
        return own.max_steps
    guess = own.max_steps - 1.0
    largest = min(own.divergence_threshold, LARGEST) / course.level.scale - course.level.floor
    for j in range(modes.shape[1]):
        if modes[TAKEN, j] > 2.0:  # alone, its square is as large as that after
            guess = min(guess, (0.5 * math.log(largest) - math.log(abs(modes[FIRST, j]))) / modes[LOGARITHM, j])
    return settle(course, np.int64(guess) + 1, own.max_steps)


@kernel_part
def first_stop_of_falling(course, aims):
    """Return the first step that stops where no residual grows: as soon as one sum is small enough."""
    modes = course.modes
    last = course.own.max_steps
    units = set_weights(modes)
    least_gradient = (aims.gradient_norm / (units.steepness * units.residual)) ** 2
    t = last_step_above(modes, last - 1.0, IN_GRADIENT, least_gradient)
    t = last_step_above(modes, t, IN_LOSS, aims.loss / (course.level.scale * units.residual**2))
    return settle(course, np.int64(t) + 1, last)


@kernel_part
def first_stop_of_growing(course, aims):
    """Return the first step that stops where some residual grows: the loss grows too large, or a sum was small."""
    modes = course.modes
    own = course.own
    at_the_end = look(course, own.max_steps)
    loss_at_the_end = course.sums[0]
    levels = 0
    while (own.max_steps - 1) >> levels > 0:
        levels += 1
    units = set_weights(modes)
    set_table(modes, levels)

    last = own.max_steps
    if aims.loss > 0.0 and loss_at_the_end >= own.loss_threshold:
        last = stop_at_bottom(course, levels, FALL_OF_LOSS, last)
    if aims.gradient_norm > 0.0 and at_the_end.gradient_norm >= aims.gradient_norm:
        last = stop_at_bottom(course, levels, FALL_OF_GRADIENT, last)

    unit = course.level.scale * units.residual**2
    least_loss = course.level.scale * course.level.floor
    most = (min(own.divergence_threshold, LARGEST) - least_loss) / unit
    least_gradient = (aims.gradient_norm / (units.steepness * units.residual)) ** 2
    goes_on_by_loss = Range(IN_LOSS, aims.loss / unit, most)
    goes_on_by_gradient = Range(IN_GRADIENT, least_gradient, math.inf)
    return settle(course, last_step_within(modes, levels, last, goes_on_by_loss, goes_on_by_gradient) + 1, last)


@kernel_part
def stop_at_bottom(course, levels, fall, last):
    """Return the step at which a sum is least, if that stops before `last`, else `last`."""
    t = bottom(course.modes, levels, course.own.max_steps, fall)
    return min(last, t) if look(course, t).status != CANCELLED else last
