"""Every loss of residuals in every kind of fit: hand-worked values, exact arithmetic, rounding, and the extremes."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.optimize

import fastgd
from fastgd.problems.losses import Loss
from tests.oracle import residuals
from tests.oracle.reference import EPSILON, SMALLEST, numbers
from tests.tools.fits import DELTA, LOSSES, MODELS, RATIONAL, dyadic, is_weighted, real

CURVATURE = 2.0  # no psi of these rises faster, but that of the absolute loss at 0


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    return request.param


def at_residual(loss, r):
    """Return rho(r) and psi(r), from a line through one sample."""
    value, (slope,) = fastgd.LinearFit([1.0], [0.0], intercept=False, loss=LOSSES[loss].loss).loss_and_gradient(r)
    return value, slope


def test_each_known_loss_has_its_oracle():
    assert residuals.BY_WORD.keys() == Loss.known.keys()


def test_a_word_names_one_loss():
    with pytest.raises(TypeError, match=r"^Other needs a word of its own, 'huber' is that of Huber$"):
        type("Other", (Loss,), {"word": "huber"})
    assert Loss.known["huber"] is fastgd.Huber


# ---- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "r", "rho", "psi"),
    [
        ("squared", 3.0, 9.0, 6.0),
        ("squared", -0.5, 0.25, -1.0),
        ("absolute", -2.5, 2.5, -1.0),
        ("absolute", 0.25, 0.25, 1.0),
        ("absolute", 0.0, 0.0, 0.0),
        ("huber", -1.0, 0.5, -1.0),
        ("huber", 1.5, 1.125, 1.5),
        ("huber", 1.4995, 1.4995**2 / 2, 1.4995),
        ("huber", -1.5005, 1.125 + 1.5 * 0.0005, -1.5),
        ("huber", -4.0, 4.875, -1.5),  # 1.5 (4 - 0.75)
        ("log-cosh", 0.0, 0.0, 0.0),
        ("log-cosh", math.log(2), math.log(1.25), 0.6),  # cosh = (2 + 1/2) / 2, tanh = (2 - 1/2) / (2 + 1/2)
        ("log-cosh", -math.log(3), math.log(5 / 3), -0.8),
        ("the user's", -1.0, math.log(2), -1.0),
        ("the user's", 2.0, math.log(5), 0.8),
    ],
)
def test_hand_worked(loss, r, rho, psi):
    assert at_residual(loss, r) == pytest.approx((rho, psi), rel=4 * EPSILON, abs=0)


def of_each_loss_and_model():
    """Yield a loss, a model, whether there are weights, and the storage: each model once in float32, with weights."""
    for k, model in enumerate(MODELS):
        for loss in RATIONAL:
            yield pytest.param(loss, model, is_weighted(loss, model), np.float64, id=f"{model}-{loss}")
        loss = RATIONAL[(k + 2) % len(RATIONAL)]
        yield pytest.param(loss, model, True, np.float32, id=f"{model}-{loss}, float32")


@pytest.mark.parametrize(("loss", "model", "weighted", "dtype"), list(of_each_loss_and_model()))
def test_exact_on_dyadic_numbers(loss, model, weighted, dtype):
    for N in (1, 7, 37, 5003):  # the last past a block and a sub-block of each kind
        X, y, weights, theta = dyadic(model, N)
        weights[0] = 1.0
        how = {"reduction": "sum"} | ({"weights": weights, "l2": 0.375} if weighted else {})
        if N < 100:
            expected = model.oracle(Fraction, X, y, LOSSES[loss].oracle, **how)(numbers(theta, Fraction))
        else:  # in float64, where nothing rounds either
            rows, penalised = model.rows(X), np.where(np.arange(model.P) == model.free, 0.0, theta)
            rho, psi = (np.array([f(r) for r in (rows @ theta - y).tolist()], float) for f in LOSSES[loss].oracle)
            shares, l2 = (weights, 0.375) if weighted else (np.ones(N), 0.0)
            expected = shares @ rho + l2 * penalised @ penalised, list((shares * psi) @ rows + 2 * l2 * penalised)
        how["sample_weight"] = how.pop("weights", None)
        problem = model.fit(X.astype(dtype), y.astype(dtype), loss=LOSSES[loss].loss, **how)
        assert problem.dtype == dtype
        found, gradient = problem.loss_and_gradient(theta)
        assert (found, list(gradient)) == expected


@pytest.mark.parametrize("spread", [1e-3, 1.0, 100.0])
def test_rounds_as_it_must(loss, model, spread):
    """Each residual is off by its roundings, which rho passes on |psi| times, psi at most CURVATURE times."""
    weighted = is_weighted(loss, model)
    N = 30
    X, y, weights, theta = real(model, N)
    y = y * spread
    how = {"weights": weights, "l2": 0.3} if weighted else {}
    with mpmath.workdps(60):
        oracle = model.oracle(mpmath.mpf, X, y, LOSSES[loss].oracle, **how)
        exact, slopes = oracle(numbers(theta, mpmath.mpf))
    keywords = {"sample_weight": weights, "l2": 0.3} if weighted else {}
    found, gradient = model.fit(X, y, loss=LOSSES[loss].loss, **keywords).loss_and_gradient(theta)

    rows = model.rows(X)
    shares = (weights if weighted else np.ones(N)) / (weights.sum() if weighted else N)
    rho, psi = np.array([[f(float(r)) for r in rows @ theta - y] for f in LOSSES[loss].oracle], dtype=float)
    off = (2 * model.P + 2) * EPSILON * (np.abs(rows) @ np.abs(theta) + np.abs(y))
    unit = (N + 20) * EPSILON  # of the sums, the weights and of rho and psi themselves
    penalty = 0.3 * (theta @ theta) if weighted else 0.0
    assert abs(found - exact) <= shares @ (np.abs(psi) * off + CURVATURE * off**2 + unit * rho) + unit * penalty
    allowed = (shares * (CURVATURE * off + unit * np.abs(psi))) @ np.abs(rows) + unit * 0.6 * np.abs(theta) * weighted
    assert (np.abs(gradient - np.array([float(value) for value in slopes])) <= allowed).all()


def test_gradient_matches_finite_differences(loss, model):
    X, y, weights, theta = real(model, 60)
    how = {"sample_weight": weights, "l2": 0.7, "reduction": "sum"} if is_weighted(loss, model) else {}
    problem = model.fit(X, y, loss=LOSSES[loss].loss, **how)
    difference = scipy.optimize.approx_fprime(theta, problem.loss, 1e-7)
    assert problem.gradient(theta) == pytest.approx(difference, rel=1e-5, abs=1e-5 * np.abs(difference).max())
    assert problem.check_gradient(theta) < 1e-6


def test_elementary_functions_to_five_units_in_the_last_place():
    random = np.random.default_rng(0)
    sizes = np.concatenate(
        [10.0 ** random.uniform(-310, 2.9, 150), random.uniform(0, 3, 150), [0.7, 1e-8, 20.0, 708.0]]
    )
    with mpmath.workdps(700):  # log cosh of 1e-300 is half of 1e-600
        for r in np.concatenate([sizes, -sizes]).tolist():
            for found, function in zip(at_residual("log-cosh", r), LOSSES["log-cosh"].oracle, strict=True):
                exact = function(mpmath.mpf(r))
                unit = max(math.ulp(abs(float(exact))), SMALLEST)
                assert abs(found - exact) <= 5 * unit, (r, found)


@pytest.mark.parametrize("N", [129, 1009, 5003])
@pytest.mark.parametrize("size", [1e-160, 1e-8, 0.1, 0.17, 0.19, 0.35, 1.0, 30.0, 1e300])
def test_sums_of_many_log_cosh(size, N):
    """Of many samples they are taken without a logarithm of each."""
    random = np.random.default_rng(N)
    r = size * random.uniform(0.9, 1, N) * random.choice([-1, 1], N)
    line = fastgd.LinearFit(np.zeros(N), -r, loss=LOSSES["log-cosh"].loss, reduction="sum")
    found, (_, gradient) = line.loss_and_gradient([0.0, 0.0])
    with mpmath.workdps(40):
        if size < 1e-100:
            exact = mpmath.fsum(mpmath.mpf(r_i) ** 2 / 2 for r_i in r.tolist())
        elif size > 1e100:
            exact = mpmath.fsum(np.abs(r).tolist())
        else:
            exact = mpmath.fsum(LOSSES["log-cosh"].oracle[0](mpmath.mpf(r_i)) for r_i in r.tolist())
        assert abs(found - exact) <= 15 * EPSILON * exact + N * SMALLEST
    slopes = np.tanh(r)
    assert abs(gradient - math.fsum(slopes)) <= 5 * EPSILON * np.abs(slopes).sum()


@pytest.mark.parametrize("r", [0.0, 1e-310, 1e-8, 0.1, -0.173, 0.174, 0.19, -0.5, 0.55, 3.0, -22.5, 1e5])
def test_one_residual_among_many(r):
    plane = fastgd.LinearFit(np.eye(200)[:, :2], np.zeros(200), loss=LOSSES["log-cosh"].loss, reduction="sum")
    found, (slope, *others) = plane.loss_and_gradient([r, 0.0, 0.0])
    assert others == [0.0, slope]
    rho, psi = at_residual("log-cosh", r)
    assert abs(slope - psi) <= 6 * EPSILON * abs(psi)
    assert abs(found - rho) <= EPSILON * (4 * rho if abs(r) < 0.1733 else max(2.0, 4 * rho))


# ---- extremes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e150, 1e300])
@pytest.mark.parametrize("loss", ["absolute", "huber", "log-cosh"])
def test_large_residuals_do_not_overflow(loss, model, size):
    X, y, _, theta = dyadic(model, 9)
    y = np.where(np.arange(9) % 3 > 0, size, -size)
    found, gradient = model.fit(X, y, loss=LOSSES[loss].loss).loss_and_gradient(theta)
    slope = DELTA if loss == "huber" else 1.0
    assert found == pytest.approx(slope * size, rel=1e-14)
    assert gradient == pytest.approx(-slope * np.sign(y) @ model.rows(X) / 9, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("r", [SMALLEST, 1e-310, 1e-160, 1e-154])
def test_denormal_residuals(loss, model, r):
    X, y = np.ones(model.shape(1)), [-r]  # dr/dtheta_k = 1
    found, gradient = model.fit(X, y, loss=LOSSES[loss].loss, reduction="sum").loss_and_gradient(np.zeros(model.P))
    with mpmath.workdps(400):
        rho, psi = (function(mpmath.mpf(r)) for function in LOSSES[loss].oracle)
        assert abs(found - rho) <= 3 * SMALLEST + 4 * EPSILON * rho
        assert all(abs(slope - psi) <= 4 * EPSILON * psi for slope in gradient)


def test_what_overflows_is_never_finite(loss, model):
    X, y, weights, _ = real(model, 40)
    for how in ({}, {"sample_weight": np.where(np.arange(40) % 2, weights, 0.0), "l2": 0.1}):
        problem = model.fit(2 * X + 3, y, loss=LOSSES[loss].loss, **how)
        for theta in (np.full(model.P, 1e308), np.full(model.P, math.nan), [math.inf] + [0.0] * (model.P - 1)):
            assert not math.isfinite(problem.loss(theta))
        run = fastgd.descend(problem, theta0=np.full(model.P, 1e308), learning_rate=0.1, engine="samples")
        assert (run.status, run.steps) == (fastgd.Status.DIVERGED, 0)
    if loss == "squared":
        assert model.fit(X, y).loss(np.full(model.P, 1e200)) == math.inf


# ---- weights and l2 -------------------------------------------------------------------------------------------------


def test_weights_are_repeated_samples(loss, model):
    """A whole weight is a sample that many times, none included, to the rounding of their sums."""
    X, y, weights, theta = dyadic(model, 50)
    for reduction in ("mean", "sum"):
        how = {"loss": LOSSES[loss].loss, "reduction": reduction, "l2": 0.25}
        weighted = model.fit(X, y, sample_weight=weights, **how).loss_and_gradient(theta)
        at = np.repeat(np.arange(50), weights.astype(int))
        repeated = model.fit(X[at], y[at], **how).loss_and_gradient(theta)
        if loss in RATIONAL:
            assert (weighted[0], list(weighted[1])) == (repeated[0], list(repeated[1]))
        else:
            assert weighted[0] == pytest.approx(repeated[0], rel=1e-14)
            assert weighted[1] == pytest.approx(repeated[1], rel=1e-13, abs=1e-13)


def test_a_sample_of_no_weight_may_be_anything(loss, model):
    X, y, weights, theta = dyadic(model, 50)
    how = {"loss": LOSSES[loss].loss, "sample_weight": weights}
    expected = model.fit(X, y, **how).loss_and_gradient(theta)
    assert (weights == 0).any()
    found = model.fit(X, np.where(weights == 0, 1e6, y), **how).loss_and_gradient(theta)
    assert (found[0], found[1].tobytes()) == (expected[0], expected[1].tobytes())


def test_scaled_weights(loss, model):
    X, y, weights, theta = real(model, 300)
    how = {"loss": LOSSES[loss].loss}
    mean = model.fit(X, y, sample_weight=weights, **how).loss_and_gradient(theta)
    total = model.fit(X, y, sample_weight=weights, reduction="sum", **how).loss_and_gradient(theta)
    for power in (2.0**40, 2.0**-40):
        scaled = model.fit(X, y, sample_weight=power * weights, **how).loss_and_gradient(theta)
        assert (scaled[0], scaled[1].tobytes()) == (mean[0], mean[1].tobytes())
        scaled = model.fit(X, y, sample_weight=power * weights, reduction="sum", **how).loss_and_gradient(theta)
        assert (scaled[0], scaled[1].tobytes()) == (power * total[0], (power * total[1]).tobytes())


def test_weights_of_one_are_none(loss, model):
    X, y, _, theta = dyadic(model, 100)
    found = model.fit(X, y, loss=LOSSES[loss].loss, sample_weight=np.ones(100)).loss_and_gradient(theta)
    expected = model.fit(X, y, loss=LOSSES[loss].loss).loss_and_gradient(theta)
    assert found[0] == pytest.approx(expected[0], rel=1e-14)
    assert found[1] == pytest.approx(expected[1], rel=1e-13, abs=1e-14)


def test_penalty_by_hand():
    # no residual; l2 (3^2 + 4^2) without the constant term's 5, and 2 l2 theta
    for reduction in ("mean", "sum"):
        how = {"l2": 0.5, "reduction": reduction}
        line = fastgd.LinearFit([[0.0, 0.0]] * 2, [5.0, 5.0], **how)
        assert line.loss([3, 4, 5]) == 12.5
        assert line.gradient([3, 4, 5]).tolist() == [3.0, 4.0, 0.0]
        plane = fastgd.LinearFit([[0.0, 0.0]] * 2, [0.0, 0.0], intercept=False, **how)
        assert plane.loss([3, 4]) == 12.5
        assert plane.gradient([3, 4]).tolist() == [3.0, 4.0]
        parabola = fastgd.PolynomialFit([0.0, 0.0], [5.0, 5.0], 2, **how)
        assert parabola.loss([5, 3, 4]) == 12.5
        assert parabola.gradient([5, 3, 4]).tolist() == [0.0, 3.0, 4.0]


def test_largest_penalty():
    problem = fastgd.LinearFit([1.0], [0.0], intercept=False, l2=1e308)
    assert problem.loss_and_gradient(0.0) == (0.0, [0.0])
    assert problem.gradient(0.25).tolist() == [0.5e308]


@pytest.mark.parametrize("size", [1.0, 1e8])
def test_penalty_leaves_the_constant_term_alone(loss, model, size):
    X, y, _, theta = real(model, 20)
    theta = np.where(np.arange(model.P) == model.free, size, 0.0)
    plain, penalised = (model.fit(X, y, loss=LOSSES[loss].loss, l2=l2).loss_and_gradient(theta) for l2 in (0.0, 10.0))
    assert (plain[0], plain[1].tobytes()) == (penalised[0], penalised[1].tobytes())


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights and l2"])
def test_batch_equals_single_bit_for_bit(loss, model, weighted):
    X, y, weights, _ = real(model, 5003)
    how = {"sample_weight": weights, "l2": 0.3} if weighted else {}
    problem = model.fit(X, y, loss=LOSSES[loss].loss, **how)
    thetas = np.random.default_rng(1).normal(size=(9, model.P))
    losses, gradients = problem.loss_and_gradient(thetas)
    for theta, value, gradient in zip(thetas, losses, gradients, strict=True):
        alone = problem.loss_and_gradient(theta)
        assert (alone[0], alone[1].tobytes()) == (value, gradient.tobytes())
