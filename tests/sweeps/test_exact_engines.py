"""The exact engines against high precision: every stop, every schedule, many digits, many steps, every scale."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgd
from fastgd import Status
from tests.oracle import reference
from tests.oracle.published import PIZZA_LARGEST_RATE, PIZZAS, RESERVATIONS, published
from tests.oracle.reference import Rounding, linear, norm, numbers, powers
from tests.tools.cases import SPECTRAL_SCHEDULES as SCHEDULES
from tests.tools.cases import (
    assert_equals_oracle,
    hyperparameters,
    squared,
    squared_cases,
    thresholds,
    values,
)

# ---- the oracle, step by step ---------------------------------------------------------------------------------------


@st.composite
def sweeps(draw):
    case, P = draw(squared_cases())
    limit = 2 / (case.rounding.hessian_norm or 2.0)
    part = st.just(0.0) | st.floats(1e-3, 1.5)
    axes = {
        "theta0": [[draw(values) for _ in range(P)] for _ in range(draw(st.integers(1, 2)))],
        "learning_rate": [limit * draw(part) for _ in range(draw(st.integers(1, 3)))],
        "max_steps": [draw(st.integers(0, 40)) for _ in range(draw(st.integers(1, 2)))],
    }
    return case, axes, draw(hyperparameters(P, SCHEDULES))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(sweeps())
def test_spectral_on_random_problems(drawn):
    case, axes, shared = drawn
    shared.pop("bounds", None)
    result = fastgd.sweep(case.problem, **axes, **shared, engine="spectral")
    with mpmath.workdps(60):
        assert_equals_oracle(result, case, **shared)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sweeps())
def test_moments_on_random_problems(drawn):
    case, axes, shared = drawn
    if "bounds" in shared:
        lower, upper = shared["bounds"]
        axes["theta0"] = np.clip(axes["theta0"], lower, upper)
    result = fastgd.sweep(case.problem, **axes, **shared, engine="moments")
    with mpmath.workdps(60):
        assert_equals_oracle(result, case, **shared)


@pytest.mark.parametrize("how", SCHEDULES, ids=lambda how: how["schedule"])
@pytest.mark.parametrize("engine", ["moments", "spectral"])
def test_trajectories(many_digits, engine, how):
    case = squared("polynomial", [0.0, 0.5, 1.0, 1.5, 3.0], [1.0, -1.0, 0.5, 2.0, 1.0], degree=2)
    rate, steps, start = 1.8 / case.rounding.hessian_norm, 60, [0.3, -2.0, 1.0]
    how = how | {"loss_threshold": 0.9}
    run = fastgd.descend(case.problem, start, learning_rate=rate, max_steps=steps, record_every=7, engine=engine, **how)
    exact = case.descend(mpmath.mpf, theta0=start, learning_rate=rate, max_steps=steps, record_every=7, **how)
    assert (run.steps, run.status) == (exact.steps, exact.status)
    assert run.trajectory.steps.tolist() == [t for t, _, _ in exact.trajectory]
    for theta, loss, (_, exact_theta, exact_loss) in zip(
        run.trajectory.theta, run.trajectory.loss, exact.trajectory, strict=True
    ):
        assert theta == pytest.approx([float(value) for value in exact_theta], rel=1e-13, abs=1e-14)
        assert loss == pytest.approx(float(exact_loss), rel=1e-13)


# ---- the oracle, at any step ----------------------------------------------------------------------------------------


class Leaps:
    """theta_t of a squared loss, for any t, by repeated squaring of one step, an affine map, in many digits."""

    def __init__(self, rows, y, reduction="mean"):
        self.loss_and_gradient = linear(rows, y, intercept=False, reduction=reduction)
        P, count = len(rows[0]), len(rows) if reduction == "mean" else 1
        self.hessian = mpmath.matrix(P, P)
        self.target = mpmath.matrix(P, 1)
        for row, value in zip(rows, y, strict=True):
            for i in range(P):
                self.target[i] += 2 * row[i] * value / count
                for j in range(P):
                    self.hessian[i, j] += 2 * row[i] * row[j] / count

    def theta(self, start, rate, t):
        P = len(start)
        rate = mpmath.mpf(float(rate))
        power = mpmath.eye(P + 1)
        for i in range(P):
            power[i, P] = rate * self.target[i]
            for j in range(P):
                power[i, j] -= rate * self.hessian[i, j]
        state = mpmath.matrix([*numbers(start, mpmath.mpf), 1])
        while t:
            if t & 1:
                state = power * state
            t >>= 1
            power = power * power if t else power
        return list(state)[:P]

    def at(self, start, rate, t):
        """Return theta_t, loss and norm of the gradient."""
        theta = self.theta(start, rate, t)
        loss, gradient = self.loss_and_gradient(theta)
        return theta, loss, norm(gradient)


@pytest.fixture
def ninety_digits():
    with mpmath.workdps(90):
        yield


def relative_error(theta, exact):
    return norm([mpmath.mpf(float(a)) - b for a, b in zip(theta, exact, strict=True)]) / norm(exact)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("t", "error"), [(10**3, 1e-13), (10**5, 1e-12), (10**9, 1e-11), (10**14, 1e-9), (2**53, 1e-9)]
)
def test_degree_15_keeps_its_digits(ninety_digits, t, error):
    x = np.linspace(0, 1, 400)
    y = np.sin(2 * np.pi * x)
    problem = fastgd.PolynomialFit(x, y, degree=15)
    exact = Leaps(powers(numbers(x, mpmath.mpf), 15), numbers(y, mpmath.mpf))
    rate = problem.spectrum().max_learning_rate / 2
    for start in (np.zeros(16), np.random.default_rng(0).normal(size=16)):
        result = fastgd.sweep(problem, theta0=start, learning_rate=rate, max_steps=t, engine="spectral")
        assert relative_error(result.theta, exact.theta(start, rate, t)) < error
        assert (result.steps, result.status) == (t, Status.MAX_STEPS)


@pytest.fixture
def pizza_leaps(ninety_digits):
    return Leaps([[mpmath.mpf(x), mpmath.mpf(1)] for x in RESERVATIONS], numbers(PIZZAS, mpmath.mpf))


PIZZA_ROUNDING = Rounding.of_linear(np.reshape(RESERVATIONS, (-1, 1)), PIZZAS)


def test_any_number_of_steps(pizza_leaps):
    problem, start = fastgd.examples.pizza(), [2.0, -1.0]
    steps = [0, 1, 2, 3, 10, 99, 1000, 12_345, 10**6, 10**9]
    rates = [0.0, 1e-9, 1e-5, 1e-3, 0.0023, 0.004, 0.0045]
    result = fastgd.sweep(problem, theta0=start, learning_rate=rates, max_steps=steps, engine="spectral")
    for i, rate in enumerate(rates):
        for j, t in enumerate(steps):
            theta, loss, gradient = pizza_leaps.at(start, rate, t)
            assert relative_error(result.theta[i, j], theta) < 3e-15
            assert abs(result.loss[i, j] - loss) < 3e-15 * (loss + PIZZA_ROUNDING.mean_square)
            assert abs(result.gradient_norm[i, j] - gradient) < 1e-14 * pizza_leaps.at(start, rate, 0)[2]
    assert (result.status == Status.MAX_STEPS).all()
    assert (result.steps == steps).all()


@pytest.mark.parametrize(
    "test",
    [
        {"loss_threshold": [22.85, 23.0, 60.0, 300.0]},
        {"gradient_tolerance": [1e-6, 1e-3, 1.0, 100.0]},
        {"tolerance": [1e-12, 1e-9, 1e-7, 1e-4]},
    ],
    ids=lambda test: next(iter(test)),
)
def test_stops_after_many_steps(pizza_leaps, test):
    """At the stop the test holds, to its delta, and at the step before it does not."""
    problem, rates = fastgd.examples.pizza(), [1e-8, 1e-6, 1e-4, 0.0044]
    result = fastgd.sweep(problem, learning_rate=rates, max_steps=10**12, **test, engine="spectral")
    ((name, values),) = test.items()
    assert result.converged.all()
    assert result.steps.max() > 10**6
    for i, rate in enumerate(rates):
        for j, threshold in enumerate(values):
            t = int(result.steps[i, j])
            for step, holds in ((t, True), (t - 1, False)):
                if step < 0:
                    continue
                theta, loss, gradient = pizza_leaps.at([0, 0], rate, step)
                state = reference.State(step, theta, loss, None, mpmath.mpf(rate), None)
                value, delta = {
                    "loss_threshold": (loss, PIZZA_ROUNDING.of_loss(state)),
                    "gradient_tolerance": (gradient, PIZZA_ROUNDING.of_gradient(state)),
                    "tolerance": (rate * gradient, PIZZA_ROUNDING.of_update(state)),
                }[name]
                assert value < threshold + delta if holds else value >= threshold - delta


def test_the_pizza_problem_across_its_stability_limit():
    problem = fastgd.examples.pizza()
    assert problem.spectrum().max_learning_rate == published(PIZZA_LARGEST_RATE)
    rates = np.linspace(0.0045, 0.0046, 1000)
    limit = _pizza_limit()
    result = fastgd.sweep(problem, learning_rate=rates, max_steps=300_000, engine="spectral")
    assert np.array_equal(result.failed, rates > limit)
    assert (result.status[rates < limit] == Status.MAX_STEPS).all()
    far = rates > limit * 1.001
    assert (result.status[far] == Status.DIVERGED).all()
    assert (np.diff(result.steps[far]) <= 0).all()
    stepwise = fastgd.sweep(problem, learning_rate=rates[::100], max_steps=300_000, engine="moments")
    assert np.array_equal(stepwise.steps, result.steps[::100])
    assert np.array_equal(stepwise.status, result.status[::100])


def _pizza_limit():
    """Return 2 / lambda_max, by the formula for two eigenvalues."""
    x = np.array(RESERVATIONS, float)
    trace, determinant = (x @ x + 30) * 2 / 30, (30 * (x @ x) - x.sum() ** 2) * 4 / 900
    return 2 / (trace / 2 + math.sqrt(trace**2 / 4 - determinant))


# ---- stops, all at once ---------------------------------------------------------------------------------------------


def random_columns(random, problem, C):
    """Return C configurations whose tests are met early, late or never, many where the loss falls before it grows."""
    P, limit = problem.dimension, problem.spectrum().max_learning_rate
    minimum, spread = problem.minimum(), 10 ** random.uniform(-6, 1, (C, P))
    start = minimum.theta + (spread * random.choice([-1, 1], (C, P))) @ problem.spectrum().eigenvectors.T
    loss, gradient = problem.loss_and_gradient(start)
    gradient = np.linalg.norm(gradient, axis=1)
    rate = (
        limit
        * [
            random.uniform(0, 1.3, C),
            np.abs(1 + random.normal(size=C) * 10 ** random.uniform(-4, -1)),
            10 ** random.uniform(-4, 0.3, C),
        ][random.integers(3)]
    )
    columns = {"theta0": start, "learning_rate": rate, "max_steps": random.integers(0, 2000, C)}
    tests = {
        "loss_threshold": minimum.loss + (loss - minimum.loss) * 10 ** random.uniform(-4, 0.2, C),
        "gradient_tolerance": gradient * 10 ** random.uniform(-4, 0.1, C),
        "tolerance": rate * gradient * 10 ** random.uniform(-4, 0.1, C),
        "divergence_threshold": loss * 10 ** random.uniform(-0.5, 8, C),
    }
    return columns | {name: column for name, column in tests.items() if random.random() < 0.6}


def test_equal_steps_where_thresholds_are_well_above_rounding():
    statuses = dict.fromkeys([1, 2, 3, 0, -1, -2], 0)
    dips = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        N, P = 12, int(random.integers(1, 6))
        X = random.normal(size=(N, P)) * 10 ** random.uniform(-1, 1, P)
        y = random.normal(size=N) * (seed % 4 > 0)
        problem = fastgd.LinearFit(X, y, intercept=False, reduction=["mean", "sum"][seed % 2])
        columns = random_columns(random, problem, C=150)
        exact = fastgd.sweep(problem, configurations=columns, engine="spectral")
        stepwise = fastgd.sweep(problem, configurations=columns, engine="moments")
        assert np.array_equal(exact.steps, stepwise.steps)
        assert np.array_equal(exact.status, stepwise.status)
        for status in statuses:
            statuses[status] += int((exact.status == status).sum())
        grows = columns["learning_rate"] > problem.spectrum().max_learning_rate
        dips += int((grows & exact.converged & (exact.steps > 0)).sum())
    assert min(statuses.values()) > 200
    assert dips > 100


def test_a_dip_of_a_single_step():
    """The loss is below the threshold at one step only: at the rate 1 the residuals go by 0.1 and -3."""
    problem = fastgd.LinearFit(np.diag(np.sqrt([0.45, 2.0])), [0, 0], intercept=False, reduction="sum")
    loss = [0.45e8 * 0.01**t + 2 * 9.0**t for t in range(6)]
    assert loss[2] > 1.1 * loss[3] < loss[4] / 1.1
    for engine in ("samples", "moments", "spectral"):
        how = {"theta0": [1e4, 1], "learning_rate": 1.0, "max_steps": 10**4, "engine": engine}
        result = fastgd.sweep(problem, loss_threshold=[1.05 * loss[3], 0.95 * loss[3]], **how)
        assert result.status.tolist() == [Status.REACHED_LOSS, Status.DIVERGED]
        assert result.steps.tolist() == [3, 210]  # 2 * 9^210 = 4.9e200
        assert result.loss[0] == pytest.approx(loss[3], rel=1e-11)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(sweeps(), st.integers(0, 10**9), thresholds, thresholds, thresholds)
def test_what_is_reported_passes_its_test_and_the_step_before_does_not(drawn, steps, loss, gradient, update):
    case, axes, _ = drawn
    rates = np.array(axes["learning_rate"])
    tests = {"loss_threshold": loss, "gradient_tolerance": gradient, "tolerance": update}
    how = {"theta0": axes["theta0"][0], "engine": "spectral", **tests}
    result = fastgd.sweep(case.problem, learning_rate=rates, max_steps=steps, **how)
    for rate, status, t, found_loss, found_norm in zip(
        rates, result.status, result.steps, result.loss, result.gradient_norm, strict=True
    ):
        if status == Status.REACHED_LOSS:
            assert found_loss < loss
        if status == Status.SMALL_GRADIENT:
            assert found_norm < gradient
        if status == Status.SMALL_UPDATE:
            assert rate * found_norm < update
        assert t == steps or status not in (Status.MAX_STEPS, Status.LOSS_GREW)
        if t > 0:
            before = fastgd.sweep(case.problem, learning_rate=rate, max_steps=int(t) - 1, **how)
            assert before.steps == t - 1
            assert before.status in (Status.MAX_STEPS, Status.LOSS_GREW)


# ---- digits, ranks and scales ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["constant", "inverse_time"])
def test_a_theta_that_shrinks_to_zero_keeps_its_digits(many_digits, schedule):
    problem = fastgd.LinearFit([[3, 1], [1, 2], [0, 1]], [0, 0, 0], intercept=False)
    exact = linear([[mpmath.mpf(v) for v in row] for row in ([3, 1], [1, 2], [0, 1])], [mpmath.mpf(0)] * 3, False)
    how = {"learning_rate": 0.1, "max_steps": 400, "schedule": schedule} | (
        {"decay": 0.002} if schedule == "inverse_time" else {}
    )
    run = fastgd.descend(problem, [1.0, -2.0], engine="spectral", record_every=50, **how)
    expected = reference.descend(exact, [mpmath.mpf(1), mpmath.mpf(-2)], record_every=50, **how)
    assert norm(expected.theta) < 1e-12
    for theta, loss, (_, exact_theta, exact_loss) in zip(
        run.trajectory.theta, run.trajectory.loss, expected.trajectory, strict=True
    ):
        assert relative_error(theta, exact_theta) < 1e-13
        assert loss == pytest.approx(float(exact_loss), rel=2e-13)


def test_a_start_that_stays_is_not_changed_in_a_bit():
    problem = fastgd.PolynomialFit([0.1, 0.7, 0.9, 1.3], [1.0, 0.3, 0.2, 0.5], degree=2)
    start = [0.1, -0.3, 0.7]
    for how in ({"learning_rate": 0.0, "max_steps": 10**6}, {"learning_rate": 0.1, "max_steps": 0}):
        assert fastgd.descend(problem, start, engine="spectral", record_every=None, **how).theta.tolist() == start
    duplicate = fastgd.LinearFit([[1.0, 1.0], [2.0, 2.0]], [1.0, 3.0], intercept=False)
    theta = fastgd.sweep(duplicate, learning_rate=0.1, theta0=[3.0, -1.0], max_steps=10**15, engine="spectral").theta
    assert theta[0] - theta[1] == pytest.approx(4.0, rel=1e-15)  # the data say nothing of the difference
    assert theta.sum() == pytest.approx(1.4, rel=1e-14)


SCALES = {
    "x of 1e150": lambda: squared("linear", [[1e150], [2e150], [3.5e150]], [1.0, 2.0, 4.0]),
    "x of 1e-150": lambda: squared("linear", [[1e-150], [2e-150]], [1.0, 2.0], intercept=False),
    "x^3 of 1e135": lambda: squared("polynomial", [1e45, 2e45, -1e45, 3e45], [1.0, 2.0, 4.0, 3.0], degree=3),
    "y of 1e90": lambda: squared("polynomial", [1.0, 2.0, 3.0], [1e90, 5e90, 2e90], degree=1),
    "y of 1e-120": lambda: squared("polynomial", [1.0, 2.0, 3.0], [1e-120, 5e-120, 2e-120], degree=1),
    "constant x": lambda: squared("polynomial", [2.0, 2.0, 2.0], [1.0, 2.0, 4.0], degree=2),
    "x of zero": lambda: squared("linear", [[0.0], [0.0]], [1.0, 3.0], intercept=False),
    "x and y of zero": lambda: squared("polynomial", [0.0, 0.0], [0.0, 0.0], degree=2),
    "duplicate columns": lambda: squared("linear", [[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]], [1.0, 0.0, 2.0]),
    "one sample": lambda: squared("linear", [[1.5, -0.5, 2.0]], [2.0]),
    "columns of 1e8 and 1e-8": lambda: squared("linear", [[1e8, 1e-8], [2e8, -1e-8], [-1e8, 3e-8]], [1.0, 2.0, 4.0]),
}


@pytest.mark.parametrize("name", list(SCALES))
@pytest.mark.parametrize("how", [SCHEDULES[0], SCHEDULES[1]], ids=lambda how: how["schedule"])
def test_scales_and_ranks(many_digits, name, how):
    case = SCALES[name]()
    limit = 2 / (case.rounding.hessian_norm or 2.0)
    rates = np.array([0.0, 1e-3, 0.5, 0.9, 1.5]) * min(limit, 1e300)
    result = fastgd.sweep(case.problem, learning_rate=rates, max_steps=[0, 1, 2, 30], engine="spectral", **how)
    for field in ("theta", "loss", "gradient_norm"):
        assert np.isfinite(getattr(result, field)).all()
    assert_equals_oracle(result, case, **how)


def test_rates_from_the_smallest_to_the_largest_float():
    square = fastgd.examples.square()
    rates = [0.0, 5e-324, 1e-300, 0.5, 1.0, 1e300, 1.7e308]
    for engine in ("samples", "moments", "spectral"):
        result = fastgd.sweep(square, learning_rate=rates, max_steps=[1, 3], engine=engine)
        assert not np.isnan(result.theta).any()
        assert result.theta[:5, 1, 0].tolist() == [1.0, 1.0, 1.0, 0.0, -1.0]
        assert (result.status[:5] == Status.MAX_STEPS).all()
        assert (result.status[5:] == Status.DIVERGED).all()
        assert (result.steps[5:] == 1).all()


def test_a_residual_that_starts_at_rest_never_grows():
    problem = fastgd.LinearFit(np.diag([1.0, 0.1]), [0.0, 0.0], intercept=False, reduction="sum")
    for how in SCHEDULES[:2]:
        result = fastgd.sweep(
            problem, theta0=[0.0, 1.0], learning_rate=[1.5, 50.0], max_steps=2000, engine="spectral", **how
        )
        assert (result.theta[:, 0] == 0.0).all()
        assert (np.abs(result.theta[:, 1]) < 0.1).all()
        assert (result.status == Status.MAX_STEPS).all()


def test_a_residual_may_grow_by_more_than_a_float_holds():
    problem = fastgd.examples.square()
    for how in ({}, {"schedule": "inverse_time", "decay": 0.0}):
        result = fastgd.sweep(
            problem, theta0=1e-200, learning_rate=2.0, max_steps=[600, 2000], engine="spectral", **how
        )
        assert result.theta[0] == pytest.approx(1e-200 * 3.0**600, rel=1e-12)
        assert result.loss[0] == pytest.approx((1e-200 * 3.0**600) ** 2, rel=1e-12)
        assert result.status.tolist() == [Status.LOSS_GREW, Status.DIVERGED]
        assert result.steps[1] == math.floor(math.log(1e300) / math.log(3)) + 1  # the first with theta > 1e100
