"""A squared loss by its statistics: sum of squared residuals ||R (theta - start) + c||^2 + floor, c those at the start.

To the engine loops it is one block of r samples, however many there were. Counted from the start: where descents begin
far out along directions of little curvature, R theta alone may be as large as the data allow, and lose what c holds.
Shapes: R (r, P), start (P,), c (r,). Unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.problems.blocks import block_function


class QuadraticData(NamedTuple):
    """The statistics of a squared loss, as its kernel sees them."""

    R: np.ndarray  # (r, P)
    start: np.ndarray  # (P,)
    residuals: np.ndarray  # (r,)
    floor: float


@block_function(QuadraticData)
def quadratic_sums(data_type):
    """Return the kernel for its one block, row by row of R."""

    def implementation(data, b, theta, sums_out):
        R = data.R
        start = data.start
        residuals = data.residuals
        rows, width = R.shape
        total = data.floor
        sums = sums_out[1:]
        sums[:] = 0.0
        for i in range(rows):
            row = R[i]
            r = residuals[i]
            for k in range(width):
                r += row[k] * (theta[k] - start[k])
            total += r * r
            twice = 2.0 * r
            for k in range(width):
                sums[k] += twice * row[k]
        sums_out[0] = total

    return implementation
