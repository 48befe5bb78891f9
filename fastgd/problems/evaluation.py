"""Loss and gradient from Python: a serial kernel where a parallel launch would cost more than it saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.problems.blocks import CompiledLoss
from fastgd.kernels.problems.evaluate import add_blocks, evaluate, finish_sums
from fastgd.kernels.threads import can_launch, parallel_launch

SERIAL_WORK = 1 << 18  # samples times thetas times parameters; a launch of Numba's threads costs as much as half of it
PARTIALS = 1 << 22  # elements of the scratch for block sums, 32 MB
BLOCKS_TOGETHER = 64  # at least, so that there are some for every thread
THETAS_TOGETHER = 4  # that linear fits with many features take (two with few registers); those left over go alone


def evaluate_all(compiled_loss: CompiledLoss, thetas: NDArray[np.float64], sample_count: int) -> NDArray[np.float64]:
    """Return [loss, gradient...] (P + 1, C) at thetas (C, P)."""
    C, P = thetas.shape
    sums = np.empty((P + 1, C))
    blocks = compiled_loss.blocks if C * P * sample_count > SERIAL_WORK and can_launch() else 1
    if blocks == 1:
        evaluate(compiled_loss, C, np.ascontiguousarray(thetas.T), np.empty((C, P)), np.empty((C, P + 1)), sums)
        return sums
    batch = min(C, thetas_together(blocks, P))
    rows = np.empty((batch, P))
    partials = partials_for(blocks, batch, P)
    with parallel_launch():
        for first in range(0, C, batch):
            some = np.ascontiguousarray(thetas[first : first + batch].T)
            own = np.empty((P + 1, some.shape[1]))
            evaluate(compiled_loss, some.shape[1], some, rows, partials, own)
            sums[:, first : first + batch] = own
    return sums


def evaluate_pieces(
    losses: Callable[[], Iterable[CompiledLoss]], thetas: NDArray[np.float64], blocks: int
) -> NDArray[np.float64]:
    """Return the same of samples that come in pieces, of so many blocks at most: each is read once for many thetas."""
    C, P = thetas.shape
    sums = np.zeros((P + 1, C))
    batch = min(C, thetas_together(blocks, P))
    partials = partials_for(blocks, batch, P)
    for first in range(0, C, batch):
        some = thetas[first : first + batch]
        own = np.zeros((P + 1, len(some)))
        add_pieces(losses(), some, partials, own)
        sums[:, first : first + batch] = own
    return sums


def partials_for(blocks: int, thetas: int, parameters: int) -> NDArray[np.float64]:
    """Return the scratch for the sums of blocks, as many at a time as there is room for: all threads fill it.

    Where they can't be launched it is that of one block, which the calling thread fills.
    """
    shape = (thetas, parameters + 1)
    return np.empty((min(blocks, max(1, PARTIALS // math.prod(shape))), *shape) if can_launch() else shape)


def add_pieces(
    losses: Iterable[CompiledLoss],
    thetas: NDArray[np.float64],
    partials: NDArray[np.float64],
    sums: NDArray[np.float64],
    threads: int | None = None,
) -> None:
    """Set zeros `sums` (P + 1, at least C) to the loss and its gradient at thetas (C, P), piece after piece."""
    loss = None
    for loss in losses:
        with parallel_launch(threads) if partials.ndim == 3 else nullcontext():
            add_blocks(loss, len(thetas), thetas, partials, sums)
    if loss is not None:
        finish_sums(loss, len(thetas), np.ascontiguousarray(thetas.T), sums)


def thetas_together(blocks: int, parameters: int, most: int = PARTIALS) -> int:
    """Return for how many thetas, at most, to sum over blocks at once."""
    count = min(most, PARTIALS // (min(blocks, BLOCKS_TOGETHER) * (parameters + 1)))
    return count - count % THETAS_TOGETHER if count > THETAS_TOGETHER else max(1, count)
