"""Fits of a user's own model without a derivative: one loss and gradient, and sweeps over learning rates."""

from __future__ import annotations

from bench.works import CurveEvaluation

WORK = "curve"
GROUP = "k. a user's model, loss + gradient"
CASES = {
    "full": [CurveEvaluation(1_000_000, model) for model in ("exp", "sin")],
    "small": [CurveEvaluation(100_000, model) for model in ("exp", "sin")],
}


def test_curve(compare, case):
    compare(case)
