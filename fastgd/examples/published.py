"""The published lessons' problems, made from their texts."""

from __future__ import annotations

import math
import sys
from importlib.resources import files
from typing import Any

import numpy as np

from fastgd.check import flag, number_between, shown
from fastgd.examples.lessons import DECAY_START
from fastgd.problems.curve import CurveFit
from fastgd.problems.linear import LinearFit
from fastgd.problems.objective import Objective
from fastgd.problems.polynomial import PolynomialFit

# of the dart
HEIGHT = 1.0  # m
SPEED = 10.0  # m/s
DISTANCE = 10.0  # m
GRAVITY = -9.8  # m/s^2


def square() -> LinearFit:
    """Return L(theta) = theta^2 from theta = 1: the line through one sample (1, 0) without intercept.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.descend(fastgd.examples.square(), learning_rate=0.2, max_steps=20).theta
    array([3.65615844e-05])
    """
    return LinearFit([[1.0]], [0.0], intercept=False, parameters=["theta"], start=[1.0])


def sine(half_width: float = math.pi, *, rng: Any = 0) -> PolynomialFit:
    """Return a cubic to fit to sin(x) at 2,000 points evenly from -half_width to half_width, by the sum of squares.

    Parameters
    ----------
    half_width : float
        Half the width of the range, in radians.
    rng : seed or numpy.random.Generator
        For the random normal start.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.examples.sine()
    PolynomialFit(2,000 samples, degree=3, reduction='sum')
    """
    width = number_between("half_width", half_width, minimum=sys.float_info.min, maximum=1e50)
    x = np.linspace(-width, width, 2000)
    try:
        random = np.random.default_rng(rng)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"rng must be a seed >= 0 or a numpy.random.Generator, got {shown(rng)}") from None
    start = random.standard_normal(4)
    return PolynomialFit(x, np.sin(x), degree=3, reduction="sum", start=start)


def pizza(intercept: bool = True) -> LinearFit:
    """Return a line to fit to pizzas sold against reservations, by the mean squared error, from zero.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.descend(fastgd.examples.pizza(intercept=False), learning_rate=0.001, max_steps=100).theta.round(10)
    array([1.84369287])
    """
    table = files("fastgd.examples").joinpath("pizza.csv").read_text(encoding="utf-8")
    reservations, pizzas = np.loadtxt(table.splitlines(), delimiter=",", skiprows=1, unpack=True)
    return LinearFit(reservations, pizzas, intercept=flag("intercept", intercept))


def dart() -> Objective:
    """Return the miss of a dart thrown at angle theta (radians): L = (y(theta) - 1)^2 / 2, from theta = 0.

    The height at the target is y = 1 + 10 tan(theta) + g / 2 (10 / (10 cos(theta)))^2 metres. Keep theta within
    `bounds=(-pi / 2, pi / 2)`.

    Examples
    --------
    >>> import fastgd, math
    >>> run = fastgd.descend(fastgd.examples.dart(), learning_rate=0.01, loss_threshold=0.001,
    ...                      bounds=(-math.pi / 2, math.pi / 2))
    >>> run.steps, round(math.degrees(run.theta[0]), 4)
    (16, 38.5942)
    """
    return Objective(_dart_loss, parameters=["angle"])


def decay() -> CurveFit:
    """Return a decay a exp(-b x) + c to fit to 60 noisy samples from 0 to 5, by the mean squared error.

    The samples are of a = 2, b = 1.3 and c = 0.5, with normal noise of 0.05; the start is a = 1, b = 0.3, c = 0.

    Examples
    --------
    >>> import fastgd
    >>> run = fastgd.descend(fastgd.examples.decay(), learning_rate=0.3, max_steps=10_000, gradient_tolerance=1e-9)
    >>> run.status.name, run.theta.round(3)
    ('SMALL_GRADIENT', array([2.011, 1.37 , 0.518]))
    """
    x = np.linspace(0.0, 5.0, 60)
    noise = np.random.default_rng(0).normal(scale=0.05, size=x.size)
    start = list(DECAY_START.values())
    return CurveFit(exponential, x, exponential(x, 2.0, 1.3, 0.5) + noise, start=start, parameters=list(DECAY_START))


def exponential(x: Any, a: float, b: float, c: float) -> Any:
    """Return a exp(-b x) + c."""
    return a * np.exp(-b * x) + c


def _dart_loss(theta: float) -> float:
    flight = DISTANCE / (SPEED * math.cos(theta))
    height = HEIGHT + DISTANCE * math.tan(theta) + GRAVITY / 2.0 * flight**2
    return (height - HEIGHT) ** 2 / 2.0
