"""The pictures of a page, empty but for the samples: scripts fill them when the page is open.

All axes are linear in coordinates that the scripts choose, so that they can be logarithmic, have places beside the
scale for what is 0 or not finite, or change altogether; ticks and their labels come from there too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastgd.results.page.library import bokeh
from fastgd.results.page.shades import OF_SIGN
from fastgd.results.portrait import Samples
from fastgd.text import brief, counted

BLUE = OF_SIGN[1]
INK = "#222222"


def figures(samples: Samples | None) -> dict[str, Any]:
    """Return the figures by name: cells, descent and, of a curve over samples, fit."""
    made = {"cells": _cells(), "descent": _descent()}
    return made | ({"fit": _fit(samples)} if samples is not None else {})


def _figure(name: str, label: str, height: int, x: str, y: str) -> Any:
    models = bokeh("models")
    figure = bokeh("plotting").figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        tools="box_zoom,pan,wheel_zoom,reset,save",
        active_drag="box_zoom",
        toolbar_location="right",
        output_backend="canvas",
        x_range=models.Range1d(0, 1),
        y_range=models.Range1d(0, 1),
        x_axis_label=x,
        y_axis_label=y,
        title=label,
    )
    figure.toolbar.logo = None
    figure.outline_line_color = "#cccccc"
    figure.title.text_font_size = "14px"
    figure.title.text_color = INK
    for axis in (*figure.xaxis, *figure.yaxis):
        scale = {"axis": axis}  # whose tag is the scale, once the page is open
        axis.ticker = models.CustomJSTicker(
            args=scale, major_code="return fastgd.ticks(axis.tags[0], cb_data.start, cb_data.end)"
        )
        axis.formatter = models.CustomJSTickFormatter(
            args=scale, code="return fastgd.tickLabel(axis.tags[0], tick, ticks)"
        )
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "13px"
        axis.major_label_text_font_size = "12px"
        axis.minor_tick_line_color = None
        axis.axis_line_color = "#888888"
    figure.grid.grid_line_color = "#eeeeee"
    return figure


def _cells() -> Any:
    models = bokeh("models")
    figure = _figure("cells", "Configurations", 430, "", "")
    image = {"image": [np.zeros((1, 1), dtype=np.uint32)], "x": [0.0], "y": [0.0], "dw": [0.0], "dh": [0.0]}
    figure.image_rgba("image", "x", "y", "dw", "dh", source=models.ColumnDataSource(image, name="image"), level="glyph")
    points = models.ColumnDataSource({"x": [], "y": [], "colour": [], "marker": []}, name="points")
    figure.scatter("x", "y", marker="marker", size=6, color="colour", fill_alpha=0.75, source=points)
    chosen = models.ColumnDataSource({"x": [], "y": []}, name="chosen")
    figure.scatter("x", "y", size=15, fill_color=None, line_color="white", line_width=5, source=chosen)
    figure.scatter("x", "y", size=15, fill_color=None, line_color="#111111", line_width=2, source=chosen)
    return figure


def _descent() -> Any:
    models = bokeh("models")
    figure = _figure("descent", "Loss of the chosen descent", 330, "step", "loss")
    source = models.ColumnDataSource({"x": [], "y": [], "step": [], "loss": []}, name="states")
    figure.line("x", "y", line_color=BLUE, line_width=2, source=source)
    figure.scatter("x", "y", size=4, color=BLUE, source=source)
    end = models.ColumnDataSource({"x": [], "y": [], "marker": []}, name="end")
    figure.scatter("x", "y", marker="marker", size=11, fill_color="white", line_color=INK, line_width=2, source=end)
    return figure


def _fit(samples: Samples) -> Any:
    models = bokeh("models")
    some = f"{len(samples.x):,} of " if len(samples.x) < samples.count else ""
    figure = _figure("fit", f"Fit at the stop, over {some}{counted(samples.count, 'sample')}", 330, "", "")
    figure.xaxis.axis_label = models.PlainText(
        text=brief(samples.name)
    )  # or what stands between dollars were mathematics
    figure.scatter(
        "x",
        "y",
        size=4,
        color="#7f7f7f",
        alpha=0.5,
        source=models.ColumnDataSource({"x": samples.x, "y": samples.y}, name="samples"),
    )
    earlier = models.ColumnDataSource({"xs": [], "ys": [], "step": [], "alpha": []}, name="earlier")
    figure.multi_line("xs", "ys", line_color="#6baed6", line_width=1.5, line_alpha="alpha", source=earlier)
    fit = models.ColumnDataSource({"x": [], "y": []}, name="curve")
    figure.line("x", "y", line_color=BLUE, line_width=3, source=fit)
    return figure
