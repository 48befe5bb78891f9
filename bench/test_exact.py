"""Exact engines: up to ten million learning rates, with and without stopping tests, at any number of samples and steps.

Each result is asserted before it is timed. `extra_info` holds the ratios: to the lesson's NumPy loop and to a NumPy
closed form per configuration, to the sweep without tests, to the shortest and the smallest sweep.
"""

from __future__ import annotations

import tracemalloc
from functools import partial
from typing import Any

import numpy as np

import fastgd
from bench.measure import interleaved

GROUP = "e. exact engines"
CONFIGURATIONS = {"full": 1_000_000, "small": 20_000}
CURVE = {"full": (1_000, 10_000, 100_000, 1_000_000, 10_000_000), "small": (1_000, 20_000)}
TESTS = {"loss_threshold": 9.0, "tolerance": 1e-7}
STOPS: dict[str, dict[str, float]] = {"without tests": {}, "with two tests": TESTS}
SEEN = 200  # configurations of each sweep of the curve that are checked
SAMPLES = {"full": (1_000, 100_000, 10_000_000), "small": (1_000, 20_000)}
STEPS = (10, 1_000, 1_000_000, 1_000_000_000)
LOOPED = 3  # configurations that the NumPy loop descends, whose time is taken per configuration
BUDGET = 2.0  # seconds


def rates(C: int) -> np.ndarray:
    return np.geomspace(1e-9, 1e-5, C)


def numpy_loop(problem: fastgd.PolynomialFit, rate: float, steps: int) -> np.ndarray:
    """Descend as the lesson does, by whole arrays."""
    x, y = problem.x, problem.y
    a, b, c, d = problem.start
    for _ in range(steps):
        r = a + b * x + c * x**2 + d * x**3 - y
        g = 2.0 * r
        a, b, c, d = (
            a - rate * g.sum(),
            b - rate * (g * x).sum(),
            c - rate * (g * x**2).sum(),
            d - rate * (g * x**3).sum(),
        )
    return np.array([a, b, c, d])


def numpy_closed_form(problem: fastgd.PolynomialFit, rate: np.ndarray, steps: int) -> tuple[np.ndarray, ...]:
    """Return theta (C, P), loss (C,) and status (C,) of all rates at once, by the Hessian's eigenvectors."""
    A = np.vander(problem.x, 4, increasing=True)
    values, vectors = np.linalg.eigh(2.0 * A.T @ A)
    least = np.linalg.lstsq(A, problem.y)[0]
    floor, start = np.sum((A @ least - problem.y) ** 2), vectors.T @ (problem.start - least)
    with np.errstate(over="ignore", invalid="ignore"):
        modes = (1.0 - rate[:, None] * values) ** steps * start
        loss = floor + 0.5 * (modes**2) @ values
        theta = least + modes @ vectors.T
    first = floor + 0.5 * values @ start**2
    status = np.where(~(loss <= 1e200), -1, np.where(loss > first, -2, 0))
    return theta, loss, status


def sweep(problem: fastgd.PolynomialFit, C: int, **how: Any) -> fastgd.SweepResult:
    return fastgd.sweep(problem, learning_rate=rates(C), **{"max_steps": 2000, "engine": "spectral"} | how)


def test_million_rates(listed, size):
    problem, C = fastgd.examples.sine(), CONFIGURATIONS[size]
    result = sweep(problem, C)
    theta, loss, status = numpy_closed_form(problem, rates(C), 2000)
    stable = rates(C) < 0.99 * problem.spectrum().max_learning_rate
    np.testing.assert_allclose(result.theta[stable], theta[stable], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(result.loss[stable], loss[stable], rtol=1e-9)
    assert np.mean(result.status == status) > 0.9999  # at the limit itself rounding decides
    looped = np.linspace(0, np.flatnonzero(stable)[-1], LOOPED).astype(int)
    for c in looped:
        np.testing.assert_allclose(result.theta[c], numpy_loop(problem, rates(C)[c], 2000), rtol=1e-9, atol=1e-9)

    sweep(problem, C, **TESTS)  # a kernel of its own is compiled
    tracemalloc.start()
    sweep(problem, C)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    series = interleaved(
        {
            "fastgd": lambda: sweep(problem, C),
            "fastgd, two tests": lambda: sweep(problem, C, **TESTS),
            "NumPy closed form": lambda: numpy_closed_form(problem, rates(C), 2000),
            "NumPy loop, one configuration": lambda: numpy_loop(problem, 1e-6, 2000),
        },
        BUDGET,
    )
    own = series["fastgd"].median
    found = {
        "case": f"{C:,} learning rates",
        "seconds": own,
        "run phase, seconds": sweep(problem, C).timing.run,
        "NumPy loop / fastgd, per configuration": series["NumPy loop, one configuration"].median * C / own,
        "NumPy closed form / fastgd": series["NumPy closed form"].median / own,
        "with two tests / without": series["fastgd, two tests"].median / own,
        "configurations a second with two tests": C / series["fastgd, two tests"].median,
        "peak bytes a configuration": peak / C,
    }
    listed(lambda: sweep(problem, C), found, own)


def test_curve(listed, size):
    """Configurations a second by their number, with and without stopping tests."""
    problem, found = fastgd.examples.sine(), {name: {} for name in STOPS}
    for C in CURVE[size]:
        some = np.linspace(0, C - 1, SEEN).astype(int)
        last: dict[str, fastgd.SweepResult] = {}

        def run(name: str, C: int = C, last: dict[str, fastgd.SweepResult] = last) -> None:
            last[name] = sweep(problem, C, **STOPS[name])

        for name, one in interleaved({name: partial(run, name) for name in STOPS}, BUDGET / 4.0).items():
            found[name][C] = C / one.median
            walked = fastgd.sweep(
                problem, learning_rate=rates(C)[some], max_steps=2000, engine="moments", **STOPS[name]
            )
            finite = walked.status != fastgd.Status.DIVERGED
            np.testing.assert_array_equal(last[name].status[some], walked.status)
            np.testing.assert_array_equal(last[name].steps[some][finite], walked.steps[finite])
            np.testing.assert_allclose(last[name].loss[some][finite], walked.loss[finite], rtol=1e-9)
    largest = CURVE[size][-2]
    listed(
        lambda: sweep(problem, largest),
        {"case": "learning rates of a cubic", "configurations/s by number of configurations": found},
        largest / found["without tests"][largest],
    )


def test_stops_equal_steps_taken_one_by_one(size):
    """The stopping tests that are timed above, against the engine that takes every step."""
    problem, how = fastgd.examples.sine(), TESTS
    jumped, walked = (sweep(problem, 2000, engine=engine, **how) for engine in ("spectral", "moments"))
    assert len(np.unique(jumped.status)) >= 3
    overflow = jumped.status == fastgd.Status.DIVERGED
    np.testing.assert_array_equal(jumped.status, walked.status)
    np.testing.assert_array_equal(jumped.steps[~overflow], walked.steps[~overflow])


def test_time_does_not_depend_on_samples_or_steps(listed, size):
    C = CONFIGURATIONS[size] // 4
    problems = {}
    for N in SAMPLES[size]:
        x = np.linspace(-np.pi, np.pi, N)
        problems[N] = fastgd.PolynomialFit(x, np.sin(x), degree=3)
        problems[N].quadratic()
    learning_rate = problems[SAMPLES[size][0]].spectrum().max_learning_rate * np.linspace(0.0, 0.99, C)

    def run_seconds(N: int, steps: int) -> float:
        runs = [
            fastgd.sweep(problems[N], learning_rate=learning_rate, max_steps=steps, engine="spectral").timing.run
            for _ in range(5)
        ]
        return float(np.median(runs)) / C

    samples = {N: run_seconds(N, 2000) for N in SAMPLES[size]}
    steps = {t: run_seconds(SAMPLES[size][0], t) for t in STEPS}
    for t in STEPS[:2]:
        walked = fastgd.sweep(
            problems[SAMPLES[size][0]], learning_rate=learning_rate[:: C // 50], max_steps=t, engine="samples"
        )
        jumped = fastgd.sweep(
            problems[SAMPLES[size][0]], learning_rate=learning_rate[:: C // 50], max_steps=t, engine="spectral"
        )
        np.testing.assert_allclose(jumped.loss, walked.loss, rtol=1e-9)
    found = {
        "case": f"{C:,} configurations",
        "ns a configuration by samples": {N: 1e9 * seconds for N, seconds in samples.items()},
        "ns a configuration by steps": {t: 1e9 * seconds for t, seconds in steps.items()},
        "slowest / fastest by samples": max(samples.values()) / min(samples.values()),
        "slowest / fastest by steps": max(steps.values()) / min(steps.values()),
    }
    listed(lambda: sweep(problems[SAMPLES[size][0]], C), found, C * steps[STEPS[1]])
