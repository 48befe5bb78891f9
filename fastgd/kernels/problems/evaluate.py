"""Loss and gradient from block sums, serially or by `prange` over the blocks, with the same bits.

Shapes: theta (P,) or thetas (C, P); sums_out (P + 1,) or (C, P + 1): the loss, then the gradient. Unchecked.
Both ways call one compiled block function and add its results in block order, starting from zero.
"""

import numpy as np
from numba import prange

from fastgd.kernels.compiling.jit import kernel, parallel_kernel
from fastgd.kernels.problems.blocks import block_sums


@kernel
def add_partial(sums, partial):
    """Add one block's sums to the running ones."""
    for k in range(sums.size):
        sums[k] += partial[k]


@kernel
def finish(compiled_loss, theta, sums):
    """Turn sums over all samples into the loss and its gradient: scale them, then add l2 sum_k theta_k^2."""
    for k in range(sums.size):
        sums[k] *= compiled_loss.scale
    if compiled_loss.l2 > 0.0:
        squares = 0.0
        for k in range(theta.size):
            if k != compiled_loss.free:
                squares += theta[k] * theta[k]
                sums[1 + k] += compiled_loss.l2 * (2.0 * theta[k])  # 2 l2 alone may overflow
        sums[0] += compiled_loss.l2 * squares


@kernel
def evaluate(compiled_loss, theta, partial, sums_out):
    """Loss and gradient at one theta; `partial` (P + 1,) is scratch."""
    sums_out[:] = 0.0
    for b in range(compiled_loss.blocks):
        block_sums(compiled_loss, b, theta, partial)
        add_partial(sums_out, partial)
    finish(compiled_loss, theta, sums_out)


@kernel
def evaluate_batch(compiled_loss, thetas, sums_out):
    """Loss and gradient at each theta, on the calling thread; blocks outside, so that data is read from memory once."""
    partials = np.empty(sums_out.shape)
    sums_out[:] = 0.0
    for b in range(compiled_loss.blocks):
        block_sums(compiled_loss, b, thetas, partials)
        for c in range(thetas.shape[0]):
            add_partial(sums_out[c], partials[c])
    for c in range(thetas.shape[0]):
        finish(compiled_loss, thetas[c], sums_out[c])


@parallel_kernel
def partial_sums(compiled_loss, thetas, partials_out):
    """Fill partials_out (blocks, at least C, P + 1): every block's sums at every theta, blocks shared among threads."""
    for b in prange(compiled_loss.blocks):
        block_sums(compiled_loss, np.int64(b), thetas, partials_out[np.int64(b)])


@kernel
def evaluate_parallel(compiled_loss, thetas, partials, sums_out):
    """Loss and gradient at each theta, on Numba's threads; `partials` (blocks, at least C, P + 1) is scratch."""
    count = thetas.shape[0]
    partial_sums(compiled_loss, thetas, partials)
    sums_out[:count] = 0.0
    for b in range(compiled_loss.blocks):
        for c in range(count):
            add_partial(sums_out[c], partials[b, c])
    for c in range(count):
        finish(compiled_loss, thetas[c], sums_out[c])
