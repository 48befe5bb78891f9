"""Data problems with their oracle, and comparing whole results with it."""

from __future__ import annotations

import mpmath
import numpy as np
from hypothesis import strategies as st

import fastgd
from tests.oracle import reference
from tests.oracle.reference import Rounding, assert_right, linear, numbers, polynomial, right_stops

RESULTS = ("theta", "loss", "gradient_norm", "steps", "status")


class Case:
    """A data problem with its oracle: the same numbers, at many digits and as floats."""

    def __init__(self, kind, X, y, *, degree=None, intercept=True, reduction="mean"):
        if kind == "polynomial":
            self.problem = fastgd.PolynomialFit(X, y, degree, reduction=reduction)
            self.rounding = Rounding.of_polynomial(X, y, degree, reduction)
            self._make = lambda number: polynomial(numbers(X, number), numbers(y, number), degree, reduction)
        else:
            self.problem = fastgd.LinearFit(X, y, intercept=intercept, reduction=reduction)
            self.rounding = Rounding.of_linear(X, y, intercept, reduction)
            self._make = lambda number: linear(numbers(X, number), numbers(y, number), intercept, reduction)

    def right_stops(self, theta0, learning_rate, max_steps, **settings):
        start = numbers(np.asarray(theta0, float), mpmath.mpf)
        return right_stops(self._make(mpmath.mpf), start, learning_rate, max_steps, rounding=self.rounding, **settings)

    def in_floats(self, theta0, learning_rate, max_steps, **settings):
        return reference.descend(self._make(float), [float(v) for v in theta0], learning_rate, max_steps, **settings)


def random_case(seed, kind="polynomial", N=7, P=3, reduction="mean"):
    random = np.random.default_rng(seed)
    if kind == "polynomial":
        return Case(kind, random.uniform(-1.5, 1.5, N), random.normal(size=N), degree=P - 1, reduction=reduction)
    return Case(kind, random.normal(size=(N, P - 1)), random.normal(size=N), reduction=reduction)


def assert_equals_oracle(result, case, **shared):
    """Compare every configuration of a gridded result with the right stops."""
    names = {"start": "theta0"}
    for index in np.ndindex(result.status.shape):
        own = {names.get(name, name): values[i] for (name, values), i in zip(result.axes.items(), index, strict=True)}
        configuration = {"theta0": case.problem.start, "max_steps": 1000} | shared | own
        configuration["max_steps"] = int(configuration["max_steps"])
        assert_right(case.right_stops(**configuration), *(getattr(result, name)[index] for name in RESULTS))


SCHEDULES = [
    {"schedule": "constant"},
    {"schedule": "inverse_time", "decay": 0.05},
    {"schedule": "exponential", "decay": 0.02},
    {"schedule": "inverse_sqrt", "decay": 0.3},
    {"schedule": "cosine"},
]

thresholds = st.none() | st.floats(-12, 2).map(lambda exponent: 10.0**exponent)


@st.composite
def hyperparameters(draw, P):
    how = dict(draw(st.sampled_from(SCHEDULES)))
    if "decay" in how:
        how["decay"] = draw(st.floats(0, 3))
    if draw(st.booleans()):
        lower = draw(st.floats(-2, 0))
        how["bounds"] = (lower, [draw(st.floats(0.01, 2)) for _ in range(P)])
    return how | {
        "tolerance": draw(thresholds),
        "loss_threshold": draw(thresholds),
        "gradient_tolerance": draw(thresholds),
        "divergence_threshold": draw(st.sampled_from([1e200, 1e3, 50.0])),
    }


def square():
    return fastgd.examples.square()
