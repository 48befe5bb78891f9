"""NumPy as the lessons write it: powers by **, sums by np.sum, one step of one configuration after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.peers.missing import Missing
from bench.works import DartSweep, PolynomialEvaluation, PolynomialSweep


def loss_and_gradient(x: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean squared error and its gradient."""
    residual = -y
    for k, coefficient in enumerate(theta):
        residual = residual + coefficient * x**k
    gradient = np.array([2.0 * np.sum(residual * x**k) for k in range(len(theta))])
    return np.sum(residual**2) / len(x), gradient / len(x)


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    if case.dtype != "float64":
        raise Missing(f"powers of {case.dtype} samples are {case.dtype} in NumPy")
    x, y, theta = case.x, case.y, case.theta
    if theta.ndim == 1:
        return lambda: loss_and_gradient(x, y, theta)

    def each() -> tuple[np.ndarray, np.ndarray]:
        losses, gradients = zip(*(loss_and_gradient(x, y, one) for one in theta), strict=True)
        return np.array(losses), np.array(gradients)

    return each


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    x, y, rates = case.x, case.y, case.rates

    def descend(rate: float) -> tuple[np.ndarray, float]:
        theta = np.zeros(case.P)
        for _ in range(case.steps):
            theta = theta - rate * loss_and_gradient(x, y, theta)[1]
        return theta, loss_and_gradient(x, y, theta)[0]

    def run() -> tuple[np.ndarray, ...]:
        thetas, losses = zip(*(descend(rate) for rate in rates), strict=True)
        return np.array(thetas), np.array(losses)

    return run


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    rates = case.rates.tolist()

    def descend(rate: float) -> tuple[float, float, int]:
        theta = 0.0
        for step in range(case.steps + 1):
            height = 1 + 10 * math.tan(theta) - 9.8 / 2 * (10 / (10 * math.cos(theta))) ** 2
            loss = (height - 1) ** 2 / 2
            if loss < case.threshold or step == case.steps:
                break
            slope = 10 / math.cos(theta) ** 2 - 9.8 * math.sin(theta) / math.cos(theta) ** 3
            theta = min(max(theta - rate * (height - 1) * slope, -case.bound), case.bound)
        return theta, loss, step

    return lambda: tuple(np.array(column) for column in zip(*(descend(rate) for rate in rates), strict=True))
