"""The boundary between outcomes: the cells of a grid whose neighbours ended otherwise, and its box-counting dimension.

Boxes have cells as corners, and the boundary goes through a box if its corners differ. Corners are all that counts: a
box knows no more of the boundary if it is large than if it is small, where boxes put together of smaller ones know
more, the larger they are, of detail finer than the cells. Of each size all boxes are looked at whose centre is in the
grid, which goes on around itself as its outermost cells are. So neither what ends in the grid nor what leaves it is
counted less by larger boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, about, choice, shown
from fastgd.record import Record
from fastgd.results.outcomes import Outcomes
from fastgd.results.plots.minima import minima, usual_tolerance
from fastgd.text import counted, listed

BOXES_ALONG = 16  # the shorter side, at least: larger ones follow the window's frame
LEAST_SIZES = 3  # of boxes, or there are no slopes to compare


@dataclass(frozen=True, eq=False, repr=False)
class Boundary(Record):
    """Where neighbours ended otherwise.

    Attributes
    ----------
    mask : ndarray of bool
        The cells on the boundary: one at least of their neighbours, also across a corner, ended otherwise. Of the shape
        of what was given, axes of one value left out.
    dimension : float
        The box-counting dimension: the least-squares slope of log counts against -log sizes. NaN where sizes are fewer
        than three, on a grid of less than 64 cells a side, or where there is no boundary.
    error : float
        How far from it the slope between a size and the next lies at most: what slopes deviate by is more system than
        chance, so that it is not divided by the root of their number.
    sizes : ndarray (K,) of int64
        Sides of boxes in cells, 1, 2, 4, ... up to a sixteenth of the shorter side.
    counts : ndarray (K,)
        Boxes of each size that the boundary goes through: the mean over all grids of them.
    """

    mask: NDArray[np.bool_]
    dimension: float
    error: float
    sizes: NDArray[np.int64]
    counts: Array

    def __repr__(self) -> str:
        share = f"{np.count_nonzero(self.mask):,} of {counted(self.mask.size, 'cell')}"
        if np.isnan(self.dimension):
            return f"<Boundary of {share}, too few for a dimension>"
        return (
            f"<Boundary of {share}, dimension {self.dimension:.3f} ± {self.error:.3f} "
            f"by boxes of {self.sizes[0]} to {self.sizes[-1]} cells>"
        )


def boundary(result: Outcomes | ArrayLike, by: str = "failed") -> Boundary:
    """Find the cells whose neighbours ended otherwise, and the dimension of the boundary that they follow.

    Parameters
    ----------
    result : SweepResult or array_like (n, m) of bool or int
        A sweep over two axes, or over one; or what each cell of a grid is, in words of your own: say that a plane of
        starts of two parameters is `result.failed.reshape(n, m)`.
    by : {"failed", "status", "minimum"}
        What tells outcomes apart: whether they failed, their status, or which minimum the converged ones reached.

    Returns
    -------
    Boundary

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument.

    Notes
    -----
    Between rates that converge and rates that diverge lies a fractal as soon as a loss is not convex [1]_, [2]_. Its
    dimension d tells what a finer search gains: where each of n axes has B values, a share of about B^(d - n) of all
    cells stays uncertain [3]_.

    Lines, circles, noise, Koch's curve, sets of Cantor's and Sierpinski's kind and Julia sets, on 512 to 4,096 cells a
    side, had their dimensions within the error. But a grid sees nothing of what is thinner than its cells: regions that
    all are, lone cells say, pass for noise, of dimension 2.

    References
    ----------
    .. [1] J. Sohl-Dickstein, "The boundary of neural network trainability is fractal", 2024, arXiv:2402.06184.
    .. [2] Y. Liu, "Complex fractal trainability boundary can arise from trivial non-convexity", 2024, arXiv:2406.13971.
    .. [3] S. W. McDonald, C. Grebogi, E. Ott, J. A. Yorke, "Fractal basin boundaries", Physica D 17, 125-153, 1985.

    Examples
    --------
    >>> import fastgd, math
    >>> bumps = fastgd.Objective(lambda x: x**2 + 2.5 * math.cos(x), lambda x: 2 * x - 2.5 * math.sin(x), start=2.0)
    >>> result = fastgd.zoom(
    ...     bumps, x="learning_rate", y="momentum", window=((1.9, 2.55), (0.3, 0.9)), shape=(256, 256), rule="momentum",
    ...     max_steps=500, gradient_tolerance=1e-6, divergence_threshold=1e10
    ... )
    >>> found = fastgd.boundary(result)
    >>> 1.4 < found.dimension < 1.8, found.mask.shape
    (True, (256, 256))
    """
    labels = _labels(result, choice("by", by, KINDS))
    sizes = 2 ** np.arange(max(min(labels.shape) // BOXES_ALONG, 1).bit_length())
    counts = np.array([_count(labels, size) for size in sizes.tolist()])
    return Boundary(_corners(_through(labels, 1)), *_slope(sizes[counts > 0.0], counts[counts > 0.0]), sizes, counts)


def _count(labels: NDArray[Any], size: int) -> float:
    """Return through how many boxes of a size the boundary goes."""
    around = np.pad(labels, (size // 2, size - size // 2), mode="edge")
    return np.count_nonzero(_through(around, size)) / float(size) ** labels.ndim


def _slope(sizes: NDArray[np.int64], counts: Array) -> tuple[float, float]:
    """Return the dimension and its error."""
    if len(sizes) < LEAST_SIZES:
        return np.nan, np.nan
    finer: Array = -np.log2(sizes)
    boxes: Array = np.log2(counts)
    slope = np.polyfit(finer, boxes, 1)[0]
    return float(slope), float(np.abs(np.diff(boxes) / np.diff(finer) - slope).max())


def _labels(result: Any, by: str) -> NDArray[Any]:
    """Return what each cell is, checked."""
    if isinstance(result, Outcomes):
        if result.grid.zipped:
            raise ValueError(about("result", "must be of axes, got zipped configurations, which have no neighbours"))
        labels = KINDS[by](result)
        expected = f"must be over one or two axes, got one over {listed(list(result.axes)) or 'none'}"
    else:
        expected = f"must be a SweepResult or an array (n, m) of bool or int, got {shown(result)}"
        try:
            labels = np.asarray(result)
        except Exception:  # whatever an object's own conversion raises, a ragged list included
            raise ValueError(about("result", expected)) from None
        if labels.dtype.kind not in "biu":
            raise TypeError(about("result", expected))
    labels = np.squeeze(labels)
    if labels.ndim not in (1, 2) or labels.size == 0:
        raise ValueError(about("result", expected))
    return labels


def _minimum(result: Outcomes) -> NDArray[np.int16]:
    """Return the number of the minimum that each configuration reached: -1 if it stands elsewhere, -2 if it failed."""
    fair = ~result.failed
    theta = result.theta[fair]
    settled = result.converged[fair]
    number = np.full(result.status.shape, -2, dtype=np.int16)
    number[fair] = minima(theta, result.loss[fair], settled, usual_tolerance(theta[settled], result.grid.starts)).number
    return number


KINDS: dict[str, Callable[[Outcomes], NDArray[Any]]] = {
    "failed": lambda result: result.failed,
    "status": lambda result: result.status,
    "minimum": _minimum,
}


def _through(labels: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Return which boxes of this side have corners that differ, by their first corner."""
    least = greatest = labels
    for axis in range(labels.ndim):
        first = (slice(None),) * axis + (slice(None, -size),)
        last = (slice(None),) * axis + (slice(size, None),)
        least = np.minimum(least[first], least[last])
        greatest = np.maximum(greatest[first], greatest[last])
    return np.asarray(least != greatest)


def _corners(boxes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which cells are a corner of one of these boxes of side 1."""
    cells = boxes
    for axis in range(boxes.ndim):
        before, after = (np.outer(np.arange(boxes.ndim) == axis, one) * 1 for one in ((1, 0), (0, 1)))
        cells = np.pad(cells, before) | np.pad(cells, after)
    return cells
