"""The moments engine: every step of every descent is taken on the statistics, P^2 operations however many samples.

A squared loss with any rule, schedule and bounds: the loop is that of the samples engine, over P samples made of the
statistics. They are counted from each start, so configurations run start by start.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.kernels.descent.loops import descend
from fastgd.kernels.descent.records import Bounds, Columns, State
from fastgd.kernels.problems.blocks import compiled_loss
from fastgd.kernels.problems.quadratic import MOST_IN_LANES, QuadraticData
from fastgd.problems.linear_model import LinearModel
from fastgd.problems.losses import Loss
from fastgd.problems.problem import Problem
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.exact import ExactPlan, cut_of, lacks_statistics, statistics_cost
from fastgd.sweeps.engines.plan import Cutting, Serves, Slice, Statistics, side_by_side_cost
from fastgd.sweeps.engines.state import table_of

SERVES = Serves(tuple(RULES), tuple(SCHEDULES), tuple(HYPERPARAMETERS))  # its loop compiles the tables themselves


def lacks(problem: Problem, asked: Asked) -> str | None:
    """Return None, or what it needs and the problem does not have."""
    return SERVES.refusal(asked) or lacks_statistics(problem)


def cost(problem: Problem, asked: Asked) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return statistics_cost(problem) + _run_cost(problem, asked)


def _run_cost(problem: Problem, asked: Asked) -> float:
    return side_by_side_cost(asked, problem.dimension**2)


@dataclass
class MomentsPlan(ExactPlan):
    """The statistics, and how they become a loss: scale (||R theta - q||^2 + floor) with a penalty."""

    scale: float
    l2: float
    free: int
    residual_loss: Loss
    bounds: Bounds
    R: Array  # (m, P)
    floor: float
    lanes: int

    def descents(self, columns: Columns, ends: NDArray[np.int64], state: State, residuals: Array) -> Slice:
        """Return what runs a slice of a tile, start by start."""
        P = state.theta.shape[1]
        start = np.zeros(P)
        targets = np.zeros(len(self.R))
        zeros = (0.0,) * P if P <= MOST_IN_LANES else ()
        data = QuadraticData(self.R, targets, start, self.floor, zeros, self.residual_loss.mark(), ())
        loss = compiled_loss(data, self.scale, self.l2, self.free)
        starts = state.theta.copy()
        runs = deque(_runs_of_one_start(starts))
        table = table_of(columns, ends, state, self.bounds, self.lanes)
        partials = np.empty((self.lanes, P + 1))

        def run_slice(budget: int) -> int:
            while runs:
                first, last = runs[0]
                if first < last:
                    start[:] = starts[first]
                    targets[:] = -residuals[min(first, len(residuals) - 1)]
                left = descend(loss, table.address, first, last, self.method, partials, self.lanes, budget)
                self.evaluations.append(budget - left)
                budget = int(left)
                if budget <= 0:
                    break
                runs.popleft()
            return budget

        return run_slice


def _statistics(fit: LinearModel, starts: Array) -> Statistics:
    quadratic = fit.statistics()
    return {
        "residuals": quadratic.sample_residuals(starts),
        "R": np.ascontiguousarray(quadratic.R),
        "floor": np.array(quadratic.floor),
        "size": np.array(quadratic.size),
    }


def prepare(
    problem: Problem, asked: Asked, threads: int, cutting: Cutting, kept: Statistics | None = None
) -> MomentsPlan:
    """Take the statistics, if they were not kept, and compile the kernel that runs on them."""
    fit = cast(LinearModel, problem)
    statistics = _statistics(fit, asked.grid.starts) if kept is None else kept
    return MomentsPlan(
        cut=cut_of(fit, asked, threads, cutting, _run_cost(fit, asked)),
        method=asked.settings.method(loss_scale=fit.scale * statistics["size"].item()),
        residuals=statistics["residuals"],
        dtype=str(fit.dtype),
        statistics=statistics,
        evaluations=[],
        bounds=asked.settings.kernel_bounds(),
        R=statistics["R"],
        floor=statistics["floor"].item(),
        scale=fit.scale,
        l2=fit.l2,
        free=fit.free,
        residual_loss=fit.residual_loss,
        lanes=cutting.lanes,
    ).compiled(asked.grid)


def _runs_of_one_start(theta: Array) -> list[tuple[int, int]]:
    """Return first and last of each run of configurations with equal starts (T, P); one, empty, of none."""
    changes = np.flatnonzero((theta[1:] != theta[:-1]).any(axis=1)) + 1
    return list(pairwise([0, *changes.tolist(), len(theta)]))
