"""Sample weights and the penalty in the exact engines: statistics, minimum, spectrum, descents."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sklearn.linear_model import Ridge

import fastgd
import fastgd.least_squares.from_samples
from tests.oracle.reference import numbers, powers
from tests.oracle.residuals import SQUARED
from tests.tools.fits import Model, real

MODELS = [Model("polynomial", 3), Model("polynomial", 8), Model("line", 2), Model("line", 12)]
ENGINES = ("samples", "moments", "spectral")


@pytest.fixture(params=["few", "many"])
def size(request, monkeypatch):
    """Treat the samples as few, or as too many to be dealt with at once."""
    if request.param == "many":
        monkeypatch.setattr(fastgd.least_squares.from_samples, "SMALL", 0)
    return request.param


def exact_minimum(model, X, y, weights, l2, reduction="mean"):
    """Return theta and the loss there by the normal equations in the precision in force."""
    rows = numbers(np.column_stack([model.rows(X), y]), mpmath.mpf)
    if model.kind == "polynomial":
        rows = [
            [*row, at]
            for row, at in zip(powers(numbers(X, mpmath.mpf), model.size - 1), numbers(y, mpmath.mpf), strict=True)
        ]
    shares = [mpmath.mpf(float(w)) for w in (np.ones(len(y)) if weights is None else weights)]
    count = sum(shares) if reduction == "mean" else 1
    gram, right = mpmath.matrix(model.P, model.P), mpmath.matrix(model.P, 1)
    for row, share in zip(rows, shares, strict=True):
        for i in range(model.P):
            right[i] += share * row[i] * row[-1] / count
            for j in range(model.P):
                gram[i, j] += share * row[i] * row[j] / count
    for k in range(model.P):
        gram[k, k] += 0 if k == model.free else mpmath.mpf(l2)
    theta = list(mpmath.lu_solve(gram, right))
    loss, _ = model.oracle(mpmath.mpf, X, y, SQUARED, reduction, weights, l2)(theta)
    return theta, loss


def assert_same_quadratic(found, expected, rtol=1e-12):
    lengths = np.sqrt(np.diag(expected.R.T @ expected.R))
    size = np.sqrt(expected.q @ expected.q + expected.floor)
    np.testing.assert_allclose(
        found.R.T @ found.R / np.outer(lengths, lengths), expected.R.T @ expected.R / np.outer(lengths, lengths),
        atol=rtol,
    )  # fmt: skip
    np.testing.assert_allclose(
        found.R.T @ found.q / lengths / size, expected.R.T @ expected.q / lengths / size, atol=rtol
    )
    assert found.floor == pytest.approx(expected.floor, rel=rtol)
    assert found.theta == pytest.approx(expected.theta, rel=100 * rtol)
    assert found.rank == expected.rank


# ---- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_whole_weights_are_repeated_samples(model, size):
    X, y, _, _ = real(model, 60)
    weights = np.arange(60) % 4
    for how in ({"reduction": "sum"}, {"reduction": "mean"}, {"l2": 0.3}):
        weighted = model.fit(X, y, sample_weight=weights, **how)
        repeated = model.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights), **how)
        assert weighted.scale == repeated.scale
        assert_same_quadratic(weighted.quadratic(), repeated.quadratic())
        assert weighted.minimum().loss == pytest.approx(repeated.minimum().loss, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_sample_without_weight_is_not_there(model, size, dtype):
    """However far away it is: not a bit differs from the problem without it."""
    X, y, weights, _ = (array.astype(dtype) for array in real(model, 50))
    out = weights == 0.0
    assert 3 < out.sum() < 20
    X[out], y[out] = 1e3, -1e4
    whole, rest = model.fit(X, y, sample_weight=weights), model.fit(X[~out], y[~out], sample_weight=weights[~out])
    for name in ("R", "q", "floor", "rank", "theta"):
        assert np.array_equal(getattr(whole.quadratic(), name), getattr(rest.quadratic(), name)), name
    assert whole.minimum().loss == pytest.approx(rest.minimum().loss, rel=1e-15)  # the weights' sums may round apart


@pytest.mark.parametrize("samples", [300, 6000])
def test_few_distinct_points(many_digits, samples):
    """Of weighted samples at three points only the means and variances there count; a fourth has no weight."""
    random = np.random.default_rng(samples)
    x, y, weights = random.integers(0, 4, samples) / 2, random.normal(size=samples), random.uniform(0, 2, samples)
    weights[x == 1.5] = 0.0
    found = fastgd.PolynomialFit(x, y, 5, sample_weight=weights, reduction="sum").minimum()
    assert found.rank == 3
    values = np.polynomial.polynomial.polyval(np.array([0.0, 0.5, 1.0]), found.theta)
    means = [np.average(y[x == at], weights=weights[x == at]) for at in (0.0, 0.5, 1.0)]
    assert values == pytest.approx(means, rel=1e-11, abs=1e-13)
    least = sum(np.sum(weights[x == at] * (y[x == at] - m) ** 2) for at, m in zip((0.0, 0.5, 1.0), means, strict=True))
    assert found.loss == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_minimum_has_its_digits(many_digits, model, size, reduction):
    X, y, weights, _ = real(model, 40)
    for some, l2 in ((weights, 0.0), (None, 0.7), (weights, 1e-3), (weights * 1e6, 1e9)):
        theta, loss = exact_minimum(model, X, y, some, l2, reduction)
        found = model.fit(X, y, sample_weight=some, l2=l2, reduction=reduction).minimum()
        assert found.rank == model.P
        assert found.theta == pytest.approx(
            [float(v) for v in theta], rel=1e-12, abs=1e-14 * float(max(map(abs, theta)))
        )
        assert found.loss == pytest.approx(float(loss), rel=1e-13)


def test_weights_of_any_size(many_digits):
    model = Model("line", 2)
    X, y, weights, _ = real(model, 30)
    spread = weights * 10.0 ** np.linspace(-12, 12, 30)
    for some in (spread, weights * 1e-300, weights * 1e300):
        theta, _ = exact_minimum(model, X, y, some, 0.0)
        found = model.fit(X, y, sample_weight=some).minimum()
        assert found.theta == pytest.approx([float(v) for v in theta], rel=1e-10)


# ---- the penalty -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_ridge(size, intercept, reduction):
    X, y, weights, _ = real(Model("line", 5), 50)
    for l2 in (1e-4, 0.5, 1e4):
        alpha = l2 * (weights.sum() if reduction == "mean" else 1.0)
        ridge = Ridge(alpha=alpha, fit_intercept=intercept, solver="svd").fit(X, y, sample_weight=weights)
        expected = np.append(ridge.coef_, ridge.intercept_) if intercept else ridge.coef_
        fit = fastgd.LinearFit(X, y, intercept=intercept, sample_weight=weights, l2=l2, reduction=reduction)
        assert fit.minimum().theta == pytest.approx(expected, rel=1e-10)


def test_a_penalty_makes_a_singular_problem_regular(many_digits, size):
    model = Model("line", 3)
    X, y, weights, _ = real(model, 20)
    X[:, 2] = X[:, 0] - X[:, 1]
    assert model.fit(X, y, sample_weight=weights).minimum().rank == 3
    for l2 in (1e-6, 1.0, 1e12):
        theta, loss = exact_minimum(model, X, y, weights, l2)
        found = model.fit(X, y, sample_weight=weights, l2=l2)
        assert found.minimum().rank == 4
        assert not found.spectrum().singular
        assert found.minimum().theta == pytest.approx([float(v) for v in theta], rel=1e-9)
        assert found.minimum().loss == pytest.approx(float(loss), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "degree"), [(np.linspace(-1, 1, 30), 3), (np.linspace(0, 1, 40), 20), (np.linspace(1947, 1962, 30), 8)]
)
def test_a_penalty_of_any_size_hides_no_direction(x, degree):
    """Rounding hides some in monomials so ill conditioned: the least loss had been 0.3 % too high."""
    model, y = Model("polynomial", degree + 1), np.sin(3 * x)
    for l2 in (5e-324, 1e-100, 1e-30, 1e-20, 1e-10, 1e-3, 1.0, 1e10, 1e30, 1e100):
        found = model.fit(x, y, l2=l2).minimum()
        with mpmath.workdps(450):
            _, loss = exact_minimum(model, x, y, None, l2)
        assert found.rank == degree + 1
        assert found.least_loss == pytest.approx(float(loss), rel=1e-10, abs=1e-28)
        assert found.loss >= found.least_loss * (1 - 1e-12)
        if found.attained:
            assert found.loss == pytest.approx(float(loss), rel=2e-6, abs=1e-20)


@pytest.mark.parametrize(("samples", "degree"), [(40, 12), (5, 8)])
def test_no_direction_is_hidden_beside_a_penalty(samples, degree):
    x = np.linspace(1947, 1962, samples)  # x^12 is 1e39, beside a penalty of 1
    fit = fastgd.PolynomialFit(x, np.sin(x), degree, l2=1.0)
    with mpmath.workdps(150):
        rows = [powers([mpmath.mpf(float(value))], degree)[0] for value in x]
        H = mpmath.matrix(degree + 1, degree + 1)
        for i in range(degree + 1):
            for j in range(degree + 1):
                H[i, j] = 2 * sum(row[i] * row[j] for row in rows) / samples + (2 if i == j > 0 else 0)
        expected = sorted(mpmath.eigsy(H, eigvals_only=True), reverse=True)
        _, least = exact_minimum(Model("polynomial", degree + 1), x, np.sin(x), None, 1.0)
    assert fit.spectrum().eigenvalues == pytest.approx([float(value) for value in expected], rel=1e-11)
    assert fit.minimum().rank == fit.spectrum().rank == degree + 1
    assert fit.minimum().least_loss == pytest.approx(float(least), rel=1e-10)


@pytest.mark.parametrize("l2", [1e-300, 1e-30, 1e-15, 1e-3, 1.0, 1e10])
def test_a_penalty_decides_what_few_samples_leave_open(l2):
    model, x = Model("polynomial", 6), np.array([0.5, 1.0, 2.0])
    y = np.array([1.0, -1.0, 0.25])
    found = model.fit(x, y, l2=l2).minimum()
    with mpmath.workdps(650):
        theta, loss = exact_minimum(model, x, y, None, l2)
    assert found.rank == 6
    assert found.theta == pytest.approx([float(value) for value in theta], rel=1e-11)
    assert found.least_loss == pytest.approx(float(loss), rel=1e-11, abs=1e-28)


def test_a_penalty_beyond_floats():
    fit = fastgd.LinearFit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], l2=1.7e308)
    with pytest.raises(ValueError, match=r"^l2 must be smaller, got 1.7e\+308"):
        fit.minimum()
    assert fastgd.sweep(fit, learning_rate=0.0, max_steps=2).engine == "samples"
    huge = fastgd.LinearFit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], l2=1e300).minimum()
    assert huge.theta == pytest.approx([(17.0 / 3 - 7.0 / 3 * 2.0) / 1e300, 2.0], rel=1e-14)


def test_eigenvalues_shift_but_for_the_constant_term():
    """Columns of length 1 at right angles to each other and to the constant: curvatures 2 and, of the constant, 2 N."""
    columns = np.linalg.qr(np.column_stack([np.ones(16), np.random.default_rng(0).normal(size=(16, 3))]))[0][:, 1:]
    y = np.arange(16.0)
    for l2 in (0.0, 0.25, 3.0, 1e3):
        fit = fastgd.LinearFit(columns, y, reduction="sum", l2=l2)
        spectrum = fit.spectrum()
        assert spectrum.eigenvalues == pytest.approx(sorted([32.0, *[2.0 + 2.0 * l2] * 3], reverse=True), rel=1e-14)
        at = int(np.argmin(abs(spectrum.eigenvalues - 32.0)))
        assert np.abs(spectrum.eigenvectors[:, at]) == pytest.approx([0, 0, 0, 1], abs=1e-14)
        assert fit.minimum().theta == pytest.approx([*(columns.T @ y / (1 + l2)), 7.5], rel=1e-12)
        doubled = fastgd.LinearFit(columns, y, reduction="sum", l2=l2, sample_weight=[2.0] * 16).spectrum()
        assert doubled.eigenvalues == pytest.approx(sorted([64.0, *[4.0 + 2.0 * l2] * 3], reverse=True), rel=1e-14)
    constant = fastgd.PolynomialFit([1.0, 2.0], [1.0, 5.0], 0, l2=100.0)
    assert constant.minimum().theta == pytest.approx([3.0], rel=1e-15)


# ---- descents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rule", ["gradient", "nesterov"])
def test_engines_agree(size, rule, reduction, dtype):
    for model in (Model("polynomial", 4), Model("line", 5)):
        X, y, weights, theta = (array.astype(dtype) for array in real(model, 40))
        fit = model.fit(X, y, sample_weight=weights, l2=0.2, reduction=reduction)
        least = fit.minimum().loss
        how = {
            "theta0": theta.astype(float),
            "learning_rate": fit.spectrum().stability_limit(rule, 0.9) * np.array([0.0, 0.01, 0.6, 1.5]),
            "max_steps": [1, 150],
            "rule": rule,
            "loss_threshold": [1.001 * least, 1.5 * least],
            "tolerance": 1e-7,
        }
        samples, *others = (fastgd.sweep(fit, engine=engine, **how) for engine in ENGINES)
        assert len(np.unique(samples.status)) >= 3
        for found in others:
            assert np.array_equal(found.status, samples.status)
            assert np.array_equal(found.steps, samples.steps)
            assert found.theta == pytest.approx(samples.theta, rel=1e-9, abs=1e-11)
            assert found.loss == pytest.approx(samples.loss, rel=1e-9)
