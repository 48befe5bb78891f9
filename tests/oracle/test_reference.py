"""The oracle against values worked by hand, exact arithmetic, and the numbers the five lessons publish."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

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
    SQUARE,
    SQUARE_AFTER_20_STEPS,
    dart_gradient,
    dart_loss,
    pizza,
    published,
    sine,
    sine_samples,
)
from tests.oracle.reference import (
    DIVERGED,
    LOSS_GREW,
    MAX_STEPS,
    REACHED_LOSS,
    SMALL_GRADIENT,
    SMALL_UPDATE,
    Rounding,
    assert_right,
    descend,
    linear,
    numbers,
    polynomial,
    right_stops,
)

ONE = Fraction(1)


def path(run):
    return [theta[0] for _, theta, _ in run.trajectory]


# ---- losses ---------------------------------------------------------------------------------------------------------


def test_a_line_by_hand():
    # residuals 1 + x - y at x = 0, 1, 2 and y = 1, 2, 5: 0, 0, -2
    x, y = numbers([0, 1, 2], Fraction), numbers([1, 2, 5], Fraction)
    assert polynomial(x, y, 1, "sum")([ONE, ONE]) == (4, [-4, -8])
    assert polynomial(x, y, 1)([ONE, ONE]) == (Fraction(4, 3), [Fraction(-4, 3), Fraction(-8, 3)])
    assert linear([[value] for value in x], y)([ONE, ONE]) == (Fraction(4, 3), [Fraction(-8, 3), Fraction(-4, 3)])
    assert linear([[value] for value in x], y, intercept=False)([ONE]) == (Fraction(11, 3), [Fraction(-14, 3)])


def test_a_cubic_and_two_features_by_hand():
    # 1 + 2x + 3x^2 + 4x^3 at 1/2 is 13/4: residual 1/4 against 3
    loss, gradient = polynomial([Fraction(1, 2)], [Fraction(3)], 3)(numbers([1, 2, 3, 4], Fraction))
    assert loss == Fraction(1, 16)
    assert gradient == [Fraction(1, 2), Fraction(1, 4), Fraction(1, 8), Fraction(1, 16)]
    # 3*2 + 4*(-1) + 5 = 7 against 6, and 3*0 + 4*1 + 5 = 9 against 11
    rows, y = numbers([[2, -1], [0, 1]], Fraction), numbers([6, 11], Fraction)
    assert linear(rows, y, reduction="sum")(numbers([3, 4, 5], Fraction)) == (5, [4, -6, -2])


def test_kinds_of_numbers_keep_their_kind():
    with mpmath.workdps(40):
        for kind in (float, Fraction, mpmath.mpf):
            run = descend(polynomial(numbers([1, 2], kind), numbers([1, 3], kind), 1), [kind(0)] * 2, 0.1, 3)
            assert all(type(value) is type(kind(0)) for value in [*run.theta, run.loss])
    with pytest.raises(TypeError, match="not int"):
        descend(SQUARE, [1], 0.2, 3)


# ---- rules and schedules --------------------------------------------------------------------------------------------


def test_gradient_rule_by_hand():
    run = descend(SQUARE, [ONE], Fraction(1, 5), 20)
    assert path(run) == [Fraction(3, 5) ** t for t in range(21)]
    assert (run.loss, run.gradient_norm) == (Fraction(3, 5) ** 40, 2 * Fraction(3, 5) ** 20)
    assert (run.steps, run.status) == (20, MAX_STEPS)


def test_sign_rule_by_hand():
    run = descend(SQUARE, [ONE], Fraction(1, 2), 4, rule="sign")
    assert path(run) == [1, Fraction(1, 2), 0, 0, 0]  # the sign of 0 is 0


def test_momentum_by_hand():
    # v = 2, then 1/2 * 2 + 8/5 = 13/5
    run = descend(SQUARE, [ONE], Fraction(1, 10), 2, rule="momentum", momentum=0.5)
    assert path(run) == [1, Fraction(4, 5), Fraction(27, 50)]


def test_nesterov_by_hand():
    # v = 2, u = 2 + 1/2 * 2 = 3; then v = 1 + 7/5 = 12/5, u = 7/5 + 6/5 = 13/5
    run = descend(SQUARE, [ONE], Fraction(1, 10), 2, rule="nesterov", momentum=0.5)
    assert path(run) == [1, Fraction(7, 10), Fraction(11, 25)]


def test_adam_by_hand():
    # beta1 = 1/2. g = 2: m = 1, v = 0.004, corrected 2 and 4. Then g = 1.8: m = 1.4, v = 0.003996 + 0.00324.
    run = descend(SQUARE, [1.0], 0.1, 2, rule="adam", momentum=0.5)
    first = 1 - 0.1 * 2 / (2 + 1e-8)
    assert path(run)[1] == pytest.approx(first, rel=1e-15)
    assert path(run)[2] == pytest.approx(0.9 - 0.1 * (1.4 / 0.75) / math.sqrt(0.007236 / 0.001999), rel=1e-8)


def test_usual_momentum_is_nine_tenths():
    for rule in ("momentum", "nesterov", "adam"):
        assert descend(SQUARE, [1.0], 0.1, 5, rule=rule) == descend(SQUARE, [1.0], 0.1, 5, rule=rule, momentum=0.9)


def test_inverse_time_by_hand():
    run = descend(SQUARE, [ONE], Fraction(1, 4), 3, schedule="inverse_time", decay=1)
    assert path(run) == [1, Fraction(1, 2), Fraction(3, 8), Fraction(5, 16)]  # factors 1/2, 3/4, 5/6


def test_schedules_by_hand():
    assert reference.scale("constant", 3.0, 7, 10) == 1
    assert reference.scale("inverse_time", Fraction(1, 2), 4, 10) == Fraction(1, 3)
    assert reference.scale("inverse_sqrt", 3.0, 5, 10) == 0.25
    assert reference.scale("exponential", math.log(2) / 3, 9, 10) == pytest.approx(1 / 8, rel=1e-15)
    assert [reference.scale("cosine", 0.0, t, 6) for t in (0, 2, 3, 6)] == pytest.approx([1, 0.75, 0.5, 0], abs=1e-16)
    assert reference.scale("cosine", 0.0, 0, 0) == 1
    with pytest.raises(TypeError, match="not rational"):
        reference.scale("exponential", ONE, 1, 10)


def test_bounds_clip_each_component():
    plane = linear([[ONE, 0 * ONE], [0 * ONE, ONE]], [ONE, -ONE], intercept=False, reduction="sum")
    run = descend(plane, [0 * ONE, 0 * ONE], Fraction(1, 2), 1, bounds=([-1, -0.25], 0.5))
    assert run.theta == [Fraction(1, 2), Fraction(-1, 4)]


# ---- the tests of a descent, in their order -------------------------------------------------------------------------


def test_all_statuses():
    assert descend(SQUARE, [3.0], 0.0, 5, loss_threshold=9.0).status == MAX_STEPS  # not 9 < 9
    run = descend(SQUARE, [3.0], 0.25, 20, loss_threshold=0.6)  # theta halves: losses 9, 9/4, 9/16
    assert (run.steps, run.status) == (2, REACHED_LOSS)
    run = descend(SQUARE, [3.0], 0.25, 20, gradient_tolerance=0.8)  # norms 6, 3, 3/2, 3/4
    assert (run.steps, run.status, run.gradient_norm) == (3, SMALL_GRADIENT, 0.75)
    run = descend(SQUARE, [3.0], 0.25, 20, tolerance=0.4)  # updates 3/2, 3/4, 3/8: not taken
    assert (run.theta, run.steps, run.status) == ([0.75], 2, SMALL_UPDATE)
    run = descend(SQUARE, [1.0], 10.0, 3)
    assert (run.theta, run.steps, run.status) == ([-(19.0**3)], 3, LOSS_GREW)
    run = descend(SQUARE, [1.0], 10.0, 1000)  # 361^78 = 3e199, 361^79 = 1e202
    assert (run.steps, run.status) == (79, DIVERGED)
    run = descend(SQUARE, [1.0], 10.0, 1000, divergence_threshold=361.0)
    assert (run.steps, run.status) == (2, DIVERGED)  # not 361 > 361
    run = descend(SQUARE, [1.0], 10.0, 1000, divergence_threshold=None)
    assert (run.steps, run.status, run.loss) == (121, DIVERGED, math.inf)  # 361^120 = 8e306


def test_earlier_tests_win():
    everything = {"loss_threshold": 2.0, "gradient_tolerance": 3.0, "tolerance": 1.0}
    assert descend(SQUARE, [1.0], 0.1, 0, divergence_threshold=0.5, **everything).status == DIVERGED
    assert descend(SQUARE, [1.0], 0.1, 0, **everything).status == REACHED_LOSS
    everything.pop("loss_threshold")
    assert descend(SQUARE, [1.0], 0.1, 0, **everything).status == SMALL_GRADIENT
    everything.pop("gradient_tolerance")
    assert descend(SQUARE, [1.0], 0.1, 0, **everything).status == MAX_STEPS
    assert descend(SQUARE, [1.0], 0.1, 1, **everything).status == SMALL_UPDATE


def test_nan_is_divergence():
    for bad in (math.nan, math.inf):
        assert descend(lambda theta: (bad, [0.0]), [1.0], 0.1, 5).status == DIVERGED  # noqa: B023
        assert descend(lambda theta: (1.0, [0.0, bad]), [1.0, 1.0], 0.1, 5).status == DIVERGED  # noqa: B023


def test_trajectory_holds_every_kth_state_and_the_last():
    steps = [t for t, _, _ in descend(SQUARE, [1.0], 0.1, 10, record_every=4).trajectory]
    assert steps == [0, 4, 8, 10]
    assert [t for t, _, _ in descend(SQUARE, [1.0], 0.1, 8, record_every=4).trajectory] == [0, 4, 8]


# ---- which stops are right ------------------------------------------------------------------------------------------


X, Y = [0.0, 0.5, 1.0, 1.5, 2.5], [1.0, 0.75, 2.0, -1.0, 0.5]


def right(**settings):
    oracle = polynomial(numbers(X, mpmath.mpf), numbers(Y, mpmath.mpf), 2)
    return right_stops(oracle, numbers([0, 0, 0], mpmath.mpf), rounding=Rounding.of_polynomial(X, Y, 2), **settings)


def in_floats(**settings):
    run = descend(polynomial(X, Y, 2), [0.0, 0.0, 0.0], **settings)
    return {"theta": run.theta, **{name: getattr(run, name) for name in ("loss", "gradient_norm", "steps", "status")}}


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"learning_rate": 0.05, "max_steps": 60}, MAX_STEPS),
        ({"learning_rate": 0.05, "max_steps": 400, "loss_threshold": 0.96}, REACHED_LOSS),
        ({"learning_rate": 0.05, "max_steps": 400, "gradient_tolerance": 0.1}, SMALL_GRADIENT),
        ({"learning_rate": 0.05, "max_steps": 400, "tolerance": 2e-3}, SMALL_UPDATE),
        ({"learning_rate": 0.2, "max_steps": 40}, LOSS_GREW),
        ({"learning_rate": 0.2, "max_steps": 4000, "divergence_threshold": 1e6}, DIVERGED),
        ({"learning_rate": 0.2, "max_steps": 4000}, DIVERGED),
        ({"learning_rate": 0.05, "max_steps": 50, "schedule": "inverse_sqrt", "decay": 0.1}, MAX_STEPS),
        ({"learning_rate": 0.05, "max_steps": 50, "bounds": (-0.5, [1.0, 0.125, 0.5])}, MAX_STEPS),
        ({"learning_rate": 0.05, "max_steps": 0}, MAX_STEPS),
    ],
)
def test_a_float_run_is_right_and_no_other(many_digits, settings, status):
    stops = right(**settings)
    run = in_floats(**settings)
    assert list(stops) == [run["steps"]]
    assert stops[run["steps"]].statuses == {status}
    assert_right(stops, **run)
    for wrong in ({"steps": run["steps"] + 1}, {"steps": run["steps"] - 1}, {"status": 9}):
        with pytest.raises(AssertionError):
            assert_right(stops, **{**run, **wrong})
    if run["loss"] < 1e200 and run["steps"]:
        for name in ("loss", "gradient_norm"):
            with pytest.raises(AssertionError):
                assert_right(stops, **{**run, name: run[name] * (1 + 1e-8)})
        with pytest.raises(AssertionError):
            assert_right(stops, **{**run, "theta": np.array(run["theta"]) * (1 + 1e-8)})


def test_a_threshold_at_rounding_allows_both_neighbours(many_digits):
    plain = in_floats(learning_rate=0.05, max_steps=30)
    threshold = plain["loss"]  # met at step 30 within rounding, so a run may stop there or at 31
    stops = right(learning_rate=0.05, max_steps=400, loss_threshold=threshold)
    assert {t: stop.statuses for t, stop in stops.items()} == {30: {REACHED_LOSS}, 31: {REACHED_LOSS}}
    # the same where the step limit comes first: it may have been reached, or not
    stops = right(learning_rate=0.05, max_steps=30, loss_threshold=threshold)
    assert {t: stop.statuses for t, stop in stops.items()} == {30: {REACHED_LOSS, MAX_STEPS}}


def test_resting_descent_has_not_grown(many_digits):
    assert right(learning_rate=0.0, max_steps=7)[7].statuses == {MAX_STEPS}


# ---- the lessons ----------------------------------------------------------------------------------------------------


def test_lesson_1_square():
    run = descend(SQUARE, [1.0], 0.2, 20)
    assert run.theta[0] == published(SQUARE_AFTER_20_STEPS)
    assert path(run) == pytest.approx([0.6**t for t in range(21)], rel=1e-14)
    assert descend(SQUARE, [1.0], 0.001, 20).theta[0] == pytest.approx(0.998**20, rel=1e-14)
    steep = descend(SQUARE, [1.0], 10.0, 20)
    assert (steep.theta[0], steep.status) == (pytest.approx(19.0**20, rel=1e-14), LOSS_GREW)
    assert descend(SQUARE, [1.0], 1.0, 20).status == MAX_STEPS  # the stability limit: -1, 1, -1, ...
    assert descend(SQUARE, [1.0], 1.001, 20).status == LOSS_GREW


def test_lesson_2_square_with_a_tolerance():
    run = descend(SQUARE, [3.0], 0.3, 20, tolerance=1e-5)
    assert (run.steps, run.status, len(run.trajectory)) == (14, SMALL_UPDATE, 15)
    assert run.theta[0] == pytest.approx(3 * 0.4**14, rel=1e-13)


def test_lesson_3_cubic_and_sine():
    x, y = sine_samples()
    cubic = np.linalg.lstsq(np.vander(x, 4, increasing=True), y, rcond=None)[0]
    # "about": 0.8570 is the coefficient under an integral over [-pi, pi], 0.8567 that of these 2,000 points
    assert cubic == pytest.approx(LEAST_SQUARES_CUBIC, abs=3e-4)
    # what a descent from a normal start has reached after 2,000 steps, from the closed form with exact statistics
    start = np.random.default_rng(1).normal(size=4)
    run = descend(sine(), [float(value) for value in start], SINE_RATE, SINE_STEPS)
    design = np.vander(x, 4, increasing=True)
    values, vectors = np.linalg.eigh(2 * design.T @ design)
    expected = cubic + vectors @ ((1 - SINE_RATE * values) ** SINE_STEPS * (vectors.T @ (start - cubic)))
    assert run.status == MAX_STEPS
    assert run.theta == pytest.approx(expected, rel=1e-9)
    # the wider range: lambda_max grows about as its sixth power, so the rate that worked now diverges
    assert descend(sine(4 * math.pi), [float(value) for value in start], SINE_RATE, SINE_STEPS).status == DIVERGED
    wide_x, wide_y = sine_samples(4 * math.pi)
    loss_left = np.linalg.lstsq(np.vander(wide_x, 4), wide_y, rcond=None)[1][0]
    assert loss_left > 0.85 * wide_y @ wide_y  # four periods: a cubic explains almost nothing of them


@pytest.mark.slow
def test_lesson_4_pizza():
    steps, weight, loss = PIZZA_WEIGHT_ONLY
    run = descend(pizza(intercept=False), [0.0], PIZZA_RATE, steps)
    assert run.theta[0] == published(weight)
    assert run.loss == published(loss)
    steps, weight, intercept = PIZZA_LINE
    run = descend(pizza(intercept=True), [0.0, 0.0], PIZZA_RATE, steps, record_every=steps)
    assert run.theta == [published(weight), published(intercept)]


def test_lesson_4_largest_rate():
    # lambda_max of the two by two Hessian 2/m [[sum x^2, sum x], [sum x, m]], by the quadratic formula
    m = len(RESERVATIONS)
    a, b, d = sum(x * x for x in RESERVATIONS) / m, sum(RESERVATIONS) / m, 1.0
    largest = (a + d) + math.sqrt((a - d) ** 2 + 4 * b * b)
    assert 2 / largest == published(PIZZA_LARGEST_RATE)
    assert len(PIZZAS) == m == 30
    for rate, status in ((0.99 * 2 / largest, MAX_STEPS), (1.01 * 2 / largest, LOSS_GREW)):
        assert descend(pizza(intercept=True), [0.0, 0.0], rate, 2000, record_every=2000).status == status


@pytest.mark.parametrize(("rate", "iterations", "degrees"), DART_CONSTANT_DESCENT)
def test_lesson_5_constant_descent(rate, iterations, degrees):
    run = descend(DART, [0.0], rate, iterations, rule="sign")
    assert math.degrees(run.theta[0]) == published(degrees)
    assert run.steps == iterations


@pytest.mark.parametrize(("rate", "iterations", "steps", "degrees", "loss"), DART_GRADIENT_DESCENT)
def test_lesson_5_gradient_descent(rate, iterations, steps, degrees, loss):
    run = descend(DART, [0.0], rate, iterations, loss_threshold=DART_THRESHOLD, bounds=DART_BOUNDS)
    assert (run.steps, run.status) == (steps, REACHED_LOSS)
    assert math.degrees(run.theta[0]) == published(degrees)
    assert run.loss == published(loss)


@pytest.mark.slow
def test_lesson_5_baseline():
    baseline = {"loss_threshold": DART_THRESHOLD, "bounds": DART_BOUNDS}
    by_gradient = {rate: descend(DART, [0.0], rate, steps, **baseline) for rate, steps in DART_BASELINE}
    assert (math.degrees(by_gradient[1.0].theta[0]), by_gradient[1.0].steps) == (90.0, 1)
    assert (math.degrees(by_gradient[0.1].theta[0]), by_gradient[0.1].steps) == (-90.0, 10)
    assert by_gradient[1.0].status == by_gradient[0.1].status == LOSS_GREW
    for rate, steps in DART_GRADIENT_STEPS.items():
        assert (by_gradient[rate].steps, by_gradient[rate].status) == (steps, REACHED_LOSS)
    by_sign = {rate: descend(DART, [0.0], rate, steps, rule="sign", **baseline) for rate, steps in DART_BASELINE}
    for rate, steps in DART_CONSTANT_STEPS.items():
        assert (by_sign[rate].steps, by_sign[rate].status) == (steps, REACHED_LOSS)


def test_lesson_5_loss_belongs_to_the_angle_reported():
    run = descend(DART, [0.0], 0.5, 2, rule="sign")
    assert [theta[0] for _, theta, _ in run.trajectory] == [0, 0.5, 1.0]
    assert [loss for _, _, loss in run.trajectory][1:] == pytest.approx([0.4044, 0.7332], abs=5e-5)


def test_lesson_5_two_minima(many_digits):
    for near in ("39.3", "50.7"):
        angle = mpmath.findroot(dart_gradient, mpmath.radians(mpmath.mpf(near)))
        assert abs(dart_loss(angle)) < mpmath.mpf("1e-50")
        assert float(mpmath.degrees(angle)) == pytest.approx(float(near), abs=0.05)
    # between them the slope vanishes too, at a maximum
    top = mpmath.findroot(dart_gradient, mpmath.radians(45))
    assert dart_loss(top) > 1e-3
