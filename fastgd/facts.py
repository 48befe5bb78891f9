"""What is known of a problem beside what its descents found: what a summary or a message can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastgd.fit import Fit
from fastgd.kernels.codes import LOSS_ROUNDING
from fastgd.losses import ResidualLoss
from fastgd.problems import Objective, Problem

if TYPE_CHECKING:
    from fastgd.spectrum import Spectrum


@dataclass(frozen=True)
class Facts:
    """What may be said of a problem.

    Attributes
    ----------
    least_loss : float or None
        The least squared loss; None if it is not known.
    loss_rounding : float
        What rounding may change a loss near the least one by.
    refusal : str
        Why there is no curvature where the loss has one: data beyond float64.
    check : str
        What tells whether the user's own derivative is right; empty if there is none.
    """

    least_loss: float | None = None
    loss_rounding: float = 0.0
    refusal: str = ""
    check: str = ""

    @classmethod
    def of(cls, problem: Problem, spectrum: Spectrum | None, refusal: str) -> Facts:
        """Gather what is known; with the spectrum of a squared loss its statistics are there too."""
        if isinstance(problem, Objective):
            return cls(check="check_gradient()")
        if not isinstance(problem, Fit):
            return cls()
        if isinstance(problem.residual_loss, ResidualLoss):
            return cls(refusal=refusal, check="the loss's check()")
        if spectrum is None or not problem.is_squared:
            return cls(refusal=refusal)
        quadratic = problem.quadratic()
        try:
            least = problem.scale * quadratic.least
        except OverflowError:  # of parameters of the minimum
            return cls()
        return cls(least, LOSS_ROUNDING * (least + problem.scale * quadratic.size))
