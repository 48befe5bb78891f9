"""What elementary functions are made of: bits, powers of two, polynomials, and multiply-adds that round once.

Numbers are split without branches and conversions, of which loops over them could have no vectors:

    x + ROUNDING            the nearest whole number in its last bits; less ROUNDING, that number, |x| < 2^51
    two_to_the(bits)        2^n of the bits of n + ROUNDING
    two_sum(a, b)           a + b = sum + rest, exactly

What LLVM may reassociate would not round so: every function here keeps its own order of arithmetic, whoever calls it. A
choice between two values that are there already costs no branch: write `y = ...` first and then `y if c else z`.
"""

from functools import wraps

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import dispatched

ROUNDING = 1.5 * 2.0**52
FRACTION = 52  # bits of a float64 below its exponent
ONE_BITS = 1023 << FRACTION


def elementary(function):
    """Make a plain function of float64s one that kernels can call; it stands inlined wherever it is called."""

    @wraps(function)
    def choose(*types):
        return function

    return dispatched(choose, references=False, inlined=True)


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


@intrinsic
def upper_bits(typingctx, bits, count):
    """Return the bits of an int64 from the `count`-th on, as if it had no sign: AVX2 can't shift one that has."""

    def generate(context, builder, signature, arguments):
        return builder.lshr(*arguments)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def fma(typingctx, a, b, c):
    """Return a b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@intrinsic
def polynomial(typingctx, coefficients, x):
    """Return sum_k c_k x^k of a tuple, neighbours first, then neighbouring pairs (Estrin).

    Horner's rule has two or three multiplications less, each of which waits for the one before: what a processor can
    look ahead is as long as one or two such functions. Written as code of LLVM it is compiled once, and not once for
    each length.
    """

    def generate(context, builder, signature, arguments):
        terms = cgutils.unpack_tuple(builder, arguments[0])
        power = arguments[1]
        while len(terms) > 1:
            alone = terms[-1:] if len(terms) % 2 else []
            pairs = zip(terms[::2], terms[1::2], strict=False)
            terms = [builder.fma(odd, power, even) for even, odd in pairs] + alone
            power = builder.fmul(power, power)
        return terms[0]

    return types.float64(coefficients, types.float64), generate


@intrinsic
def horner(typingctx, coefficients, x):
    """Return the same by Horner's rule: where many do not depend on one another, fewest instructions are fastest."""

    def generate(context, builder, signature, arguments):
        *lower, value = cgutils.unpack_tuple(builder, arguments[0])
        for coefficient in reversed(lower):
            value = builder.fma(value, arguments[1], coefficient)
        return value

    return types.float64(coefficients, types.float64), generate


@elementary
def two_to_the(bits):
    """Return 2^n of the last bits of n, a normal number's exponent."""
    return float_of((bits << FRACTION) + ONE_BITS)


@elementary
def two_sum(a, b):
    """Return a + b as it is rounded, and what the rounding dropped (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@elementary
def ordered_two_sum(a, b):
    """Return the same, where |a| >= |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)


@elementary
def two_product(a, b):
    """Return a b as it is rounded, and what the rounding dropped."""
    product = a * b
    return product, fma(a, b, -product)


@dispatched(fastmath=True)
def clipped(r, delta):
    """Return r clipped to [-delta, delta]."""

    def implementation(r, delta):  # one after the other: each is a single instruction, and what is not a number stays
        above = -delta if r < -delta else r
        return delta if above > delta else above

    return implementation
