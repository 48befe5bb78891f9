"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, step by step under a schedule.

Shapes: T configurations of a tile, P parameters; thetas (T P,), the numbers of `state.theta`; reached (2,) int64. A
configuration's start is its row of `state.theta`, which its result overwrites. Unchecked.
"""

import math

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.accelerated import can_jump, jump_with_momentum
from fastgd.kernels.descent import all_finite, configuration_of, record, stop_before_update, stop_by_update
from fastgd.kernels.jit import kernel
from fastgd.kernels.memory import borrowed
from fastgd.kernels.modes import (
    DISPLACEMENT,
    FIRST,
    FIRST_LOSS,
    LANES,
    LOSS,
    RESIDUAL,
    SINGULAR,
    SLOPE,
    STEP,
    THETA,
    jump,
    set_rates,
    set_starts,
    set_theta,
)
from fastgd.kernels.rules import SAFE_SQUARES, direction, distance, schedule_factor
from fastgd.kernels.stops import NORM, STATUS, find_stops, judge, set_controls

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
def trace(modes, lanes, method, momentum, state, c, first, stop, budget):
    """Record configuration c at `first` and every so many steps from there, and at its stop, in a lane each.

    If nothing is to be recorded, `first` is the stop. Returns the step from which to go on if `budget` states have been
    spent before, and what is left of them.
    """
    steps, every = lanes.steps, max(method.record_every, 1)
    t = first
    while True:
        count = min(LANES, -((t - stop) // every) + 1)
        for i in range(LANES):
            steps[STEP + i] = min(t + min(i, count - 1) * every, stop)
        if method.rule == codes.GRADIENT:
            jump(modes, lanes, True)
        else:
            jump_with_momentum(modes, lanes, method.rule, momentum, count)
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
def follow(modes, path, configuration, initial_loss, memory, origin, t, until, sums, budget):
    """Take steps from t until a test stops, step `until` is reached or `budget` steps are taken.

    The rows of `path` are residual, displacement and direction u, and the rule's memory is that of the modes: a
    rule without a case for signs acts on each mode as on each parameter, and lengths are the same. Returns the step
    reached, its gradient norm and status, and what is left of the budget.
    """
    while True:
        set_sums(path, modes.problem, modes.level, sums)
        gradient_norm = distance(sums, origin)
        status = stop_before_update(configuration, t, all_finite(sums), sums[0], gradient_norm, initial_loss)
        if status != codes.CANCELLED or t == until or budget <= 0:
            return t, gradient_norm, status, budget
        rate = configuration.learning_rate * schedule_factor(
            configuration.schedule, configuration.decay, t, configuration.max_steps
        )
        squares = 0.0
        for j in range(path.shape[1]):
            u = direction(configuration.rule, configuration.momentum, (1.0, 1.0), sums[1 + j], memory, j)
            path[2, j] = u
            squares += u * u
        if configuration.tolerance > 0.0:
            length = math.sqrt(squares)
            if not SAFE_SQUARES[0] < squares < SAFE_SQUARES[1]:
                for j in range(path.shape[1]):
                    sums[1 + j] = path[2, j]
                length = distance(sums, origin)
            status = stop_by_update(configuration, rate * length)
            if status != codes.CANCELLED:
                return t, gradient_norm, status, budget
        for j in range(path.shape[1]):
            u = path[2, j]
            path[1, j] += rate * u
            if u != 0.0:  # or an infinite rate * s would leave no number
                path[0, j] -= (rate * modes.problem[SINGULAR, j]) * u
        t += 1
        budget -= 1


@kernel
def walk(modes, lanes, path, controls, method, state, c, first, budget):
    """Take the steps of configuration c one by one to its stop, from `first`, or from its start if negative.

    Returns the step from which to go on if `budget` steps and records have been spent before, and what is left of them.
    """
    block, numbers, every = lanes.block, lanes.numbers, method.record_every
    configuration = configuration_of(controls, method, c)
    t, until = max(first, 0), NEVER if every == 0 else (first // every + 1) * every
    while True:
        t, gradient_norm, status, budget = follow(
            modes,
            path,
            configuration,
            numbers[FIRST_LOSS],
            state.memory[c],
            method.origin,
            t,
            until,
            lanes.sums,
            budget,
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
    """Run descents under a schedule, with momentum or with trajectories, until `budget` is spent; return what is left.

    A configuration, a recorded state and a step taken by itself are a unit of it. A tile can be left at any step and
    taken up again: only one configuration is under way, `lanes` and `path` (3, P) keep what it needs, and `reached` the
    step from which it goes on, negative if none is, and its stop.
    """
    modes, lanes, controls, method = borrowed(modes), borrowed(lanes), borrowed(controls), borrowed(method)
    path, state, thetas = borrowed(path), borrowed(state), borrowed(thetas)
    for c in range(state.status.size):
        if state.status[c] != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        configuration = configuration_of(controls, method, c)
        t, begins = reached[0], reached[0] < 0
        grows = start(modes, lanes, controls, thetas, c, 1) if begins else False
        jumps = method.schedule == codes.CONSTANT
        if method.rule != codes.GRADIENT:
            jumps = jumps and can_jump(modes, lanes, configuration)
        if begins:
            if jumps and method.rule == codes.GRADIENT:
                find_stops(modes, lanes, grows)
                reached[1] = lanes.steps[STEP]
            else:
                reached[1] = configuration.max_steps
            if jumps:
                t = np.int64(0) if method.record_every > 0 else reached[1]
            for j in range(path.shape[1]):
                path[0, j], path[1, j] = lanes.block[j, FIRST], 0.0
            budget -= 1
        if jumps:
            t, budget = trace(modes, lanes, method, configuration.momentum, state, c, t, reached[1], budget)
        else:
            t, budget = walk(modes, lanes, path, controls, method, state, c, t, budget)
        reached[0] = t if state.status[c] == codes.CANCELLED else -1
    return budget
