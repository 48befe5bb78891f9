"""Standardised coordinates: parameters there and back against fractions, the same loss, what they are said to bring."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
from dataclasses import replace
from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest

import fastgd
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems import linear_model
from tests.tools.command import output, refusal, swept, words
from tests.tools.fits import LOSSES, Model

YEARS = np.arange(1990.0, 2021.0)
UNEVEN = np.array([1990.1, 1993.7, 2001.2, 2011.9, 2020.3])
SIZES = [2104, 1600, 2400, 1416, 3000, 1985]
ROOMS = [3, 3, 3, 2, 4, 4]
PRICES = [399900, 329900, 369000, 232000, 539900, 299900]
HOUSES = np.column_stack([SIZES, ROOMS])
HOUSE_ROWS = mpmath.matrix([[size, rooms, 1] for size, rooms in zip(SIZES, ROOMS, strict=True)])


def houses(**how):
    return fastgd.LinearFit(HOUSES, PRICES, **how)


# ---- parameters, against exact arithmetic ----------------------------------------------------------------------------


def composed(theta, center, scale):
    """Return the coefficients of p(center + scale t), multiplied out power by power, each rounded once."""
    total, power = [Fraction(0)] * len(theta), [Fraction(1)]
    for coefficient in theta:
        for k, part in enumerate(power):
            total[k] += Fraction(coefficient) * part
        times_center, times_scale = [center * part for part in power] + [0], [0] + [scale * part for part in power]
        power = [a + b for a, b in zip(times_center, times_scale, strict=True)]
    return [float(value) for value in total]


@pytest.mark.parametrize("x", [YEARS, UNEVEN, 1e9 + UNEVEN, 1e-12 * UNEVEN, np.array([5.0, 5.0])], ids=str)
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5, 8])
def test_polynomials_there_and_back_are_the_nearest_numbers(x, degree):
    scaled = fastgd.PolynomialFit(x, np.zeros(len(x)), degree).standardized()
    low, high = Fraction(x.min()), Fraction(x.max())
    center, scale = (low + high) / 2, (high - low) / 2 or Fraction(1)
    random = np.random.default_rng(degree)
    for _ in range(5):
        there = random.normal(size=degree + 1) * 10.0 ** random.integers(-3, 4, degree + 1)
        back = scaled.original(there)
        assert back.tolist() == composed(there.tolist(), -center / scale, 1 / scale)
        assert scaled.standard(back).tolist() == composed(back.tolist(), center, scale)


def test_powers_that_cancel_keep_their_digits():
    # 1 - u^8 in calendar years: coefficients to 1e17, and in between all of a float64's digits cancel
    scaled = fastgd.PolynomialFit(YEARS, np.zeros(31), 8).standardized()
    there = [1.0, 0, 0, 0, 0, 0, 0, 0, -1.0]
    back = scaled.original(there)
    assert abs(back).max() > 1e16
    u0 = Fraction(-2005, 15)
    expected = [float((k == 0) - math.comb(8, k) * u0 ** (8 - k) / 15**k) for k in range(9)]
    assert back.tolist() == expected


def full_factorial(centers, deviations):
    """Return rows of center +- deviation in every combination: means and deviations are those, exactly."""
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * len(centers), indexing="ij"), -1).reshape(-1, len(centers))
    return np.asarray(centers) + signs * deviations


CENTERS, DEVIATIONS = [1e9, -3.0, 1e9 + 0.5], [3.0, 0.375, 7.0]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weights", [None, np.full(8, 0.25)], ids=["alone", "weighted"])
def test_lines_there_and_back_are_the_nearest_numbers(intercept, weights):
    X = full_factorial(CENTERS, DEVIATIONS)
    scaled = fastgd.LinearFit(X, np.zeros(8), intercept=intercept, sample_weight=weights).standardized()
    random = np.random.default_rng(0)
    means, deviations = [Fraction(c) for c in CENTERS], [Fraction(s) for s in DEVIATIONS]
    for _ in range(20):
        there = random.normal(size=3 + intercept)
        v = [Fraction(value) for value in there[:3]]
        w = [a / s for a, s in zip(v, deviations, strict=True)]
        b = [Fraction(there[3]) - sum(a * m for a, m in zip(w, means, strict=True))] if intercept else []
        back = scaled.original(there)
        assert back.tolist() == [float(value) for value in [*w, *b]]
        w, b = [Fraction(value) for value in back[:3]], [Fraction(value) for value in back[3:]]
        v = [a * s for a, s in zip(w, deviations, strict=True)]
        c = [b[0] + sum(a * m for a, m in zip(w, means, strict=True))] if intercept else []
        assert scaled.standard(back).tolist() == [float(value) for value in [*v, *c]]


HARD = {
    "years": fastgd.PolynomialFit(YEARS, YEARS, 5),
    "tenths of years": fastgd.PolynomialFit(UNEVEN, UNEVEN, 3),
    "wide": fastgd.PolynomialFit([-1e200, 1e250], [0.0, 1.0], 2),
    "tiny": fastgd.PolynomialFit([1e-310, 3e-310], [0.0, 1.0], 3),
    "offset": fastgd.LinearFit(1e9 + np.random.default_rng(0).normal(size=(20, 3)), np.zeros(20)),
    "scaled only": fastgd.LinearFit(np.random.default_rng(1).normal(size=(20, 12)), np.zeros(20), intercept=False),
    "extremes": fastgd.LinearFit([[1e300, 1e-300], [3e300, 5e-300], [2e300, 1e-300]], [1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("name", HARD)
def test_a_theta_in_a_large_batch_gets_the_bits_that_it_gets_alone(name):
    """One is mapped by whole numbers, many in doubled precision: both give the nearest number."""
    scaled = HARD[name].standardized()
    random = np.random.default_rng(2)
    many = random.normal(size=(500, scaled.dimension)) * 10.0 ** random.integers(-9, 10, (500, scaled.dimension))
    many[:50, 0], many[50:100, -1], many[100], many[101] = 0.0, 0.0, 0.0, 1e308
    many[102], many[103], many[104, 0], many[105, 0] = 5e-324, 1e-290, math.nan, math.inf
    for there in (scaled.original, scaled.standard):
        mapped = there(many)
        assert np.isnan(mapped[104:106]).all()
        for theta, found in zip(many, mapped, strict=True):
            np.testing.assert_array_equal(there(theta), found)
    back = scaled.standard(scaled.original(many))
    for k in range(0, 500, 7):
        np.testing.assert_array_equal(back[k], scaled.standard(scaled.original(many[k])))


def test_what_is_beyond_float64_is_infinite():
    scaled = fastgd.PolynomialFit([0.0, 2e-200], [1.0, 2.0], 2).standardized()
    assert scaled.original([0.0, 0.0, -1.0]).tolist() == [-1.0, 2e200, -math.inf]
    assert scaled.standard([0.0, 0.0, 1.0]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("way", ["original", "standard"])
def test_theta_of_another_shape_or_kind_is_refused(way):
    there = getattr(houses().standardized(), way)
    for shape in [(2,), (4,), (2, 2), (1, 2, 3), ()]:
        sentence = f"theta must have shape (3,) or (C, 3), got shape {shape}"
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            there(np.zeros(shape))
    for value, sentence in [("1,2,3", "theta must be numbers"), ([1j, 0, 0], "theta must be real numbers")]:
        with pytest.raises(TypeError, match=f"^{sentence}"):
            there(value)
    assert there(np.zeros((0, 3))).shape == (0, 3)
    assert there([[1, 2, 3]]).shape == (1, 3)
    assert getattr(fastgd.examples.square().standardized(), way)(2).tolist() == [2.0]


# ---- features --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("center", [0.0, 1.0, -1e9, 1e200])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("weighted", [False, True])
def test_features_get_mean_0_and_deviation_1(center, spread, weighted):
    random = np.random.default_rng(3)
    spread = max(spread, 1e-9 * abs(center))
    X = center + spread * random.normal(size=(400, 2))
    weights = random.integers(0, 4, 400) + 0.0 if weighted else np.ones(400)
    how = {"sample_weight": weights} if weighted else {}
    for intercept in (True, False):
        scaled = fastgd.LinearFit(X, X[:, 0], intercept=intercept, **how).standardized()
        for z in scaled.X.T:
            with mpmath.workdps(40):
                mean = mpmath.fdot(weights.tolist(), z.tolist()) / weights.sum()
                variance = mpmath.fsum(w * (value - mean) ** 2 for w, value in zip(weights, z, strict=True))
                assert abs(mpmath.sqrt(variance / weights.sum()) - 1) < max(1e-14, 1e-15 * abs(mean))
                assert abs(mean) < 1e-14 or not intercept
    assert not scaled.X.flags.writeable


def test_without_an_intercept_features_are_only_scaled():
    scaled = fastgd.LinearFit([[1.0, 10.0], [5.0, 10.0]], [1.0, 2.0], intercept=False).standardized()
    assert scaled.X.tolist() == [[0.5, 10.0], [2.5, 10.0]]  # deviation 2; a constant keeps its scale
    assert scaled.original([1.0, 3.0]).tolist() == [0.5, 3.0]


@pytest.mark.parametrize("constant", [0.1, 0.0, 1e9, -1e300, 5e-324])
def test_a_constant_feature_is_centred(constant):
    X = np.column_stack([[1.0, 2.0, 6.0], np.full(3, constant)])
    scaled = fastgd.LinearFit(X, [1.0, 2.0, 3.0]).standardized()
    assert scaled.X[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert scaled.original([0.0, 2.0, 0.0]).tolist() == [0.0, 2.0, -2.0 * constant]
    constant_x = fastgd.PolynomialFit(np.full(3, constant), [1.0, 2.0, 3.0], 2).standardized()
    assert constant_x.x.tolist() == [0.0, 0.0, 0.0]
    alone = fastgd.LinearFit([[constant]], [1.0]).standardized()
    assert alone.X.tolist() == [[0.0]]


def test_a_feature_of_the_least_numbers():
    x = [0.0, 5e-324]
    assert fastgd.LinearFit(x, [1.0, 2.0]).standardized().X.tolist() == [[-1.0], [1.0]]
    assert fastgd.PolynomialFit(x, [1.0, 2.0], 1).standardized().x.tolist() == [-1.0, 1.0]


ENDS = np.array([[0.903, 0.094], [-43.279, 157.441], [3066.0, -77.3]])  # of which (x - center) / scale is rounded off


@pytest.mark.parametrize(
    "x", [YEARS, UNEVEN, 1e9 + UNEVEN, np.array([-1.7e308, 1e300, 1.7e308]), UNEVEN * 1e-311, *ENDS]
)
def test_x_spans_minus_one_to_one(x):
    scaled = fastgd.PolynomialFit(x, np.zeros(len(x)), 1).standardized()
    assert (scaled.x.min(), scaled.x.max()) == (-1.0, 1.0)
    low, high = Fraction(x.min()), Fraction(x.max())
    for value, u in zip(x, scaled.x, strict=True):
        assert abs(Fraction(u) - (2 * Fraction(value) - low - high) / (high - low)) <= Fraction(4, 2**53)


def test_samples_of_weight_0_do_not_count():
    x, y, weights = [0.0, 2.0, 9.96921e36, 4.0, -1e300], [1.0, 2.0, 0.0, 3.0, 0.0], [1.0, 1.0, 0.0, 2.0, 0.0]
    polynomial = fastgd.PolynomialFit(x, y, 1, sample_weight=weights).standardized()
    assert polynomial.x[[0, 1, 3]].tolist() == [-1.0, 0.0, 1.0]
    line = fastgd.LinearFit(x, y, sample_weight=weights).standardized()
    mean, deviation = 2.5, math.sqrt((2.5**2 + 0.5**2 + 2 * 1.5**2) / 4)
    np.testing.assert_allclose(line.X[[0, 1, 3], 0], (np.array([0.0, 2.0, 4.0]) - mean) / deviation, rtol=1e-15)
    beyond = fastgd.LinearFit([0.0, 1e-200, 1e200], [1.0, 2.0, 3.0], sample_weight=[1, 1, 0]).standardized()
    assert np.isfinite(beyond.X).all()


def test_float32_is_widened():
    x, y = YEARS.astype(np.float32), np.sin(YEARS).astype(np.float32)
    for scaled in (fastgd.PolynomialFit(x, y, 2).standardized(), fastgd.LinearFit(x, y).standardized()):
        assert scaled.dtype == np.float64
        assert scaled.y.tolist() == y.tolist()


# ---- the same problem ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("model", [Model("polynomial", 3), Model("line", 2)], ids=str)
def test_the_loss_is_the_same(model, name, reduction, many_digits):
    random = np.random.default_rng(4)
    X = 2005.0 + 15.0 * random.uniform(-1, 1, model.shape(40))
    y, weights = random.normal(size=40), random.integers(0, 3, 40) + 0.0
    kind = LOSSES[name]
    problem = model.fit(X, y, loss=kind.loss, reduction=reduction, sample_weight=weights)
    oracle = model.oracle(mpmath.mpf, X, y, kind.oracle, reduction, weights)
    scaled = problem.standardized()
    thetas = scaled.original(random.normal(size=(4, model.P)))
    exact = [float(oracle([mpmath.mpf(value) for value in theta])[0]) for theta in thetas.tolist()]
    np.testing.assert_allclose(scaled.loss(scaled.standard(thetas)), exact, rtol=1e-13)
    assert scaled.residual_loss == problem.residual_loss


def test_the_loss_keeps_its_digits_where_powers_of_years_have_none():
    """At degree 8 the loss of a theta in original units has rounding errors of 1e18 times itself."""
    y = np.cos(YEARS)
    scaled = fastgd.PolynomialFit(YEARS, y, 8).standardized()
    theta = scaled.original(np.linspace(1.0, -1.0, 9))
    exact = [Fraction(value) for value in theta.tolist()]
    residuals = [
        sum(c * Fraction(year) ** k for k, c in enumerate(exact)) - Fraction(target)
        for year, target in zip(YEARS.tolist(), y.tolist(), strict=True)
    ]
    assert scaled.loss(scaled.standard(theta)) == pytest.approx(float(sum(r * r for r in residuals) / 31), rel=1e-13)


def test_descending_there_finds_the_minimum_of_the_original():
    scaled = houses().standardized()
    run = fastgd.descend(scaled, learning_rate=scaled.spectrum().best_learning_rate, max_steps=500)
    expected = mpmath.lu_solve(HOUSE_ROWS.T * HOUSE_ROWS, HOUSE_ROWS.T * mpmath.matrix(PRICES))
    np.testing.assert_allclose(scaled.original(run.theta), [float(value) for value in expected], rtol=1e-9)


def test_names_and_start_are_kept():
    start = [3.0, -0.1, 1e-4]
    problem = fastgd.PolynomialFit(YEARS, YEARS, 2, parameters=["a", "b", "c"], start=start, reduction="sum")
    scaled = problem.standardized()
    assert scaled.parameters == ("a", "b", "c")
    assert scaled.reduction == "sum"
    assert scaled.start.tolist() == composed(start, Fraction(2005), Fraction(15))
    assert repr(scaled) == "PolynomialFit(31 samples, degree=2, reduction='sum', standardised)"
    assert isinstance(scaled, fastgd.PolynomialFit)
    weighted = houses(loss=fastgd.Huber(2.0), sample_weight=np.ones(6), intercept=False).standardized()
    assert isinstance(weighted, fastgd.LinearFit)
    assert repr(weighted) == (
        "LinearFit(6 samples, 2 features, intercept=False, reduction='mean', loss=Huber(delta=2.0), "
        "weighted, standardised)"
    )
    assert not houses().standardized().start.any()


def test_a_penalty_is_refused():
    for problem in (houses(l2=0.5), fastgd.PolynomialFit(YEARS, YEARS, 2, l2=0.5)):
        with pytest.raises(
            ValueError, match=r"^l2 must be 0 for standardised coordinates, got 0\.5: the penalty is on "
        ):
            problem.standardized()
    assert "standardised" not in str(houses(l2=1e-9).spectrum())


def test_functions_have_no_features():
    assert not hasattr(fastgd.examples.dart(), "standardized")


@pytest.mark.parametrize("problem", [houses(), fastgd.PolynomialFit(YEARS, np.sin(YEARS), 2)], ids=repr)
def test_pickled_copied_and_standardised_again(problem):
    scaled = problem.standardized()
    theta = np.array([0.5, -1.0, 2.0])
    for twin in (pickle.loads(pickle.dumps(scaled)), copy.copy(scaled), copy.deepcopy(scaled)):
        assert repr(twin) == repr(scaled)
        assert twin.loss(theta) == scaled.loss(theta)
        np.testing.assert_array_equal(twin.original(theta), scaled.original(theta))
    again = scaled.standardized()
    assert repr(again) == repr(scaled)
    np.testing.assert_allclose(again.standard(theta), theta, rtol=1e-14)
    assert again.loss(again.standard(theta)) == pytest.approx(scaled.loss(theta), rel=1e-13)


# ---- what they are said to bring -------------------------------------------------------------------------------------


def steps_to_a_tenth(problem):
    """Count the steps at the best rate until the error, from the direction that takes longest, is a tenth."""
    spectrum, minimum = problem.spectrum(), problem.minimum().theta
    how = {"learning_rate": spectrum.best_learning_rate, "max_steps": 1000, "engine": "samples"}
    starts = minimum + spectrum.eigenvectors.T * abs(minimum).max()
    errors = [
        np.linalg.norm(fastgd.descend(problem, start, **how).trajectory.theta - minimum, axis=1) for start in starts
    ]
    return max(int(np.argmax(error <= 0.1 * error[0])) for error in errors)


def test_a_spectrum_says_what_they_would_bring():
    # a line in one feature becomes w z + b with a Hessian matrix of 2 I: one step at 1/2 from anywhere
    *_, last = str(fastgd.examples.pizza().spectrum()).splitlines()
    assert last == (
        "  standardised: condition number 826 -> 1, 1 step instead of 951 to a tenth of the error: standardized()"
    )


def test_a_spectrum_says_it_of_directions_that_rounding_hides(many_digits):
    u = [(mpmath.mpf(year) - 2005) / 15 for year in YEARS.tolist()]
    powers = mpmath.matrix([[value**k for k in range(3)] for value in u])
    curvatures = mpmath.eigsy(powers.T * powers, eigvals_only=True)
    condition = float(max(curvatures) / min(curvatures))
    hidden = Spectrum(np.array([1e13, 1.0, 0.0]), np.eye(3), ("c0", "c1", "c2"), rank=2)
    problem = fastgd.PolynomialFit(YEARS, YEARS, 2)
    text = f"standardised: condition number inf -> {condition:.0f}: standardized()"
    assert linear_model.what_standardizing_brings(problem, hidden) == text
    brings = partial(linear_model.what_standardizing_brings, problem, hidden)
    assert str(replace(hidden, standardized=brings)).endswith(f"\n  {text}")


def test_a_spectrum_says_nothing_of_little():
    for problem in (
        fastgd.examples.sine(),  # 325 becomes 68
        fastgd.examples.square(),
        fastgd.LinearFit([[0.0], [0.0]], [1.0, 2.0], intercept=False),
        fastgd.LinearFit([[1e3, 1e3], [2e3, 2e3], [3e3, 3e3]], [1.0, 2.0, 3.0], intercept=False),  # singular as before
        houses().standardized(),
    ):
        assert "standardised" not in str(problem.spectrum())


def test_a_bound_says_it_too():
    assert "standardised: condition number 826 -> 1, 1 step" in str(
        fastgd.LinearFit(*pizza_columns(), loss=fastgd.Huber(1.0)).spectrum()
    )


def pizza_columns():
    problem = fastgd.examples.pizza()
    return problem.X, problem.y


def test_it_is_found_when_printed_and_travels_without_samples(monkeypatch):
    asked = []
    found = linear_model.what_standardizing_brings
    monkeypatch.setattr(linear_model, "what_standardizing_brings", lambda *how: asked.append(how) or found(*how))
    spectrum = fastgd.LinearFit(np.tile(pizza_columns()[0], (1000, 1)), np.tile(pizza_columns()[1], 1000)).spectrum()
    assert spectrum.condition_number == pytest.approx(825.9, abs=0.05)
    assert not asked
    pickled = pickle.dumps(spectrum)
    assert len(pickled) < 5000
    assert str(pickle.loads(pickled)) == str(copy.copy(spectrum)) == str(spectrum)
    assert "standardised: condition number 826 -> 1" in str(spectrum)
    assert len(asked) == 1


def test_large_data_is_not_standardised_for_a_report(monkeypatch):
    monkeypatch.setattr(linear_model, "LARGEST_UNASKED", 59)
    assert "standardised" not in str(fastgd.examples.pizza().spectrum())
    monkeypatch.setattr(linear_model, "LARGEST_UNASKED", 60)
    assert "standardised" in str(fastgd.examples.pizza().spectrum())


def row(result):
    return [line for line in str(result).splitlines() if line.startswith("  standardised ")]


def test_a_failed_sweep_says_it_and_it_holds(many_digits):
    problem = houses()
    result = fastgd.sweep(problem, learning_rate=[0.001, 0.01], max_steps=5000, engine="spectral")
    curvatures = mpmath.eigsy(HOUSE_ROWS.T * HOUSE_ROWS, eigvals_only=True)
    condition = float(max(curvatures) / min(curvatures))
    assert row(result) == [
        f"  standardised   condition number {condition:.2g} -> 5.5, "
        f"7 steps instead of {condition * math.log(10) / 2:.2g} to a tenth of the error: standardized()"
    ]
    assert steps_to_a_tenth(problem.standardized()) == 7
    assert row(pickle.loads(pickle.dumps(result))) == row(result)
    assert len(pickle.dumps(result)) < 10_000


def test_sweeps_that_did_not_fail_or_have_bounds_say_nothing():
    problem, scaled = houses(), houses().standardized()
    problem.spectrum(), scaled.spectrum()  # so that results have them
    assert not row(fastgd.sweep(problem, learning_rate=[1e-8, 0.01], max_steps=100))
    assert not row(fastgd.sweep(problem, learning_rate=[0.001, 0.01], max_steps=100, bounds=(-1e9, 1e9)))
    assert not row(fastgd.sweep(scaled, learning_rate=[10.0], max_steps=100))
    assert not row(fastgd.sweep(fastgd.examples.dart(), learning_rate=[1e9], max_steps=3))


def test_an_interrupted_sweep_begins_no_pass(monkeypatch):
    def interrupt(*_):
        raise RuntimeError("enough")

    problem = houses()
    monkeypatch.setattr(linear_model, "what_standardizing_brings", lambda *_: pytest.fail("a pass was begun"))
    with pytest.raises(fastgd.SweepInterrupted) as stopped:
        fastgd.sweep(problem, learning_rate=np.full(100, 1.0), engine="spectral", progress=interrupt)
    assert (stopped.value.result.status < 0).all()
    assert stopped.value.result.spectrum is not None


# ---- command line ----------------------------------------------------------------------------------------------------

TABLE = "size,rooms,price\n" + "".join(
    f"{size},{rooms},{price}\n" for size, rooms, price in zip(SIZES, ROOMS, PRICES, strict=True)
)
COLUMNS = words("--x size --x rooms --y price --standardize")
RUN = words("--learning-rate 0.1,0.3,2 --max-steps 200 --start 100,-5000,0.1 --start 1,2,3")


def test_a_sweep_is_printed_and_written_in_original_units(capsys, data, tmp_path):
    path = data(TABLE)
    result = swept(capsys, tmp_path, path, *COLUMNS, *RUN)
    scaled = houses().standardized()
    starts = np.array([[100, -5000, 0.1], [1, 2, 3]])
    expected = fastgd.sweep(scaled, learning_rate=[0.1, 0.3, 2.0], theta0=scaled.standard(starts), max_steps=200)
    np.testing.assert_array_equal(result["start"], starts)
    np.testing.assert_array_equal(result["loss"], expected.loss)
    back = scaled.original(expected.theta.reshape(-1, 3)).reshape(2, 3, 3)
    np.testing.assert_array_equal(result["theta"], back)
    assert str(result["problem"]).endswith("standardised)")
    printed = output(capsys, "sweep", path, *COLUMNS, *RUN)
    best = re.search(r"best .* theta \[(.*)\]", printed)
    assert best is not None
    np.testing.assert_allclose([float(word) for word in best[1].split()], back[:, 1].mean(axis=0), rtol=1e-4)
    assert "theta0=[ 1.e+02 -5.e+03  1.e-01]" in printed or "theta0=[1. 2. 3.]" in printed
    for suffix in ("csv", "json"):
        out = tmp_path / f"result.{suffix}"
        output(capsys, "sweep", path, *COLUMNS, *RUN, "--out", str(out))
        text = out.read_text()
        if suffix == "csv":
            cells = [line.split(",") for line in text.splitlines()[1:]]
            assert [row[:3] for row in cells[::3]] == [["100.0", "-5000.0", "0.1"], ["1.0", "2.0", "3.0"]]
            np.testing.assert_array_equal(np.array([row[5:8] for row in cells], dtype=float), back.reshape(-1, 3))
        else:
            content = json.loads(text)
            assert content["axes"]["start"] == starts.tolist()
            assert content["theta"] == back.tolist()


def test_a_descent_is_printed_in_original_units(capsys, data):
    arguments = words("--learning-rate 0.3 --max-steps 200 --every 100 --start 100,-5000,0.1")
    lines = output(capsys, "descend", data(TABLE), *COLUMNS, *arguments).splitlines()
    assert lines[0].split() == ["step", "loss", "size", "rooms", "b"]
    first, last = ([float(word) for word in line.split()] for line in (lines[1], lines[3]))
    assert first[2:] == [100.0, -5000.0, 0.1]
    expected = mpmath.lu_solve(HOUSE_ROWS.T * HOUSE_ROWS, HOUSE_ROWS.T * mpmath.matrix(PRICES))
    np.testing.assert_allclose(last[2:], [float(value) for value in expected], rtol=1e-6)


def test_a_polynomial_and_an_example(capsys, data, tmp_path):
    table = "year,level\n" + "".join(f"{year:.0f},{3 * (year - 2000) ** 2}\n" for year in YEARS)
    arguments = words("--x year --y level --degree 2 --learning-rate 0.5 --max-steps 2000 --standardize")
    theta = swept(capsys, tmp_path, data(table), *arguments)["theta"]
    np.testing.assert_allclose(theta, [12e6, -12000, 3], rtol=1e-9)
    found = swept(capsys, tmp_path, "pizza", "--standardize", "--learning-rate", "0.5", "--max-steps", "5")
    np.testing.assert_allclose(found["theta"], [1.08113, 13.1722], rtol=1e-4)  # published: 1.0811301700, 13.1722676564


def test_a_failed_sweep_names_the_option(capsys, data):
    printed = output(
        capsys, "sweep", data(TABLE), *COLUMNS[:-1], *words("--learning-rate 0.001,0.01 --engine spectral")
    )
    assert "to a tenth of the error: --standardize\n" in printed
    assert "standardized()" not in printed


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("FILE --l2 0.5", "--l2 must be 0 for standardised coordinates, got 0.5: the penalty is on the original "),
        (
            "FILE --bounds -1:1",
            "--bounds must be left out with --standardize: a standardised parameter may mix several",
        ),
        ("dart", "--standardize is for data, dart is a function of an angle"),
        ("FILE --start 1,2", "--start must have 3 numbers (size, rooms, b), got 2"),
    ],
)
def test_what_can_not_be_standardised_is_refused(capsys, data, line, sentence):
    arguments = [data(TABLE) if word == "FILE" else word for word in words(line)]
    columns = ["--standardize"] if line == "dart" else [*COLUMNS, "--learning-rate", "0.1"]
    for verb in ("sweep", "descend"):
        assert refusal(capsys, verb, *arguments, *columns).startswith(sentence)
