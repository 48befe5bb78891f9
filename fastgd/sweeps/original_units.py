"""Parameters and results of a fit in standardised coordinates, in original units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from fastgd.check import Array
from fastgd.problems.linear_model import Standardized
from fastgd.problems.problem import Problem
from fastgd.results.sweep_result import SweepResult
from fastgd.sweeps.portraits import portrait_in_original_units


def original(problem: Problem, theta: Array) -> Array:
    """Return thetas (..., P) of a problem in original parameters."""
    if not isinstance(problem, Standardized):
        return theta
    return problem.original(theta.reshape(-1, problem.dimension)).reshape(theta.shape)


def in_original_units(result: SweepResult, problem: Problem, theta0: ArrayLike | None) -> SweepResult:
    """Return a sweep's result with original parameters; `theta0` are its starts as they were given, if they were."""
    if not isinstance(problem, Standardized):
        return result
    grid = result.grid
    starts = original(problem, grid.starts) if theta0 is None else np.reshape(theta0, grid.starts.shape)
    axes = grid.axes | ({"start": starts} if "start" in grid.axes else {})
    trajectory = result.trajectory
    return result.replaced(
        theta=original(problem, result.theta),
        trajectory=trajectory and replace(trajectory, theta=original(problem, trajectory.theta)),
        grid=replace(grid, starts=starts, axes=axes),
        portrait=portrait_in_original_units(problem, result.portrait),
    )
