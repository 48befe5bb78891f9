"""Descents of a whole tile: one after another, or all in step.

Shapes: T configurations of a tile, P parameters. A configuration's state is its row in `State`: a tile can be left at
any step and taken up again. `columns` are the tile's hyperparameters. Unchecked.
"""

import math

import numpy as np

from fastgd.kernels.compiling.jit import kernel
from fastgd.kernels.compiling.tuples import borrowed, elements, keep_alive
from fastgd.kernels.descent.directions import known
from fastgd.kernels.descent.norms import distance
from fastgd.kernels.descent.records import Start
from fastgd.kernels.descent.step import (
    CANCELLED,
    SMALL_UPDATE,
    advance,
    gradient_is_tested,
    has_stalled,
    slope,
    update_is_tested,
)
from fastgd.kernels.problems.evaluate import evaluate, evaluate_parallel


@kernel
def record(method, state, c, t, theta, loss):
    """Keep theta_t and its loss if t is one of the recorded steps."""
    if method.record_every > 0 and t % method.record_every == 0:
        for k in range(theta.size):
            state.trajectory_theta[c, t // method.record_every, k] = theta[k]
        state.trajectory_loss[c, t // method.record_every] = loss


@kernel
def descend_each(compiled_loss, columns, method, bounds, state, budget):
    """Run descents one after another, each to its stop, until `budget` evaluations are spent; return what is left."""
    parameters = state.theta.shape[1]
    scratch = np.zeros((5, parameters + 1))
    sums = borrowed(scratch[0])
    partial = borrowed(scratch[1])
    candidate = borrowed(scratch[2])
    held = borrowed(scratch[3, 1:])
    origin = borrowed(scratch[4, 1:])
    state = borrowed(state)
    bounds = borrowed(bounds)
    method = known(method, state.memory)
    records = method.record_every > 0
    for c in range(state.status.size):
        status = np.int64(state.status[c])
        if status != CANCELLED:
            continue
        if budget <= 0:
            break
        own = elements(columns, c)
        theta = state.theta[c]
        memory = state.memory[c]
        t = state.steps[c]
        initial_loss = state.initial_loss[c]
        loss = gradient_norm = np.nan
        while status == CANCELLED and budget > 0:
            evaluate(compiled_loss, theta, partial, sums)
            budget -= 1
            loss = sums[0]
            gradient_norm = distance(sums, origin) if gradient_is_tested(own) or budget <= 0 else np.nan
            if t == 0:
                initial_loss = loss
                if update_is_tested(own):
                    state.initial_slope[c] = slope(sums, theta, bounds, held)
            if records:
                record(method, state, c, t, theta, loss)
            start = Start(initial_loss, method.loss_scale)
            status = advance(method, own, t, sums, gradient_norm, start, theta, memory, bounds, candidate)
            t += status == CANCELLED
        if math.isnan(gradient_norm):  # at each step it costs 12 ns; stops that test no norm leave the gradient in sums
            gradient_norm = distance(sums, origin)
        if status == SMALL_UPDATE:
            last_slope = slope(sums, theta, bounds, held)
            state.stalled[c] = has_stalled(status, last_slope, state.initial_slope[c])
        state.steps[c] = t
        state.initial_loss[c] = initial_loss
        state.loss[c] = loss
        state.gradient_norm[c] = gradient_norm
        state.status[c] = status
    keep_alive(scratch)
    return budget


@kernel
def descend_together(compiled_loss, columns, method, bounds, state, budget):
    """Run all descents of a tile in step, one pass over the samples a step, until `budget` evaluations are spent.

    Stopped configurations leave the batch. Returns what is left of the budget.
    """
    parameters = state.theta.shape[1]
    method = known(method, state.memory)
    active = np.flatnonzero(state.status == CANCELLED)
    count = active.size
    thetas = np.empty((count, parameters))
    sums = np.empty((count, parameters + 1))
    partials = np.empty((compiled_loss.blocks, count, parameters + 1))
    candidate = np.empty(parameters + 1)
    held = np.empty(parameters)
    origin = np.zeros(parameters)
    while count > 0 and budget > 0:
        for a in range(count):
            for k in range(parameters):
                thetas[a, k] = state.theta[active[a], k]
        evaluate_parallel(compiled_loss, thetas[:count], partials, sums)
        budget -= count
        running = 0
        for a in range(count):
            c = active[a]
            own = elements(columns, c)
            theta = state.theta[c]
            t = state.steps[c]
            loss = sums[a, 0]
            gradient_norm = distance(sums[a], origin)
            if t == 0:
                state.initial_loss[c] = loss
                state.initial_slope[c] = slope(sums[a], theta, bounds, held)
            record(method, state, c, t, theta, loss)
            start = Start(state.initial_loss[c], method.loss_scale)
            status = advance(method, own, t, sums[a], gradient_norm, start, theta, state.memory[c], bounds, candidate)
            if status == SMALL_UPDATE:
                last_slope = slope(sums[a], theta, bounds, held)
                state.stalled[c] = has_stalled(status, last_slope, state.initial_slope[c])
            state.loss[c] = loss
            state.gradient_norm[c] = gradient_norm
            state.status[c] = status
            if status == CANCELLED:
                state.steps[c] = t + 1
                active[running] = c
                running += 1
        count = running
    return budget
