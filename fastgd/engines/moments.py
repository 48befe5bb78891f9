"""The moments engine: every step of every descent is taken on the statistics, P^2 operations however many samples.

A squared loss with any rule, schedule and bounds: the loop is that of the samples engine, over P samples made of the
statistics.
"""

from __future__ import annotations

from fastgd.engines.exact import ExactPlan, Slice, lacks_statistics, plan_of, statistics_cost
from fastgd.engines.slices import EVALUATION_VISITS, stepping_cost
from fastgd.fit import Fit
from fastgd.grid import Grid
from fastgd.kernels.blocks import laid_out
from fastgd.kernels.descent import Controls, Method, State, descend_each
from fastgd.kernels.quadratic import QuadraticData
from fastgd.problems import Problem


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
    quadratic = problem.quadratic()
    laid = laid_out(QuadraticData(quadratic.R, quadratic.q, quadratic.floor), 1, problem.scale)

    def descents(controls: Controls, state: State) -> Slice:
        return lambda budget: int(descend_each(laid.samples, controls, method, state, budget))

    return plan_of(problem, grid, threads, descents, _run_cost(problem, grid))
