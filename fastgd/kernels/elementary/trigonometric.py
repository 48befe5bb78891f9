"""sin, cos, tan and atan.

    x = n pi/2 + r + rest, |r| <= pi/4      sin r = r + r^3 S(r^2)      cos r = 1 - r^2/2 + r^4 C(r^2)

The last two bits of n say which of them, with which sign. pi/2 is subtracted in three parts (Cody and Waite): the first
difference is exact; the second is taken as a sum of two, since next to a multiple of pi/2 nothing else is left: one
float64 would be off by 640 units in the last place at 29 pi. Enough for |x| < 2^45; see `far` for what is beyond.

    atan a      atan t + turn      t = a to 1/2, (a - 1) / (a + 1) to 2 with a turn of pi/4, -1 / a beyond with pi/2
"""

import math

from fastgd.kernels.elementary.arithmetic import (
    ROUNDING,
    bits_of,
    elementary,
    float_of,
    fma,
    polynomial,
    two_product,
    two_sum,
)
from fastgd.kernels.elementary.far import HALF_PI, HALF_PI_REST, unless_far

TWO_OVER_PI = 2.0 / math.pi
HALF_PI_LAST = float.fromhex("-0x1.f1976b7ed8fbcp-110")
QUARTER_PI = math.pi / 4.0
# Minimax by Remez' exchange with 66 digits. (sin r - r) / r^3 on |r| <= pi/4: sin r is off by 2^-57 of it;
SIN = (
    -0.16666666666666632,
    0.008333333333322413,
    -0.00019841269829807607,
    2.7557313691785998e-06,
    -2.5050758089444965e-08,
    1.5896793982890154e-10,
)
# (cos r - 1 + r^2/2) / r^4 on |r| <= pi/4: cos r is off by 2^-59;
COS = (
    0.0416666666666666,
    -0.0013888888888874125,
    2.4801587289482272e-05,
    -2.755731435235087e-07,
    2.0875723274654536e-09,
    -1.1359647827745044e-11,
)
# (atan t - t) / t^3 on |t| <= 1/2: atan t is off by 2^-57 of it
ATAN = (
    -0.33333333333332993,
    0.1999999999990554,
    -0.14285714276581207,
    0.11111110667462205,
    -0.09090896426901901,
    0.07692076578943917,
    -0.06663836185587542,
    0.05858461970873741,
    -0.05122691151051728,
    0.04188328426752542,
    -0.027462808508146374,
    0.010135446823980446,
)


@elementary
def turned_back(x):
    """Return the bits of n + ROUNDING, r and what r lacks, of x = n pi/2 + r, |x| < FAR."""
    rounded = fma(x, TWO_OVER_PI, ROUNDING)
    n = rounded - ROUNDING
    near = fma(n, -HALF_PI, x)
    second, second_rest = two_product(n, -HALF_PI_REST)
    r, lost = two_sum(near, second)
    return bits_of(rounded), r, fma(n, -HALF_PI_LAST, lost + second_rest)


@elementary
def sin_of_part(r, rest):
    """Return sin(r + rest), |r| <= pi/4."""
    z = r * r
    return math.copysign(r + fma(z * r, polynomial(SIN, z), fma(-0.5 * z, rest, rest)), r)  # -0 of -0


@elementary
def cos_of_part(r, rest):
    """Return cos(r + rest), |r| <= pi/4."""
    z = r * r
    half = 0.5 * z
    large = 1.0 - half
    return large + (((1.0 - large) - half) + fma(z * z, polynomial(COS, z), -(r * rest)))


@elementary
def with_sign(value, bits):
    """Return value, or -value where the second last bit is set."""
    return float_of(bits_of(value) ^ ((bits & 2) << 62))


@elementary
def sin_of_parts(bits, r, rest):
    """Return sin(n pi/2 + r + rest)."""
    s = sin_of_part(r, rest)
    c = cos_of_part(r, rest)
    return with_sign(c if bits & 1 else s, bits)


@elementary
def cos_of_parts(bits, r, rest):
    """Return cos(n pi/2 + r + rest)."""
    s = sin_of_part(r, rest)
    c = cos_of_part(r, rest)
    return with_sign(s if bits & 1 else c, bits + 1)


@elementary
def tan_of_parts(bits, r, rest):
    """Return tan(n pi/2 + r + rest)."""
    s = sin_of_part(r, rest)
    c = cos_of_part(r, rest)
    is_odd = bits & 1
    return (-c if is_odd else s) / (s if is_odd else c)


unless_far_sin = unless_far("sin", sin_of_parts)
unless_far_cos = unless_far("cos", cos_of_parts)
unless_far_tan = unless_far("tan", tan_of_parts)


@elementary
def sin(x):
    """Return sin x; none of what is infinite."""
    return unless_far_sin(x, sin_of_parts(*turned_back(x)))


@elementary
def cos(x):
    """Return cos x; none of what is infinite."""
    return unless_far_cos(x, cos_of_parts(*turned_back(x)))


@elementary
def tan(x):
    """Return tan x; none of what is infinite."""
    return unless_far_tan(x, tan_of_parts(*turned_back(x)))


@elementary
def atan(x):
    """Return atan x."""
    a = abs(x)
    is_low = a <= 0.5
    is_high = a > 2.0
    above = a if is_low else (-1.0 if is_high else a - 1.0)
    below = 1.0 if is_low else (a if is_high else a + 1.0)
    t = above / below
    z = t * t
    turn = 0.0 if is_low else (HALF_PI if is_high else QUARTER_PI)
    turn_rest = 0.0 if is_low else (HALF_PI_REST if is_high else 0.5 * HALF_PI_REST)
    return math.copysign(turn + (t + fma(z * t, polynomial(ATAN, z), turn_rest)), x)
