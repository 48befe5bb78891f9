"""fastgd, called as its user calls it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import fastgd
from bench.works import (
    CurveEvaluation,
    CurveSweep,
    DartSweep,
    LinearEvaluation,
    LinearLeastSquares,
    PolynomialEvaluation,
    PolynomialLeastSquares,
    PolynomialSweep,
    Showcase,
)


def polynomial(case: PolynomialEvaluation) -> Callable[[], Any]:
    problem, theta = fastgd.PolynomialFit(case.x, case.y, degree=case.degree), case.theta
    return lambda: problem.loss_and_gradient(theta)


def linear(case: LinearEvaluation) -> Callable[[], Any]:
    problem, theta = fastgd.LinearFit(case.X, case.y), case.theta
    return lambda: problem.loss_and_gradient(theta)


def polynomial_minimum(case: PolynomialLeastSquares) -> Callable[[], Any]:
    """Return a fit from the samples on: a problem keeps its statistics, so each call makes one."""
    x, y, degree = case.x, case.y, case.degree
    return lambda: fastgd.PolynomialFit(x, y, degree=degree).minimum()[:2]


def linear_minimum(case: LinearLeastSquares) -> Callable[[], Any]:
    X, y = case.X, case.y
    return lambda: fastgd.LinearFit(X, y).minimum()[:2]


class Sweep:
    """A sweep whose last result keeps its timing report."""

    def __init__(self, problem: fastgd.Problem, names: tuple[str, ...], **hyperparameters: Any) -> None:
        self.problem, self.names, self.hyperparameters = problem, names, hyperparameters
        self.timing: Any = None

    def __call__(self) -> tuple[np.ndarray, ...]:
        """Sweep, and return what was asked for of the result."""
        result = fastgd.sweep(self.problem, **self.hyperparameters)
        self.timing = result.timing
        return tuple(getattr(result, name) for name in self.names)


def polynomial_sweep(case: PolynomialSweep) -> Callable[[], Any]:
    problem = fastgd.PolynomialFit(case.x, case.y, degree=case.degree)
    return Sweep(problem, ("theta", "loss"), learning_rate=case.rates, max_steps=case.steps, engine="samples")


def model_of(name: str) -> Callable[..., Any]:
    """Return a model as its user writes it."""
    if name == "exp":
        return lambda x, a, b, c: a * math.exp(-b * x) + c
    return lambda x, a, b, c: a * math.sin(b * x + c)


def curve(case: CurveEvaluation) -> Callable[[], Any]:
    problem, theta = fastgd.CurveFit(model_of(case.model), case.x, case.y, start=case.start), case.theta
    return lambda: problem.loss_and_gradient(theta)


def curve_sweep(case: CurveSweep) -> Callable[[], Any]:
    problem = fastgd.CurveFit(model_of(case.model), case.x, case.y, start=case.start)
    return Sweep(problem, ("theta", "loss"), learning_rate=case.rates, max_steps=case.steps)


def dart_sweep(case: DartSweep) -> Callable[[], Any]:
    """Return a sweep of the dart as its user throws it: without a gradient."""
    run = Sweep(
        fastgd.examples.dart(),
        ("theta", "loss", "steps"),
        learning_rate=case.rates,
        max_steps=case.steps,
        loss_threshold=case.threshold,
        bounds=(-case.bound, case.bound),
    )

    def angles() -> tuple[np.ndarray, ...]:
        theta, loss, steps = run()
        return theta[:, 0], loss, steps

    return angles


def bumps(case: Showcase) -> fastgd.Objective:
    """Return the showcase's problem."""
    amplitude = case.amplitude

    def loss(x: float) -> float:
        return x * x + amplitude * math.cos(x)

    def gradient(x: float) -> float:
        return 2.0 * x - amplitude * math.sin(x)

    return fastgd.Objective(loss, gradient, start=case.start)


def showcase_settings(case: Showcase) -> dict[str, Any]:
    """Return what all of its descents share."""
    return {
        "rule": "momentum",
        "max_steps": case.steps,
        "gradient_tolerance": case.gradient_tolerance,
        "divergence_threshold": case.divergence_threshold,
    }


def showcase(case: Showcase) -> Callable[[], Any]:
    run = Sweep(
        bumps(case),
        ("theta", "loss", "steps"),
        learning_rate=case.rates,
        momentum=case.momenta,
        **showcase_settings(case),
    )
    return lambda: tuple(value.ravel() for value in run())
