"""What all pictures share: axes, scales with a place for everything, legends that fit."""

from __future__ import annotations

import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.results.plots import drawing
from tests.tools.axes import fresh


@pytest.fixture
def ax():
    return fresh()


@pytest.fixture(scope="module")
def result():
    rates = [0.01, 0.5, 2.0]
    return fastgd.sweep(fastgd.examples.square(), learning_rate=rates, theta0=[[1.0], [2.0]], max_steps=5)


# ---- axes -----------------------------------------------------------------------------------------------------------

DRAWN = {
    "usual": lambda result, ax: result.plot(ax=ax),
    "loss": lambda result, ax: result.plot.loss(ax=ax),
    "steps": lambda result, ax: result.plot.steps(ax=ax),
    "map": lambda result, ax: result.plot.map(ax=ax),
    "basins": lambda result, ax: result.plot.basins(ax=ax),
    "parameter": lambda result, ax: result.plot.parameter("theta", ax=ax),
}


@pytest.mark.parametrize("picture", DRAWN)
def test_given_axes_are_drawn_in_and_no_others_are_made(result, ax, picture):
    before = dict(mpl.rcParams)
    assert DRAWN[picture](result, ax) is ax
    ax.figure.canvas.draw()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("picture", DRAWN)
def test_without_axes_a_figure_is_made(result, picture):
    before = dict(mpl.rcParams)
    ax = DRAWN[picture](result, None)
    assert plt.get_fignums() == [ax.figure.number]
    plt.close(ax.figure)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("picture", DRAWN)
def test_what_is_not_axes_is_refused(result, picture):
    with pytest.raises(TypeError, match=r"^ax must be matplotlib axes, got "):
        DRAWN[picture](result, 3)


def test_the_usual_picture_is_a_map_over_two_axes_or_else_the_loss(result, ax):
    assert len(result.plot(ax=ax).collections) == 1
    one = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], theta0=[[1.0]], max_steps=5)
    assert one.plot(ax=fresh()).get_ylabel() == "final loss"


def test_without_matplotlib_a_sentence_says_what_to_install(result, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"^plot_loss needs the package matplotlib: pip install 'fastgd\[plot\]'$"
    ):
        result.plot.loss()


# ---- scales ---------------------------------------------------------------------------------------------------------


def test_a_log_scale_has_places_for_zeros_and_for_what_is_not_finite(ax):
    values = np.array([0.0, 1e-8, 1.0, 1e3, np.inf, np.nan, 1e-250, 1e250])
    scale = drawing.scaled(ax.yaxis, values, log=True)
    places = scale.positions(values)
    assert places[1:4].tolist() == [1e-8, 1.0, 1e3]
    assert places[0] == places[6] == scale.floor < 1e-8
    assert places[4] == places[5] == places[7] == scale.ceiling[0] > 1e3
    low, high = ax.get_ylim()
    assert low < scale.floor
    assert high > scale.ceiling[0]
    texts = {text.get_text(): at for at, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    assert texts["0"] == scale.floor
    assert texts["beyond 1e200, inf, NaN"] == pytest.approx(scale.ceiling[0])
    assert all(1e-8 <= at <= 1e3 for text, at in texts.items() if text not in ("0", "beyond 1e200, inf, NaN"))
    assert len(ax.patches) == 2


def test_rows_above_are_apart(ax):
    scale = drawing.scaled(ax.yaxis, np.array([1.0, 2.0, np.inf]), log=False, beyond="failed", rows=3)
    assert list(scale.ceiling) == sorted(set(scale.ceiling))
    assert scale.positions(np.array([np.inf]), row=2) == scale.ceiling[2] < ax.get_ylim()[1]
    assert scale.ceiling[0] > 2.0


def test_a_scale_without_strips_keeps_its_ticks_alive(ax):
    scale = drawing.scaled(ax.xaxis, np.array([1e-9, 1e-3]), log=True)
    assert scale == (True, None, ())
    ax.set_xlim(1e-20, 1.0)
    assert ax.get_xticks().min() < 1e-15


@pytest.mark.parametrize(
    "values", [[], [np.nan], [0.0], [0.0, 0.0], [5.0], [-1.0, np.inf], [1e-200, 1e200, 0.0, np.inf]]
)
@pytest.mark.parametrize("log", [True, False])
def test_anything_has_a_scale(ax, values, log):
    values = np.array(values)
    scale = drawing.scaled(ax.yaxis, values, log=log and (values >= 0.0).all(), rows=8)
    low, high = ax.get_ylim()
    assert low < high
    assert all(low <= place <= high for place in scale.positions(values, 7))
    ax.figure.canvas.draw()


def test_close_numbers_have_labels_that_differ(ax):
    drawing.scaled(ax.yaxis, 0.5364820897 + np.array([0.0, 1e-9]), log=False)
    ax.figure.canvas.draw()
    texts = [text.get_text() for text in ax.get_yticklabels()]
    assert len(set(texts)) == len(texts) > 2


def test_rounding_is_not_magnified(ax):
    drawing.scaled(ax.yaxis, 0.5364820897 + np.array([0.0, 1e-13]), log=False, rounding=drawing.ROUNDING)
    assert np.ptp(ax.get_ylim()) > 0.1


def test_losses_are_wide_where_a_linear_axis_would_hide_the_small_ones():
    assert drawing.is_wide(np.array([1.0, 100.0, np.inf]))
    assert not drawing.is_wide(np.array([1.0, 99.0]))
    assert drawing.is_wide(np.array([0.0, 1e-6, 1.0]))
    assert not drawing.is_wide(np.array([-1e-9, 1e-6, 1.0]))
    assert not drawing.is_wide(np.array([0.0, 0.0]))
    assert not drawing.is_wide(np.array([np.nan]))


@pytest.mark.parametrize("n", [3, 10, 101])
def test_axes_are_logarithmic_where_their_values_are_chosen_by_factors(n):
    assert drawing.is_geometric(np.geomspace(1e-5, 1e-2, n))
    assert drawing.is_geometric(np.append(0.0, np.geomspace(1e-5, 1e-2, n)))
    assert drawing.is_geometric(10.0 ** np.random.default_rng(0).uniform(-5, -1, 10 * n))
    assert not drawing.is_geometric(np.linspace(0.001, 1.0, n))
    assert not drawing.is_geometric(np.linspace(0.0, 1.0, n))
    assert not drawing.is_geometric(np.linspace(-1.0, 1.0, n))
    assert not drawing.is_geometric(np.geomspace(1.0, 2.0, n))


# ---- kinds ----------------------------------------------------------------------------------------------------------


def test_every_status_has_a_kind():
    kinds = {status: list(drawing.LOOKS)[int(drawing.kind_of(status))] for status in Status}
    assert kinds == {
        Status.REACHED_LOSS: "converged",
        Status.SMALL_GRADIENT: "converged",
        Status.SMALL_UPDATE: "converged",
        Status.MAX_STEPS: "exhausted",
        Status.DIVERGED: "failed",
        Status.LOSS_GREW: "failed",
        Status.CANCELLED: "interrupted",
    }
    assert drawing.kind_of(Status.SMALL_UPDATE, stalled=True) == drawing.STALLED


def test_kinds_are_told_apart_without_colour():
    looks = list(drawing.LOOKS.values())
    assert len({look.marker for look in looks}) == len(looks)
    greys = sorted(
        0.299 * r + 0.587 * g + 0.114 * b for r, g, b in map(mpl.colors.to_rgb, (k.colour for k in looks[:4]))
    )
    assert min(np.diff(greys)) > 0.05


@pytest.mark.parametrize("name", [r"$\frac$", "_w", "a$b", "</script><b>", "x\x1b[31m", "$$"])
def test_names_are_drawn_as_they_are(name, ax):
    fit = fastgd.LinearFit([[1.0], [2.0]], [1.0, 2.0], intercept=False, parameters=[name])
    result = fastgd.sweep(fit, theta0=[[0.0], [1.0]], learning_rate=[0.1, 0.2], gradient_tolerance=1e-9)
    result.plot.parameter(name, ax=ax)
    ax.figure.canvas.draw()
    for picture in (result.plot.map, result.plot.basins):
        picture(ax=fresh()).figure.canvas.draw()


def test_a_legend_does_not_hide_the_axes(ax):
    drawing.legend(ax, [drawing.handle(look, 1000) for _, look in drawing.looks()])
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.y0 >= ax.get_window_extent().y1
    assert box.x1 <= ax.figure.bbox.x1
    assert box.y1 <= ax.figure.bbox.y1


# ---- whose look they take -------------------------------------------------------------------------------------------


def test_facts_and_words_are_seen_on_a_dark_ground(result):
    with plt.style.context("dark_background"):
        ax = result.plot.loss(ax=fresh())
        drawing.say(ax, "nothing")
    white = mpl.colors.to_rgba("white")
    (limit,) = [line for line in ax.lines if str(line.get_label()).startswith("stability limit")]
    assert mpl.colors.to_rgba(limit.get_color()) == mpl.colors.to_rgba(ax.texts[-1].get_color()) == white
    assert ax.texts[-1].get_bbox_patch().get_facecolor()[:3] == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("projection", ["polar", "3d"])
def test_axes_that_are_not_straight_are_refused(result, projection):
    ax = mpl.figure.Figure().add_subplot(projection=projection)
    with pytest.raises(TypeError, match=f"^ax must be axes of two straight scales, got {projection} ones$"):
        result.plot.loss(ax=ax)
