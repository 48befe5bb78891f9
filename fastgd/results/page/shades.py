"""The colours of cells, in two phases: blue for those that did not fail, orange for those that did.

Within a phase the colour is the rank, so that each shade is used as often, whatever the losses' range; between the two
is a gap in hue and lightness, also for colour-blind eyes, so that the boundary shows. Of those that failed, the darker
the sooner they did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.descent.statuses import Status
from fastgd.results.page.library import bokeh

SHADES = 120  # of a phase
CANCELLED = 255  # the shade of what was interrupted, grey
GREY = "#9a9a9a"
OF_SIGN = {1: "#08519c", 0: "#6baed6", -1: "#d94801"}  # of a marker, by the sign of its status


def shades(values: Array, steps: NDArray[np.int64], status: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return each cell's place in the palette: by `values`, where least is best, or by how soon it failed."""
    failed = status < 0
    found = np.empty(len(values), dtype=np.uint8)
    found[~failed] = _ranks(values[~failed])
    found[failed] = SHADES + _ranks(-steps[failed])
    found[status == Status.CANCELLED] = CANCELLED
    return found


def _ranks(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.intp]:
    """Return 0 to SHADES - 1 in the order of the values, equals together, each about as often."""
    if not values.size:
        return np.zeros(0, dtype=np.intp)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(counts) == 1:
        return np.full(len(values), SHADES // 4)
    below = np.cumsum(counts) - counts
    return np.asarray(below[place] * (SHADES - 1) // below[-1])


def colours() -> list[str]:
    """Return the palette (256,), as web colours."""
    palettes = bokeh("palettes")
    blue = [palettes.Blues256[round(k)] for k in np.linspace(12, 196, SHADES)]
    orange = [palettes.Oranges256[round(k)] for k in np.linspace(146, 8, SHADES)]
    return [*blue, *orange, *[GREY] * (256 - 2 * SHADES)]


def as_pixels(web: list[str]) -> NDArray[np.uint32]:
    """Return web colours as the four bytes of a pixel: red, green, blue and an opaque alpha."""
    return np.array([bytes.fromhex(colour[1:]) + b"\xff" for colour in web], dtype="S4").view("<u4")
