"""Schedules s(t), update directions u_t and norms: the formulas of one step of descent.

    gradient   u = g
    sign       u = sign g, 0 at 0
    momentum   v <- beta v + g, u = v
    nesterov   v <- beta v + g, u = g + beta v
    adam       m <- beta m + (1 - beta) g, v <- beta2 v + (1 - beta2) g^2,
               u = (m / (1 - beta^(t+1))) / (sqrt(v / (1 - beta2^(t+1))) + epsilon), beta2 0.999, epsilon 1e-8

v and m start at 0. Polyak (1964) for momentum (the heavy ball); Nesterov (1983) in the form of Sutskever, Martens, Dahl
and Hinton (2013) that PyTorch uses; Kingma and Ba (2015) for Adam.

    inverse_time   1 / (1 + decay t)            exponential   exp(-decay t)
    inverse_sqrt   1 / sqrt(1 + decay t)        cosine        (1 + cos(pi t / max(max_steps, 1))) / 2

The forms of the decay: Robbins and Monro (1951) for inverse time, Loshchilov and Hutter (2017) for the cosine.

A code that is not known, or a rule without room for what it keeps, gives NaN and not another rule's step: the descent
ends as DIVERGED.
"""

import math

from fastgd.descent import codes
from fastgd.kernels.compiling.jit import kernel

ADAM_BETA2, ADAM_EPSILON = 0.999, 1e-8
SAFE_SQUARES = 1e-280, 1e280  # between these a sum of squares has neither lost a term to underflow nor overflowed


@kernel
def schedule_factor(schedule, decay, t, max_steps):
    """Return s(t)."""
    if schedule == codes.CONSTANT:
        return 1.0
    if schedule == codes.INVERSE_TIME:
        return 1.0 / (1.0 + decay * t)
    if schedule == codes.EXPONENTIAL:
        return math.exp(-decay * t)
    if schedule == codes.INVERSE_SQRT:
        return 1.0 / math.sqrt(1.0 + decay * t)
    if schedule == codes.COSINE:
        return 0.5 * (1.0 + math.cos(math.pi * t / max(max_steps, 1)))
    return math.nan


@kernel
def corrections(rule, momentum, t):
    """Return 1 - beta^(t+1) and 1 - beta2^(t+1) for adam."""
    if rule != codes.ADAM:
        return 1.0, 1.0
    return -math.expm1((t + 1) * math.log(momentum)), -math.expm1((t + 1) * math.log(ADAM_BETA2))


@kernel
def direction(rule, momentum, corrected, gradient, memory, k):
    """Return u for component k of the gradient; memory (M, P) holds what the rule keeps, and is brought up to date."""
    if rule == codes.GRADIENT:
        return gradient
    if rule == codes.SIGN:
        if gradient > 0.0:
            return 1.0
        return -1.0 if gradient < 0.0 else 0.0
    if rule == codes.ADAM and len(memory) >= 2:
        first = momentum * memory[0, k] + (1.0 - momentum) * gradient
        second = ADAM_BETA2 * memory[1, k] + (1.0 - ADAM_BETA2) * (gradient * gradient)
        memory[0, k], memory[1, k] = first, second
        return (first / corrected[0]) / (math.sqrt(second / corrected[1]) + ADAM_EPSILON)
    if (rule == codes.MOMENTUM or rule == codes.NESTEROV) and len(memory) >= 1:
        velocity = momentum * memory[0, k] + gradient
        memory[0, k] = velocity
        return velocity if rule == codes.MOMENTUM else gradient + momentum * velocity
    return math.nan


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
