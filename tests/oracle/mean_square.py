"""The mean squared error of a linear model in rational arithmetic, and descents on it in many digits."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np


def columns_of(x, degree):
    return [[Fraction(value) ** k for value in x.tolist()] for k in range(degree + 1)]


class Exact:
    """The mean squared error of a linear model in rational arithmetic."""

    def __init__(self, columns, y, l2=0.0, free=0):
        self.columns, self.y = columns, [Fraction(value) for value in np.asarray(y, float).tolist()]
        self.l2 = [Fraction(0) if k == free else Fraction(l2) for k in range(len(columns))]

    def residuals(self, theta):
        return [
            sum(a * t for a, t in zip(row, theta, strict=True)) - target
            for row, target in zip(zip(*self.columns, strict=True), self.y, strict=True)
        ]

    def loss(self, theta):
        theta = [Fraction(value) for value in np.asarray(theta, float).tolist()]
        r = self.residuals(theta)
        return sum(a * a for a in r) / len(r) + sum(w * t * t for w, t in zip(self.l2, theta, strict=True))

    def hessian(self):
        N = len(self.y)
        return [
            [2 * sum(p * q for p, q in zip(a, b, strict=True)) / N + 2 * self.l2[i] * (i == j) for j, b in
             enumerate(self.columns)]
            for i, a in enumerate(self.columns)
        ]  # fmt: skip

    def gradient_at_zero(self):
        return [-2 * sum(p * q for p, q in zip(a, self.y, strict=True)) / len(self.y) for a in self.columns]

    def eigenvalues(self, digits=150):
        with mpmath.workdps(digits):
            H = mpmath.matrix([[number(value) for value in row] for row in self.hessian()])
            return sorted((float(value) for value in mpmath.eigsy(H, eigvals_only=True)), reverse=True)


def number(fraction):
    return mpmath.mpf(fraction.numerator) / fraction.denominator


def matrix_of(model):
    H = mpmath.matrix([[number(value) for value in row] for row in model.hessian()])
    return H, mpmath.matrix([number(value) for value in model.gradient_at_zero()])


def states_of(model, theta0, rate, steps):
    """Yield theta_t, the loss and the norm of the gradient, in the precision in force, for t = 0, ..., steps."""
    H, g0 = matrix_of(model)
    theta = mpmath.matrix([mpmath.mpf(float(value)) for value in theta0])
    constant = number(sum(value * value for value in model.y)) / len(model.y)
    for _ in range(steps + 1):
        g = H * theta + g0
        yield theta, (theta.T * (g + g0))[0] / 2 + constant, mpmath.norm(g)
        theta = theta - mpmath.mpf(float(rate)) * g
