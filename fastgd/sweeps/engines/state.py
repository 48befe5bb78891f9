"""The state of all configurations of a sweep, as engines fill it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.check import runs
from fastgd.descent.statuses import Status
from fastgd.kernels.descent.records import Columns, State
from fastgd.results.configurations import Grid


def new_state(C: int, P: int, K: int, M: int) -> State:
    """Return room for C configurations: K recorded steps, M vectors that a rule keeps; `clear` sets it.

    Memory is touched first by the thread that then works on it: a million configurations took 7 ms in one thread.
    Steps are zero from the beginning, which touches nothing.
    """
    return State(
        theta=np.empty((C, P)),
        loss=np.empty(C),
        gradient_norm=np.empty(C),
        steps=np.zeros(C, dtype=np.int64),
        status=np.empty(C, dtype=np.int8),
        initial_loss=np.empty(C),
        initial_slope=np.empty(C),
        stalled=np.empty(C, dtype=np.bool_),
        memory=np.empty((C, M, P)),
        trajectory_theta=np.empty((C, K, P)),
        trajectory_loss=np.empty((C, K)),
    )


def total(steps: NDArray[np.int64]) -> int:
    """Return the sum of step counts, which may be beyond int64: a descent may be of 2^53 steps."""
    return sum((int((part >> 32).sum()) << 32) + int((part & 0xFFFFFFFF).sum()) for part in runs(steps))


def finished(status: NDArray[np.int8]) -> int:
    """Return how many configurations have stopped."""
    return status.size - int(np.count_nonzero(status == Status.CANCELLED))


def clear(state: State) -> None:
    """Set configurations to what they are before their first step."""
    mark_not_begun(state)
    state.steps.fill(0)
    state.initial_slope.fill(np.nan)
    state.memory.fill(0.0)


def mark_not_begun(state: State) -> None:
    """Set what a result tells of configurations that nothing has touched; their steps are zero already."""
    state.status.fill(Status.CANCELLED)
    state.stalled.fill(False)
    at_the_stop = state.theta, state.loss, state.gradient_norm, state.initial_loss
    for array in (*at_the_stop, state.trajectory_theta, state.trajectory_loss):
        array.fill(np.nan)


def load(grid: Grid, first: int, last: int, state: State) -> Columns:
    """Set a tile's state to its starts and return its hyperparameters."""
    columns, starts = grid.rows(first, last)
    state.theta[:] = starts
    state.steps[:] = 0
    return columns


def nothing(grid: Grid) -> tuple[Columns, State]:
    """Return a tile of no configurations: running it compiles the kernel and does nothing else."""
    columns, starts = grid.rows(0, 0)
    return columns, new_state(0, starts.shape[1], 0, 0)
