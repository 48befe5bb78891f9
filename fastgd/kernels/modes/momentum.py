"""Momentum along the modes of a squared loss, t steps at a constant rate at once.

Along a mode the residual is r_t = shrink_t c and the displacement d_t = rate g_0 n_t, g_0 the gradient at the start,
where with x = rate lambda and shrink = 1 - x n

    momentum    w <- beta w + shrink,  n <- n + w
    nesterov    w <- beta w + shrink,  n <- n + shrink + beta w

This is an affine map of (n, w), linear part M and constant part f = (f_1, 1):

    momentum    M = [[1 - x, beta], [-x, beta]]                  f_1 = 1           det M = beta
    nesterov    M = [[1 - x (1 + beta), beta^2], [-x, beta]]     f_1 = 1 + beta    det M = beta (1 - x)

It is powered by squaring: a after b is M_a M_b and f_a + M_a f_b. shrink_t is M^t's first element, n_t the first of f.
Squaring M as it stands would lose digits twice, so its powers are kept in one of two forms:

- `Turning`, where M's eigenvalues are complex or negative: p + u K, with K = M - a, a half the trace of M. As K has no
  trace, K^2 = -det K = -q, and products are those of complex numbers, or at q < 0 of numbers p + u k with k^2 > 0.
  Nothing cancels, while M's elements are far larger than its eigenvalues. p itself is kept as e = p - 1 while that is
  small.
- `Staying`, where it does not turn: E = M - 1, with E_{a+b} = E_a + E_b + E_a E_b, while M is of the size of 1, or slow
  modes would lose what sets M apart from 1; and as itself once it has decayed.

q = det M - a^2 cancels where the eigenvalues nearly meet. Its factors do not:

    momentum    a = (1 + beta - x) / 2
                q = (root - a) (root + a), root^2 = beta
                  = (x - (1 - root)^2) ((1 + root)^2 - x) / 4,  1 - root = (1 - beta) / (1 + root)
    nesterov    a = (1 + beta) (1 - x) / 2
                q = (1 - x) (4 beta - (1 + beta)^2 (1 - x)) / 4
                  = (1 - x) ((1 + beta)^2 x - (1 - beta)^2) / 4

Double roots (q = 0) need no case of their own, nor does x = 0.

What rounds f in the first steps of a mode that then decays slowly grows as long as the mode has not decayed (at beta
0.999, next to the limit, n kept 5 digits), so n is (1 - shrink) / x wherever that does not cancel.

All are unchecked.
"""

import math
from typing import NamedTuple

from fastgd.descent.rules import RULES
from fastgd.descent.stopping import TESTS
from fastgd.kernels.compiling.jit import kernel, kernel_part
from fastgd.kernels.compiling.switch import switch
from fastgd.kernels.descent.step import any_on
from fastgd.kernels.modes.modes import DISPLACEMENT, FIRST, RESIDUAL, STEEPNESS, TAKEN

MOMENTUM = RULES["momentum"].code
NESTEROV = RULES["nesterov"].code
SAFE_GROWTH = 1e40
DECAYED = 0.5  # of M's size, below which it is kept as itself
NEAR_ONE = 0.5  # of |p - 1|, up to which it is kept
STARTED = 0.75  # of shrink, below which 1 - shrink has its digits


class Matrix(NamedTuple):
    """[[nn, nw], [wn, ww]], which maps (n, w)."""

    nn: float
    nw: float
    wn: float
    ww: float


class Vector(NamedTuple):
    """(n, w)."""

    n: float
    w: float


class Turn(NamedTuple):
    """What the powers of an M that turns share."""

    a: float  # half the trace
    e: float  # a - 1
    q: float  # -K^2
    K: Matrix


class Turning(NamedTuple):
    """A power M = p + u K, its e = p - 1, and f."""

    p: float
    e: float
    u: float
    M: Matrix
    f: Vector


class Staying(NamedTuple):
    """A power M, its E = M - 1, and f."""

    E: Matrix
    M: Matrix
    f: Vector


class Progress(NamedTuple):
    """What t steps make of a mode."""

    shrink: float
    n: float


NO_CHANGE = Matrix(0.0, 0.0, 0.0, 0.0)
IDENTITY = Matrix(1.0, 0.0, 0.0, 1.0)
ZERO = Vector(0.0, 0.0)


@kernel_part
def product(A, B):
    """Return A B."""
    return Matrix(
        A.nn * B.nn + A.nw * B.wn,
        A.nn * B.nw + A.nw * B.ww,
        A.wn * B.nn + A.ww * B.wn,
        A.wn * B.nw + A.ww * B.ww,
    )


@kernel_part
def applied(M, f_a, f_b):
    """Return f_a + M f_b."""
    return Vector(f_a.n + (M.nn * f_b.n + M.nw * f_b.w), f_a.w + (M.wn * f_b.n + M.ww * f_b.w))


@kernel_part
def turn_of(rule, x, beta):
    """Return the turn of M."""
    if rule == MOMENTUM:
        a = 0.5 * ((1.0 - x) + beta)
        q = beta - a * a
        if q < 0.5 * beta:
            root = math.sqrt(beta)
            slow = (1.0 - beta) / (1.0 + root)
            q = 0.25 * (x - slow * slow) * ((1.0 + root) * (1.0 + root) - x)
        half = 0.5 * (1.0 - beta - x)
        return Turn(a, -0.5 * (1.0 - beta + x), q, Matrix(half, beta, -x, -half))
    a = 0.5 * (1.0 + beta) * (1.0 - x)
    both = (1.0 + beta) * (1.0 + beta)
    above = both * x - (1.0 - beta) * (1.0 - beta) if x < 0.5 else 4.0 * beta - both * (1.0 - x)
    forward = x * (1.0 + beta)
    half = 0.5 * (1.0 - beta - forward)
    return Turn(a, -0.5 * (1.0 - beta + forward), 0.25 * (1.0 - x) * above, Matrix(half, beta * beta, -x, -half))


@kernel_part
def turned_on(a, b, turn):
    """Return the power a after b."""
    turned = turn.q * (a.u * b.u)
    e = a.e + b.e + a.e * b.e - turned
    u = a.p * b.u + a.u * b.p
    p = 1.0 + e
    if abs(e) > NEAR_ONE:
        p = a.p * b.p - turned
        e = p - 1.0
    K = turn.K
    M = Matrix(p + u * K.nn, u * K.nw, u * K.wn, p - u * K.nn)
    return Turning(p, e, u, M, applied(a.M, a.f, b.f))


@kernel_part
def stayed_on(a, b):
    """Return the power a after b."""
    both = product(a.E, b.E)
    E = Matrix(
        a.E.nn + b.E.nn + both.nn, a.E.nw + b.E.nw + both.nw, a.E.wn + b.E.wn + both.wn, a.E.ww + b.E.ww + both.ww
    )
    M = Matrix(1.0 + E.nn, E.nw, E.wn, 1.0 + E.ww)
    if max(abs(M.nn), abs(M.ww), math.sqrt(abs(M.nw * M.wn))) < DECAYED:
        M = product(a.M, b.M)
        E = Matrix(M.nn - 1.0, M.nw, M.wn, M.ww - 1.0)
    return Staying(E, M, applied(a.M, a.f, b.f))


@kernel
def power(rule, x, beta, t):
    """Return shrink_t and n_t; NaN of a rule that is neither."""
    if rule != MOMENTUM and rule != NESTEROV:
        return Progress(math.nan, math.nan)
    turn = turn_of(rule, x, beta)
    f = Vector(1.0 if rule == MOMENTUM else 1.0 + beta, 1.0)
    if turn.q > 0.0 or turn.a < 0.0:
        return power_that_turns(turn, f, x, t)
    E = Matrix(-x * f.n, turn.K.nw, -x, beta - 1.0)
    return power_that_stays(Staying(E, Matrix(1.0 + E.nn, E.nw, E.wn, 1.0 + E.ww), f), t)


@kernel_part
def power_that_turns(turn, f, x, t):
    """Return shrink_t and n_t where M turns."""
    K = turn.K
    square = Turning(turn.a, turn.e, 1.0, Matrix(turn.a + K.nn, K.nw, K.wn, turn.a - K.nn), f)
    result = Turning(1.0, 0.0, 0.0, IDENTITY, ZERO)
    while t > 0:
        if t % 2 == 1:
            result = turned_on(square, result, turn)
        square = turned_on(square, square, turn)
        t //= 2
    shrink = result.M.nn
    return Progress(shrink, (1.0 - shrink) / x if shrink < STARTED else result.f.n)


@kernel_part
def power_that_stays(square, t):
    """Return shrink_t and n_t where M, the power that is given, does not turn."""
    result = Staying(NO_CHANGE, IDENTITY, ZERO)
    while t > 0:
        if t % 2 == 1:
            result = stayed_on(square, result)
        square = stayed_on(square, square)
        t //= 2
    return Progress(result.M.nn, result.f.n)


@kernel_part
def jump_with_momentum(rule, modes, own, t):
    """Go to step t at a constant rate at which no mode grows."""
    for j in range(modes.shape[1]):
        after = power(rule, modes[TAKEN, j], own.momentum, t)
        first = modes[FIRST, j]
        modes[RESIDUAL, j] = after.shrink * first
        modes[DISPLACEMENT, j] = after.n * (own.learning_rate * (modes[STEEPNESS, j] * first))


stable_below = switch(  # times 2: the x below which a mode is stable, by the rule and momentum
    {rule.code: rule.limit for rule in RULES.values() if rule.limit is not None}, lambda beta: math.nan
)
is_tested = any_on([test for test in TESTS if test.keyword not in ("max_steps", "divergence_threshold")])


@kernel_part
def is_untested(rule, modes, own, initial_loss):
    """Tell whether a descent with momentum takes all its steps: no test is on, and no mode grows.

    Where all modes are stable nothing is ever larger than some (1 - beta)^-2 times what it was at the start, far less
    than SAFE_GROWTH.
    """
    limit = 2.0 * stable_below(rule, own.momentum)
    stable = initial_loss < own.divergence_threshold / SAFE_GROWTH
    for j in range(modes.shape[1]):
        stable = stable and modes[TAKEN, j] < limit
    return stable and not is_tested(own)
