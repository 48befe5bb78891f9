"""Loss and steps against an axis: the data in the artists, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.results.plots.cells import MOST_CELLS
from tests.tools.axes import artist, drawn, labels

RATES = [0.01, 0.1, 0.25, 0.5, 0.9, 2.0, 3.0]


@pytest.fixture(scope="module")
def square():
    return fastgd.examples.square()


@pytest.fixture(scope="module")
def result(square):
    return fastgd.sweep(square, learning_rate=RATES, max_steps=20, loss_threshold=1e-8)


@pytest.fixture(scope="module")
def momenta(square):
    rates = np.geomspace(0.01, 5.0, 12)
    return fastgd.sweep(square, learning_rate=rates, momentum=[0.0, 0.5, 0.9], rule="momentum", loss_threshold=1e-6)


def joined(ax):
    """Return the lines that join points."""
    return [line for line in ax.get_lines() if line.get_linestyle() == "-"]


# ---- loss -----------------------------------------------------------------------------------------------------------


def test_the_line_has_the_losses_and_a_gap_where_descents_failed(result):
    ax = drawn(result.plot.loss)
    (line,) = joined(ax)
    assert line.get_xdata().tolist() == RATES
    y = line.get_ydata()
    assert np.isnan(y[result.failed]).all()
    there = ~result.failed & (result.loss > 0.0)
    assert y[there].tolist() == result.loss[there].tolist()
    assert y[3] < result.loss[there].min()  # at the rate 0.5 the loss is exactly 0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning_rate", "final loss")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_every_configuration_is_marked_by_its_kind(result):
    ax = drawn(result.plot.loss)
    for label, rates in (("converged", [0.25, 0.5]), ("took all steps", [0.01, 0.1, 0.9]), ("failed", [2.0, 3.0])):
        assert artist(ax, label).get_xdata().tolist() == rates
    high = ax.get_ylim()[1]
    failed = artist(ax, "failed").get_ydata()
    assert (failed > result.loss[~result.failed].max()).all()
    assert (failed < high).all()
    assert "failed" in [text.get_text() for text in ax.get_yticklabels()]
    assert labels(ax)[:3] == ["converged (2)", "took all steps (3)", "failed (2)"]


def test_regions_have_a_hatch_each_and_meet_midway(result):
    ax = drawn(result.plot.loss)
    regions = {region.get_hatch(): [path.get_extents() for path in region.get_paths()] for region in ax.collections}
    (failed,) = regions["////"]
    assert failed.x0 == pytest.approx(np.sqrt(0.9 * 2.0))
    assert len(regions[".."]) == 2
    assert len(regions) == 3


def test_exact_rates_are_marked_where_they_are_known(result, momenta, square):
    spectrum = square.spectrum()
    ax = drawn(result.plot.loss)
    assert artist(ax, "stability limit 1").get_xdata() == [spectrum.max_learning_rate] * 2
    assert artist(ax, "best fixed rate 0.5").get_xdata() == [spectrum.best_learning_rate] * 2
    assert labels(drawn(momenta.plot.loss))[-1] == "stability limits 1 to 1.9"
    falling = fastgd.sweep(square, learning_rate=RATES, schedule="inverse_time", max_steps=20)
    below = fastgd.sweep(square, learning_rate=[0.1, 0.2], max_steps=20)
    by_sign = fastgd.sweep(square, learning_rate=RATES, rule="sign", max_steps=20)
    for other in (falling, below, by_sign):
        assert not [text for text in labels(drawn(other.plot.loss)) if "rate" in text or "limit" in text]
    assert not [text for text in labels(drawn(momenta.plot.loss, x="momentum")) if "limit" in text]


def test_a_bound_says_that_it_is_one(square):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20)
    fit = fastgd.LinearFit(x, 2.0 * x + rng.standard_normal(20), loss=fastgd.Huber(1.0))
    robust = fastgd.sweep(fit, learning_rate=np.geomspace(0.01, 100.0, 20), max_steps=50)
    (limit,) = [text for text in labels(drawn(robust.plot.loss)) if "rate" in text or "limit" in text]
    assert limit.startswith("stability limit at least ")
    boxed = fastgd.sweep(square, learning_rate=RATES, bounds=(-1.0, 1.0), max_steps=20)
    assert labels(drawn(boxed.plot.loss))[-1] == "stability limit without bounds 1"


def test_over_the_other_axes_it_is_the_best(momenta):
    ax = drawn(momenta.plot.loss)
    (line,) = joined(ax)
    best = momenta.best_along("learning_rate")
    expected = [np.nan if each is None else each.loss for each in best]
    assert np.array_equal(line.get_ydata(), expected, equal_nan=True)
    assert ax.get_xlabel() == "learning_rate\n1 point = best of 3 over momentum"


def test_a_hue_has_a_line_each(momenta):
    ax = drawn(momenta.plot.loss, hue="momentum")
    for k, line in enumerate(joined(ax)):
        expected = np.where(momenta.failed[:, k], np.nan, momenta.loss[:, k])
        assert np.array_equal(line.get_ydata(), expected, equal_nan=True)
    assert labels(ax)[:3] == ["momentum 0", "momentum 0.5", "momentum 0.9"]
    rows = [line.get_ydata()[0] for line in ax.get_lines() if line.get_label() == "failed"]
    assert len(set(rows)) == 3
    assert ax.get_xlabel() == "learning_rate"


def test_of_many_hues_eight_are_shown_and_that_is_said(square):
    momenta = np.linspace(0.0, 0.9, 20)
    many = fastgd.sweep(square, learning_rate=[0.1, 0.2, 0.3], momentum=momenta, rule="momentum", max_steps=5)
    ax = drawn(many.plot.loss, hue="momentum")
    assert len(joined(ax)) == 8
    assert joined(ax)[-1].get_ydata().tolist() == many.loss[:, -1].tolist()
    assert ax.get_xlabel().endswith("8 of 20 lines are shown")


def test_ten_thousand_rates_are_aggregated(square):
    many = fastgd.sweep(square, learning_rate=np.geomspace(0.001, 10.0, 10_000), max_steps=50)
    ax = drawn(many.plot.loss)
    (line,) = joined(ax)
    assert len(line.get_xdata()) == MOST_CELLS
    least = np.where(many.failed, np.inf, many.loss).reshape(1000, 10).min(axis=1)
    shown = line.get_ydata()
    assert np.array_equal(shown[least > 1e-30], np.where(np.isinf(least), np.nan, least)[least > 1e-30], equal_nan=True)
    assert ax.get_xlabel() == "learning_rate\n1 point = best of 10 neighbours"
    assert artist(ax, "failed").get_xdata().size == np.isinf(least).sum()


# ---- steps ----------------------------------------------------------------------------------------------------------


def test_steps_are_joined_where_descents_converged(result):
    ax = drawn(result.plot.steps)
    (line,) = joined(ax)
    steps = np.where(result.converged, result.steps, np.nan)
    assert np.array_equal(line.get_ydata(), steps, equal_nan=True)
    assert artist(ax, "failed").get_ydata().tolist() == result.steps[result.failed].tolist()
    assert artist(ax, "took all steps").get_ydata().tolist() == [20.0] * 3
    assert ax.get_ylabel() == "steps until it stopped"
    all_converged = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.5], loss_threshold=1e-6)
    assert drawn(all_converged.plot.steps).get_ylabel() == "steps to converge"


def test_the_fastest_converged_is_shown(momenta):
    ax = drawn(momenta.plot.steps)
    (line,) = joined(ax)
    steps = np.where(momenta.converged, momenta.steps, 10**9).min(axis=1)
    assert np.array_equal(line.get_ydata(), np.where(steps < 10**9, steps, np.nan), equal_nan=True)
    assert ax.get_xlabel() == "learning_rate\n1 point = fastest of 3 over momentum"


def test_what_stalled_is_not_called_converged(square):
    stalled = fastgd.sweep(square, learning_rate=[1e-7, 1e-6, 0.1, 0.3], tolerance=1e-5)
    ax = drawn(stalled.plot.steps)
    assert artist(ax, "stalled by tolerance").get_xdata().tolist() == [1e-7, 1e-6]
    assert np.isnan(joined(ax)[0].get_ydata()[:2]).all()
    assert "0" in [text.get_text() for text in ax.get_yticklabels()]


# ---- little and nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", ["loss", "steps"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 2.0, [0.1], [2.0], 0.0])
def test_one_configuration_is_a_point(square, picture, rate):
    one = fastgd.sweep(square, learning_rate=rate, max_steps=200)
    ax = drawn(getattr(one.plot, picture))
    (marked,) = [line for line in ax.get_lines() if line.get_linestyle() == "None"]
    assert marked.get_xdata().tolist() == [np.ravel(rate)[0]]


def test_where_all_failed_that_is_said_and_they_are_drawn(square):
    ax = drawn(fastgd.sweep(square, learning_rate=[2.0, 3.0], max_steps=2000).plot.loss)
    assert [text.get_text() for text in ax.texts] == ["all configurations failed"]
    assert artist(ax, "failed").get_xdata().tolist() == [2.0, 3.0]


@pytest.mark.parametrize("picture", ["loss", "steps"])
def test_what_was_interrupted_is_not_drawn_and_that_is_said(result, picture):
    status = result.status.copy()
    status[3:] = Status.CANCELLED
    ax = drawn(getattr(replace(result, status=status).plot, picture))
    assert max(line.get_xdata().max() for line in ax.get_lines() if line.get_linestyle() == "None") == RATES[2]
    assert "interrupted (4)" in labels(ax)
    nothing = replace(result, status=np.full_like(status, Status.CANCELLED), loss=np.full(len(RATES), np.nan))
    ax = drawn(getattr(nothing.plot, picture))
    assert [text.get_text() for text in ax.texts] == ["no configuration was finished"]


def test_a_zipped_table_is_points_that_nothing_joins(square):
    table = {"learning_rate": [0.3, 0.1, 2.0], "max_steps": [3, 1, 2]}
    ax = drawn(fastgd.sweep(square, configurations=table).plot.loss)
    assert joined(ax) == []
    assert artist(ax, "took all steps").get_xdata().tolist() == [0.1, 0.3]
    assert artist(ax, "failed").get_xdata().tolist() == [2.0]


@pytest.mark.parametrize("picture", ["loss", "steps"])
def test_unknown_axes_are_refused(momenta, picture):
    draw = getattr(momenta.plot, picture)
    with pytest.raises(ValueError, match=r"^x must be one of 'learning_rate', 'momentum', got 'decay'$"):
        draw(x="decay")
    with pytest.raises(ValueError, match=r"^hue must be one of 'momentum', got 'learning_rate'$"):
        draw(hue="learning_rate")
    with pytest.raises(TypeError, match=r"^x must be one of 'learning_rate', 'momentum', got 3$"):
        draw(x=3)


def test_a_success_too_far_to_be_drawn_is_not_said_to_have_failed():
    """A loss without a least, at a rate of 1e300: -5e301 in the end."""
    slide = fastgd.Objective(lambda x: -x, lambda x: -1.0 + 0.0 * x, start=1.0)
    result = fastgd.sweep(slide, learning_rate=[0.1, 0.5, 1e300], max_steps=50, record_every=1)
    assert not result.failed.any()
    for ax in (drawn(result.plot.loss), drawn(result.plot.parameter, "theta")):
        assert ax.get_yticklabels()[-1].get_text() == "failed, or beyond 1e200"
        assert ax.get_xticklabels()[-1].get_text() == "beyond 1e200"
    ax = drawn(result.plot.trajectories)
    assert "beyond: below -1e+200, above " in ax.get_xlabel()


def test_hues_that_are_near_are_told_apart(square):
    rates = [0.1, 0.10000001, 0.2]
    ax = drawn(fastgd.sweep(square, learning_rate=rates, max_steps=[1, 2]).plot.loss, "max_steps", "learning_rate")
    assert labels(ax)[:3] == ["learning_rate 0.1", "learning_rate 0.10000001", "learning_rate 0.2"]
