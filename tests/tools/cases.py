"""Problems with their oracle, and results compared with it or with one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import strategies as st

import fastgd
from fastgd.descent import rules, schedules
from fastgd.sweeps.engines import spectral
from tests.oracle import reference
from tests.oracle.reference import DIVERGED, LossAndGradient, Rounding, linear, numbers, polynomial

RESULTS = ("theta", "loss", "gradient_norm", "steps", "status")
FORCED_SAMPLES = 20_011  # what `force` reckons with for tiles: several blocks and a short last one, of any kernel

RULES = tuple(rules.RULES)
WITH_MOMENTUM = rules.rules_with("momentum")
DECAYS = {"inverse_time": 0.05, "exponential": 0.02, "inverse_sqrt": 0.3}  # that move a descent of fifty steps
SCHEDULES = [
    {"schedule": name} | ({"decay": DECAYS.get(name, 0.05)} if "decay" in schedule.uses else {})
    for name, schedule in schedules.SCHEDULES.items()
]
SPECTRAL_SCHEDULES = [how for how in SCHEDULES if how["schedule"] in spectral.SERVES.schedules]


@dataclass
class Case:
    """A problem with its oracle in any kind of number.

    `rounding` is what float64 may be off by, which is known for a squared loss. Without it floats are compared with
    floats, and no test may be within rounding of its threshold.
    """

    problem: Any
    oracle: Callable[[Any], LossAndGradient]
    start: Any
    rounding: Rounding | None = None

    def descend(self, number: Any = float, **configuration: Any) -> reference.Run:
        """Return the oracle's descent in this kind of number."""
        theta0 = numbers(configuration.pop("theta0", self.start), number)
        return reference.descend(self.oracle(number), theta0, **configuration)

    def right_stops(self, **configuration: Any) -> dict[int, reference.Stop]:
        """Return every stop that is right for float64."""
        theta0 = numbers(configuration.pop("theta0", self.start), mpmath.mpf)
        return reference.right_stops(self.oracle(mpmath.mpf), theta0, rounding=self.rounding, **configuration)


def squared(
    kind: str, X: Any, y: Any, *, degree: int | None = None, intercept: bool = True, reduction: str = "mean"
) -> Case:
    """Return a squared loss over samples."""
    if kind == "polynomial":
        problem = fastgd.PolynomialFit(X, y, degree, reduction=reduction)
        rounding = Rounding.of_polynomial(X, y, degree, reduction)
        return Case(
            problem,
            lambda number: polynomial(numbers(X, number), numbers(y, number), degree, reduction),
            problem.start,
            rounding,
        )
    problem = fastgd.LinearFit(X, y, intercept=intercept, reduction=reduction)
    rounding = Rounding.of_linear(X, y, intercept, reduction)
    return Case(
        problem,
        lambda number: linear(numbers(X, number), numbers(y, number), intercept, reduction),
        problem.start,
        rounding,
    )


def random_case(seed: int, kind: str = "polynomial", N: int = 7, P: int = 3, reduction: str = "mean") -> Case:
    random = np.random.default_rng(seed)
    if kind == "polynomial":
        return squared(kind, random.uniform(-1.5, 1.5, N), random.normal(size=N), degree=P - 1, reduction=reduction)
    return squared(kind, random.normal(size=(N, P - 1)), random.normal(size=N), reduction=reduction)


def assert_equals_oracle(result: Any, case: Case, *, carry: Callable[..., Any] | None = None, **shared: Any) -> None:
    """Compare every configuration of a gridded result with the oracle.

    `carry`, given rule and momentum, says what the error of theta becomes under a rule with momentum.
    """
    for index in np.ndindex(result.status.shape):
        own = {name: values[i] for (name, values), i in zip(result.axes.items(), index, strict=True)}
        if "start" in own:
            own["theta0"] = own.pop("start")
        configuration = {"theta0": case.start, "max_steps": 1000} | shared | own
        configuration["max_steps"] = int(configuration["max_steps"])
        found = [getattr(result, name)[index] for name in RESULTS]
        if case.rounding is None:
            _assert_near(case.descend(**configuration), *found)
        else:
            if carry is not None:
                configuration["carry"] = carry(configuration["rule"], configuration["momentum"])
            reference.assert_right(case.right_stops(**configuration), *found)


def _assert_near(run: reference.Run, theta: Any, loss: float, gradient_norm: float, steps: int, status: int) -> None:
    assert (steps, status) == (run.steps, run.status)
    if run.status != DIVERGED:
        assert theta == pytest.approx(run.theta, rel=1e-10, abs=1e-11)
        assert loss == pytest.approx(run.loss, rel=1e-10)
        assert gradient_norm == pytest.approx(run.gradient_norm, rel=1e-8, abs=1e-10)


def bits(result: Any) -> dict[str, bytes]:
    """Return all that a sweep found, states that it recorded among it, to the bit."""
    found = {name: getattr(result, name).tobytes() for name in RESULTS}
    if result.trajectory is not None:
        found |= {f"recorded {name}": getattr(result.trajectory, name).tobytes() for name in ("theta", "loss")}
    return found


halves = st.integers(-6, 6).map(lambda k: k / 2)  # distinct values are well apart: the rank leaves no doubt
values = st.integers(-2000, 2000).map(lambda k: k / 999)  # none so small that its square is lost


@st.composite
def squared_cases(draw: Any) -> tuple[Case, int]:
    """Draw a problem of any rank: duplicate columns, fewer distinct samples than parameters, a single sample."""
    kind, reduction = draw(st.sampled_from(["polynomial", "linear"])), draw(st.sampled_from(["mean", "sum"]))
    N, P = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    y = [draw(values) for _ in range(N)]
    if kind == "polynomial":
        return squared(kind, [draw(halves) for _ in range(N)], y, degree=P - 1, reduction=reduction), P
    intercept = draw(st.booleans()) if P > 1 else False
    X = [[draw(halves) for _ in range(P - intercept)] for _ in range(N)]
    return squared(kind, X, y, intercept=intercept, reduction=reduction), P


thresholds = st.none() | st.floats(-12, 2).map(lambda exponent: 10.0**exponent)


@st.composite
def hyperparameters(draw: Any, P: int, schedules: list[dict[str, Any]] = SCHEDULES) -> dict[str, Any]:
    how = dict(draw(st.sampled_from(schedules)))
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


def square() -> fastgd.Objective:
    return fastgd.examples.square()


def rosenbrock(theta: Any) -> Any:
    return (1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2


def rosenbrock_gradient(theta: Any) -> Any:
    bend = theta[1] - theta[0] ** 2
    return np.array([-2 * (1 - theta[0]) - 400 * theta[0] * bend, 200 * bend])
