"""The samples engine: every step of every descent visits every sample. Any problem, any rule.

It has two parallel axes, never nested. Few samples: each thread of a pool runs whole descents over samples that stay
in its cache, in small tiles, so that uneven descents balance. Many samples: `prange` over blocks, and one read of
memory serves every active configuration of the tile. Both use one compiled block function and one ordered sum, so the
axis, the tile size and the number of threads change no bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fastgd.check import RUN
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.statuses import Status
from fastgd.kernels.descent.loops import descend_each, descend_together
from fastgd.kernels.descent.records import Bounds, Columns, Method, State
from fastgd.kernels.problems.blocks import CompiledLoss
from fastgd.kernels.threads import can_launch, parallel_launch, threading_layer
from fastgd.problems.evaluation import thetas_together
from fastgd.problems.objective import Objective
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.plan import EVALUATION_VISITS, Counts, Cut, Cutting, KeepGoing, Serves, stepping_cost
from fastgd.sweeps.engines.state import clear, load, new_state, nothing

LAST_LEVEL_CACHE = 1 << 27  # bytes: samples beyond come from memory at each pass

SERVES = Serves(tuple(RULES), tuple(SCHEDULES), tuple(HYPERPARAMETERS))  # its loops compile the tables themselves


def lacks(problem: Problem, asked: Asked) -> str | None:
    """Return None: it serves every problem and whatever is in the tables."""
    return SERVES.refusal(asked)


def cost(problem: Problem, asked: Asked) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return stepping_cost(asked.grid, problem.sample_count * problem.dimension + EVALUATION_VISITS)


@dataclass
class SamplesPlan:
    """How to run a tile over the samples."""

    problem: Problem
    method: Method
    bounds: Bounds
    cut: Cut
    shares_samples: bool  # among the threads, or else the configurations
    threads: int
    layer: str
    streams: bool

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        columns = load(grid, first, last, state)
        compiled_loss = self.problem.compiled_loss()

        def run_slice(budget: int) -> int:
            left = self.run_slice(compiled_loss, columns, state, budget)
            self.problem.raise_callback_error()
            return left

        self.cut.run(run_slice, keep_going)

    def run_slice(self, compiled_loss: CompiledLoss, columns: Columns, state: State, budget: int) -> int:
        """Run descents of a tile until `budget` evaluations are spent, and return what is left."""
        if not self.shares_samples:
            return int(descend_each(compiled_loss, columns, self.method, self.bounds, state, budget))
        with parallel_launch(self.threads):
            return int(descend_together(compiled_loss, columns, self.method, self.bounds, state, budget))

    def loss_scale(self, grid: Grid) -> float:
        """Return what kernels call so: the loss at zero, by a descent of no steps, so that no other kernel compiles."""
        if isinstance(self.problem, Objective):
            return 0.0
        if not grid.starts.any():
            return math.nan
        columns, starts = grid.rows(0, 1)
        columns.max_steps[:] = 0
        state = new_state(1, starts.shape[1], 0, 0)
        clear(state)
        state.theta[:] = 0.0
        unrecorded = replace(self, method=self.method._replace(record_every=0))
        unrecorded.run_slice(self.problem.compiled_loss(), columns, state, budget=1)
        return float(state.loss[0])

    def counts(self, state: State) -> Counts:
        """Return what was read and computed: an evaluation at each step, and one at the last theta."""
        N = self.problem.sample_count
        tile = self.cut.tile_size
        tiles = max(1, RUN // tile)  # at a time: there is no temporary of the grid's size
        evaluations = passes = 0
        for first in range(0, len(state.steps), tiles * tile):
            part = slice(first, first + tiles * tile)
            started = ~np.isnan(state.loss[part]) | (state.status[part] != Status.CANCELLED)
            own = state.steps[part] + started
            evaluations += int(own.sum())
            passes += int(np.maximum.reduceat(own, np.arange(0, len(own), tile)).sum())
        visits = 0 if isinstance(self.problem, Objective) else N * evaluations
        read = N * passes if self.shares_samples else visits
        return Counts(
            threads=self.threads,
            threading_layer=self.layer,
            dtype=str(self.problem.dtype),
            axis="samples" if self.shares_samples else "configurations",
            sample_visits=visits,
            flops=4 * self.problem.dimension * visits,
            bytes=read * self.problem.bytes_per_sample,
            streams=self.streams,
        )


def prepare(problem: Problem, asked: Asked, threads: int, cutting: Cutting) -> SamplesPlan:
    """Lay out the samples, choose the axis, and compile the one kernel that will run."""
    compiled_loss = problem.compiled_loss()
    blocks = compiled_loss.blocks
    method = asked.settings.method(loss_scale=math.nan)
    bounds = asked.settings.kernel_bounds()
    if _shares_samples(problem, asked.grid, blocks, threads, cutting):
        cut = _cut_for_passes(problem, blocks, cutting)
        streams = problem.sample_count * problem.bytes_per_sample > LAST_LEVEL_CACHE
        plan = SamplesPlan(problem, method, bounds, cut, True, threads, threading_layer(), streams)
    else:
        cut, working = _cut_for_descents(problem, asked, threads, cutting)
        plan = SamplesPlan(problem, method, bounds, cut, False, working, "pool" if cut.workers else "none", False)
    plan.run_slice(compiled_loss, *nothing(asked.grid), budget=0)
    plan.method = method._replace(loss_scale=plan.loss_scale(asked.grid))
    return plan


def _shares_samples(problem: Problem, grid: Grid, blocks: int, threads: int, cutting: Cutting) -> bool:
    """Tell whether threads share out the samples rather than the configurations."""
    N = problem.sample_count
    leave_cache = N * problem.bytes_per_sample > cutting.cache_bytes
    idle = threads > grid.size and cutting.parallel_samples <= N
    return blocks > 1 and (leave_cache or idle) and can_launch()


def _cut_for_passes(problem: Problem, blocks: int, cutting: Cutting) -> Cut:
    """Return how to cut a grid whose tiles share passes over the samples, one after another."""
    N = problem.sample_count
    P = problem.dimension
    tile = thetas_together(blocks, P, most=min(256, int(cutting.pass_flops / (4.0 * P * N))))
    return Cut(0, tile, _first_budget(problem, cutting), cutting.slice_seconds)


def _cut_for_descents(problem: Problem, asked: Asked, threads: int, cutting: Cutting) -> tuple[Cut, int]:
    """Return how to cut a grid whose threads run whole descents, and how many work.

    Plain Python runs in one thread, and never in the calling one, where Ctrl-C would be raised inside a C callback and
    lost. Nobody knows how long it takes.
    """
    C = asked.grid.size
    budget = _first_budget(problem, cutting)
    if isinstance(problem, Objective) and not problem.compile:
        tile = min(cutting.largest_tile, max(C // cutting.tiles_per_worker, 1))
        return Cut(1, tile, budget, cutting.slice_seconds), 1
    seconds = cost(problem, asked)
    working = cutting.threads(threads, C, seconds)
    tile = cutting.tile(cutting.largest_tile, working, C, seconds)
    return Cut(working if working > 1 else 0, tile, budget, cutting.slice_seconds), working


def _first_budget(problem: Problem, cutting: Cutting) -> int:
    """Return evaluations that take some milliseconds; one of an objective may take a second."""
    if isinstance(problem, Objective):
        return 1
    return cutting.first_budget(problem.sample_count * problem.dimension)
