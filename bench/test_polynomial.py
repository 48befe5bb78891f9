"""Loss and gradient of polynomial fits, at one theta: from launches and calls to the bandwidth of memory."""

from __future__ import annotations

from bench.works import PolynomialEvaluation

WORK = "polynomial"
GROUP = "a. loss + gradient, polynomial"
DEGREES = (1, 3, 5, 9, 15)
OUT_OF_CACHE = 20_000_000
CASES = {
    "full": [
        *(PolynomialEvaluation(N, degree=degree) for N in (1000, 100_000, OUT_OF_CACHE) for degree in DEGREES),
        *(PolynomialEvaluation(N, degree=3) for N in (10_000, 1_000_000, 10_000_000, 100_000_000)),
        *(PolynomialEvaluation(OUT_OF_CACHE, degree=degree, dtype="float32") for degree in DEGREES),
        *(PolynomialEvaluation(N, degree=3, dtype="float32") for N in (100_000, 1_000_000, 100_000_000)),
    ],
    "small": [
        *(PolynomialEvaluation(N, degree=degree) for N in (1000, 100_000) for degree in (1, 3, 9)),
        PolynomialEvaluation(100_000, degree=3, dtype="float32"),
    ],
}


def test_polynomial(compare, case):
    compare(case)
