"""Against other people's formulas and libraries: optimisers' updates, losses, and the minima of regressions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import sklearn.datasets
import sklearn.linear_model
import sklearn.metrics

import fastgd
from fastgd import Status
from tests.tools.fits import LOSSES

STEPS = 60


@pytest.fixture(scope="module")
def diabetes():
    """Return X (442, 3) and y (442,) of real data, standardised: a few features and outliers."""
    X, y = sklearn.datasets.load_diabetes(return_X_y=True)
    X = X[:, [2, 3, 8]] / X[:, [2, 3, 8]].std(axis=0)
    return X, (y - y.mean()) / y.std() + 0.25


def weights_for(y):
    return np.random.default_rng(0).uniform(0.0, 3.0, len(y))


# ---- optimisers -----------------------------------------------------------------------------------------------------


def torch_sgd(gradient, theta, lr, momentum, nesterov):
    """torch.optim.SGD as its documentation writes it: dampening 0, and the buffer begins as the first gradient."""
    path, buffer = [theta], None
    for _ in range(STEPS):
        g = gradient(theta)
        buffer = g.copy() if buffer is None else momentum * buffer + g
        theta = theta - lr * (g + momentum * buffer if nesterov else buffer)
        path.append(theta)
    return np.array(path)


def torch_adam(gradient, theta, lr, beta1):
    """torch.optim.Adam as its documentation writes it, with its usual beta2 and eps."""
    path, m, v = [theta], np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, STEPS + 1):
        g = gradient(theta)
        m = beta1 * m + (1 - beta1) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        path.append(theta)
    return np.array(path)


def trajectory(problem, rule, learning_rate, momentum):
    how = {"rule": rule, "learning_rate": learning_rate, "momentum": momentum, "engine": "samples"}
    return fastgd.descend(problem, max_steps=STEPS, **how).trajectory.theta


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_torch_updates(diabetes, loss, momentum):
    problem = fastgd.LinearFit(*diabetes, loss=LOSSES[loss].loss, start=[0.5, -0.5, 1.0, 0.0])
    start, close = problem.start, {"rel": 1e-11, "abs": 1e-12}
    for rule, nesterov in (("momentum", False), ("nesterov", True)):
        expected = torch_sgd(problem.gradient, start, 0.02, momentum, nesterov)
        assert trajectory(problem, rule, 0.02, momentum) == pytest.approx(expected, **close)
    expected = torch_adam(problem.gradient, start, 0.02, momentum)
    assert trajectory(problem, "adam", 0.02, momentum) == pytest.approx(expected, **close)


@pytest.mark.parametrize("rule", ["gradient", "momentum", "nesterov", "adam"])
def test_optax_updates(diabetes, rule):
    optax = pytest.importorskip("optax")
    import jax

    problem = fastgd.LinearFit(*diabetes, loss=fastgd.Huber(0.5), start=[0.5, -0.5, 1.0, 0.0])
    with jax.enable_x64(True):
        optimiser = {
            "gradient": optax.sgd(0.05),
            "momentum": optax.sgd(0.05, momentum=0.8),
            "nesterov": optax.sgd(0.05, momentum=0.8, nesterov=True),
            "adam": optax.adam(0.05, b1=0.8, b2=0.999, eps=1e-8),
        }[rule]
        theta = jax.numpy.asarray(problem.start)
        state, path = optimiser.init(theta), [np.asarray(theta)]
        for _ in range(STEPS):
            update, state = optimiser.update(jax.numpy.asarray(problem.gradient(np.asarray(theta))), state)
            theta = optax.apply_updates(theta, update)
            path.append(np.asarray(theta))
    momentum = None if rule == "gradient" else 0.8
    assert trajectory(problem, rule, 0.05, momentum) == pytest.approx(np.array(path), rel=1e-11, abs=1e-12)


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_scipy_losses():
    """Single samples: rho of residuals of every size."""
    sizes = np.geomspace(1e-6, 1e6, 61)
    for r in np.concatenate([-sizes, [0.0], sizes]):
        for delta in (0.1, 1.0, 30.0):
            huber = fastgd.LinearFit([1.0], [0.0], intercept=False, loss=fastgd.Huber(delta))
            assert huber.loss(r) == pytest.approx(scipy.special.huber(delta, r), rel=1e-15, abs=0)
        cosh = fastgd.LinearFit([1.0], [0.0], intercept=False, loss=fastgd.LogCosh())
        assert cosh.loss(r) == pytest.approx(np.logaddexp(r, -r) - math.log(2), rel=1e-14, abs=5e-16)
        assert cosh.gradient(r)[0] == pytest.approx(math.tanh(r), rel=1e-15)


# ---- minima ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["gradient", "momentum", "nesterov"])
@pytest.mark.parametrize("loss", ["squared", "huber", "log-cosh", "the user's"])
def test_descents_end_where_scipy_does(diabetes, loss, rule):
    X, y = diabetes
    problem = fastgd.LinearFit(X, y, loss=LOSSES[loss].loss, sample_weight=weights_for(y), l2=0.05)
    found = scipy.optimize.minimize(problem.loss_and_gradient, problem.start, jac=True, tol=1e-12)
    momentum = {} if rule == "gradient" else {"momentum": 0.5}
    how = {"rule": rule, "learning_rate": 0.2, "max_steps": 5000, "gradient_tolerance": 1e-10, "engine": "samples"}
    run = fastgd.descend(problem, **how, **momentum)
    assert run.status == Status.SMALL_GRADIENT
    assert run.theta == pytest.approx(found.x, rel=1e-5, abs=1e-6)
    assert run.loss == pytest.approx(found.fun, rel=1e-10)


def test_adam_ends_where_scipy_does(diabetes):
    problem = fastgd.LinearFit(*diabetes, loss=fastgd.Huber(0.5))
    found = scipy.optimize.minimize(problem.loss_and_gradient, problem.start, jac=True, tol=1e-12)
    how = {"learning_rate": 0.05, "max_steps": 4000, "schedule": "cosine", "engine": "samples"}
    assert fastgd.descend(problem, rule="adam", **how).loss == pytest.approx(found.fun, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_median_regression(diabetes, weighted):
    """QuantileRegressor's pinball loss at the median is half of |r|; its minimum is a vertex, found exactly."""
    X, y = diabetes
    weights = weights_for(y) if weighted else None
    other = sklearn.linear_model.QuantileRegressor(quantile=0.5, alpha=0.0, solver="highs")
    other.fit(X, y, sample_weight=weights)
    at = np.append(other.coef_, other.intercept_)
    problem = fastgd.LinearFit(X, y, loss="absolute", sample_weight=weights)
    pinball = sklearn.metrics.mean_pinball_loss(y, other.predict(X), sample_weight=weights, alpha=0.5)
    least = problem.loss(at)
    assert least == pytest.approx(2 * pinball, rel=1e-13)
    nearby = at + 1e-3 * np.random.default_rng(0).normal(size=(200, 4))
    assert (problem.loss(nearby) > least).all()
    how = {"learning_rate": 0.5, "max_steps": 20_000, "schedule": "inverse_time", "decay": 0.02, "engine": "samples"}
    run = fastgd.descend(problem, **how)
    assert least <= run.loss <= least * (1 + 1e-6)
    assert run.theta == pytest.approx(at, abs=0.01)


@pytest.mark.parametrize("l2", [1e-3, 0.3, 20.0])
def test_ridge(diabetes, l2):
    """Ridge minimises sum r^2 + alpha sum w^2, the intercept free: alpha is l2 of a sum, l2 sum w of a mean."""
    X, y = diabetes
    for weights, reduction in ((None, "mean"), (None, "sum"), (weights_for(y), "mean"), (weights_for(y), "sum")):
        total = len(y) if weights is None else weights.sum()
        scale = 1.0 if reduction == "mean" else float(total)
        other = sklearn.linear_model.Ridge(alpha=l2 * total, solver="cholesky").fit(X, y, sample_weight=weights)
        problem = fastgd.LinearFit(X, y, sample_weight=weights, reduction=reduction, l2=l2 * scale)
        how = {"learning_rate": 0.4 / (2 + l2) / scale, "max_steps": 20_000, "engine": "samples"}
        run = fastgd.descend(problem, gradient_tolerance=1e-12 * scale, **how)
        assert run.status == Status.SMALL_GRADIENT
        assert run.theta == pytest.approx(np.append(other.coef_, other.intercept_), rel=1e-9, abs=1e-11)


def test_weighted_least_squares(diabetes):
    X, y = diabetes
    weights = weights_for(y)
    other = sklearn.linear_model.LinearRegression().fit(X, y, sample_weight=weights)
    problem = fastgd.LinearFit(X, y, sample_weight=weights)
    how = {"learning_rate": 0.3, "max_steps": 20_000, "engine": "samples"}
    run = fastgd.descend(problem, gradient_tolerance=1e-12, **how)
    assert run.status == Status.SMALL_GRADIENT
    assert run.theta == pytest.approx(np.append(other.coef_, other.intercept_), rel=1e-9, abs=1e-11)
    assert run.loss == pytest.approx(sklearn.metrics.mean_squared_error(y, other.predict(X), sample_weight=weights))
