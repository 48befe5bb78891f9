"""The lessons' own pictures: what each shows is what the lesson says."""

from __future__ import annotations

import math
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.contour import ContourSet

import fastgd
from fastgd.examples.figures import PANELS
from tests.oracle.published import SQUARE_AFTER_20_STEPS, published
from tests.tools.axes import artist, labels


@pytest.fixture(scope="module")
def drawn():
    """Return a function that draws a lesson's figure once, and returns its panels by their titles."""
    kept = {}

    def draw(name):
        if name not in kept:
            before = dict(matplotlib.rcParams)
            figure = fastgd.examples.figure(name)
            figure.canvas.draw()
            assert dict(matplotlib.rcParams) == before
            kept[name] = {part.get_suptitle(): part.axes[0] for part in figure.subfigs if part.axes}
            pyplot.close(figure)
        return kept[name]

    return draw


def panel(panels, title):
    """Return the one panel whose title begins so."""
    (found,) = [ax for name, ax in panels.items() if name.startswith(title)]
    return found


def points(ax, label="_visited"):
    return np.asarray(artist(ax, label).get_offsets())


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_has_a_title_axes_and_something_in_them(drawn, name):
    panels = drawn(name)
    assert len(panels) == len(PANELS[name]())
    for title, ax in panels.items():
        assert title
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert any(artist.get_visible() for artist in (*ax.lines, *ax.collections, *ax.images)), title


def test_square_crawls_converges_and_blows_up(drawn):
    panels = drawn("square")
    assert points(panel(panels, "rate 0.2 converges"))[-1, 0] == published(SQUARE_AFTER_20_STEPS)
    assert points(panel(panels, "rate 0.001 crawls"))[-1, 0] == pytest.approx(0.998**20)
    assert points(panel(panels, "rate 10 blows up"))[:, 0].tolist() == [1.0, -19.0, 361.0]
    assert "the stability limit is 1" in list(panels)[-1]


def test_square_with_a_tolerance_stops_after_14_steps(drawn):
    panels = drawn("tolerance")
    assert points(panel(panels, "theta²"))[:, 0] == pytest.approx([3.0 * 0.4**t for t in range(15)])
    assert "stops after 14 steps" in next(iter(panels))


def test_sine_shows_curves_losses_and_the_wider_range(drawn):
    panels = drawn("sine")
    problem = fastgd.examples.sine()
    start = panel(panels, "before any descent").get_lines()[0]
    assert start.get_ydata() == pytest.approx(problem.predict(problem.start, start.get_xdata()))
    assert labels(panel(panels, "the cubic"))[-1].startswith("step 2,000, ")
    assert panel(panels, "the loss every 100").get_lines()[0].get_xdata().tolist() == list(range(0, 2001, 100))
    assert [title for title in panels if title.startswith("the loss against")] == [
        f"the loss against c{k}" for k in range(4)
    ]
    wide = panel(panels, "from -4π to 4π")
    assert sorted(labels(wide)) == ["failed (1)", "took all steps (1)"]


def test_pizza_has_its_minimum_and_tangents_between_minus_1_and_4(drawn):
    panels = drawn("pizza")
    ax = panel(panels, "the loss over w")
    assert ax.get_xlim() == (-1.0, 4.0)
    problem = fastgd.examples.pizza(intercept=False)
    assert artist(ax, "minimum").get_xydata()[0] == pytest.approx([1.8436928702, 69.1209628])
    slopes = [line for line in ax.get_lines() if line.get_label().startswith("slope")]
    rises = [np.diff(line.get_ydata())[0] / np.diff(line.get_xdata())[0] for line in slopes]
    assert rises == pytest.approx(problem.gradient([[0.5], problem.minimum().theta, [3.0]])[:, 0], abs=1e-6)
    path = panel(panels, "w and b")
    assert any(isinstance(each, ContourSet) for each in path.get_children())
    assert points(path)[-1] == pytest.approx([1.0811301700, 13.1722676564])
    assert panel(panels, "the line through the data, b").get_xlabel() == "reservations"


def test_dart_shows_each_run_of_the_baseline_in_degrees(drawn):
    panels = drawn("dart")
    runs = {title: ax for title, ax in panels.items() if title.startswith("rate ")}
    assert [title.split(": ")[1] for title in runs] == [
        "90.00° after 1",
        "-90.00° after 10",
        "38.59° after 16",
        "38.52° after 188",
        "38.52° after 1,902",
        "38.52° after 19,039",
    ]
    for ax in runs.values():
        ticks = ax.xaxis.get_major_formatter()
        assert ticks(math.pi / 4.0, 0) == "45°"
    assert math.degrees(points(panel(panels, "rate 0.01,"))[-1, 0]) == pytest.approx(38.59420083394617)
    minima = [label for label in labels(panel(panels, "which minimum")) if label.startswith("angle = ")]
    assert [float(label.split()[2]) for label in minima] == pytest.approx([0.6852, 0.8856], abs=1e-3)


def test_an_unknown_lesson_is_told_in_a_sentence():
    words = "must be one of 'square', 'tolerance', 'sine', 'pizza', 'dart', 'decay', got"
    with pytest.raises(ValueError, match=f"^name {words} 'cosine'$"):
        fastgd.examples.figure("cosine")
    with pytest.raises(TypeError, match=f"^name {words} 3$"):
        fastgd.examples.figure(3)


def test_without_matplotlib_it_tells_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ModuleNotFoundError, match=r"^examples.figure needs .* pip install 'fastgd\[plot\]'$"):
        fastgd.examples.figure("square")
