"""Complex steps: as exact as the oracle where there is one, and the third opinion of check_gradient."""

from __future__ import annotations

import math
from math import exp

import numpy as np
import pytest

import fastgd
from fastgd.problems.complex_step import on_complex_numbers, slopes_by_complex_step
from tests.oracle.derivatives import value_and_gradient
from tests.tools import user_models  # noqa: F401 (its functions are in the table)
from tests.tools.user_functions import FUNCTIONS, OF_ONE_NUMBER

ALL = {**FUNCTIONS, **OF_ONE_NUMBER}
NO_FUNCTION_OF_COMPLEX_NUMBERS = {
    *("math.erf", "math.erfc", "math.gamma", "math.lgamma"),
    *("student_likelihood", "gamma_likelihood", "probit_likelihood", "black_scholes"),
    *("math.hypot", "np.hypot"),  # whose squares overflow
}


def by_complex_step(case, point):
    function = on_complex_numbers(case.loss)
    value, gradient = value_and_gradient(case.loss, point, case.dimension)

    def of_all(theta):
        return function(theta[0] if case.dimension == 1 else theta)

    return slopes_by_complex_step(of_all, np.atleast_1d(np.asarray(point, np.float64)), float(value)), gradient


@pytest.mark.parametrize("name", ALL)
def test_a_complex_step_is_exact_or_there_is_none(name):
    for point in ALL[name].points:
        slopes, exact = by_complex_step(ALL[name], point)
        if name in NO_FUNCTION_OF_COMPLEX_NUMBERS:
            assert slopes is None or np.ndim(point)
            continue
        if not abs(exact[0]) > 1e-100 or abs(np.max(point)) == 1e-300:  # times the step that is no number
            continue
        if name == "np.sinc" and point == 1e-9:  # whose slope is a difference, in NumPy
            continue
        for slope, expected in zip(slopes.tolist(), exact, strict=True):
            assert abs(slope - expected) <= 1e-12 * max(abs(expected), 1e-3 * max(map(abs, exact)))


STARTS = np.array([0.3, 0.7])


def norm_of_numpy(theta):
    return np.linalg.norm(theta - STARTS)


def lists(theta):
    return np.sum([theta[0] ** 2, theta[1]]) + np.dot([theta[0], 1.0], STARTS)


def written(theta):
    parts = np.zeros(2)
    parts[0] = theta[0] ** 2
    parts[1] += theta[1]
    total = parts[0]
    total += 3.0
    return parts.sum() * total


def solved(theta):
    return np.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]), theta)[0]


def rounded(theta):
    return float(round(theta[0], 1)) + math.floor(theta[1]) * theta[0] + math.trunc(2.0)


def clipped(theta):
    return np.sum(np.clip(theta, 0.5, 3.0)) + np.real(theta[0])


def spread(theta):
    return np.ptp(theta) + max(theta) + sorted(theta)[0]


def imported(theta):
    return exp(-theta[0]) + np.log(theta)[1] if theta[0] else 0.0


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (norm_of_numpy, [1.2 / math.hypot(1.2, 1.3), 1.3 / math.hypot(1.2, 1.3)]),
        (lists, [3.3, 1.0]),
        (written, [3.0 * 5.25 + 3.0 * 4.25, 5.25]),
        (solved, [0.6, -0.2]),
        (rounded, [2.0, 0.0]),
        (clipped, [2.0, 1.0]),
        (spread, [0.0, 2.0]),
        (imported, [-math.exp(-1.5), 0.5]),
    ],
)
def test_what_numpy_and_python_have_for_arrays(function, expected):
    theta = np.array([1.5, 2.0])
    copy = on_complex_numbers(function)
    np.testing.assert_allclose(slopes_by_complex_step(copy, theta, float(function(theta))), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "function",
    [
        lambda theta: int(theta[0]) * theta[1],
        lambda theta: theta[0] + float("nan"),
        lambda theta: math.erf(theta[0]),
        lambda theta: np.std(theta),
        lambda theta: np.array([1.0, 2.0], np.float32)[0] * theta,
        lambda theta: theta.tolist()[0] > 3,
        lambda theta: np.zeros(2, np.float32).__setitem__(0, theta[0]),
        lambda theta: np.vdot(theta, theta).real.item(),
        lambda theta: None,
        lambda theta: theta.real[0] * theta[1],
        lambda theta: float(np.round(theta.imag, 1)[0]) + theta[1],
        lambda theta: len(repr(theta)) * theta[1],
        lambda theta: {}[theta[0]],
        lambda theta: 5.0,
    ],
)
def test_what_can_not_be_run_on_complex_numbers_has_no_complex_step(function):
    assert slopes_by_complex_step(on_complex_numbers(function), np.array([1.5, 2.0]), 3.0) is None


# ---- check_gradient --------------------------------------------------------------------------------------------------


def square(t):
    return t * t


@pytest.mark.parametrize("compile", [True, False])
def test_a_wrong_gradient_has_two_against_it(compile):
    wrong = fastgd.Objective(square, lambda t: 3 * t, start=1.0, compile=compile)
    with pytest.raises(ValueError, match=r"3\.0 at theta = \[1\.\], but the loss .* 2\.0 per unit, as a complex step"):
        wrong.check_gradient()


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("height", [1e13, 1e18])
def test_a_complex_step_sees_what_rounding_hides(compile, height):
    def loss(t):
        return height + t * t

    assert fastgd.Objective(loss, lambda t: 2 * t, compile=compile).check_gradient(1.0) < 1e-15
    with pytest.raises(ValueError, match=r"wrong in theta: 3\.0 .*, but a complex step gives 2\.0, which rounding"):
        fastgd.Objective(loss, lambda t: 3 * t, compile=compile).check_gradient(1.0)


def test_a_complex_step_allows_a_tolerance_of_rounding():
    problem = fastgd.Objective(lambda t: math.exp(math.sin(3 * t)), start=0.7)
    assert 0.0 <= problem.check_gradient() < 1e-7
    assert problem.check_gradient(rtol=1e-14) < 1e-14
    almost = fastgd.Objective(square, lambda t: 2.0000001 * t, start=1.0)
    assert almost.check_gradient() < 1e-7
    with pytest.raises(ValueError, match=r"^the gradient is wrong in theta: "):
        almost.check_gradient(rtol=1e-9)


def test_a_kink_has_the_slope_of_the_branch_that_is_taken():
    assert fastgd.Objective(lambda t: max(0.0, t)).check_gradient(0.0) == 0.0
    assert fastgd.Objective(lambda t: t if t >= 1.0 else 2 * t - 1).check_gradient(1.0) == 0.0
    with pytest.raises(
        ValueError, match=r"5\.0 at theta = \[0\.\], but the loss changes by 0\.5 .* a complex step gives 0\.0"
    ):
        fastgd.Objective(lambda t: max(0.0, t), lambda t: 5.0).check_gradient(0.0)


def test_a_wrong_component_is_named():
    wrong = fastgd.Objective(lambda t: t[0] ** 2 + t[1] ** 3, lambda t: (2 * t[0], t[1] ** 2), 2, parameters=["a", "b"])
    with pytest.raises(ValueError, match=r"wrong in b: 4\.0 at theta = \[1\. 2\.\], but the loss changes by 12\.0 per"):
        wrong.check_gradient([1.0, 2.0])
    with pytest.raises(ValueError, match=r"wrong in theta: nan at .*, but the loss changes by 1\.0 per unit, as a"):
        fastgd.Objective(lambda t: t, lambda t: math.nan * t).check_gradient(1.0)


def test_without_a_complex_step_two_are_compared():
    with pytest.raises(ValueError, match=r"3\.0 at theta = \[1\.\], but the loss changes by 2\.0 per unit$"):
        fastgd.Objective(lambda t: t * t + math.erf(0 * t), lambda t: 3 * t).check_gradient(1.0)


# ---- fits ------------------------------------------------------------------------------------------------------------

X = np.linspace(0.0, 2.0, 7)
Y = 2.0 * np.exp(-0.5 * X) + 0.1 * np.cos(9 * X)
LOSSES = ("squared", fastgd.Huber(0.05), fastgd.ResidualLoss(lambda r: 1e13 + r * r, lambda r: 2 * r))


def decay(x, a, b):
    return a * math.exp(-b * x)


def decay_of_theta(x, theta):
    return theta[0] * np.exp(-theta[1] * x)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("model", [decay, decay_of_theta])
@pytest.mark.parametrize("weights", [None, np.arange(7.0)])
def test_a_curve_is_checked_by_complex_steps_of_its_model(loss, model, weights):
    options = {"loss": loss, "sample_weight": weights, "l2": 0.3, "start": [1.5, 0.7]}
    assert fastgd.CurveFit(model, X, Y, **options).check_gradient(rtol=1e-13) < 1e-13
    wrong = fastgd.CurveFit(model, X, Y, derivative=lambda x, *theta: (math.exp(-0.7 * x), -1.7 * x), **options)
    with pytest.raises(ValueError, match=r"the gradient is wrong in \w+: .* complex step"):
        wrong.check_gradient()


def test_a_curve_of_rows_is_checked_by_complex_steps():
    x = np.stack([X, X**2], axis=1)
    problem = fastgd.CurveFit(lambda x, a, b: a * x[0] + math.tanh(b * x[1]), x, Y, start=[1.0, 2.0])
    assert problem.check_gradient(rtol=1e-13) < 1e-13


def test_a_wrong_psi_is_found_behind_a_right_model():
    wrong = fastgd.ResidualLoss(lambda r: r * r, lambda r: 3 * r)
    with pytest.raises(ValueError, match=r"the gradient is wrong in a: .*, as a complex step says too$"):
        fastgd.CurveFit(decay, X, Y, start=[1.5, 0.7], loss=wrong).check_gradient()


# ---- losses of residuals ---------------------------------------------------------------------------------------------


def test_psi_is_checked_by_a_complex_step_too():
    assert fastgd.ResidualLoss(lambda r: 1e14 + r * r, lambda r: 2 * r).check([3.0]) < 1e-15
    with pytest.raises(ValueError, match=r"wrong at the residual 3: 5, but rho changes by 6 per unit, as a complex st"):
        fastgd.ResidualLoss(lambda r: r * r, lambda r: r + 2).check([3.0])


def test_a_derived_psi_is_checked():
    assert fastgd.ResidualLoss(lambda r: math.log1p(r * r)).check() < 1e-6
    assert fastgd.ResidualLoss(lambda r: math.log1p(r * r)).check(rtol=1e-13) < 1e-13
