"""The five published lessons, written here from their texts: data, formulas, and the numbers they print.

Nothing of fastgd is used: `test_reference.py` holds the oracle to these numbers, `examples/test_published.py` fastgd.
A number is kept as the text that was published, so that its digits say how closely it must be met.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import mpmath
import numpy as np
import pytest

from tests.oracle.reference import LossAndGradient, Vector, linear, numbers, one_parameter


def published(text: str) -> Any:
    """Expect this number to all the digits given: one unit of the last digit, some are cut off rather than rounded."""
    unit = 10.0 ** int(Decimal(text).as_tuple().exponent)
    return pytest.approx(float(text), rel=0, abs=unit + 4 * 2.0**-52 * abs(float(text)))


# ---- 1 and 2: the square --------------------------------------------------------------------------------------------


def square_loss(theta: Any) -> Any:
    return theta * theta


def square_gradient(theta: Any) -> Any:
    return 2 * theta


SQUARE = one_parameter(square_loss, square_gradient)
SQUARE_AFTER_20_STEPS = "3.656158440062976e-05"  # rate 0.2 from 1: 0.6^20

# ---- 3: a cubic fitted to a sine ------------------------------------------------------------------------------------

LEAST_SQUARES_CUBIC = (0.0, 0.8570, 0.0, -0.0933)
SINE_RATE = 1e-6
SINE_STEPS = 2000


def sine_samples(half_width: float = math.pi) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(-half_width, half_width, 2000)
    return x, np.sin(x)


def sine(half_width: float = math.pi) -> LossAndGradient:
    """The lesson's loss, a sum over 2,000 samples, in NumPy: the oracle's own loop would take minutes."""
    x, y = sine_samples(half_width)

    def loss_and_gradient(theta: Vector) -> tuple[float, Vector]:
        a, b, c, d = theta
        residual = a + b * x + c * x**2 + d * x**3 - y
        gradient = [float(2 * np.sum(residual * x**k)) for k in range(4)]
        return float(np.sum(residual**2)), gradient

    return loss_and_gradient


# ---- 4: a line through the pizza data -------------------------------------------------------------------------------

# fmt: off
RESERVATIONS = [
    13, 2, 14, 23, 13, 1, 18, 10, 26, 3, 3, 21, 7, 22, 2, 27, 6, 10, 18, 15, 9, 26, 8, 15, 10, 21, 5, 6, 13, 13,
]
PIZZAS = [
    33, 16, 32, 51, 27, 16, 34, 17, 29, 15, 15, 32, 22, 37, 13,
    44, 16, 21, 37, 30, 26, 34, 23, 39, 27, 37, 17, 18, 25, 23,
]
# fmt: on

PIZZA_RATE = 0.001
PIZZA_WEIGHT_ONLY = (100, "1.8436928702", "69.1209628")  # steps, w, loss
PIZZA_LINE = (20_000, "1.0811301700", "13.1722676564")  # steps, w, b
PIZZA_LARGEST_RATE = "0.00455510"  # 2 / lambda_max, with b


def pizza(intercept: bool, kind: Any = float) -> LossAndGradient:
    rows = [[kind(value)] for value in RESERVATIONS]
    return linear(rows, numbers(PIZZAS, kind), intercept=intercept, reduction="mean")


# ---- 5: the dart ----------------------------------------------------------------------------------------------------


def dart_height(theta: Any) -> Any:
    """Height at the target's distance: 1 + 10 tan(theta) + g/2 (10 / (10 cos(theta)))^2."""
    functions = math if isinstance(theta, float) else mpmath
    gravity = type(theta)(-9.8)
    return 1 + 10 * functions.tan(theta) + gravity / 2 * (10 / (10 * functions.cos(theta))) ** 2


def dart_loss(theta: Any) -> Any:
    miss = dart_height(theta) - 1
    return miss * miss / 2


def dart_gradient(theta: Any) -> Any:
    functions = math if isinstance(theta, float) else mpmath
    gravity = type(theta)(-9.8)
    cosine = functions.cos(theta)
    slope = 10 / cosine**2 + gravity * functions.sin(theta) / cosine**3
    return (dart_height(theta) - 1) * slope


DART = one_parameter(dart_loss, dart_gradient)
DART_BOUNDS = (-math.pi / 2, math.pi / 2)
DART_THRESHOLD = 0.001

DART_CONSTANT_DESCENT = [  # rate, iterations, degrees; neither threshold nor bounds
    (0.5, 2, "57.29577951308232"),
    (0.25, 4, "28.64788975654116"),
    (0.2, 10, "45.836623610465864"),
    (0.1, 100, "34.37746770784939"),
]
DART_GRADIENT_DESCENT = [  # rate, iterations at most, stops at step, degrees, loss; threshold and bounds
    (0.01, 100, 16, "38.59420083394617", "0.000802795150984"),
    (0.001, 1000, 188, "38.524154886156914", "0.000987667255875"),
]
DART_BASELINE = [(1.0, 1), (0.1, 10), (0.01, 100), (0.001, 1000), (1e-4, 10_000), (1e-5, 100_000)]  # rate, iterations
DART_GRADIENT_STEPS = {1e-5: 19_039}
DART_CONSTANT_STEPS = {1e-5: 67_230, 1e-4: 6_723, 1e-3: 673, 1e-2: 68}
