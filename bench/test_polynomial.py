"""Loss and gradient of polynomial fits, at one theta: from launches and calls to the bandwidth of memory."""

from __future__ import annotations

from bench.works import PolynomialEvaluation

WORK = "polynomial"
GROUP = "a. loss + gradient, polynomial"
DEGREES = (1, 3, 5, 9, 15)
CASES = {
    "full": [
        *(PolynomialEvaluation(N, degree=degree) for N in (1000, 10_000, 100_000) for degree in DEGREES),
        PolynomialEvaluation(1_000_000, degree=3),
        PolynomialEvaluation(10_000_000, degree=3),
        *(PolynomialEvaluation(20_000_000, degree=degree) for degree in DEGREES),
    ],
    "small": [PolynomialEvaluation(N, degree=degree) for N in (1000, 100_000) for degree in (1, 3, 9)],
}


def test_polynomial(compare, case):
    compare(case)
