"""What the exact engines share: they need a squared loss, take its statistics, and then never visit a sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Argument, Array, Sentence
from fastgd.kernels.descent.records import Columns, Method, State
from fastgd.least_squares.bases import LARGEST_WORK
from fastgd.least_squares.from_samples import SMALL
from fastgd.problems.linear_model import LinearModel
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.plan import VISIT_SECONDS, Counts, Cut, Cutting, KeepGoing, Slice, Statistics
from fastgd.sweeps.engines.state import load, nothing

# Seconds of taking statistics and decomposing them, measured; those of an elimination in decimals include what is done
# with its result.
STATISTICS_SECONDS = 5e-4  # whatever the size
EXACT_RESIDUAL_SECONDS = 8e-8  # of a sample's residual, over the parameters, with twice the digits
PARAMETER_SECONDS = 3e-4  # in NumPy's loops over the parameters
ELIMINATION_SECONDS = 7e-7  # over P^3, in decimals
DECOMPOSITION_SECONDS = 1e-9  # over P^3, of a singular value decomposition in floats
SMALL_DECOMPOSITION_SECONDS = 3e-7  # of one over P^2


def lacks_statistics(problem: Problem) -> str | None:
    """Return None, or what is missing for statistics to describe the problem."""
    if isinstance(problem, LinearModel) and problem.is_squared:
        return None
    fits = "a squared loss over samples, that is a PolynomialFit or a LinearFit with "
    return Sentence(fits, Argument("loss", "squared"))


def statistics_cost(problem: Problem) -> float:
    """Return estimated seconds of taking the statistics, whether or not they have been taken before."""
    if not isinstance(problem, LinearModel):
        return 0.0
    N = problem.sample_count
    P = problem.dimension
    work = problem.statistics_work
    if N > SMALL:
        columns = 0.0 if work.closed_basis else P * PARAMETER_SECONDS
        return STATISTICS_SECONDS + columns + N * P * work.passes * VISIT_SECONDS
    residuals = 0.0 if work.closed_basis else EXACT_RESIDUAL_SECONDS
    seconds = STATISTICS_SECONDS + P * PARAMETER_SECONDS + N * P * (P * VISIT_SECONDS + residuals)
    return seconds + (_decomposition_seconds(problem) if work.eliminates else 0.0)


def decomposition_cost(problem: LinearModel) -> float:
    """Return estimated seconds of a singular value decomposition, beyond what the statistics take of it."""
    taken = problem.sample_count <= SMALL and problem.statistics_work.eliminates
    return 0.0 if taken else _decomposition_seconds(problem)


def _decomposition_seconds(problem: LinearModel) -> float:
    P = problem.dimension
    rank = min(P, problem.sample_count)
    work = problem.statistics_work
    if P <= 2:
        return 0.0
    if work.eliminates and work.products <= LARGEST_WORK:
        return rank * PARAMETER_SECONDS + rank**2 * P * ELIMINATION_SECONDS
    of_minimum = 3 * rank * PARAMETER_SECONDS if work.closed_basis else 0.0  # looked for among many
    return of_minimum + SMALL_DECOMPOSITION_SECONDS * P**2 + DECOMPOSITION_SECONDS * P**3


@dataclass
class ExactPlan(ABC):
    """How to run tiles on the statistics: each thread of a pool runs whole descents.

    Attributes
    ----------
    residuals : ndarray (M, m)
        At each of the grid's starts, as the engine counts them.
    """

    cut: Cut
    method: Method
    residuals: Array
    dtype: str
    statistics: Statistics
    evaluations: list[int]

    @abstractmethod
    def descents(self, columns: Columns, ends: NDArray[np.int64], state: State, residuals: Array) -> Slice:
        """Return what runs a slice of a tile, whose residuals at the starts are given."""

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run one tile, in slices of a tenth of a second between which it can be stopped."""
        columns, ends = load(grid, first, last, state)
        self.cut.run(self.descents(columns, ends, state, grid.along_starts(self.residuals, first, last)), keep_going)

    def compiled(self, grid: Grid) -> Self:
        """Return the plan after its kernel was compiled."""
        self.descents(*nothing(grid), self.residuals[:1])(0)
        return self

    def at_starts(self, places: NDArray[np.int64]) -> Self:
        """Return the plan for zipped configurations that begin at these of the grid's starts (n,)."""
        return self if len(self.residuals) == 1 else replace(self, residuals=self.residuals[places])

    def passes(self, state: State) -> int:
        """Return 0: statistics are taken before."""
        return 0

    def counts(self, passes: int) -> Counts:
        """Return what a Timing says of an engine that visits no samples."""
        layer = "pool" if self.cut.workers > 1 else "none"
        return Counts(self.cut.workers, layer, self.dtype, evaluations=sum(self.evaluations))


def cut_of(problem: Problem, asked: Asked, threads: int, cutting: Cutting, seconds: float) -> Cut:
    """Return how to cut the grid so that descents estimated at `seconds` in all balance."""
    workers = cutting.threads(threads, asked.grid.size, seconds)
    tile = cutting.tile_of_descents(cutting.largest_exact_tile, workers, asked, seconds)
    return Cut(workers, tile, cutting.first_budget(problem.dimension**2), cutting.slice_seconds)
