"""The spectral engine: descents in closed form along the modes of a squared loss, however many samples and steps.

At a constant rate a configuration costs some P exponentials, and a few more for every stopping test;
under a schedule, and with momentum and tests, it costs P multiply-adds a step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.engines.exact import ExactPlan, Slice, decomposition_cost, lacks_statistics, plan_of, statistics_cost
from fastgd.engines.slices import VISIT_SECONDS, stepping_cost
from fastgd.fit import Fit
from fastgd.grid import HYPERPARAMETERS, Grid
from fastgd.kernels import codes
from fastgd.kernels.descent import Controls, Method, State
from fastgd.kernels.modes import SINGULAR, SLOPE, TARGET, Level
from fastgd.kernels.spectral import Momentum, Plain, Scheduled, descend_by_modes
from fastgd.kernels.stops import ALL_ROWS
from fastgd.problems import Problem
from fastgd.quadratic import Quadratic
from fastgd.rules import name_of_schedule

Array = NDArray[np.float64]

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


def modes_of(quadratic: Quadratic, scale: float) -> tuple[Array, Array]:
    """Return what `kernels.modes` calls modes, with the rows of the problem set, and vectors."""
    left, values, vectors = quadratic.decomposition()
    modes = np.zeros((ALL_ROWS, len(values)))
    modes[SINGULAR], modes[TARGET], modes[SLOPE] = values, left.T @ quadratic.q, 2.0 * scale * values
    return modes, np.ascontiguousarray(vectors)


def prepare(problem: Fit, grid: Grid, method: Method, threads: int) -> ExactPlan:
    """Take the statistics, decompose them, and compile the kernel that runs on the modes."""
    quadratic = problem.quadratic()
    modes, vectors = modes_of(quadratic, problem.scale)
    level = Level(quadratic.floor, problem.scale)
    gradient = Plain() if method.schedule == codes.CONSTANT else Scheduled()
    mark = gradient if method.rule == codes.GRADIENT else Momentum()

    def descents(controls: Controls, state: State) -> Slice:
        own, sums, step = modes.copy(), np.zeros((2, problem.dimension + 1)), np.full(1, -1)
        return lambda budget: int(
            descend_by_modes(mark, own, vectors, level, controls, method, state, sums[0], sums[1], step, budget)
        )

    return plan_of(problem, grid, threads, descents, _run_cost(problem, grid, method))
