"""Configurations that differ only in where they stop: one descent, which goes on until the last of them has.

A step compares the easiest threshold of each kind alone; the configurations are looked at where that is passed. What is
written of a configuration is what its own descent would have written. Unchecked.
"""

import math

import numpy as np

from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.stopping import Moment
from fastgd.kernels.compiling.jit import kernel_part, rarely_called
from fastgd.kernels.compiling.lanes import copy_all, over_lanes
from fastgd.kernels.compiling.tuples import each_by, elements
from fastgd.kernels.compiling.words import whole
from fastgd.kernels.descent.norms import distance, is_safe
from fastgd.kernels.descent.records import GRADIENT_NORM, INITIAL_LOSS, INITIAL_SLOPE, NOT_FINITE, VECTORS
from fastgd.kernels.descent.step import CANCELLED, SMALL_UPDATE, has_stalled, slope, stop
from fastgd.kernels.descent.tile import memory_row, own_of, set_own, sums_row

easier = each_by([entry.easiest for entry in HYPERPARAMETERS.values()])


@kernel_part
def wait_for(tile, lane, c, is_first):
    """Let a lane go on to what stops configuration c, or what stops it already if that is sooner."""
    own = elements(whole(tile.columns), c)
    if is_first:
        set_own(tile.numbers, lane, own)
    else:
        set_own(tile.numbers, lane, easier(own_of(tile.numbers, lane), own))


@over_lanes
def _set_own(lane, numbers, at, columns, first):
    set_own(numbers, at + lane, elements(columns, first + lane))


@over_lanes
def _number(lane, firsts, lasts, first):
    firsts[lane] = first + lane
    lasts[lane] = first + lane + 1


@kernel_part
def waiting_alone(tile, first, last):
    """Return how many configurations from `first` on, before `last`, wait, each a descent of its own."""
    for c in range(first, last):
        if tile.ends[c] != c + 1 or tile.state.status[c] != CANCELLED:
            return c - first
    return last - first


@kernel_part
def take_up_alone(tile, lane, first, count):
    """Let lanes, from one on, go on with descents of a configuration each, from `first` on."""
    state = tile.state
    numbers = tile.numbers
    parameters = state.theta.shape[1]
    end = lane + count
    last = first + count
    _set_own(count, numbers, lane, whole(tile.columns), first)
    for k in range(parameters):
        copy_all(count, numbers[VECTORS + k, lane:end], state.theta[first:last, k])
    for m in range(state.memory.shape[1]):
        for k in range(parameters):
            row = numbers[memory_row(parameters) + m * parameters + k, lane:end]
            copy_all(count, row, state.memory[first:last, m, k])
    copy_all(count, numbers[INITIAL_LOSS, lane:end], state.initial_loss[first:last])
    copy_all(count, numbers[INITIAL_SLOPE, lane:end], tile.initial_slope[first:last])
    copy_all(count, tile.steps[lane:end], state.steps[first:last])
    _number(count, tile.first[lane:end], tile.last[lane:end], first)


@kernel_part
def take_up(tile, lane, first):
    """Let a lane go on with the descent that begins with configuration `first`; return whether any of it waits."""
    rarely_called()
    waiting = 0
    for c in range(first, tile.ends[first]):
        if tile.state.status[c] != CANCELLED:
            continue
        if waiting == 0:
            take_up_alone(tile, lane, c, np.int64(1))
        else:
            wait_for(tile, lane, c, False)
        waiting += 1
    tile.first[lane] = first
    tile.last[lane] = tile.ends[first]
    return waiting > 0


@kernel_part
def note(tile, lane, c, gradient_norm):
    """Write where a lane is into the state of configuration c."""
    rarely_called()
    state = tile.state
    numbers = tile.numbers
    parameters = state.theta.shape[1]
    for k in range(parameters):
        state.theta[c, k] = numbers[VECTORS + k, lane]
    state.loss[c] = numbers[sums_row(parameters), lane]
    state.gradient_norm[c] = gradient_norm
    state.steps[c] = tile.steps[lane]
    state.initial_loss[c] = numbers[INITIAL_LOSS, lane]
    tile.initial_slope[c] = numbers[INITIAL_SLOPE, lane]


@kernel_part
def stop_alone(tile, count):
    """Stop all lanes, of configurations alone that follow one another, by their tests; their norms are set."""
    state = tile.state
    numbers = tile.numbers
    parameters = state.theta.shape[1]
    first = tile.first[0]
    last = first + count
    for k in range(parameters):
        copy_all(count, state.theta[first:last, k], numbers[VECTORS + k])
    copy_all(count, state.loss[first:last], numbers[sums_row(parameters)])
    copy_all(count, state.gradient_norm[first:last], numbers[GRADIENT_NORM])
    copy_all(count, state.steps[first:last], tile.steps)
    copy_all(count, state.initial_loss[first:last], numbers[INITIAL_LOSS])
    copy_all(count, state.status[first:last], tile.status)


@kernel_part
def can_stop_alone(tile, count):
    """Tell whether `stop_alone` is all there is to do: a test stops every lane, none for a small update."""
    first = tile.first[0]
    can = True
    for lane in range(count):
        own = tile.first[lane] == first + lane and tile.last[lane] == first + lane + 1
        can &= own and tile.status[lane] != CANCELLED and tile.status[lane] != SMALL_UPDATE
    return can


@kernel_part
def copy_to_scratch(tile, lane):
    """Lay a lane's sums and theta out as the first two rows of scratch."""
    parameters = tile.state.theta.shape[1]
    for k in range(1 + parameters):
        tile.scratch[0, k] = tile.numbers[sums_row(parameters) + k, lane]
    for k in range(parameters):
        tile.scratch[1, 1 + k] = tile.numbers[VECTORS + k, lane]


@kernel_part
def leave(tile, lane):
    """Note where a lane is for all configurations that wait."""
    rarely_called()
    state = tile.state
    parameters = state.theta.shape[1]
    gradient_norm = norm_at(tile, lane)
    for c in range(tile.first[lane], tile.last[lane]):
        if state.status[c] == CANCELLED:
            note(tile, lane, c, gradient_norm)
            for m in range(state.memory.shape[1]):
                for k in range(parameters):
                    state.memory[c, m, k] = tile.numbers[memory_row(parameters) + m * parameters + k, lane]


@kernel_part
def norm_at(tile, lane):
    """Return the gradient's norm in a lane."""
    parameters = tile.state.theta.shape[1]
    squares = 0.0
    for k in range(parameters):
        g = tile.numbers[sums_row(parameters) + 1 + k, lane]
        squares += g * g
    if is_safe(squares):
        return math.sqrt(squares)
    copy_to_scratch(tile, lane)
    return distance(tile.scratch[0], tile.scratch[3, 1:])


@kernel_part
def stop_one(tile, lane, c, status, gradient_norm):
    """Stop configuration c where a lane is."""
    state = tile.state
    note(tile, lane, c, gradient_norm)
    state.status[c] = status
    if status == SMALL_UPDATE:
        copy_to_scratch(tile, lane)
        last_slope = slope(tile.scratch[0], tile.scratch[1, 1:], whole(tile.bounds), tile.scratch[2, 1:])
        state.stalled[c] = has_stalled(status, last_slope, tile.numbers[INITIAL_SLOPE, lane])


@kernel_part
def settle(tile, lane, scale, update_length):
    """Stop the configurations of a lane whose tests hold; return whether others wait.

    `update_length` is NaN where no update was made.
    """
    rarely_called()
    state = tile.state
    gradient_norm = norm_at(tile, lane)
    first = tile.first[lane]
    if tile.last[lane] - first == 1:  # what stopped the lane stopped its only configuration
        stop_one(tile, lane, first, tile.status[lane], gradient_norm)
        return False
    initial_loss = tile.numbers[INITIAL_LOSS, lane]
    finite = tile.numbers[NOT_FINITE, lane] == 0.0
    loss = tile.numbers[sums_row(state.theta.shape[1]), lane]
    at = Moment(tile.steps[lane], finite, loss, gradient_norm, initial_loss, scale, update_length)
    waiting = 0
    for c in range(tile.first[lane], tile.last[lane]):
        if state.status[c] != CANCELLED:
            continue
        status = stop(elements(whole(tile.columns), c), at)
        if status == CANCELLED:
            wait_for(tile, lane, c, waiting == 0)
            waiting += 1
            continue
        stop_one(tile, lane, c, status, gradient_norm)
    return waiting > 0


@kernel_part
def move(tile, source, target):
    """Move what is under way in one lane to another."""
    rarely_called()
    for row in range(tile.numbers.shape[0]):
        tile.numbers[row, target] = tile.numbers[row, source]
    tile.steps[target] = tile.steps[source]
    tile.first[target] = tile.first[source]
    tile.last[target] = tile.last[source]
