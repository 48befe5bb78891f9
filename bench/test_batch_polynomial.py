"""Loss and gradient of polynomial fits at 64 thetas, in one pass over the samples."""

from __future__ import annotations

from bench.works import PolynomialEvaluation

WORK = "polynomial batch"
GROUP = "c. 64 thetas, polynomial"
CASES = {
    "full": [PolynomialEvaluation(N, thetas=64, degree=3) for N in (1000, 100_000, 10_000_000)],
    "small": [PolynomialEvaluation(10_000, thetas=64, degree=3)],
}


def test_batch_polynomial(compare, case):
    compare(case)
