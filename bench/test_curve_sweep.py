"""Sweeps of learning rates over a user's own model without a derivative."""

from __future__ import annotations

from bench.works import CurveSweep

WORK = "curve sweep"
GROUP = "l. a user's model, sweeps"
CASES = {
    "full": [CurveSweep(2000, 256, 500, model) for model in ("exp", "sin")],
    "small": [CurveSweep(500, 32, 50, model) for model in ("exp", "sin")],
}


def test_curve_sweep(compare, case):
    compare(case)
