"""The visited points on the loss curve of one parameter: they are the trajectory's, and lie on the problem's loss."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastgd
from fastgd.results.plots.curve import plot_curve
from fastgd.results.plots.states import MOST_STATES, Window, around, in_sight
from tests.tools.axes import artist, drawn, labels


@pytest.fixture(scope="module")
def square():
    return fastgd.examples.square()


@pytest.fixture(scope="module")
def run(square):
    return fastgd.descend(square, 3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5)


def test_visited_points_are_the_trajectory_in_order(square, run):
    ax = drawn(plot_curve, run, square)
    expected = np.column_stack([run.trajectory.theta[:, 0], run.trajectory.loss])
    assert len(expected) == 15
    assert np.array_equal(artist(ax, "_visited").get_offsets(), expected)
    assert np.array_equal(artist(ax, "_way").get_xydata(), expected)
    assert np.array_equal(artist(ax, "start").get_offsets(), expected[:1])
    assert np.array_equal(artist(ax, "end: converged").get_offsets(), expected[-1:])
    assert (np.diff(artist(ax, "_visited").get_array()) > 0).all()


def test_the_curve_is_the_problems_loss(square, run):
    theta, loss = artist(drawn(plot_curve, run, square), "_curve").get_data()
    assert loss == pytest.approx(theta**2)
    assert theta[0] < 0.0 < 3.0 < theta[-1]


def test_the_minimum_is_the_problems_or_the_least_that_was_evaluated(square):
    pizza = fastgd.examples.pizza(intercept=False)
    own = drawn(plot_curve, fastgd.descend(pizza, learning_rate=0.001, max_steps=100), pizza)
    assert artist(own, "minimum").get_xydata()[0] == pytest.approx([pizza.minimum().theta[0], pizza.minimum().loss])
    dart = fastgd.examples.dart()
    found = drawn(plot_curve, fastgd.descend(dart, learning_rate=0.001, max_steps=100), dart)
    theta, loss = artist(found, "least evaluated").get_xydata()[0]
    assert loss == dart.loss([theta])
    assert loss <= np.nanmin(artist(found, "_curve").get_ydata())


@pytest.mark.parametrize(("tangent", "places"), [("last", [-1]), ("start", [0]), (None, [])])
def test_a_tangent_has_the_gradients_slope(square, run, tangent, places):
    ax = drawn(plot_curve, run, square, tangent=tangent)
    tangents = [line for line in ax.get_lines() if line.get_label().startswith("slope")]
    assert len(tangents) == len(places)
    for line, place in zip(tangents, places, strict=True):
        check_tangent(line, square, run.trajectory.theta[place, 0])


def check_tangent(line, problem, at):
    (x0, y0), (x1, y1) = line.get_xydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(problem.gradient([at])[0], abs=1e-9)
    assert y0 + (at - x0) * (y1 - y0) / (x1 - x0) == pytest.approx(problem.loss([at]), abs=1e-9)


def test_tangents_of_ones_choice():
    pizza = fastgd.examples.pizza(intercept=False)
    least = pizza.minimum().theta[0]
    run = fastgd.descend(pizza, learning_rate=0.001, max_steps=100)
    ax = drawn(plot_curve, run, pizza, window=(-1, 4), tangent=[0.5, least, 3.0])
    assert ax.get_xlim() == (-1.0, 4.0)
    lines = [line for line in ax.get_lines() if line.get_label().startswith("slope")]
    for line, at in zip(lines, [0.5, least, 3.0], strict=True):
        check_tangent(line, pizza, at)
    assert lines[1].get_label() == f"slope 0 at {least:.4g}"
    slopes = [np.diff(line.get_ydata())[0] for line in lines]
    assert slopes[0] < 0 < slopes[2]
    assert slopes[1] == pytest.approx(0.0, abs=1e-9)


def test_what_lies_outside_is_drawn_at_the_edge(square, run):
    ax = drawn(plot_curve, run, square, window=(-1, 1))
    outside = np.abs(run.trajectory.theta[:, 0]) > 1.0
    assert f"outside ({outside.sum()})" in labels(ax)
    assert artist(ax, "outside").get_offsets()[0].tolist() == [1.0, ax.get_ylim()[1]]
    assert len(artist(ax, "_visited").get_offsets()) == (~outside).sum()


def test_a_descent_that_diverges_shows_its_first_steps_and_its_end(square):
    run = fastgd.descend(square, learning_rate=10.0)
    ax = drawn(plot_curve, run, square)
    assert run.status == fastgd.Status.DIVERGED
    assert artist(ax, "_visited").get_offsets().tolist() == [[1.0, 1.0], [-19.0, 361.0], [361.0, 130_321.0]]
    assert f"outside ({len(run.trajectory.steps) - 3})" in labels(ax)
    assert "end: failed" in labels(ax)


def test_states_that_are_not_finite_are_told():
    logarithm = fastgd.Objective(lambda theta: np.log(theta), lambda theta: 1.0 / theta, start=-1.0)
    ax = drawn(plot_curve, fastgd.descend(logarithm, learning_rate=0.1), logarithm)
    assert "1 state not finite" in ax.get_xlabel()


@pytest.mark.parametrize("start", [1.0, 0.0])
def test_no_step_at_all(square, start):
    ax = drawn(plot_curve, fastgd.descend(square, start, learning_rate=0.1, max_steps=0), square)
    assert artist(ax, "_visited").get_offsets().tolist() == [[start, start**2]]


def test_one_wall_does_not_hide_the_rest():
    dart = fastgd.examples.dart()
    run = fastgd.descend(dart, learning_rate=0.001, max_steps=5)
    bottom, top = drawn(plot_curve, run, dart, window=(-math.pi / 2, math.pi / 2)).get_ylim()
    assert bottom < 0.0 < 12.0 < top < 1e6  # where the loss at the ends is 1e64


def test_of_many_states_it_says_how_many():
    dart = fastgd.examples.dart()
    run = fastgd.descend(dart, rule="sign", learning_rate=1e-3, max_steps=200_000, record_every=1)
    ax = drawn(plot_curve, run, dart)
    points = artist(ax, "_visited").get_offsets()
    assert len(points) <= MOST_STATES
    assert f"{len(points):,} of 200,001 states drawn" in ax.get_xlabel()
    assert points[0].tolist() == [0.0, run.trajectory.loss[0]]
    assert points[-1].tolist() == [run.theta[0], run.loss]


def test_moves_leave_out_only_what_is_drawn_over():
    window = Window(0.0, 1.0, 0.0, 1.0)
    x = np.repeat([0.1, 0.9, 0.5], 1000)
    assert window.moves(x, x).tolist() == [0, 1000, 2000, 2999]
    assert window.moves(x[:10], x[:10]).tolist() == list(range(10))


def test_windows_of_anything():
    assert around(np.array([])) == (-1.0, 1.0)
    assert around(np.array([math.nan, 4.0])) == (2.0, 6.0)
    low, high = around(np.array([-1.7e308, 1.7e308]))
    assert math.isfinite(high - low)
    assert in_sight(np.array([1.0, math.inf, 1e5, 1e7, math.nan])).tolist() == [True, False, True, False, False]
    assert not in_sight(np.array([math.nan])).any()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"window": (1, 0)}, "window must be two parameters, the lower one first, got (1, 0)"),
        ({"window": 3}, "window must be two parameters, the lower one first, got 3"),
        ({"window": (0, math.inf)}, "window must be finite, got inf at index 1"),
        ({"tangent": "end"}, "tangent must be one of 'last', 'start', got 'end'"),
        ({"tangent": [math.nan]}, "tangent must be numbers, got nan"),
        ({"ax": 3}, "ax must be matplotlib axes, got 3"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(square, run, how, sentence):
    with pytest.raises((ValueError, TypeError)) as error:
        plot_curve(run, square, **how)
    assert str(error.value) == sentence


def test_what_can_not_be_drawn_is_told_in_a_sentence(square, run):
    with pytest.raises(ValueError, match=r"^a picture of the visited points needs .* record_every=1, [^.]*$"):
        plot_curve(fastgd.descend(square, learning_rate=0.1, record_every=None), square)
    with pytest.raises(ValueError, match=r"^problem must have one parameter to be drawn as a curve, got 2; plot.path "):
        plot_curve(run, fastgd.examples.pizza())
    with pytest.raises(TypeError, match=r"^run must be a Descent, which descend\(\) returns, got 'run'$"):
        plot_curve("run", square)
