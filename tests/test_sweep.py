"""Sweeps and descents against the oracle, configuration by configuration; and what results tell."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import time

import mpmath
import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastgd
from fastgd import Status
from tests import reference
from tests.reference import Rounding, assert_right, linear, numbers, polynomial, right_stops

RESULTS = ("theta", "loss", "gradient_norm", "steps", "status")


class Case:
    """A data problem with its oracle: the same numbers, at many digits and as floats."""

    def __init__(self, kind, X, y, *, degree=None, intercept=True, reduction="mean"):
        if kind == "polynomial":
            self.problem = fastgd.PolynomialFit(X, y, degree, reduction=reduction)
            self.rounding = Rounding.of_polynomial(X, y, degree, reduction)
            self._make = lambda number: polynomial(numbers(X, number), numbers(y, number), degree, reduction)
        else:
            self.problem = fastgd.LinearFit(X, y, intercept=intercept, reduction=reduction)
            self.rounding = Rounding.of_linear(X, y, intercept, reduction)
            self._make = lambda number: linear(numbers(X, number), numbers(y, number), intercept, reduction)

    def right_stops(self, theta0, learning_rate, max_steps, **settings):
        start = numbers(np.asarray(theta0, float), mpmath.mpf)
        return right_stops(self._make(mpmath.mpf), start, learning_rate, max_steps, rounding=self.rounding, **settings)

    def in_floats(self, theta0, learning_rate, max_steps, **settings):
        return reference.descend(self._make(float), [float(v) for v in theta0], learning_rate, max_steps, **settings)


def random_case(seed, kind="polynomial", N=7, P=3, reduction="mean"):
    random = np.random.default_rng(seed)
    if kind == "polynomial":
        return Case(kind, random.uniform(-1.5, 1.5, N), random.normal(size=N), degree=P - 1, reduction=reduction)
    return Case(kind, random.normal(size=(N, P - 1)), random.normal(size=N), reduction=reduction)


def assert_equals_oracle(result, case, **shared):
    """Compare every configuration of a gridded result with the right stops."""
    names = {"start": "theta0"}
    for index in np.ndindex(result.status.shape):
        own = {names.get(name, name): values[i] for (name, values), i in zip(result.axes.items(), index, strict=True)}
        configuration = {"theta0": case.problem.start, "max_steps": 1000} | shared | own
        configuration["max_steps"] = int(configuration["max_steps"])
        assert_right(case.right_stops(**configuration), *(getattr(result, name)[index] for name in RESULTS))


# ---- against the oracle ---------------------------------------------------------------------------------------------

SCHEDULES = [
    {"schedule": "constant"},
    {"schedule": "inverse_time", "decay": 0.05},
    {"schedule": "exponential", "decay": 0.02},
    {"schedule": "inverse_sqrt", "decay": 0.3},
    {"schedule": "cosine"},
]


@pytest.mark.parametrize("how", SCHEDULES, ids=lambda how: how["schedule"])
@pytest.mark.parametrize("kind", ["polynomial", "linear"])
def test_every_schedule_over_rates_starts_and_counts(many_digits, kind, how):
    case = random_case(1, kind)
    limit = 2 / case.rounding.hessian_norm
    shared = {"tolerance": 1e-3, "gradient_tolerance": 0.05, **how}
    starts = np.random.default_rng(2).normal(size=(2, 3))
    rates = limit * np.array([0.0, 0.1, 0.5, 0.9, 1.1, 3.0])
    result = fastgd.sweep(case.problem, theta0=starts, learning_rate=rates, max_steps=[0, 1, 17, 60], **shared)
    assert result.status.shape == (2, 6, 4)
    assert_equals_oracle(result, case, **shared)
    assert len(np.unique(result.status)) > 2


@pytest.mark.parametrize("bounds", [(-0.1, 0.2), ([-0.3, -0.1, 0.0], 0.1), (-math.inf, [0.05, math.inf, 0.0])])
def test_bounds(many_digits, bounds):
    case = random_case(3)
    rates = 2 / case.rounding.hessian_norm * np.array([0.2, 0.8, 5.0])
    result = fastgd.sweep(case.problem, learning_rate=rates, max_steps=[1, 30], tolerance=1e-9, bounds=bounds)
    assert_equals_oracle(result, case, tolerance=1e-9, bounds=bounds)
    lower, upper = bounds
    assert ((result.theta >= lower) & (result.theta <= upper)).all()
    assert ((result.theta == lower) | (result.theta == upper)).any()


@pytest.mark.parametrize("P", [1, 2, 8, 9, 16])
def test_every_kernel_descends(many_digits, P):
    for case in (random_case(P, N=P + 3, P=P), random_case(P, "linear", N=P + 3, P=P + 1)):
        limit = 2 / case.rounding.hessian_norm
        result = fastgd.sweep(case.problem, learning_rate=[0.5 * limit, 0.9 * limit], max_steps=[1, 25])
        assert_equals_oracle(result, case)


def test_one_sample(many_digits):
    for case in (
        Case("polynomial", [0.5], [2.0], degree=0),
        Case("polynomial", [0.5], [2.0], degree=3),
        Case("linear", [[1.5]], [2.0], intercept=False),
        Case("linear", [[1.5, 0.5]], [2.0], reduction="sum"),
    ):
        limit = 2 / case.rounding.hessian_norm
        result = fastgd.sweep(case.problem, learning_rate=[0.3 * limit, 1.2 * limit], max_steps=[1, 12])
        assert_equals_oracle(result, case)


thresholds = st.none() | st.floats(-12, 2).map(lambda exponent: 10.0**exponent)


@st.composite
def hyperparameters(draw, P):
    how = dict(draw(st.sampled_from(SCHEDULES)))
    if "decay" in how:
        how["decay"] = draw(st.floats(0, 3))
    if draw(st.booleans()):
        lower = draw(st.floats(-2, 0))
        how["bounds"] = (lower, [draw(st.floats(0.01, 2)) for _ in range(P)])
    return how | {
        "tolerance": draw(thresholds),
        "loss_threshold": draw(thresholds),
        "gradient_tolerance": draw(thresholds),
        "divergence_threshold": draw(st.sampled_from([1e200, 1e3, 50.0])),
    }


@st.composite
def cases(draw):
    kind = draw(st.sampled_from(["polynomial", "linear"]))
    N, P = draw(st.integers(1, 9)), draw(st.integers(2, 4))
    reduction = draw(st.sampled_from(["mean", "sum"]))
    case = random_case(draw(st.integers(0, 2**32 - 1)), kind, N, P, reduction)
    rates = 2 / case.rounding.hessian_norm * np.array(draw(st.lists(st.floats(0, 1.5), min_size=1, max_size=3)))
    starts = [[draw(st.floats(-0.5, 0.009)) for _ in range(P)] for _ in range(draw(st.integers(1, 2)))]
    counts = draw(st.lists(st.integers(0, 40), min_size=1, max_size=2))
    shared = draw(hyperparameters(P))
    if "bounds" in shared:
        starts = np.maximum(starts, shared["bounds"][0])
    return case, {"theta0": np.array(starts), "learning_rate": rates, "max_steps": counts}, shared


@settings(max_examples=200, deadline=None)
@given(cases())
def test_random_problems_and_hyperparameters(drawn):
    case, axes, shared = drawn
    result = fastgd.sweep(case.problem, **axes, **shared)
    with mpmath.workdps(60):
        assert_equals_oracle(result, case, **shared)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 0.3), st.integers(0, 60), st.sampled_from(SCHEDULES), thresholds)
def test_sign_rule_on_random_problems(seed, rate, max_steps, how, loss_threshold):
    case = random_case(seed)
    start = np.random.default_rng(seed).normal(size=3)
    settings = {"rule": "sign", "loss_threshold": loss_threshold, "tolerance": 1e-4, **how}
    expected = case.in_floats(start, rate, max_steps, **settings)
    for _, theta, loss in expected.trajectory:  # the sign of a slope at rounding level is not promised
        _, gradient = case._make(float)(theta)
        assume(min(map(abs, gradient)) > 1e-9)
        assume(loss_threshold is None or abs(loss - loss_threshold) > 1e-9)
    run = fastgd.descend(case.problem, start, learning_rate=rate, max_steps=max_steps, **settings)
    assert (run.steps, run.status) == (expected.steps, expected.status)
    assert run.theta == pytest.approx(expected.theta, rel=1e-13, abs=1e-14)
    assert run.loss == pytest.approx(expected.loss, rel=1e-11)
    assert run.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-10)
    assert run.trajectory.theta == pytest.approx(np.array([t for _, t, _ in expected.trajectory]), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("rule", ["gradient", "sign"])
@pytest.mark.parametrize("compiled", [True, False])
def test_objectives(rule, compiled):
    def bowl(theta):
        return theta[0] ** 4 + (theta[1] - 1) ** 2 + theta[0] * theta[1]

    def slope(theta):
        return np.array([4 * theta[0] ** 3 + theta[1], 2 * (theta[1] - 1) + theta[0]])

    problem = fastgd.Objective(bowl, slope, dimension=2, start=[0.4, -0.3], compile=compiled)
    how = {"rule": rule, "gradient_tolerance": 0.02, "schedule": "inverse_time", "decay": 0.01}
    rates = [0.03, 0.1, 0.7]
    result = fastgd.sweep(problem, learning_rate=rates, max_steps=[5, 200], **how)

    def both(theta):
        return float(bowl(theta)), [float(value) for value in slope(theta)]

    for i, j in np.ndindex(3, 2):
        expected = reference.descend(both, [0.4, -0.3], rates[i], [5, 200][j], **how)
        assert (result.steps[i, j], result.status[i, j]) == (expected.steps, expected.status)
        if expected.status != Status.DIVERGED:
            assert result.theta[i, j] == pytest.approx(expected.theta, rel=1e-10)
            assert result.loss[i, j] == pytest.approx(expected.loss, rel=1e-10)


# ---- what stops a descent -------------------------------------------------------------------------------------------


def square():
    return fastgd.examples.square()


def test_divergence_is_a_status_with_its_step():
    run = fastgd.descend(square(), learning_rate=10.0)  # loss 361^t
    assert (run.status, run.steps) == (Status.DIVERGED, 79)
    run = fastgd.descend(square(), learning_rate=10.0, divergence_threshold=361.0)
    assert (run.status, run.steps) == (Status.DIVERGED, 2)
    run = fastgd.descend(square(), learning_rate=10.0, divergence_threshold=None, record_every=None)
    assert (run.status, run.steps, run.loss) == (Status.DIVERGED, 121, math.inf)


def test_not_a_number_is_divergence():
    for loss, gradient in (
        (lambda t: math.nan, lambda t: 1.0),
        (lambda t: math.inf, lambda t: 1.0),
        (lambda t: -math.inf, lambda t: 1.0),
        (lambda t: 1.0, lambda t: math.nan),
        (lambda t: 1.0, lambda t: -math.inf),
    ):
        run = fastgd.descend(fastgd.Objective(loss, gradient), learning_rate=0.1)
        assert (run.status, run.steps) == (Status.DIVERGED, 0)


def test_a_slope_that_fills_a_float_is_no_divergence():
    problem = fastgd.Objective(lambda t: 1.0, lambda t: np.array([1e200, 1e200]), dimension=2)
    run = fastgd.descend(problem, learning_rate=0.0, max_steps=1)
    assert run.status == Status.MAX_STEPS
    assert run.gradient_norm == pytest.approx(math.sqrt(2) * 1e200, rel=1e-15)
    tiny = fastgd.Objective(lambda t: 1.0, lambda t: np.array([3e-200, 4e-200]), dimension=2)
    run = fastgd.descend(tiny, learning_rate=0.0, max_steps=1, gradient_tolerance=1e-250)
    assert (run.status, run.gradient_norm) == (Status.MAX_STEPS, pytest.approx(5e-200, rel=1e-15))


def test_order_of_tests():
    all_at_once = {"learning_rate": 0.1, "loss_threshold": 2.0, "gradient_tolerance": 3.0, "tolerance": 1.0}
    statuses = []
    for left_out, extra in (
        (None, {"max_steps": 0, "divergence_threshold": 0.5}),
        (None, {"max_steps": 0}),
        ("loss_threshold", {"max_steps": 0}),
        ("gradient_tolerance", {"max_steps": 0}),
        (None, {"max_steps": 1}),
    ):
        all_at_once.pop(left_out, None)
        statuses.append(fastgd.descend(square(), **all_at_once, **extra).status)
    assert [status.name for status in statuses] == [
        "DIVERGED",
        "REACHED_LOSS",
        "SMALL_GRADIENT",
        "MAX_STEPS",
        "SMALL_UPDATE",
    ]


def test_tests_are_strict():
    run = fastgd.descend(square(), learning_rate=0.0, max_steps=1, loss_threshold=1.0, gradient_tolerance=2.0)
    assert run.status == Status.MAX_STEPS
    at_rest = fastgd.descend(square(), learning_rate=0.0, max_steps=3, tolerance=0.0)
    assert at_rest.status == Status.MAX_STEPS  # 0 < 0 is false
    assert fastgd.descend(square(), learning_rate=0.0, max_steps=3, tolerance=5e-324).status == Status.SMALL_UPDATE


@pytest.mark.parametrize(
    ("test", "value", "step"),
    [("tolerance", 0.375, 2), ("gradient_tolerance", 0.75, 3), ("loss_threshold", 0.140625, 3)],
)
def test_thresholds_are_sharp(test, value, step):
    """From 3 at rate 1/4 theta halves, exactly: at the threshold a test does not stop, one rounding above it does."""
    how = {"learning_rate": 0.25, "engine": "samples"}
    assert fastgd.descend(square(), 3.0, **how, **{test: value}).steps == step + 1
    assert fastgd.descend(square(), 3.0, **how, **{test: np.nextafter(value, 1.0)}).steps == step
    for threshold, steps in ((361.0, 2), (np.nextafter(361.0, 0.0), 1)):  # at rate 10 the loss is 361^t
        run = fastgd.descend(square(), learning_rate=10.0, divergence_threshold=threshold, engine="samples")
        assert run.steps == steps


def test_loss_may_be_negative():
    problem = fastgd.Objective(lambda t: t, lambda t: 1.0 + 0 * t)
    run = fastgd.descend(problem, learning_rate=1.0, max_steps=100, loss_threshold=-4.5)
    assert (run.status, run.steps, run.loss) == (Status.REACHED_LOSS, 5, -5.0)


# ---- axes and columns -----------------------------------------------------------------------------------------------


def test_columns_equal_descents_one_by_one():
    problem = random_case(5).problem
    random = np.random.default_rng(0)
    C = 40
    columns = {
        "theta0": random.normal(size=(C, 3)),
        "learning_rate": 10 ** random.uniform(-3, 0, C),
        "max_steps": random.integers(0, 60, C),
        "decay": random.uniform(0, 1, C),
        "tolerance": 10 ** random.uniform(-6, -2, C),
        "loss_threshold": random.uniform(0, 1, C),
        "gradient_tolerance": 10 ** random.uniform(-4, 0, C),
        "divergence_threshold": 10 ** random.uniform(1, 10, C),
    }
    shared = {"schedule": "inverse_time", "bounds": (-5, 5), "rule": "gradient", "engine": "samples"}
    structured = np.zeros(C, dtype=[(n, v.dtype, v.shape[1:]) for n, v in columns.items()])
    for name, values in columns.items():
        structured[name] = values
    results = [fastgd.sweep(problem, configurations=given, **shared) for given in (columns, structured, Frame(columns))]
    for result in results:
        assert list(result.axes) == ["configuration"]
        assert result.axes["configuration"].tolist() == list(range(C))
        for name in RESULTS:
            assert np.array_equal(getattr(result, name), getattr(results[0], name), equal_nan=True)
    assert len(np.unique(results[0].status)) >= 4
    for c in range(C):
        run = fastgd.descend(problem, **{name: values[c] for name, values in columns.items()}, **shared)
        for name in RESULTS:
            assert np.array_equal(getattr(results[0], name)[c], getattr(run, name)), name


class Frame:
    """The part of a data frame that columns are read by."""

    def __init__(self, columns):
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name):
        return self._columns[name]


def test_columns_beside_single_values():
    result = fastgd.sweep(square(), configurations={"learning_rate": [0.1, 0.2]}, max_steps=3, theta0=2.0)
    assert result.theta[:, 0] == pytest.approx([2 * 0.8**3, 2 * 0.6**3], rel=1e-14)


def test_starts():
    result = fastgd.sweep(square(), learning_rate=0.25, max_steps=1, theta0=[[1.0], [3.0], [-5.0]])
    assert result.axes["start"].tolist() == [[1.0], [3.0], [-5.0]]
    assert result.theta.tolist() == [[0.5], [1.5], [-2.5]]
    one = fastgd.sweep(square(), learning_rate=0.25, max_steps=1, theta0=[[4.0]])
    assert (list(one.axes), one.theta.tolist()) == (["start"], [[2.0]])
    assert fastgd.sweep(square(), learning_rate=0.25, max_steps=1, theta0=4).theta.tolist() == [2.0]
    assert fastgd.sweep(square(), learning_rate=0.25, max_steps=1).theta.tolist() == [0.5]


def test_warm_starts():
    problem, how = random_case(6).problem, {"engine": "samples"}
    whole = fastgd.descend(problem, learning_rate=0.05, max_steps=30, **how)
    half = fastgd.descend(problem, learning_rate=0.05, max_steps=15, **how)
    rest = fastgd.descend(problem, half, learning_rate=0.05, max_steps=15, **how)
    assert np.array_equal(rest.theta, whole.theta)
    best = fastgd.sweep(problem, learning_rate=[0.05, 0.001], max_steps=15, **how).best
    again = fastgd.sweep(problem, theta0=best, learning_rate=[0.05], max_steps=15, **how)
    assert np.array_equal(again.theta[0], whole.theta)


def test_data_is_not_changed():
    starts, rates = np.ones((2, 3)), np.array([0.1, 0.2])
    x, y = np.linspace(0, 1, 9), np.linspace(1, 2, 9)
    before = [array.copy() for array in (starts, rates, x, y)]
    result = fastgd.sweep(fastgd.PolynomialFit(x, y, 2), theta0=starts, learning_rate=rates, max_steps=9)
    for array, kept in zip((starts, rates, x, y), before, strict=True):
        assert np.array_equal(array, kept)
        assert array.flags.writeable
        assert not np.shares_memory(array, result.theta)


def test_usual_decay_is_what_leaving_it_out_means():
    for schedule in ("inverse_time", "exponential", "inverse_sqrt"):
        without = fastgd.descend(square(), learning_rate=0.01, max_steps=50, schedule=schedule)
        given = fastgd.descend(square(), learning_rate=0.01, max_steps=50, schedule=schedule, decay=0.01)
        none = fastgd.descend(square(), learning_rate=0.01, max_steps=50, schedule=schedule, decay=0.0)
        assert without.theta == given.theta != none.theta


# ---- trajectories ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 3, 7, 100])
def test_descent_trajectory_equals_the_oracle(every):
    case = random_case(7)
    how = {"gradient_tolerance": 0.2, "record_every": every}
    run = fastgd.descend(case.problem, [1.0, 1.0, 1.0], learning_rate=0.02, max_steps=500, **how)
    expected = case.in_floats([1.0, 1.0, 1.0], 0.02, 500, **how)
    assert run.status == Status.SMALL_GRADIENT
    assert run.trajectory.steps.tolist() == [t for t, _, _ in expected.trajectory]
    assert run.trajectory.theta == pytest.approx(np.array([theta for _, theta, _ in expected.trajectory]), rel=1e-10)
    assert run.trajectory.loss == pytest.approx([loss for _, _, loss in expected.trajectory], rel=1e-10)
    assert np.array_equal(run.trajectory.theta[-1], run.theta)
    assert run.trajectory.loss[-1] == run.loss


def test_sweep_trajectory_is_nan_after_the_stop():
    rates, how = [0.0, 0.1, 0.25], {"loss_threshold": 0.01, "engine": "samples"}
    result = fastgd.sweep(square(), learning_rate=rates, max_steps=[4, 10], record_every=2, **how)
    trajectory = result.trajectory
    assert trajectory.steps.tolist() == [0, 2, 4, 6, 8, 10]
    assert trajectory.theta.shape == (3, 2, 6, 1)
    assert trajectory.loss.shape == (3, 2, 6)
    for i, j in np.ndindex(3, 2):
        run = fastgd.descend(square(), learning_rate=rates[i], max_steps=[4, 10][j], **how)
        recorded = [t for t in trajectory.steps if t <= run.steps]
        assert trajectory.theta[i, j, : len(recorded), 0].tolist() == run.trajectory.theta[recorded, 0].tolist()
        assert trajectory.loss[i, j, : len(recorded)].tolist() == run.trajectory.loss[recorded].tolist()
        assert np.isnan(trajectory.theta[i, j, len(recorded) :]).all()
        assert np.isnan(trajectory.loss[i, j, len(recorded) :]).all()
    assert np.isnan(trajectory.loss).any()
    assert fastgd.sweep(square(), learning_rate=rates).trajectory is None


# ---- best, fastest, printed -----------------------------------------------------------------------------------------


def test_best_and_fastest():
    # theta is (1 - 2 rate)^t: rates 0.4 and 0.6 fall alike, 0.45 and 0.55 faster, 2.0 fails
    rates = [0.4, 0.6, 0.55, 0.45, 2.0]
    result = fastgd.sweep(square(), learning_rate=rates, max_steps=[3, 40], gradient_tolerance=1e-3)
    assert result.converged[:, 1].tolist() == [True] * 4 + [False]
    fastest = result.fastest
    assert (fastest.configuration["learning_rate"], fastest.steps) == (0.55, 4)
    assert result.status[0, 0] == Status.MAX_STEPS
    assert result.failed[4].all()
    assert result.best.loss == result.loss[~result.failed].min()


def test_ties_go_to_fewer_steps_then_to_the_first():
    flat = fastgd.Objective(lambda t: 1.0, lambda t: 1.0)
    result = fastgd.sweep(flat, learning_rate=[0.1, 0.2, 0.3], max_steps=[5, 2, 2])
    best = result.best
    assert (best.steps, best.configuration["learning_rate"], best.configuration["max_steps"]) == (2, 0.1, 2)
    assert result.fastest is None
    stopping = fastgd.sweep(flat, learning_rate=[0.3, 0.2], max_steps=[5, 2], loss_threshold=2.0)
    assert (stopping.fastest.steps, stopping.fastest.configuration["learning_rate"]) == (0, 0.3)


def test_best_is_never_what_failed_or_is_not_a_number():
    def loss(t):
        return math.nan if t > 5 else -t

    rising = fastgd.Objective(loss, lambda t: -1.0 + 0 * t)
    result = fastgd.sweep(rising, learning_rate=[0.1, 1.0], max_steps=20)
    assert result.status.tolist() == [Status.MAX_STEPS, Status.DIVERGED]
    assert result.best.configuration["learning_rate"] == 0.1
    assert math.isfinite(result.best.loss)


def test_when_everything_failed():
    result = fastgd.sweep(square(), learning_rate=[2.0, 3.0], max_steps=[5, 500])
    assert result.failed.all()
    assert result.best is None
    assert result.fastest is None
    text = str(result)
    assert "every configuration failed" in text
    assert "try" in text
    assert "below 2" in text
    for name in ("DIVERGED", "LOSS_GREW"):
        assert name in text


def test_printed_result():
    rates = np.geomspace(1e-3, 10, 50)
    starts = np.linspace(1, 2, 3)[:, None]
    result = fastgd.sweep(
        square(),
        theta0=starts,
        learning_rate=rates,
        max_steps=[5, 50, 500],
        tolerance=[1e-9, 1e-3],
        gradient_tolerance=[1e-12, 0.1],
        loss_threshold=[1e-9, 1e-12],
    )
    lines = str(result).splitlines()
    assert len(lines) <= 15
    text = "\n".join(lines)
    assert "3,600 configurations" in lines[0]
    assert "LinearFit" in lines[0]
    for status, count in zip(*np.unique(result.status, return_counts=True), strict=True):
        (line,) = [line for line in lines if Status(status).name in line]
        assert f" {count:,} " in line
    (line,) = [line for line in lines if line.strip().startswith("converged")]
    some = rates[result.converged.any(axis=(0, 2, 3, 4, 5))]
    assert f"{some.min():.6g} to {some.max():.6g}" in line
    (line,) = [line for line in lines if line.strip().startswith("best")]
    assert f"{result.best.configuration['learning_rate']:.6g}" in line
    assert "configurations/s" in text
    assert str(result) == str(copy.copy(result))
    assert len(str(fastgd.sweep(square(), learning_rate=0.1)).splitlines()) <= 15


def test_best_configuration_does_it_again():
    problem = random_case(8).problem
    for settings_of in (
        {"rule": "sign", "schedule": "exponential", "decay": [0.01, 0.1], "tolerance": 1e-4},
        {"bounds": (-0.2, [0.3, 0.2, 0.1]), "loss_threshold": [0.1, 0.9], "divergence_threshold": 1e10},
        {"schedule": "cosine", "gradient_tolerance": [1e-3, 1e-1], "theta0": [[0.1, 0.1, 0.1], [0.0, 0.2, 0.0]]},
        {"configurations": {"learning_rate": [0.01, 0.02], "max_steps": [5, 9]}},
    ):
        rates = {} if "configurations" in settings_of else {"learning_rate": [0.01, 0.03], "max_steps": [4, 60]}
        result = fastgd.sweep(problem, **rates, **settings_of, engine="samples")
        for index in range(result.status.size):
            outcome = result.outcome(index)
            run = fastgd.descend(problem, **outcome.configuration, engine="samples")
            for name in RESULTS:
                assert np.array_equal(getattr(run, name), getattr(outcome, name)), name
        assert result.best.message == result.best.status.message


def test_configuration_keeps_a_test_that_is_off():
    problem = fastgd.Objective(lambda t: 1e250 - 1e249 * t, lambda t: -1e249 + 0 * t)
    best = fastgd.sweep(problem, learning_rate=[1e-249, 5e-250], max_steps=3, divergence_threshold=None).best
    assert best.steps == 3
    again = fastgd.descend(problem, **best.configuration)
    assert (again.loss, again.steps, again.status) == (best.loss, best.steps, best.status)


def test_to_optimize_result():
    run = fastgd.descend(square(), learning_rate=0.25, max_steps=50, gradient_tolerance=1e-3)
    result = run.to_optimize_result()
    assert isinstance(result, scipy.optimize.OptimizeResult)
    assert (result.success, result.nit, result.status) == (True, run.steps, 2)
    assert (result.fun, result.message) == (run.loss, run.message)
    assert np.array_equal(result.x, run.theta)
    assert not fastgd.descend(square(), learning_rate=2.0, max_steps=3).to_optimize_result().success


def test_results_pickle():
    result = fastgd.sweep(square(), learning_rate=[0.1, 0.2, 3.0], max_steps=9, record_every=3)
    again = pickle.loads(pickle.dumps(result))
    for name in RESULTS:
        assert np.array_equal(getattr(again, name), getattr(result, name))
    assert np.array_equal(again.trajectory.theta, result.trajectory.theta, equal_nan=True)
    assert again.best.configuration["learning_rate"] == result.best.configuration["learning_rate"] == 0.2
    assert str(again) == str(result)
    run = fastgd.descend(square(), learning_rate=0.1, max_steps=9)
    same = pickle.loads(pickle.dumps(run))
    assert (same.theta, same.status, same.message) == (run.theta, run.status, run.message)
    assert same.timing.to_dict() == run.timing.to_dict()


# ---- progress and stopping from outside -----------------------------------------------------------------------------


def test_progress_counts_up_to_the_whole():
    calls = []
    rates = np.linspace(0.01, 1.5, 3000)
    result = fastgd.sweep(
        square(), learning_rate=rates, max_steps=100, progress=lambda *arguments: calls.append(arguments)
    )
    done, total, counts = calls[-1]
    assert done == total == 3000
    assert counts == {
        Status(status).name: int(count)
        for status, count in zip(*np.unique(result.status, return_counts=True), strict=True)
    }
    assert all(a[0] < b[0] for a, b in itertools.pairwise(calls))
    assert all(call[1] == 3000 and sum(call[2].values()) == call[0] for call in calls)


def slow_problem():
    x = np.linspace(-1, 1, 3000)
    return fastgd.PolynomialFit(x, np.sin(x), 3)


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_that_raises_stops_the_sweep_and_keeps_what_is_done(threads):
    def give_up(done, total, counts):
        raise RuntimeError("enough")

    problem, rates = slow_problem(), np.geomspace(1e-3, 1e-1, 4000)
    how = {"threads": threads, "engine": "samples"}
    begin = time.monotonic()
    with pytest.raises(fastgd.SweepInterrupted, match=r"interrupted, .* of 4,000 ") as caught:
        fastgd.sweep(problem, learning_rate=rates, max_steps=10_000, progress=give_up, **how)
    assert time.monotonic() - begin < 20  # the whole takes minutes
    assert isinstance(caught.value, KeyboardInterrupt)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert_partial(caught.value.result, problem, rates)


def assert_partial(result, problem, rates):
    finished = result.status != Status.CANCELLED
    assert 0 < finished.sum() < len(rates)
    assert result.failed[~finished].all()
    for index in (np.flatnonzero(finished)[0], np.flatnonzero(finished)[-1]):
        run = fastgd.descend(problem, learning_rate=rates[index], max_steps=10_000, record_every=None, engine="samples")
        assert np.array_equal(result.theta[index], run.theta)
        assert result.status[index] == run.status
    assert finished[np.flatnonzero(result.loss == result.best.loss)].any()
    assert "CANCELLED" in str(result)
    assert "again" in Status.CANCELLED.message


def test_a_plain_python_objective_that_raises_reaches_the_caller():
    def loss(theta):
        if theta < 0.5:
            raise ZeroDivisionError("too small")
        return theta

    problem = fastgd.Objective(loss, lambda t: 1.0, start=1.0, compile=False)
    with pytest.raises(ZeroDivisionError, match="too small"):
        fastgd.sweep(problem, learning_rate=[0.0, 0.1], max_steps=20)
    assert fastgd.descend(problem, learning_rate=0.01, max_steps=20).steps == 20
