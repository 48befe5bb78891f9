"""What kernels are given of a sweep, and what they fill. Shapes: T configurations of a tile, P parameters, K records.

The hyperparameters are a record of their own, `descent.hyperparameters.Hyperparameters`: of arrays (T,) for a tile, of
numbers for the configuration that is under way. Tuples of numbers cost nothing to pass; a tuple of arrays is
reference-counted. No Numba here.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastgd.descent.hyperparameters import HYPERPARAMETERS, Hyperparameters

Array: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Hyperparameters[NDArray[Any]]  # (T,) or (1,), max_steps int64; a test that is off is never passed


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
    stalled: NDArray[np.bool_]  # (T,), see `has_stalled`
    memory: Array  # (T, M, P), what the rule keeps from step to step
    trajectory_theta: Array  # (T, K, P)
    trajectory_loss: Array  # (T, K)

    def part(self, first: int, last: int) -> State:
        """Return configurations first..last-1, as views."""
        return State(*(array[first:last] for array in self))


class Tile(NamedTuple):
    """Configurations, and the trajectories that are under way side by side, W at most.

    Kernels get the address of its words. Each row of `numbers` holds what lanes have of one kind: their own
    hyperparameters (of what stops a descent the easiest that some configuration waits for), the rows named below, and
    from VECTORS on theta (P rows), candidate (P), sums (P + 1), and what the rule keeps (M P).
    """

    columns: Columns  # (T,) each, or (1,) of what all share, float64
    ends: NDArray[np.int64]  # (T,), the index after the last configuration that is one descent with each
    state: State
    initial_slope: Array  # (T,), the gradient's norm at the start by `slope`, where `tolerance` is on
    bounds: Bounds
    numbers: Array  # (R, W)
    steps: NDArray[np.int64]  # (W,)
    status: NDArray[np.int64]  # (W,)
    first: NDArray[np.int64]  # (W,), of the configurations of the descent in each lane; and
    last: NDArray[np.int64]  # (W,), what comes after them
    rows: Array  # (W, P), scratch: thetas one behind the other
    scratch: Array  # (4, P + 1), the last row zeros


_rows = iter(range(len(HYPERPARAMETERS), 1000))
RATE = next(_rows)  # at this step
NOT_FINITE = next(_rows)  # 0 where loss and gradient are finite, else NaN
SQUARES = next(_rows)  # summed for a norm
GRADIENT_NORM = next(_rows)  # where it is tested
NO_LENGTH = next(_rows)  # NaN: what a test sees of an update before it is made
UPDATE_LENGTH = next(_rows)  # where it is tested
INITIAL_LOSS = next(_rows)
INITIAL_SLOPE = next(_rows)
CORRECTION = next(_rows)  # of the rule at this step; the second stands in the next row
VECTORS = next(_rows) + 1


def row_count(parameters: int, memories: int) -> int:
    """Return R."""
    return VECTORS + 3 * parameters + 1 + memories * parameters
