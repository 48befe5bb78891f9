"""Bokeh, which draws the page's figures in the browser."""

from __future__ import annotations

from typing import Any

from fastgd.extras import imported


def bokeh(module: str) -> Any:
    """Return one of Bokeh's modules; if it is not installed, an error that says how to."""
    return imported(f"bokeh.{module}", "explore", "a page")
