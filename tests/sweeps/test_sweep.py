"""Sweeps and descents against the oracle, configuration by configuration."""

from __future__ import annotations

import inspect
import math

import mpmath
import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastgd
from fastgd import Status
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.sweeps.asked import usual_interval
from tests.oracle import reference
from tests.tools.cases import (
    RESULTS,
    SCHEDULES,
    assert_equals_oracle,
    hyperparameters,
    random_case,
    square,
    squared,
    thresholds,
)

# ---- against the oracle ---------------------------------------------------------------------------------------------


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
        squared("polynomial", [0.5], [2.0], degree=0),
        squared("polynomial", [0.5], [2.0], degree=3),
        squared("linear", [[1.5]], [2.0], intercept=False),
        squared("linear", [[1.5, 0.5]], [2.0], reduction="sum"),
    ):
        limit = 2 / case.rounding.hessian_norm
        result = fastgd.sweep(case.problem, learning_rate=[0.3 * limit, 1.2 * limit], max_steps=[1, 12])
        assert_equals_oracle(result, case)


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


@pytest.mark.slow
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
    expected = case.descend(theta0=start, learning_rate=rate, max_steps=max_steps, **settings)
    for _, theta, loss in expected.trajectory:  # the sign of a slope at rounding level is not promised
        _, gradient = case.oracle(float)(theta)
        assume(min(map(abs, gradient)) > 1e-9)
        assume(loss_threshold is None or abs(loss - loss_threshold) > 1e-9)
    run = fastgd.descend(case.problem, start, learning_rate=rate, max_steps=max_steps, **settings)
    assert (run.steps, run.status) == (expected.steps, expected.status)
    assert run.theta == pytest.approx(expected.theta, rel=1e-13, abs=1e-14)
    assert run.loss == pytest.approx(expected.loss, rel=1e-11)
    assert run.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-10)
    assert run.trajectory.theta == pytest.approx(np.array([t for _, t, _ in expected.trajectory]), rel=1e-12, abs=1e-13)


@pytest.mark.slow
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


def test_divergence_is_a_status_with_its_step():
    run = fastgd.descend(square(), learning_rate=10.0)  # loss 361^t
    assert (run.status, run.steps) == (Status.DIVERGED, 79)
    run = fastgd.descend(square(), learning_rate=10.0, divergence_threshold=361.0)
    assert (run.status, run.steps) == (Status.DIVERGED, 2)
    run = fastgd.descend(square(), learning_rate=10.0, divergence_threshold=None, record_every=None)
    assert (run.status, run.steps, run.loss) == (Status.DIVERGED, 121, math.inf)


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_outcomes_and_results_are_starts():
    problem, how = random_case(6).problem, {"engine": "samples", "max_steps": 15}
    grid = fastgd.sweep(problem, learning_rate=[0.01, 0.05], tolerance=[1e-9, 1e-8, 1e-7], **how)
    run = fastgd.descend(problem, learning_rate=0.02, **how)
    for starts, theta in (
        (grid, grid.theta.reshape(6, 3)),
        ([grid.best, run], [grid.best.theta, run.theta]),
        ((run, [1.0, 2.0, 3.0]), [run.theta, [1.0, 2.0, 3.0]]),
        (grid.best_along("tolerance"), [grid.theta[1, k] for k in range(3)]),
        (problem.minimum(), problem.minimum().theta),
    ):
        result = fastgd.sweep(problem, theta0=starts, learning_rate=0.05, **how)
        assert np.array_equal(result.theta, fastgd.sweep(problem, theta0=theta, learning_rate=0.05, **how).theta)
        assert result.status.shape == np.shape(theta)[:-1]
    again = fastgd.sweep(problem, configurations={"theta0": [grid.best, run], "learning_rate": [0.1, 0.2]}, **how)
    assert np.array_equal(again.theta[1], fastgd.descend(problem, run, learning_rate=0.2, **how).theta)
    one = fastgd.sweep(problem, learning_rate=0.05, **how)
    assert np.array_equal(fastgd.descend(problem, one, learning_rate=0.05, **how).theta, again_by(problem, one, how))


def again_by(problem, one, how):
    return fastgd.sweep(problem, theta0=one.theta, learning_rate=0.05, **how).theta


def test_a_list_of_dictionaries_is_zipped_configurations():
    rows = [
        {"learning_rate": 0.1, "max_steps": 2, "tolerance": None},
        {"max_steps": 3, "learning_rate": 0.2, "tolerance": 1.0},
    ]
    result = fastgd.sweep(square(), configurations=rows, rule="gradient")
    assert result.axes["configuration"].tolist() == [0, 1]
    assert result.theta[:, 0] == pytest.approx([0.8**2, 1.0], rel=1e-14)  # an update of 0.4 is shorter than 1
    assert result.status.tolist() == [Status.MAX_STEPS, Status.SMALL_UPDATE]


@pytest.mark.parametrize("how", [{"rule": "momentum", "momentum": [0.3, 0.9]}, {"bounds": (-0.2, 0.5)}], ids=str)
def test_outcomes_configurations_are_configurations(how):
    """Also the rule, bounds and engine that they share."""
    problem = random_case(5).problem
    grid = fastgd.sweep(problem, learning_rate=[0.01, 0.05, 0.1], max_steps=[4, 40], **how)
    chosen = grid.best_along("learning_rate")
    result = fastgd.sweep(problem, configurations=[best.configuration for best in chosen])
    assert [result.outcome(k) for k in range(3)] == chosen


def test_bounds_of_scipy():
    problem, how = random_case(3).problem, {"learning_rate": 0.3, "max_steps": 30}
    for theirs, ours in (
        (scipy.optimize.Bounds(-0.1, 0.2), (-0.1, 0.2)),
        (scipy.optimize.Bounds([-0.3, -0.1, 0.0], 0.1), ([-0.3, -0.1, 0.0], 0.1)),
        (scipy.optimize.Bounds(ub=[0.05, np.inf, 0.1]), (-math.inf, [0.05, math.inf, 0.1])),
    ):
        result = fastgd.sweep(problem, bounds=theirs, **how)
        assert result == fastgd.sweep(problem, bounds=ours, **how)
        assert (result.theta >= ours[0]).all()
        assert (result.theta <= ours[1]).all()
    assert fastgd.sweep(problem, bounds=scipy.optimize.Bounds(), **how) == fastgd.sweep(problem, **how)


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
    expected = case.descend(theta0=[1.0, 1.0, 1.0], learning_rate=0.02, max_steps=500, **how)
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


@pytest.mark.parametrize(
    ("max_steps", "interval", "states"),
    [
        (0, 1, 1),
        (10_000, 1, 10_001),
        (10_001, 2, 5002),
        (20_000, 2, 10_001),
        (20_001, 5, 4002),
        (10**9, 100_000, 10_001),
    ],
)
def test_a_long_descent_records_few_states(max_steps, interval, states):
    """At every 1, 2, 5, 10, ... steps, 10,000 at most beside the first, and the last."""
    run = fastgd.descend(square(), learning_rate=1e-12, max_steps=max_steps)
    steps = run.trajectory.steps
    assert steps.size == states
    assert steps[:2].tolist() == [0, interval][:states]
    assert steps[-1] == run.steps == max_steps


def test_recording_hangs_on_arguments_alone():
    how = {"learning_rate": 0.25, "loss_threshold": 1e-3}  # the loss is 4^-t
    run = fastgd.descend(square(), max_steps=10**9, **how)
    assert (run.steps, run.trajectory.steps.tolist()) == (5, [0, 5])
    assert fastgd.descend(square(), max_steps=10**4, **how).trajectory.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert fastgd.descend(square(), max_steps=10**9, record_every=10**8, **how).trajectory.steps.tolist() == [0, 5]


def test_many_parameters_are_recorded_as_memory_allows():
    """1,001 states of 300,000 parameters would take 2.2 GiB; of 1 GiB there is room for 447."""
    assert usual_interval(1000, 300_000) == 5
    assert usual_interval(446, 300_000) == 1
    assert usual_interval(447, 300_000) == 2
    assert usual_interval(2**53, 10**9) == 10**16
    problem = fastgd.Objective(abs, abs, dimension=300_000, compile=False)
    with pytest.raises(ValueError, match=r"^record_every=1 would record 1,001 steps of 1 configuration, 2\.2 GiB"):
        fastgd.descend(problem, learning_rate=0.1, max_steps=1000, record_every=1)


# ---- the table of hyperparameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [fastgd.sweep, fastgd.descend])
def test_signatures_are_those_of_the_table(function):
    """Each hyperparameter is a keyword with its default, in the order of the table, which is that of axes."""
    parameters = inspect.signature(function).parameters
    assert [name for name in parameters if name in HYPERPARAMETERS] == list(HYPERPARAMETERS)
    for name, entry in HYPERPARAMETERS.items():
        assert parameters[name].default == entry.default
        assert parameters[name].kind == inspect.Parameter.KEYWORD_ONLY
