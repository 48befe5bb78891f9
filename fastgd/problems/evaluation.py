"""Loss and gradient from Python: a serial kernel where a parallel launch would cost more than it saves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.problems.blocks import CompiledLoss
from fastgd.kernels.problems.evaluate import evaluate
from fastgd.kernels.threads import can_launch, parallel_launch

SERIAL_WORK = 1 << 18  # samples times thetas times parameters; a launch of Numba's threads costs as much as half of it
PARTIALS = 1 << 22  # elements of the scratch for block sums, 32 MB
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
    partials = np.empty((blocks, batch, P + 1))
    with parallel_launch():
        for first in range(0, C, batch):
            some = np.ascontiguousarray(thetas[first : first + batch].T)
            own = np.empty((P + 1, some.shape[1]))
            evaluate(compiled_loss, some.shape[1], some, rows, partials, own)
            sums[:, first : first + batch] = own
    return sums


def thetas_together(blocks: int, parameters: int, most: int = PARTIALS) -> int:
    """Return for how many thetas, at most, to sum over all blocks at once."""
    count = min(most, PARTIALS // (blocks * (parameters + 1)))
    return count - count % THETAS_TOGETHER if count > THETAS_TOGETHER else max(1, count)
