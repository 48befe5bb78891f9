"""The state of all configurations of a sweep, as engines fill it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import runs
from fastgd.descent.hyperparameters import Hyperparameters
from fastgd.descent.statuses import Status
from fastgd.kernels.compiling.words import words_of
from fastgd.kernels.descent.records import NO_LENGTH, Array, Bounds, Columns, State, Tile, row_count
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
        stalled=np.empty(C, dtype=np.bool_),
        memory=np.empty((C, M, P)),
        trajectory_theta=np.empty((C, K, P)),
        trajectory_loss=np.empty((C, K)),
    )


def total(steps: NDArray[np.int64]) -> int:
    """Return the sum of step counts, which may be beyond int64: a descent may be of 2^53 steps."""
    if int(steps.max(initial=0)) * steps.size < 1 << 63:
        return int(steps.sum())
    return sum((int((part >> 32).sum()) << 32) + int((part & 0xFFFFFFFF).sum()) for part in runs(steps))


def finished(status: NDArray[np.int8]) -> int:
    """Return how many configurations have stopped."""
    return status.size - int(np.count_nonzero(status == Status.CANCELLED))


def clear(state: State) -> None:
    """Set configurations to what they are before their first step."""
    mark_not_begun(state)
    state.steps.fill(0)
    state.memory.fill(0.0)


def mark_not_begun(state: State) -> None:
    """Set what a result tells of configurations that nothing has touched; their steps are zero already."""
    state.status.fill(Status.CANCELLED)
    state.stalled.fill(False)
    at_the_stop = state.theta, state.loss, state.gradient_norm, state.initial_loss
    for array in (*at_the_stop, state.trajectory_theta, state.trajectory_loss):
        array.fill(np.nan)


def load(grid: Grid, first: int, last: int, state: State) -> tuple[Columns, NDArray[np.int64]]:
    """Set a tile's state to its starts and return its hyperparameters, and where trajectories end, see `Grid.ends`."""
    columns, starts = grid.rows(first, last)
    state.theta[:] = starts
    return columns, grid.ends(first, last)


class Table(NamedTuple):
    """A tile as kernels take it, by the address of its words, and what lies at that address."""

    address: int
    owners: tuple[object, ...]
    rows: Array  # where thetas lie one behind the other


def table_of(columns: Columns, ends: NDArray[np.int64], state: State, bounds: Bounds, width: int) -> Table:
    """Return a tile with room for so many descents side by side."""
    T, M, P = state.memory.shape
    wholes = np.zeros((4, width), dtype=np.int64)
    numbers = np.zeros((row_count(P, M), width))
    numbers[NO_LENGTH] = np.nan
    columns = Hyperparameters(*(column.astype(np.float64, copy=False) for column in columns))
    rows = np.empty((width, P))
    scratch = np.zeros((4, P + 1))
    slopes = np.full(T, np.nan)
    lanes = numbers, wholes[0], wholes[1], wholes[2], wholes[3]
    tile = Tile(columns, ends, state, slopes, bounds, *lanes, rows, scratch)
    words = words_of(tile)
    return Table(words.ctypes.data, (tile, words), rows)


def nothing(grid: Grid) -> tuple[Columns, NDArray[np.int64], State]:
    """Return a tile of no configurations: running it compiles the kernel and does nothing else."""
    state = new_state(0, grid.starts.shape[1], 0, 0)
    return *load(grid, 0, 0, state), state
