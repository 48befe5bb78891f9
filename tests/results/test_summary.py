"""What a summary counts as converged, as grown and as stable: against exact arithmetic and hand-worked sentences."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.oracle import reference
from tests.tools.cases import FORCED_SAMPLES

ENGINES = ("samples", "moments", "spectral")
SQUARE = reference.one_parameter(lambda t: t * t, lambda t: 2 * t)


def row(result, label):
    """Return the text of a line of the summary, None if it is not there."""
    lines = str(result).splitlines()
    assert len(lines) <= 15
    found = [line.split(maxsplit=label.count(" ") + 1)[-1] for line in lines if line.startswith(f"  {label} ")]
    return found[0] if found else None


def square(**how):
    return fastgd.sweep(fastgd.examples.square(), **how)


# ---- what converged --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_rates_that_never_moved_are_not_praised(engine):
    """From 1 the gradient is small once |theta| = |1 - 2 rate|^t is below a hundredth."""
    rates, how = np.geomspace(1e-9, 1, 60), {"max_steps": 3000, "tolerance": 1e-5}
    result = square(learning_rate=rates, **how, engine=engine)
    runs = [reference.descend(SQUARE, [1.0], rate, 3000, tolerance=1e-5) for rate in rates]
    assert result.status.tolist() == [run.status for run in runs]
    stopped = result.status == Status.SMALL_UPDATE
    expected = [run.status == Status.SMALL_UPDATE and abs(run.theta[0]) > 0.01 for run in runs]
    assert result.stalled.tolist() == expected
    assert result.converged.tolist() == stopped.tolist()  # the status stands
    counted = [(run.steps, rate) for run, rate, stalled in zip(runs, rates, expected, strict=True) if not stalled]
    counted = [(steps, rate) for steps, rate in counted if steps < 3000]
    assert (result.fastest.steps, result.fastest.configuration["learning_rate"]) == min(counted)
    low, high = min(rate for _, rate in counted), max(rate for _, rate in counted)
    assert row(result, "converged") == f"for learning rates {low:.6g} to {high:.6g}, {len(counted)} of 60"
    assert f"{sum(expected)} before the gradient was small, tolerance being longer" in row(result, "SMALL_UPDATE")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_published_lesson_counts(engine):
    result = square(theta0=3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5, engine=engine)
    assert (result.fastest.steps, result.fastest.status) == (14, Status.SMALL_UPDATE)
    assert "before the gradient" not in str(result)


@pytest.mark.parametrize("engine", ENGINES)
def test_where_all_stand_still(engine):
    result = square(learning_rate=[0.0, 1e-12, 1e-9], tolerance=1e-6, engine=engine)
    assert result.converged.all()
    assert result.fastest is None
    assert row(result, "fastest") is row(result, "converged") is row(result, "loss fell") is None
    assert "3 (update below tolerance; 0 steps; 3 before the gradient was small" in str(result)


def test_a_start_at_the_minimum_has_converged():
    for engine in ENGINES:
        result = square(theta0=0.0, learning_rate=[1e-9, 0.1], tolerance=1e-6, engine=engine)
        assert result.fastest.steps == 0
        assert not result.stalled.any()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_turning_point_is_no_minimum(engine):
    """The heavy ball stands nearly still where it turns, far up on the other side."""
    how = {"rule": "momentum", "momentum": 0.999, "tolerance": 0.01}
    run = reference.descend(SQUARE, [1.0], 0.01, 1000, **how)
    assert (run.status, run.theta[0] < -0.5) == (Status.SMALL_UPDATE, True)
    result = square(learning_rate=[0.01], max_steps=1000, **how, engine=engine)
    assert (result.status[0], result.steps[0], result.stalled[0]) == (Status.SMALL_UPDATE, run.steps, True)
    assert result.fastest is None


@pytest.mark.parametrize("engine", ["samples", "moments"])
def test_a_minimum_on_a_bound_has_converged(engine):
    """The loss is t0^2 + 0.09 t1^2 from (1, 1): t0 is held at 0.9, and the slope of t1 is 0.18 t1 beside 2.008."""
    root = math.sqrt(2.0)
    problem = fastgd.LinearFit([[root, 0.0], [0.0, 0.3 * root]], [0.0, 0.0], intercept=False, start=[1.0, 1.0])
    how = {"learning_rate": 0.1, "bounds": ([0.9, -9.0], 9.0), "engine": engine}
    result = fastgd.sweep(problem, **how, tolerance=[0.05, 1e-3])
    assert result.status.tolist() == [Status.SMALL_UPDATE] * 2
    assert result.steps.tolist() == [1, 160]  # 0.018 (1 - 0.018)^t < 0.001
    assert result.stalled.tolist() == [True, False]
    assert result.fastest.steps == 160


@pytest.mark.parametrize("axis", ["configurations", "samples"])
def test_both_axes_and_slices_stall_alike(axis, force):
    random = np.random.default_rng(5)
    X = random.normal(size=(FORCED_SAMPLES, 2))
    problem = fastgd.LinearFit(X, X @ [1.0, 2.0] + random.normal(size=FORCED_SAMPLES))
    force(axis, slice_seconds=1e-9)
    how = {"learning_rate": np.geomspace(1e-6, 0.3, 9), "max_steps": 300, "tolerance": 1e-4}
    result = fastgd.sweep(problem, **how, engine="samples", bounds=(-9, 9))
    slope = np.linalg.norm(problem.gradient(problem.start))
    expected = (result.status == Status.SMALL_UPDATE) & (result.gradient_norm > 0.01 * slope)
    assert result.stalled.tolist() == expected.tolist()
    assert 0 < expected.sum() < (result.status == Status.SMALL_UPDATE).sum()


def test_what_did_not_move_did_not_fall():
    result = square(learning_rate=[0.0, 1e-30, 0.1], max_steps=5)
    assert "3 (took all steps, loss fell in 1; 5 steps)" in str(result)
    assert row(result, "loss fell") == "for learning rates 0.1 to 0.1, 1 of 3"
    assert result.initial_loss.tolist() == [1.0, 1.0, 1.0]
    assert "(took all steps, loss did not fall; 5 steps)" in str(square(learning_rate=[0.0], max_steps=5))


# ---- what grew -------------------------------------------------------------------------------------------------------


def test_a_rounding_at_the_minimum_is_no_growth():
    """The least loss is 0.4625 exactly, at 7/16 x + 57/16, and 1.1e-16 above it is no growth."""
    problem = fastgd.LinearFit([9.0, 5, 7, 5, 5], [7.0, 7, 8, 5, 5], loss=fastgd.Huber(1.0))
    first = fastgd.descend(problem, learning_rate=0.02, max_steps=20_000)
    again = fastgd.sweep(problem, theta0=first, learning_rate=0.02, max_steps=1000)
    assert again.status == Status.MAX_STEPS
    assert again.best.loss == pytest.approx(0.4625, abs=1e-15)
    assert "lower the learning rate" not in again.best.message


@pytest.mark.parametrize("kind", ["squared", "huber", "log-cosh"])
def test_warm_starts_do_not_grow(kind):
    random = np.random.default_rng(3)
    loss = {"squared": "squared", "huber": fastgd.Huber(1.0), "log-cosh": fastgd.LogCosh()}[kind]
    for _ in range(12):
        X, y = random.integers(0, 10, 5), random.integers(0, 10, 5)
        problem = fastgd.LinearFit(X, y + 0.0, loss=loss, l2=float(random.integers(0, 2)))
        rate = problem.spectrum().best_learning_rate
        for engine in ENGINES if kind == "squared" else ("samples",):
            first = fastgd.descend(problem, learning_rate=rate, max_steps=20_000, record_every=None, engine=engine)
            again = fastgd.sweep(problem, theta0=first, learning_rate=rate, max_steps=[1, 10, 999], engine=engine)
            assert (again.status == Status.MAX_STEPS).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("start", [0.0, 2.0])
def test_growth_beyond_rounding_is_growth(engine, start):
    """A loss (t - 1)^2 grows in a step from 1 to (1 - 2 rate)^2; its rounding is 100 eps (1 + 1)."""
    problem, allowed = fastgd.LinearFit([[1.0]], [1.0], intercept=False), 200 * Fraction(2) ** -52
    for over in (2e-15, 9e-15, 1.3e-14, 1e-13, 1e-9):
        rate = 1.0 + over
        growth = (1 - 2 * Fraction(rate)) ** 2 - 1
        run = fastgd.descend(problem, start, learning_rate=rate, max_steps=1, engine=engine)
        assert run.status == (Status.LOSS_GREW if growth > allowed else Status.MAX_STEPS), over
        exact = reference.descend(
            reference.linear([[Fraction(1)]], [Fraction(1)], intercept=False), [Fraction(start)], rate, 1
        )
        assert run.status == exact.status


def test_targets_far_away_hide_no_growth_of_a_loss_that_is_not_squared():
    """Huber's loss of a target at 1e8 is 1e8, so that growth from 1/8 to 1/2 is no rounding, as it were beside 1e16."""
    problem = fastgd.LinearFit([[1.0]], [1e8], intercept=False, loss=fastgd.Huber(1.0))
    run = fastgd.descend(problem, 1e8 + 0.5, learning_rate=3.0, max_steps=1)
    assert (run.loss, run.status) == (0.5, Status.LOSS_GREW)


def test_an_objective_is_measured_by_itself():
    lowest = fastgd.Objective(lambda t: t * t, lambda t: 1e-100 + 2 * t)
    run = fastgd.descend(lowest, 0.0, learning_rate=1.0, max_steps=1)
    assert (run.loss, run.status) == (1e-200, Status.LOSS_GREW)
    high = fastgd.Objective(lambda t: 1.0 + 1e-14 * t, lambda t: -1.0)
    assert fastgd.descend(high, 0.0, learning_rate=1.0, max_steps=2).status == Status.MAX_STEPS
    assert fastgd.descend(high, 0.0, learning_rate=1.0, max_steps=3).status == Status.LOSS_GREW


# ---- stability -------------------------------------------------------------------------------------------------------


def test_the_limit_under_a_schedule():
    """With 0.1 / (1 + 0.1 t) the pizzas' limit, 0.0045551, is passed between t = 209 and 210."""
    how = {"learning_rate": np.linspace(1e-4, 0.1, 1000), "schedule": "inverse_time", "decay": 0.1, "max_steps": 300}
    assert row(fastgd.sweep(fastgd.examples.pizza(), **how), "stability") == (
        "limit 0.0045551 of learning_rate times schedule, 955 of 1,000 learning rates above it at first, "
        "none from step 210 on"
    )


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"schedule": "exponential", "decay": 0.1}, "none from step 14 on"),  # 4 exp(-1.38) > 1
        ({"schedule": "inverse_sqrt", "decay": 1.0}, "none from step 15 on"),  # 4 / sqrt 16 = 1
        ({"schedule": "cosine"}, "none from step 67 on"),  # cos(pi t / 100) <= -1/2
        ({"schedule": "inverse_time", "decay": [1.0, 0.5]}, "none from step 6 on"),
        ({"schedule": "inverse_time", "decay": 0.0}, "not all below it at the last step"),
        ({"schedule": "inverse_time", "decay": 0.02}, "not all below it at the last step"),
    ],
)
def test_from_which_step_on(how, words):
    """The limit of the square is 1."""
    result = square(learning_rate=[0.5, 4.0], max_steps=100, **how)
    assert (
        row(result, "stability")
        == f"limit 1 of learning_rate times schedule, 1 of 2 learning rates above it at first, {words}"
    )
    calm = square(learning_rate=[0.5, 0.75], max_steps=100, **how)
    assert row(calm, "stability") == "limit 1 of learning_rate times schedule, 0 of 2 learning rates above it at first"


def test_the_limit_where_it_says_less():
    rates = [0.5, 4.0]
    assert row(square(learning_rate=rates, bounds=(-1.0, 1.0)), "stability") == (
        "limit 1 without bounds; below it the loss can't grow with them either"
    )
    how = {"learning_rate": rates, "rule": "momentum", "momentum": 0.5}
    assert row(square(**how, bounds=(-1.0, 1.0)), "stability") == "limit 1.5 without bounds"
    assert row(square(**how, schedule="cosine"), "stability") == "limit 1.5 at a constant rate"
    how["momentum"] = [0.5, 0.75]
    assert row(square(**how, schedule="cosine"), "stability") == "limit 1.5 to 1.75 at a constant rate, by momentum"
    for rule in ("sign", "adam"):
        assert row(square(learning_rate=rates, rule=rule), "stability") is None


def test_the_best_fixed_rate_is_printed_below_the_limit():
    """Of curvatures 3 and 3e-9 it is 2 / (3 + 3e-9), in six digits the limit 2 / 3, at which nothing converges."""
    root = math.sqrt(1.5)
    X = [[root, 0.0], [0.0, 1e-9 * root]]
    problem = fastgd.LinearFit(X, [1.0, 0.0], intercept=False, l2=1.5e-9, reduction="sum")
    words = row(fastgd.sweep(problem, learning_rate=[0.1, 9.0], max_steps=5), "stability")
    assert words == "limit 0.666667, 1 of 2 learning rates above it; best fixed rate 0.666666"
    assert "best_learning_rate  0.666666, " in str(problem.spectrum())
    assert fastgd.descend(problem, learning_rate=0.666666, max_steps=20).loss < 1.0


# ---- one and many ----------------------------------------------------------------------------------------------------


def test_one_of_a_thing_has_no_s():
    result = square(learning_rate=[0.1], max_steps=1)
    text = str(result)
    assert "1 (took all steps, loss fell; 1 step)" in text
    assert ", 1 step, theta" in text
    assert text.startswith("1 configuration of")
    text = str(square(theta0=[[1.0]], learning_rate=[0.1, 0.2], max_steps=[0, 1], threads=1))
    assert "  start          1 start\n" in text
    assert "0 to 1 step)" in text
    assert ", 1 thread" in text


# ---- interrupted -----------------------------------------------------------------------------------------------------


def test_ctrl_c_while_the_curvature_is_measured_keeps_the_result(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fastgd.sweeps.run, "affordable_spectrum", interrupted)
    with pytest.raises(fastgd.SweepInterrupted) as caught:
        square(learning_rate=[0.1, 9.0], max_steps=5)
    assert caught.value.result.status.tolist() == [Status.MAX_STEPS, Status.LOSS_GREW]
    assert caught.value.result.spectrum is None
