"""What pictures and pages draw of a problem: little, so that a result does not hold on to samples.

Some of the samples and the shape of the model, where it is a curve over one feature; and the modes of a squared loss
that the exact engine descended by, from which a descent is a few lines in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.once import computed_once
from fastgd.record import Record

MOST_SAMPLES = 1000  # drawn
MOST_STARTS = 1000  # whose modes are kept


@dataclass(frozen=True, eq=False)
class Samples(Record):
    """Samples of one feature, evenly picked, and the model over it: sum_k theta_k x^powers[k], or the user's own.

    Attributes
    ----------
    count : int
        N, of which at most `MOST_SAMPLES` are here.
    x, y : ndarray (n,)
    powers : tuple of int or None
        The power of x that each parameter multiplies.
    name : str
        The feature's.
    model : object or None
        What has the `values` of a model that powers do not tell; None where there is none, or it came from a file,
        which holds no functions.
    """

    count: int
    x: Array
    y: Array
    powers: tuple[int, ...] | None
    name: str
    model: Any = field(default=None, repr=False, compare=False)

    @property
    def can_predict(self) -> bool:
        """Whether the model is here."""
        return self.powers is not None or self.model is not None

    def predict(self, theta: Array, x: Array) -> Array:
        """Return the model's values (..., m) at x (m,), of theta (..., P)."""
        if self.powers is None:
            return np.asarray(self.model.values(theta, x))
        return np.asarray(theta @ np.power(x, np.array(self.powers)[:, None]))


@dataclass(frozen=True, eq=False)
class Modes(Record):
    """Descents of a squared loss along its modes, from the first of a grid's starts.

    With phi_0 = 0 and phi <- phi + rate s(t) (1 - eigenvalue phi) by the rule "gradient",

        theta_t = start - directions @ (phi_t * slopes)
        loss_t = floor + sum(losses * (1 - eigenvalues * phi_t)^2)

    Attributes
    ----------
    eigenvalues : ndarray (P,)
        Of the Hessian.
    directions : ndarray (P, P)
        A mode a column, in the parameters that the result tells.
    slopes, losses : ndarray (m, P)
        Each mode's gradient and part in the loss, at each start.
    floor : float
        The least loss.
    """

    eigenvalues: Array
    directions: Array
    slopes: Array
    losses: Array
    floor: float


class Portrait:
    """Of a problem that was swept: its samples, if it is a curve, and its modes, computed when they are asked for."""

    def __init__(self, samples: Samples | None = None, modes: Callable[[], Modes | None] | None = None) -> None:
        self.samples = samples
        self._modes = modes

    @computed_once
    def modes(self) -> Modes | None:
        """The modes of a squared loss whose statistics were taken, else None."""
        return None if self._modes is None else self._modes()

    def of_starts(self, places: NDArray[np.int64]) -> Portrait:
        """Return the portrait with the modes at some of the grid's starts: the first of these whose modes are kept."""
        return Portrait(self.samples, lambda: self._modes_of_starts(places))

    def _modes_of_starts(self, places: NDArray[np.int64]) -> Modes | None:
        modes = self.modes
        if modes is None or len(modes.slopes) == 1:
            return modes
        kept = places[np.logical_and.accumulate(places < len(modes.slopes))]
        return replace(modes, slopes=modes.slopes[kept], losses=modes.losses[kept]) if kept.size else None

    def __getstate__(self) -> dict[str, Any]:
        return {"samples": self.samples, "modes": self.modes, "_modes": None}


def samples_of(problem: Any) -> Samples | None:
    """Return some of the samples of a fit whose model is a curve over one feature; None of any other problem."""
    curve = getattr(problem, "curve", None)
    if curve is None and getattr(problem, "powers", None) is None:
        return None
    count, x, y = problem.some()
    if not len(y):  # they were read once, and are gone
        return None
    named = problem.data_name == "X" and problem.parameters[0] != "w"  # which is the weight's if nobody named it
    name = problem.parameters[0] if named else "x"
    return Samples(count, picked(x.reshape(-1)), picked(y), problem.powers, name, curve)


def picked(array: NDArray[np.floating], count: int = MOST_SAMPLES) -> Array:
    """Return at most so many numbers of an array (N,), evenly picked, the first and the last among them."""
    N = len(array)
    chosen = array if count >= N else array[np.linspace(0, N - 1, count).astype(np.intp)]
    return np.array(chosen, dtype=np.float64)
