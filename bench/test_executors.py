"""A sweep by two processes of an executor beside one by two threads of this process."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

import fastgd
from bench.measure import interleaved
from bench.works import PolynomialSweep

GROUP = "n. executors"
SWEPT = {"full": PolynomialSweep(2000, C=256, steps=2000), "small": PolynomialSweep(2000, C=64, steps=100)}
BUDGET = {"full": 12.0, "small": 1.0}  # seconds
WORKERS = 2


def test_two_processes(listed, size):
    """Processes that have started, and know the problem's kernels."""
    case = SWEPT[size]
    problem = fastgd.PolynomialFit(case.x, case.y, degree=case.degree)

    def sweep(**how: object) -> tuple[np.ndarray, np.ndarray]:
        result = fastgd.sweep(problem, learning_rate=case.rates, max_steps=case.steps, engine="samples", **how)
        return result.theta, result.loss

    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        runs = {"threads": lambda: sweep(threads=WORKERS), "processes": lambda: sweep(executor=pool)}
        for run in runs.values():
            case.check(run())
        series = interleaved(runs, BUDGET[size])
        found = {
            "case": str(case),
            "visits/s": {name: case.visits / one.median for name, one in series.items()},
            f"{WORKERS} processes / {WORKERS} threads, time": series["processes"].over(series["threads"]).median,
        }
        listed(runs["processes"], found, series["processes"].median)
