"""The moments engine: every step of every descent is taken on the statistics, P^2 operations however many samples.

A squared loss with any rule, schedule and bounds: the loop is that of the samples engine, over P samples made of the
statistics. They are counted from each start, so configurations run start by start.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from fastgd.kernels.descent.loops import Controls, Method, State, descend_each
from fastgd.kernels.problems.blocks import laid_out
from fastgd.kernels.problems.quadratic import QuadraticData
from fastgd.problems.fit import Fit
from fastgd.problems.problem import Problem
from fastgd.sweeps.engines.exact import Array, ExactPlan, Slice, lacks_statistics, plan_of, statistics_cost
from fastgd.sweeps.engines.slices import EVALUATION_VISITS, stepping_cost
from fastgd.sweeps.grid import Grid


def lacks(problem: Problem, grid: Grid, method: Method) -> str | None:
    """Return None, or what it needs and the problem does not have."""
    return lacks_statistics(problem)


def cost(problem: Problem, grid: Grid, method: Method) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return statistics_cost(problem) + _run_cost(problem, grid)


def _run_cost(problem: Problem, grid: Grid) -> float:
    return stepping_cost(grid, problem.dimension**2 + EVALUATION_VISITS)


def prepare(problem: Fit, grid: Grid, method: Method, threads: int) -> ExactPlan:
    """Take the statistics and compile the kernel that runs on them."""
    quadratic = problem.statistics()
    method = method._replace(loss_scale=problem.scale * quadratic.size)
    R = np.ascontiguousarray(quadratic.R)

    def descents(controls: Controls, state: State, residuals: Array) -> Slice:
        start, at_start = np.zeros(problem.dimension), np.zeros(len(R))
        data = QuadraticData(R, start, at_start, quadratic.floor)
        laid = laid_out(data, 1, problem.scale, problem.l2, problem.free)
        starts, runs = state.theta.copy(), deque(_runs_of_one_start(state.theta))

        def run_slice(budget: int) -> int:
            while runs:
                first, last = runs[0]
                if first < last:
                    start[:], at_start[:] = starts[first], residuals[min(first, len(residuals) - 1)]
                own = State(*(array[first:last] for array in state))
                their = Controls(*(column[first:last] for column in controls))
                budget = int(descend_each(laid.samples, their, method, own, budget))
                if budget <= 0:
                    break
                runs.popleft()
            return budget

        return run_slice

    residuals = quadratic.sample_residuals(grid.starts)
    return plan_of(problem, grid, threads, descents, residuals, _run_cost(problem, grid))


def _runs_of_one_start(theta: Array) -> list[tuple[int, int]]:
    """Return first and last of each run of configurations with equal starts (T, P); one, empty, of none."""
    changes = np.flatnonzero((theta[1:] != theta[:-1]).any(axis=1)) + 1
    return list(pairwise([0, *changes.tolist(), len(theta)]))
