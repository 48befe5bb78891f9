"""The five published lessons, by fastgd, to all the digits they print."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.oracle import reference
from tests.oracle.published import (
    DART,
    DART_BASELINE,
    DART_BOUNDS,
    DART_CONSTANT_DESCENT,
    DART_CONSTANT_STEPS,
    DART_GRADIENT_DESCENT,
    DART_GRADIENT_STEPS,
    DART_THRESHOLD,
    LEAST_SQUARES_CUBIC,
    PIZZA_LARGEST_RATE,
    PIZZA_LINE,
    PIZZA_RATE,
    PIZZA_WEIGHT_ONLY,
    PIZZAS,
    RESERVATIONS,
    SINE_RATE,
    SINE_STEPS,
    SQUARE_AFTER_20_STEPS,
    dart_gradient,
    dart_loss,
    published,
    sine,
    sine_samples,
)

# ---- 1: the square --------------------------------------------------------------------------------------------------


def plain_square():
    return fastgd.Objective(lambda theta: theta**2, lambda theta: 2 * theta, start=1.0)


@pytest.fixture(params=[fastgd.examples.square, plain_square], ids=["line fit", "objective"])
def square(request):
    return request.param()


def test_square_itself(square):
    assert square.loss_and_gradient(3.0) == (9.0, 6.0)
    assert square.start.tolist() == [1.0]


def test_square_after_every_step(square):
    run = fastgd.descend(square, learning_rate=0.2, max_steps=20)
    assert run.theta[0] == published(SQUARE_AFTER_20_STEPS)
    assert run.trajectory.steps.tolist() == list(range(21))
    assert run.trajectory.theta[:, 0] == pytest.approx([0.6**t for t in range(21)], rel=1e-14)
    assert run.trajectory.loss == pytest.approx([0.36**t for t in range(21)], rel=1e-14)
    assert (run.status, run.steps) == (Status.MAX_STEPS, 20)


def test_square_too_slow_and_too_fast(square):
    result = fastgd.sweep(square, learning_rate=[0.001, 0.2, 1.0, 1.001, 10.0], max_steps=20)
    assert result.theta[:, 0] == pytest.approx([0.998**20, 0.6**20, 1.0, 1.002**20, 19.0**20], rel=1e-13)
    names = [Status(code).name for code in result.status]
    assert names == ["MAX_STEPS", "MAX_STEPS", "MAX_STEPS", "LOSS_GREW", "LOSS_GREW"]  # 1.0 is the stability limit
    assert result.best.configuration["learning_rate"] == 0.2
    growing = fastgd.descend(square, learning_rate=10.0, max_steps=20).trajectory.theta[:, 0]
    assert growing[1:] == pytest.approx(-19.0 * growing[:-1], rel=1e-14)
    # given time, it is told at which step the loss passed what a number can mean: 361^79 = 1e202
    diverged = fastgd.descend(square, learning_rate=10.0)
    assert (diverged.status, diverged.steps) == (Status.DIVERGED, 79)
    assert "lower the learning rate" in diverged.message


# ---- 2: the square, with a tolerance --------------------------------------------------------------------------------


def test_square_with_a_tolerance(square):
    run = fastgd.descend(square, 3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5)
    assert (run.status, run.steps) == (Status.SMALL_UPDATE, 14)
    assert run.trajectory.theta.shape == (15, 1)
    assert run.trajectory.theta[:, 0] == pytest.approx([3 * 0.4**t for t in range(15)], rel=1e-13)
    assert np.array_equal(run.trajectory.theta[-1], run.theta)  # the update that was too small is not taken


# ---- 3: a cubic fitted to a sine ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cubic():
    return fastgd.examples.sine()


def test_sine_problem(cubic):
    x, y = sine_samples()
    assert np.array_equal(cubic.x, x)
    assert np.array_equal(cubic.y, y)
    assert cubic.parameters == ("c0", "c1", "c2", "c3")
    theta = [0.1, 0.8, -0.2, -0.1]
    loss, gradient = sine()(theta)
    assert cubic.loss(theta) == pytest.approx(loss, rel=1e-13)
    assert cubic.gradient(theta) == pytest.approx(gradient, rel=1e-12)
    best = np.linalg.lstsq(np.vander(x, 4, increasing=True), y, rcond=None)[0]
    assert best == pytest.approx(LEAST_SQUARES_CUBIC, abs=3e-4)
    assert np.abs(cubic.gradient(best)).max() < 1e-9
    assert cubic.predict(theta) == pytest.approx(0.1 + 0.8 * x - 0.2 * x**2 - 0.1 * x**3, rel=1e-12, abs=1e-13)


def test_sine_start_is_random_normal_by_a_seed(cubic):
    assert np.array_equal(cubic.start, fastgd.examples.sine().start)
    starts = np.array([fastgd.examples.sine(rng=seed).start for seed in range(400)])
    assert abs(starts.mean()) < 0.1
    assert abs(starts.std() - 1) < 0.1
    generator = np.random.default_rng(5)
    assert not np.array_equal(fastgd.examples.sine(rng=generator).start, fastgd.examples.sine(rng=generator).start)


def test_sine_descent(cubic):
    run = fastgd.descend(cubic, learning_rate=SINE_RATE, max_steps=SINE_STEPS, record_every=100)
    expected = reference.descend(sine(), cubic.start.tolist(), SINE_RATE, SINE_STEPS, record_every=100)
    assert (run.status, run.steps) == (expected.status, expected.steps) == (Status.MAX_STEPS, SINE_STEPS)
    assert run.theta == pytest.approx(expected.theta, rel=1e-11)
    assert run.loss == pytest.approx(expected.loss, rel=1e-11)
    assert run.trajectory.steps.tolist() == list(range(0, 2001, 100))
    assert run.trajectory.theta == pytest.approx(np.array([theta for _, theta, _ in expected.trajectory]), rel=1e-10)
    assert run.trajectory.loss == pytest.approx([loss for _, _, loss in expected.trajectory], rel=1e-10)


@pytest.mark.slow
def test_sine_other_rates_and_counts(cubic):
    rates, counts = [1e-8, 1e-7, SINE_RATE, 3e-6, 4e-6], [200, SINE_STEPS]
    result = fastgd.sweep(cubic, learning_rate=rates, max_steps=counts)
    for i, rate in enumerate(rates):
        for j, count in enumerate(counts):
            expected = reference.descend(sine(), cubic.start.tolist(), rate, count, record_every=count)
            assert (result.status[i, j], result.steps[i, j]) == (expected.status, expected.steps)
            assert result.loss[i, j] == pytest.approx(expected.loss, rel=1e-9)
    assert (result.status[-1] < 0).all()  # 2 / lambda_max is 3.6e-6
    assert (result.status[:-1] == Status.MAX_STEPS).all()
    assert result.best.configuration["learning_rate"] == 3e-6


def test_sine_over_a_wider_range():
    wide = fastgd.examples.sine(4 * math.pi)
    x, y = sine_samples(4 * math.pi)
    assert np.array_equal(wide.x, x)
    assert fastgd.descend(wide, learning_rate=SINE_RATE, max_steps=SINE_STEPS).status == Status.DIVERGED
    best, (loss_left,) = np.linalg.lstsq(np.vander(x, 4, increasing=True), y, rcond=None)[:2]
    assert wide.loss(best) == pytest.approx(loss_left, rel=1e-10)
    assert wide.loss(best) > 0.85 * wide.loss(np.zeros(4))  # a cubic explains almost nothing of four periods


def test_sine_over_twice_the_range(cubic):
    """The rate that worked on [-pi, pi] grows on [-2 pi, 2 pi], and the spectrum says why."""
    wide = fastgd.examples.sine(2 * math.pi)
    x = wide.x
    assert (x[0], x[-1], x.size) == (-2 * math.pi, 2 * math.pi, 2000)
    how = {"learning_rate": SINE_RATE, "max_steps": SINE_STEPS}
    assert fastgd.descend(cubic, **how).status == Status.MAX_STEPS
    for engine in ("samples", "moments", "spectral"):
        grown = fastgd.descend(wide, **how, engine=engine)
        assert grown.status in (Status.LOSS_GREW, Status.DIVERGED)
        assert "lower the learning rate" in grown.message
    before, now = cubic.spectrum().max_learning_rate, wide.spectrum().max_learning_rate
    assert now < SINE_RATE < before
    # 2 / lambda_max, nearly all of it the curvature in c3, 2 sum x^6, which has grown 2^6 fold
    for problem, limit in ((cubic, before), (wide, now)):
        design = np.vander(problem.x, 4)
        assert limit == pytest.approx(2 / np.linalg.eigvalsh(2 * design.T @ design)[-1], rel=1e-9)
    assert before / now == pytest.approx(2**6, rel=0.05)
    # a rate below the new limit works again
    assert fastgd.descend(wide, learning_rate=0.9 * now, max_steps=SINE_STEPS).status == Status.MAX_STEPS


# ---- 4: a line through the pizza data -------------------------------------------------------------------------------


def test_pizza_problem():
    problem = fastgd.examples.pizza()
    assert problem.X[:, 0].tolist() == RESERVATIONS
    assert problem.y.tolist() == PIZZAS
    assert (problem.parameters, problem.start.tolist()) == (("w", "b"), [0.0, 0.0])


def test_pizza_weight_only():
    steps, weight, loss = PIZZA_WEIGHT_ONLY
    run = fastgd.descend(fastgd.examples.pizza(intercept=False), learning_rate=PIZZA_RATE, max_steps=steps)
    assert run.theta.tolist() == [published(weight)]
    assert run.loss == published(loss)
    assert run.trajectory.loss.shape == (steps + 1,)  # printed at every iteration
    assert np.all(np.diff(run.trajectory.loss) <= 1e-13 * run.trajectory.loss[1:])


def test_pizza_line():
    steps, weight, intercept = PIZZA_LINE
    run = fastgd.descend(fastgd.examples.pizza(), learning_rate=PIZZA_RATE, max_steps=steps, record_every=None)
    assert run.theta.tolist() == [published(weight), published(intercept)]


def test_pizza_largest_rate():
    largest = float(PIZZA_LARGEST_RATE)
    result = fastgd.sweep(
        fastgd.examples.pizza(), learning_rate=[0.9999 * largest, 1.0001 * largest], max_steps=200_000
    )
    assert result.failed.tolist() == [False, True]


def test_pizza_loss_curve_and_slopes():
    problem = fastgd.examples.pizza(intercept=False)
    best = sum(x * y for x, y in zip(RESERVATIONS, PIZZAS, strict=True)) / sum(x * x for x in RESERVATIONS)
    curve = np.linspace(-1, 4, 501)
    losses = problem.loss(curve[:, None])
    assert curve[np.argmin(losses)] == pytest.approx(best, abs=0.005)
    slopes = problem.gradient(curve[:, None])[:, 0]
    assert np.array_equal(np.sign(slopes), np.sign(curve - best))
    assert abs(problem.gradient(best)[0]) < 1e-12 * np.abs(slopes).max()


# ---- 5: the dart ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dart():
    return fastgd.examples.dart()


BASELINE = {"loss_threshold": DART_THRESHOLD, "bounds": DART_BOUNDS}


def test_dart_problem(dart):
    for theta in (-1.2, -0.5, 0.0, 0.3, 0.7, 0.9, 1.5):
        assert dart.loss(theta) == pytest.approx(dart_loss(theta), rel=1e-12)
        assert dart.gradient(theta)[0] == pytest.approx(dart_gradient(theta), rel=1e-11)
    assert dart.start.tolist() == [0.0]


@pytest.mark.parametrize(("rate", "iterations", "degrees"), DART_CONSTANT_DESCENT)
def test_dart_constant_descent(dart, rate, iterations, degrees):
    run = fastgd.descend(dart, learning_rate=rate, max_steps=iterations, rule="sign")
    assert math.degrees(run.theta[0]) == published(degrees)
    assert run.steps == iterations


@pytest.mark.parametrize(("rate", "iterations", "steps", "degrees", "loss"), DART_GRADIENT_DESCENT)
def test_dart_gradient_descent(dart, rate, iterations, steps, degrees, loss):
    run = fastgd.descend(dart, learning_rate=rate, max_steps=iterations, **BASELINE)
    assert (run.status, run.steps) == (Status.REACHED_LOSS, steps)
    assert math.degrees(run.theta[0]) == published(degrees)
    assert run.loss == published(loss)
    assert run.trajectory.theta.shape == (steps + 1, 1)  # the history of angles


def test_dart_baseline_by_gradient(dart):
    rates, iterations = zip(*DART_BASELINE, strict=True)
    result = fastgd.sweep(dart, configurations={"learning_rate": rates, "max_steps": iterations}, **BASELINE)
    by_rate = dict(zip(rates, range(len(rates)), strict=True))
    assert list(result.axes) == ["configuration"]
    for rate, steps in {**DART_GRADIENT_STEPS, **{row[0]: row[2] for row in DART_GRADIENT_DESCENT}}.items():
        assert (result.status[by_rate[rate]], result.steps[by_rate[rate]]) == (Status.REACHED_LOSS, steps)
    degrees = np.degrees(result.theta[:, 0])
    assert (degrees[by_rate[1.0]], result.steps[by_rate[1.0]]) == (90.0, 1)
    assert (degrees[by_rate[0.1]], result.steps[by_rate[0.1]]) == (-90.0, 10)
    assert result.status[[by_rate[1.0], by_rate[0.1]]].tolist() == [Status.LOSS_GREW] * 2


def test_dart_baseline_by_constant_descent(dart):
    rates, iterations = zip(*DART_BASELINE, strict=True)
    table = {"learning_rate": rates, "max_steps": iterations}
    result = fastgd.sweep(dart, configurations=table, rule="sign", **BASELINE)
    for rate, steps in DART_CONSTANT_STEPS.items():
        at = rates.index(rate)
        assert (result.status[at], result.steps[at]) == (Status.REACHED_LOSS, steps)


def test_dart_loss_is_that_of_the_angle_reported(dart):
    run = fastgd.descend(dart, learning_rate=0.5, max_steps=2, rule="sign")
    assert run.trajectory.theta[:, 0].tolist() == [0.0, 0.5, 1.0]
    assert run.trajectory.loss[1:] == pytest.approx([0.4044, 0.7332], abs=5e-5)
    assert run.loss == run.trajectory.loss[2] == dart.loss(run.theta)


@pytest.mark.parametrize("schedule", ["inverse_time", "exponential", "inverse_sqrt", "cosine"])
def test_dart_decay_ends_the_bouncing(dart, schedule):
    decay = {} if schedule == "cosine" else {"decay": 0.05}
    bouncing = fastgd.descend(dart, learning_rate=0.1, max_steps=200, rule="sign")
    last = bouncing.trajectory.theta[-20:, 0]
    assert np.all(np.abs(np.diff(last)) == pytest.approx(0.1))
    calmed = fastgd.descend(dart, learning_rate=0.1, max_steps=200, rule="sign", schedule=schedule, **decay)
    assert np.abs(np.diff(calmed.trajectory.theta[-20:, 0])).max() < 0.05
    assert calmed.loss < bouncing.loss


@pytest.mark.slow
def test_dart_basins(dart):
    starts, rates = np.radians(np.linspace(5, 65, 13)), [1e-4, 5e-4]
    result = fastgd.sweep(dart, theta0=starts[:, None], learning_rate=rates, max_steps=100_000, loss_threshold=1e-12)
    assert (result.status == Status.REACHED_LOSS).all()
    low, high = math.asin(0.98) / 2, math.pi / 2 - math.asin(0.98) / 2  # where sin(2 theta) = 9.8 * 10 / 10^2
    assert [math.degrees(low), math.degrees(high)] == pytest.approx([39.3, 50.7], abs=0.1)
    reached_high = np.abs(result.theta[:, :, 0] - high) < np.abs(result.theta[:, :, 0] - low)
    assert np.abs(result.theta[:, :, 0] - np.where(reached_high, high, low)).max() < 2e-6
    for i, start in enumerate(starts):
        for j, rate in enumerate(rates):
            oracle = reference.descend(DART, [float(start)], rate, 100_000, loss_threshold=1e-12, record_every=100_000)
            assert reached_high[i, j] == (abs(oracle.theta[0] - high) < 1e-5)
            assert result.steps[i, j] == oracle.steps
    assert reached_high[:, 0].any()
    assert not reached_high[:, 0].all()
