"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, else step by step.

A descent goes by legs, each to the next step that is recorded or to its stop. A leg is a jump, if the state at any step
can be had without the steps before it and the step that stops is known, or else a walk.

Shapes: T configurations of a tile, P parameters. A configuration's start is its row of `state.theta`, which its result
overwrites. A tile can be left at any step and taken up again: configurations run one after another, so that only one is
under way, and the arrays of `ModalData` keep what it needs. Unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.descent.schedules import SCHEDULES
from fastgd.kernels.compiling.jit import dispatched_by_class, kernel, kernel_part
from fastgd.kernels.compiling.lanes import copy_all, one_by_one, over_lanes, set_all
from fastgd.kernels.compiling.tuples import borrowed, elements
from fastgd.kernels.descent.directions import direction, known, schedule_factor
from fastgd.kernels.descent.loops import record
from fastgd.kernels.descent.norms import add_square, distance, is_safe
from fastgd.kernels.descent.records import Start
from fastgd.kernels.descent.step import (
    CANCELLED,
    DIVERGED,
    has_stalled,
    moment,
    stop_before_update,
    stop_by_update,
    update_is_tested,
    with_update,
)
from fastgd.kernels.modes.first_stop import first_stop, first_stop_untested, judged, place_with, status_at
from fastgd.kernels.modes.modes import (
    DISPLACEMENT,
    FIRST,
    ONE,
    RATE,
    RESIDUAL,
    SINGULAR,
    START,
    STEP,
    Course,
    Level,
    Place,
    go,
    jump,
    set_first,
    set_logarithm,
    set_rate,
    set_sums,
    set_taken,
    set_theta,
    to_start,
)
from fastgd.kernels.modes.momentum import is_untested, jump_with_momentum

CONSTANT = SCHEDULES["constant"].code
NEVER = np.int64(2**62)  # a step that none reaches
UNKNOWN = NEVER  # the stop of a descent that must be walked
NOWHERE = Place(np.int64(0), np.nan, CANCELLED)


class ModalData(NamedTuple):
    """A squared loss along its modes, the starts of a tile, and where the descent that is under way stands."""

    way: tuple  # Jumping(), Seeking(), Walking() or Momentum()
    level: Level
    modes: np.ndarray  # (ALL_ROWS, P), NaN where nothing is known yet
    ahead: np.ndarray  # (ROWS, P W), those of W configurations at their last steps
    ahead_sums: np.ndarray  # ((P + 1) W,) there
    ahead_squares: np.ndarray  # (W,), of their gradients' norms
    ahead_theta: np.ndarray  # (P W,)
    vectors: np.ndarray  # (P, P), v_j one a row
    residuals: np.ndarray  # (T, P) at the starts, or (1, P) where they are all alike
    sums: np.ndarray  # (P + 1,), the loss and the modal gradient where the modes are
    first_sums: np.ndarray  # (P + 1,), those at the start, which many descents share
    origin: np.ndarray  # (P,) zeros
    under_way: np.ndarray  # (1,) bool, whether a descent was left before its stop


# ---- ways ------------------------------------------------------------------------------------------------------------

# What a way chooses is all that is compiled: closed forms and steps take three seconds and one.


class Jumping(NamedTuple):
    """The way of gradient descent at a constant rate where no test is on."""


class Seeking(NamedTuple):
    """The way of gradient descent at a constant rate where tests are on."""


class Walking(NamedTuple):
    """The way of gradient descent under a schedule."""


class Momentum(NamedTuple):
    """The way of the rules with momentum: jumping where no test is on, at a constant rate, else walking."""


at_last_step = dispatched_by_class(
    "at_last_step", references=False, inlined=True
)  # (way, data, course, first, theta, lane): the place at the last step, if nothing stops before, else NOWHERE
look_ahead = dispatched_by_class("look_ahead", references=False)  # (way, data, columns, state, c)
known_stop = dispatched_by_class("known_stop", references=False, inlined=True)  # (way, method, course, first): the step
go_on = dispatched_by_class(
    "go_on", references=False, inlined=True
)  # (way, method, course, memory, t, to, jumps): the place, at step `to` or a stop


@over_lanes
def _set_last_steps(lane, rates, steps, columns, first):
    own = elements(columns, first + lane)
    rates[lane] = own.learning_rate
    steps[lane] = own.max_steps


@look_ahead.dispatch(Jumping)
def bring_ahead(way, data, columns, state, c):
    """Bring the modes ahead to the last steps of configurations c, c + 1, ..."""

    def implementation(way, data, columns, state, c):
        ahead = data.ahead
        P = data.origin.size
        width = data.ahead_theta.size // P
        last = min(c + width, state.status.size)
        count = last - c
        for j in range(P):
            begin = j * width
            end = begin + count
            copy_all(count, ahead[START, begin:end], state.theta[c:last, j])
            if data.residuals.shape[0] > 1:
                copy_all(count, ahead[FIRST, begin:end], data.residuals[c:last, j])
            else:
                set_all(count, ahead[FIRST, begin:end], data.residuals[0, j])
            _set_last_steps(count, ahead[RATE, begin:end], ahead[STEP, begin:end], columns, c)
        set_taken(P * width, ahead)
        set_logarithm(P * width, ahead)
        go(ahead, P * width)
        set_sums(ahead, P, width, data.level, data.ahead_sums)
        set_all(width, data.ahead_squares, 0.0)
        for k in range(1, P + 1):
            add_square(width, data.ahead_sums[k * width : (k + 1) * width], data.ahead_squares)
        set_theta(ahead, width, data.vectors, data.ahead_theta)

    return implementation


@look_ahead.dispatch(Seeking)
@look_ahead.dispatch(Momentum)
@look_ahead.dispatch(Walking)
def look_at_nothing(way, data, columns, state, c):
    """Do nothing."""
    return lambda way, data, columns, state, c: None


@at_last_step.dispatch(Jumping)
def place_ahead(way, data, course, first, theta, lane):
    """Return the place at the last step unless the descent diverged before."""

    def implementation(way, data, course, first, theta, lane):
        if status_at(course.own, first) != CANCELLED:
            return NOWHERE
        P = theta.size
        width = data.ahead_theta.size // P
        for k in range(P + 1):
            one_by_one()
            course.sums[k] = data.ahead_sums[k * width + lane]
        squares = data.ahead_squares[lane]
        gradient_norm = math.sqrt(squares) if is_safe(squares) else distance(course.sums, course.origin)
        place = place_with(course, course.own.max_steps, gradient_norm)
        if place.status == DIVERGED:
            return NOWHERE
        for k in range(P):
            one_by_one()
            theta[k] = data.ahead_theta[k * width + lane]
        return place

    return implementation


@at_last_step.dispatch(Seeking)
@at_last_step.dispatch(Momentum)
@at_last_step.dispatch(Walking)
def no_place_ahead(way, data, course, first, theta, lane):
    """Return NOWHERE."""
    return lambda way, data, course, first, theta, lane: NOWHERE


@known_stop.dispatch(Jumping)
def last_step(way, method, course, first):
    """Return the first step that stops; `first` is the moment of the start."""

    def implementation(way, method, course, first):
        set_rate_of_jumps(course.modes, course.own.learning_rate)
        return first_stop_untested(course) if status_at(course.own, first) == CANCELLED else np.int64(0)

    return implementation


@known_stop.dispatch(Seeking)
def first_stop_of_gradient(way, method, course, first):
    """Return the first step that stops."""

    def implementation(way, method, course, first):
        set_rate_of_jumps(course.modes, course.own.learning_rate)
        return first_stop(course) if status_at(course.own, first) == CANCELLED else np.int64(0)

    return implementation


@known_stop.dispatch(Walking)
def unknown_stop(way, method, course, first):
    """Return UNKNOWN."""
    return lambda way, method, course, first: UNKNOWN


@known_stop.dispatch(Momentum)
def last_step_of_momentum(way, method, course, first):
    """Return the last step where nothing stops before it."""

    def implementation(way, method, course, first):
        set_rate(course.modes, course.own.learning_rate)
        if method.schedule != CONSTANT or not is_untested(method.rule, course.modes, course.own, first.loss):
            return UNKNOWN
        return course.own.max_steps if status_at(course.own, first) == CANCELLED else np.int64(0)

    return implementation


@go_on.dispatch(Seeking)
@go_on.dispatch(Jumping)
def jump_on(way, method, course, memory, t, to, jumps):
    """Jump."""

    def implementation(way, method, course, memory, t, to, jumps):
        jump(course.modes, to)
        return judged(course, to)

    return implementation


@go_on.dispatch(Walking)
def walk_on(way, method, course, memory, t, to, jumps):
    """Walk."""
    return lambda way, method, course, memory, t, to, jumps: walked(method, course, memory, t, to)


@go_on.dispatch(Momentum)
def go_on_with_momentum(way, method, course, memory, t, to, jumps):
    """Jump or walk."""

    def implementation(way, method, course, memory, t, to, jumps):
        if not jumps:
            return walked(method, course, memory, t, to)
        jump_with_momentum(method.rule, course.modes, course.own, to)
        return judged(course, to)

    return implementation


@kernel_part
def set_rate_of_jumps(modes, rate):
    """Set what a step does at this rate, and its logarithm, which consecutive descents at one rate share."""
    if modes[RATE, 0] != rate:
        set_rate(modes, rate)
        set_logarithm(modes.shape[1], modes)


@kernel_part
def walked(method, course, memory, t, to):
    """Take steps from t until a test stops or step `to` is reached; return the place there.

    A rule without a case for signs acts on each mode as it does on each parameter, and its `memory` (M, P) is that of
    the modes.
    """
    modes = course.modes
    sums = course.sums
    own = course.own
    while True:
        set_sums(modes, modes.shape[1], ONE, course.level, sums)
        gradient_norm = distance(sums, course.origin)
        at = moment(t, sums, gradient_norm, course.start)
        status = stop_before_update(own, at)
        if status != CANCELLED or t == to:
            return Place(t, gradient_norm, status)
        rate = own.learning_rate * schedule_factor(method.schedule, own, t)
        for j in range(modes.shape[1]):
            sums[1 + j] = direction(method.rule, own, (1.0, 1.0), sums[1 + j], memory, j)
        if update_is_tested(own):
            status = stop_by_update(own, with_update(at, rate * distance(sums, course.origin)))
            if status != CANCELLED:
                return Place(t, gradient_norm, status)
        for j in range(modes.shape[1]):
            u = sums[1 + j]
            modes[DISPLACEMENT, j] += rate * u
            if u != 0.0:  # or an infinite rate * s would leave no number
                modes[RESIDUAL, j] -= (rate * modes[SINGULAR, j]) * u
        t += 1


# ---- a tile ----------------------------------------------------------------------------------------------------------


@kernel_part
def to_the_start(data, theta, c, first_norm):
    """Go to the start theta (P,) of configuration c; return the gradient's norm there.

    What modes hold of the last start serves again, `first_norm` with it, where theta is the same.
    """
    modes = data.modes
    is_same = True
    for k in range(theta.size):
        one_by_one()
        is_same = is_same and theta[k] == modes[START, k]
        modes[START, k] = theta[k]
    if is_same:
        to_start(modes)
        return first_norm
    modes[RATE, 0] = np.nan
    set_first(modes, data.residuals[c if data.residuals.shape[0] > 1 else 0])
    to_start(modes)
    set_sums(modes, modes.shape[1], ONE, data.level, data.first_sums)
    return distance(data.first_sums, data.origin)


@kernel
def descend_by_modes(data, columns, method, state, budget):
    """Run descents one after another, each to its stop, until `budget` is spent; return what is left.

    A leg is a unit of it, and so is each step of a walk.
    """
    data = borrowed(data)
    state = borrowed(state)
    method = known(method, state.memory.shape[1])
    modes = data.modes
    every = method.record_every
    width = data.ahead_theta.size // modes.shape[1]
    first_norm = distance(data.first_sums, data.origin)
    ahead_of = -width
    for c in range(state.status.size):
        if state.status[c] != CANCELLED:
            continue
        if budget <= 0:
            break
        if c >= ahead_of + width:
            ahead_of = c
            look_ahead(data.way, data, columns, state, c)
        own = elements(columns, c)
        theta = state.theta[c]
        t = state.steps[c]
        if not data.under_way[0]:
            first_norm = to_the_start(data, theta, c, first_norm)
        start = Start(data.first_sums[0], method.loss_scale)
        course = Course(modes, data.level, data.sums, data.origin, own, start)
        first = moment(np.int64(0), data.first_sums, first_norm, start)
        place = NOWHERE
        if every == 0 and not data.under_way[0]:
            place = at_last_step(data.way, data, course, first, theta, c - ahead_of)
        if place.status == CANCELLED:
            recorded = np.int64(0)  # the next step that is, the start too
            if data.under_way[0]:
                recorded = t - t % max(every, 1) + every
            if every == 0:
                recorded = NEVER
            stop = known_stop(data.way, method, course, first)
            while True:
                to = min(recorded, stop) if stop != UNKNOWN else min(recorded, t + budget)
                place = go_on(data.way, method, course, state.memory[c], t, to, stop != UNKNOWN)
                budget -= 1 if stop != UNKNOWN else 1 + place.t - t
                t = place.t
                set_theta(modes, ONE, data.vectors, theta)
                record(method, state, c, t, theta, data.sums[0])
                if place.status != CANCELLED or budget <= 0:
                    break
                recorded += every
        else:
            budget -= 1
        state.steps[c] = place.t
        state.status[c] = place.status
        state.loss[c] = data.sums[0]
        state.gradient_norm[c] = place.gradient_norm
        state.initial_loss[c] = start.loss
        state.stalled[c] = has_stalled(place.status, place.gradient_norm, first_norm)
        data.under_way[0] = place.status == CANCELLED
    return budget
