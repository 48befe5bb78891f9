"""A model over its samples: the samples are the problem's, and the curves are what it predicts."""

from __future__ import annotations

import numpy as np
import pytest

import fastgd
from fastgd.results.plots.fit import plot_fit
from tests.tools.axes import artist, drawn, labels


def curves(ax):
    return [line for line in ax.get_lines() if line.get_label() != "predicted = observed"]


@pytest.fixture(scope="module")
def sine():
    return fastgd.examples.sine()


@pytest.fixture(scope="module")
def run(sine):
    return fastgd.descend(sine, learning_rate=1e-6, max_steps=2000, record_every=100)


@pytest.fixture(scope="module")
def several():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 3))
    return fastgd.LinearFit(X, X @ [1.0, -2.0, 0.5] + 3.0 + rng.normal(size=5000))


def test_curves_are_the_models_at_recorded_steps(sine, run):
    ax = drawn(plot_fit, run, steps=[0, 500, 2000])
    for line, step in zip(curves(ax), [0, 500, 2000], strict=True):
        place = run.trajectory.steps.tolist().index(step)
        x, y = line.get_data()
        assert y == pytest.approx(sine.predict(run.trajectory.theta[place], x))
        assert line.get_label() == f"step {step:,}, loss {run.trajectory.loss[place]:.4g}"
    samples = np.asarray(artist(ax, "samples").get_offsets())
    assert samples[:, 1] == pytest.approx(np.sin(samples[:, 0]))
    assert "1,000 of 2,000 samples shown" in ax.get_xlabel()
    assert len(samples) == 1000


def test_by_default_about_six_from_first_to_last_light_to_dark(run):
    lines = curves(drawn(plot_fit, run))
    assert len(lines) == 6
    assert lines[0].get_label().startswith("step 0,")
    assert lines[-1].get_label().startswith("step 2,000,")
    brightness = [sum(line.get_color()[:3]) for line in lines]
    assert brightness == sorted(brightness, reverse=True)


def test_a_curve_by_hand_before_any_descent(sine):
    by_hand = [[0.0, 1.0, 0.0, -1.0 / 6.0], sine.start]
    ax = drawn(plot_fit, problem=sine, theta=by_hand)
    for line, theta in zip(curves(ax), by_hand, strict=True):
        x, y = line.get_data()
        assert y == pytest.approx(sine.predict(theta, x))
    assert f"(0, 1, 0, -0.17), loss {sine.loss(by_hand[0]):.4g}" in labels(ax)


def test_a_curve_by_hand_beside_a_run(run):
    assert len(curves(drawn(plot_fit, run, steps=[2000], theta=[0, 1, 0, 0]))) == 2


def test_of_a_sweep_the_best_is_shown(sine):
    rates = {"learning_rate": np.geomspace(1e-9, 1e-5, 50), "max_steps": 300}
    alone = fastgd.sweep(sine, **rates)
    recorded = fastgd.sweep(sine, **rates, record_every=100)
    assert [line.get_label().split(",")[0] for line in curves(drawn(plot_fit, recorded))] == [
        f"step {t}" for t in (0, 100, 200, 300)
    ]
    for result in (alone, recorded):
        x, y = curves(drawn(plot_fit, result))[-1].get_data()
        assert y == pytest.approx(sine.predict(result.best.theta, x))


def test_a_run_without_a_trajectory_has_its_end(sine):
    run = fastgd.descend(sine, learning_rate=1e-6, max_steps=10, record_every=None)
    (line,) = curves(drawn(plot_fit, run))
    assert line.get_ydata() == pytest.approx(sine.predict(run.theta, line.get_xdata()))


def test_of_several_features_predicted_against_observed(several):
    run = fastgd.descend(several, learning_rate=0.1, max_steps=100)
    ax = drawn(plot_fit, run, problem=several)
    points = np.asarray(artist(ax, "step 100").get_offsets())
    assert len(points) == 1000
    assert "1,000 of 5,000 samples shown" in ax.get_xlabel()
    rows = np.searchsorted(np.sort(several.y), points[:, 0])
    order = np.argsort(several.y)[rows]
    assert points[:, 1] == pytest.approx(several.predict(run.theta)[order])
    assert np.array_equal(*artist(ax, "predicted").get_data())


def test_a_fit_that_diverged_does_not_hide_the_samples():
    pizza = fastgd.examples.pizza()
    run = fastgd.descend(pizza, learning_rate=0.1, max_steps=1000)
    assert run.status == fastgd.Status.DIVERGED
    ax = drawn(plot_fit, run)
    bottom, top = ax.get_ylim()
    assert bottom < pizza.y.min() < pizza.y.max() < top < 200.0
    assert "every configuration failed" in drawn(plot_fit, fastgd.sweep(pizza, learning_rate=[0.1, 0.2])).get_xlabel()


def test_what_can_not_be_drawn_is_told_in_a_sentence(run, several):
    dart = fastgd.examples.dart()
    thrown = fastgd.descend(dart, learning_rate=0.01, max_steps=3)
    unknown = fastgd.descend(several, learning_rate=0.1, max_steps=3)
    steps = "steps must be among the recorded ones, 21 from 0 to 2,000, got 150; record_every= records others"
    wrong = [
        ((), {}, "problem must be given, a fit, where there is no run"),
        ((unknown,), {}, "problem must be given, a fit, as a run keeps samples of a curve over one feature alone"),
        ((thrown, None, dart), {}, f"problem must be a fit, which has samples to draw, got {dart}"),
        ((run,), {"steps": [0, 150]}, steps),
        ((run,), {"theta": [1.0]}, "theta must have shape (4,) or (C, 4), got shape (1,)"),
        ((3,), {}, "run must be a Descent or a SweepResult, got 3"),
    ]
    for arguments, how, sentence in wrong:
        with pytest.raises((ValueError, TypeError)) as error:
            plot_fit(*arguments, **how)
        assert str(error.value) == sentence


def test_a_common_factor_does_not_stand_where_the_legend_is():
    problem = fastgd.LinearFit(np.array([[1e150], [2e150]]), np.array([1e150, 2e150]))
    ax = drawn(plot_fit, problem=problem, theta=[1.0, 0.0])
    assert ax.xaxis.get_offset_text().get_text() == ax.yaxis.get_offset_text().get_text() == ""
