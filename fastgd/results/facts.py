"""What is known of a problem beside what its descents found: what a summary or a message can tell."""

from __future__ import annotations

from dataclasses import dataclass


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
