"""Gathering what is known of a problem beside what its descents found."""

from __future__ import annotations

from fastgd.descent.codes import LOSS_ROUNDING
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems.fit import Fit
from fastgd.problems.losses import ResidualLoss
from fastgd.problems.problem import Objective, Problem
from fastgd.results.facts import Facts


def facts_of(problem: Problem, spectrum: Spectrum | None, refusal: str) -> Facts:
    """Gather what is known; with the spectrum of a squared loss its statistics are there too."""
    if isinstance(problem, Objective):
        return Facts(check="check_gradient()")
    if not isinstance(problem, Fit):
        return Facts()
    if isinstance(problem.residual_loss, ResidualLoss):
        return Facts(refusal=refusal, check="the loss's check()")
    if spectrum is None or not problem.is_squared:
        return Facts(refusal=refusal)
    quadratic = problem.quadratic()
    try:
        least = problem.scale * quadratic.least
    except OverflowError:  # of parameters of the minimum
        return Facts()
    return Facts(least, LOSS_ROUNDING * (least + problem.scale * quadratic.size))
