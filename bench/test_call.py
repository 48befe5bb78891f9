"""What a call costs: loss and gradient of a cubic at ten samples."""

from __future__ import annotations

from bench.works import PolynomialEvaluation

WORK = "polynomial"
GROUP = "g. one call, ten samples"
CASES = {size: [PolynomialEvaluation(10, degree=3)] for size in ("full", "small")}


def test_call(compare, case):
    compare(case)
