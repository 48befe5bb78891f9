"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, else step by step.

Shapes: T configurations of a tile, P parameters; modes (ALL_ROWS, P), vectors (P, P), residuals (T, P) at the starts,
or (1, P) where they are all alike, sums (P + 1,), step (1,) int64. A
configuration's start is its row of `state.theta`, which its result overwrites. A tile can be left at any step and taken
up again: configurations run one after another, so that only one is under way, and `modes`, `first_sums` and `step` keep
what it needs. Unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.descent import codes
from fastgd.kernels.compiling.jit import dispatched, is_instance, kernel
from fastgd.kernels.compiling.tuples import borrowed
from fastgd.kernels.descent.directions import direction, distance, schedule_factor
from fastgd.kernels.descent.loops import (
    all_finite,
    configuration_of,
    has_stalled,
    record,
    stop_before_update,
    stop_by_update,
)
from fastgd.kernels.modes.first_stop import first_stop, judge, status_at
from fastgd.kernels.modes.modes import (
    DISPLACEMENT,
    RESIDUAL,
    SINGULAR,
    START,
    jump,
    set_first,
    set_rate,
    set_sums,
    set_theta,
    to_start,
)
from fastgd.kernels.modes.momentum import is_untested, jump_with_momentum

NEVER = np.int64(2**62)  # a step that none reaches


class Plain(NamedTuple):
    """Marks gradient descent at a constant rate: the state at any step is had at once."""


class Scheduled(NamedTuple):
    """Marks gradient descent under a schedule: step after step."""


class Momentum(NamedTuple):
    """Marks the rules with momentum, at once where no test is on."""


# What a mark chooses is all that is compiled: closed forms and steps take three seconds and one.


@dispatched
def can_jump(mark, method, modes, configuration, initial_loss):
    """Tell whether the state at any step can be had without the steps before it."""
    if is_instance(mark, Momentum):
        return lambda mark, method, modes, configuration, initial_loss: (
            method.schedule == codes.CONSTANT and is_untested(modes, configuration, initial_loss)
        )
    jumps = is_instance(mark, Plain)
    return lambda mark, method, modes, configuration, initial_loss: jumps


@dispatched
def jump_by(mark, modes, configuration, t):
    """Go to step t at a constant rate."""
    if is_instance(mark, Plain):
        return lambda mark, modes, configuration, t: jump(modes, configuration.learning_rate, t)
    if is_instance(mark, Momentum):
        return lambda mark, modes, configuration, t: jump_with_momentum(modes, configuration, t)
    return lambda mark, modes, configuration, t: None


@dispatched
def stop_of(mark, modes, level, configuration, grows, initial_loss, origin, sums):
    """Return the first step that stops, where step 0 does not."""
    if is_instance(mark, Plain):
        return first_stop
    return lambda mark, modes, level, configuration, grows, initial_loss, origin, sums: configuration.max_steps


def follow(mark, modes, level, configuration, initial_loss, memory, origin, t, until, sums, budget):
    """Take steps from t until a test stops, step `until` is reached or `budget` steps are taken.

    A rule without a case for signs acts on each mode as it does on each parameter, and its `memory` (M, P) is that of
    the modes. Returns the step reached, its gradient norm and status, and what is left of the budget.
    """
    while True:
        set_sums(modes, level, sums)
        gradient_norm = distance(sums, origin)
        status = stop_before_update(configuration, t, all_finite(sums), sums[0], gradient_norm, initial_loss)
        if status != codes.CANCELLED or t == until or budget <= 0:
            return t, gradient_norm, status, budget
        rate = configuration.learning_rate * schedule_factor(
            configuration.schedule, configuration.decay, t, configuration.max_steps
        )
        for j in range(modes.shape[1]):
            sums[1 + j] = direction(configuration.rule, configuration.momentum, (1.0, 1.0), sums[1 + j], memory, j)
        if configuration.tolerance > 0.0:
            status = stop_by_update(configuration, rate * distance(sums, origin))
            if status != codes.CANCELLED:
                return t, gradient_norm, status, budget
        for j in range(modes.shape[1]):
            u = sums[1 + j]
            modes[DISPLACEMENT, j] += rate * u
            if u != 0.0:  # or an infinite rate * s would leave no number
                modes[RESIDUAL, j] -= (rate * modes[SINGULAR, j]) * u
        t += 1
        budget -= 1


@dispatched
def walk(mark, modes, level, configuration, initial_loss, memory, origin, t, until, sums, budget):
    """Take steps where the state can't be had without them, see `follow`."""
    if is_instance(mark, Plain):
        return lambda mark, modes, level, configuration, initial_loss, memory, origin, t, until, sums, budget: (
            t,
            initial_loss,
            codes.CANCELLED,
            budget,
        )
    return follow


@kernel
def descend_by_modes(mark, modes, vectors, residuals, level, controls, method, state, sums, first_sums, step, budget):
    """Run descents one after another, each to its stop, until `budget` is spent; return what is left.

    A configuration, a recorded state and a step taken by itself are a unit of it. `step` is the one at which the
    configuration under way was left, negative if none is; `first_sums` are those at the start, which many share. The
    type of `mark` chooses what is compiled.
    """
    modes, vectors, method, state = borrowed(modes), borrowed(vectors), borrowed(method), borrowed(state)
    residuals, sums, first_sums = borrowed(residuals), borrowed(sums), borrowed(first_sums)
    origin, every = method.origin, method.record_every
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
                set_first(modes, residuals[c if residuals.shape[0] > 1 else 0])
            to_start(modes)
            if not located:
                set_sums(modes, level, first_sums)
                first_norm = distance(first_sums, origin)
                located = True
            t = np.int64(0)
        initial_loss = first_sums[0]
        grows = set_rate(modes, configuration.learning_rate)
        jumps = can_jump(mark, method, modes, configuration, initial_loss)
        stop = configuration.max_steps
        if jumps:
            status = status_at(configuration, 0, first_sums, first_norm, initial_loss, configuration.learning_rate)
            if status != codes.CANCELLED:
                stop = np.int64(0)
            else:
                stop = stop_of(mark, modes, level, configuration, grows, initial_loss, origin, sums)
        while True:
            if jumps:
                t = min(until, stop)
                jump_by(mark, modes, configuration, t)
                gradient_norm, status = judge(modes, level, configuration, initial_loss, origin, t, sums)
            else:
                t, gradient_norm, status, budget = walk(
                    mark, modes, level, configuration, initial_loss, state.memory[c], origin, t, until, sums, budget
                )
            set_theta(modes, vectors, theta)
            record(method, state, c, t, theta, sums[0])
            if status != codes.CANCELLED or budget <= 0:
                break
            until = t + every
            budget -= 1
        state.loss[c], state.gradient_norm[c], state.initial_loss[c] = sums[0], gradient_norm, initial_loss
        state.steps[c], state.status[c] = t, status
        state.stalled[c] = has_stalled(status, gradient_norm, first_norm)
        step[0] = t if status == codes.CANCELLED else -1
        budget -= 1
    return budget
