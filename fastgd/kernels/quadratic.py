"""A squared loss by its statistics: sum of squared residuals ||R theta - q||^2 + floor.

To the engine loops it is one block of P samples, however many there were. Shapes: R (P, P), q (P,). Unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.blocks import block_function


class QuadraticData(NamedTuple):
    """The statistics of a squared loss, as its kernel sees them."""

    R: np.ndarray  # (P, P)
    q: np.ndarray  # (P,)
    floor: float


@block_function(QuadraticData)
def quadratic_sums(data_type):
    """Return the kernel for its one block, row by row of R."""

    def implementation(samples, b, theta, sums_out):
        R, q = samples.R, samples.q
        rows, width = R.shape
        total = samples.floor
        sums = sums_out[1:]
        sums[:] = 0.0
        for i in range(rows):
            row = R[i]
            r = -q[i]
            for k in range(width):
                r += row[k] * theta[k]
            total += r * r
            twice = 2.0 * r
            for k in range(width):
                sums[k] += twice * row[k]
        sums_out[0] = total

    return implementation
