"""The ruler itself: the roofline's probes beside what else reads memory and multiplies, on the same arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastgd
from bench.limits import ARITHMETIC, MEMORY, Probe
from bench.measure import interleaved
from bench.peers import Missing, c_openmp, numba_plain

GROUP = "k. the ruler"
SQUARE = {"full": 2000, "small": 500}
BUDGET = {"full": 3.0, "small": 0.5}  # seconds


def test_read_probe(listed, limits, size):
    a, b = limits.a, limits.b
    others: dict[str, Any] = {"Numba": lambda: numba_plain.dot(a, b), "NumPy BLAS": lambda: a @ b}
    missing = {}
    try:
        others["C"] = c_openmp.dot(a, b)
    except Missing as reason:
        missing["C"] = str(reason)
    expected = 0.5 * a.size
    for run in others.values():
        assert run() == pytest.approx(expected, rel=1e-12)
    memory = limits.memory(fastgd.roofline().threads)
    series = interleaved({MEMORY: limits.run_of(memory), **others}, BUDGET[size])
    best = min(series[name].over(series[MEMORY]).median for name in others)
    found = {
        "case": f"reading two arrays of {a.nbytes / 2**20:,.0f} MiB",
        "GB/s": {name: (a.nbytes + b.nbytes) / one.median / 1e9 for name, one in series.items()},
        "probe / best other": best,
        **missing,
    }
    listed(others["Numba"], found, series["Numba"].median)


def test_multiply_add_probe(listed, limits, size):
    n = SQUARE[size]
    A = np.random.default_rng(0).standard_normal((n, n))
    product = A @ A
    some = np.arange(0, n, n // 5)
    expected = [[np.sum(A[i] * A[:, j]) for j in range(n)] for i in some]
    np.testing.assert_allclose(product[some], expected, rtol=0.0, atol=1e-13 * n)
    arithmetic = Probe(ARITHMETIC, fastgd.roofline().threads)
    series = interleaved({ARITHMETIC: limits.run_of(arithmetic), "dgemm": lambda: A @ A}, BUDGET[size])
    probe = 1.0 / limits.amount(arithmetic, 2 * n**3, 0)  # flops of a probe, over those of a product
    found = {
        "case": f"multiply-adds, and dgemm of {n} x {n}",
        "GFLOP/s": {
            "probe": 2 * n**3 * probe / series[ARITHMETIC].median / 1e9,
            "dgemm": 2 * n**3 / series["dgemm"].median / 1e9,
        },
        "probe / dgemm": series["dgemm"].over(series[ARITHMETIC]).median * probe,
    }
    listed(lambda: A @ A, found, series["dgemm"].median)
