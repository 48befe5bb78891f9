"""Elementary functions against mpmath over all of float64, at the edges, and in loops whatever their length."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import math

import mpmath
import numba
import numpy as np
import pytest

from fastgd.kernels.elementary import functions
from fastgd.kernels.elementary.formulas import with_elementary
from fastgd.kernels.elementary.hyperbolic import log_cosh

WORST = {  # units in the last place that a result may be off by: the most of 30,000 random arguments, and a twentieth
    "exp": 1.05,
    "expm1": 2.25,
    "log": 0.82,
    "log1p": 0.82,
    "sin": 0.79,
    "cos": 0.79,
    "tan": 1.85,
    "tanh": 2.4,
    "sinh": 2.45,
    "cosh": 1.4,
    "atan": 1.0,
    "log_cosh": 4.85,
}
TURNING = ("sin", "cos", "tan")
GROWING = ("exp", "expm1", "sinh", "cosh")
SMALLEST = 5e-324
LARGEST = np.finfo(float).max


def compiled(function):
    return numba.njit(error_model="numpy")(function)


def loop_over(function):
    """Return what applies it to each element, compiled; not kept on disk, where all would have one name."""

    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return compiled(loop)


LOOPS = {name: loop_over(log_cosh if name == "log_cosh" else getattr(functions, name)) for name in WORST}
EXACT = {name: getattr(mpmath, name, None) for name in WORST} | {"log_cosh": lambda x: mpmath.log(mpmath.cosh(x))}


def pow_loop(x, y, out):
    """Power each element."""
    for i in range(x.size):
        out[i] = functions.pow(x[i], y[i])


pow_of = compiled(pow_loop)


def applied(name, x):
    out = np.empty(len(x))
    LOOPS[name](np.asarray(x, float), out)
    return out


def units_off(found, exact):
    """Return by how many units in the last place a result is off; what overflows is as good as the largest number."""
    if mpmath.isnan(exact) or math.isnan(found):
        return 0.0 if mpmath.isnan(exact) and math.isnan(found) else math.inf
    if math.isinf(found) and abs(exact) > LARGEST:
        return 0.0 if (found > 0) == (exact > 0) else math.inf
    unit = math.ulp(min(abs(float(exact)), LARGEST))
    return float(abs(mpmath.mpf(found) - exact) / unit)


def assert_close(name, x):
    for x_i, found in zip(x.tolist(), applied(name, x).tolist(), strict=True):
        exponent = math.frexp(x_i)[1]  # below 0 there is 1 + x, or x + x^3; above, whole turns are taken off
        with mpmath.workprec(220 + 2 * abs(exponent) * (exponent < 0 or name in TURNING)):
            off = units_off(found, EXACT[name](mpmath.mpf(x_i)))
        assert off <= WORST[name], (name, x_i, found, off)


def of_any_size(random, count):
    """Return numbers of every exponent, denormal ones too, and of both signs."""
    return np.ldexp(random.uniform(1, 2, count), random.integers(-1074, 1024, count)) * random.choice([-1, 1], count)


def arguments(name, random, count):
    sign = random.choice([-1.0, 1.0], count)
    parts = [of_any_size(random, count), sign * 10.0 ** random.uniform(-20, 2, count), random.uniform(-3, 3, count)]
    if name in GROWING:  # where they overflow and where they are denormal
        parts += [
            random.uniform(-746, 711, count),
            random.uniform(-746, -707, count),
            sign * random.uniform(709, 711, count),
        ]
    if name in TURNING:
        parts += [random.uniform(-100, 100, count), sign * 10.0 ** random.uniform(0, 15, count)]
    if name in ("log", "log1p"):  # next to where they are 0, and where log1p is minus infinity
        parts += [1 + sign * 10.0 ** random.uniform(-16, -0.5, count), random.uniform(0.5, 2, count)]
    x = np.concatenate(parts)
    if name == "log":
        return np.abs(x)
    if name == "log1p":
        return np.where(x < 0, np.maximum(x, -1.0) + 1, x) - np.where(x < 0, 1.0, 0.0)
    return np.clip(x, -800, 800) if name in GROWING else x


@pytest.mark.parametrize("name", WORST)
def test_over_all_of_float64(name):
    assert_close(name, arguments(name, np.random.default_rng(0), 150))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORST)
def test_many_more(name):
    assert_close(name, arguments(name, np.random.default_rng(1), 3000))


def next_to_multiples():
    """Yield numbers of each exponent that lie next to multiples of pi/2.

    They are the denominators, of 53 bits at most, of the convergents of 2^e / (pi/2).
    """
    with mpmath.workprec(1500):
        for exponent in range(-52, 971):
            ratio = mpmath.ldexp(2 / mpmath.pi, exponent)
            before = 0
            denominator = 1
            while denominator < 2**53:
                yield math.ldexp(denominator, exponent)
                ratio = 1 / (ratio - mpmath.floor(ratio))
                before, denominator = denominator, int(mpmath.floor(ratio)) * denominator + before


@pytest.mark.parametrize("name", TURNING)
def test_next_to_multiples_of_half_pi(name):
    x = np.array(sorted(set(next_to_multiples())))
    assert len(x) > 10_000
    worst = 6381956970095103 * 2.0**797  # the one of all that is nearest to one (Muller, Elementary Functions, 11.3)
    assert_close(name, np.concatenate([x[::40], -x[20::400], np.nextafter(x[::400], 0), [worst, -worst]]))
    with mpmath.workprec(2400):
        assert abs(mpmath.cos(mpmath.mpf(worst))) < mpmath.mpf(2) ** -60


@pytest.mark.parametrize("name", TURNING)
def test_where_the_fast_reduction_ends(name):
    end = 2.0**45
    x = end + np.arange(-50, 50) / 128
    assert_close(name, np.concatenate([x, -x, [LARGEST, -LARGEST]]))


# ---- special values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        *(("exp", x, y) for x, y in [(0.0, 1.0), (-0.0, 1.0), (math.inf, math.inf), (-math.inf, 0.0), (-746.0, 0.0)]),
        *(("exp", x, y) for x, y in [(709.782712893384, 1.7976931348622732e308), (709.7827128933841, math.inf)]),
        *(("exp", x, y) for x, y in [(-745.1332191019411, SMALLEST), (-745.1332191019412, 0.0)]),
        *(("expm1", x, x) for x in (0.0, -0.0, SMALLEST, -SMALLEST, 1e-310, math.inf)),
        *(
            ("expm1", x, y)
            for x, y in [(-math.inf, -1.0), (-40.0, -1.0), (-1e300, -1.0), (709.7827128933841, math.inf)]
        ),
        *(("log", x, y) for x, y in [(0.0, -math.inf), (-0.0, -math.inf), (1.0, 0.0), (math.inf, math.inf)]),
        *(("log", x, math.nan) for x in (-SMALLEST, -1.0, -math.inf)),
        *(("log1p", x, x) for x in (0.0, -0.0, SMALLEST, -SMALLEST, -1e-310, math.inf)),
        *(("log1p", x, y) for x, y in [(-1.0, -math.inf), (-1.0000000000000002, math.nan), (-math.inf, math.nan)]),
        *((name, x, x) for name in ("sin", "tan") for x in (0.0, -0.0, SMALLEST, -SMALLEST, 1e-310)),
        *((name, x, math.nan) for name in TURNING for x in (math.inf, -math.inf)),
        *(("cos", x, 1.0) for x in (0.0, -0.0, SMALLEST, 1e-10)),
        *((name, x, x) for name in ("tanh", "sinh", "atan") for x in (0.0, -0.0, SMALLEST, -SMALLEST, -1e-310)),
        *(("tanh", x, y) for x, y in [(math.inf, 1.0), (-math.inf, -1.0), (1e300, 1.0), (-22.5, -1.0)]),
        *(("sinh", x, y) for x, y in [(math.inf, math.inf), (-math.inf, -math.inf), (-710.4758600739440, -math.inf)]),
        *(("cosh", x, y) for x, y in [(0.0, 1.0), (math.inf, math.inf), (-math.inf, math.inf), (710.476, math.inf)]),
        *(("atan", x, y) for x, y in [(math.inf, math.pi / 2), (-math.inf, -math.pi / 2), (1.0, math.pi / 4)]),
        *(("log_cosh", x, y) for x, y in [(0.0, 0.0), (-0.0, 0.0), (-math.inf, math.inf), (SMALLEST, 0.0)]),
        *((name, math.nan, math.nan) for name in WORST),
    ],
)
def test_special_values(name, x, expected):
    for count in (1, 64):  # by itself and in vectors
        for found in applied(name, [x] * count):
            np.testing.assert_equal(found, expected)
            assert math.isnan(expected) or math.copysign(1.0, found) == math.copysign(1.0, expected)


SPECIAL = [
    0.0,
    0.5,
    1.0,
    1.5,
    2.0,
    3.0,
    2.0**52 + 1,
    2.0**53 - 1,
    2.0**53,
    2.0**60,
    SMALLEST,
    1e-310,
    LARGEST,
    math.inf,
]
SPECIAL += [-x for x in SPECIAL] + [1 - 2.0**-53, 1 + 2.0**-52, math.nan]


def test_powers_of_special_values_are_those_of_c():
    library = ctypes.CDLL(ctypes.util.find_library("m") or ctypes.util.find_library("msvcrt"))
    library.pow.restype = ctypes.c_double
    library.pow.argtypes = [ctypes.c_double] * 2
    x, y = map(np.array, zip(*itertools.product(SPECIAL, SPECIAL), strict=True))
    out = np.empty_like(x)
    pow_of(x, y, out)
    for x_i, y_i, found in zip(x.tolist(), y.tolist(), out.tolist(), strict=True):
        expected = library.pow(x_i, y_i)
        if math.isnan(expected) or math.isinf(expected) or expected in (0.0, 1.0):
            np.testing.assert_equal(found, expected, err_msg=f"{x_i}, {y_i}")
        assert abs(found - expected) <= math.ulp(expected) or found == expected or math.isnan(expected), (x_i, y_i)
        assert math.isnan(expected) or math.copysign(1.0, found) == math.copysign(1.0, expected), (x_i, y_i)


@pytest.mark.parametrize("count", [200, pytest.param(4000, marks=pytest.mark.slow)])
def test_powers(count):
    random = np.random.default_rng(count)
    size = np.abs(of_any_size(random, count))
    near = 1 + random.choice([-1, 1], count) * 10.0 ** random.uniform(-15.5, -0.3, count)
    up_to_overflow = [random.uniform(-745, 710, count) / np.log(x) for x in (size, near)]
    sign = random.choice([-1.0, 1.0], count)
    x = np.concatenate([size, near, random.uniform(0.5, 2, count), -random.uniform(0.1, 20, count), size])
    y = np.concatenate([*up_to_overflow, random.uniform(-50, 50, count), random.integers(-99, 99, count), 0.5 * sign])
    out = np.empty_like(x)
    pow_of(x, y, out)
    with mpmath.workprec(260):
        for x_i, y_i, found in zip(x.tolist(), y.tolist(), out.tolist(), strict=True):
            exact = mpmath.exp(y_i * mpmath.log(abs(mpmath.mpf(x_i)))) * (-1 if x_i < 0 and y_i % 2 else 1)
            assert units_off(found, exact) <= 1.02, (x_i, y_i, found)


# ---- in loops -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORST)
def test_same_bits_in_any_lane(name):
    """Vectors, what is left over after them, and elements by themselves."""
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(size=60), of_any_size(random, 60), [0.0, -0.0, math.inf, math.nan]])
    alone = np.array([applied(name, x[i : i + 1])[0] for i in range(x.size)])
    for _ in range(40):
        order = random.permutation(x.size)[: random.integers(1, x.size)]
        assert applied(name, x[order]).tobytes() == alone[order].tobytes()


def test_same_bits_of_powers_in_any_lane():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 100)) * 10
    y[::2] = np.round(y[::2])
    alone = np.empty(100)
    for i in range(100):
        pow_of(x[i : i + 1], y[i : i + 1], alone[i : i + 1])
    for _ in range(40):
        order = random.permutation(100)[: random.integers(1, 100)]
        out = np.empty(order.size)
        pow_of(x[order], y[order], out)
        assert out.tobytes() == alone[order].tobytes()


@pytest.mark.parametrize("name", [*WORST, "pow"])
def test_loops_have_vectors(name):
    loop = pow_of if name == "pow" else LOOPS[name]
    loop(*[np.ones(64)] * (3 if name == "pow" else 2))
    code = next(iter(loop.inspect_llvm().values()))
    body = code.partition("vector.body:")[2].partition("middle.block")[0]
    assert "x double>" in body


# ---- formulas -------------------------------------------------------------------------------------------------------


def formula(x, factor=2.0):
    """Return what a formula might."""
    return factor * math.exp(-x) + math.cos(math.pi * x) * math.sqrt(x) + math.floor(math.fabs(math.log(x)))


def test_a_formula_with_these_in_place_of_math():
    changed = with_elementary(formula)
    assert (changed.__name__, changed.__doc__) == (formula.__name__, formula.__doc__)
    assert changed.__globals__["math"] is functions
    assert formula.__globals__["math"] is math
    function = compiled(changed)
    for x in (0.1, 1.7, 12.5):
        assert function(x) == pytest.approx(formula(x), rel=1e-15)
    assert "@exp" not in next(iter(function.inspect_llvm().values()))


def test_names_are_those_of_math():
    for name, value in vars(functions).items():
        if not name.startswith("_"):
            assert hasattr(math, name), name
            assert callable(value) == callable(getattr(math, name))
