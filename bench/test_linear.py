"""Loss and gradient of linear fits, at one theta: samples in cache, and 256 MB of them."""

from __future__ import annotations

from bench.works import LinearEvaluation

WORK = "linear"
GROUP = "b. loss + gradient, linear fit"
FEATURES = (2, 8, 32, 64, 128, 1024)
CASES = {
    "full": [LinearEvaluation(N, F=F) for F in FEATURES for N in (1000, (1 << 25) // F)],
    "small": [LinearEvaluation(1000, F=F) for F in (2, 32)],
}


def test_linear(compare, case):
    compare(case)
