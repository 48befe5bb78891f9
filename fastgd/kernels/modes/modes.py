"""The modes of a squared loss, along each of which gradient descent is a geometric series.

With R = U diag(s) V' and b = U'q the loss is scale (||R theta - q||^2 + floor). In the modal residuals
r = U'(R theta - q) = s V'theta - b everything is a sum over modes:

    loss        scale (floor + sum r_j^2)
    gradient    V (2 scale s_j r_j), of the same norm without V
    a step      r_j <- shrink_j r_j,  shrink_j = 1 - x_j,  x_j = rate lambda_j = 2 scale rate s_j^2
    t steps     r_j = shrink_j^t c_j,  theta_t = theta_0 - V d,  d_j = (1 - shrink_j^t) c_j / s_j

c being the residuals at theta_0, which are given: from theta_0 they would have no digits left where R theta_0 and q are
nearly alike. As s -> 0, d -> rate t 2 scale s c. Nothing cancels: 1 - shrink^t comes from expm1 and log1p, and
theta_0 - V d keeps the digits of slow modes, whose own minimum b_j / s_j may be huge. Once every residual has halved,
theta_t is put together from its modes, V ((b + r) / s): that keeps the digits of a theta that shrinks to zero.

Shapes: modes (ROWS, P), a row for each letter, named below; vectors (P, P), v_j one a row; theta (P,); sums_out
(P + 1,): the loss, then the modal gradient. All are unchecked. The rows are one array because a call passes seven words
for each array: as a tuple of a dozen they took four times as long as what was done with them.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.descent.hyperparameters import Configuration
from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.descent.records import Start

# Of the problem.
SINGULAR = 0  # s, zero beyond the rank
TARGET = 1  # b
STEEPNESS = 2  # 2 scale s, the gradient along a mode for each unit of its residual
# Of a configuration.
START = 3  # theta_0
FIRST = 4  # c
DISTANCE = 5  # c / s
TAKEN = 6  # x, the part of its residual that a step takes away
LOGARITHM = 7  # log |shrink|
# Of a step t.
RESIDUAL = 8  # r
DISPLACEMENT = 9  # d
ROWS = 10

NO_CURVATURE = 1e-290  # of x: below it d is t times the first update, to all digits, for all t up to 2^53


class Level(NamedTuple):
    """What turns a sum of squared modal residuals into a loss: scale (floor + sum)."""

    floor: float
    scale: float


class Course(NamedTuple):
    """One configuration's descent, and in its modes and sums where it is."""

    modes: np.ndarray  # (ROWS and more, P)
    level: Level
    sums: np.ndarray  # (P + 1,), the loss and the modal gradient there
    origin: np.ndarray  # (P,) zeros
    own: Configuration
    start: Start


class Place(NamedTuple):
    """What is told of a descent at step t."""

    t: int
    gradient_norm: float
    status: int  # CANCELLED where no test stops


@kernel_part
def set_first(modes, residuals):
    """Set the residuals (P,) at the start."""
    for j in range(modes.shape[1]):
        modes[FIRST, j] = residuals[j]
        modes[DISTANCE, j] = residuals[j] / modes[SINGULAR, j]


@kernel_part
def to_start(modes):
    """Go to step 0."""
    for j in range(modes.shape[1]):
        modes[RESIDUAL, j] = modes[FIRST, j]
        modes[DISPLACEMENT, j] = 0.0


@kernel_part
def set_rate(modes, rate):
    """Set what a step does at this rate; return whether a residual grows.

    A residual of zero stays zero at any rate. Its mode is given x = 1, since zero times an infinite power is no number.
    """
    grows = False
    for j in range(modes.shape[1]):
        s = modes[SINGULAR, j]
        x = (rate * s) * modes[STEEPNESS, j]
        if modes[FIRST, j] == 0.0 and s > 0.0:
            x = 1.0
        modes[TAKEN, j] = x
        modes[LOGARITHM, j] = math.log1p(-x) if x < 1.0 else math.log1p(x - 2.0)
        grows = grows or x > 2.0
    return grows


@kernel_part
def set_sums(modes, level, sums_out):
    """Set the loss and the modal gradient of the residuals."""
    squares = 0.0
    for j in range(modes.shape[1]):
        residual = modes[RESIDUAL, j]
        squares += residual * residual
        sums_out[1 + j] = modes[STEEPNESS, j] * residual
    sums_out[0] = level.scale * (level.floor + squares)


@kernel_part
def jump(modes, rate, t):
    """Go to step t at a constant rate."""
    odd = t % 2 == 1
    for j in range(modes.shape[1]):
        first = modes[FIRST, j]
        x = modes[TAKEN, j]
        exponent = t * modes[LOGARITHM, j] if t > 0 else 0.0
        if exponent > -0.5:
            change = math.expm1(exponent)
            power = 1.0 + change
        else:
            power = math.exp(exponent)
            change = power - 1.0
        if odd and x > 1.0:
            change = -2.0 - change
            power = -power
        residual = power * first
        displacement = -change * modes[DISTANCE, j]
        if x < NO_CURVATURE:
            displacement = t * (rate * (modes[STEEPNESS, j] * first))
        elif math.isinf(power):  # while the residual itself may be a number yet
            root = math.exp(0.5 * exponent)
            residual = math.copysign(first * root * root, residual)
            displacement = -residual / modes[SINGULAR, j]
        modes[RESIDUAL, j] = residual
        modes[DISPLACEMENT, j] = displacement


@kernel_part
def set_theta(modes, vectors, theta_out):
    """Set theta_t from residual and displacement."""
    P = modes.shape[1]
    halved = True
    moves = False
    for j in range(P):
        first = abs(modes[FIRST, j])
        halved = halved and modes[SINGULAR, j] > 0.0 and abs(modes[RESIDUAL, j]) <= 0.5 * first
        moves = moves or first > 0.0
    together = halved and moves
    for k in range(P):
        theta_out[k] = 0.0 if together else modes[START, k]
    for j in range(P):
        if together:
            coordinate = (modes[TARGET, j] + modes[RESIDUAL, j]) / modes[SINGULAR, j]
        else:
            coordinate = -modes[DISPLACEMENT, j]
        for k in range(P):
            theta_out[k] += coordinate * vectors[j, k]
