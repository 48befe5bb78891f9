"""sinh, cosh, tanh and log cosh.

    sinh a        (E + E / (E + 1)) / 2,  E = e^a - 1       e^a / 2 far out
    cosh a        e^a / 2 + 1 / (2 e^a)
    tanh a        E / (E + 2),  E = e^(2a) - 1
    log cosh a    atanh(E^2 / (E^2 + 8 (E + 1)))            up to TURN, where it is small and must not cancel
                  a - log 2 + 2 atanh(1 / (2 E + 3))        above
    atanh s       s + s^3/3 + s^5/5 + ..., s <= 1/7, which both are at E = 2

log cosh a = log(1 + sinh^2 a) / 2 = a - log 2 + log(1 + e^(-2a)), sinh^2 a = E^2 / (4 (E + 1)), and
log((1 + s) / (1 - s)) = 2 atanh s. A loss has tanh for its slope, with the same E.

Sums over many a need no logarithm of each, and tanh no exponential:

    sum log cosh a     sum a - log prod (1 + tanh a)         as 1 + tanh a = 2 / (1 + e^(-2a))
    a = n (log 2) / 2 + g, |g| <= (log 2) / 4, tanh g = P / Q
    tanh a             (h (Q + P) + P) / (h (Q + P) + Q),  h = (2^n - 1) / 2,  as e^(2g) = (Q + P) / (Q - P)

Where n = 0, log cosh a is small beside a, and a polynomial's.
"""

import math

from fastgd.kernels.elementary.arithmetic import (
    FRACTION,
    ROUNDING,
    bits_of,
    elementary,
    float_of,
    fma,
    horner,
    polynomial,
    two_to_the,
)
from fastgd.kernels.elementary.exponential import EXPM1, LOG2_E, LOG_2, expm1, half_exp

TURN = math.log(3.0) / 2.0
ALONE = 22.0  # of a larger one e^-a is nothing beside e^a
# (atanh s - s) / s^3 on s <= 1/7, minimax by Remez' exchange with 66 digits; atanh s is off by 2^-55.9 of it
ATANH = (
    0.3333333333332903,
    0.20000000004083474,
    0.14285712995903715,
    0.11111298195828455,
    0.09077223645266208,
    0.08181656085952307,
)
EXPONENT = ROUNDING + 1022.0  # n more than that ends in the exponent's bits of 2^(n - 1)
# tanh g = (g + g^3 ABOVE(g^2)) / BELOW(g^2) on |g| <= (log 2) / 4, minimax by Remez' exchange with 60 digits, is off
# by 2^-57.1 of it
ABOVE = (0.11109938175250542, 0.001057419663920468)
BELOW = (1.0, 0.44443271508583304, 0.01586832469439511)
# (log cosh g) / g^2 there, likewise; off by 2^-52.1 of it
NEAR = (
    0.5,
    -0.08333333333318375,
    0.02222222215153172,
    -0.006746020889580768,
    0.0021862202584754823,
    -0.0007163330093064344,
)


@elementary
def sinh(x):
    """Return sinh x."""
    a = abs(x)
    E = expm1(a)
    near = 0.5 * (E + E / (E + 1.0))
    far = half_exp(a)
    return math.copysign(near if a < ALONE else far, x)


@elementary
def cosh(x):
    """Return cosh x."""
    half = half_exp(abs(x))
    return half + 0.25 / half


@elementary
def expm1_of_twice(a):
    """Return e^(2a) - 1, 0 <= a, or that of ALONE: in what tanh and log cosh take of it, the same.

    n log 2 is subtracted at once, and so exactly: what LOG_2 lacks counts where n is large, and e^(2a) does not. Where
    n = 1, 2^n f cancels most of 2^n - 1: they are added first, rounded once.
    """
    twice = a + a
    twice = 2.0 * ALONE if twice > 2.0 * ALONE else twice
    rounded = fma(twice, LOG2_E, ROUNDING)
    f = fma(rounded - ROUNDING, -LOG_2, twice)
    power = two_to_the(bits_of(rounded))
    return fma(power, (f * f) * polynomial(EXPM1, f), fma(power, f, power - 1.0))


@elementary
def tanh(x):
    """Return tanh x."""
    E = expm1_of_twice(abs(x))
    return math.copysign(E / (E + 2.0), x)


@elementary
def log_cosh(x):
    """Return log cosh x."""
    a = abs(x)
    E = expm1_of_twice(a)
    is_small = a < TURN
    square = E * E
    above = square if is_small else 1.0
    below = square + fma(8.0, E, 8.0) if is_small else fma(2.0, E, 3.0)
    s = above / below
    z = s * s
    atanh = fma(s * z, polynomial(ATANH, z), s)
    return atanh if is_small else (a - LOG_2) + (atanh + atanh)


@elementary
def log_cosh_terms(x):
    """Return tanh x, s and f: a sum of log cosh x is the sum of s less the logarithm of the product of f, 1 <= f <= 2.

    tanh x is off by 3.3 units in the last place at most. What each x adds to the sum is off by about a rounding of 1,
    and log cosh x is less than that: 0.015 where n = 1 starts. Sums of 129 such were off by up to 10 units.
    """
    a = abs(x)
    within = ALONE if a > ALONE else a
    rounded = fma(within, 2.0 * LOG2_E, EXPONENT)
    n = rounded - EXPONENT
    g = fma(n, -0.5 * LOG_2, within)
    z = g * g
    P = fma(g * z, fma(ABOVE[1], z, ABOVE[0]), g)
    Q = horner(BELOW, z)
    both = Q + P
    h = float_of(bits_of(rounded) << FRACTION) - 0.5
    t = fma(h, both, P) / fma(h, both, Q)
    near = z * horner(NEAR, z)
    is_near = n == 0.0
    return math.copysign(t, x), near if is_near else a, 1.0 + (0.0 if is_near else t)
