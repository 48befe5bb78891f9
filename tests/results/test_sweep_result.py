"""What results tell: the best, the fastest, and what is printed."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
import scipy.optimize

import fastgd
from fastgd import Status
from tests.tools.cases import RESULTS, random_case, square

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
    assert "below 1, for example 0.5" in text  # theta is (1 - 2 rate)^t
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
    some = rates[(result.converged & ~result.stalled).any(axis=(0, 2, 3, 4, 5))]
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
        {"bounds": (-0.2, [0.3, 0.2, 0.1]), "loss_threshold": [0.2, 0.9], "divergence_threshold": 1e10},
        {"schedule": "cosine", "gradient_tolerance": [1e-3, 1e-1], "theta0": [[0.1, 0.1, 0.1], [0.0, 0.2, 0.0]]},
        {"configurations": {"learning_rate": [0.01, 0.02], "max_steps": [5, 9]}},
    ):
        rates = {} if "configurations" in settings_of else {"learning_rate": [0.01, 0.03], "max_steps": [4, 60]}
        result = fastgd.sweep(problem, **rates, **settings_of, engine="samples")
        for index in range(result.status.size):
            outcome = result.outcome(index)
            run = fastgd.descend(problem, **outcome.configuration)
            for name in RESULTS:
                assert np.array_equal(getattr(run, name), getattr(outcome, name)), name
        assert result.best.message == result.best.status.message


def test_when_everything_failed_there_is_no_warm_start():
    result = fastgd.sweep(square(), learning_rate=[2.0, 3.0], max_steps=[5, 500])
    for warm in (result.best, result.best_along("max_steps"), [result.outcome(0), result.best]):
        with pytest.raises(ValueError, match=r"^theta0 must be numbers or outcomes, got None.*no best if every"):
            fastgd.sweep(square(), theta0=warm, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"^theta0 must .*leaving theta0 out means the problem's own start"):
        fastgd.descend(square(), result.best, learning_rate=0.1)


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
