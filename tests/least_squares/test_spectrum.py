"""What `Spectrum` says, against descents that are run, against many digits, and against published limits."""

from __future__ import annotations

import math
from pathlib import Path

import mpmath
import numpy as np
import pytest

import fastgd
from fastgd.least_squares.from_samples import linear_quadratic, polynomial_quadratic
from fastgd.least_squares.spectrum import Spectrum

PIZZA = np.loadtxt(Path(fastgd.__file__).parent / "examples" / "pizza.csv", delimiter=",", skiprows=1)


def pizza(intercept=True):
    quadratic = linear_quadratic(PIZZA[:, :1].copy(), PIZZA[:, 1].copy(), intercept)
    return Spectrum.of(quadratic, 1.0 / len(PIZZA), ("w", "b")[: 1 + intercept])


def steps_taken(hessian, rate, error, factor):
    """Count steps of gradient descent until the error is smaller by a factor."""
    start = np.linalg.norm(error)
    for step in range(1, 1_000_000):
        error = error - rate * (hessian @ error)
        if np.linalg.norm(error) <= start / factor:
            return step
    raise AssertionError("it never got there")


def test_published_stability_limits():
    assert f"{pizza().max_learning_rate:.8f}" == "0.00455510"
    square = Spectrum.of(linear_quadratic(np.ones((1, 1)), np.zeros(1), intercept=False), 1.0, ("theta",))
    assert square.max_learning_rate == 1.0


def test_two_by_two_by_hand():
    # S = (2 a + b)^2 + (a + 2 b)^2: Hessian matrix 2 [[5, 4], [4, 5]], eigenvalues 18 along (1, 1) and 2 along (1, -1)
    spectrum = Spectrum.of(linear_quadratic(np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros(2), False), 1.0, ("a", "b"))
    np.testing.assert_allclose(spectrum.eigenvalues, [18.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(np.abs(spectrum.eigenvectors), np.sqrt(0.5), rtol=1e-14)
    assert spectrum.condition_number == pytest.approx(9.0, rel=1e-14)
    assert spectrum.max_learning_rate == pytest.approx(1.0 / 9.0, rel=1e-14)
    assert spectrum.best_learning_rate == pytest.approx(0.1, rel=1e-14)
    assert spectrum.slowest_mode in ("0.71 a - 0.71 b", "0.71 b - 0.71 a")
    assert (spectrum.rank, spectrum.singular) == (2, False)
    # at the best rate both modes shrink to 0.8 a step
    assert spectrum.steps_to_reduce(1.0 / 0.8**7) == 7
    assert spectrum.steps_to_reduce(1.001 / 0.8**7) == 8


@pytest.mark.parametrize("degree", [2, 6])
def test_eigenvalues_have_their_digits(degree, many_digits):
    x = np.linspace(-1.0, 2.0, 50)
    spectrum = Spectrum.of(polynomial_quadratic(x, np.sin(x), degree), 1.0 / 50.0, tuple(map(str, range(degree + 1))))
    powers = mpmath.matrix([[mpmath.mpf(float(value)) ** k for k in range(degree + 1)] for value in x])
    expected = sorted((float(value) for value in mpmath.eigsy(powers.T * powers / 25, eigvals_only=True)), reverse=True)
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=1e-12)
    vectors = spectrum.eigenvectors
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(degree + 1), atol=1e-14)
    hessian = vectors * spectrum.eigenvalues @ vectors.T
    X = np.vander(x, degree + 1, increasing=True)
    np.testing.assert_allclose(hessian, X.T @ X / 25.0, atol=1e-13 * expected[0])


def test_rates_on_both_sides_of_the_limit():
    spectrum = pizza()
    X = np.column_stack([PIZZA[:, 0], np.ones(len(PIZZA))])
    hessian = 2.0 / len(X) * X.T @ X
    for rate, grows in [(0.999, False), (1.001, True)]:
        error = np.ones(2)
        for _ in range(20_000):
            error = error - rate * spectrum.max_learning_rate * (hessian @ error)
        assert (np.linalg.norm(error) > 1.0) == grows
    assert spectrum.steps_to_reduce(10.0, 1.001 * spectrum.max_learning_rate) == math.inf
    assert spectrum.steps_to_reduce(10.0, 0.0) == math.inf


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.99, None])
@pytest.mark.parametrize("factor", [1.5, 10.0, 1e6])
def test_predicted_steps_are_those_of_the_worst_start(rate, factor):
    spectrum = pizza()
    learning_rate = None if rate is None else rate * spectrum.max_learning_rate
    predicted = spectrum.steps_to_reduce(factor, learning_rate)
    hessian = spectrum.eigenvectors * spectrum.eigenvalues @ spectrum.eigenvectors.T
    at = spectrum.best_learning_rate if rate is None else learning_rate
    taken = [steps_taken(hessian, at, spectrum.eigenvectors[:, k], factor) for k in range(2)]
    assert abs(max(taken) - predicted) <= 1
    mixed = steps_taken(hessian, at, np.array([1.0, -2.0]), factor)
    assert mixed <= predicted + 1


def test_no_rate_is_better_in_the_end_than_the_best():
    spectrum = pizza()
    least = spectrum.steps_to_reduce(1e6)
    for rate in np.linspace(0.01, 0.9999, 50) * spectrum.max_learning_rate:
        assert spectrum.steps_to_reduce(1e6, rate) >= least


def test_one_step_is_enough_for_one_parameter():
    spectrum = pizza(intercept=False)
    assert spectrum.steps_to_reduce(1e9) == 1
    assert spectrum.condition_number == 1.0
    assert spectrum.slowest_mode == "1 w"


def test_prediction_survives_a_condition_beyond_the_digits():
    x = np.linspace(0.0, 1.0, 300)
    spectrum = Spectrum.of(polynomial_quadratic(x, x, 10), 1.0, tuple(f"c{k}" for k in range(11)))
    assert 1e14 < spectrum.condition_number < math.inf
    assert spectrum.steps_to_reduce(math.e) == pytest.approx(spectrum.condition_number / 2.0, rel=1e-9)


@pytest.mark.parametrize("samples", [30, 5000])
def test_singular_problems_say_so(samples):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(samples, 2))
    X = np.column_stack([X, X[:, 0] - X[:, 1]])
    spectrum = Spectrum.of(linear_quadratic(X, np.ones(samples), True), 1.0, ("a", "b", "c", "bias"))
    assert spectrum.rank == 3
    assert spectrum.eigenvalues[3] == 0.0
    assert spectrum.condition_number == math.inf
    assert "1 of 4 directions do not change the loss" in str(spectrum)
    free = spectrum.eigenvectors[:, 3]
    np.testing.assert_allclose(np.abs(free), np.array([1.0, 1.0, 1.0, 0.0]) / np.sqrt(3.0), atol=1e-12)
    others = 2.0 * np.linalg.svd(np.column_stack([X, np.ones(samples)]), compute_uv=False)[:3] ** 2
    np.testing.assert_allclose(spectrum.eigenvalues[:3], others, rtol=1e-12)
    assert spectrum.best_learning_rate == pytest.approx(2.0 / (others[0] + others[2]), rel=1e-12)


def test_a_small_curvature_is_no_singularity():
    """The least one is 1e-36 of the largest: LAPACK sees 16 digits of it."""
    x = np.linspace(0.0, 1.0, 500)
    quadratic = polynomial_quadratic(x, x, 25)
    spectrum = Spectrum.of(quadratic, 1.0, tuple(f"c{k}" for k in range(26)))
    assert quadratic.rank == spectrum.rank == 26
    assert not spectrum.singular
    with mpmath.workdps(120):
        powers = [[mpmath.mpf(float(value)) ** k for k in range(51)] for value in x]
        sums = [mpmath.fsum(column) for column in zip(*powers, strict=True)]
        gram = mpmath.matrix(26, 26)
        for i in range(26):
            for j in range(26):
                gram[i, j] = sums[i + j]
        expected = sorted((2 * value for value in mpmath.eigsy(gram, eigvals_only=True)), reverse=True)
        assert spectrum.eigenvalues == pytest.approx([float(value) for value in expected], rel=1e-12)


def test_a_curvature_beyond_float64_is_named():
    x = np.linspace(0.0, 1.0, 100)
    spectrum = fastgd.PolynomialFit(x, x, 300).spectrum()
    assert spectrum.rank == fastgd.PolynomialFit(x, x, 300).minimum().rank == 100
    assert spectrum.condition_number == math.inf
    hidden = 100 - np.count_nonzero(spectrum.eigenvalues)
    assert hidden > 0
    assert f"{hidden} of 301 directions have a curvature too small for float64 to hold" in str(spectrum)


def test_a_loss_that_depends_on_nothing():
    spectrum = Spectrum.of(linear_quadratic(np.zeros((3, 2)), np.ones(3), False), 1.0, ("a", "b"))
    assert spectrum.rank == 0
    assert spectrum.max_learning_rate == spectrum.best_learning_rate == math.inf
    assert spectrum.steps_to_reduce(10.0) == 0
    assert spectrum.slowest_mode == "none"
    assert "does not depend" in str(spectrum)


def test_text_is_short_and_says_what_matters():
    text = str(pizza())
    for part in ("w, b", "0.0045551", "0.00454959", "825.9", "b - 0.058 w"):
        assert part in text
    names = tuple(f"w{k}" for k in range(300))
    rng = np.random.default_rng(1)
    wide = str(Spectrum.of(linear_quadratic(rng.normal(size=(200, 300)), np.ones(200), False), 1.0, names))
    assert "100 of 300 directions" in wide
    for lines in (text.splitlines(), wide.splitlines()):
        assert len(lines) <= 12
        assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("take", "name"),
    [
        (lambda: polynomial_quadratic(np.array([1.0, 2.0]) * 1e150, np.ones(2), 2), "x"),
        (lambda: linear_quadratic(np.array([[1.0], [2.0]]) * 1e200, np.ones(2), True), "X"),
    ],
)
def test_curvature_beyond_float64_is_named(take, name):
    quadratic = take()
    with pytest.raises(ValueError, match=rf"^{name} must be scaled: the loss' curvature"):
        Spectrum.of(quadratic, 1.0, ("a", "b", "c")[: quadratic.theta.size])


@pytest.mark.parametrize(("factor", "rate"), [(1.0, None), (math.nan, None), (10.0, -0.1), (10.0, math.nan)])
def test_questions_without_an_answer(factor, rate):
    with pytest.raises(ValueError, match=r"factor must be|learning_rate must be"):
        pizza().steps_to_reduce(factor, rate)
