"""Schedules s(t), update directions u_t and norms: the formulas of one step of descent.

    inverse_time   1 / (1 + decay t)            exponential   exp(-decay t)
    inverse_sqrt   1 / sqrt(1 + decay t)        cosine        (1 + cos(pi t / max(max_steps, 1))) / 2

The forms of the decay: Robbins and Monro (1951) for inverse time, Loshchilov and Hutter (2017) for the cosine.
"""

import math

from fastgd.kernels import codes
from fastgd.kernels.jit import kernel

SAFE_SQUARES = 1e-280, 1e280  # between these a sum of squares has neither lost a term to underflow nor overflowed


@kernel
def schedule_factor(schedule, decay, t, max_steps):
    """Return s(t)."""
    if schedule == codes.INVERSE_TIME:
        return 1.0 / (1.0 + decay * t)
    if schedule == codes.EXPONENTIAL:
        return math.exp(-decay * t)
    if schedule == codes.INVERSE_SQRT:
        return 1.0 / math.sqrt(1.0 + decay * t)
    if schedule == codes.COSINE:
        return 0.5 * (1.0 + math.cos(math.pi * t / max(max_steps, 1)))
    return 1.0


@kernel
def direction(rule, gradient):
    """Return u for one component of the gradient."""
    if rule == codes.SIGN:
        if gradient > 0.0:
            return 1.0
        return -1.0 if gradient < 0.0 else 0.0
    return gradient


@kernel
def distance(sums, point):
    """Return the Euclidean norm of sums[1:] - point, without overflow or underflow on the way."""
    squares = 0.0
    for k in range(point.size):
        difference = sums[1 + k] - point[k]
        squares += difference * difference
    if SAFE_SQUARES[0] < squares < SAFE_SQUARES[1] or math.isnan(squares):
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
