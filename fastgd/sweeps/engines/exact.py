"""What the exact engines share: they need a squared loss, take its statistics, and then never visit a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.descent.loops import Controls, State
from fastgd.least_squares.bases import LARGEST_WORK
from fastgd.least_squares.from_samples import SMALL
from fastgd.problems.fit import Fit
from fastgd.problems.fits import PolynomialFit
from fastgd.problems.problem import Problem
from fastgd.sweeps.engines.plan import KeepGoing
from fastgd.sweeps.engines.slices import (
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
from fastgd.sweeps.grid import Grid

# Seconds of taking statistics and decomposing them, measured; those of an elimination in decimals include what is done
# with its result.
STATISTICS_SECONDS = 5e-4  # whatever the size
EXACT_RESIDUAL_SECONDS = 8e-8  # of a sample's residual, over the parameters, with twice the digits
PARAMETER_SECONDS = 3e-4  # in NumPy's loops over the parameters
ELIMINATION_SECONDS = 7e-7  # over P^3, in decimals
DECOMPOSITION_SECONDS = 1e-9  # over P^3, of a singular value decomposition in floats; 3e-7 over P^2
POLYNOMIAL_PASSES = 3  # loss and gradient evaluations that the statistics of a polynomial take
QR_PASSES = 10  # for every parameter, those of features by QR; their Gram matrix takes 1
LARGEST_TILE = 16384  # configurations; Python's part in a tile is then 4 ns each, and their numbers stay in cache

Array = NDArray[np.float64]
Slice = Callable[[int], int]  # budget -> what is left of it
Descents = Callable[[Controls, State, Array], Slice]  # a tile and its residuals at the start -> what runs a slice of it


def lacks_statistics(problem: Problem) -> str | None:
    """Return None, or what is missing for statistics to describe the problem."""
    if isinstance(problem, Fit) and problem.is_squared:
        return None
    return "a squared loss over samples, that is a PolynomialFit or a LinearFit with loss='squared'"


def statistics_cost(problem: Problem) -> float:
    """Return estimated seconds of taking the statistics, whether or not they have been taken before."""
    if not isinstance(problem, Fit):
        return 0.0
    N, P = problem.sample_count, problem.dimension
    is_polynomial, few = isinstance(problem, PolynomialFit), N <= SMALL
    seconds = STATISTICS_SECONDS
    if few:
        seconds += P * PARAMETER_SECONDS + N * P * (P * VISIT_SECONDS + EXACT_RESIDUAL_SECONDS * (not is_polynomial))
        if is_polynomial or N < P:  # the minimum is where residuals are counted from
            seconds += _decomposition_seconds(problem)
        return seconds
    if is_polynomial:
        passes = POLYNOMIAL_PASSES if problem.sample_weight is None else P * QR_PASSES
    else:
        passes = P * (1 if problem.sample_weight is None else QR_PASSES)
        seconds += P * PARAMETER_SECONDS
    return seconds + N * P * passes * VISIT_SECONDS


def decomposition_cost(problem: Problem) -> float:
    """Return estimated seconds of a singular value decomposition, beyond what the statistics take of it."""
    few = problem.sample_count <= SMALL
    if few and (isinstance(problem, PolynomialFit) or problem.sample_count < problem.dimension):
        return 0.0
    return _decomposition_seconds(problem)


def _decomposition_seconds(problem: Problem) -> float:
    P, rank = problem.dimension, min(problem.dimension, problem.sample_count)
    is_polynomial = isinstance(problem, PolynomialFit)
    products = rank**2 * P if is_polynomial else P**3
    if P <= 2:
        return 0.0
    if (is_polynomial or rank < P) and products <= LARGEST_WORK:
        return rank * PARAMETER_SECONDS + rank**2 * P * ELIMINATION_SECONDS
    of_minimum = 3 * rank * PARAMETER_SECONDS if is_polynomial else 0.0  # looked for among many
    return of_minimum + 3e-7 * P**2 + DECOMPOSITION_SECONDS * P**3


@dataclass
class ExactPlan:
    """How to run tiles on the statistics: each thread of a pool runs whole descents.

    `residuals` (M, m) are those at each of the grid's starts, as the engine counts them.
    """

    problem: Problem
    descents: Descents
    residuals: Array
    workers: int
    tile_size: int
    first_budget: int

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        controls = load(grid, first, last, state)
        run_slice = self.descents(controls, state, grid.along_starts(self.residuals, first, last))
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


def plan_of(
    problem: Problem, grid: Grid, threads: int, descents: Descents, residuals: Array, seconds: float
) -> ExactPlan:
    """Cut the grid so that descents estimated at `seconds` in all balance, and compile the kernel that runs them."""
    C, P = grid.size, problem.dimension
    workers = min(threads, C) if seconds > THREAD_SECONDS else 1
    worth_it = ceil(C * TILE_SECONDS / seconds)
    tile = min(LARGEST_TILE, max(worth_it, C // (workers * TILES_PER_WORKER), 1))
    descents(*nothing(grid, P), residuals[:1])(0)
    return ExactPlan(problem, descents, residuals, workers, tile, max(1, int(1e7 / (P**2 + EVALUATION_VISITS))))
