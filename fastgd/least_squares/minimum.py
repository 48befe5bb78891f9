"""The least squared loss that floats reach, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastgd.check import Array
from fastgd.least_squares import doubled
from fastgd.least_squares.singular import SingularValues
from fastgd.record import hashed, same

CANDIDATES = 64  # minima over the larger singular values that are looked at


class _Minimum(NamedTuple):
    theta: Array
    loss: float
    rank: int

    def __eq__(self, other: object) -> bool:  # a tuple would ask an array whether it is true
        return isinstance(other, Minimum) and same(tuple(self), tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hashed(tuple(self))


class Minimum(_Minimum):
    """The least loss of a squared-error problem that floats reach, and where: a tuple (theta, loss, rank).

    Attributes
    ----------
    theta : ndarray (P,)
        The minimum; where the samples leave it open (rank < P), the one of least norm. Where its coefficients lose the
        fit when they are rounded to floats, as those of high powers of x may, one of less norm that has a smaller loss.
    loss : float
        The loss at this theta.
    rank : int
        How many directions of theta the samples determine.
    least_loss : float
        The least loss over all real theta.
    attained : bool
        Whether floats reach it, but for a millionth of it and for rounding.
    """

    least_loss: float
    attained: bool

    def __new__(
        cls, theta: Array, loss: float, rank: int, least_loss: float | None = None, attained: bool = True
    ) -> Minimum:
        """Return a tuple with two attributes beside it."""
        minimum = super().__new__(cls, theta, loss, rank)
        minimum.least_loss = loss if least_loss is None else least_loss
        minimum.attained = attained
        return minimum

    def __str__(self) -> str:
        theta = np.array2string(self.theta, precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
        lines = [f"loss {self.loss:.10g} at theta {theta}, rank {self.rank} of {self.theta.size}"]
        if not self.attained:
            lines.append(
                f"  its coefficients as float64 can't hold the fit, whose least loss is {self.least_loss:.10g}; "
                "those of standardized() can"
            )
        return "\n".join(lines)


def of_modes(modes: SingularValues, modal: Array, count: int) -> Array:
    """Return the shortest d (P,) with R d nearest to residuals, given along the modes, over the first `count` modes."""
    some = np.flatnonzero(modes.values[:count])
    return np.asarray(np.einsum("jk,j->k", modes.right[some], modal[some] / modes.values[some]))


def nearest_in_loss(
    theta: Array,
    modes: SingularValues,
    scale: Array,
    residuals: Callable[[Array], Array],
    squares: Callable[[Array], Array],
) -> Array:
    """Return theta, or of the minima over the larger singular values the one whose rounded coefficients lose least.

    `modes` are those of R diag(scale); `residuals` (M, m) and `squares` (M,) are those at thetas (M, P).
    """
    counts = np.unique(np.linspace(1, np.count_nonzero(modes.values), CANDIDATES).astype(int))
    candidates = np.zeros((len(counts) + 1, theta.size))
    for _ in range(2):
        modal = doubled.ordered_product(residuals(candidates), modes.left)
        for k, count in enumerate(counts, start=1):
            candidates[k] -= scale * of_modes(modes, modal[k], count)
    candidates[0] = theta
    losses = squares(candidates)
    best: Array = candidates[np.argmin(np.where(np.isfinite(losses), losses, np.inf))]
    return best
