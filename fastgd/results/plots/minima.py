"""Which of several minima descents reached, told from where they stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array

APART = 0.01  # of the greatest extent: what is farther from one another is in two minima, unless others lie between
_MOST_PLACES = 2000  # that are compared with one another, the fullest
_FARTHEST = 2.0**40  # in widths of a cell
_ROOM = 2**62  # for codes


class Minima(NamedTuple):
    """Minima, ordered by their thetas, so that their numbers depend on nothing else.

    Attributes
    ----------
    theta : ndarray (M, P)
        Where the loss is least in each.
    number : ndarray (n,)
        The minimum of each point, -1 where it stands elsewhere.
    """

    theta: Array
    number: NDArray[np.intp]


def minima(theta: Array, loss: Array, settled: NDArray[np.bool_], tolerance: float) -> Minima:
    """Return the minima where points theta (n, P) stand that are settled, and which one each point is at.

    Points in one of the cells of that width, or in neighbouring ones, are at one minimum.

    Examples
    --------
    >>> import numpy as np
    >>> minima(np.array([[3.0], [-1.0], [3.001], [9.0]]), np.zeros(4), np.array([1, 1, 1, 0], bool), 0.1)
    Minima(theta=array([[-1.], [ 3.]]), number=array([ 1,  0,  1, -1]))
    """
    number = np.full(len(theta), -1)
    if not settled.any():
        return Minima(theta[:0], number)
    low = theta[settled].min(axis=0)
    with np.errstate(over="ignore"):
        width = max(tolerance, float(np.ptp(theta[settled], axis=0).max()) / _FARTHEST)
        places = np.clip(np.rint((theta - low) / width), -2.0 * _FARTHEST, 2.0 * _FARTHEST).astype(np.int64)
    codes = _codes(places)
    known, first, counts = np.unique(codes[settled], return_index=True, return_counts=True)
    fullest = np.sort(np.argsort(-counts, kind="stable")[:_MOST_PLACES])
    known = known[fullest]
    groups = _connected(places[settled][first[fullest]])

    at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    group = np.where(known[at] == codes, groups[at], -1)
    own = np.flatnonzero(settled & (group >= 0))
    least = np.full(len(known), np.inf)
    np.minimum.at(least, group[own], loss[own])  # sorting took six times as long
    own = own[loss[own] == least[group[own]]]
    _, first = np.unique(group[own], return_index=True)
    lowest = theta[own[first]]  # by group
    order = np.lexsort(lowest.T[::-1])
    rank = np.empty(len(order) + 1, dtype=np.intp)
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    return Minima(lowest[order], rank[group])


def usual_tolerance(settled: Array, starts: Array) -> float:
    """Return a hundredth of the greatest extent of settled points (n, P) and starts (M, P)."""
    if not len(settled):
        return 1.0
    extent = np.maximum(settled.max(axis=0), starts.max(axis=0)) - np.minimum(settled.min(axis=0), starts.min(axis=0))
    return APART * float(extent.max()) or 1.0


def _codes(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each row, equal for equal rows."""
    codes = np.zeros(len(places), dtype=np.int64)
    room = 1
    for column in places.T:
        column = column - column.min()
        count = int(column.max()) + 1
        if room * count > _ROOM:
            found, codes = np.unique(codes, return_inverse=True)
            room = len(found)
        if room * count > _ROOM:
            found, column = np.unique(column, return_inverse=True)
            count = len(found)
        codes = codes * count + column
        room *= count
    return codes


def _connected(places: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return a number for each row (k, P), equal for those that neighbours of neighbours join."""
    groups = np.full(len(places), -1)
    for k in range(len(places)):
        if groups[k] >= 0:
            continue
        groups[k] = groups.max() + 1
        border = [k]
        while border:
            near = (np.abs(places - places[border.pop()]).max(axis=1) <= 1) & (groups < 0)
            groups[near] = groups[k]
            border += np.flatnonzero(near).tolist()
    return groups
