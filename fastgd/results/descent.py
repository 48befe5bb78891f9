"""What a descent returns, as users see it: its outcome, its trajectory, and their pictures."""

from __future__ import annotations

from dataclasses import dataclass

from fastgd.results.outcomes import Run
from fastgd.results.plots.accessor import DescentPlots


@dataclass(frozen=True, eq=False, repr=False)
class Descent(Run):
    """One run: an outcome with its trajectory and timing.

    Attributes
    ----------
    trajectory : Trajectory or None
        States at t = 0, k, 2k, ... and always the final one; None if nothing was recorded.
    timing : Timing
    parameters : tuple of str
        Their names. Like the timing they do not count where two are compared.
    plot : DescentPlots
        Its pictures: `run.plot.loss()`.
    """

    @property
    def plot(self) -> DescentPlots:
        """Its pictures, each a method that returns the axes."""
        return DescentPlots(self)
