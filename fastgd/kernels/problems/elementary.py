"""Elementary functions as arithmetic alone, so that loops over samples vectorise: a call of the C library would not.

    expm1(-a), a >= 0   with n = round(a / log 2) and f = n log 2 - a, |f| <= (log 2) / 2:
                        2^-n expm1(f) + (2^-n - 1), expm1(f) by its Taylor series
    tanh a              -p / (2 + p),  p = expm1(-2 a) = q (2 + q),  q = expm1(-a)
    log cosh a          2 atanh(tanh^2(a/2))               up to TURN, where it is small and must not cancel
                        a - log 2 + 2 atanh(e / (2 + e)),  e = exp(-2 a), above
    atanh s             s + s^3/3 + s^5/5 + ..., for |s| <= 0.118

tanh(a/2) = -q / (2 + q); cosh a - 1 = 2 sinh^2(a/2), with atanh s = log((1 + s) / (1 - s)) / 2, gives both. Arguments
are float64, unchecked; what is not a number stays so. Results are off by 5 units in the last place at most, denormal
ones included.
"""

import math

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import dispatched

TURN = 0.7  # where both forms of log cosh need as many terms
LARGEST = 700.0  # 2^-n of larger arguments would be denormal, and counts for nothing
LOG2_E = 1.0 / math.log(2.0)
LOG_2 = math.log(2.0)
LOG_2_HIGH = float.fromhex(
    "0x1.62e42fefa0000p-1"
)  # log 2 with 17 zero bits at its end, so that its product with n is exact
LOG_2_LOW = float.fromhex("0x1.cf79abc9e3b3ap-40")
ROUNDING = 1.5 * 2.0**52  # added to a number, it leaves the nearest whole one in the last bits
EXPONENT_BITS = 52  # the exponent's place in a float64
ONE_BITS = 1023 << EXPONENT_BITS
EXPM1_SERIES = tuple(1.0 / math.factorial(k) for k in range(2, 14))
ATANH_SERIES = tuple(1.0 / (2 * k + 1) for k in range(1, 8))


@intrinsic
def bits_of(typingctx, value):
    """Return the bits of a float64 as an int64."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def float_of(typingctx, bits):
    """Return the float64 of these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@dispatched(fastmath=True)
def polynomial_value(coefficients, x):
    """Return sum_k coefficients_k x^k of a tuple, by Horner's rule from the highest coefficient."""
    if len(coefficients) == 1:
        return lambda coefficients, x: coefficients[0]
    return lambda coefficients, x: coefficients[0] + x * polynomial_value(coefficients[1:], x)


@dispatched(fastmath=True)
def clipped(r, delta):
    """Return r clipped to [-delta, delta]."""

    def implementation(r, delta):  # one after the other: each is a single instruction, and what is not a number stays
        above = -delta if r < -delta else r
        return delta if above > delta else above

    return implementation


@dispatched
def expm1_of_minus(a):
    """Return expm1(-a), a >= 0."""

    def implementation(a):
        a = LARGEST if a > LARGEST else a
        rounded = a * LOG2_E + ROUNDING
        n = rounded - ROUNDING
        f = (n * LOG_2_HIGH - a) + n * LOG_2_LOW
        small = f + (f * f) * polynomial_value(EXPM1_SERIES, f)
        power = float_of(ONE_BITS - (bits_of(rounded) << EXPONENT_BITS))
        return power * small + (power - 1.0)

    return implementation


@dispatched
def twice_atanh(s):
    """Return 2 atanh s, |s| <= 0.118."""
    return lambda s: 2.0 * s + (2.0 * s) * ((s * s) * polynomial_value(ATANH_SERIES, s * s))


@dispatched
def tanh(r):
    """Return tanh r."""

    def implementation(r):
        q = expm1_of_minus(abs(r))  # the same as in log_cosh, so that a loop with both takes it once
        twice = q * (2.0 + q)
        return math.copysign(twice / (2.0 + twice), r)

    return implementation


@dispatched
def log_cosh(r):
    """Return log cosh r."""

    def implementation(r):
        a = abs(r)
        q = expm1_of_minus(a)
        is_small = a < TURN
        e = (1.0 + q) * (1.0 + q)
        above = q * q if is_small else e
        s = above / ((2.0 + q) * (2.0 + q) if is_small else 2.0 + e)
        return twice_atanh(s) + (0.0 if is_small else a - LOG_2)

    return implementation
