"""Sweeps of learning rates over samples: 256 rates over few samples, 64 over many.

The 64 over samples that no cache holds are compared with the same sweep of few samples, in the same rounds: reading
each block for all rates at once should cost no more than its arithmetic does in the cache.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.measure import Series
from bench.peers import FASTGD, PEERS
from bench.works import PolynomialSweep

WORK = "polynomial sweep"
GROUP = "d. sweeps of learning rates"
CASES = {
    "full": [
        *(PolynomialSweep(N, C=256, steps=2000) for N in (30, 2000, 100_000)),
        PolynomialSweep(10_000_000, C=64, steps=100),
    ],
    "small": [
        *(PolynomialSweep(N, C=64, steps=200) for N in (30, 2000)),
        PolynomialSweep(200_000, C=64, steps=4),
    ],
}
MANY = 200_000  # samples
CACHED = "in cache"
CACHED_SAMPLES, CACHED_VISITS = 2000, 1_000_000_000


def test_sweep(compare, case):
    if case.N < MANY:
        compare(case)
        return
    visits = min(CACHED_VISITS, case.visits)
    cached = replace(case, N=CACHED_SAMPLES, steps=visits // (CACHED_SAMPLES * case.C) - 1)
    run = PEERS[WORK][FASTGD].setup(cached)
    cached.check(run())

    def relative(series: dict[str, Series]) -> dict[str, Any]:
        """Return the rates of sample visits, and the time over that of as many visits in the cache."""
        times = series[FASTGD].over(series[CACHED]).median * cached.visits / case.visits
        return {"details": {"visits/s in cache": cached.visits / series[CACHED].median, "time / in cache": times}}

    compare(case, {CACHED: run}, relative)
