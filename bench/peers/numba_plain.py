"""Numba as a tutorial writes it: loops under @njit, fastmath on, prange over what is plainly independent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

from bench.peers.missing import Missing
from bench.works import CurveEvaluation, CurveSweep, DartSweep, LinearEvaluation, PolynomialEvaluation, PolynomialSweep


@njit(fastmath=True)
def polynomial_loss_and_gradient(x, y, theta, gradient):
    """Return the mean squared error; gradient (P,) is filled."""
    loss = 0.0
    gradient[:] = 0.0
    for i in range(x.size):
        residual = -y[i]
        power = 1.0
        for k in range(theta.size):
            residual += theta[k] * power
            power *= x[i]
        loss += residual * residual
        power = 2.0 * residual
        for k in range(theta.size):
            gradient[k] += power
            power *= x[i]
    for k in range(theta.size):
        gradient[k] /= x.size
    return loss / x.size


@njit(fastmath=True, parallel=True)
def polynomial_over_samples(x, y, theta):
    """Return the same from whole-array expressions, which Numba fuses into parallel loops."""
    residual = theta[0] - y
    for k in range(1, theta.size):
        residual += theta[k] * x**k
    gradient = np.empty(theta.size)
    for k in range(theta.size):
        gradient[k] = 2.0 * np.sum(residual * x**k) / x.size
    return np.sum(residual * residual) / x.size, gradient


@njit(fastmath=True, parallel=True)
def polynomial_over_thetas(x, y, thetas):
    losses, gradients = np.empty(len(thetas)), np.empty(thetas.shape)
    for c in prange(len(thetas)):
        losses[c] = polynomial_loss_and_gradient(x, y, thetas[c], gradients[c])
    return losses, gradients


@njit(fastmath=True)
def linear_loss_and_gradient(X, y, theta, gradient):
    """Return the mean squared error; gradient (F + 1,) is filled."""
    F = X.shape[1]
    loss = 0.0
    gradient[:] = 0.0
    for i in range(y.size):
        residual = theta[F] - y[i]
        for j in range(F):
            residual += theta[j] * X[i, j]
        loss += residual * residual
        for j in range(F):
            gradient[j] += 2.0 * residual * X[i, j]
        gradient[F] += 2.0 * residual
    for j in range(F + 1):
        gradient[j] /= y.size
    return loss / y.size


@njit(fastmath=True, parallel=True)
def linear_over_thetas(X, y, thetas):
    losses, gradients = np.empty(len(thetas)), np.empty(thetas.shape)
    for c in prange(len(thetas)):
        losses[c] = linear_loss_and_gradient(X, y, thetas[c], gradients[c])
    return losses, gradients


@njit(fastmath=True, parallel=True)
def sweep(x, y, rates, parameters, steps):
    thetas, losses = np.zeros((rates.size, parameters)), np.empty(rates.size)
    for c in prange(rates.size):
        gradient = np.empty(parameters)
        for _ in range(steps):
            polynomial_loss_and_gradient(x, y, thetas[c], gradient)
            for k in range(parameters):
                thetas[c, k] -= rates[c] * gradient[k]
        losses[c] = polynomial_loss_and_gradient(x, y, thetas[c], gradient)
    return thetas, losses


@njit(parallel=True)
def darts(rates, steps, threshold, bound):
    thetas, losses, taken = np.zeros(rates.size), np.empty(rates.size), np.empty(rates.size, np.int64)
    for c in prange(rates.size):
        theta, t = 0.0, 0
        while True:
            cosine = math.cos(theta)
            miss = 10.0 * math.tan(theta) - 4.9 / cosine**2
            loss = miss**2 / 2.0
            if loss < threshold or t == steps:
                break
            slope = 10.0 / cosine**2 - 9.8 * math.sin(theta) / cosine**3
            theta = min(max(theta - rates[c] * miss * slope, -bound), bound)
            t += 1
        thetas[c], losses[c], taken[c] = theta, loss, t
    return thetas, losses, taken


@njit(fastmath=True)
def exp_loss_and_gradient(x, y, a, b, c):
    loss = by_a = by_b = by_c = 0.0
    for i in range(x.size):
        e = math.exp(-b * x[i])
        r = a * e + c - y[i]
        loss += r * r
        by_a += r * e
        by_b -= r * a * x[i] * e
        by_c += r
    factor = 2.0 / x.size
    return loss / x.size, factor * by_a, factor * by_b, factor * by_c


@njit(fastmath=True)
def sin_loss_and_gradient(x, y, a, b, c):
    loss = by_a = by_b = by_c = 0.0
    for i in range(x.size):
        s, slope = math.sin(b * x[i] + c), a * math.cos(b * x[i] + c)
        r = a * s - y[i]
        loss += r * r
        by_a += r * s
        by_b += r * x[i] * slope
        by_c += r * slope
    factor = 2.0 / x.size
    return loss / x.size, factor * by_a, factor * by_b, factor * by_c


CURVES = {"exp": exp_loss_and_gradient, "sin": sin_loss_and_gradient}


@njit(fastmath=True, parallel=True)
def curves(function, x, y, start, rates, steps):
    thetas, losses = np.empty((rates.size, 3)), np.empty(rates.size)
    for k in prange(rates.size):
        a, b, c = start
        for _ in range(steps):
            _, by_a, by_b, by_c = function(x, y, a, b, c)
            a, b, c = a - rates[k] * by_a, b - rates[k] * by_b, c - rates[k] * by_c
        thetas[k, 0], thetas[k, 1], thetas[k, 2] = a, b, c
        losses[k] = function(x, y, a, b, c)[0]
    return thetas, losses


@njit(fastmath=True, parallel=True)
def dot(a, b):
    total = 0.0
    for i in prange(a.size):
        total += a[i] * b[i]
    return total


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    if case.dtype != "float64":
        raise Missing(f"powers of {case.dtype} samples are {case.dtype} in Numba")
    x, y, theta = case.x, case.y, case.theta
    return lambda: polynomial_over_samples(x, y, theta)


def polynomial_batch(case: PolynomialEvaluation) -> Callable[[], Any]:
    x, y, thetas = case.x, case.y, case.theta
    return lambda: polynomial_over_thetas(x, y, thetas)


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    X, y, theta, gradient = case.X, case.y, case.theta, np.empty(case.P)
    return lambda: (linear_loss_and_gradient(X, y, theta, gradient), gradient)


def linear_batch(case: LinearEvaluation) -> Callable[[], Any]:
    X, y, thetas = case.X, case.y, case.theta
    return lambda: linear_over_thetas(X, y, thetas)


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    x, y, rates, P, steps = case.x, case.y, case.rates, case.P, case.steps
    return lambda: sweep(x, y, rates, P, steps)


def curve(case: CurveEvaluation) -> Callable[[], Any]:
    function, x, y, theta = CURVES[case.model], case.x, case.y, case.theta

    def run() -> tuple[float, list[float]]:
        loss, *gradient = function(x, y, *theta)
        return loss, gradient

    return run


def curve_sweep(case: CurveSweep) -> Callable[[], Any]:
    function, x, y, start = CURVES[case.model], case.x, case.y, tuple(case.start)
    return lambda: curves(function, x, y, start, case.rates, case.steps)


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    rates, steps = case.rates, case.steps
    return lambda: darts(rates, steps, case.threshold, case.bound)
