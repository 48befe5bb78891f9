"""Writing the page to explore a sweep."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fastgd.check import about, path_of
from fastgd.extras import imported
from fastgd.results.advice import what_to_try
from fastgd.results.files import check_writable, write_whole
from fastgd.results.outcomes import Outcome, Outcomes
from fastgd.results.page.cells import Cells, varied
from fastgd.results.page.content import content, draws_fit
from fastgd.results.page.figures import figures
from fastgd.results.page.library import bokeh
from fastgd.results.page.shades import GREY, OF_SIGN, SHADES, colours
from fastgd.results.summary import described, span
from fastgd.results.tally import tally
from fastgd.text import counted

SUFFIXES = (".html", ".htm")
SCRIPTS = ("axes.js", "descents.js", "views.js", "page.js")
MEASURES = ("loss", "steps")
POLICY = (  # no address is allowed; Bokeh makes functions of the code that it is given
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)


def write_page(result: Outcomes, best: Outcome | None, place: int | None, path: str | os.PathLike[str]) -> Path:
    """Write a result's page, whole or not at all, and return its path; `place` is the flat index of the best."""
    target = checked_path(path)
    page = page_of(result, best, place).encode()
    write_whole(target, lambda partial: partial.write_bytes(page))
    return Path(target)


def page_of(result: Outcomes, best: Outcome | None, place: int | None) -> str:
    """Return the page as HTML."""
    models = bokeh("models")
    jinja = imported("jinja2", "explore", "a page")
    said, cells = content(result, place)
    shown_figures = figures(result.portrait.samples if draws_fit(result) else None)
    document = bokeh("document").Document()
    for figure in shown_figures.values():
        document.add_root(figure)
    sources = document.select({"type": models.ColumnDataSource})
    named = {source.name: source for source in sources if source.name} | shown_figures
    code = "fastgd.open(sweep, models)"
    document.js_on_event("document_ready", models.CustomJS(args={"sweep": said, "models": named}, code=code))
    resources = bokeh("resources").Resources("inline", components=["bokeh"])
    template = jinja.Environment(autoescape=True).from_string(_text("page.html"))
    return str(
        bokeh("embed").file_html(
            document,
            "inline",
            template=template,
            template_variables=_variables(result, best, cells) | {"library": resources.js_raw[0]},
            title=f"fastgd: sweep of {result.problem}",
        )
    )


def checked_path(path: str | os.PathLike[str]) -> str:
    """Return the path of a page as text; an error if none can be written there, or bokeh is not installed."""
    imported("bokeh", "explore", "a page")
    target = path_of("path", path)
    if Path(target).suffix.lower() not in SUFFIXES:
        raise ValueError(about("path", f"must end in .html, got {target!r}"))
    check_writable(target)
    return target


def _variables(result: Outcomes, best: Outcome | None, cells: Cells) -> dict[str, Any]:
    """Return what the template says: text, which it escapes, and scripts and style, which are the package's own."""
    timing = result.timing
    palette = colours()
    counts = tally(result)
    choices, x, y = _choices(result, cells, "loss" if counts.number(0) else "steps")
    return {
        "policy": POLICY,
        "style": _text("page.css"),
        "scripts": "(() => {\n" + "\n".join(map(_text, SCRIPTS)) + "\n})();",
        "heading": f"{counted(result.grid.size, 'configuration')} of {result.problem}",
        "axes": [f"{name}: {span(values)}" for name, values in _what_differs(result).items()],
        "single": result.grid.size == 1,
        "made": [
            f"rule {result.settings.rule}, schedule {result.settings.schedule}",
            f"engine {result.engine}",
            f"{timing.run:.3g} s run, {timing.configurations_per_second:,.4g} configurations/s, "
            f"{counted(timing.threads, 'thread')}",
        ],
        "statuses": [
            (status.name, f"{count.steps.count:,}", f"{status.ending.happened}.")
            for status, count in sorted(counts.statuses.items(), reverse=True)
        ],
        "best": described(result, best) if best else what_to_try(result, counts),
        "found": best is not None,
        "choices": choices,
        "x": x,
        "y": y,
        "measures": MEASURES,
        "colour": "steps" if 2 * counts.number(1) > counts.number(0) else "loss",  # tests make losses alike
        "sliders": cells.axes,
        "blues": palette[: SHADES : SHADES // 8],
        "oranges": palette[SHADES : 2 * SHADES : SHADES // 8],
        "grey": GREY,
        "of_sign": OF_SIGN,
        "aggregated": f"{cells.said}. " if cells.said else "",
        "fitted": draws_fit(result),
    }


def _what_differs(result: Outcomes) -> dict[str, NDArray[Any]]:
    """Return the axes or, of zipped configurations, the columns in which they differ."""
    if not result.grid.zipped:
        return result.axes
    starts = {"start": result.grid.starts} if len(result.grid.starts) > 1 else {}
    return starts | {name: result.grid.values[name] for name in varied(result.grid)}


def _choices(result: Outcomes, cells: Cells, measure: str) -> tuple[list[str], str, str]:
    """Return what may be an axis of the picture, and which two are at first: the rate and the longest other one."""
    if result.grid.zipped:
        names = varied(result.grid) or ["configuration"]
        return names, names[0], measure
    lengths = {axis.name: len(axis.values) for axis in cells.axes}
    by_length = sorted(lengths, key=lambda name: -lengths[name])
    x = "learning_rate" if lengths.get("learning_rate", 0) > 1 else by_length[0]
    others = [name for name in by_length if name != x and lengths[name] > 1]
    return list(lengths), x, others[0] if others else measure


def _text(name: str) -> str:
    return (files("fastgd.results.page") / name).read_text(encoding="utf-8")
