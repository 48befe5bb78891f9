"""What the exact engines share: they need a squared loss, take its statistics, and then never visit a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from fastgd.engines.plan import KeepGoing
from fastgd.engines.slices import (
    EVALUATION_VISITS,
    SLICE_SECONDS,
    THREAD_SECONDS,
    TILE_SECONDS,
    TILES_PER_WORKER,
    VISIT_SECONDS,
    load,
    nothing,
    run_in_slices,
)
from fastgd.fit import Fit
from fastgd.fits import PolynomialFit
from fastgd.grid import Grid
from fastgd.kernels.descent import Controls, State
from fastgd.problems import Problem
from fastgd.statistics import SMALL

STATISTICS_SECONDS = 5e-4  # of taking statistics and decomposing them, whatever the size
POLYNOMIAL_PASSES = 3  # loss and gradient evaluations that the statistics of a polynomial take
DECOMPOSITION_SECONDS = 1.5e-9  # over P^3, of a singular value decomposition
QR_PASSES = 10  # for every parameter, those of features by QR; their Gram matrix takes 1
LARGEST_TILE = 16384  # configurations; Python's part in a tile is then 4 ns each, and their numbers stay in cache

Slice = Callable[[int], int]  # budget -> what is left of it
Descents = Callable[[Controls, State], Slice]  # a tile -> what runs a slice of it


def lacks_statistics(problem: Problem) -> str | None:
    """Return None, or what is missing for statistics to describe the problem."""
    if isinstance(problem, Fit) and problem.is_squared:
        return None
    return "a squared loss over samples, that is a PolynomialFit or a LinearFit with loss='squared'"


def statistics_cost(problem: Problem) -> float:
    """Return estimated seconds until the statistics are there."""
    if not isinstance(problem, Fit) or problem.has_statistics:
        return 0.0
    N, P = problem.sample_count, problem.dimension
    by_qr = N <= SMALL or problem.sample_weight is not None
    if isinstance(problem, PolynomialFit):
        passes = P * QR_PASSES if by_qr and N > SMALL else POLYNOMIAL_PASSES
    else:
        passes = P * (QR_PASSES if by_qr else 1)
    return STATISTICS_SECONDS + N * P * passes * VISIT_SECONDS


def decomposition_cost(problem: Problem) -> float:
    """Return estimated seconds of a singular value decomposition of the statistics."""
    return problem.dimension**3 * DECOMPOSITION_SECONDS


@dataclass
class ExactPlan:
    """How to run tiles on the statistics: each thread of a pool runs whole descents."""

    problem: Problem
    descents: Descents
    workers: int
    tile_size: int
    first_budget: int

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        run_slice = self.descents(load(grid, first, last, state), state)
        run_in_slices(run_slice, self.first_budget, keep_going, SLICE_SECONDS)

    def counts(self, state: State) -> dict[str, Any]:
        """Return what a timing says of an engine that visits no samples."""
        return {
            "sample_visits": 0,
            "flops": 0,
            "bytes": 0,
            "threads": self.workers,
            "threading_layer": "pool" if self.workers > 1 else "none",
            "axis": "configurations",
            "dtype": str(self.problem.dtype),
            "streams": False,
        }


def plan_of(problem: Problem, grid: Grid, threads: int, descents: Descents, seconds: float) -> ExactPlan:
    """Cut the grid so that descents estimated at `seconds` in all balance, and compile the kernel that runs them."""
    C, P = grid.size, problem.dimension
    workers = min(threads, C) if seconds > THREAD_SECONDS else 1
    worth_it = ceil(C * TILE_SECONDS / seconds)
    tile = min(LARGEST_TILE, max(worth_it, C // (workers * TILES_PER_WORKER), 1))
    descents(*nothing(grid, P))(0)
    return ExactPlan(problem, descents, workers, tile, max(1, int(1e7 / (P**2 + EVALUATION_VISITS))))
