"""What is written beside what is printed: results, pictures, a page. Places are checked before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastgd.check import about
from fastgd.cli.sentences import renamed
from fastgd.extras import imported
from fastgd.results.files import check_writable, write_whole
from fastgd.results.page.explore import checked_path
from fastgd.text import either

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 150


def checked(option: str, check: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a check of a path, or a writer, returns; what it refuses, it refuses by the option's name."""
    try:
        return check(*arguments)
    except ValueError as error:
        raise ValueError(renamed(error.args[0], ("path",), option)) from None


def check_picture(path: str, source: str | None = None) -> None:
    """Raise ValueError if no picture can be written to `path`, ModuleNotFoundError without matplotlib."""
    if Path(path).suffix.lower() not in PICTURES:
        raise ValueError(about("path", f"must end in {either(PICTURES)}, got {path!r}"))
    imported("matplotlib.figure", "plot", "a picture")
    check_writable(path, source)


def check_page(path: str, source: str | None = None) -> None:
    """Raise ValueError if no page can be written to `path`, ModuleNotFoundError without bokeh."""
    check_writable(checked_path(path), source)


def write_picture(path: str, draw: Callable[..., Axes]) -> None:
    """Write what `draw(ax=...)` draws, whole or not at all; no window opens."""
    figure = imported("matplotlib.figure", "plot", "a picture").Figure(layout="constrained")
    draw(ax=figure.subplots())
    kind = Path(path).suffix.lower().removeprefix(".")
    write_whole(path, lambda partial: figure.savefig(partial, format=kind, dpi=DOTS_PER_INCH))
