"""Loss and gradient of linear fits at 64 thetas, in one pass over the samples."""

from __future__ import annotations

from bench.works import LinearEvaluation

WORK = "linear batch"
GROUP = "c. 64 thetas, linear fit"
CASES = {
    "full": [LinearEvaluation(N, thetas=64, F=F) for F, N in ((8, 100_000), (128, 10_000), (128, 200_000))],
    "small": [LinearEvaluation(2000, thetas=64, F=32)],
}


def test_batch_linear(compare, case):
    compare(case)
