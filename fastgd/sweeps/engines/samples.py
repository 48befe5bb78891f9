"""The samples engine: every step of every descent visits every sample. Any problem, any rule.

It has two parallel axes, never nested. Few samples: each thread of a pool runs whole descents over samples that stay
in its cache, in small tiles, so that uneven descents balance. Many samples: `prange` over blocks, and one read of
memory serves every active configuration of the tile. Both use one compiled block function and one ordered sum, so the
axis, the tile size and the number of threads change no bit.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from fastgd.check import RUN
from fastgd.descent.codes import CANCELLED
from fastgd.kernels.descent.loops import Controls, Method, State, descend_each, descend_together
from fastgd.kernels.threads import can_launch, parallel_launch, threading_layer
from fastgd.problems.evaluation import thetas_together
from fastgd.problems.problem import Objective, Problem
from fastgd.sweeps.engines.plan import KeepGoing
from fastgd.sweeps.engines.slices import (
    EVALUATION_VISITS,
    LARGEST_TILE,
    SLICE_SECONDS,
    THREAD_SECONDS,
    TILE_SECONDS,
    TILES_PER_WORKER,
    load,
    nothing,
    run_in_slices,
    stepping_cost,
)
from fastgd.sweeps.engines.state import clear, new_state
from fastgd.sweeps.grid import Grid

CACHE_BYTES = 1 << 19  # samples up to here stay in one core's cache while a thread runs whole descents over them
PARALLEL_SAMPLES = 32_768  # a single descent gains from sharing out its samples from here on
PASS_FLOPS = 2e10  # of one pass over the samples for a whole tile, so that the kernel returns several times a second


def lacks(problem: Problem, grid: Grid, method: Method) -> str | None:
    """Return None: it serves everything."""
    return None


def cost(problem: Problem, grid: Grid, method: Method) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return stepping_cost(grid, problem.sample_count * problem.dimension + EVALUATION_VISITS)


@dataclass
class SamplesPlan:
    """How to run a tile over the samples."""

    problem: Problem
    method: Method
    axis: str
    threads: int
    workers: int
    tile_size: int
    layer: str
    streams: bool

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        controls = load(grid, first, last, state)
        samples = self.problem.kernel_samples()

        def run_slice(budget: int) -> int:
            left = self._slice(samples, controls, state, budget)
            self.problem.raise_callback_error()
            return left

        run_in_slices(run_slice, self._first_budget(), keep_going, SLICE_SECONDS)

    def loss_scale(self, grid: Grid) -> float:
        """Return what kernels call so: the loss at zero, by a descent of no steps, so that no other kernel compiles."""
        if isinstance(self.problem, Objective):
            return 0.0
        if not grid.starts.any():
            return math.nan
        columns, starts = grid.rows(0, 1)
        state = new_state(1, starts.shape[1], 0, 0)
        clear(state)
        state.theta[:], columns["max_steps"][:] = 0.0, 0
        unrecorded = dataclasses.replace(self, method=self.method._replace(record_every=0))
        unrecorded._slice(self.problem.kernel_samples(), Controls(**columns), state, budget=1)
        return float(state.loss[0])

    def _first_budget(self) -> int:
        """Return evaluations that take some milliseconds; one of an objective may take a second."""
        if isinstance(self.problem, Objective):
            return 1
        return max(1, int(1e7 / (self.problem.sample_count * self.problem.dimension + EVALUATION_VISITS)))

    def counts(self, state: State) -> dict[str, Any]:
        """Return what was read and computed: an evaluation at each step, and one at the last theta."""
        N, P = self.problem.sample_count, self.problem.dimension
        evaluations = passes = 0
        tiles = max(1, RUN // self.tile_size)  # at a time: there is no temporary of the grid's size
        for first in range(0, len(state.steps), tiles * self.tile_size):
            part = slice(first, first + tiles * self.tile_size)
            started = ~np.isnan(state.loss[part]) | (state.status[part] != CANCELLED)
            own = state.steps[part] + started
            evaluations += int(own.sum())
            passes += int(np.maximum.reduceat(own, np.arange(0, len(own), self.tile_size)).sum())
        visits = 0 if isinstance(self.problem, Objective) else N * evaluations
        read = N * passes if self.axis == "samples" else visits
        return {
            "sample_visits": visits,
            "flops": 4 * P * visits,
            "bytes": read * self.problem.bytes_per_sample,
            "threads": self.threads,
            "threading_layer": self.layer,
            "axis": self.axis,
            "dtype": str(self.problem.dtype),
            "streams": self.streams,
        }

    def _slice(self, samples: Any, controls: Controls, state: State, budget: int) -> int:
        if self.axis == "configurations":
            return int(descend_each(samples, controls, self.method, state, budget))
        with parallel_launch(self.threads):
            return int(descend_together(samples, controls, self.method, state, budget))


def prepare(problem: Problem, grid: Grid, method: Method, threads: int) -> SamplesPlan:
    """Lay out the samples, choose the axis, and compile the one kernel that will run."""
    samples = problem.kernel_samples()
    C, P, N = grid.size, problem.dimension, problem.sample_count
    size = N * problem.bytes_per_sample
    plain_python = isinstance(problem, Objective) and not problem.compile
    blocks = samples.blocks
    shares_samples = blocks > 1 and can_launch() and (size > CACHE_BYTES or (threads > C and N >= PARALLEL_SAMPLES))
    if shares_samples:
        together = thetas_together(blocks, P, most=min(256, int(PASS_FLOPS / (4.0 * P * N))))
        plan = SamplesPlan(
            problem, method, "samples", threads, 0, together, threading_layer(), streams=size > 4 * 2**25
        )
    else:
        seconds = cost(problem, grid, method)
        working = min(threads, C) if seconds >= THREAD_SECONDS and not plain_python else 1
        # plain Python never runs in the calling thread: Ctrl-C would be raised inside a C callback and lost
        workers = working if working > 1 or plain_python else 0
        worth_it = 1 if plain_python else ceil(C * TILE_SECONDS / seconds)
        tile = min(LARGEST_TILE, max(worth_it, C // (working * TILES_PER_WORKER), 1))
        layer = "pool" if workers else "none"
        plan = SamplesPlan(problem, method, "configurations", working, workers, tile, layer, streams=False)
    plan._slice(samples, *nothing(grid, P), budget=0)
    plan.method = method._replace(loss_scale=plan.loss_scale(grid))
    return plan
