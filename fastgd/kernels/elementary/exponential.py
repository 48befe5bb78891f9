"""exp and expm1, and what other functions take from them.

    x = n log 2 + f, |f| <= (log 2) / 2      e^x = 2^n (1 + p),  e^x - 1 = 2^n p + (2^n - 1),  p = expm1 f

n log 2 is subtracted in two parts: the first difference is exact, so f is off by its own rounding. 2^n is applied in
two factors, since it may overflow where e^x does not; and so a denormal result is rounded once.
"""

import math

from fastgd.kernels.elementary.arithmetic import ROUNDING, bits_of, elementary, fma, polynomial, two_to_the

LOG2_E = 1.0 / math.log(2.0)
LOG_2 = math.log(2.0)
LOG_2_REST = float.fromhex("0x1.abc9e3b39803fp-56")
LEAST = -746.0  # of a lesser one exp is 0,
LARGEST = 710.0  # of a larger one infinite
ALL_BUT_ONE = -40.0  # of a lesser one exp is nothing beside 1
# (e^f - 1 - f) / f^2 on |f| <= (log 2) / 2, minimax by Remez' exchange with 66 digits; e^f - 1 is off by 2^-55.5 of it
EXPM1 = (
    0.5000000000000006,
    0.16666666666666685,
    0.04166666666657367,
    0.008333333333314548,
    0.001388888893236762,
    0.00019841269903113438,
    2.4801504456618203e-05,
    2.7557227889080394e-06,
    2.762632299370134e-07,
    2.511449131088458e-08,
)


@elementary
def expm1_of_part(f):
    """Return e^f - 1, |f| <= (log 2) / 2."""
    return fma(f * f, polynomial(EXPM1, f), f)


@elementary
def reduced(x, rest):
    """Return n + ROUNDING and expm1 f of x + rest, a small rest."""
    rounded = fma(x, LOG2_E, ROUNDING)
    n = rounded - ROUNDING
    f = fma(n, -LOG_2, x) + fma(n, -LOG_2_REST, rest)
    return rounded, expm1_of_part(f)


@elementary
def halves(rounded):
    """Return the bits of two whole numbers, of about the same size, whose sum is n."""
    first = bits_of(fma(rounded - ROUNDING, 0.5, ROUNDING))
    return first, bits_of(rounded) - first


@elementary
def scaled(y, rounded):
    """Return 2^n y."""
    first, second = halves(rounded)
    return (y * two_to_the(first)) * two_to_the(second)


@elementary
def bounded(x, least, largest):
    """Return x, or the bound that it passes; what is not a number stays so."""
    above = least if x < least else x
    return largest if above > largest else above


@elementary
def exp(x):
    """Return e^x."""
    rounded, p = reduced(bounded(x, LEAST, LARGEST), 0.0)
    return scaled(1.0 + p, rounded)


@elementary
def expm1(x):
    """Return e^x - 1."""
    rounded, p = reduced(bounded(x, ALL_BUT_ONE, LARGEST), 0.0)
    first, second = halves(rounded)
    power = two_to_the(first)
    result = two_to_the(second) * fma(power, p, power - two_to_the(-second))
    return math.copysign(result, x)


@elementary
def half_exp(x):
    """Return e^x / 2."""
    rounded, p = reduced(bounded(x, LEAST, LARGEST + 1.0), 0.0)
    return scaled(1.0 + p, rounded - 1.0)
