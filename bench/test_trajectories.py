"""What configurations cost that differ only in where they stop: nearly nothing beside the trajectory they share.

`extra_info` holds their time over that of the learning rates at the longest limit, without a test, in the same rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastgd
from bench.measure import interleaved

GROUP = "i. configurations that differ in where they stop"
STEPS = {"full": 1000, "small": 100}
CASES = {size: [steps] for size, steps in STEPS.items()}
BUDGET = {"full": 3.0, "small": 1.0}  # seconds
RATES = np.geomspace(1e-3, 0.5, 32)
WATCHERS = 50


@pytest.fixture(scope="module")
def problem() -> fastgd.PolynomialFit:
    x = np.linspace(-1.0, 1.0, 2000)
    return fastgd.PolynomialFit(x, np.sin(3.0 * x) + 0.1 * np.cos(40.0 * x), 3, loss=fastgd.Huber(0.1))


def test_watchers(listed, size, case, problem):
    watched: dict[str, Any] = {
        "step limits": {"max_steps": np.linspace(case / WATCHERS, case, WATCHERS).astype(int)},
        "thresholds": {"max_steps": case, "loss_threshold": np.geomspace(1e-9, 1e-1, WATCHERS)},
        "tolerances": {"max_steps": case, "tolerance": np.geomspace(1e-15, 1e-4, WATCHERS)},
    }
    alone = fastgd.sweep(problem, learning_rate=RATES, max_steps=case)
    runs: dict[str, Callable[[], Any]] = {"alone": lambda: fastgd.sweep(problem, learning_rate=RATES, max_steps=case)}
    for name, how in watched.items():
        result = fastgd.sweep(problem, learning_rate=RATES, **how)
        assert result.timing.trajectories == RATES.size
        assert result.timing.evaluations == alone.timing.evaluations
        last = np.argmax(result.steps, axis=1)[:, None]
        np.testing.assert_array_equal(np.take_along_axis(result.loss, last, 1)[:, 0], alone.loss)
        for index in [(0, 0), (7, 20), (31, 49)]:
            own = fastgd.descend(problem, **result.outcome(index).configuration, record_every=None)
            assert (own.loss, own.steps) == (result.loss[index], result.steps[index])
        runs[name] = lambda how=how: fastgd.sweep(problem, learning_rate=RATES, **how)
    series = interleaved(runs, BUDGET[size])
    found: dict[str, Any] = {
        "case": f"Huber, N 2,000, 32 rates x {case:,} steps x {WATCHERS} watchers",
        "done": {"evaluations": alone.timing.evaluations},
    }
    found |= {f"{name} / alone": series[name].over(series["alone"]).median for name in watched}
    found["spread"] = {name: value.spread for name, value in series.items()}
    listed(runs["alone"], found, series["alone"].median)
