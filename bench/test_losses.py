"""Sweeps of robust losses: what they cost beside the squared loss, and JAX's jit(vmap(scan)) beside them.

Each result is asserted before it is timed, against a NumPy loop over a few configurations and against JAX, where it is
there. JAX does a part of the steps, and its time is scaled up from them. `extra_info` holds the rates of sample visits
relative to the squared loss in the same rounds, and JAX's time over fastgd's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastgd
from bench.measure import interleaved
from bench.peers import Missing, jax_vmap
from bench.works import PolynomialSweep, powers

GROUP = "h. losses of residuals"
CASES = {"full": [PolynomialSweep(2000, C=256, steps=2000)], "small": [PolynomialSweep(2000, C=64, steps=100)]}
LOSSES: dict[str, Any] = {"squared": "squared", "Huber": fastgd.Huber(1.0), "log-cosh": fastgd.LogCosh()}
SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "squared": lambda r: 2.0 * r,
    "Huber": lambda r: np.clip(r, -1.0, 1.0),
    "log-cosh": np.tanh,
}
IN_JAX = {"squared": jax_vmap.squared, "Huber": jax_vmap.huber, "log-cosh": jax_vmap.log_cosh}
JAX_VISITS = 15_000_000
LOOPED = 3  # configurations that the NumPy loop descends
BUDGET = {"full": 3.0, "small": 1.0}  # seconds


class Outliers:
    """A sweep with other targets, as the JAX peer takes it."""

    def __init__(self, case: PolynomialSweep, y: np.ndarray) -> None:
        self.x, self.y, self.rates, self.P, self.N = case.x, y, case.rates, case.P, case.N
        self.C, self.steps = case.C, case.steps


def sweep(problem: fastgd.PolynomialFit, case: PolynomialSweep) -> fastgd.SweepResult:
    return fastgd.sweep(problem, learning_rate=case.rates, max_steps=case.steps, engine="samples")


def assert_equals_loop(result: fastgd.SweepResult, case: Outliers, slope: Callable[..., np.ndarray]) -> None:
    """Compare some configurations with whole-array descents."""
    A = powers(case.x, case.P)
    for c in np.linspace(0, case.C - 1, LOOPED).astype(int):
        theta = np.zeros(case.P)
        for _ in range(case.steps):
            theta = theta - case.rates[c] * (slope(A @ theta - case.y) @ A) / case.N
        np.testing.assert_allclose(result.theta[c], theta, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("outliers", [0.0, 0.1], ids=["noise", "outliers"])
def test_losses(listed, size, case, outliers):
    x, y = case.x, case.y + 10.0 * (np.random.default_rng(0).uniform(size=case.N) < outliers)
    problems = {name: fastgd.PolynomialFit(x, y, case.degree, loss=loss) for name, loss in LOSSES.items()}
    runs: dict[str, Callable[[], Any]] = {}
    missing = ""
    part = case.reduced(JAX_VISITS, 1 << 62, "steps")
    for name, problem in problems.items():
        assert_equals_loop(sweep(problem, case), Outliers(case, y), SLOPES[name])
        runs[name] = lambda problem=problem: sweep(problem, case)
        try:
            jax = jax_vmap.polynomial_sweep(Outliers(part, y), rho=IN_JAX[name])
        except Missing as reason:
            missing = str(reason)
            continue
        theta, loss = map(np.asarray, jax())
        found = sweep(problem, part)
        np.testing.assert_allclose(found.theta, theta, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.loss, loss, rtol=1e-12)
        runs[f"JAX, {name}"] = jax

    series = interleaved(runs, BUDGET[size])
    share = part.visits / case.visits
    seconds = {name: value.median / (share if "JAX" in name else 1.0) for name, value in series.items()}
    found: dict[str, Any] = {"case": f"{case}, {outliers:.0%} outliers", "done": {"visits": case.visits}}
    found["visits a second"] = {name: case.visits / seconds[name] for name in LOSSES}
    others = [name for name in LOSSES if name != "squared"]
    found |= {f"{name}, rate / squared": series["squared"].over(series[name]).median for name in others}
    found["spread"] = {name: series[name].spread for name in LOSSES}
    if missing:
        found["JAX"] = missing
    else:
        found["JAX / fastgd"] = {name: seconds[f"JAX, {name}"] / seconds[name] for name in LOSSES}
        found["done"]["part in JAX"] = share
    listed(runs["log-cosh"], found, seconds["log-cosh"])
