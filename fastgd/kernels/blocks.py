"""What the engines ask of a problem's samples: how many blocks, and the sums over one.

A problem's samples are a NamedTuple; its class chooses the implementation, so that engine loops are written once.
Beside its arrays every class has `scale`, the factor from sums to the loss (1 / N for a mean, 1 for a sum).

    block_count(samples)                  number of blocks, at least 1
    block_sums(samples, b, theta, out)    out (P + 1,): over block b, sum rho(r), then sum psi(r) dr/dtheta_k for each k

A block is a fixed run of samples, whatever the thread count: sums taken block by block and combined in block order
round alike everywhere. A kernel slices its block itself (loops over slices vectorise, loops over index ranges of the
whole array did not; slicing in the caller costs 80 ns in reference counts). All are unchecked.
"""

from fastgd.kernels.jit import dispatched_by_class, kernel

block_count = dispatched_by_class("block_count")
block_sums = dispatched_by_class("block_sums", fastmath=True)


@kernel
def blocks_needed(samples, length):
    """Return how many blocks of `length` hold this many samples."""
    return (samples + length - 1) // length


@kernel
def block_range(b, length, samples):
    """Return the first sample of block b and the first after it."""
    first = b * length
    return first, min(first + length, samples)


def number_of_blocks(samples):
    """Return `block_count` outside kernels, without compiling one."""
    length = getattr(samples, "block_length", None)
    return 1 if length is None else -(-samples.y.size // length)
