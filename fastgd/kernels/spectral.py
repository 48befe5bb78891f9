"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, step by step under a schedule.

Shapes: T configurations of a tile, P parameters. A configuration's start is its row of `state.theta`, which its result
overwrites. A tile can be left at any step and taken up again: configurations run one after another, so that only one is
under way, and `course` and `step` keep what it needs. Unchecked.
"""

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import configuration_of, record
from fastgd.kernels.jit import borrowed, keep_alive, kernel
from fastgd.kernels.modes import set_displacement, set_first_residuals, set_rate, set_sums, set_theta, to_start
from fastgd.kernels.rules import distance, schedule_factor
from fastgd.kernels.stops import first_stop, look, status_at


@kernel
def leap(modes, configuration, method, course, grows, search, state, c, t, initial_loss, sums, budget):
    """Go from step t to the stop at a constant rate, by way of the steps to record, each a unit of `budget`.

    Returns the step reached, its gradient norm, its status (CANCELLED if the budget ran out) and what is left.
    """
    origin = method.origin
    stop = np.int64(0)
    gradient_norm, status = look(modes, configuration, course, initial_loss, origin, stop, sums)
    if status == codes.CANCELLED:
        stop = first_stop(modes, configuration, course, grows, initial_loss, origin, search, sums)
    while method.record_every > 0 and t < stop:
        gradient_norm, status = look(modes, configuration, course, initial_loss, origin, t, sums)
        set_displacement(modes, configuration.learning_rate, t, course)
        if budget <= 0:
            return t, gradient_norm, status, budget
        set_theta(modes, course, state.theta[c])
        record(method, state, c, t, state.theta[c], sums[0])
        t += method.record_every
        budget -= 1
    gradient_norm, status = look(modes, configuration, course, initial_loss, origin, stop, sums)
    set_displacement(modes, configuration.learning_rate, stop, course)
    return stop, gradient_norm, status, budget - 1


@kernel
def follow(modes, configuration, method, course, state, c, t, initial_loss, sums, budget):
    """Go from step t to the stop under a schedule, each step a unit of `budget`; return as `leap` does."""
    residual, displacement = course.residual, course.displacement
    while True:
        set_sums(modes, residual, sums)
        gradient_norm = distance(sums, method.origin)
        factor = schedule_factor(configuration.schedule, configuration.decay, t, configuration.max_steps)
        rate = configuration.learning_rate * factor
        status = status_at(configuration, t, sums, gradient_norm, initial_loss, rate)
        if status != codes.CANCELLED or budget <= 0:
            return t, gradient_norm, status, budget - 1
        if method.record_every > 0 and t % method.record_every == 0:
            set_theta(modes, course, state.theta[c])
            record(method, state, c, t, state.theta[c], sums[0])
        for j in range(residual.size):
            displacement[j] += rate * sums[1 + j]
            residual[j] -= (factor * course.shrinkage[j]) * residual[j]
        t += 1
        budget -= 1


@kernel
def descend_by_modes(modes, controls, method, state, course, search, step, budget):
    """Run descents one after another, each to its stop, until `budget` is spent; return what is left.

    `step` (1,) is the step at which the configuration under way was left, negative if none is.
    """
    P = course.start.size
    sums_memory = np.empty(P + 1)
    sums = borrowed(sums_memory)
    modes, method, state, course, search = (
        borrowed(modes),
        borrowed(method),
        borrowed(state),
        borrowed(course),
        borrowed(search),
    )
    located = False
    initial_loss = np.nan
    for c in range(state.status.size):
        if state.status[c] != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        configuration = configuration_of(controls, method, c)
        theta = state.theta[c]
        t = step[0]
        if t < 0:
            for k in range(P):
                located = located and theta[k] == course.start[k]
                course.start[k] = theta[k]
        if not located:
            set_first_residuals(modes, course)
            set_sums(modes, course.first_residual, sums)
            initial_loss = sums[0]
            located = True
        grows = set_rate(modes, configuration.learning_rate, course)
        if t < 0:
            t = np.int64(0)
            to_start(course)
        if method.schedule == codes.CONSTANT:
            t, gradient_norm, status, budget = leap(
                modes, configuration, method, course, grows, search, state, c, t, initial_loss, sums, budget
            )
        else:
            t, gradient_norm, status, budget = follow(
                modes, configuration, method, course, state, c, t, initial_loss, sums, budget
            )
        set_theta(modes, course, theta)
        if method.record_every > 0 and status != codes.CANCELLED:
            record(method, state, c, t, theta, sums[0])
        state.loss[c], state.gradient_norm[c], state.initial_loss[c] = sums[0], gradient_norm, initial_loss
        state.steps[c], state.status[c] = t, status
        step[0] = t if status == codes.CANCELLED else -1
    keep_alive(sums_memory)
    return budget
