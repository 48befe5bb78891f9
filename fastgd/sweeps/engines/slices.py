"""What engines whose threads run whole descents share: loading a tile, and running it in slices that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from fastgd.kernels.descent.loops import Controls, State
from fastgd.sweeps.engines.plan import KeepGoing
from fastgd.sweeps.engines.state import new_state
from fastgd.sweeps.grid import Grid

VISIT_SECONDS = 1e-10  # a rough cost of P multiply-adds on one sample, for the estimates that choose an engine
EVALUATION_VISITS = 500  # what an evaluation costs beside its samples
SLICE_SECONDS = 0.1  # how long a kernel may keep control
THREAD_SECONDS = 1e-3  # of work that pays for starting a pool
LARGEST_TILE = 4096  # configurations; a tile costs some 50 microseconds of Python
TILE_SECONDS = 1e-3  # of work in a tile at least, or Python's part in it shows
TILES_PER_WORKER = 32  # at least, where there are configurations enough, so that uneven descents balance


def stepping_cost(grid: Grid, visits: float) -> float:
    """Return estimated seconds on one thread of going to every last step, a step taking so many visits."""
    steps = float(np.mean(grid.values["max_steps"])) + 1.0
    return grid.size * steps * visits * VISIT_SECONDS


def load(grid: Grid, first: int, last: int, state: State) -> Controls:
    """Set a tile's state to its starts and return its hyperparameters."""
    columns, starts = grid.rows(first, last)
    state.theta[:] = starts
    state.steps[:] = 0
    return Controls(**columns)


def nothing(grid: Grid, P: int) -> tuple[Controls, State]:
    """Return a tile of no configurations: running it compiles the kernel and does nothing else."""
    columns, _ = grid.rows(0, 0)
    return Controls(**columns), new_state(0, P, 0, 0)


def run_in_slices(run_slice: Callable[[int], int], budget: int, keep_going: KeepGoing, slice_seconds: float) -> None:
    """Call `run_slice(budget)`, which returns what is left of it, until something is, or until told to stop.

    The budget is adapted so that a call takes `slice_seconds`.
    """
    while keep_going():
        begin = time.perf_counter()
        if run_slice(budget) > 0:
            return
        seconds = time.perf_counter() - begin
        budget = max(1, int(budget * min(8.0, max(0.5, slice_seconds / max(seconds, 1e-6)))))
