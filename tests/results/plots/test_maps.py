"""Maps over two axes: cells lie where their configurations do, and show them."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.results.plots.drawing import COLOURS
from fastgd.results.plots.phases import GAP
from tests.tools.axes import artist, drawn, labels

MAPS = ["map", "basins"]


@pytest.fixture(scope="module")
def wells():
    """Return two minima, at -1 and 1."""
    return fastgd.Objective(lambda t: (t * t - 1.0) ** 2, lambda t: 4.0 * t * (t * t - 1.0), parameters=["w"])


@pytest.fixture(scope="module")
def result(wells):
    starts = np.linspace(-2.1, 2.1, 14)[:, None]
    return fastgd.sweep(wells, theta0=starts, learning_rate=np.geomspace(1e-4, 1.0, 9), gradient_tolerance=1e-6)


def mesh_of(ax):
    (mesh,) = ax.collections
    return mesh


def cells_of(ax):
    """Return the edges of cells across and up."""
    corners = mesh_of(ax).get_coordinates()
    return corners[0, :, 0], corners[:, 0, 1]


# ---- map ------------------------------------------------------------------------------------------------------------


def test_cells_are_ranked_in_two_phases(result):
    ax = drawn(result.plot.map)
    shades = mesh_of(ax).get_array().data.T
    assert shades.shape == result.loss.shape
    assert (shades[~result.failed] >= GAP).all()
    assert (shades[result.failed] <= -GAP).all()
    assert set(shades[result.loss == result.loss[~result.failed].min()]) == {1.0}
    order = np.argsort(result.loss[~result.failed])
    assert (np.diff(shades[~result.failed][order]) <= 0.0).all()
    assert (np.diff(shades[result.failed][np.argsort(result.steps[result.failed])]) >= 0.0).all()


def test_cells_lie_about_their_values(result):
    ax = drawn(result.plot.map)
    across, up = cells_of(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("start of w", "learning_rate")
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    starts = result.axes["start"][:, 0]
    rates = result.axes["learning_rate"]
    assert ((across[:-1] < starts) & (starts < across[1:])).all()
    np.testing.assert_allclose(across[1:-1], (starts[1:] + starts[:-1]) / 2.0, atol=1e-12)
    np.testing.assert_allclose(up[1:-1], np.sqrt(rates[1:] * rates[:-1]))
    assert ax.get_xlim() == (float(across[0]), float(across[-1]))


def test_axes_may_be_turned(result):
    ax = drawn(result.plot.map, x="learning_rate")
    turned = drawn(result.plot.map, y="learning_rate")
    assert (ax.get_xlabel(), turned.get_xlabel()) == ("learning_rate", "start of w")
    assert np.array_equal(mesh_of(ax).get_array(), mesh_of(turned).get_array().T)


def test_the_colour_bar_tells_true_values(result):
    ax = drawn(result.plot.map)
    bar = ax.figure.axes[1]
    shades = mesh_of(ax).get_array().data.T
    texts = {float(at): text.get_text() for at, text in zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)}
    assert min(texts) == -1.0
    assert max(texts) == 1.0
    for at, text in texts.items():
        values = (result.steps if at < 0.0 else result.loss)[np.isclose(shades, at)]
        assert any(float(text.replace(",", "")) == pytest.approx(value, rel=1e-2, abs=1e-300) for value in values)
    assert bar.get_ylabel().split() == ["failed", "after", "steps", "final", "loss"]


@pytest.mark.parametrize("picture", MAPS)
def test_those_that_failed_are_marked_without_colour(result, picture):
    ax = drawn(getattr(result.plot, picture))
    marks = artist(ax, "failed")
    places = set(zip(*marks.get_data(), strict=True))
    assert len(places) == result.failed.sum()
    across, up = cells_of(ax)
    for x, y in places:
        assert result.failed[np.searchsorted(across, x) - 1, np.searchsorted(up, y) - 1]
    assert f"failed ({result.failed.sum()})" in labels(ax)


def test_unordered_and_uneven_axes_are_put_in_order(wells):
    rates = [0.3, 0.0, 0.003, 0.1]
    result = fastgd.sweep(wells, theta0=[[0.5], [-2.0], [0.0]], learning_rate=rates, max_steps=3)
    ax = drawn(result.plot.map)
    shades = mesh_of(ax).get_array().data.T
    order = np.ix_([1, 2, 0], np.argsort(rates))
    assert np.array_equal(shades < 0.0, result.failed[order])
    assert ax.get_yticklabels()[-1].get_text() == "0" or "0" in [text.get_text() for text in ax.get_yticklabels()]


def test_the_best_over_the_others_is_shown(wells):
    result = fastgd.sweep(wells, theta0=[[0.5], [2.0]], learning_rate=[0.01, 0.1, 0.9], max_steps=[1, 5, 9])
    ax = drawn(result.plot.map, x="start", y="learning_rate")
    assert ax.get_xlabel() == "start of w\n1 cell = best of 3 over max_steps"
    assert np.array_equal(mesh_of(ax).get_array().data.T < 0.0, result.failed.all(axis=2))


def test_thousands_are_aggregated_to_the_best(wells):
    starts = np.linspace(-2.0, 2.0, 2500)[:, None]
    result = fastgd.sweep(wells, theta0=starts, learning_rate=[0.1, 0.8], max_steps=20)
    ax = drawn(result.plot.map)
    shades = mesh_of(ax).get_array().data.T
    assert shades.shape == (834, 2)
    failed = np.concatenate([result.failed, result.failed[-1:], result.failed[-1:]]).reshape(834, 3, 2).all(axis=1)
    assert np.array_equal(shades < 0.0, failed)
    assert ax.get_xlabel() == "start of w\n1 cell = best of 3 neighbours"
    assert artist(ax, "failed").get_xdata().size <= 400


@pytest.mark.parametrize("picture", MAPS)
def test_maps_of_one_axis_are_refused(wells, picture):
    one = fastgd.sweep(wells, theta0=[1.5], learning_rate=[0.1, 0.2])
    with pytest.raises(
        ValueError, match=r"^a map needs a sweep over two axes, and this one has only one, learning_rate; "
    ):
        getattr(one.plot, picture)()
    none = fastgd.sweep(wells, theta0=[1.5], learning_rate=0.1)
    with pytest.raises(ValueError, match=r"^a map needs a sweep over two axes, and this one has none; "):
        getattr(none.plot, picture)()


@pytest.mark.parametrize("picture", MAPS)
def test_unknown_axes_of_maps_are_refused(result, picture):
    with pytest.raises(ValueError, match=r"^y must be one of 'start', 'learning_rate', got 'momentum'$"):
        getattr(result.plot, picture)(y="momentum")
    with pytest.raises(ValueError, match=r"^y must be another axis than x, got 'start' for both$"):
        getattr(result.plot, picture)(x="start", y="start")


@pytest.mark.parametrize("picture", MAPS)
def test_what_was_interrupted_is_left_empty(result, picture):
    status = result.status.copy()
    status[10:] = Status.CANCELLED
    ax = drawn(getattr(replace(result, status=status).plot, picture))
    assert f"interrupted ({status[10:].size})" in labels(ax)
    array = mesh_of(ax).get_array()
    empty = array.mask.T if picture == "map" else (np.asarray(array) == 1.0).all(axis=-1).T
    assert np.array_equal(empty, status == Status.CANCELLED)
    ax = drawn(getattr(replace(result, status=np.full_like(status, Status.CANCELLED)).plot, picture))
    assert [text.get_text() for text in ax.texts] == ["no configuration was finished"]


@pytest.mark.parametrize("picture", MAPS)
@pytest.mark.parametrize("rates", [[0.5], [0.25, 0.5], [2.0], [2.0, 3.0]])
def test_little_all_converged_and_all_failed(picture, rates):
    square = fastgd.examples.square()
    result = fastgd.sweep(square, learning_rate=rates, theta0=[[1.0]], loss_threshold=1e-9)
    drawn(getattr(result.plot, picture))


# ---- basins ---------------------------------------------------------------------------------------------------------


def test_hue_says_which_minimum(result):
    ax = drawn(result.plot.basins)
    assert labels(ax)[:2] == ["w = -1", "w = 1"] or labels(ax)[:3] == ["w = -1", "w = 0", "w = 1"]
    cells = np.asarray(mesh_of(ax).get_array()).transpose(1, 0, 2)
    for number, place in enumerate((-1.0, 1.0)):
        own = result.converged & (np.abs(result.theta[..., 0] - place) < 1e-3)
        full = np.array(mpl.colors.to_rgb(COLOURS[number]))
        pale = (cells[own] - full) / (1.0 - full)  # the part of white
        assert pale == pytest.approx(pale[:, :1] * np.ones(3), abs=1e-12)
        order = np.argsort(result.steps[own])
        assert (np.diff(pale[order, 0]) <= 1e-12).all()  # more steps are darker
    assert (cells[result.failed] == mpl.colors.to_rgb("0.55")).all()


def test_the_tolerance_says_what_is_one_minimum(result):
    assert "w = 1" in labels(drawn(result.plot.basins, tolerance=0.01))
    assert labels(drawn(result.plot.basins, tolerance=3.0))[0].startswith("w = ")
    assert not labels(drawn(result.plot.basins, tolerance=3.0))[1].startswith("w = ")
    for wrong in (0.0, -1.0, np.nan, "a"):
        with pytest.raises((ValueError, TypeError), match=r"^tolerance must "):
            result.plot.basins(tolerance=wrong)


def test_many_minima_share_a_colour_and_are_counted():
    waves = fastgd.Objective(lambda t: -np.cos(t), lambda t: np.sin(t), parameters=["w"])
    starts = 2.0 * np.pi * np.arange(-6, 7)[:, None] + 0.1
    result = fastgd.sweep(waves, theta0=starts, learning_rate=[0.5, 0.6], gradient_tolerance=1e-9)
    ax = drawn(result.plot.basins)
    assert labels(ax)[-1] == "6 other minima"
    assert len(labels(ax)) == 8


def test_where_none_converged_that_is_said():
    pizza = fastgd.sweep(fastgd.examples.pizza(), theta0=np.eye(2), learning_rate=[1e-4, 1e-3], max_steps=3)
    assert "none converged" in drawn(pizza.plot.basins).get_xlabel()


def test_of_fifteen_parameters_the_first_are_named():
    rng = np.random.default_rng(0)
    fit = fastgd.LinearFit(rng.standard_normal((50, 14)), rng.standard_normal(50))
    result = fastgd.sweep(
        fit, learning_rate=[0.01, 0.1], momentum=[0.1, 0.5], rule="momentum", max_steps=5000, gradient_tolerance=1e-8
    )
    (label,) = labels(drawn(result.plot.basins))
    assert label.startswith("(")
    assert label.endswith(", ...)")
    assert label.count(",") == 4


@pytest.mark.parametrize("rates", [[5e-324, 1e-310, 1e-308], 1.0 - np.arange(5) * 1e-16, [1.0, 1e250, 1e300]])
@pytest.mark.parametrize("picture", MAPS)
def test_values_that_can_not_be_drawn_apart_are_drawn_by_index(picture, rates):
    result = fastgd.sweep(fastgd.examples.square(), learning_rate=rates, max_steps=[3, 4], divergence_threshold=None)
    ax = drawn(getattr(result.plot, picture))
    count = len(result.axes["learning_rate"])
    assert ax.get_xlabel().startswith("learning_rate (index)")
    np.testing.assert_allclose(cells_of(ax)[0], np.arange(count + 1) - 0.5)


def test_the_colour_bar_tells_skewed_losses_apart():
    bumps = fastgd.Objective(lambda x: x**2 + 2.5 * np.cos(x), lambda x: 2 * x - 2.5 * np.sin(x))
    starts = np.linspace(-6.0, 6.0, 30)[:, None]
    result = fastgd.sweep(bumps, theta0=starts, learning_rate=np.geomspace(1e-3, 1.0, 25), max_steps=3000)
    texts = [text.get_text() for text in drawn(result.plot.map).figure.axes[1].get_yticklabels()]
    assert len(set(texts)) == len(texts) > 2
