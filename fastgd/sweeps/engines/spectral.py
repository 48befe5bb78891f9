"""The spectral engine: descents in closed form along the modes of a squared loss, however many samples and steps.

At a constant rate a configuration costs some P exponentials, and a few more for every stopping test;
under a schedule, and with momentum and tests, it costs P multiply-adds a step.
"""

from __future__ import annotations

import numpy as np

from fastgd.descent import codes
from fastgd.descent.rules import name_of_schedule
from fastgd.kernels.descent.loops import Controls, Method, State
from fastgd.kernels.modes.descents import Momentum, Plain, Scheduled, descend_by_modes
from fastgd.kernels.modes.first_stop import ALL_ROWS
from fastgd.kernels.modes.modes import SINGULAR, SLOPE, TARGET, Level
from fastgd.least_squares import doubled
from fastgd.problems.fit import Fit
from fastgd.problems.problem import Problem
from fastgd.sweeps.engines.exact import (
    Array,
    ExactPlan,
    Slice,
    decomposition_cost,
    lacks_statistics,
    plan_of,
    statistics_cost,
)
from fastgd.sweeps.engines.slices import VISIT_SECONDS, stepping_cost
from fastgd.sweeps.grid import HYPERPARAMETERS, Grid

JUMP_SECONDS = 5e-8  # a mode's part in going to a step at a constant rate, stopping tests included
MOMENTUM_SECONDS = 1e-6  # the same with momentum, without tests
SCHEDULES_KNOWN = (codes.CONSTANT, codes.INVERSE_TIME, codes.EXPONENTIAL, codes.INVERSE_SQRT, codes.COSINE)
TESTS = ("tolerance", "loss_threshold", "gradient_tolerance")
KNOWN = {"learning_rate", "max_steps", "momentum", "decay", "divergence_threshold", *TESTS}
STEP_VISITS, MODE_VISITS = 150, 15  # what a step under a schedule costs, and a mode's part in it, in visits of a sample


def lacks(problem: Problem, grid: Grid, method: Method) -> str | None:
    """Return None, or what it needs and the problem or the sweep does not have; what it does not know is refused."""
    if method.rule not in (codes.GRADIENT, codes.MOMENTUM, codes.NESTEROV):
        return "rule='gradient', 'momentum' or 'nesterov', which act on each mode alone"
    if method.schedule not in SCHEDULES_KNOWN:
        return f"a schedule that it knows, not {name_of_schedule(method.schedule)!r}"
    for name, values in grid.values.items():
        if name not in KNOWN and (values != HYPERPARAMETERS[name].off).any():
            return f"a sweep without {name}, which it does not know"
    if np.isfinite(method.lower).any() or np.isfinite(method.upper).any():
        return "a sweep without bounds, since clipping a parameter mixes the modes"
    return lacks_statistics(problem)


def cost(problem: Problem, grid: Grid, method: Method) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return statistics_cost(problem) + decomposition_cost(problem) + _run_cost(problem, grid, method)


def _run_cost(problem: Problem, grid: Grid, method: Method) -> float:
    P = problem.dimension
    if method.schedule != codes.CONSTANT or (method.rule != codes.GRADIENT and _is_tested(grid)):
        return stepping_cost(grid, STEP_VISITS + P * MODE_VISITS)
    a_mode = JUMP_SECONDS if method.rule == codes.GRADIENT else MOMENTUM_SECONDS
    return grid.size * (P * a_mode + P**2 * VISIT_SECONDS)


def _is_tested(grid: Grid) -> bool:
    """Tell whether a test may stop a descent before its last step, other than as diverged."""
    return any((grid.values[name] != HYPERPARAMETERS[name].off).any() for name in TESTS)


def prepare(problem: Fit, grid: Grid, method: Method, threads: int) -> ExactPlan:
    """Take the statistics, decompose them, and compile the kernel that runs on the modes."""
    quadratic = problem.quadratic()
    method = method._replace(loss_scale=problem.scale * quadratic.size)
    left, values, right = quadratic.decomposition()
    modes = np.zeros((ALL_ROWS, len(values)))
    modes[SINGULAR], modes[SLOPE] = values, 2.0 * problem.scale * values
    modes[TARGET] = doubled.ordered_product(quadratic.q[None], left)
    vectors = np.ascontiguousarray(right)
    level = Level(quadratic.least, problem.scale)
    gradient = Plain() if method.schedule == codes.CONSTANT else Scheduled()
    mark = gradient if method.rule == codes.GRADIENT else Momentum()

    def descents(controls: Controls, state: State, residuals: Array) -> Slice:
        own, sums, step = modes.copy(), np.zeros((2, problem.dimension + 1)), np.full(1, -1)
        own_residuals = np.ascontiguousarray(residuals)
        return lambda budget: int(
            descend_by_modes(
                mark, own, vectors, own_residuals, level, controls, method, state, sums[0], sums[1], step, budget
            )
        )

    residuals = doubled.ordered_product(quadratic.residuals(grid.starts), left)
    return plan_of(problem, grid, threads, descents, residuals, _run_cost(problem, grid, method))
