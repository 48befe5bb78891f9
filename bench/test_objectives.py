"""A user's objective of several parameters, whose gradient makes an array, beside the loop that one would type by hand.

`extra_info` holds the loop's time over fastgd's in the same rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import fastgd
from bench.measure import interleaved

GROUP = "j. a user's objective of several parameters"
P = 5
CASES = {"full": [(50_000, 100)], "small": [(2_000, 20)]}  # learning rates, steps
BUDGET = {"full": 3.0, "small": 1.0}  # seconds


def rosenbrock(theta):
    total = 0.0
    for k in range(P - 1):
        total += 100.0 * (theta[k + 1] - theta[k] ** 2) ** 2 + (1.0 - theta[k]) ** 2
    return total


def rosenbrock_gradient(theta):
    slopes = np.zeros(P)
    for k in range(P - 1):
        bend = theta[k + 1] - theta[k] ** 2
        slopes[k] += -400.0 * theta[k] * bend - 2.0 * (1.0 - theta[k])
        slopes[k + 1] += 200.0 * bend
    return slopes


@numba.njit(nogil=True, parallel=True)
def by_hand(rates, steps, theta_out, loss_out):
    """Descend from zeros at each rate."""
    for c in numba.prange(rates.size):
        theta = np.zeros(P)
        slopes = np.zeros(P)
        for t in range(steps + 1):
            loss = 0.0
            slopes[:] = 0.0
            for k in range(P - 1):
                bend = theta[k + 1] - theta[k] ** 2
                loss += 100.0 * bend**2 + (1.0 - theta[k]) ** 2
                slopes[k] += -400.0 * theta[k] * bend - 2.0 * (1.0 - theta[k])
                slopes[k + 1] += 200.0 * bend
            if t == steps or not math.isfinite(loss):
                break
            for k in range(P):
                theta[k] -= rates[c] * slopes[k]
        theta_out[c] = theta
        loss_out[c] = loss


def test_rosenbrock(listed, size, case):
    C, steps = case
    rates = np.geomspace(1e-6, 1e-3, C)
    problem = fastgd.Objective(rosenbrock, rosenbrock_gradient, dimension=P)
    derived = fastgd.Objective(rosenbrock, dimension=P)
    theta = np.empty((C, P))
    loss = np.empty(C)
    by_hand(rates, steps, theta, loss)
    result = fastgd.sweep(problem, learning_rate=rates, max_steps=steps)
    assert (result.steps == steps).all()
    np.testing.assert_allclose(result.theta, theta, rtol=1e-11)
    np.testing.assert_allclose(result.loss, loss, rtol=1e-10)
    np.testing.assert_allclose(fastgd.sweep(derived, learning_rate=rates, max_steps=steps).loss, loss, rtol=1e-10)
    runs: dict[str, Callable[[], Any]] = {
        "fastgd": lambda: fastgd.sweep(problem, learning_rate=rates, max_steps=steps),
        "fastgd, derived": lambda: fastgd.sweep(derived, learning_rate=rates, max_steps=steps),
        "Numba": lambda: by_hand(rates, steps, theta, loss),
    }
    series = interleaved(runs, BUDGET[size])
    found: dict[str, Any] = {
        "case": f"Rosenbrock, P {P}, {C:,} rates x {steps} steps",
        "done": {"evaluations": C * (steps + 1)},
        "Numba by hand / fastgd": series["Numba"].over(series["fastgd"]).median,
        "Numba by hand / fastgd without a gradient": series["Numba"].over(series["fastgd, derived"]).median,
        "spread": {name: value.spread for name, value in series.items()},
    }
    listed(runs["fastgd"], found, series["fastgd"].median)
