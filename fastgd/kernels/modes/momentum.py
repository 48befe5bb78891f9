"""Momentum along the modes of a squared loss, t steps at a constant rate at once.

Along a mode the residual is r_t = rho_t c and the displacement d_t = rate g_0 n_t, g_0 the gradient at the start, where
with x = rate lambda and rho = 1 - x n

    momentum    w <- beta w + rho,  n <- n + w
    nesterov    w <- beta w + rho,  n <- n + rho + beta w

This is an affine map of (n, w), linear part M and constant part f = (f_1, 1):

    momentum    M = [[1 - x, beta], [-x, beta]]                  f_1 = 1
    nesterov    M = [[1 - x (1 + beta), beta^2], [-x, beta]]     f_1 = 1 + beta

It is powered by squaring: a after b is M_a M_b and f_a + M_a f_b. rho_t is M^t's first element, n_t the first of f.
Squaring M as it stands would lose digits twice, so its powers are kept in one of two forms:

- where M turns (complex or negative eigenvalues) as p + u K, K = M - a with a half the trace, K^2 = -q: products are
  those of complex numbers, or at q < 0 of numbers p + u k with k^2 > 0, and nothing cancels, while M's elements are far
  larger than its eigenvalues; p itself as e = p - 1 while that is small;
- else as E = M - 1, with E_{a+b} = E_a + E_b + E_a E_b, while M is of the size of 1, or slow modes would lose what sets
  M apart from 1; and as itself once it has decayed.

Double roots (q = 0) need no case of their own, nor does x = 0.

What rounds f in the first steps of a mode that then decays slowly grows as long as the mode has not decayed (at beta
0.999, next to the limit, n kept 5 digits), so n is (1 - rho) / x wherever that does not cancel.

All are unchecked.
"""

import math

from fastgd.descent import codes
from fastgd.kernels.compiling.jit import kernel
from fastgd.kernels.modes.modes import DISPLACEMENT, FIRST, RESIDUAL, SHRINKAGE, SLOPE

SAFE_GROWTH = 1e40
DECAYED = 0.5  # of M's size, below which it is kept as itself
NEAR_ONE = 0.5  # of |p - 1|, up to which it is kept
STARTED = 0.75  # of rho, below which 1 - rho has its digits


@kernel
def product(a, b):
    """Return a b of two matrices of 2 rows, each 4 numbers."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


@kernel
def turning(rule, x, momentum):
    """Return half the trace, the same less 1, q, and K's upper row and lower left element; K's trace is 0."""
    if rule == codes.MOMENTUM:
        a = 0.5 * ((1.0 - x) + momentum)
        q = momentum - a * a
        if q < 0.5 * momentum:
            root = math.sqrt(momentum)
            slow = (1.0 - momentum) / (1.0 + root)
            q = 0.25 * (x - slow * slow) * ((1.0 + root) * (1.0 + root) - x)
        return a, -0.5 * (1.0 - momentum + x), q, (0.5 * (1.0 - momentum - x), momentum, -x)
    a = 0.5 * (1.0 + momentum) * (1.0 - x)
    both = (1.0 + momentum) * (1.0 + momentum)
    above = both * x - (1.0 - momentum) * (1.0 - momentum) if x < 0.5 else 4.0 * momentum - both * (1.0 - x)
    q = 0.25 * (1.0 - x) * above
    forward = x * (1.0 + momentum)
    e = -0.5 * (1.0 - momentum + forward)
    return a, e, q, (0.5 * (1.0 - momentum - forward), momentum * momentum, -x)


@kernel
def after_turning(a, b, q, K):
    """Return the map a after b of maps (p, e, u, M, f)."""
    p_a, e_a, u_a, M_a, f_a = a
    p_b, e_b, u_b, _, f_b = b
    turned = q * (u_a * u_b)
    e, u = e_a + e_b + e_a * e_b - turned, p_a * u_b + u_a * p_b
    p = 1.0 + e
    if abs(e) > NEAR_ONE:
        p = p_a * p_b - turned
        e = p - 1.0
    M = (p + u * K[0], u * K[1], u * K[2], p - u * K[0])
    return p, e, u, M, applied(M_a, f_a, f_b)


@kernel
def after(a, b):
    """Return the map a after b of maps (E, M, f)."""
    E_a, M_a, f_a = a
    E_b, M_b, f_b = b
    both = product(E_a, E_b)
    E = (E_a[0] + E_b[0] + both[0], E_a[1] + E_b[1] + both[1], E_a[2] + E_b[2] + both[2], E_a[3] + E_b[3] + both[3])
    M = (1.0 + E[0], E[1], E[2], 1.0 + E[3])
    if max(abs(M[0]), abs(M[3]), math.sqrt(abs(M[1] * M[2]))) < DECAYED:
        M = product(M_a, M_b)
        E = (M[0] - 1.0, M[1], M[2], M[3] - 1.0)
    return E, M, applied(M_a, f_a, f_b)


@kernel
def applied(M, f_a, f_b):
    """Return f_a + M f_b."""
    return (f_a[0] + (M[0] * f_b[0] + M[1] * f_b[1]), f_a[1] + (M[2] * f_b[0] + M[3] * f_b[1]))


@kernel
def power(rule, x, momentum, t):
    """Return rho_t and n_t; NaN of a rule that is neither."""
    if rule != codes.MOMENTUM and rule != codes.NESTEROV:
        return math.nan, math.nan
    a, e, q, K = turning(rule, x, momentum)
    f = (1.0 if rule == codes.MOMENTUM else 1.0 + momentum, 1.0)
    identity, zero = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0)
    if q > 0.0 or a < 0.0:
        square = (a, e, 1.0, (a + K[0], K[1], K[2], a - K[0]), f)
        result = (1.0, 0.0, 0.0, identity, zero)
        while t > 0:
            if t % 2 == 1:
                result = after_turning(square, result, q, K)
            square = after_turning(square, square, q, K)
            t //= 2
        rho, n = result[3][0], result[4][0]
        return rho, (1.0 - rho) / x if rho < STARTED else n
    E = (-x * f[0], K[1], -x, momentum - 1.0)
    slow_square = (E, (1.0 + E[0], E[1], E[2], 1.0 + E[3]), f)
    slow_result = ((0.0, 0.0, 0.0, 0.0), identity, zero)
    while t > 0:
        if t % 2 == 1:
            slow_result = after(slow_square, slow_result)
        slow_square = after(slow_square, slow_square)
        t //= 2
    return slow_result[1][0], slow_result[2][0]


@kernel
def jump_with_momentum(modes, configuration, t):
    """Go to step t at a constant rate at which no mode grows."""
    for j in range(modes.shape[1]):
        remaining, count = power(configuration.rule, modes[SHRINKAGE, j], configuration.momentum, t)
        first = modes[FIRST, j]
        modes[RESIDUAL, j] = remaining * first
        modes[DISPLACEMENT, j] = count * (configuration.learning_rate * (modes[SLOPE, j] * first))


@kernel
def is_untested(modes, configuration, initial_loss):
    """Tell whether a descent with momentum takes all its steps: no test is on, and no mode grows.

    A mode is stable at x < 2 (1 + beta), for nesterov at x < 2 (1 + beta) / (1 + 2 beta). Nothing is then ever larger
    than some (1 - beta)^-2 times what it was at the start, far less than SAFE_GROWTH.
    """
    tested = (
        configuration.tolerance > 0.0
        or configuration.gradient_tolerance > 0.0
        or configuration.loss_threshold > -math.inf
    )
    limit = 2.0 * (1.0 + configuration.momentum)
    if configuration.rule == codes.NESTEROV:
        limit /= 1.0 + 2.0 * configuration.momentum
    stable = initial_loss < configuration.divergence_threshold / SAFE_GROWTH
    for j in range(modes.shape[1]):
        stable = stable and modes[SHRINKAGE, j] < limit
    return stable and not tested
