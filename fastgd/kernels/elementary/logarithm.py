"""log and log1p.

    u = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt 2      log u = k log 2 + log(1 + f)
    s = f / (2 + f)                                   log(1 + f) = 2 atanh s = f - f^2/2 + s (f^2/2 + s^2 R(s^2))

The first term is exact and the second has half its rounding, or less (K. C. Ng in the FreeBSD library). k log 2 is
added in two parts, of which the first has enough zero bits at its end. Of log(1 + x) what is lost in u = 1 + x is added
as its share of u.
"""

import math

from fastgd.kernels.elementary.arithmetic import (
    FRACTION,
    ONE_BITS,
    bits_of,
    elementary,
    float_of,
    polynomial,
    two_sum,
    upper_bits,
)

ROOT_BITS = 0x3FE6A09E667F3BCD  # of sqrt(1/2)
FRACTION_MASK = (1 << FRACTION) - 1
WHOLE_BITS = 0x433 << FRACTION  # of 2^52: a whole number below that, in its last bits, makes the sum
LEAST_NORMAL = 2.0**-1022
LOG_2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LOG_2_LOW = float.fromhex("0x1.ef35793c76730p-45")
# (2 atanh s - 2 s) / s^3 on s^2 <= (3 - 2 sqrt 2)^2, minimax by Remez' exchange with 66 digits; 2 atanh s is off by
# 2^-58.9 of it
ATANH = (
    0.6666666666666734,
    0.39999999999414343,
    0.28571428742471283,
    0.22222198563743284,
    0.18183564858533457,
    0.15314035917812444,
    0.14796105779095006,
)


@elementary
def split(u):
    """Return k, and 1 + f, of u = 2^k (1 + f), u > 0 and normal."""
    shifted = bits_of(u) + (ONE_BITS - ROOT_BITS)
    k = float_of(upper_bits(shifted, FRACTION) | WHOLE_BITS) - (2.0**52 + 1023.0)
    return k, float_of((shifted & FRACTION_MASK) + ROOT_BITS)


@elementary
def normal(x):
    """Return x, or, of a denormal one, x 2^54; and what that adds to k."""
    is_denormal = x < LEAST_NORMAL
    larger = x * 2.0**54
    return larger if is_denormal else x, -54.0 if is_denormal else 0.0


@elementary
def log_of_parts(k, one_and_f, rest):
    """Return log(2^k (1 + f)) + rest, a small rest."""
    f = one_and_f - 1.0
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    small = s * (half_square + z * polynomial(ATANH, z))
    return k * LOG_2_HIGH - ((half_square - (small + (k * LOG_2_LOW + rest))) - f)


@elementary
def with_limits(value, x):
    """Return the logarithm of x where x is neither 0 nor infinite nor negative, and its limit elsewhere."""
    limited = -math.inf if x == 0.0 else value
    limited = x if x == math.inf else limited
    return limited if x >= 0.0 else math.nan


@elementary
def log(x):
    """Return log x; of 0 minus infinity, of what is negative none."""
    u, more = normal(x)
    k, one_and_f = split(u)
    return with_limits(log_of_parts(k + more, one_and_f, 0.0), x)


@elementary
def log1p(x):
    """Return log(1 + x); of -1 minus infinity, of what is less none."""
    u, lost = two_sum(1.0, x)
    k, one_and_f = split(u)
    return math.copysign(with_limits(log_of_parts(k, one_and_f, lost / u), u), x)
