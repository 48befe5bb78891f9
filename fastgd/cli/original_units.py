"""Starts and results in original parameters, where descents run in standardised coordinates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.problems.problem import Problem
from fastgd.problems.standardized import Standardized
from fastgd.results.sweep_result import SweepResult

Array = NDArray[np.float64]


def in_coordinates(problem: Problem, keywords: dict[str, Any]) -> dict[str, Any]:
    """Return keywords of `sweep` with starts in a problem's coordinates; they are original."""
    if not isinstance(problem, Standardized) or "theta0" not in keywords:
        return keywords
    return keywords | {"theta0": problem.standard(keywords["theta0"])}


def in_original_units(result: SweepResult, problem: Problem, theta0: ArrayLike | None) -> SweepResult:
    """Return a sweep's result with original parameters; `theta0` are its starts as they were given, if they were."""
    if not isinstance(problem, Standardized):
        return result

    def original(theta: Array) -> Array:
        return problem.original(theta.reshape(-1, problem.dimension)).reshape(theta.shape)

    starts = original(result.grid.starts) if theta0 is None else np.reshape(theta0, result.grid.starts.shape)
    axes = result.axes | ({"start": starts} if "start" in result.axes else {})
    trajectory = result.trajectory
    return replace(
        result,
        theta=original(result.theta),
        trajectory=None if trajectory is None else replace(trajectory, theta=original(trajectory.theta)),
        grid=replace(result.grid, starts=starts, axes=axes),
    )
