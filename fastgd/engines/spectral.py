"""The spectral engine: descents in closed form along the modes of a squared loss, however many samples and steps.

At a constant rate a configuration costs some P exponentials, and a few more for every stopping test, however many steps
it takes; under a schedule it costs P multiply-adds a step.
"""

from __future__ import annotations

import math

import numpy as np

from fastgd.engines.exact import (
    VISIT_SECONDS,
    ExactPlan,
    Slice,
    configuration_steps,
    lacks_statistics,
    plan_of,
    statistics_cost,
)
from fastgd.factor import RANK_TOLERANCE
from fastgd.fits import Fit
from fastgd.grid import Grid
from fastgd.kernels import codes
from fastgd.kernels.descent import Controls, Method, State
from fastgd.kernels.modes import Modes, new_course
from fastgd.kernels.spectral import descend_by_modes
from fastgd.kernels.stops import new_search
from fastgd.problems import Problem
from fastgd.quadratic import Quadratic

MODE_STEP_SECONDS = 2e-9
JUMP_SECONDS = 5e-8


def lacks(problem: Problem, method: Method) -> str | None:
    """Return None, or what it needs and the problem or the method does not have."""
    if method.rule != codes.GRADIENT:
        return "rule='gradient', which acts on each mode alone"
    if np.isfinite(method.lower).any() or np.isfinite(method.upper).any():
        return "a sweep without bounds, since clipping a parameter mixes the modes"
    return lacks_statistics(problem)


def cost(problem: Problem, grid: Grid, method: Method) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    return statistics_cost(problem) + _run_cost(problem, grid, method)


def _run_cost(problem: Problem, grid: Grid, method: Method) -> float:
    P = problem.dimension
    if method.schedule != codes.CONSTANT:
        return configuration_steps(grid) * P * MODE_STEP_SECONDS
    return grid.size * P * (JUMP_SECONDS + P * VISIT_SECONDS)


def modes_of(quadratic: Quadratic, scale: float) -> Modes:
    """Return the modes of the loss scale * S. What rounding can't tell from zero is no curvature, as in a `Spectrum`."""
    left, values, right = np.linalg.svd(quadratic.R)
    P = len(values)
    values[(np.arange(P) >= quadratic.rank) | (values <= RANK_TOLERANCE * math.sqrt(P) * values[0])] = 0.0
    return Modes(values, np.ascontiguousarray(right), left.T @ quadratic.q, 2.0 * scale * values, quadratic.floor, scale)


def prepare(problem: Fit, grid: Grid, method: Method, threads: int) -> ExactPlan:
    """Take the statistics, decompose them, and compile the kernel that runs on the modes."""
    P = problem.dimension
    modes = modes_of(problem.quadratic(), problem.scale)

    def descents(controls: Controls, state: State) -> Slice:
        course, search, step = new_course(P), new_search(P), np.full(1, -1)
        return lambda budget: int(descend_by_modes(modes, controls, method, state, course, search, step, budget))

    return plan_of(problem, grid, threads, descents, _run_cost(problem, grid, method), P**2)
