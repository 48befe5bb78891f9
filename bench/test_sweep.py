"""Sweeps of learning rates over samples: 256 rates over few samples, 64 over many."""

from __future__ import annotations

from bench.works import PolynomialSweep

WORK = "polynomial sweep"
GROUP = "d. sweeps of learning rates"
CASES = {
    "full": [
        *(PolynomialSweep(N, C=256, steps=2000) for N in (30, 2000, 100_000)),
        PolynomialSweep(10_000_000, C=64, steps=3),
    ],
    "small": [PolynomialSweep(30, C=64, steps=200), PolynomialSweep(2000, C=64, steps=200)],
}


def test_sweep(compare, case):
    compare(case)
