"""How speed goes with the number of parameters, with threads, and with the storage of the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastgd
from bench.limits import ARITHMETIC, Probe
from bench.measure import interleaved
from bench.works import PolynomialEvaluation, PolynomialSweep
from fastgd.kernels.problems.polynomial import BLOCK_LENGTH

GROUP = "j. scaling"
PARAMETERS = range(1, 33)
THETAS = {"full": 256, "small": 32}  # at one block of samples, which is summed on the calling thread
BUDGET = {"full": 4.0, "small": 1.0}  # seconds
NOISE = 0.03
SWEPT = {"full": PolynomialSweep(2000, C=256, steps=2000), "small": PolynomialSweep(2000, C=64, steps=100)}
STORED = {"full": 20_000_000, "small": 1_000_000}


def test_parameters(listed, limits, size):
    """No number of parameters may be slower per sample than two more: a loop was not unrolled."""
    C, runs = THETAS[size], {}
    for P in PARAMETERS:
        case = PolynomialEvaluation(BLOCK_LENGTH, thetas=C, degree=P - 1)
        problem, thetas = fastgd.PolynomialFit(case.x, case.y, degree=case.degree), case.theta
        runs[P] = lambda problem=problem, thetas=thetas: problem.loss_and_gradient(thetas)
        case.check(runs[P]())
    arithmetic = Probe(ARITHMETIC, threads=1)
    series = interleaved(runs | {ARITHMETIC: limits.run_of(arithmetic)}, BUDGET[size])
    visits = BLOCK_LENGTH * C
    of_peak = {
        P: limits.amount(arithmetic, 4 * P * visits, 0) * series[ARITHMETIC].over(series[P]).median for P in PARAMETERS
    }
    slower = []
    for P in PARAMETERS[:-2]:
        times = series[P].over(series[P + 2]).seconds
        if np.median(times) > 1.0 + NOISE and np.percentile(times, 25) > 1.0:  # in most rounds
            slower.append(P)
    found = {
        "case": f"polynomials, one thread, {C} thetas at {BLOCK_LENGTH:,} samples in cache",
        "slower per sample than P + 2": slower,
        "by parameters P": {
            "10^9 samples/s": {P: visits / series[P].median / 1e9 for P in PARAMETERS},
            "of FMA peak": of_peak,
        },
    }
    listed(runs[PARAMETERS[-1]], found, series[PARAMETERS[-1]].median)


def test_threads(listed, size):
    """What a second thread brings where only arithmetic counts."""
    case = SWEPT[size]
    problem = fastgd.PolynomialFit(case.x, case.y, degree=case.degree)
    most = fastgd.roofline().threads

    def sweep(threads: int) -> tuple[np.ndarray, np.ndarray]:
        result = fastgd.sweep(
            problem, learning_rate=case.rates, max_steps=case.steps, engine="samples", threads=threads
        )
        return result.theta, result.loss

    runs = {threads: (lambda threads=threads: sweep(threads)) for threads in sorted({1, most})}
    for run in runs.values():
        case.check(run())
    series = interleaved(runs, BUDGET[size] / 2.0)
    found = {
        "case": str(case),
        "visits/s by threads": {threads: case.visits / one.median for threads, one in series.items()},
        f"{most} threads / 1": series[1].over(series[most]).median,
    }
    listed(runs[most], found, series[most].median)


def test_storage(listed, size):
    """What half the bytes bring where only reading counts."""
    runs: dict[str, Any] = {}
    for dtype in ("float32", "float64"):
        case = PolynomialEvaluation(STORED[size], degree=3, dtype=dtype)
        problem, theta = fastgd.PolynomialFit(case.x, case.y, degree=3), case.theta
        runs[dtype] = lambda problem=problem, theta=theta: problem.loss_and_gradient(theta)
        case.check(runs[dtype]())
    series = interleaved(runs, BUDGET[size] / 3.0)
    found = {
        "case": f"loss + gradient, degree 3, N {case.N:,}",
        "samples/s by storage": {dtype: case.N / one.median for dtype, one in series.items()},
        "float32 / float64": series["float64"].over(series["float32"]).median,
    }
    listed(runs["float32"], found, series["float32"].median)
