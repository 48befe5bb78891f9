"""The loss against the step: every state that is drawn is one that was recorded, and none that matters is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastgd
from fastgd.results.plots.states import extremes
from fastgd.results.plots.trajectories import MOST_LINES, plot_trajectories
from tests.tools.axes import drawn, labels


def lines_of(ax):
    """Return the lines of descents, without the markers at their ends."""
    return [line for line in ax.get_lines() if line.get_linestyle() != "None"]


@pytest.fixture(scope="module")
def square():
    return fastgd.examples.square()


def test_a_descent_is_drawn_as_it_was_recorded(square):
    run = fastgd.descend(square, learning_rate=0.2, max_steps=20)
    ax = drawn(run.plot.loss)
    (line,) = lines_of(ax)
    assert np.array_equal(line.get_xdata(), run.trajectory.steps)
    assert np.array_equal(line.get_ydata(), run.trajectory.loss)
    assert ax.get_yscale() == "log"


def test_a_sweep_has_a_line_for_each_rate_and_failures_are_dashed(square):
    result = fastgd.sweep(square, learning_rate=[0.1, 0.4, 1.5], max_steps=20, record_every=1)
    ax = drawn(result.plot.trajectories)
    assert [line.get_linestyle() for line in lines_of(ax)] == ["-", "-", "--"]
    for line, loss in zip(lines_of(ax), result.trajectory.loss, strict=True):
        seen = line.get_ydata() < 1e4  # above lies the strip of what is beyond
        assert np.array_equal(line.get_ydata()[seen], loss[seen])
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "learning_rate"


def test_a_line_ends_at_the_stop_also_between_recorded_steps(square):
    result = fastgd.sweep(square, learning_rate=[0.1, 0.4], max_steps=25, tolerance=1e-3, record_every=10)
    for line, steps, loss in zip(lines_of(drawn(result.plot.trajectories)), result.steps, result.loss, strict=True):
        assert (line.get_xdata()[-1], line.get_ydata()[-1]) == (steps, loss)


def test_of_many_it_says_how_many_and_keeps_those_that_failed(square):
    rates = np.append(np.geomspace(1e-3, 0.9, 9_999), 1.2)  # the last alone grows
    result = fastgd.sweep(square, learning_rate=rates, max_steps=10, record_every=1)
    ax = drawn(result.plot.trajectories)
    assert "24 of 10,000 shown, evenly over learning_rate" in ax.get_xlabel()
    styles = [line.get_linestyle() for line in lines_of(ax)]
    assert len(styles) == MOST_LINES
    assert styles.count("--") == 1
    assert labels(ax) == ["took all steps (9,999)", "failed (1)"]


def test_losses_that_are_0_or_not_finite_have_a_place(square):
    result = fastgd.sweep(square, learning_rate=[0.5, 0.4, 10.0], max_steps=500, record_every=1)
    ax = drawn(result.plot.trajectories)
    assert result.loss[0] == 0.0
    assert result.loss[2] > 1e200
    bottom, top = ax.get_ylim()
    for line in lines_of(ax):
        assert np.isfinite(line.get_ydata()).all()
        assert (line.get_ydata() >= bottom).all()
        assert (line.get_ydata() <= top).all()
    assert "beyond: above 1e+04, inf or NaN" in ax.get_xlabel()
    assert {"0", "beyond"} <= {tick.get_text() for tick in ax.get_yticklabels()}


@pytest.mark.parametrize("rates", [[2.0, 3.0], [0.1], [0.0, 0.1]], ids=["all failed", "one", "a rate of 0"])
def test_any_sweep_can_be_drawn(square, rates):
    result = fastgd.sweep(square, learning_rate=rates, max_steps=300, record_every=1)
    assert len(lines_of(drawn(result.plot.trajectories))) == len(rates)


def test_lines_are_coloured_by_what_varies_if_rates_do_not(square):
    starts = fastgd.sweep(square, theta0=[[1.0], [2.0]], learning_rate=0.1, max_steps=5, record_every=1)
    decays = {"schedule": "inverse_time", "decay": [0.1, 0.2], "learning_rate": 0.1, "max_steps": 5}
    decaying = fastgd.sweep(square, record_every=1, **decays)
    zipped = fastgd.sweep(square, configurations={"learning_rate": [0.1, 0.2]}, max_steps=5, record_every=1)
    for result, name in [(starts, "start"), (decaying, "decay"), (zipped, "learning_rate")]:
        assert drawn(result.plot.trajectories).figure.axes[1].get_ylabel() == name


def test_no_step_at_all(square):
    (line,) = lines_of(drawn(fastgd.descend(square, learning_rate=0.2, max_steps=0).plot.loss))
    assert line.get_xydata().tolist() == [[0.0, 1.0]]


def test_a_million_states_keep_their_extremes():
    rng = np.random.default_rng(0)
    y = rng.normal(size=1_000_001)
    y[123_456] = 1e6  # one spike, which a stride would miss
    y[654_321] = -1e6
    x = np.arange(len(y), dtype=float)
    kept = extremes(x, y)
    assert len(kept) <= 4 * 1001
    assert np.array_equal(kept, np.unique(kept))
    assert {0, 123_456, 654_321, len(y) - 1} <= set(kept.tolist())
    column = np.floor(x / x[-1] * 1000)
    for number in (0, 500, 999):
        inside = column == number
        assert y[kept][column[kept] == number].min() == y[inside].min()
        assert y[kept][column[kept] == number].max() == y[inside].max()


def test_few_states_are_all_drawn():
    assert extremes(np.arange(3.0), np.zeros(3)).tolist() == [0, 1, 2]


def test_what_can_not_be_drawn_is_told_in_a_sentence(square):
    run = fastgd.descend(square, learning_rate=0.1, max_steps=3, record_every=None)
    result = fastgd.sweep(square, learning_rate=[0.1], max_steps=3)
    for draw in (run.plot.loss, result.plot.trajectories):
        with pytest.raises(ValueError, match=r"^a picture of the loss against the step needs .* record_every=1, "):
            draw()
    with pytest.raises(TypeError, match=r"^result must be a SweepResult or a Descent, got 3$"):
        plot_trajectories(3)


def test_what_diverges_does_not_flatten_negative_losses():
    below = fastgd.Objective(lambda x: x**2 - 5.0, lambda x: 2.0 * x, start=2.0)
    ax = drawn(fastgd.sweep(below, learning_rate=[0.01, 0.1, 1.5], max_steps=50, record_every=1).plot.trajectories)
    assert ax.get_yscale() == "linear"
    assert ax.get_ylim()[1] < 20.0
    assert "beyond: above 1e+01, inf or NaN" in ax.get_xlabel()


def test_rates_up_to_the_greatest_have_a_colour_bar(square):
    rates = [0.1, 1e100, 1e300]
    result = fastgd.sweep(square, learning_rate=rates, max_steps=5, divergence_threshold=None, record_every=1)
    assert drawn(result.plot.trajectories).figure.axes[1].get_ylim() == pytest.approx((0.1, 1e200))


def test_nothing_was_finished(square):
    result = fastgd.sweep(square, learning_rate=[0.1, 0.2], max_steps=5, record_every=1)
    status = np.full_like(result.status, fastgd.Status.CANCELLED)
    nothing = np.full_like(result.loss, np.nan)
    ax = drawn(replace(result, status=status, loss=nothing, steps=0 * result.steps).plot.trajectories)
    assert [text.get_text() for text in ax.texts] == ["no configuration was finished"]
