"""x^y = e^(y log x), log x with 65 bits: an exponent of 700 has ten before its point.

    log x = k log 2 + 2 s + (2/3) s^3 + s^5 Q(s^2),  s = f / (2 + f), as in `logarithm`

All but the last term are sums of two float64s; that is less than 2^-12 of the first. What C says of infinities, zeros
and negative x comes out of |x|^y, whose logarithm may be infinite, and of whether y is whole and odd.
"""

import math

from fastgd.kernels.elementary.arithmetic import elementary, fma, ordered_two_sum, polynomial, two_product
from fastgd.kernels.elementary.exponential import LARGEST, LEAST, bounded, reduced, scaled
from fastgd.kernels.elementary.logarithm import LOG_2_HIGH, LOG_2_LOW, normal, split, with_limits

THIRDS = 2.0 / 3.0
THIRDS_REST = float.fromhex("0x1.5555555555555p-55")
# (2 atanh s - 2 s - 2/3 s^3) / s^5 on s^2 <= (3 - 2 sqrt 2)^2, minimax by Remez' exchange with 66 digits; 2 atanh s is
# off by 2^-66 of it
ATANH = (
    0.40000000000002256,
    0.28571428570099294,
    0.22222222519971668,
    0.18181784363051035,
    0.15386757510070365,
    0.1325681376083762,
    0.13196364306213992,
)


@elementary
def long_log(k, one_and_f):
    """Return log(2^k (1 + f)) as a sum of two float64s."""
    f = one_and_f - 1.0
    g, g_rest = ordered_two_sum(2.0, f)
    s = f / g
    s_rest = fma(-s, g_rest, fma(-s, g, f)) / g
    z, z_rest = two_product(s, s)
    z_rest = fma(2.0 * s, s_rest, z_rest)
    cube, cube_rest = two_product(s, z)
    cube_rest = fma(s, z_rest, fma(s_rest, z, cube_rest))
    third, third_rest = two_product(THIRDS, cube)
    third_rest = fma(THIRDS, cube_rest, fma(THIRDS_REST, cube, third_rest))
    far, far_rest = ordered_two_sum(k * LOG_2_HIGH, 2.0 * s)
    total, total_rest = ordered_two_sum(far, third)
    last = fma(cube * z, polynomial(ATANH, z), third_rest)
    return ordered_two_sum(total, total_rest + (far_rest + fma(k, LOG_2_LOW, fma(2.0, s_rest, last))))


@elementary
def is_whole(y):
    """Tell whether y is a whole number or infinite."""
    a = abs(y)
    return (a >= 2.0**52) | ((a + 2.0**52) - 2.0**52 == a)


@elementary
def pow(x, y):
    """Return x^y as C's pow does: 1 where y = 0 or x = 1, none where x is negative and y not whole."""
    a = abs(x)
    u, more = normal(a)
    k, one_and_f = split(u)
    high, low = long_log(k + more, one_and_f)
    high = with_limits(high, a)
    exponent = y * high
    rest = fma(y, high, -exponent) + y * low
    inside = bounded(exponent, LEAST, LARGEST)
    rounded, p = reduced(inside, rest if inside == exponent else 0.0)
    size = scaled(1.0 + p, rounded)
    size = 1.0 if (a == 1.0) & (abs(y) == math.inf) else size
    odd = is_whole(y) & (not is_whole(0.5 * y))
    signed = math.copysign(size, x) if odd else size
    signed = math.nan if (x < 0.0) & (a < math.inf) & (not is_whole(y)) else signed
    return 1.0 if (y == 0.0) | (x == 1.0) else signed
