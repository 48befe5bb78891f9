"""What the engines ask of a problem's samples: how many blocks, one block, and the sums over it.

A problem's samples are a NamedTuple; its class chooses the implementation, so that engine loops are written once. Beside
its arrays every class has `scale`, the factor from sums to the loss (1 / N for a mean, 1 for a sum).

    block_count(samples)              number of blocks, at least 1
    block_of(samples, b)              block b as the same NamedTuple over slices (slices are what let the loops vectorise)
    block_sums(block, theta, out)     out (P + 1,): sum rho(r), then sum psi(r) dr/dtheta_k for each k

A block is a fixed run of samples, whatever the thread count: sums taken block by block and combined in block order round
alike everywhere. All are unchecked.
"""

from fastgd.kernels.jit import dispatched_by_class, kernel

block_count = dispatched_by_class("block_count")
block_of = dispatched_by_class("block_of")
block_sums = dispatched_by_class("block_sums", fastmath=True)


@kernel
def blocks_needed(samples, length):
    """Return how many blocks of `length` hold this many samples."""
    return (samples + length - 1) // length


@kernel
def number_of_blocks(samples):
    """Return `block_count` to Python."""
    return block_count(samples)
