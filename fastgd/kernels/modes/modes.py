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

Shapes: modes (ROWS, P), a row for each letter, named below; or (ROWS, P W), mode j of W configurations from j W on;
vectors (P, P), v_j one a row; theta (P,) or (P W,); sums_out (P + 1,) or ((P + 1) W,): the loss, then the modal
gradient. All are unchecked. The rows are one array because a call passes seven words for each array: as a tuple of a
dozen they took four times as long as what was done with them. What is done to each mode alone is arithmetic without
branches and calls, so that LLVM does it to a vector register of modes at once; a mode's bits are the same in any
company.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.descent.hyperparameters import Configuration
from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.compiling.lanes import over_lanes
from fastgd.kernels.descent.records import Start
from fastgd.kernels.elementary.exponential import exp, expm1
from fastgd.kernels.elementary.logarithm import log1p

# Of the problem.
SINGULAR = 0  # s, zero beyond the rank
TARGET = 1  # b
STEEPNESS = 2  # 2 scale s, the gradient along a mode for each unit of its residual
# Of a configuration.
START = 3  # theta_0
FIRST = 4  # c
DISTANCE = 5  # c / s
RATE = 6
TAKEN = 7  # x, the part of its residual that a step takes away
LOGARITHM = 8  # log |shrink|
# Of a step t.
STEP = 9  # t, a float like all others
RESIDUAL = 10  # r
DISPLACEMENT = 11  # d
COORDINATE = 12  # along v_j
TOGETHER = 13  # one number a configuration: how many modes move, infinite if one has not halved
ROWS = 14

WHOLE = 2.0**52  # a number below it, when it is added, is rounded to a whole one
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


# ---- each mode alone -------------------------------------------------------------------------------------------------


@over_lanes
def set_taken(j, modes):
    """Set what a step does at a mode's rate.

    A residual of zero stays zero at any rate. Its mode is given x = 1, since zero times an infinite power is no number.
    """
    first = modes[FIRST, j]
    s = modes[SINGULAR, j]
    x = (modes[RATE, j] * s) * modes[STEEPNESS, j]
    modes[DISTANCE, j] = first / s
    modes[TAKEN, j] = 1.0 if first == 0.0 and s > 0.0 else x


@over_lanes
def set_logarithm(j, modes):
    """Set log |shrink|."""
    x = modes[TAKEN, j]
    modes[LOGARITHM, j] = log1p(-x if x < 1.0 else x - 2.0)


@over_lanes
def go_to_step(j, modes):
    """Go to the mode's step t at a constant rate."""
    t = modes[STEP, j]
    first = modes[FIRST, j]
    x = modes[TAKEN, j]
    logarithm = t * modes[LOGARITHM, j]
    exponent = logarithm if t > 0.0 else 0.0
    power = exp(exponent)
    change = expm1(exponent)
    is_near = exponent > -0.5
    power = 1.0 + change if is_near else power
    change = change if is_near else power - 1.0
    half = 0.5 * t
    turns = (half + WHOLE) - WHOLE != half and x > 1.0
    change = -2.0 - change if turns else change
    power = -power if turns else power
    straight = t * (modes[RATE, j] * (modes[STEEPNESS, j] * first))
    modes[RESIDUAL, j] = power * first
    modes[DISPLACEMENT, j] = straight if x < NO_CURVATURE else -change * modes[DISTANCE, j]


@over_lanes
def go_beyond(j, modes):
    """Go there also where the power is no number any more, while the residual itself may be one yet."""
    first = modes[FIRST, j]
    residual = modes[RESIDUAL, j]
    x = modes[TAKEN, j]
    root = exp(0.5 * (modes[STEP, j] * modes[LOGARITHM, j]))
    beyond = math.copysign(first * root * root, residual)
    is_beyond = abs(residual) == math.inf and x > 2.0
    modes[RESIDUAL, j] = beyond if is_beyond else residual
    modes[DISPLACEMENT, j] = -beyond / modes[SINGULAR, j] if is_beyond else modes[DISPLACEMENT, j]


# ---- of one configuration --------------------------------------------------------------------------------------------

ONE = np.int64(1)  # Numba compiles a function anew for every literal int that it is called with


@kernel_part
def set_first(modes, residuals):
    """Set the residuals (P,) at the start."""
    for j in range(modes.shape[1]):
        modes[FIRST, j] = residuals[j]


@kernel_part
def to_start(modes):
    """Go to step 0, from where a jump sets all anew."""
    modes[STEP, 0] = math.nan
    for j in range(modes.shape[1]):
        modes[RESIDUAL, j] = modes[FIRST, j]
        modes[DISPLACEMENT, j] = 0.0


@kernel_part
def set_rate(modes, rate):
    """Set what a step does at this rate."""
    for j in range(modes.shape[1]):
        modes[RATE, j] = rate
    modes[STEP, 0] = math.nan
    set_taken(modes.shape[1], modes)


@kernel_part
def grows(modes):
    """Tell whether a residual grows."""
    found = False
    for j in range(modes.shape[1]):
        found = found or modes[TAKEN, j] > 2.0
    return found


@kernel_part
def jump(modes, t):
    """Go to step t at a constant rate, if the modes are not there yet."""
    if modes[STEP, 0] != t:
        for j in range(modes.shape[1]):
            modes[STEP, j] = t
        go(modes, modes.shape[1])


# ---- of one or several -----------------------------------------------------------------------------------------------


@kernel_part
def go(modes, count):
    """Go to the step of each of the first `count` modes."""
    go_to_step(count, modes)
    infinite = 0
    for j in range(count):
        infinite += abs(modes[RESIDUAL, j]) == math.inf
    if infinite > 0:
        go_beyond(count, modes)


@kernel_part
def set_sums(modes, P, width, level, sums_out):
    """Set the loss and the modal gradient of the residuals."""
    for c in range(width):
        sums_out[c] = 0.0
    for j in range(P):
        for c in range(width):
            residual = modes[RESIDUAL, j * width + c]
            sums_out[c] += residual * residual
            sums_out[(1 + j) * width + c] = modes[STEEPNESS, j * width + c] * residual
    for c in range(width):
        sums_out[c] = level.scale * (level.floor + sums_out[c])


@kernel_part
def set_theta(modes, width, vectors, theta_out):
    """Set theta_t from residual and displacement."""
    P = vectors.shape[0]
    for c in range(width):
        modes[TOGETHER, c] = 0.0
    for j in range(P):
        for c in range(width):
            first = abs(modes[FIRST, j * width + c])
            residual = abs(modes[RESIDUAL, j * width + c])
            is_halved = (modes[SINGULAR, j * width + c] > 0.0) & (residual <= 0.5 * first)
            moves = 1.0 if first > 0.0 else 0.0
            modes[TOGETHER, c] += moves if is_halved else math.inf
    for j in range(P):
        for c in range(width):
            displacement = modes[DISPLACEMENT, j * width + c]
            start = modes[START, j * width + c]
            together = (modes[TARGET, j * width + c] + modes[RESIDUAL, j * width + c]) / modes[SINGULAR, j * width + c]
            is_together = (modes[TOGETHER, c] > 0.0) & (modes[TOGETHER, c] < math.inf)
            modes[COORDINATE, j * width + c] = together if is_together else -displacement
            theta_out[j * width + c] = 0.0 if is_together else start
    for j in range(P):
        for k in range(P):
            for c in range(width):
                theta_out[k * width + c] += modes[COORDINATE, j * width + c] * vectors[j, k]
