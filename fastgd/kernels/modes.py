"""The modes of a squared loss, along each of which gradient descent is a geometric series.

With R = U diag(s) V' and b = U'q the loss is scale (||R theta - q||^2 + floor). In the modal residuals
r = U'(R theta - q) = s V'theta - b everything is a sum over modes:

    loss        scale (floor + sum r_j^2)               gradient    V (2 scale s_j r_j), the same norm without V
    one step    r_j <- (1 - x_j) r_j                    x_j = rate lambda_j = 2 scale rate s_j^2
    t steps     r_j = (1 - x_j)^t c_j, theta_t = theta_0 - V d,  d_j = (1 - (1 - x_j)^t) c_j / s_j -> rate t 2 scale s_j c_j

c being the residuals at theta_0. Nothing cancels: 1 - (1 - x)^t comes from expm1 and log1p, and theta_t as theta_0 - V d
keeps the digits of slow modes, whose own minimum b_j / s_j may be huge. Once every residual has halved, theta_t is put
together from its modes, V ((b + r) / s), which keeps the digits of a theta that shrinks towards zero.

Shapes: all (P,), vectors (P, P); sums_out (P + 1,): the loss, then the modal gradient. All are unchecked.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.kernels.jit import kernel

NO_CURVATURE = 1e-290  # of x: below it (1 - (1 - x)^t) / x is t, to all digits, for all t up to 2^53


class Modes(NamedTuple):
    """A squared loss by its modes."""

    singular_values: np.ndarray  # (P,) s, zero beyond the rank
    vectors: np.ndarray  # (P, P) v_j, one a row
    targets: np.ndarray  # (P,) b
    slopes: np.ndarray  # (P,) 2 scale s
    floor: float
    scale: float


class Course(NamedTuple):
    """One configuration's way through the modes: where it began, its rate, and where it is."""

    start: np.ndarray  # (P,) theta_0
    first_residual: np.ndarray  # (P,) c
    shrinkage: np.ndarray  # (P,) x
    logarithm: np.ndarray  # (P,) log |1 - x|
    residual: np.ndarray  # (P,) r
    change: np.ndarray  # (P,) (1 - x)^t - 1
    displacement: np.ndarray  # (P,) d


def new_course(P):
    """Return a Course with room for P modes."""
    return Course(*np.zeros((len(Course._fields), P)))


@kernel
def set_first_residuals(modes, course):
    """Set the residuals at the start."""
    P = course.start.size
    for j in range(P):
        coordinate = 0.0
        for k in range(P):
            coordinate += modes.vectors[j, k] * course.start[k]
        course.first_residual[j] = modes.singular_values[j] * coordinate - modes.targets[j]


@kernel
def to_start(course):
    """Go back to step 0."""
    for j in range(course.residual.size):
        course.residual[j] = course.first_residual[j]
        course.displacement[j] = 0.0


@kernel
def set_rate(modes, rate, course):
    """Set shrinkage and logarithm; return whether a residual grows.

    A residual of zero stays zero at any rate. Its mode is given x = 1, since zero times an infinite power is no number.
    """
    grows = False
    for j in range(course.shrinkage.size):
        s = modes.singular_values[j]
        x = (rate * s) * modes.slopes[j]
        if course.first_residual[j] == 0.0 and s > 0.0:
            x = 1.0
        course.shrinkage[j] = x
        course.logarithm[j] = math.log1p(-x) if x < 1.0 else math.log1p(x - 2.0)
        grows = grows or x > 2.0
    return grows


@kernel
def jump(course, t):
    """Set residual and change to those after t steps at a constant rate."""
    odd = t % 2 == 1
    for j in range(course.residual.size):
        exponent = t * course.logarithm[j] if t > 0 else 0.0
        if exponent > -0.5:
            change = math.expm1(exponent)
            power = 1.0 + change
        else:
            power = math.exp(exponent)
            change = power - 1.0
        if odd and course.shrinkage[j] > 1.0:
            change = -2.0 - change
            power = -power
        course.change[j] = change
        residual = power * course.first_residual[j]
        if math.isinf(power):  # while the residual itself may be a number yet
            root = math.exp(0.5 * exponent)
            residual = math.copysign(course.first_residual[j] * root * root, residual)
        course.residual[j] = residual


@kernel
def set_displacement(modes, rate, t, course):
    """Set the displacement to that after t steps at a constant rate, where `jump` has been."""
    for j in range(course.displacement.size):
        if course.shrinkage[j] < NO_CURVATURE:
            course.displacement[j] = t * (rate * (modes.slopes[j] * course.first_residual[j]))
        elif math.isinf(course.change[j]):
            course.displacement[j] = -course.residual[j] / modes.singular_values[j]
        else:
            course.displacement[j] = -course.change[j] * (course.first_residual[j] / modes.singular_values[j])


@kernel
def has_halved(modes, course):
    """Tell whether no mode is without curvature and every residual is at most half of its first, some being more than 0."""
    some = False
    for j in range(course.residual.size):
        first = abs(course.first_residual[j])
        if modes.singular_values[j] == 0.0 or not abs(course.residual[j]) <= 0.5 * first:
            return False
        some = some or first > 0.0
    return some


@kernel
def set_theta(modes, course, theta_out):
    """Set theta_t from residual and displacement."""
    P = theta_out.size
    if has_halved(modes, course):
        theta_out[:] = 0.0
        for j in range(P):
            coordinate = (modes.targets[j] + course.residual[j]) / modes.singular_values[j]
            for k in range(P):
                theta_out[k] += coordinate * modes.vectors[j, k]
        return
    for k in range(P):
        theta_out[k] = course.start[k]
    for j in range(P):
        for k in range(P):
            theta_out[k] -= course.displacement[j] * modes.vectors[j, k]


@kernel
def set_sums(modes, residual, sums_out):
    """Set the loss and the modal gradient."""
    squares = 0.0
    for j in range(residual.size):
        squares += residual[j] * residual[j]
        sums_out[1 + j] = modes.slopes[j] * residual[j]
    sums_out[0] = modes.scale * (modes.floor + squares)
