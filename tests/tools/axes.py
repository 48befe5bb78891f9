"""A picture, drawn wholly into axes of its own, and what is to be found in them."""

from __future__ import annotations

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def fresh():
    """Return axes of a figure that pyplot does not know; its canvas draws, as a bare figure's does not."""
    return FigureCanvasAgg(Figure(layout="constrained")).figure.subplots()


def drawn(picture, *args, **how):
    """Return the axes of a picture after all is rendered: some of matplotlib's complaints come only then."""
    before = dict(matplotlib.rcParams)
    ax = picture(*args, ax=fresh(), **how)
    ax.figure.canvas.draw()
    assert dict(matplotlib.rcParams) == before
    return ax


def artist(ax, label):
    """Return the one artist whose label begins so."""
    (found,) = [each for each in ax.get_children() if str(each.get_label()).startswith(label)]
    return found


def labels(ax):
    """Return the texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]
