"""NumPy with the work in BLAS: a design matrix made once, and all configurations in one product.

Products of many samples with many thetas go in chunks of samples, so that residuals stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.peers.missing import Missing
from bench.works import (
    DartSweep,
    LinearEvaluation,
    LinearLeastSquares,
    PolynomialEvaluation,
    PolynomialLeastSquares,
    PolynomialSweep,
)

RESIDUALS = 1 << 16  # elements of a chunk of residuals: 512 kB


def loss_and_gradient(A: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean squared error and its gradient for the design matrix A (N, P)."""
    residual = A @ theta - y
    return residual @ residual / len(y), 2.0 / len(y) * (residual @ A)


def losses_and_gradients(
    A: np.ndarray, y: np.ndarray, thetas: np.ndarray, intercepts: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean squared errors (C,) and their gradients (C, P) at thetas (C, P)."""
    losses, gradients = np.zeros(len(thetas)), np.zeros(thetas.shape)
    of_intercepts = np.zeros(len(thetas))
    length = max(1, RESIDUALS // len(thetas))
    for first in range(0, len(y), length):
        rows = A[first : first + length]
        residuals = thetas @ rows.T
        residuals -= y[first : first + length]
        if intercepts is not None:
            residuals += intercepts[:, None]
            of_intercepts += residuals.sum(axis=1)
        losses += np.einsum("ci,ci->c", residuals, residuals)
        gradients += residuals @ rows
    if intercepts is not None:
        gradients = np.column_stack([gradients, of_intercepts])
    return losses / len(y), 2.0 / len(y) * gradients


def design(x: np.ndarray, P: int) -> np.ndarray:
    return np.vander(x, P, increasing=True)


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    if case.dtype != "float64":
        raise Missing(f"BLAS has no product of {case.dtype} data in float64 arithmetic")
    A, y, theta = design(case.x, case.P), case.y, case.theta
    return lambda: loss_and_gradient(A, y, theta)


def polynomial_batch(case: PolynomialEvaluation) -> Callable[[], Any]:
    A, y, thetas = design(case.x, case.P), case.y, case.theta
    return lambda: losses_and_gradients(A, y, thetas)


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    X, y, w, b = case.X, case.y, case.theta[:-1].copy(), case.theta[-1]

    def run() -> tuple[float, np.ndarray]:
        residual = X @ w
        residual += b - y
        return residual @ residual / len(y), 2.0 / len(y) * np.append(residual @ X, residual.sum())

    return run


def linear_batch(case: LinearEvaluation) -> Callable[[], Any]:
    X, y, weights, intercepts = case.X, case.y, case.theta[:, :-1].copy(), case.theta[:, -1].copy()
    return lambda: losses_and_gradients(X, y, weights, intercepts)


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    A, y, rates = design(case.x, case.P), case.y, case.rates[:, None]

    def run() -> tuple[np.ndarray, ...]:
        thetas = np.zeros((case.C, case.P))
        for _ in range(case.steps):
            thetas -= rates * losses_and_gradients(A, y, thetas)[1]
        return thetas, losses_and_gradients(A, y, thetas)[0]

    return run


def least_squares(A: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return theta and the mean squared error, by LAPACK's singular values."""
    theta, squares, _, _ = np.linalg.lstsq(A, y)
    return theta, squares[0] / len(y)


def polynomial_least_squares(case: PolynomialLeastSquares) -> Callable[[], Any]:
    x, y, P = case.x, case.y, case.degree + 1
    return lambda: least_squares(design(x, P), y)


def linear_least_squares(case: LinearLeastSquares) -> Callable[[], Any]:
    X, y = case.X, case.y
    return lambda: least_squares(np.column_stack([X, np.ones(len(X))]), y)


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    rates = case.rates

    def run() -> tuple[np.ndarray, ...]:
        theta, steps = np.zeros(case.C), np.full(case.C, case.steps)
        running = np.ones(case.C, dtype=bool)
        for step in range(case.steps + 1):
            miss = 10.0 * np.tan(theta) - 4.9 / np.cos(theta) ** 2
            loss = miss**2 / 2.0
            steps[running & (loss < case.threshold)] = step
            running &= loss >= case.threshold
            if step == case.steps or not running.any():
                break
            slope = 10.0 / np.cos(theta) ** 2 - 9.8 * np.sin(theta) / np.cos(theta) ** 3
            moved = np.clip(theta - rates * miss * slope, -case.bound, case.bound)
            theta = np.where(running, moved, theta)
        return theta, loss, steps

    return run
