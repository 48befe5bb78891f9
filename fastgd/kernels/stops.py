"""The first step at which a descent at a constant rate stops, without taking the steps before it.

Along t the loss and the squared gradient norm are sums of w_j rho_j^(2 t) with w_j >= 0, so they are convex: {t : loss <
threshold} is an interval, {t : loss <= divergence_threshold} another. Where a sum still falls at the last step that
matters, "no test stops at t" holds up to some t and not from there on. That t is found twice:

- roughly, bit by bit from the top, with a table of rho_j^(2^k): a probe costs P multiply-adds and no exponential;
- exactly, from there, by the definition's own tests on the states that `jump` gives, so that what is reported passes
  the test it is said to have passed, and the step before does not.

If some residual grows, a sum may fall below its threshold and rise again. Then the search for its falling side ends at
its minimum, the last step before sum w_j rho_j^(2 t) (rho_j^2 - 1) is positive.

Shapes: (P,), table (LEVELS, P). All are unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import stop_before_update
from fastgd.kernels.jit import kernel
from fastgd.kernels.modes import jump, set_sums
from fastgd.kernels.rules import distance

LEVELS = 53  # of the table; steps are counted up to 2^53
TINY = np.finfo(np.float64).tiny
LARGEST = np.finfo(np.float64).max


class Search(NamedTuple):
    """What the search for a stop works on. A weight is a squared residual over the square of the largest."""

    table: np.ndarray  # (LEVELS, P) rho^(2 2^k)
    curvature: np.ndarray  # (P,) (s / largest s)^2, the part of a weight in the squared gradient norm
    fall: np.ndarray  # (P,) the part of a weight that a step takes away, 1 - rho^2
    fall_of_slope: np.ndarray  # (P,) the same, of the squared gradient norm
    ones: np.ndarray  # (P,)
    first_weight: np.ndarray  # (P,)
    weight: np.ndarray  # (P,) after the bits so far
    trial: np.ndarray  # (P,) with one more bit


def new_search(P):
    """Return a Search with room for P modes."""
    return Search(np.empty((LEVELS, P)), *np.empty((len(Search._fields) - 1, P)))


# ---- exactly -----------------------------------------------------------------------------------------------------------


@kernel
def status_at(configuration, t, sums, gradient_norm, initial_loss, rate):
    """Return the status of all tests at step t, CANCELLED if none stops; `rate` is that of this step."""
    status = stop_before_update(configuration, t, sums, gradient_norm, initial_loss)
    if status == codes.CANCELLED and configuration.tolerance > 0.0 and rate * gradient_norm < configuration.tolerance:
        return codes.SMALL_UPDATE
    return status


@kernel
def look(modes, configuration, course, initial_loss, origin, t, sums):
    """Go to step t; return the gradient's norm and the status there."""
    jump(course, t)
    set_sums(modes, course.residual, sums)
    gradient_norm = distance(sums, origin)
    return gradient_norm, status_at(configuration, t, sums, gradient_norm, initial_loss, configuration.learning_rate)


@kernel
def goes_on_at(modes, configuration, course, initial_loss, origin, t, sums):
    """Tell whether no test stops at step t."""
    return look(modes, configuration, course, initial_loss, origin, t, sums)[1] == codes.CANCELLED


@kernel
def settle(modes, configuration, course, initial_loss, origin, guess, last, sums):
    """Return a step that stops right after one that does not, `guess` or near it. 0 does not stop, `last` does."""
    goes_on, stops = np.int64(0), last
    if guess > 1:
        if goes_on_at(modes, configuration, course, initial_loss, origin, guess - 1, sums):
            goes_on = guess - 1
        else:
            stops = guess - 1
    stride = np.int64(1)
    upwards = goes_on == guess - 1
    while stride < stops - goes_on:
        t = goes_on + stride if upwards else stops - stride
        if goes_on_at(modes, configuration, course, initial_loss, origin, t, sums):
            goes_on = t
        else:
            stops = t
        stride *= 2
    while stops - goes_on > 1:
        t = goes_on + (stops - goes_on) // 2
        if goes_on_at(modes, configuration, course, initial_loss, origin, t, sums):
            goes_on = t
        else:
            stops = t
    return stops


# ---- roughly -----------------------------------------------------------------------------------------------------------


@kernel
def prepare_search(modes, course, levels, search):
    """Set the table's first levels, weights and factors; return the largest residual and the largest slope.

    A power is kept as 1 - rho^2 while that is small, and squared from then on: squaring rho itself doubles its relative
    error each time.
    """
    largest, steepest = 0.0, 0.0
    for j in range(course.shrinkage.size):
        largest = max(largest, abs(course.first_residual[j]))
        steepest = max(steepest, modes.slopes[j])
    for j in range(course.shrinkage.size):
        x = course.shrinkage[j]
        change = -x if x < 1.0 else x - 2.0  # |rho| - 1
        power = 1.0 + change
        search.fall[j] = -change * (2.0 + change)
        for k in range(levels):
            change = change * (2.0 + change)
            power = 1.0 + change if change > -0.5 else power * power
            search.table[k, j] = power
        search.first_weight[j] = (course.first_residual[j] / largest) ** 2
        search.curvature[j] = (modes.slopes[j] / steepest) ** 2
        search.fall_of_slope[j] = search.curvature[j] * search.fall[j]
        search.ones[j] = 1.0
    return largest, steepest


@kernel
def last_step_within(search, levels, limit, factors, least, most, other_factors, other_least):
    """Return the largest t < limit with least <= sum factors w <= most and other_least <= sum other_factors w.

    It is taken to hold at 0 and to hold nowhere after a t where it does not.
    """
    P = search.weight.size
    for j in range(P):
        search.weight[j] = search.first_weight[j]
    t = np.int64(0)
    for k in range(levels - 1, -1, -1):
        further = t + (np.int64(1) << k)
        if further >= limit:
            continue
        total, other = 0.0, 0.0
        for j in range(P):
            weight = search.weight[j] * search.table[k, j]
            search.trial[j] = weight
            total += factors[j] * weight
            other += other_factors[j] * weight
        if least <= total <= most and other_least <= other:
            t = further
            for j in range(P):
                search.weight[j] = search.trial[j]
    return t


@kernel
def bottom(search, levels, limit, fall):
    """Return the step t <= limit at which a sum is least, given how much of each weight in it a step takes away."""
    first_fall = 0.0
    for j in range(fall.size):
        first_fall += fall[j] * search.first_weight[j]
    if not first_fall > 0.0:
        return np.int64(0)
    return last_step_within(search, levels, limit, fall, TINY, math.inf, fall, -math.inf) + 1


@kernel
def first_stop(modes, configuration, course, grows, initial_loss, origin, search, sums):
    """Return the first step that stops, where step 0 does not and `grows` tells whether some residual does."""
    last = configuration.max_steps
    rate = configuration.learning_rate
    least_slope = configuration.gradient_tolerance
    if configuration.tolerance > 0.0:
        least_slope = max(least_slope, configuration.tolerance / rate)
    seeks_loss = configuration.loss_threshold > modes.scale * modes.floor
    seeks_slope = least_slope > 0.0
    if last == 1 or not (grows or seeks_loss or seeks_slope):
        return last

    final_slope, final_status = 0.0, codes.MAX_STEPS
    if grows:
        final_slope, final_status = look(modes, configuration, course, initial_loss, origin, last, sums)
        if final_status != codes.DIVERGED and not (seeks_loss or seeks_slope):
            return last
    levels = 0
    while (last - 1) >> levels > 0:
        levels += 1
    largest, steepest = prepare_search(modes, course, levels, search)
    if grows:
        if seeks_loss and sums[0] >= configuration.loss_threshold:
            t = bottom(search, levels, last, search.fall)
            look(modes, configuration, course, initial_loss, origin, t, sums)
            if sums[0] < configuration.loss_threshold:
                last = t
        if seeks_slope and final_slope >= least_slope:
            t = bottom(search, levels, configuration.max_steps, search.fall_of_slope)
            slope, _ = look(modes, configuration, course, initial_loss, origin, t, sums)
            if slope < least_slope:
                last = min(last, t)

    least_loss = modes.scale * modes.floor
    unit = modes.scale * largest**2
    guess = 1 + last_step_within(
        search,
        levels,
        last,
        search.ones,
        (configuration.loss_threshold - least_loss) / unit,
        (min(configuration.divergence_threshold, LARGEST) - least_loss) / unit,
        search.curvature,
        (least_slope / (steepest * largest)) ** 2,
    )
    return settle(modes, configuration, course, initial_loss, origin, guess, last, sums)
