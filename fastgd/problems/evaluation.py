"""Loss and gradient from Python: a serial kernel where a parallel launch would cost more than it saves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.problems.evaluate import evaluate_batch, evaluate_parallel
from fastgd.kernels.threads import can_launch, parallel_launch

SERIAL_WORK = 1 << 18  # samples times thetas times parameters; a launch of Numba's threads costs as much as half of it
PARTIALS = 1 << 22  # elements of the scratch for block sums, 32 MB
TILE = 4  # thetas; linear fits with many features take four at once (two with few registers), and those left over alone


def evaluate_all(samples: Any, thetas: NDArray[np.float64], sample_count: int) -> NDArray[np.float64]:
    """Return [loss, gradient...] (C, P + 1) at thetas (C, P)."""
    C, P = thetas.shape
    sums = np.empty((C, P + 1))
    blocks = samples.blocks if C * P * sample_count > SERIAL_WORK and can_launch() else 1
    if blocks == 1:
        evaluate_batch(samples, thetas, sums)
        return sums
    batch = min(C, thetas_together(blocks, P))
    partials = np.empty((blocks, batch, P + 1))
    with parallel_launch():
        for first in range(0, C, batch):
            evaluate_parallel(samples, thetas[first : first + batch], partials, sums[first : first + batch])
    return sums


def thetas_together(blocks: int, parameters: int, most: int = PARTIALS) -> int:
    """Return for how many thetas, at most, to sum over all blocks at once."""
    count = min(most, PARTIALS // (blocks * (parameters + 1)))
    return count - count % TILE if count > TILE else max(1, count)
