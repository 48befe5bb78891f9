"""Loss and gradient of thetas side by side, serially or by `prange` over the blocks, with the same bits.

Shapes: thetas (P, W) and sums_out (P + 1, W), the loss, then the gradient; of W lanes the first `count` are evaluated.
Data that is summed block by block takes a theta as a row: `rows` (at least count, P) is scratch. Unchecked.
"""

import numpy as np
from numba import prange

from fastgd.kernels.compiling.jit import dispatched, inlined_part, kernel, parallel_kernel
from fastgd.kernels.compiling.lanes import multiply_all, over_lanes, set_all
from fastgd.kernels.problems.blocks import block_sums, lane_sums


@over_lanes
def _add_penalty(lane, thetas, l2, free, sums):
    squares = 0.0
    for k in range(thetas.shape[0]):
        if k != free:
            squares += thetas[k, lane] * thetas[k, lane]
            sums[1 + k, lane] += l2 * (2.0 * thetas[k, lane])  # 2 l2 alone may overflow
    sums[0, lane] += l2 * squares


@inlined_part
def finish(compiled_loss, count, thetas, sums):
    """Turn sums over all samples into the loss and its gradient: scale them, then add l2 sum_k theta_k^2."""
    if compiled_loss.scale != 1.0:
        for k in range(sums.shape[0]):
            multiply_all(count, sums[k], compiled_loss.scale)
    if compiled_loss.l2 > 0.0:
        _add_penalty(count, thetas, compiled_loss.l2, compiled_loss.free, sums)


@inlined_part
def as_rows(count, thetas, rows):
    """Lay thetas out as rows."""
    for k in range(thetas.shape[0]):
        for lane in range(count):
            rows[lane, k] = thetas[k, lane]


@inlined_part
def add_partials(count, partials, sums):
    """Add one block's sums (at least count, P + 1) to the running ones."""
    for lane in range(count):
        for k in range(sums.shape[0]):
            sums[k, lane] += partials[lane, k]


@parallel_kernel
def partial_sums(compiled_loss, rows, first, partials_out):
    """Fill partials_out (some blocks, at least C, P + 1): sums of blocks from `first` on, shared among threads."""
    for b in prange(partials_out.shape[0]):
        block_sums(compiled_loss, first + np.int64(b), rows, partials_out[np.int64(b)])


@dispatched
def _add_blocks(compiled_loss, count, rows, partials, sums):
    """Add every block's sums in block order: of partials (some blocks, at least count, P + 1) all threads fill a part.

    Partials of one block, (at least count, P + 1), are filled by the calling thread.
    """
    if partials.ndim == 3:

        def on_threads(compiled_loss, count, rows, partials, sums):
            for first in range(0, compiled_loss.blocks, partials.shape[0]):
                some = partials[: min(partials.shape[0], compiled_loss.blocks - first)]
                partial_sums(compiled_loss, rows[:count], first, some)
                for b in range(some.shape[0]):
                    add_partials(count, some[b], sums)

        return on_threads

    def on_this_thread(compiled_loss, count, rows, partials, sums):  # blocks outside: data is read from memory once
        for b in range(compiled_loss.blocks):
            block_sums(compiled_loss, b, rows[:count], partials)
            add_partials(count, partials, sums)

    return on_this_thread


@kernel
def add_blocks(compiled_loss, count, rows, partials, sums):
    """Add the blocks' sums of a piece of the samples to the running ones (P + 1, W), at the first `count` of `rows`."""
    _add_blocks(compiled_loss, count, rows, partials, sums)


@kernel
def finish_sums(compiled_loss, count, thetas, sums):
    """Turn sums over all pieces into the loss and its gradient, see `finish`."""
    finish(compiled_loss, count, thetas, sums)


@kernel
def evaluate(compiled_loss, count, thetas, rows, partials, sums_out):
    """Loss and gradient of the first `count` lanes; `partials`, scratch, says on which threads, see `_add_blocks`."""
    if compiled_loss.by_lanes:
        lane_sums(compiled_loss, count, thetas, sums_out)
    else:
        as_rows(count, thetas, rows)
        for k in range(sums_out.shape[0]):
            set_all(count, sums_out[k], 0.0)
        _add_blocks(compiled_loss, count, rows, partials, sums_out)
    finish(compiled_loss, count, thetas, sums_out)
