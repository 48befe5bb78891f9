"""Momentum and Nesterov's rule in the spectral engine: many steps at once, step by step, and every stop."""

from __future__ import annotations

import itertools
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgd
from fastgd import Status
from tests.oracle import reference
from tests.oracle.momentum import LIMITS, RULES, exact_powers
from tests.oracle.reference import EPSILON
from tests.tools.cases import (
    RESULTS,
    assert_equals_oracle,
    bits,
    random_case,
    squared,
    squared_cases,
    thresholds,
    values,
)
from tests.tools.cases import SPECTRAL_SCHEDULES as SCHEDULES

# ---- the oracle ------------------------------------------------------------------------------------------------------


class Carried:
    """The error of theta: every step's own rounding, carried on by the recurrence that carries theta.

    A step rounds the gradient, which the velocity keeps, and theta. What is left of each after some steps is at most
    what is left of it in the mode that keeps most.
    """

    def __init__(self, case, rule, beta):
        self.rounding, self.rule, self.beta = case.rounding, rule, beta
        self.eigenvalues = case.problem.spectrum().eigenvalues[:, None]
        self.theta = self.velocity = np.zeros((len(self.eigenvalues), 0))

    def _update(self, gradient):
        self.velocity = self.beta * self.velocity + gradient
        return self.velocity if self.rule == "momentum" else gradient + self.beta * self.velocity

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, state):
        rate = float(state.rate)
        ones = np.ones((len(self.eigenvalues), 1))
        new = float(self.rounding.of_gradient(state)), EPSILON * float(reference.norm(state.theta))
        self.theta = np.append(self.theta, [0.0, new[1]] * ones, axis=1)
        self.velocity = np.append(self.velocity, [0.0, 0.0] * ones, axis=1)
        gradient = self.eigenvalues * self.theta
        gradient[:, -2] += new[0]
        self.theta = self.theta - rate * self._update(gradient)
        return float(np.abs(self.theta).max(axis=0).sum())


def assert_right_everywhere(result, case, **shared):
    """Compare every configuration of a gridded result with the stops that are right; return the statuses seen."""
    assert_equals_oracle(result, case, carry=partial(Carried, case), **{"momentum": 0.9} | shared)
    return set(result.status.ravel().tolist())


@pytest.mark.parametrize("how", SCHEDULES, ids=lambda how: how["schedule"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("engine", ["spectral", "moments"])
def test_every_schedule_over_rates_momenta_and_counts(many_digits, engine, rule, how):
    case = random_case(1)
    axes = {
        "learning_rate": LIMITS[rule](0.9) / case.rounding.hessian_norm * np.array([0.0, 0.02, 0.97, 1.1]),
        "max_steps": [0, 1, 41],
        "momentum": [0.0, 0.9],
    }
    for tests in ({}, {"tolerance": 1e-2, "gradient_tolerance": 0.3}):
        result = fastgd.sweep(case.problem, rule=rule, engine=engine, **axes, **tests, **how)
        seen = assert_right_everywhere(result, case, rule=rule, **tests, **how)
        assert len(seen) >= 2


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "test",
    [
        {"loss_threshold": [0.5, 1.0, 30.0]},
        {"gradient_tolerance": [1e-3, 0.1, 100.0]},
        {"tolerance": [1e-4, 1e-2, 10.0]},
        {"divergence_threshold": [1.0, 30.0, 1e6]},
    ],
    ids=lambda test: next(iter(test)),
)
def test_every_stop(many_digits, rule, test):
    case = random_case(2, "linear")
    rates = LIMITS[rule](0.8) / case.rounding.hessian_norm * np.array([0.1, 0.9, 1.02, 1.5])
    starts = [[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]]
    how = {"rule": rule, "momentum": 0.8}
    result = fastgd.sweep(
        case.problem, theta0=starts, learning_rate=rates, max_steps=60, engine="spectral", **test, **how
    )
    seen = assert_right_everywhere(result, case, max_steps=60, **how)
    assert {"loss_threshold": 1, "gradient_tolerance": 2, "tolerance": 3, "divergence_threshold": -1}[
        next(iter(test))
    ] in seen


@st.composite
def sweeps(draw):
    case, P = draw(squared_cases())
    rule, beta = draw(st.sampled_from(sorted(RULES))), draw(st.sampled_from([0.0, 0.3, 0.95]) | st.floats(0, 0.95))
    limit = LIMITS[rule](beta) / (case.rounding.hessian_norm or 2.0)
    axes = {
        "theta0": [[draw(values) for _ in range(P)] for _ in range(draw(st.integers(1, 2)))],
        "learning_rate": [limit * draw(st.just(0.0) | st.floats(1e-3, 1.4)) for _ in range(draw(st.integers(1, 2)))],
        "max_steps": [draw(st.integers(0, 40))],
    }
    shared = {"rule": rule, "momentum": beta, **draw(st.sampled_from(SCHEDULES))}
    if draw(st.booleans()):
        shared |= {name: draw(thresholds) for name in ("tolerance", "loss_threshold", "gradient_tolerance")}
    return case, axes, shared | {"divergence_threshold": draw(st.sampled_from([1e200, 50.0]))}


@pytest.mark.slow
@settings(max_examples=60)
@given(sweeps())
def test_random_problems(drawn):
    case, axes, shared = drawn
    result = fastgd.sweep(case.problem, **axes, **shared, engine="spectral")
    with mpmath.workdps(60):
        assert_right_everywhere(result, case, **shared)


@pytest.mark.parametrize("how", [{}, SCHEDULES[1], {"gradient_tolerance": 0.05}], ids=["at once", "decay", "tested"])
@pytest.mark.parametrize("rule", RULES)
def test_trajectories(many_digits, rule, how):
    case = squared("polynomial", [0.0, 0.5, 1.0, 1.5, 3.0], [1.0, -1.0, 0.5, 2.0, 1.0], degree=2)
    rate, start = 0.5 * LIMITS[rule](0.7) / case.rounding.hessian_norm, [0.3, -2.0, 1.0]
    how = {"rule": rule, "momentum": 0.7, "learning_rate": rate, "max_steps": 60, "record_every": 7} | how
    run = fastgd.descend(case.problem, start, engine="spectral", **how)
    expected = case.descend(mpmath.mpf, theta0=start, **how)
    assert (run.steps, run.status) == (expected.steps, expected.status)
    assert run.trajectory.steps.tolist() == [t for t, _, _ in expected.trajectory]
    for theta, loss, (_, right, right_loss) in zip(
        run.trajectory.theta, run.trajectory.loss, expected.trajectory, strict=True
    ):
        assert theta == pytest.approx([float(value) for value in right], rel=1e-13, abs=1e-14)
        assert loss == pytest.approx(float(right_loss), rel=1e-13)


# ---- many steps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_any_number_of_steps_at_once(many_digits, rule):
    """Along modes known exactly: X is diagonal, and one column, of zeros, moves nothing."""
    diagonal, target, start = [1.0, 0.125, 0.001953125, 0.0], [1.0, -2.0, 0.5, 0.0], [2.0, 1.0, -1.0, 3.0]
    problem = fastgd.LinearFit(np.diag(diagonal), target, intercept=False, reduction="sum")
    for beta, part in itertools.product((0.0, 0.5, 0.999), (1e-9, 0.3, 0.99999)):
        rate, steps = part * LIMITS[rule](beta) / 2.0, [0, 1, 50, 12_345, 10**6, 10**12]
        result = fastgd.sweep(
            problem, theta0=start, learning_rate=rate, max_steps=steps, rule=rule, momentum=beta, engine="spectral"
        )
        grew = result.loss > result.loss[0]  # a heavy ball swings up before it settles
        assert result.status.tolist() == np.where(grew, Status.LOSS_GREW, Status.MAX_STEPS).tolist()
        assert result.steps.tolist() == steps
        exact = mpmath.mpf(rate)
        for k, (d, y) in enumerate(zip(diagonal[:3], target, strict=False)):
            powers = exact_powers(rule, exact * 2 * mpmath.mpf(d) ** 2, beta, steps)
            nearby = exact_powers(rule, exact * 2 * mpmath.mpf(d) ** 2 * (1 + 4 * EPSILON), beta, steps)
            for i, ((rho, _), (near, _)) in enumerate(zip(powers, nearby, strict=True)):
                least, distance = mpmath.mpf(y) / d, start[k] - mpmath.mpf(y) / d
                size = EPSILON * (abs(least) + abs(distance) * max(1, abs(rho)))
                off = result.theta[i, k] - (least + rho * distance)
                assert abs(off) <= 8 * (abs((near - rho) * distance) + size)
        assert (result.theta[:, 3] == 3.0).all()


def test_a_direction_left_open_costs_no_digits_beside_a_slow_mode():
    """Theta is then put together from its displacement, which kept 5 digits."""
    problem = fastgd.LinearFit([[1.0, 1.0], [2.0, 2.0]], [1.0, 3.0], intercept=False, reduction="sum")
    how = {"rule": "momentum", "momentum": 0.999, "theta0": [3.0, -1.0], "max_steps": 10**6, "engine": "spectral"}
    rates = problem.spectrum().stability_limit("momentum", 0.999) * np.array([0.9, 1 - 1e-4, 1 - 1e-6])
    theta = fastgd.sweep(problem, learning_rate=rates, **how).theta
    assert theta[:2] == pytest.approx(np.array([[2.7, -1.3]] * 2), rel=1e-14)
    assert theta[:, 0] - theta[:, 1] == pytest.approx(4.0, rel=1e-14)


# ---- what must agree -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, *SCHEDULES[1:3], {"loss_threshold": 0.6, "tolerance": 1e-6}], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_without_momentum_it_is_the_gradient_rule(rule, how):
    case = random_case(4, N=9)
    rates = 2 / case.rounding.hessian_norm * np.array([0.01, 0.5, 0.95, 1.05])
    shared = {"learning_rate": rates, "max_steps": [0, 1, 2, 300], "engine": "spectral", **how}
    plain = fastgd.sweep(case.problem, **shared)
    same = fastgd.sweep(case.problem, rule=rule, momentum=0.0, **shared)
    for name in RESULTS:
        assert getattr(same, name) == pytest.approx(getattr(plain, name), rel=1e-10, abs=1e-12), name
    assert np.array_equal(same.steps, plain.steps)
    assert np.array_equal(same.status, plain.status)


@pytest.mark.parametrize("rule", RULES)
def test_engines_agree(rule):
    case = random_case(6, "linear", N=11, P=4)
    momenta = [0.0, 0.5, 0.9]
    rates = 1 / case.rounding.hessian_norm * np.array([0.0, 1e-3, 0.1, 1.0, 4.5])
    for tests in ({}, {"tolerance": 1e-4, "loss_threshold": 0.3}, {"schedule": "cosine", "gradient_tolerance": 1e-2}):
        how = {"rule": rule, "momentum": momenta, "learning_rate": rates, "max_steps": [1, 2, 500], **tests}
        results = {
            engine: fastgd.sweep(case.problem, engine=engine, **how) for engine in ("samples", "moments", "spectral")
        }
        expected = results["samples"]
        assert len(np.unique(expected.status)) >= 3
        for found in results.values():
            assert np.array_equal(found.status, expected.status)
            assert np.array_equal(found.steps, expected.steps)
            assert found.theta[:4] == pytest.approx(expected.theta[:4], rel=1e-9, abs=1e-11)  # below every limit
            assert found.loss[:4] == pytest.approx(expected.loss[:4], rel=1e-9)


@pytest.mark.parametrize(
    "how", [{}, {"schedule": "exponential", "decay": 0.02}, {"tolerance": 1e-3, "record_every": 9}], ids=str
)
@pytest.mark.parametrize("rule", RULES)
def test_tiles_threads_slices_and_order_change_no_bit(cut, rule, how):
    problem = random_case(5, N=20, P=4).problem
    limit = problem.spectrum().max_learning_rate
    axes = {
        "theta0": np.random.default_rng(0).normal(size=(2, 4)),
        "learning_rate": limit * np.linspace(0.0, 2.5, 11),
        "max_steps": [3, 90],
        "momentum": [0.0, 0.6, 0.95],
    }

    def run(threads=1, **changes):
        return fastgd.sweep(problem, rule=rule, engine="spectral", threads=threads, **axes | changes, **how)

    first = run()
    backwards = run(**{name: np.asarray(axis)[::-1] for name, axis in axes.items()})
    for name in RESULTS:
        assert np.array_equal(np.flip(getattr(backwards, name), (0, 1, 2, 3)), getattr(first, name)), name
    cut(thread_seconds=0.0, tile_seconds=0.0, tiles_per_worker=1)
    for tile, threads in itertools.product((1, 7, 10_000), (1, 2, 5)):
        cut(largest_exact_tile=tile)
        assert bits(run(threads)) == bits(first)
    cut(slice_seconds=1e-9, first_visits=1.0)  # a budget of one: left and taken up at every step
    assert bits(run(2)) == bits(first)
