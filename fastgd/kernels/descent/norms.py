"""Lengths of gradients and updates."""

import math

from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.compiling.lanes import over_lanes

# Between these a sum of squares has neither lost a term to underflow nor overflowed.
LEAST_SAFE_SQUARES = 1e-280
LARGEST_SAFE_SQUARES = 1e280


@over_lanes
def add_square(lane, row, squares):
    """Add each lane's number, squared, to a sum of squares."""
    squares[lane] += row[lane] * row[lane]


@kernel_part
def is_safe(squares):
    """Tell whether the root of a sum of squares is the norm."""
    return LEAST_SAFE_SQUARES < squares < LARGEST_SAFE_SQUARES or math.isnan(squares)


@kernel_part
def distance(sums, point):
    """Return the Euclidean norm of sums[1:] - point, without overflow or underflow on the way."""
    squares = 0.0
    for k in range(point.size):
        difference = sums[1 + k] - point[k]
        squares += difference * difference
    if is_safe(squares):
        return math.sqrt(squares)
    largest = 0.0
    for k in range(point.size):
        largest = max(largest, abs(sums[1 + k] - point[k]))
    if largest == 0.0 or math.isinf(largest):
        return largest
    squares = 0.0
    for k in range(point.size):
        difference = (sums[1 + k] - point[k]) / largest
        squares += difference * difference
    return largest * math.sqrt(squares)
