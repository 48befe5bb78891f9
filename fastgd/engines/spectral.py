"""The spectral engine: descents in closed form along the modes of a squared loss, however many samples and steps.

At a constant rate a configuration costs some P log(steps) multiply-adds, and a few times that with stopping tests;
under a schedule, and with momentum and tests, it costs P multiply-adds a step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.engines.exact import ExactPlan, Slice, decomposition_cost, lacks_statistics, plan_of, statistics_cost
from fastgd.engines.slices import VISIT_SECONDS, stepping_cost
from fastgd.fits import Fit
from fastgd.grid import HYPERPARAMETERS, Grid
from fastgd.kernels import codes
from fastgd.kernels.descent import Controls, Method, State
from fastgd.kernels.modes import LANES, SINGULAR, SLOPE, TARGET, Lanes, Level, Modes
from fastgd.kernels.spectral import descend_in_lanes, descend_one_by_one
from fastgd.kernels.stops import ALL_NUMBERS, ALL_STEPS, page_size
from fastgd.problems import Problem
from fastgd.quadratic import Quadratic

Array = NDArray[np.float64]

JUMP_SECONDS = 2e-8  # a mode's part in going to a step at a constant rate, stopping tests included
MOMENTUM_SECONDS = 1e-6  # the same with momentum, without tests
STEP_VISITS, MODE_VISITS = 150, 15  # what a step under a schedule costs, and a mode's part in it, in visits of a sample


def lacks(problem: Problem, method: Method) -> str | None:
    """Return None, or what it needs and the problem or the method does not have."""
    if method.rule not in (codes.GRADIENT, codes.MOMENTUM, codes.NESTEROV):
        return "one of the rules 'gradient', 'momentum' and 'nesterov', which act on each mode alone"
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
    tests = ("tolerance", "loss_threshold", "gradient_tolerance")
    return any((grid.values[name] != HYPERPARAMETERS[name].off).any() for name in tests)


def modes_of(quadratic: Quadratic, scale: float) -> Modes:
    """Return the modes of a squared loss."""
    left, values, vectors = quadratic.decomposition()
    problem = np.zeros((3, len(values)))
    problem[SINGULAR], problem[TARGET], problem[SLOPE] = values, left.T @ quadratic.q, 2.0 * scale * values
    return Modes(problem, np.ascontiguousarray(vectors), Level(quadratic.floor, scale))


def prepare(problem: Fit, grid: Grid, method: Method, threads: int) -> ExactPlan:
    """Take the statistics, decompose them, and compile the kernel that runs on the modes."""
    modes = modes_of(problem.quadratic(), problem.scale)
    P, size = problem.dimension, page_size(grid.values["max_steps"].max())

    def descents(controls: Controls, state: State) -> Slice:
        numbers, steps, starts = np.zeros(ALL_NUMBERS), np.zeros(ALL_STEPS, dtype=np.int64), np.full(LANES * P, np.nan)
        lanes = Lanes(np.zeros((P, size)), numbers, steps, starts, np.zeros(P + 1), method.origin)
        thetas = state.theta.reshape(-1)
        if method.schedule == codes.CONSTANT and method.rule == codes.GRADIENT and method.record_every == 0:
            return lambda budget: int(descend_in_lanes(modes, lanes, controls, state, thetas, budget))
        path, reached = np.zeros((3, P)), np.array([-1, 0])
        return lambda budget: int(
            descend_one_by_one(modes, lanes, path, controls, method, state, thetas, reached, budget)
        )

    return plan_of(problem, grid, threads, descents, _run_cost(problem, grid, method))
