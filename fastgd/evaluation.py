"""Loss and gradient from Python: a serial kernel where a parallel launch would cost more than it saves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.evaluate import evaluate_batch, evaluate_parallel
from fastgd.threads import can_launch, parallel_launch

SERIAL_WORK = 1 << 18  # samples times thetas times parameters; a launch of Numba's threads costs as much as half of it
PARTIALS = 1 << 22  # elements of the scratch for block sums, 32 MB
TOGETHER = 8  # thetas; kernels take them four at a time, and what is left over one by one


def evaluate_all(samples: Any, thetas: NDArray[np.float64], sample_count: int) -> NDArray[np.float64]:
    """Return [loss, gradient...] (C, P + 1) at thetas (C, P)."""
    C, P = thetas.shape
    sums = np.empty((C, P + 1))
    blocks = samples.blocks if C * P * sample_count > SERIAL_WORK and can_launch() else 1
    if blocks == 1:
        evaluate_batch(samples, thetas, sums)
        return sums
    batch = max(1, min(C, PARTIALS // (blocks * (P + 1))))
    if TOGETHER < batch < C:
        batch -= batch % TOGETHER
    partials = np.empty((blocks, batch, P + 1))
    with parallel_launch():
        for first in range(0, C, batch):
            evaluate_parallel(samples, thetas[first : first + batch], partials, sums[first : first + batch])
    return sums
