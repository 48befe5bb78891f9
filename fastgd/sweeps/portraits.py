"""What a result keeps of its problem, to be drawn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from fastgd.check import Array
from fastgd.least_squares import doubled
from fastgd.least_squares.quadratic import Quadratic
from fastgd.problems.linear_model import LinearModel, Standardized
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.results.portrait import MOST_STARTS, Modes, Portrait, samples_of


def portrait_of(problem: Problem, grid: Grid, *, with_modes: bool) -> Portrait:
    """Return some samples of a curve and, if its statistics were taken, the modes of a squared loss."""
    if not with_modes:
        return Portrait(samples_of(problem))
    fit = cast(LinearModel, problem)
    return Portrait(samples_of(fit), partial(_modes_of, fit.quadratic(), fit.scale, grid.starts[:MOST_STARTS]))


def _modes_of(quadratic: Quadratic, scale: float, starts: Array) -> Modes:
    left, values, right = quadratic.decomposition()
    residuals = doubled.ordered_product(quadratic.residuals(starts), left)
    steepness = 2.0 * scale * values
    return Modes(
        eigenvalues=steepness * values,
        directions=right.T,
        slopes=steepness * residuals,
        losses=scale * residuals**2,
        floor=float(scale * quadratic.least),
    )


def portrait_in_original_units(problem: Standardized, portrait: Portrait) -> Portrait:
    """Return the portrait of a fit in standardised coordinates, in original ones: theta is an affine map away."""
    samples = portrait.samples
    if samples is not None:
        samples = replace(samples, x=problem.features[0].inverse.coordinate(samples.x))
    return Portrait(samples, partial(_in_original_units, problem, portrait))


def _in_original_units(problem: Standardized, portrait: Portrait) -> Modes | None:
    if portrait.modes is None:
        return None
    unmoved = problem.original(np.zeros(problem.dimension))
    return replace(portrait.modes, directions=(problem.original(portrait.modes.directions.T) - unmoved).T)
