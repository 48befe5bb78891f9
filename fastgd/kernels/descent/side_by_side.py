"""One step of all lanes.

At t = 0, 1, 2, ... with L and g at theta_t: stop as the first test of `descent.stopping` says, else form candidate =
clip(theta_t - rate s(t) u_t), stop if a test of the update says so, else take it. Every engine that iterates in theta
goes by these loops, whose bodies compile the formulas of `descent` as they stand, each lane's arithmetic in the order
written: neither their count nor their neighbours change a bit.

`count` lanes of a tile are under way. Unchecked.
"""

import math

import numpy as np

from fastgd.descent.rules import RULES, uncorrected
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.stopping import Moment
from fastgd.kernels.compiling.jit import inlined_part, kernel_part, rarely_called
from fastgd.kernels.compiling.lanes import copy_all, over_lanes, set_all
from fastgd.kernels.compiling.switch import switch
from fastgd.kernels.compiling.tuples import at_lane
from fastgd.kernels.compiling.words import whole
from fastgd.kernels.descent.norms import add_square, distance, is_safe
from fastgd.kernels.descent.records import (
    CORRECTION,
    GRADIENT_NORM,
    INITIAL_LOSS,
    INITIAL_SLOPE,
    NO_LENGTH,
    NOT_FINITE,
    RATE,
    SQUARES,
    UPDATE_LENGTH,
    VECTORS,
)
from fastgd.kernels.descent.step import CANCELLED, slope, stop_before_update, stop_by_update
from fastgd.kernels.descent.tile import candidate_row, memory_row, own_of, sums_row
from fastgd.kernels.descent.watchers import can_stop_alone, copy_to_scratch, move, norm_at, settle, stop_alone
from fastgd.kernels.elementary.formulas import with_elementary

# ---- loops over lanes ------------------------------------------------------------------------------------------------


@over_lanes
def _note_finite(lane, row, not_finite):
    not_finite[lane] += row[lane] - row[lane]  # 0, or what is not a number


@over_lanes
def _add_square_of_difference(lane, row, other, squares):
    squares[lane] += (row[lane] - other[lane]) * (row[lane] - other[lane])


@over_lanes
def _take_root(lane, squares, norm):
    norm[lane] = math.sqrt(squares[lane])


@over_lanes
def _judge(lane, numbers, steps, status, loss, scale):
    t = steps[lane]
    own_loss = loss[lane]
    known = numbers[INITIAL_LOSS, lane]  # a choice between two loads would gather from two places
    initial_loss = own_loss if t == 0 else known
    numbers[INITIAL_LOSS, lane] = initial_loss
    finite = numbers[NOT_FINITE, lane] == 0.0
    at = Moment(t, finite, own_loss, numbers[GRADIENT_NORM, lane], initial_loss, scale, math.nan)
    status[lane] = stop_before_update(own_of(numbers, lane), at)


@over_lanes
def _judge_update(lane, numbers, steps, status, loss, scale):
    norm = numbers[GRADIENT_NORM, lane]
    length = numbers[UPDATE_LENGTH, lane]
    at = Moment(steps[lane], True, loss[lane], norm, numbers[INITIAL_LOSS, lane], scale, length)
    status[lane] = stop_by_update(own_of(numbers, lane), at)


@over_lanes
def _count_step(lane, steps):
    steps[lane] += 1


def _corrected(formula):
    corrections = inlined_part(with_elementary(formula))

    @over_lanes
    def correct(lane, numbers, steps):
        first, second = corrections(own_of(numbers, lane), steps[lane])
        numbers[CORRECTION, lane] = first
        numbers[CORRECTION + 1, lane] = second

    return correct


def _rated(formula):
    factor = inlined_part(with_elementary(formula))

    @over_lanes
    def rate(lane, numbers, steps):
        own = own_of(numbers, lane)
        numbers[RATE, lane] = own.learning_rate * factor(own, steps[lane])

    return rate


def _proposed(formula):
    direction = inlined_part(with_elementary(formula))

    @over_lanes
    def propose(lane, numbers, memories, k, slopes, theta, target, lower, upper):
        corrections = numbers[CORRECTION, lane], numbers[CORRECTION + 1, lane]
        memory = at_lane(numbers, memories[0], memories[1:], lane)
        u = direction(own_of(numbers, lane), corrections, slopes[lane], memory, k)
        target[lane] = min(max(theta[lane] - numbers[RATE, lane] * u, lower), upper)

    return propose


# A code that is not in the tile gives NaN and not another rule's step: the descent ends as DIVERGED.
_set_corrections = switch(
    {rule.code: _corrected(rule.corrections) for rule in RULES.values() if rule.corrections is not uncorrected},
    lambda count, numbers, steps: None,
)
_set_rates = switch(
    {schedule.code: _rated(schedule.factor) for schedule in SCHEDULES.values()}, _rated(lambda own, t: math.nan)
)
_propose = switch(
    {rule.code: _proposed(rule.direction) for rule in RULES.values()},
    _proposed(lambda own, corrections, g, memory, k: math.nan),
)


# ---- a step ----------------------------------------------------------------------------------------------------------


@kernel_part
def set_gradient_norms(tile, count):
    """Set the gradient's norm in each lane."""
    numbers = tile.numbers
    parameters = tile.state.theta.shape[1]
    squares = numbers[SQUARES]
    set_all(count, squares, 0.0)
    for k in range(parameters):
        add_square(count, numbers[sums_row(parameters) + 1 + k], squares)
    _take_root(count, squares, numbers[GRADIENT_NORM])
    for lane in range(count):
        if not is_safe(squares[lane]):
            numbers[GRADIENT_NORM, lane] = norm_at(tile, lane)


@kernel_part
def set_update_lengths(tile, count):
    """Set the length of the next update in each lane."""
    numbers = tile.numbers
    parameters = tile.state.theta.shape[1]
    squares = numbers[SQUARES]
    set_all(count, squares, 0.0)
    for k in range(parameters):
        _add_square_of_difference(count, numbers[candidate_row(parameters) + k], numbers[VECTORS + k], squares)
    _take_root(count, squares, numbers[UPDATE_LENGTH])
    for lane in range(count):
        if not is_safe(squares[lane]):
            copy_to_scratch(tile, lane)
            for k in range(parameters):
                tile.scratch[0, 1 + k] = numbers[candidate_row(parameters) + k, lane]
            numbers[UPDATE_LENGTH, lane] = distance(tile.scratch[0], tile.scratch[1, 1:])


@kernel_part
def set_initial_slopes(tile, count):
    """Set the slope where descents begin."""
    rarely_called()
    for lane in range(count):
        if tile.steps[lane] == 0:
            copy_to_scratch(tile, lane)
            theta = tile.scratch[1, 1:]
            tile.numbers[INITIAL_SLOPE, lane] = slope(tile.scratch[0], theta, whole(tile.bounds), tile.scratch[2, 1:])


@kernel_part
def record(tile, count, every):
    """Keep theta_t and its loss, of the configurations that wait, where t is one of the recorded steps."""
    rarely_called()
    state = tile.state
    parameters = state.theta.shape[1]
    for lane in range(count):
        t = tile.steps[lane]
        if t % every != 0:
            continue
        for c in range(tile.first[lane], tile.last[lane]):
            if state.status[c] == CANCELLED:
                for k in range(parameters):
                    state.trajectory_theta[c, t // every, k] = tile.numbers[VECTORS + k, lane]
                state.trajectory_loss[c, t // every] = tile.numbers[sums_row(parameters), lane]


@kernel_part
def settled(tile, count, scale, length_row):
    """Stop what a lane's test stops, and close up; return how many lanes are still under way."""
    rarely_called()
    if can_stop_alone(tile, count):  # as where steps are all that ends descents: one by one it took four times as long
        set_gradient_norms(tile, count)
        stop_alone(tile, count)
        return np.int64(0)
    for lane in range(count - 1, -1, -1):
        if tile.status[lane] == CANCELLED:
            continue
        if not settle(tile, lane, scale, tile.numbers[length_row, lane]):
            count -= 1
            if lane < count:
                move(tile, count, lane)
    return count


@inlined_part
def stops(count, status):
    """Tell whether a test stops some lane."""
    found = 0
    for lane in range(count):
        found |= status[lane] - CANCELLED
    return found != 0


@kernel_part
def step(tile, count, method, of_gradient, of_update):
    """Apply the definition once where loss and gradient are known; return how many lanes are still under way.

    `of_gradient` and `of_update` tell whether some configuration has a test of that on.
    """
    numbers = tile.numbers
    bounds = tile.bounds
    parameters = tile.state.theta.shape[1]
    sums = sums_row(parameters)
    target = candidate_row(parameters) if of_update else VECTORS
    memories = memory_row(parameters), tile.state.memory.shape[1], parameters
    set_all(count, numbers[NOT_FINITE], 0.0)
    for k in range(1 + parameters):
        _note_finite(count, numbers[sums + k], numbers[NOT_FINITE])
    if of_gradient:
        set_gradient_norms(tile, count)
    if of_update:
        set_initial_slopes(tile, count)
    if method.record_every > 0:
        record(tile, count, method.record_every)
    _judge(count, numbers, tile.steps, tile.status, numbers[sums], method.loss_scale)
    if stops(count, tile.status):
        count = settled(tile, count, method.loss_scale, np.int64(NO_LENGTH))
    _set_rates(method.schedule, count, numbers, tile.steps)
    _set_corrections(method.rule, count, numbers, tile.steps)
    for k in range(parameters):
        lower = bounds.lower[k]
        upper = bounds.upper[k]
        slopes = numbers[sums + 1 + k]
        theta = numbers[VECTORS + k]
        _propose(method.rule, count, numbers, memories, k, slopes, theta, numbers[target + k], lower, upper)
    if of_update:
        set_update_lengths(tile, count)
        _judge_update(count, numbers, tile.steps, tile.status, numbers[sums], method.loss_scale)
        if stops(count, tile.status):
            count = settled(tile, count, method.loss_scale, np.int64(UPDATE_LENGTH))
        for k in range(parameters):
            copy_all(count, numbers[VECTORS + k], numbers[target + k])
    _count_step(count, tile.steps)
    return count
