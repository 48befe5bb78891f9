"""Two phases of outcomes in one range of colours: each is ranked by itself, with a gap between them.

So the colours show all there is to see in both, and the boundary between them stands out. After J. Sohl-Dickstein, The
boundary of neural network trainability is fractal (2024), https://arxiv.org/abs/2402.06184, whose `cdf_img` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.results.plots.drawing import FAILED, telling

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

GAP = 0.25  # from 0 to the nearest rank of either phase; the farthest are at -1 and 1
MAP = "RdBu"  # which the colour-blind tell the ends of apart
TICKS = 4  # of the colour bar, for each phase
_BITS = 20  # that count: losses that differ by less than a millionth have one colour, as rounding is not to be seen


def phases(kind: NDArray[np.intp], loss: Array, steps: NDArray[np.int64]) -> Array:
    """Return shades: 1 for the least loss to GAP for the greatest, -1 for failed at once to -GAP for failed last.

    Those that were interrupted are NaN.
    """
    shades = np.full(kind.shape, np.nan)
    success = kind < FAILED
    failed = kind == FAILED
    shades[success] = 1.0 - (1.0 - GAP) * ranks(loss[success])
    shades[failed] = (1.0 - GAP) * ranks(steps[failed].astype(np.float64)) - 1.0
    return shades


def ranks(values: Array) -> Array:
    """Return ranks from 0 for the least to 1 for the greatest value, those of equals in their middle.

    Examples
    --------
    >>> import numpy as np
    >>> ranks(np.array([1e-9, 5.0, 5.0, 1e9]))
    array([0. , 0.5, 0.5, 1. ])
    """
    parts, exponents = np.frexp(values)
    rounded = np.ldexp(np.rint(np.ldexp(parts, _BITS)), exponents - _BITS)
    _, places, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return np.zeros(len(values))
    middles = np.cumsum(counts) - (counts + 1) / 2.0
    middles = (middles - middles[0]) / (middles[-1] - middles[0])
    return np.asarray(middles[places])


def colour_bar(
    ax: Axes, mesh: QuadMesh, kind: NDArray[np.intp], shades: Array, loss: Array, steps: NDArray[np.int64]
) -> None:
    """Draw the colour bar of a map beside it, with true losses and steps at its ticks."""
    success = kind < FAILED
    failed = kind == FAILED
    if not success.any() and not failed.any():
        return
    ticks = _ticks(shades[failed], steps[failed], ",") | _ticks(shades[success], loss[success], "")
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.ax.axhspan(-GAP, GAP, facecolor="white", edgecolor="none", zorder=5.0)
    bar.ax.set_ylim(-1.0 if failed.any() else GAP, 1.0 if success.any() else -GAP)
    labels = ["failed after steps"] * bool(failed.any()) + ["final loss"] * bool(success.any())
    bar.set_label("          ".join(labels))


def _ticks(shades: Array, values: NDArray[Any], form: str) -> dict[float, str]:
    """Return ticks evenly from a phase's first shade to its last, where there is one, with the values there."""
    there, first = np.unique(shades, return_index=True)
    if not there.size:
        return {}
    even = np.linspace(there[0], there[-1], TICKS)
    places = np.unique(np.abs(there[:, None] - even).argmin(axis=0)) if len(there) > TICKS else np.arange(len(there))
    chosen = values[first[places]]
    form = form or f".{telling(chosen)}g"
    return {shade: format(value, form) for shade, value in zip(there[places].tolist(), chosen.tolist(), strict=True)}
