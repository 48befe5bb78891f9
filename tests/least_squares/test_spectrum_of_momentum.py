"""What `Spectrum` says of momentum and of other losses, against descents that are run."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.least_squares.spectrum import BestMomentum

RULES = {"gradient": {}, "momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9}}


def noisy(**how):
    random = np.random.default_rng(3)
    X = random.normal(size=(40, 3)) * [1.0, 0.3, 2.0]
    return fastgd.LinearFit(X, X @ [1.0, -2.0, 0.5] + random.normal(size=40), **how)


PROBLEMS = {
    "pizza": fastgd.examples.pizza,
    "sum": lambda: noisy(reduction="sum"),
    "penalized": lambda: noisy(l2=0.5),
    "weighted": lambda: noisy(sample_weight=np.arange(40.0), l2=0.01),
}


# ---- stability limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_descents_on_both_sides_of_the_limit(name, rule, beta):
    """Far enough for the loss to be the least, or beyond all bounds; 1e-6 beside the limit that takes 1e9 steps."""
    problem = PROBLEMS[name]()
    limit, least = problem.spectrum().stability_limit(rule, beta), problem.minimum().loss
    how = {"rule": rule, "momentum": beta, "engine": "spectral"}
    below = fastgd.sweep(problem, learning_rate=limit * np.array([0.5, 0.99, 1 - 1e-6]), max_steps=10**11, **how)
    assert (below.status == Status.MAX_STEPS).all()
    assert below.loss == pytest.approx(least, rel=1e-12)
    above = fastgd.sweep(problem, learning_rate=limit * np.array([1.001, 1.5]), max_steps=10**7, **how)
    assert (above.status == Status.DIVERGED).all()


@pytest.mark.parametrize("rule", RULES)
def test_the_samples_themselves_know_the_limit(rule):
    problem = noisy(l2=0.1)
    limit = problem.spectrum().stability_limit(rule, **RULES[rule])
    for rate, grows in ((0.98, False), (1.02, True)):
        run = fastgd.descend(
            problem, learning_rate=rate * limit, max_steps=3000, rule=rule, engine="samples", record_every=None,
            **RULES[rule],
        )  # fmt: skip
        assert (run.status < 0) == grows


def test_limits_by_hand():
    spectrum = fastgd.examples.square().spectrum()  # lambda = 2
    assert spectrum.stability_limit() == pytest.approx(1.9, rel=1e-15)
    assert spectrum.stability_limit("gradient") == spectrum.stability_limit("gradient", 0.5) == 1.0
    assert spectrum.stability_limit("momentum", 0.5) == pytest.approx(1.5, rel=1e-15)
    assert spectrum.stability_limit("nesterov", 0.5) == pytest.approx(0.75, rel=1e-15)
    for rule in RULES:
        assert spectrum.stability_limit(rule, 0.0) == 1.0
    nothing = fastgd.LinearFit([[0.0], [0.0]], [1.0, 2.0], intercept=False).spectrum()
    assert nothing.stability_limit("nesterov", 0.3) == math.inf
    assert nothing.best_momentum == BestMomentum(math.inf, 0.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("adam", 0.9), "rule must be one of 'gradient', 'momentum', 'nesterov', got 'adam'"),
        (("momentum", 1.0), "momentum must be"),
        (("momentum", -0.1), "momentum must be"),
        (("nesterov", math.nan), "momentum must be"),
    ],
)
def test_limits_that_there_are_not(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        fastgd.examples.pizza().spectrum().stability_limit(*arguments)


# ---- the best momentum -----------------------------------------------------------------------------------------------


def slowest_root(eigenvalues, rate, beta):
    """Return what a step of the heavy ball leaves of the error in the end: z^2 - (1 + beta - rate lambda) z + beta."""
    return max(np.abs(np.roots([1.0, -(1.0 + beta - rate * value), beta])).max() for value in eigenvalues)


@pytest.mark.parametrize("name", PROBLEMS)
def test_best_momentum_is_polyaks(name):
    problem = PROBLEMS[name]()
    spectrum = problem.spectrum()
    rate, beta = spectrum.best_momentum
    L, m = spectrum.eigenvalues[0], spectrum.eigenvalues[-1]
    assert rate == pytest.approx(4.0 / (math.sqrt(L) + math.sqrt(m)) ** 2, rel=1e-14)
    assert rate < spectrum.stability_limit("momentum", beta)
    # at a double root the error falls as (1 + c t) beta^(t / 2): twice as many steps at most double c t
    t = int(20 / (1 - beta))
    how = {"learning_rate": rate, "momentum": beta, "rule": "momentum", "engine": "spectral"}
    theta = fastgd.sweep(problem, max_steps=[t // 2, t], **how).theta
    errors = np.linalg.norm(theta - problem.minimum().theta, axis=1)
    measured = (errors[1] / errors[0]) ** (1 / (t - t // 2))
    assert math.sqrt(beta) * (1 - 1e-6) < measured < math.sqrt(beta) * 2.01 ** (2 / t)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_neighbour_is_faster(name):
    spectrum = PROBLEMS[name]().spectrum()
    rate, beta = spectrum.best_momentum
    best = slowest_root(spectrum.eigenvalues, rate, beta)
    assert best == pytest.approx(math.sqrt(beta), abs=2e-7)  # a double root is found to half the digits
    L, m = spectrum.eigenvalues[0], spectrum.eigenvalues[-1]
    assert best < (L - m) / (L + m)  # the best rate without momentum
    for a in (0.8, 0.95, 0.999, 1.0, 1.001, 1.05, 1.2):
        for b in (0.5, 0.9, 0.99, 1.0, 1.01, 1.1):
            if (a, b) != (1.0, 1.0) and beta * b < 1.0:
                assert slowest_root(spectrum.eigenvalues, rate * a, beta * b) > best - 2e-7


def test_one_curvature_needs_no_momentum():
    for problem in (fastgd.examples.square(), fastgd.examples.pizza(intercept=False)):
        spectrum = problem.spectrum()
        assert spectrum.best_momentum == (pytest.approx(spectrum.best_learning_rate, rel=1e-15), 0.0)
        run = fastgd.descend(problem, rule="momentum", **spectrum.best_momentum._asdict(), max_steps=1)
        assert run.loss == pytest.approx(problem.minimum().loss, rel=1e-15, abs=1e-30)


# ---- other losses ----------------------------------------------------------------------------------------------------

BOUNDED = [fastgd.Huber(0.7), fastgd.LogCosh()]


@pytest.mark.parametrize("loss", BOUNDED, ids=repr)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_bounds_are_half_the_squared_losss_curvature(loss, reduction):
    squared, bound = noisy(reduction=reduction).spectrum(), noisy(reduction=reduction, loss=loss).spectrum()
    assert (squared.is_bound, bound.is_bound) == (False, True)
    assert bound.eigenvalues == pytest.approx(squared.eigenvalues / 2.0, rel=1e-13)
    assert bound.max_learning_rate == pytest.approx(2.0 * squared.max_learning_rate, rel=1e-13)
    assert "at most" in str(bound)
    assert "gradient descent converges below" in str(bound)
    assert "diverges above" in str(squared)


@pytest.mark.parametrize("loss", BOUNDED, ids=repr)
def test_bounds_with_weights_and_penalty(loss):
    weights, l2 = np.arange(1.0, 41.0), 0.2
    problem = noisy(loss=loss, sample_weight=weights, l2=l2)
    X = np.column_stack([problem.X, np.ones(40)])
    hessian = X.T @ (weights[:, None] * X) / weights.sum() + 2 * l2 * np.diag([1, 1, 1, 0])
    expected = np.sort(np.linalg.eigvalsh(hessian))[::-1]
    assert problem.spectrum().eigenvalues == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", BOUNDED, ids=repr)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_below_the_bound_no_step_raises_the_loss(loss, l2):
    problem = noisy(loss=loss, l2=l2)
    limit = problem.spectrum().max_learning_rate
    starts = np.random.default_rng(0).normal(size=(4, 4)) * [[0.1], [1.0], [10.0], [100.0]]
    rates = limit * np.array([0.1, 0.9, 0.9999])
    result = fastgd.sweep(problem, theta0=starts, learning_rate=rates, max_steps=300, record_every=1)
    losses = result.trajectory.loss
    assert np.isfinite(losses).all()
    assert (np.diff(losses, axis=-1) <= 1e-14 * losses[..., :1]).all()
    # and the bound is reached: close to a perfect fit it is the limit
    fitted = fastgd.LinearFit(problem.X, problem.X @ [1.0, 2.0, 3.0] + 4.0, loss=loss, l2=l2)
    if l2 == 0.0:
        near = np.array([1.0, 2.0, 3.0, 4.0]) + 1e-6
        result = fastgd.sweep(fitted, theta0=near, learning_rate=limit * np.array([0.99, 1.01]), max_steps=300)
        assert result.status.tolist() == [Status.MAX_STEPS, Status.LOSS_GREW]


def test_a_heavy_ball_below_its_bound_may_cycle():
    """Why a bound says less of it: it settles from nearby, and goes round from farther away. The other rules settle."""
    problem = fastgd.LinearFit([[1.0]], [0.0], intercept=False, loss=fastgd.Huber(1.0), l2=0.01)
    starts = np.array([[0.01], [10.0], [20.0], [29.0]])
    spectrum = problem.spectrum()
    for rule, momentum in (("gradient", None), ("nesterov", 0.9), ("momentum", 0.9)):
        limit = spectrum.stability_limit(rule, momentum or 0.0)
        result = fastgd.sweep(
            problem, theta0=starts, learning_rate=0.9 * limit, rule=rule, momentum=momentum, max_steps=20_000
        )
        settled = result.gradient_norm < 1e-9
        assert settled[0]
        assert settled.all() == (rule != "momentum")
    assert "best_momentum" not in str(spectrum)
    assert "best_momentum" in str(noisy().spectrum())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "name"), [("absolute", "'absolute'"), (fastgd.ResidualLoss(lambda r: r**4, lambda r: 4 * r**3), "Resid")]
)
def test_losses_without_a_known_bound(loss, name):
    problem = noisy(loss=loss)
    with pytest.raises(ValueError, match=rf"^loss must be 'squared', Huber or LogCosh for spectrum\(\), got {name}"):
        problem.spectrum()
    assert "stability" not in str(fastgd.sweep(problem, learning_rate=[1e-3, 1e-2], max_steps=20))


# ---- the printed summary ---------------------------------------------------------------------------------------------


def stability(problem, **how):
    """Return the summary's line, its spectrum being there already."""
    problem.spectrum()
    lines = str(fastgd.sweep(problem, max_steps=20, **how)).splitlines()
    found = [line.split(maxsplit=1)[1] for line in lines if line.startswith("  stability")]
    assert len(lines) <= 15
    return found[0] if found else None


def test_the_summary_says_the_limit():
    square = fastgd.examples.square()  # limits: 1, (1 + beta), (1 + beta) / (1 + 2 beta)
    rates = [0.2, 0.9, 1.4, 1.6]
    assert stability(square, learning_rate=rates) == ("limit 1, 2 of 4 learning rates above it; best fixed rate 0.5")
    how = {"learning_rate": rates, "momentum": 0.5}
    assert stability(square, rule="momentum", **how) == "limit 1.5, 1 of 4 learning rates above it"
    assert stability(square, rule="nesterov", **how) == "limit 0.75, 3 of 4 learning rates above it"
    assert stability(square, rule="momentum", learning_rate=0.1) == "limit 1.9, 0 of 1 learning rate above it"
    how = {"learning_rate": rates, "momentum": [0.0, 0.5, 0.9]}
    assert stability(square, rule="momentum", **how) == "limit 1 to 1.9, by momentum"
    assert stability(square, rule="nesterov", **how) == "limit 0.678571 to 1, by momentum"
    for rule in ("sign", "adam"):
        assert stability(square, rule=rule, learning_rate=rates) is None


def test_the_summary_says_that_a_limit_is_a_bound():
    problem = fastgd.LinearFit([[1.0]], [0.0], intercept=False, loss=fastgd.Huber(1.0))  # lambda at most 1
    assert stability(problem, learning_rate=[1.0, 3.0]) == (
        "limit at least 2, 1 of 2 learning rates above it; best fixed rate 1"
    )
    assert stability(problem, learning_rate=1.0, rule="momentum", momentum=0.5) == (
        "near a minimum, limit at least 3, 0 of 1 learning rate above it"
    )
    momenta = {"rule": "momentum", "momentum": [0.0, 0.5]}
    assert stability(problem, learning_rate=1.0, **momenta) == "near a minimum, limit at least 2 to 3, by momentum"


def test_the_summary_suggests_a_rate_below_the_limit():
    problem = noisy()
    limit = problem.spectrum().stability_limit("nesterov", 0.9)
    result = fastgd.sweep(problem, learning_rate=[1.5 * limit, 5 * limit], rule="nesterov", max_steps=5000)
    assert result.best is None
    assert f"for example {limit / 2:.3g}" in str(result)
