"""The definition of descent, one step and whole tiles.

At t = 0, 1, 2, ... with L and g at theta_t: stop as DIVERGED, REACHED_LOSS, SMALL_GRADIENT or at the step limit, else form
candidate = clip(theta_t - rate s(t) u_t), stop as SMALL_UPDATE if it is too near, else take it. `advance` is that step;
every engine that iterates calls it, so the definition stands here once.

Shapes: T configurations of a tile, P parameters, K recorded steps. A configuration's state is its row in `State`: a tile
can be left at any step and taken up again. Unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.blocks import block_count
from fastgd.kernels.evaluate import evaluate, evaluate_parallel
from fastgd.kernels.jit import kernel
from fastgd.kernels.rules import direction, distance, schedule_factor


class Controls(NamedTuple):
    """The hyperparameters of a tile, one element a configuration; a test that is off has a threshold never passed."""

    learning_rate: np.ndarray  # (T,)
    max_steps: np.ndarray  # (T,) int64
    decay: np.ndarray  # (T,)
    tolerance: np.ndarray  # (T,)
    loss_threshold: np.ndarray  # (T,)
    gradient_tolerance: np.ndarray  # (T,)
    divergence_threshold: np.ndarray  # (T,)


class Method(NamedTuple):
    """What all configurations of a sweep share."""

    rule: int
    schedule: int
    lower: np.ndarray  # (P,)
    upper: np.ndarray  # (P,)
    origin: np.ndarray  # (P,) zeros, from which norms are measured
    record_every: int  # 0: nothing is recorded


class State(NamedTuple):
    """Where each configuration of a tile stands, or stopped."""

    theta: np.ndarray  # (T, P)
    loss: np.ndarray  # (T,)
    gradient_norm: np.ndarray  # (T,)
    steps: np.ndarray  # (T,) int64
    status: np.ndarray  # (T,) int8, CANCELLED while running
    initial_loss: np.ndarray  # (T,)
    trajectory_theta: np.ndarray  # (T, K, P)
    trajectory_loss: np.ndarray  # (T, K)


@kernel
def stop_before_update(t, loss, gradient, gradient_norm, initial_loss, c, controls):
    """Return the status of tests 1 to 4, CANCELLED if none stops the descent."""
    finite = math.isfinite(loss)
    for k in range(gradient.size):
        finite = finite and math.isfinite(gradient[k])
    if not finite or loss > controls.divergence_threshold[c]:
        return codes.DIVERGED
    if loss < controls.loss_threshold[c]:
        return codes.REACHED_LOSS
    if gradient_norm < controls.gradient_tolerance[c]:
        return codes.SMALL_GRADIENT
    if t == controls.max_steps[c]:
        return codes.LOSS_GREW if loss > initial_loss else codes.MAX_STEPS
    return codes.CANCELLED


@kernel
def advance(c, sums, controls, method, state):
    """Apply the definition once to configuration c, whose loss and gradient are `sums`; tell whether it goes on.

    The gradient in `sums` is overwritten by the candidate.
    """
    theta = state.theta[c]
    t = state.steps[c]
    loss = sums[0]
    gradient = sums[1:]
    gradient_norm = distance(gradient, method.origin)
    if t == 0:
        state.initial_loss[c] = loss
    state.loss[c] = loss
    state.gradient_norm[c] = gradient_norm
    if method.record_every > 0 and t % method.record_every == 0:
        state.trajectory_theta[c, t // method.record_every] = theta
        state.trajectory_loss[c, t // method.record_every] = loss
    status = stop_before_update(t, loss, gradient, gradient_norm, state.initial_loss[c], c, controls)
    if status == codes.CANCELLED:
        rate = controls.learning_rate[c] * schedule_factor(
            method.schedule, controls.decay[c], t, controls.max_steps[c]
        )
        candidate = gradient
        for k in range(theta.size):
            step = theta[k] - rate * direction(method.rule, gradient[k])
            candidate[k] = min(max(step, method.lower[k]), method.upper[k])
        if distance(candidate, theta) < controls.tolerance[c]:
            status = codes.SMALL_UPDATE
        else:
            theta[:] = candidate
            state.steps[c] = t + 1
    state.status[c] = status
    return status == codes.CANCELLED


@kernel
def descend_each(samples, controls, method, state, budget):
    """Run descents one after another, each to its stop, until `budget` evaluations are spent; return what is left of it."""
    parameters = state.theta.shape[1]
    sums = np.empty(parameters + 1)
    partial = np.empty(parameters + 1)
    for c in range(state.status.size):
        running = state.status[c] == codes.CANCELLED
        while running and budget > 0:
            evaluate(samples, state.theta[c], partial, sums)
            running = advance(c, sums, controls, method, state)
            budget -= 1
    return budget


@kernel
def descend_together(samples, controls, method, state, budget):
    """Run all descents of a tile in step, one pass over the samples a step, until `budget` evaluations are spent.

    Stopped configurations leave the batch. Returns what is left of the budget.
    """
    parameters = state.theta.shape[1]
    active = np.flatnonzero(state.status == codes.CANCELLED)
    count = active.size
    thetas = np.empty((count, parameters))
    sums = np.empty((count, parameters + 1))
    partials = np.empty((block_count(samples), count, parameters + 1))
    while count > 0 and budget > 0:
        for a in range(count):
            thetas[a] = state.theta[active[a]]
        evaluate_parallel(samples, thetas[:count], partials, sums)
        budget -= count
        running = 0
        for a in range(count):
            if advance(active[a], sums[a], controls, method, state):
                active[running] = active[a]
                running += 1
        count = running
    return budget
