"""Losses as users write them, and where to look at them: from one-liners to loops with branches, helpers and closures.

`FUNCTIONS` has them by name, those of `user_models` too where that is imported, and `OF_ONE_NUMBER` every function of
`math` and of NumPy that takes one number or two, in ordinary and in hard places. None has a kink or a pole where it is
looked at: `KINKS` has those, with what the slopes are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import cos, exp, inf, nan
from typing import Any, NamedTuple

import numba
import numpy as np


class Case(NamedTuple):
    """A loss, and the thetas at which it is looked at: numbers for P = 1, else tuples of P."""

    loss: Callable[..., Any]
    points: tuple[Any, ...]

    @property
    def dimension(self) -> int:
        """P."""
        return np.size(self.points[0])


FUNCTIONS: dict[str, Case] = {}


def at(*points: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a loss into the table."""

    def put(loss: Callable[..., Any]) -> Callable[..., Any]:
        assert loss.__name__ not in FUNCTIONS
        FUNCTIONS[loss.__name__] = Case(loss, points)
        return loss

    return put


def _lines(**losses: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
    FUNCTIONS.update({name: Case(loss, points) for name, (loss, points) in losses.items()})


# ---- one line --------------------------------------------------------------------------------------------------------

_lines(
    square=(lambda t: t**2, (3.0, -0.5, 0.0)),
    shifted_square=(lambda t: (t - 1.25) ** 2 + 0.5, (3.0, -7.5)),
    product_of_parts=(lambda t: t * math.exp(-t) * math.cos(3 * t), (0.3, -1.0, 20.0)),
    quotient=(lambda t: (1 + t) / (2 + t * t), (0.3, -1.5, 1e8)),
    sum_of_waves=(lambda t: sum([math.sin(t), math.sin(2 * t) / 2, math.sin(3 * t) / 3]), (0.3, 5.0)),
    ternary=(lambda t: t * t if t > 1 else 2 * t - 1, (0.5, 1.5, -3.0)),
    largest_of=(lambda t: max(t, 1 - t, 0.2), (0.1, 0.7)),
    smallest_of=(lambda t: min(t * t, 4.0), (1.5, 3.0)),
    where=(lambda t: np.where(t > 0, np.log1p(t), t * t), (0.5, -2.0)),
    absolute=(lambda t: abs(t - 2) + abs(t), (1.0, 5.0, -1.0)),
    bump=(lambda t: math.exp(-1 / (1 - t * t)) if -1 < t < 1 else 0.0, (0.5, -0.9, 2.0)),
    remainder=(lambda t: (t % 1.5) ** 2, (4.0, -1.0)),
    remainder_by_theta=(lambda t: t[0] % t[1] + (-t[0]) % t[1], ((7.3, 1.5), (-2.0, 0.3))),
    two_names=(lambda t: t[0] * t[1] + t[0] ** 2, ((1.5, -2.0), (0.0, 3.0))),
    negative_index=(lambda t: t[-1] ** 3 - t[0] * t[-2], ((1.5, -2.0, 0.25), (4.0, 3.0, -1.0))),
    norm=(lambda t: math.sqrt(np.sum(t**2)), ((3.0, 4.0), (1e-8, 1e8))),
    norm_of_numpy=(lambda t: np.sqrt(t @ t + 1.0), ((3.0, 4.0), (0.25, -1.0))),
    negative_entropy=(lambda t: np.sum(t * np.log(t)), ((0.2, 0.3, 0.5), (1e-9, 1.0, 40.0))),
    log_sum_exp=(lambda t: np.log(np.sum(np.exp(t))), ((0.2, 0.3, 0.5), (-20.0, 1.0, 15.0))),
    whole_number_powers=(lambda t: t**3 - 2 * t**-2 + t**5 - t**1 + t**0, (1.7, -0.3)),
    fractional_powers=(lambda t: t**0.5 + t**1.5 - t**-0.25, (1.7, 1e-6, 300.0)),
    power_of_theta=(lambda t: 2.0**t + t**t + 0.5 ** (t / 3), (1.7, 0.01, 30.0)),
    large_power=(lambda t: (1 + t / 365) ** 365, (0.05, 2.0)),
    imported_names=(lambda t: exp(-t) * cos(t), (0.5, 3.0)),
    of_a_truth=(lambda t: (t > 0) * t**2 + (t <= 0) * 3 * t, (2.0, -1.0)),
)


# ---- the language ----------------------------------------------------------------------------------------------------


@at((0.3, -1.2), (5.0, 2.0))
def local_names_and_tuples(theta):
    x, y = theta
    pair = (x + y, x - y)
    x, y = pair
    scaled = (0.5 * pair[0], 2 * pair[1])
    return scaled[0] ** 2 + scaled[1] * x * y


@at((0.3, -1.2, 2.0), (5.0, 2.0, -1.0))
def loop_over_range(theta):
    total = 0.0
    for k in range(len(theta)):
        total += (k + 1) * theta[k] ** 2
    return total


@at((0.3, -1.2, 2.0, 4.0), (5.0, 2.0, -1.0, 0.5))
def loop_over_elements(theta):
    total = 0
    for t in theta:
        total = total * 0.5 + t * t
    return total


@at((0.3, -1.2, 2.0, 4.0), (5.0, 2.0, -1.0, 0.5))
def enumerated(theta):
    total = 1.0
    for k, t in enumerate(theta):
        total *= 1 + t**2 / (k + 2)
    return total


@at((0.3, -1.2, 2.0), (5.0, 2.0, -1.0))
def zipped(theta):
    weights = (1.0, 2.5, 0.125)
    total = 0.0
    for w, t in zip(weights, theta):  # noqa: B905
        total += w * math.cosh(t)
    return total


@at((0.3, -1.2, 2.0, 4.0), (5.0, 2.0, -1.0, 0.5))
def slices(theta):
    first = theta[:-1]
    second = theta[1:]
    return np.sum((second - first) ** 2) + theta[::2].sum() * theta[1::2].sum()


@at(0.3, 1.3, 2.3, -4.0)
def branches(t):
    if t < 0:
        return -3 * t
    elif t < 1:
        y = t**2
    elif t < 2:
        y = 2 * t - 1
        y += math.sin(t - 1) ** 2
    else:
        y = 3 + math.log(t)
    return y * 2


@at(0.3, 40.0)
def loop_with_break(t):
    term = 1.0
    total = 0.0
    for k in range(1, 200):
        total += term
        if abs(term) < 1e-30:
            break
        term *= -t / (10 * k)
    return total


@at(0.7, -0.2)
def loop_with_continue(t):
    total = 0.0
    for k in range(20):
        if k % 3 == 0:
            continue
        total += t**k / (k + 1)
    return total


@at((0.7, 1.3), (-0.2, 0.5))
def nested_loops(theta):
    a, b = theta
    total = 0.0
    for i in range(4):
        for j in range(i, 5):
            total += math.sin(i * a + j * b) / (1 + i + j)
    return total


def _softplus(x):
    """Return log(1 + exp x), without overflow."""
    if x > 0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


@numba.njit
def _jitted_logistic(x, steepness=1.0):
    return 1.0 / (1.0 + math.exp(-steepness * x))


@at(0.5, -30.0, 50.0)
def plain_helper(t):
    return _softplus(t) + 0.5 * _softplus(-2 * t)


@at(0.5, -3.0)
def jitted_helper(t):
    return _jitted_logistic(t) * _jitted_logistic(2 - t, 3.0)


@at((0.7, 1.3), (-0.2, 0.5))
def helper_of_two(theta):
    def distance(x, y):
        return math.hypot(x - 1, y + 2)

    return distance(theta[0], theta[1]) + distance(theta[1], theta[0])


@at((0.7, 1.3), (-0.2, 0.5))
def helper_of_theta(theta):
    return _length(theta) * _length(2 * theta - 1)


def _length(v):
    return np.sqrt(np.sum(v * v))


@at((0.7, 1.3), (-0.2, 0.5))
def helper_that_returns_a_pair(theta):
    r, angle = _polar(theta[0], theta[1])
    return r**2 * math.cos(2 * angle) + r


def _polar(x, y):
    return math.sqrt(x * x + y * y), math.atan2(y, x)


def _factories() -> None:
    gravity = 9.81
    target = 3
    weights = np.array([0.5, 2.0, -1.5])
    nodes = (0.1, 0.2, 0.7)
    many = np.linspace(-1.0, 2.0, 60)
    measured = np.sin(many) + 0.1
    matrix = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 3.0]])
    tall = np.cos(np.arange(120.0)).reshape(40, 3)
    right = np.sin(np.arange(40.0))
    table = [1.0, 0.5, 0.25, 0.125]

    def closure_over_numbers(t):
        return gravity * t**2 / 2 - target * t

    def closure_over_a_short_array(theta):
        return np.sum(weights * theta**2) + weights[1] * theta[0]

    def closure_over_a_tuple(theta):
        return (theta[0] - nodes[0]) ** 2 + nodes[1] * theta[1] - nodes[2]

    def closure_over_a_list(t):
        total = 0.0
        for k in range(len(table)):
            total += table[k] * t**k
        return total

    def closure_over_many(theta):
        residual = theta[0] * np.sin(theta[1] * many) - measured
        return np.mean(residual**2)

    def loop_over_many(theta):
        total = 0.0
        for i in range(len(many)):
            r = theta[0] + theta[1] * many[i] - measured[i]
            total += r * r
        return total / len(many)

    def quadratic_form(theta):
        return 0.5 * theta @ matrix @ theta - np.dot(weights, theta)

    def matrix_times_theta(theta):
        residual = tall @ theta - right
        return residual @ residual / len(right)

    def elements_of_a_matrix(theta):
        total = 0.0
        for i in range(3):
            for j in range(3):
                total += matrix[i, j] * theta[i] * math.tanh(theta[j])
        return total

    three = ((0.3, -1.2, 2.0), (5.0, 2.0, -1.0))
    _lines(
        closure_over_numbers=(closure_over_numbers, (0.5, 7.0)),
        closure_over_a_short_array=(closure_over_a_short_array, three),
        closure_over_a_tuple=(closure_over_a_tuple, ((0.7, 1.3), (-0.2, 0.5))),
        closure_over_a_list=(closure_over_a_list, (0.5, -7.0)),
        closure_over_many=(closure_over_many, ((0.7, 1.3), (-0.2, 0.5))),
        loop_over_many=(loop_over_many, ((0.7, 1.3), (-0.2, 0.5))),
        quadratic_form=(quadratic_form, three),
        matrix_times_theta=(matrix_times_theta, three),
        elements_of_a_matrix=(elements_of_a_matrix, three),
    )


_factories()


@at((0.3, -1.2, 2.0), (5.0, 2.0, -1.0))
def array_of_its_own(theta):
    scaled = np.zeros(3)
    for k in range(3):
        scaled[k] = theta[k] * (k + 1.5)
    scaled[0] += theta[2]
    return np.sum(scaled**2)


@at((0.3, -1.2), (5.0, 2.0))
def array_of_parts(theta):
    x, y = theta
    parts = np.array([x * x + y - 11, x + y * y - 7, x * y])
    return np.dot(parts, parts)


@at((0.3, -1.2, 2.0), (-5.0, 2.0, -1.0))
def reductions(theta):
    return np.max(theta) * np.min(theta) + theta.mean() ** 2 + np.prod(theta) + max(theta[0], theta[1])


@at((0.3, -1.2, 2.0), (-5.0, 2.0, -1.0))
def comprehension(theta):
    return sum([t**2 for t in theta]) + sum([abs(t) for t in theta[1:]])


@at(0.3, 4.0)
def while_loop(t):
    x = t
    count = 0
    while x < 100:
        x = x * 2 + 1
        count += 1
    return x / (1 + count)


# ---- functions of one number and of two ------------------------------------------------------------------------------

_NEAR_A_POLE = math.nextafter(math.pi / 2, 0.0) - 1e-9
_OF_MATH = {
    "acos": (0.3, -0.9999, 1e-12),
    "acosh": (1.5, 1.0 + 1e-9, 1e9),
    "asin": (0.3, -0.9999, 1e-12),
    "asinh": (0.3, -1e9, 1e-12),
    "atan": (0.3, -1e9, 1e-12),
    "atanh": (0.3, -0.9999, 1e-12),
    "cos": (0.3, 1e6, 1e-9, 3.1415),
    "cosh": (0.3, -20.0, 1e-9, 700.0),
    "degrees": (0.3, -1e6),
    "erf": (0.3, -2.5, 1e-12, 5.5),
    "erfc": (0.3, -2.5, 5.0),
    "exp": (0.3, -700.0, 700.0, 1e-12),
    "expm1": (0.3, -30.0, 1e-12, -1e-300, 50.0),
    "fabs": (0.3, -1e6),
    "gamma": (0.3, 5.5, -1.5, 20.0),
    "lgamma": (0.3, 5.5, 1e-5, 1e5),
    "log": (0.3, 1e300, 1e-300, 1.0 + 1e-9),
    "log10": (0.3, 1e300, 1e-300),
    "log1p": (0.3, 1e300, 1e-12, -0.9999),
    "log2": (0.3, 1e300, 1e-300),
    "radians": (0.3, -1e6),
    "sin": (0.3, 1e6, 1e-9, 3.1415),
    "sinh": (0.3, -20.0, 1e-9, 700.0),
    "sqrt": (0.3, 1e300, 1e-300),
    "tan": (0.3, 1e6, 1e-9, _NEAR_A_POLE),
    "tanh": (0.3, -8.0, 30.0, -350.0, 1e-12),
}
_OF_NUMPY = {
    **{name.replace("a", "arc", 1): points for name, points in _OF_MATH.items() if name[0] == "a"},
    **{name: points for name, points in _OF_MATH.items() if name[0] != "a" and hasattr(np, name)},
    "abs": (0.3, -1e6),
    "absolute": (0.3, -1e6),
    "cbrt": (0.3, -1e6, 1e-300),
    "deg2rad": (0.3, -1e6),
    "exp2": (0.3, -700.0, 700.0),
    "negative": (0.3, -1e6),
    "positive": (0.3, -1e6),
    "rad2deg": (0.3, -1e6),
    "reciprocal": (0.3, -1e6),
    "square": (0.3, -1e6, 1e-150),
}
_OF_NUMPY |= {
    "real": (0.3, -1e6),
    "sinc": (0.3, -2.7, 1e-9, 0.31830988, 0.3184, 12.25),
}
_STEPS = ("ceil", "floor", "trunc")  # whose slope is 0
_OF_TWO = {
    math.atan2: ((0.3, 1.2), (-1e-9, -1.0), (1.0, -1e6)),
    math.copysign: ((0.3, -1.2), (-2.0, 3.0)),
    math.fmod: ((7.3, 1.2), (-7.3, 1.2)),
    math.hypot: ((0.3, 1.2), (1e200, -1e200), (1e-9, 1.0)),
    math.pow: ((0.3, 1.2), (1e-9, 2.5), (700.0, -1.5)),
    np.arctan2: ((0.3, 1.2), (-1e-9, -1.0)),
    np.hypot: ((0.3, 1.2), (1e200, -1e200)),
    np.logaddexp: ((0.3, 1.2), (-1e6, -1e6 - 1), (500.0, 1.0)),
    np.maximum: ((0.3, 1.2), (5.0, -1.0)),
    np.minimum: ((0.3, 1.2), (5.0, -1.0)),
    np.fmax: ((0.3, 1.2), (5.0, -1.0)),
    np.fmin: ((0.3, 1.2), (5.0, -1.0)),
    np.power: ((0.3, 1.2), (1e-9, 2.5)),
    np.float_power: ((0.3, 1.2), (1e-9, 2.5)),
    np.heaviside: ((0.3, 1.2), (-1.0, 2.5)),
    np.copysign: ((0.3, -1.2), (-2.0, 3.0)),
    np.add: ((0.3, -1.2),),
    np.subtract: ((0.3, -1.2),),
    np.multiply: ((0.3, -1.2),),
    np.divide: ((0.3, -1.2),),
}


def _of_one(function: Any) -> Callable[..., Any]:
    return lambda t: function(t)


def _of_two(function: Any) -> Callable[..., Any]:
    return lambda theta: function(theta[0], theta[1])


OF_ONE_NUMBER = {
    **{f"math.{name}": Case(_of_one(getattr(math, name)), points) for name, points in _OF_MATH.items()},
    **{f"np.{name}": Case(_of_one(getattr(np, name)), points) for name, points in _OF_NUMPY.items()},
    **{f"math.{name}": Case(_of_one(getattr(math, name)), (0.3, -7.6)) for name in _STEPS},
    **{
        f"np.{name}": Case(_of_one(getattr(np, name)), (0.3, -7.6))
        for name in (*_STEPS, "rint", "sign", "round", "around", "fix")
    },
    **{
        f"{'np' if isinstance(function, np.ufunc) else 'math'}.{function.__name__}": Case(_of_two(function), points)
        for function, points in _OF_TWO.items()
    },
}


# ---- kinks and poles -------------------------------------------------------------------------------------------------


class Kink(NamedTuple):
    """A loss at a place where it has no slope, or none that is a number, and what the gradient is there."""

    loss: Callable[..., Any]
    theta: Any
    value: float
    gradient: Any


KINKS = {
    "abs at 0": Kink(lambda t: abs(t), 0.0, 0.0, 0.0),
    "fabs at 0": Kink(lambda t: math.fabs(t), 0.0, 0.0, 0.0),
    "np.abs at 0": Kink(lambda t: np.abs(t), 0.0, 0.0, 0.0),
    "fmax of no number": Kink(lambda t: np.fmax(np.log(t), 2 * t) + 3 * np.fmin(t, np.log(t)), -1.0, -5.0, 5.0),
    "abs of what is 0": Kink(lambda t: abs(t - 2) + t, 2.0, 2.0, 1.0),
    "sqrt at 0": Kink(lambda t: math.sqrt(t), 0.0, 0.0, inf),
    "np.sqrt at 0": Kink(lambda t: np.sqrt(t), 0.0, 0.0, inf),
    "power of a half at 0": Kink(lambda t: t**0.5, 0.0, 0.0, inf),
    "max at a tie": Kink(lambda t: max(2 * t, 3 * t), 0.0, 0.0, 2.0),
    "max at a tie, turned": Kink(lambda t: max(3 * t, 2 * t), 0.0, 0.0, 3.0),
    "min at a tie": Kink(lambda t: min(2 * t, 3 * t), 0.0, 0.0, 2.0),
    "max of a number at a tie": Kink(lambda t: max(0.0, t), 0.0, 0.0, 0.0),
    "max with a number at a tie": Kink(lambda t: max(t, 0.0), 0.0, 0.0, 1.0),
    "np.maximum at a tie": Kink(lambda t: np.maximum(2 * t, 3 * t), 0.0, 0.0, 2.0),
    "np.minimum at a tie": Kink(lambda t: np.minimum(2 * t, 3 * t), 0.0, 0.0, 2.0),
    "if": Kink(lambda t: t * t if t > 0 else 5 * t, 0.0, 0.0, 5.0),
    "if, the other side a pole": Kink(lambda t: math.sin(t) / t if t != 0 else 1.0, 0.0, 1.0, 0.0),
    "where, the other side a pole": Kink(lambda t: np.where(t > 0, np.sqrt(t), 2 * t), 0.0, 0.0, 2.0),
    "where, the other side NaN": Kink(lambda t: np.where(t > 0, np.log(t), 2 * t), -1.0, -2.0, 2.0),
    "logistic far out": Kink(lambda t: 1 / (1 + np.exp(-t)), -1000.0, 0.0, nan),
    "square root of a negative": Kink(lambda t: np.sqrt(t), -1.0, nan, nan),
    "log at 0": Kink(lambda t: np.log(t), 0.0, -inf, inf),
    "overflow": Kink(lambda t: np.exp(t), 1000.0, inf, inf),
    "square at 0": Kink(lambda t: t**2, 0.0, 0.0, 0.0),
    "theta to the 0 at 0": Kink(lambda t: t**0 + t, 0.0, 1.0, 1.0),
    "theta to the 1 at 0": Kink(lambda t: t**1.0, 0.0, 0.0, 1.0),
    "power with a theta at 0": Kink(lambda t: t[0] ** t[1], (0.0, 2.0), 0.0, (0.0, 0.0)),
    "hypot at 0": Kink(lambda t: math.hypot(t[0], t[1]), (0.0, 0.0), 0.0, (0.0, 0.0)),
    "a step": Kink(lambda t: np.floor(t) + t, 2.0, 4.0, 1.0),
    "np.sign": Kink(lambda t: np.sign(t) * t, 0.0, 0.0, 0.0),
}
