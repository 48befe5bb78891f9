"""The samples engine: every step of every descent visits every sample. Any problem, any rule.

It has two parallel axes, never nested. Few samples: each thread of a pool runs whole descents over samples that stay
in its cache, in small tiles, so that uneven descents balance. Many samples: `prange` over blocks, and one read of
memory serves every active configuration of the tile. Both use one compiled block function and one ordered sum, so the
axis, the tile size and the number of threads change no bit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.engines.state import new_state
from fastgd.grid import Grid
from fastgd.kernels.blocks import number_of_blocks
from fastgd.kernels.codes import CANCELLED
from fastgd.kernels.descent import Controls, Method, State, descend_each, descend_together
from fastgd.problems import Objective, Problem
from fastgd.threads import can_launch, parallel_launch, threading_layer
from fastgd.tiles import KeepGoing

CACHE_BYTES = 1 << 19  # samples up to here stay in one core's cache while a thread runs whole descents over them
PARALLEL_SAMPLES = 32_768  # a single descent gains from sharing out its samples from here on
LARGEST_TILE = 4096  # configurations; a tile costs some 50 microseconds of Python
TILES_PER_WORKER = 32  # at least, where there are configurations enough, so that uneven descents balance
PARTIALS = 1 << 22  # elements of the scratch for block sums, 32 MB
PASS_FLOPS = 2e10  # of one pass over the samples for a whole tile, so that the kernel returns several times a second
THREAD_SECONDS = 1e-3  # of work that pays for starting a pool
SLICE_SECONDS = 0.1  # how long a kernel may keep control
VISIT_SECONDS = 1e-10  # a rough cost of P multiply-adds on one sample, for the estimate that chooses an engine


def lacks(problem: Problem, method: Method) -> str | None:
    """Return None: it serves everything."""
    return None


def cost(problem: Problem, grid: Grid, method: Method) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    steps = float(np.mean(grid.values["max_steps"])) + 1.0
    return grid.size * steps * problem.sample_count * problem.dimension * VISIT_SECONDS


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
        columns, starts = grid.rows(first, last)
        state.theta[:] = starts
        state.steps[:] = 0
        controls = Controls(**columns)
        samples = self.problem.kernel_samples()
        visits = self.problem.sample_count * self.problem.dimension
        budget = max(1, int(1e7 / visits))
        while keep_going():
            begin = time.perf_counter()
            left = self._slice(samples, controls, state, budget)
            self.problem.raise_callback_error()
            if left > 0:
                return
            seconds = time.perf_counter() - begin
            budget = max(1, int(budget * min(8.0, max(0.5, SLICE_SECONDS / max(seconds, 1e-6)))))

    def counts(self, state: State) -> dict[str, Any]:
        """Return what was read and computed: an evaluation at each step, and one at the last theta."""
        N, P = self.problem.sample_count, self.problem.dimension
        started = ~np.isnan(state.initial_loss) | (state.status != CANCELLED)
        visits = 0 if isinstance(self.problem, Objective) else N * int((state.steps + started).sum())
        passes = visits
        if self.axis == "samples":
            edges = np.arange(0, len(state.steps), self.tile_size)
            passes = N * int(np.maximum.reduceat(state.steps + started, edges).sum())
        return {
            "sample_visits": visits,
            "flops": 4 * P * visits,
            "bytes": passes * self.problem.bytes_per_sample,
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
    blocks = number_of_blocks(samples)
    shares_samples = blocks > 1 and can_launch() and (size > CACHE_BYTES or (threads > C and N >= PARALLEL_SAMPLES))
    if shares_samples:
        together = min(PARTIALS // (blocks * (P + 1)), int(PASS_FLOPS / (4.0 * P * N)), 256)
        plan = SamplesPlan(
            problem, method, "samples", threads, 1, max(1, together), threading_layer(), streams=size > 4 * 2**25
        )
    else:
        workers = 1 if plain_python or cost(problem, grid, method) < THREAD_SECONDS else min(threads, C)
        tile = min(LARGEST_TILE, max(1, C // (workers * TILES_PER_WORKER)))
        layer = "pool" if workers > 1 else "none"
        plan = SamplesPlan(problem, method, "configurations", workers, workers, tile, layer, streams=False)
    plan._slice(samples, *_nothing(grid, P), budget=0)
    return plan


def _nothing(grid: Grid, P: int) -> tuple[Controls, State]:
    """Return a tile of no configurations: running it compiles the kernel and does nothing else."""
    columns, _ = grid.rows(0, 0)
    return Controls(**columns), new_state(0, P, 0)
