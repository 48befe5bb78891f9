"""The samples engine: every step of every descent visits every sample. Any problem, any rule.

It has two parallel axes, never nested. Few samples: each thread of a pool runs whole descents, some side by side, over
samples that stay in its cache, in small tiles, so that uneven descents balance. Many samples: `prange` over blocks, and
one read of memory serves every active descent of the tile. Both use one compiled function and one ordered sum, so the
axis, the tile size, how many go side by side and the number of threads change no bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fastgd.check import RUN
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.statuses import Status
from fastgd.kernels.descent.loops import descend
from fastgd.kernels.descent.records import Bounds, Columns, Method, State
from fastgd.kernels.threads import can_launch, parallel_launch, threading_layer
from fastgd.problems.evaluation import partials_for, thetas_together
from fastgd.problems.fit import Fit
from fastgd.problems.objective import Objective
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.by_pieces import by_pieces
from fastgd.sweeps.engines.plan import (
    VISIT_SECONDS,
    Counts,
    Cut,
    Cutting,
    KeepGoing,
    Serves,
    Slice,
    Statistics,
    side_by_side_cost,
)
from fastgd.sweeps.engines.state import clear, load, new_state, nothing, table_of

LAST_LEVEL_CACHE = 1 << 27  # bytes: samples beyond come from memory at each pass

SERVES = Serves(tuple(RULES), tuple(SCHEDULES), tuple(HYPERPARAMETERS))  # its loops compile the tables themselves


def lacks(problem: Problem, asked: Asked) -> str | None:
    """Return None: it serves every problem and whatever is in the tables."""
    return SERVES.refusal(asked)


def cost(problem: Problem, asked: Asked) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return side_by_side_cost(asked, _visits(problem))


def _visits(problem: Problem) -> float:
    """Return what an evaluation takes, in multiply-adds: those of its samples, or longer if that was measured."""
    return problem.sample_count * max(problem.dimension, problem.seconds_per_sample / VISIT_SECONDS)


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
    lanes: int
    evaluations: list[int] = field(default_factory=list)  # of each slice that was run
    budget: int = 0  # of evaluations that took a slice's time in the last tile; 0 before there was one

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        run_some = self.slices(*load(grid, first, last, state), state)

        def run_slice(budget: int) -> int:
            left = run_some(budget)
            self.evaluations.append(budget - left)
            self.problem.raise_callback_error()
            return left

        self.budget = self.cut.run(run_slice, keep_going, self.budget)

    def slices(self, columns: Columns, ends: NDArray[np.int64], state: State) -> Slice:
        """Return what runs descents of a tile until a budget of evaluations is spent, and returns what is left."""
        T, P = state.theta.shape
        shares_samples = self.shares_samples and can_launch()  # not so in a process that was forked too late
        compiled_loss = self.problem.compiled_loss()
        width = max(T if shares_samples else min(T, self.lanes), 1)
        table = table_of(columns, ends, state, self.bounds, width)
        if isinstance(self.problem, Fit) and self.problem.is_streamed:
            partials = partials_for(self.problem.most_blocks, width, P)
            return by_pieces(self.problem, table, T, self.method, partials, self.threads)
        scratch = partials_for(compiled_loss.blocks, width, P) if shares_samples else np.empty((width, P + 1))

        def run_slice(budget: int) -> int:  # holds the table, of which the kernel knows the address alone
            words = table.address
            if not shares_samples:
                return int(descend(compiled_loss, words, 0, T, self.method, scratch, min(width, budget), budget))
            with parallel_launch(self.threads):
                return int(descend(compiled_loss, words, 0, T, self.method, scratch, width, budget))

        return run_slice

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
        unrecorded.slices(columns, np.array([1]), state)(1)
        return float(state.loss[0])

    @property
    def statistics(self) -> Statistics:
        """None: it takes nothing before it runs."""
        return {}

    def counts(self, passes: int) -> Counts:
        """Return what was read and computed."""
        N = self.problem.sample_count
        evaluations = sum(self.evaluations)
        visits = 0 if isinstance(self.problem, Objective) else N * evaluations
        read = N * passes if self.shares_samples else visits
        copies = 1 if self.shares_samples else self.threads
        return Counts(
            threads=self.threads,
            threading_layer=self.layer,
            dtype=str(self.problem.dtype),
            axis="samples" if self.shares_samples else "configurations",
            evaluations=evaluations,
            sample_visits=visits,
            flops=self.problem.flops_per_sample * visits,
            bytes=read * self.problem.bytes_per_sample,
            streams=self.streams,
            footprint=N * self.problem.bytes_per_sample * copies if visits else 0,
        )

    def at_starts(self, places: NDArray[np.int64]) -> SamplesPlan:
        """Return itself: it takes starts from the grid."""
        return self

    def passes(self, state: State) -> int:
        """Return how often tiles went through the samples: at each step, and at the last theta."""
        if not self.shares_samples:
            return 0
        tile = self.cut.tile_size
        tiles = max(1, RUN // tile)  # at a time: there is no temporary of the grid's size
        passes = 0
        for first in range(0, len(state.steps), tiles * tile):
            part = slice(first, first + tiles * tile)
            started = ~np.isnan(state.loss[part]) | (state.status[part] != Status.CANCELLED)
            own = state.steps[part] + started
            passes += int(np.maximum.reduceat(own, np.arange(0, len(own), tile)).sum())
        return passes


def prepare(
    problem: Problem, asked: Asked, threads: int, cutting: Cutting, kept: Statistics | None = None
) -> SamplesPlan:
    """Lay out the samples, choose the axis, and compile the one kernel that will run."""
    blocks = _blocks_at_once(problem)
    shares_samples = _shares_samples(problem, asked.grid, blocks, threads, cutting)
    if shares_samples:
        cut = _cut_for_passes(problem, blocks, cutting)
        layer = threading_layer()
    else:
        cut, threads = _cut_for_descents(problem, asked, threads, cutting)
        layer = "pool" if cut.workers else "none"
    method = asked.settings.method(loss_scale=math.nan)
    plan = SamplesPlan(
        problem=problem,
        method=method,
        bounds=asked.settings.kernel_bounds(),
        cut=cut,
        shares_samples=shares_samples,
        threads=threads,
        layer=layer,
        streams=shares_samples and problem.sample_count * problem.bytes_per_sample > LAST_LEVEL_CACHE,
        lanes=1 if _is_plain_python(problem) else cutting.lanes,
    )
    plan.slices(*nothing(asked.grid))(0)
    plan.method = method._replace(loss_scale=plan.loss_scale(asked.grid))
    return plan


def _blocks_at_once(problem: Problem) -> int:
    """Return how many blocks there are, of samples that are streamed in a piece."""
    if isinstance(problem, Fit) and problem.is_streamed:
        return problem.most_blocks
    return problem.compiled_loss().blocks


def _shares_samples(problem: Problem, grid: Grid, blocks: int, threads: int, cutting: Cutting) -> bool:
    """Tell whether threads share out the samples rather than the configurations."""
    if problem.is_streamed:
        return True
    N = problem.sample_count
    leave_cache = N * problem.bytes_per_sample > cutting.cache_bytes
    idle = threads > grid.size and cutting.parallel_samples <= N
    return blocks > 1 and (leave_cache or idle) and can_launch()


def _cut_for_passes(problem: Problem, blocks: int, cutting: Cutting) -> Cut:
    """Return how to cut a grid whose tiles share passes over the samples, one after another."""
    P = problem.dimension
    # what is streamed is heard of between pieces, and the more descents share a reading the better
    most = 1024 if problem.is_streamed else min(256, int(cutting.pass_flops / (4.0 * _visits(problem))))
    tile = thetas_together(blocks, P, most)
    return Cut(0, tile, _first_budget(problem, cutting), cutting.slice_seconds, together=tile)


def _cut_for_descents(problem: Problem, asked: Asked, threads: int, cutting: Cutting) -> tuple[Cut, int]:
    """Return how to cut a grid whose threads run whole descents, and how many work.

    Plain Python runs in one thread, and never in the calling one, where Ctrl-C would be raised inside a C callback and
    lost. Nobody knows how long it takes.
    """
    C = asked.grid.size
    budget = _first_budget(problem, cutting)
    if _is_plain_python(problem):
        tile = min(cutting.largest_tile, max(C // cutting.tiles_per_worker, 1))
        return Cut(1, tile, budget, cutting.slice_seconds), 1
    seconds = cost(problem, asked)
    working = cutting.threads(threads, C, seconds)
    tile = cutting.tile_of_descents(cutting.largest_tile, working, asked, seconds)
    return Cut(working if working > 1 else 0, tile, budget, cutting.slice_seconds), working


def _is_plain_python(problem: Problem) -> bool:
    return isinstance(problem, Objective) and not problem.compile


def _first_budget(problem: Problem, cutting: Cutting) -> int:
    """Return evaluations that take some milliseconds; one of an objective may take a second."""
    if isinstance(problem, Objective):
        return 1
    return cutting.first_budget(_visits(problem))
