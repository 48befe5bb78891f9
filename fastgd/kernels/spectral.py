"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, step by step under a schedule.

Shapes: T configurations of a tile, P parameters; thetas (T P,), the numbers of `state.theta`; reached (2,) int64. A
configuration's start is its row of `state.theta`, which its result overwrites. Unchecked.
"""

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import all_finite, configuration_of, record
from fastgd.kernels.jit import kernel
from fastgd.kernels.memory import borrowed
from fastgd.kernels.modes import (
    DISPLACEMENT,
    FIRST,
    FIRST_LOSS,
    LANES,
    LOSS,
    RESIDUAL,
    SHRINKAGE,
    SLOPE,
    STEP,
    THETA,
    jump,
    set_rates,
    set_starts,
    set_theta,
)
from fastgd.kernels.rules import distance, schedule_factor
from fastgd.kernels.stops import NORM, STATUS, find_stops, judge, set_controls, status_at

NEVER = np.int64(2**62)  # a step that none reaches


@kernel
def start(modes, lanes, controls, thetas, first, count):
    """Put `count` configurations from `first` on at their starts; return whether a residual grows."""
    set_controls(lanes, controls, first, count)
    set_starts(modes, lanes, thetas, first, count)
    return set_rates(modes, lanes)


@kernel
def keep(lanes, state, thetas, first, count):
    """Copy the first `count` lanes into the state of configurations from `first` on."""
    numbers, steps, P = lanes.numbers, lanes.steps, lanes.origin.size
    for k in range(P):
        page = lanes.block[k]
        for i in range(count):
            thetas[(first + i) * P + k] = page[THETA + i]
    for i in range(count):
        state.loss[first + i] = numbers[LOSS + i]
    for i in range(count):
        state.gradient_norm[first + i] = numbers[NORM + i]
    for i in range(count):
        state.initial_loss[first + i] = numbers[FIRST_LOSS + i]
    for i in range(count):
        state.steps[first + i] = steps[STEP + i]
    for i in range(count):
        state.status[first + i] = steps[STATUS + i]


@kernel
def descend_in_lanes(modes, lanes, controls, state, thetas, budget):
    """Run descents at a constant rate, LANES at a time, until `budget` of them are done; return what is left."""
    modes, lanes, controls = borrowed(modes), borrowed(lanes), borrowed(controls)
    state, thetas = borrowed(state), borrowed(thetas)
    for first in range(0, state.status.size, LANES):
        if state.status[first] != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        count = min(LANES, state.status.size - first)
        grows = start(modes, lanes, controls, thetas, first, count)
        find_stops(modes, lanes, grows)
        set_theta(modes, lanes, count)
        keep(lanes, state, thetas, first, count)
        budget -= LANES
    return budget


@kernel
def keep_last(lanes, method, state, c, i):
    """Copy lane i into the state of configuration c, and into its trajectory."""
    numbers, t, theta = lanes.numbers, lanes.steps[STEP + i], state.theta[c]
    for k in range(theta.size):
        theta[k] = lanes.block[k, THETA + i]
    state.loss[c], state.gradient_norm[c] = numbers[LOSS + i], numbers[NORM + i]
    state.initial_loss[c] = numbers[FIRST_LOSS + i]
    state.steps[c], state.status[c] = t, lanes.steps[STATUS + i]
    record(method, state, c, t, theta, numbers[LOSS + i])


@kernel
def trace(modes, lanes, method, state, c, first, stop, budget):
    """Record configuration c at `first` and every so many steps from there, and at its stop, in a lane each.

    Returns the step from which to go on if `budget` states have been spent before, and what is left of them.
    """
    steps, every = lanes.steps, method.record_every
    t = first
    while True:
        count = min(LANES, -((t - stop) // every) + 1)
        for i in range(LANES):
            steps[STEP + i] = min(t + min(i, count - 1) * every, stop)
        jump(modes, lanes, True)
        judge(modes, lanes)
        set_theta(modes, lanes, count)
        for i in range(count):
            keep_last(lanes, method, state, c, i)
        t = steps[STEP + count - 1] + every
        budget -= count
        if state.status[c] != codes.CANCELLED or budget <= 0:
            return t, budget


@kernel
def set_sums(path, problem, level, sums):
    """Set the loss and the modal gradient of the residuals."""
    squares = 0.0
    for j in range(problem.shape[1]):
        residual = path[0, j]
        squares += residual * residual
        sums[1 + j] = problem[SLOPE, j] * residual
    sums[0] = level.scale * (level.floor + squares)


@kernel
def follow(modes, path, configuration, initial_loss, origin, t, until, sums, budget):
    """Go from step t under a schedule until a test stops, step `until` is reached or `budget` steps are taken.

    The rows of `path` are residual, displacement and shrinkage. Returns the step reached, its gradient norm and status,
    and what is left of the budget.
    """
    while True:
        set_sums(path, modes.problem, modes.level, sums)
        gradient_norm = distance(sums, origin)
        factor = schedule_factor(configuration.schedule, configuration.decay, t, configuration.max_steps)
        rate = configuration.learning_rate * factor
        status = status_at(configuration, t, all_finite(sums), sums[0], gradient_norm, initial_loss, rate)
        if status != codes.CANCELLED or t == until or budget <= 0:
            return t, gradient_norm, status, budget
        for j in range(path.shape[1]):
            path[1, j] += rate * sums[1 + j]
            path[0, j] -= (factor * path[2, j]) * path[0, j]
        t += 1
        budget -= 1


@kernel
def walk(modes, lanes, path, controls, method, state, c, first, budget):
    """Take the steps of configuration c under a schedule to its stop, from `first`, or from its start if negative.

    Returns the step from which to go on if `budget` steps and records have been spent before, and what is left of them.
    """
    block, numbers, every = lanes.block, lanes.numbers, method.record_every
    configuration = configuration_of(controls, method, c)
    t, until = max(first, 0), NEVER if every == 0 else (first // every + 1) * every
    while True:
        t, gradient_norm, status, budget = follow(
            modes, path, configuration, numbers[FIRST_LOSS], method.origin, t, until, lanes.sums, budget
        )
        for j in range(path.shape[1]):
            block[j, RESIDUAL], block[j, DISPLACEMENT] = path[0, j], path[1, j]
        numbers[LOSS], numbers[NORM] = lanes.sums[0], gradient_norm
        lanes.steps[STEP], lanes.steps[STATUS] = t, status
        set_theta(modes, lanes, 1)
        keep_last(lanes, method, state, c, 0)
        budget -= 1
        if status != codes.CANCELLED or budget <= 0:
            return t, budget
        until = t + every


@kernel
def descend_one_by_one(modes, lanes, path, controls, method, state, thetas, reached, budget):
    """Run descents under a schedule, or with trajectories, until `budget` is spent; return what is left.

    A configuration, a recorded state and a step under a schedule are a unit of it. A tile can be left at any step and
    taken up again: only one configuration is under way, `lanes` and `path` (3, P) keep what it needs, and `reached` the
    step from which it goes on, negative if none is, and its stop.
    """
    modes, lanes, controls, method = borrowed(modes), borrowed(lanes), borrowed(controls), borrowed(method)
    path, state, thetas = borrowed(path), borrowed(state), borrowed(thetas)
    block, constant = lanes.block, method.schedule == codes.CONSTANT
    for c in range(state.status.size):
        if state.status[c] != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        t = reached[0]
        if t < 0:
            grows = start(modes, lanes, controls, thetas, c, 1)
            if constant:
                find_stops(modes, lanes, grows)
                t, reached[1] = np.int64(0), lanes.steps[STEP]
            for j in range(path.shape[1]):
                path[0, j], path[1, j], path[2, j] = block[j, FIRST], 0.0, block[j, SHRINKAGE]
            budget -= 1
        if constant:
            t, budget = trace(modes, lanes, method, state, c, t, reached[1], budget)
        else:
            t, budget = walk(modes, lanes, path, controls, method, state, c, t, budget)
        reached[0] = t if state.status[c] == codes.CANCELLED else -1
    return budget
