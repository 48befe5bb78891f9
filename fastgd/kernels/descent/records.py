"""What kernels are given of a sweep, and what they fill. Shapes: T configurations of a tile, P parameters, K records.

The hyperparameters are a record of their own, `descent.hyperparameters.Hyperparameters`: of arrays (T,) for a tile, of
numbers for the configuration that is under way. Tuples of numbers cost nothing to pass; a tuple of arrays is
reference-counted. No Numba here.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastgd.descent.hyperparameters import Hyperparameters

Array: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Hyperparameters[NDArray[Any]]  # (T,) each, max_steps int64; a test that is off is never passed


class Method(NamedTuple):
    """What all configurations of a sweep share."""

    rule: int
    schedule: int
    record_every: int  # 0: nothing is recorded
    loss_scale: float  # the loss where every prediction is 0; NaN stands for a start's own loss, 0 for no predictions


class Bounds(NamedTuple):
    """What every update is clipped to, infinite where there is no bound."""

    lower: Array  # (P,)
    upper: Array  # (P,)


class Start(NamedTuple):
    """What tests know of where a descent began."""

    loss: float
    scale: float  # see `Method.loss_scale`


class State(NamedTuple):
    """Where each configuration of a tile stands, or stopped."""

    theta: Array  # (T, P)
    loss: Array  # (T,)
    gradient_norm: Array  # (T,)
    steps: NDArray[np.int64]  # (T,)
    status: NDArray[np.int8]  # (T,), CANCELLED while running
    initial_loss: Array  # (T,)
    initial_slope: Array  # (T,), the gradient's norm at the start by `slope`, where `tolerance` is on
    stalled: NDArray[np.bool_]  # (T,), see `has_stalled`
    memory: Array  # (T, M, P), what the rule keeps from step to step
    trajectory_theta: Array  # (T, K, P)
    trajectory_loss: Array  # (T, K)

    def part(self, first: int, last: int) -> State:
        """Return configurations first..last-1, as views."""
        return State(*(array[first:last] for array in self))
