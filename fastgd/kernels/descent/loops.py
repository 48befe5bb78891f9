"""The definition of descent, one step and whole tiles.

At t = 0, 1, 2, ... with L and g at theta_t: stop as DIVERGED, REACHED_LOSS, SMALL_GRADIENT or at the step limit, else
form candidate = clip(theta_t - rate s(t) u_t), stop as SMALL_UPDATE if it is too near, else take it. `advance` is
that step; every engine that iterates calls it, so the definition stands here once.

Shapes: T configurations of a tile, P parameters, K recorded steps. A configuration's state is its row in `State`: a
tile can be left at any step and taken up again. Unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.descent import codes
from fastgd.kernels.compiling.jit import kernel
from fastgd.kernels.compiling.tuples import borrowed, keep_alive
from fastgd.kernels.descent.directions import corrections, direction, distance, schedule_factor
from fastgd.kernels.problems.evaluate import evaluate, evaluate_parallel

SMALL_SLOPE = 0.01  # of the slope at the start: a loss that is quadratic has then fallen to 1e-4 of its height


class Controls(NamedTuple):
    """The hyperparameters of a tile, one element a configuration; a test that is off has a threshold never passed."""

    learning_rate: np.ndarray  # (T,)
    max_steps: np.ndarray  # (T,) int64
    momentum: np.ndarray  # (T,)
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
    loss_scale: float  # the loss where every prediction is 0; NaN stands for a start's own loss, 0 for no predictions


class State(NamedTuple):
    """Where each configuration of a tile stands, or stopped."""

    theta: np.ndarray  # (T, P)
    loss: np.ndarray  # (T,)
    gradient_norm: np.ndarray  # (T,)
    steps: np.ndarray  # (T,) int64
    status: np.ndarray  # (T,) int8, CANCELLED while running
    initial_loss: np.ndarray  # (T,)
    initial_slope: np.ndarray  # (T,), the gradient's norm at the start by `slope`, where `tolerance` is on
    stalled: np.ndarray  # (T,) bool, see `has_stalled`
    memory: np.ndarray  # (T, M, P), what the rule keeps from step to step
    trajectory_theta: np.ndarray  # (T, K, P)
    trajectory_loss: np.ndarray  # (T, K)


class Configuration(NamedTuple):
    """One configuration's numbers. Tuples of numbers cost nothing to pass; a tuple of arrays is reference-counted."""

    rule: int
    schedule: int
    learning_rate: float
    max_steps: int
    momentum: float
    decay: float
    tolerance: float
    loss_threshold: float
    gradient_tolerance: float
    divergence_threshold: float
    loss_scale: float


@kernel
def configuration_of(controls, method, c):
    """Return configuration c of a tile."""
    return Configuration(
        method.rule,
        method.schedule,
        controls.learning_rate[c],
        controls.max_steps[c],
        controls.momentum[c],
        controls.decay[c],
        controls.tolerance[c],
        controls.loss_threshold[c],
        controls.gradient_tolerance[c],
        controls.divergence_threshold[c],
        method.loss_scale,
    )


@kernel
def all_finite(sums):
    """Return whether loss and gradient are."""
    finite = True
    for k in range(sums.size):
        finite = finite and math.isfinite(sums[k])
    return finite


@kernel
def grew(configuration, loss, initial_loss):
    """Tell whether a loss exceeds that of the start by more than its rounding."""
    size = abs(initial_loss)
    size += size if math.isnan(configuration.loss_scale) else abs(configuration.loss_scale)
    return loss > initial_loss + codes.LOSS_ROUNDING * size


@kernel
def stop_before_update(configuration, t, finite, loss, gradient_norm, initial_loss):
    """Return the status of tests 1 to 4, CANCELLED if none stops; `finite` tells of loss and gradient."""
    if not finite or loss > configuration.divergence_threshold:
        return codes.DIVERGED
    if loss < configuration.loss_threshold:
        return codes.REACHED_LOSS
    if gradient_norm < configuration.gradient_tolerance:
        return codes.SMALL_GRADIENT
    if t == configuration.max_steps:
        return codes.LOSS_GREW if grew(configuration, loss, initial_loss) else codes.MAX_STEPS
    return codes.CANCELLED


@kernel
def stop_by_update(configuration, length):
    """Return the status of test 5, CANCELLED if an update of this length is taken."""
    return codes.SMALL_UPDATE if length < configuration.tolerance else codes.CANCELLED


@kernel
def slope(sums, theta, lower, upper, held):
    """Return the gradient's norm without what pushes against bounds; `held` (P,) is scratch."""
    for k in range(theta.size):
        g = sums[1 + k]
        held[k] = g if (theta[k] <= lower[k] and g > 0.0) or (theta[k] >= upper[k] and g < 0.0) else 0.0
    return distance(sums, held)


@kernel
def has_stalled(status, slope, initial_slope):
    """Tell whether an update was shorter than `tolerance` although the slope is not small beside that of the start."""
    return status == codes.SMALL_UPDATE and slope > SMALL_SLOPE * initial_slope


@kernel
def advance(configuration, t, sums, gradient_norm, initial_loss, theta, memory, lower, upper, candidate):
    """Apply the definition once at theta_t, whose loss and gradient are `sums`; return the status, or CANCELLED.

    CANCELLED means that the descent goes on, and theta is theta_{t+1}. `candidate` (P + 1,) is scratch.
    """
    status = stop_before_update(configuration, t, all_finite(sums), sums[0], gradient_norm, initial_loss)
    if status != codes.CANCELLED:
        return status
    rate = configuration.learning_rate * schedule_factor(
        configuration.schedule, configuration.decay, t, configuration.max_steps
    )
    corrected = corrections(configuration.rule, configuration.momentum, t)
    for k in range(theta.size):
        u = direction(configuration.rule, configuration.momentum, corrected, sums[1 + k], memory, k)
        candidate[1 + k] = min(max(theta[k] - rate * u, lower[k]), upper[k])
    if configuration.tolerance > 0.0:  # or the length is not worth its square root
        status = stop_by_update(configuration, distance(candidate, theta))
    if status == codes.CANCELLED:
        for k in range(theta.size):
            theta[k] = candidate[1 + k]
    return status


@kernel
def record(method, state, c, t, theta, loss):
    """Keep theta_t and its loss if t is one of the recorded steps."""
    if method.record_every > 0 and t % method.record_every == 0:
        for k in range(theta.size):
            state.trajectory_theta[c, t // method.record_every, k] = theta[k]
        state.trajectory_loss[c, t // method.record_every] = loss


@kernel
def descend_each(samples, controls, method, state, budget):
    """Run descents one after another, each to its stop, until `budget` evaluations are spent; return what is left."""
    parameters = state.theta.shape[1]
    scratch = np.empty((4, parameters + 1))
    sums, partial, candidate = borrowed(scratch[0]), borrowed(scratch[1]), borrowed(scratch[2])
    held = borrowed(scratch[3, 1:])
    state, method = borrowed(state), borrowed(method)
    records = method.record_every > 0
    for c in range(state.status.size):
        status = np.int64(state.status[c])
        if status != codes.CANCELLED:
            continue
        if budget <= 0:
            break
        configuration = configuration_of(controls, method, c)
        theta, t, initial_loss = state.theta[c], state.steps[c], state.initial_loss[c]
        memory = state.memory[c]
        loss = gradient_norm = np.nan
        while status == codes.CANCELLED and budget > 0:
            evaluate(samples, theta, partial, sums)
            budget -= 1
            loss = sums[0]
            tested = configuration.gradient_tolerance > 0.0 or configuration.tolerance > 0.0
            gradient_norm = distance(sums, method.origin) if tested or budget <= 0 else np.nan
            if t == 0:
                initial_loss = loss
                if configuration.tolerance > 0.0:
                    state.initial_slope[c] = slope(sums, theta, method.lower, method.upper, held)
            if records:
                record(method, state, c, t, theta, loss)
            status = advance(
                configuration,
                t,
                sums,
                gradient_norm,
                initial_loss,
                theta,
                memory,
                method.lower,
                method.upper,
                candidate,
            )
            t += status == codes.CANCELLED
        if math.isnan(gradient_norm):  # at each step it costs 12 ns; stops that test no norm leave the gradient in sums
            gradient_norm = distance(sums, method.origin)
        if status == codes.SMALL_UPDATE:
            last_slope = slope(sums, theta, method.lower, method.upper, held)
            state.stalled[c] = has_stalled(status, last_slope, state.initial_slope[c])
        state.steps[c], state.initial_loss[c] = t, initial_loss
        state.loss[c], state.gradient_norm[c], state.status[c] = loss, gradient_norm, status
    keep_alive(scratch)
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
    partials = np.empty((samples.blocks, count, parameters + 1))
    candidate, held = np.empty(parameters + 1), np.empty(parameters)
    while count > 0 and budget > 0:
        for a in range(count):
            for k in range(parameters):
                thetas[a, k] = state.theta[active[a], k]
        evaluate_parallel(samples, thetas[:count], partials, sums)
        budget -= count
        running = 0
        for a in range(count):
            c = active[a]
            theta, t, loss = state.theta[c], state.steps[c], sums[a, 0]
            gradient_norm = distance(sums[a], method.origin)
            if t == 0:
                state.initial_loss[c] = loss
                state.initial_slope[c] = slope(sums[a], theta, method.lower, method.upper, held)
            record(method, state, c, t, theta, loss)
            configuration = configuration_of(controls, method, c)
            status = advance(
                configuration,
                t,
                sums[a],
                gradient_norm,
                state.initial_loss[c],
                theta,
                state.memory[c],
                method.lower,
                method.upper,
                candidate,
            )
            if status == codes.SMALL_UPDATE:
                last_slope = slope(sums[a], theta, method.lower, method.upper, held)
                state.stalled[c] = has_stalled(status, last_slope, state.initial_slope[c])
            state.loss[c], state.gradient_norm[c], state.status[c] = loss, gradient_norm, status
            if status == codes.CANCELLED:
                state.steps[c] = t + 1
                active[running] = c
                running += 1
        count = running
    return budget
