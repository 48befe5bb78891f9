"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, step by step under a schedule.

Shapes: T configurations of a tile, P parameters; modes (ALL_ROWS, P), vectors (P, P), sums (P + 1,), step (1,) int64. A
configuration's start is its row of `state.theta`, which its result overwrites. A tile can be left at any step and taken
up again: configurations run one after another, so that only one is under way, and `modes`, `first_sums` and `step` keep
what it needs. Unchecked.
"""

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import configuration_of, record
from fastgd.kernels.jit import kernel
from fastgd.kernels.memory import borrowed
from fastgd.kernels.modes import (
    DISPLACEMENT,
    RESIDUAL,
    SHRINKAGE,
    START,
    set_first,
    set_rate,
    set_sums,
    set_theta,
    to_start,
)
from fastgd.kernels.rules import distance, schedule_factor
from fastgd.kernels.stops import first_stop, look, status_at

NEVER = np.int64(2**62)  # a step that none reaches


@kernel
def follow(modes, level, configuration, initial_loss, origin, t, until, sums, budget):
    """Go from step t under a schedule until a test stops, step `until` is reached or `budget` steps are taken.

    Returns the step reached, its gradient norm and status, and what is left of the budget.
    """
    while True:
        set_sums(modes, level, sums)
        gradient_norm = distance(sums, origin)
        factor = schedule_factor(configuration.schedule, configuration.decay, t, configuration.max_steps)
        rate = configuration.learning_rate * factor
        status = status_at(configuration, t, sums, gradient_norm, initial_loss, rate)
        if status != codes.CANCELLED or t == until or budget <= 0:
            return t, gradient_norm, status, budget
        for j in range(modes.shape[1]):
            modes[DISPLACEMENT, j] += rate * sums[1 + j]
            modes[RESIDUAL, j] -= (factor * modes[SHRINKAGE, j]) * modes[RESIDUAL, j]
        t += 1
        budget -= 1


@kernel
def descend_by_modes(modes, vectors, level, controls, method, state, sums, first_sums, step, budget):
    """Run descents one after another, each to its stop, until `budget` is spent; return what is left.

    A configuration, a recorded state and a step under a schedule are a unit of it. `step` is the one at which the
    configuration under way was left, negative if none is; `first_sums` are those at the start, which many share.
    """
    modes, vectors, method, state = borrowed(modes), borrowed(vectors), borrowed(method), borrowed(state)
    sums, first_sums = borrowed(sums), borrowed(first_sums)
    origin, every, constant = method.origin, method.record_every, method.schedule == codes.CONSTANT
    first_norm = distance(first_sums, origin)
    located = step[0] >= 0
    for c in range(state.status.size):
        if state.status[c] != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        configuration = configuration_of(controls, method, c)
        theta, t = state.theta[c], step[0]
        until = NEVER if every == 0 else (t // every + 1) * every  # 0 for t = -1: the start is recorded too
        if t < 0:
            for k in range(theta.size):
                located = located and theta[k] == modes[START, k]
                modes[START, k] = theta[k]
            if not located:
                set_first(modes, vectors)
            to_start(modes)
            if not located:
                set_sums(modes, level, first_sums)
                first_norm = distance(first_sums, origin)
                located = True
            t = np.int64(0)
        initial_loss = first_sums[0]
        grows = set_rate(modes, configuration.learning_rate)
        stop = np.int64(0)
        if constant:
            status = status_at(configuration, stop, first_sums, first_norm, initial_loss, configuration.learning_rate)
            if status == codes.CANCELLED:
                stop = first_stop(modes, level, configuration, grows, initial_loss, origin, sums)
        while True:
            if constant:
                t = min(until, stop)
                gradient_norm, status = look(modes, level, configuration, initial_loss, origin, t, sums)
            else:
                t, gradient_norm, status, budget = follow(
                    modes, level, configuration, initial_loss, origin, t, until, sums, budget
                )
            set_theta(modes, vectors, theta)
            record(method, state, c, t, theta, sums[0])
            if status != codes.CANCELLED or budget <= 0:
                break
            until = t + every
            budget -= 1
        state.loss[c], state.gradient_norm[c], state.initial_loss[c] = sums[0], gradient_norm, initial_loss
        state.steps[c], state.status[c] = t, status
        step[0] = t if status == codes.CANCELLED else -1
        budget -= 1
    return budget
