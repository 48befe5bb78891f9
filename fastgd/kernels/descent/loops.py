"""Descents of a whole tile, side by side: a lane each, or as many as there is room for.

A configuration's state is its row in `State`: a tile can be left at any step and taken up again. Unchecked.
"""

import numpy as np

from fastgd.kernels.compiling.jit import kernel, kernel_part, merged_block_kernel
from fastgd.kernels.compiling.lanes import copy_all
from fastgd.kernels.compiling.tuples import borrowed, elements
from fastgd.kernels.compiling.words import whole
from fastgd.kernels.descent.directions import known
from fastgd.kernels.descent.records import VECTORS
from fastgd.kernels.descent.side_by_side import step
from fastgd.kernels.descent.step import gradient_is_tested, update_is_tested
from fastgd.kernels.descent.tile import sums_row, tile_at
from fastgd.kernels.descent.watchers import leave, take_up, take_up_alone, waiting_alone
from fastgd.kernels.problems.evaluate import as_rows, evaluate


@kernel_part
def record(method, state, c, t, theta, loss):
    """Keep theta_t and its loss if t is one of the recorded steps."""
    if method.record_every > 0 and t % method.record_every == 0:
        for k in range(theta.size):
            state.trajectory_theta[c, t // method.record_every, k] = theta[k]
        state.trajectory_loss[c, t // method.record_every] = loss


@kernel_part
def costly_tests(tile, first, last):
    """Tell whether one of configurations first..last-1 has a test of the gradient on, and one a test of the update."""
    of_gradient = False
    of_update = False
    for c in range(first, last):
        own = elements(whole(tile.columns), c)
        of_gradient |= gradient_is_tested(own)
        of_update |= update_is_tested(own)
    return of_gradient, of_update


@merged_block_kernel
def taken_up(tile, count, upcoming, last, width):
    """Let free lanes go on with descents that have not begun; return how many are under way, and what comes next."""
    while count < width and upcoming < last:
        alone = waiting_alone(tile, upcoming, min(upcoming + width - count, last))
        if alone > 0:
            take_up_alone(tile, count, upcoming, alone)
            count += alone
            upcoming += alone
        else:
            count += take_up(tile, count, upcoming)
            upcoming = tile.ends[upcoming]
    return count, upcoming


@kernel
def descend(compiled_loss, table, first, last, method, partials, width, budget):
    """Run descents until `budget` evaluations are spent, `width` side by side, and return what is left.

    They are those of configurations first..last-1 of a tile, `table` the address of its words. `partials` is scratch,
    and says on which threads a loss is summed: see `evaluate`.
    """
    tile = tile_at(table)
    partials = borrowed(partials)
    parameters = tile.state.theta.shape[1]
    thetas = tile.numbers[VECTORS : VECTORS + parameters]
    sums = tile.numbers[sums_row(parameters) : sums_row(parameters) + 1 + parameters]
    method = known(method, tile.state.memory.shape[1])
    of_gradient, of_update = costly_tests(tile, first, last)
    upcoming = first
    count = np.int64(0)  # of a literal everything would be compiled once more
    while budget > 0:
        count, upcoming = taken_up(tile, count, upcoming, last, width)
        if count == 0:
            break
        evaluate(compiled_loss, count, thetas, tile.rows, partials, sums)
        budget -= count
        count = step(tile, count, method, of_gradient, of_update)
    for lane in range(count):
        leave(tile, lane)
    return budget


# ---- a step at a time, where the samples come in pieces --------------------------------------------------------------


@kernel
def take_up_more(table, count, upcoming, last, width):
    """Fill free lanes, see `taken_up`, and lay all that are under way out as rows."""
    tile = tile_at(table)
    count, upcoming = taken_up(tile, count, upcoming, last, width)
    as_rows(count, tile.numbers[VECTORS : VECTORS + tile.state.theta.shape[1]], tile.rows)
    return count, upcoming


@kernel
def advance(table, count, first, last, method, sums):
    """Take one step where the loss and its gradient are `sums` (P + 1, W); return how many lanes are under way."""
    tile = tile_at(table)
    parameters = tile.state.theta.shape[1]
    for k in range(1 + parameters):
        copy_all(count, tile.numbers[sums_row(parameters) + k], sums[k])
    of_gradient, of_update = costly_tests(tile, first, last)
    return step(tile, count, known(method, tile.state.memory.shape[1]), of_gradient, of_update)


@kernel
def leave_all(table, count):
    """Note where all lanes are."""
    tile = tile_at(table)
    for lane in range(count):
        leave(tile, lane)
