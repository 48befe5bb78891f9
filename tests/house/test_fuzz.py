"""Every argument of every public function, given anything: a right result, or one sentence that names the argument."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import warnings
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import fastgd
from fastgd.descent.rules import RULES, rules_with
from fastgd.descent.schedules import SCHEDULES, schedules_with
from tests.oracle import reference
from tests.oracle.reference import SMALLEST, numbers
from tests.tools.anything import ANYTHING, MASKED, MODERATE, NUMBERS, REAL_ARRAYS, SPARSE, content, framed
from tests.tools.fits import LOSSES, kind_of

NIGHTLY = settings.get_current_profile_name() == "nightly"
X, Y, THETA = [0.0, 1.0, 2.0], [1.0, 2.0, 5.0], [0.5, -1.0]
FEATURES = [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]
SAFE = 1e75  # squares, products and sums of what is below it are far from an overflow


def examples(ci, nightly):
    return settings(max_examples=nightly if NIGHTLY else ci)


def attempt(function, changed, also=(), **keywords):
    """Call; return the result, or None for a refusal, which must name a changed argument, or one of `also`.

    Nothing may be changed by it.
    """
    before = {name: content(keywords[name]) for name in changed}
    note(f"{getattr(function, '__name__', function)} with {changed}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return function(**keywords)
    except (ValueError, TypeError) as error:
        sentence = str(error)
        columns = keywords.get("configurations")
        names = [*changed, *also, *(columns if isinstance(columns, dict) else getattr(columns, "columns", []))]
        assert any(re.search(rf"\b{re.escape(str(name))}\b", sentence) for name in names), sentence
        assert "\n" not in sentence, sentence
        assert len(sentence) < 400, sentence
        return None
    finally:
        for name in changed:
            assert content(keywords[name]) == before[name], f"{name} was changed"


def changes(draw, strategies, most=2):
    names = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=most, unique=True))
    return {name: draw(strategies[name]) for name in names}


class Bound:
    """How large psi may be at residuals up to a size, how fast it may rise, and how far it may jump at 0."""

    def __init__(self, loss):
        self.loss = loss
        self.oracle = LOSSES["the user's"].oracle if loss == USERS else kind_of(loss).oracle
        self.curvature, self.jump, self.slope = 2, 0, lambda size: 2 * size
        if isinstance(loss, fastgd.Huber):
            self.curvature, self.slope = 1, lambda size: min(size, loss.delta)
        elif loss == fastgd.LogCosh():
            self.curvature, self.slope = 1, lambda size: min(size, 1)
        elif loss == USERS:
            self.slope = lambda size: min(2 * size, 1)
        elif loss.word == "absolute":
            self.curvature, self.jump, self.slope = 0, 2, lambda size: 1


class Exact:
    """A fit's rows, y and weights in many digits, and its loss and gradient there."""

    def __init__(self, problem):
        number = mpmath.mpf
        self.y = numbers(problem.y, number)
        if isinstance(problem, fastgd.PolynomialFit):
            self.rows = reference.powers(numbers(problem.x, number), problem.degree)
        else:
            one = [number(1)] * problem.intercept
            self.rows = [[*row, *one] for row in numbers(problem.X, number)]
        self.bound = Bound(problem.residual_loss)
        self.l2, self.free = number(problem.l2), problem.free
        given = problem.sample_weight
        self.weights = [number(1)] * len(self.y) if given is None else numbers(given, number)
        self.scale = 1 / sum(self.weights) if problem.reduction == "mean" else number(1)
        self.largest = max(abs(value) for row in self.rows for value in row)
        self.at = reference.linear(
            self.rows,
            self.y,
            False,
            problem.reduction,
            loss=self.bound.oracle,
            weights=self.weights,
            l2=self.l2,
            free=self.free,
        )

    def sizes(self, theta):
        """Return the sizes of the terms of each residual."""
        return [
            sum(abs(a * b) for a, b in zip(row, theta, strict=True)) + abs(target)
            for row, target in zip(self.rows, self.y, strict=True)
        ]

    def overflows(self, theta):
        """Tell whether what is computed on the way is next to an overflow."""
        most = max(*self.sizes(theta), self.largest, *map(abs, theta), 1)
        return most > SAFE or max(*self.weights, self.l2, self.scale * max(self.weights)) * most**2 > 1e300

    def allowed(self, theta):
        """Return what rounding may change the loss and each slope by."""
        unit, bound = 100 * 2.0**-52, self.bound
        tiny = (1e-300 + 100 * SMALLEST * self.scale) * (1 + self.largest) ** 2
        loss = unit * self.l2 * sum(value * value for value in theta) + tiny
        slopes = [2 * unit * self.l2 * abs(value) + tiny for value in theta]
        for row, target, weight, size in zip(self.rows, self.y, self.weights, self.sizes(theta), strict=True):
            residual = sum(a * b for a, b in zip(row, theta, strict=True)) - target
            share, slope = self.scale * weight, bound.slope(size)
            loss += share * unit * (2 * slope * size + bound.curvature * unit * size**2)
            off = bound.curvature * unit * size + unit * slope + bound.jump * (abs(residual) <= unit * size)
            slopes = [value + share * abs(feature) * off for value, feature in zip(slopes, row, strict=True)]
        return loss, slopes


def assert_right_loss(problem, theta, loss, gradient):
    """Compare with arithmetic of many digits, to the rounding of the terms' sizes, but not next to an overflow."""
    with mpmath.workdps(60):
        exact, theta = Exact(problem), numbers(np.atleast_1d(theta), mpmath.mpf)
        if exact.overflows(theta):
            return
        (right, slopes), (error, errors) = exact.at(theta), exact.allowed(theta)
        assert abs(float(loss) - right) <= error
        for slope, right_slope, allowed in zip(gradient, slopes, errors, strict=True):
            assert abs(float(slope) - right_slope) <= allowed


def assert_right_curvature(problem, spectrum):
    """Compare the sum of the eigenvalues with the trace of the Hessian matrix, and limits with the recurrences."""
    with mpmath.workdps(60):
        exact = Exact(problem)
        trace = exact.bound.curvature * exact.scale * sum(
            weight * sum(value * value for value in row) for row, weight in zip(exact.rows, exact.weights, strict=True)
        ) + 2 * exact.l2 * (problem.dimension - (exact.free >= 0))
        if 1e-280 < trace < 1e280:
            assert abs(sum(numbers(spectrum.eigenvalues, mpmath.mpf)) - trace) <= 1e-12 * trace
    assert (spectrum.eigenvalues >= 0).all()
    assert (np.diff(spectrum.eigenvalues) <= 0).all()


def usable(problem):
    """Tell whether evaluating it needs no kernel beyond the few that this file compiles."""
    if problem.dtype != np.float64 or problem.dimension > 3:
        return False
    if problem.is_squared and problem.sample_weight is None:
        return True
    if isinstance(problem, fastgd.PolynomialFit):
        return problem.degree == 1
    return problem.X.shape[1] == 2 and problem.intercept and problem.residual_loss != USERS


def anything_or(*right):
    """Return anything, or three times out of four what may be right; `one_of` would make that one of many kinds."""
    return st.integers(0, 3).flatmap(lambda choice: st.one_of(*right) if choice else ANYTHING)


DATA = anything_or(REAL_ARRAYS, st.lists(MODERATE, min_size=3, max_size=3))
NAMES = anything_or(st.lists(st.text(max_size=3), max_size=4))
USERS = LOSSES["the user's"].loss  # one object: another would be compiled anew
DELTAS = st.sampled_from([5e-324, 1e-310, 1e-160, 1e-16, 0.5, 1.5, 1e16, 1e160, 1.7e308])
LOSS = anything_or(
    st.sampled_from([kind.loss for kind in LOSSES.values()]),
    DELTAS.map(fastgd.Huber),
    st.sampled_from(["Squared", "huber", fastgd.Huber, fastgd.LogCosh]),
)
WEIGHTS = anything_or(
    st.lists(st.one_of(st.integers(0, 3), st.floats(0, 5)), min_size=3, max_size=3),
    st.lists(st.one_of(NUMBERS, st.floats(0, 5)), min_size=3, max_size=3),
)
PENALTY = anything_or(NUMBERS, st.floats(0, 3))
SHARED = {
    "loss": LOSS,
    "sample_weight": WEIGHTS,
    "l2": PENALTY,
    "reduction": anything_or(st.sampled_from(["mean", "sum"])),
    "parameters": NAMES,
    "start": ANYTHING,
}
DOMAIN = anything_or(st.tuples(NUMBERS, NUMBERS))
POLYNOMIAL = {"x": DATA, "y": DATA, "degree": anything_or(st.integers(-1, 2)), "domain": DOMAIN, **SHARED}
LINE = {"X": DATA, "y": DATA, "intercept": anything_or(st.booleans()), "domain": DOMAIN, **SHARED}


@st.composite
def problems(draw):
    """Return a constructor, its keywords, and those that were changed."""
    if draw(st.booleans()):
        changed = changes(draw, POLYNOMIAL, most=3)
        return fastgd.PolynomialFit, {"x": X, "y": Y, "degree": 1, **changed}, list(changed)
    changed = changes(draw, LINE, most=3)
    return fastgd.LinearFit, {"X": FEATURES, "y": Y, **changed}, list(changed)


@pytest.mark.slow
@examples(150, 8000)
@given(problems())
def test_problems(drawn):
    kind, keywords, changed = drawn
    problem = attempt(kind, changed, **keywords)
    if problem is None:
        return
    assert np.isfinite(problem.y).all()
    assert len(problem.parameters) == problem.dimension
    assert problem.start.shape == (problem.dimension,)
    repr(problem)
    if usable(problem):
        theta = np.arange(1.0, problem.dimension + 1)
        assert_right_loss(problem, theta, *problem.loss_and_gradient(theta))
    if problem.dimension <= 3:
        assert_right_descriptions(problem, keywords)


def assert_right_descriptions(problem, keywords):
    """Compare the minimum and the spectrum, where there are any; refusals name what the problem was made of."""
    data = set(keywords) - {"parameters", "start", "degree", "intercept"}
    spectrum = attempt(problem.spectrum, [], data)
    if spectrum is None:
        assert_has_none_or_is_extreme(problem, problem.residual_loss.curvature is None)
    else:
        str(spectrum), spectrum.best_momentum, spectrum.condition_number, spectrum.slowest_mode
        assert_right_curvature(problem, spectrum)
    least = attempt(problem.minimum, [], {"loss", *data})
    if least is None:
        assert_has_none_or_is_extreme(problem, not problem.is_squared)
        return
    assert np.isfinite(least.theta).all()
    with mpmath.workdps(60):
        exact, theta = Exact(problem), numbers(least.theta, mpmath.mpf)
        if not exact.overflows(theta):
            assert abs(least.loss - exact.at(theta)[0]) <= exact.allowed(theta)[0]


def assert_has_none_or_is_extreme(problem, has_none):
    """Assert that a refusal is due: there is no such thing for this loss, or numbers are far from 1."""
    arrays = [problem.y, problem.x if isinstance(problem, fastgd.PolynomialFit) else problem.X, [problem.l2]]
    arrays += [] if problem.sample_weight is None else [problem.sample_weight]
    sizes = np.abs(np.concatenate([np.ravel(array).astype(np.float64) for array in arrays]))
    assert has_none or (sizes > 1e70).any() or ((sizes < 1e-70) & (sizes > 0)).any()


RESIDUALS = anything_or(REAL_ARRAYS, st.lists(NUMBERS, max_size=4))


@examples(60, 2000)
@given(st.data())
def test_losses(data):
    """What losses are made of, and the check of psi."""
    name = data.draw(st.sampled_from(["delta", "rho", "psi", "residuals", "rtol"]))
    value = data.draw(anything_or(DELTAS) if name != "residuals" else RESIDUALS)
    if name == "delta":
        loss = attempt(fastgd.Huber, ["delta"], delta=value)
        assert loss is None or 0 < loss.delta < math.inf
        if loss is not None:
            assert loss.delta == float(np.asarray(value))
            assert_right_loss(
                problem := fastgd.PolynomialFit(X, Y, 1, loss=loss), THETA, *problem.loss_and_gradient(THETA)
            )
    elif name in ("rho", "psi"):
        loss = attempt(fastgd.ResidualLoss, [name], **{"rho": abs, "psi": abs, name: value})
        assert loss is None or callable(value) or (name, value) == ("psi", None)
    else:
        found = attempt(USERS.check, [name], ["psi"] * (name == "rtol"), **{name: value})
        assert found is None or 0 <= found <= (np.asarray(value).item() if name == "rtol" else 1e-5)


@examples(40, 1500)
@given(
    anything_or(st.sampled_from(list(RULES))),
    anything_or(st.floats(0, 1)),
)
def test_stability_limit(rule, momentum):
    """At the limit the recurrence of the steepest mode has the root -1."""
    spectrum = fastgd.PolynomialFit(X, Y, 1).spectrum()
    limit = attempt(spectrum.stability_limit, ["rule", "momentum"], rule=rule, momentum=momentum)
    if limit is None:
        return
    beta, product = Fraction(float(np.asarray(momentum))), Fraction(limit) * Fraction(float(spectrum.eigenvalues[0]))
    size = 1 + RULES[rule].memories
    columns = []  # of the recurrence and the identity: theta in units of the mode, and what the rule keeps
    for j in range(size):
        theta, *kept = (Fraction(int(i == j)) for i in range(size))
        u, *after = reference.RULES[rule](theta, beta, 0, *kept)
        columns.append([value + (i == j) for i, value in enumerate([theta - product * u, *after])])
    with mpmath.workdps(60):
        determinant = mpmath.det(mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in c] for c in columns]))
    assert abs(determinant) <= 1e-14


THETAS = anything_or(REAL_ARRAYS)


@examples(100, 4000)
@given(st.sampled_from(["loss", "gradient", "loss_and_gradient"]), THETAS, st.booleans())
def test_evaluations(method, theta, line):
    problem = fastgd.LinearFit(FEATURES, Y, intercept=False) if line else fastgd.PolynomialFit(X, Y, 1)
    found = attempt(getattr(problem, method), ["theta"], theta=theta)
    if found is None:
        return
    at = np.asarray(theta, dtype=np.float64).reshape(-1, 2)
    loss, gradient = problem.loss_and_gradient(at)
    answers = {"loss": [loss], "gradient": [gradient], "loss_and_gradient": [loss, gradient]}[method]
    for answer, alone in zip(answers, found if method == "loss_and_gradient" else [found], strict=True):
        assert np.array_equal(np.ravel(answer), np.ravel(alone), equal_nan=True)
    for point, value, slopes in zip(at, loss, gradient, strict=True):
        if np.isfinite(point).all():
            assert_right_loss(problem, point, value, slopes)
        else:
            assert not math.isfinite(value)


@examples(60, 2000)
@given(
    st.booleans(),
    anything_or(REAL_ARRAYS),
    anything_or(REAL_ARRAYS),
    st.sampled_from(["theta", "x", "both"]),
)
def test_predict(line, theta, x, which):
    problem = fastgd.LinearFit(FEATURES, Y, intercept=False) if line else fastgd.PolynomialFit(X, Y, 1)
    changed = {"theta": theta} if which == "theta" else {"x": x} if which == "x" else {"theta": theta, "x": x}
    found = attempt(problem.predict, list(changed), **{"theta": THETA, "x": None, **changed})
    if found is None:
        return
    at = np.asarray(changed.get("theta", THETA), dtype=np.float64)
    samples = np.asarray(FEATURES if line else X) if changed.get("x") is None else np.asarray(x, dtype=np.float64)
    samples = samples.reshape(-1, 2) if line else samples
    with np.errstate(all="ignore"):
        expected = at @ samples.T if line else at[..., :1] + at[..., 1:] * samples
    big = np.abs(expected) > 1e300
    assert found.shape == expected.shape
    assert np.allclose(np.where(big, 0.0, found), np.where(big, 0.0, expected), rtol=1e-10, atol=1e-10, equal_nan=True)


STEPS = anything_or(st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2)).filter(
    lambda value: not _is_large(value)
)
RATES = anything_or(st.floats(0, 0.2), st.lists(st.floats(0, 0.2), min_size=1, max_size=3))


def _is_large(value):
    """Tell whether it may be a step limit that a test would wait for."""
    try:
        return bool((np.asarray(value, dtype=np.float64) > 50).any())
    except Exception:
        return isinstance(value, int) and value > 50


COLUMNS = st.sampled_from(["tolerance", "theta0", "decay", "rule", "max_steps", "momentum"])
NUMERIC = st.sampled_from(["tolerance", "decay", "momentum", "loss_threshold", "learning_rate"])
SWEEP = {
    "learning_rate": RATES,
    "theta0": anything_or(REAL_ARRAYS),
    "max_steps": STEPS,
    "rule": anything_or(st.sampled_from(tuple(RULES))),
    "momentum": anything_or(st.floats(0, 1), st.lists(st.floats(0, 0.99), min_size=1, max_size=3)),
    "schedule": anything_or(st.sampled_from(tuple(SCHEDULES))),
    "decay": RATES,
    "tolerance": RATES,
    "loss_threshold": RATES,
    "gradient_tolerance": RATES,
    "divergence_threshold": RATES,
    "bounds": anything_or(
        st.tuples(NUMBERS, NUMBERS),
        st.tuples(ANYTHING, ANYTHING),
        st.dictionaries(st.sampled_from(["c0", "c1", "c2"]), st.tuples(NUMBERS, st.none() | NUMBERS), max_size=2),
    ),
    "record_every": anything_or(st.integers(1, 3)),
    "configurations": anything_or(
        st.dictionaries(COLUMNS, STEPS, max_size=2),
        st.dictionaries(NUMERIC, st.lists(st.floats(0, 0.9), min_size=1, max_size=3), max_size=2).map(framed),
    ),
    "engine": anything_or(st.sampled_from(["auto", "samples", "moments", "spectral"])),
    "threads": anything_or(st.integers(0, 3)),
    "progress": ANYTHING.filter(lambda value: value is not True and not callable(value)),
}
HOW = {"sample_weight": [1.0, 0.5, 2.0], "l2": 0.25}
PROBLEMS = {
    "plain": {},
    "weighted": HOW,
    "absolute": {"loss": "absolute", **HOW},
    "Huber": {"loss": LOSSES["huber"].loss},
    "log-cosh": {"loss": fastgd.LogCosh(), **HOW},
    "the user's": {"loss": USERS, **HOW},
}


class Loose(reference.Rounding):
    """Rounding of any loss whose psi is at most 2 |r|, or 1."""

    def of_loss(self, state):
        size = self.mean_square + self.hessian_norm * reference.norm(state.theta) ** 2
        return super().of_loss(state) + 100 * reference.EPSILON * (size + mpmath.sqrt(size))


def rounding_of(exact, kind):
    """Return what a fit's arithmetic may be wrong by: that of the squared loss, which is curved most."""
    root = [mpmath.sqrt(exact.scale * weight) for weight in exact.weights]
    rows = [[float(r * value) for value in row] for r, row in zip(root, exact.rows, strict=True)]
    y = [float(r * value) for r, value in zip(root, exact.y, strict=True)]
    for k in range(len(rows[0])):
        if k != exact.free and exact.l2:
            rows.append([math.sqrt(float(exact.l2)) * (j == k) for j in range(len(rows[0]))])
            y.append(0.0)
    return kind(*reference.Rounding.of_linear(rows, y, intercept=False, reduction="sum"))


def watched(exact):
    """Return the oracle, which gives up where the sign of a residual hangs on rounding if the loss asks for it."""
    if not exact.bound.jump:
        return exact.at

    @functools.wraps(exact.at)
    def loss_and_gradient(theta):
        for row, target, size in zip(exact.rows, exact.y, exact.sizes(theta), strict=True):
            if abs(sum(a * b for a, b in zip(row, theta, strict=True)) - target) <= 1e-9 * size:
                raise reference.Undecided
        return exact.at(theta)

    return loss_and_gradient


def assert_right_outcome(problem, outcome, start):
    """Compare one configuration with the oracle of many digits."""
    how = {name: value for name, value in outcome.configuration.items() if name not in ("theta0", "engine")}
    how.setdefault("divergence_threshold", 1e200)
    if not np.abs(start).max() < SAFE or not how["learning_rate"] < SAFE:
        return
    rate, steps = how.pop("learning_rate"), how.pop("max_steps")
    with mpmath.workdps(60):
        exact = Exact(problem)
        theta0 = numbers(start, mpmath.mpf)
        kind = reference.Rounding if problem.is_squared else Loose
        try:
            stops = reference.right_stops(
                watched(exact),
                theta0,
                rate,
                steps,
                rounding=rounding_of(exact, kind),
                convex=problem.residual_loss != USERS,
                **how,
            )
        except reference.Undecided:
            return
        if exact.bound.jump and max(stop.theta_error for stop in stops.values()) > 1e-10:
            return
        if max(stop.loss for stop in stops.values()) < SAFE:
            reference.assert_right(
                stops, outcome.theta, outcome.loss, outcome.gradient_norm, outcome.steps, outcome.status
            )


@st.composite
def sweeps(draw):
    changed = changes(draw, SWEEP, most=3)
    for name, other, users in (
        ("momentum", "rule", rules_with("momentum")),
        ("decay", "schedule", schedules_with("decay")),
    ):
        if name in changed and draw(st.booleans()):
            changed[other] = draw(st.sampled_from(users))
    return draw(st.sampled_from(sorted(PROBLEMS))), changed


@pytest.mark.slow
@examples(120, 6000)
@given(sweeps())
def test_sweep(drawn):
    how, changed = drawn
    problem = fastgd.PolynomialFit(X, Y, 1, **PROBLEMS[how])
    keywords = {"learning_rate": 0.1, "max_steps": 3, "threads": 1, **changed}
    result = attempt(lambda **keywords: fastgd.sweep(problem, **keywords), list(changed), **keywords)
    if result is None:
        return
    assert set(np.unique(result.status)) <= {int(status) for status in fastgd.Status} - {fastgd.Status.CANCELLED}
    kept = result.status >= 0
    assert np.isfinite(result.loss[kept]).all()
    assert np.isfinite(result.theta[kept]).all()
    str(result), repr(result), result.fastest
    for index in range(min(result.status.size, 3)):
        outcome = result.outcome(index)
        assert_right_outcome(problem, outcome, result.grid.rows(index, index + 1)[1][0])


@examples(60, 2000)
@given(st.data())
def test_descend(data):
    problem = fastgd.PolynomialFit(X, Y, 1, **PROBLEMS[data.draw(st.sampled_from(sorted(PROBLEMS)))])
    drawn = data.draw(sweeps())[1]
    changed = {name: value for name, value in drawn.items() if name not in ("configurations", "progress")}
    keywords = {"learning_rate": 0.1, "max_steps": 3, "threads": 1, **changed}
    run = attempt(lambda **keywords: fastgd.descend(problem, **keywords), list(changed), **keywords)
    if run is not None:
        assert run.status != fastgd.Status.CANCELLED
        assert run.trajectory is None or run.trajectory.steps[-1] == run.steps
        run.to_optimize_result()
        assert_right_outcome(problem, run, run.configuration["theta0"])


OBJECTIVE = {
    "loss": ANYTHING,
    "gradient": ANYTHING,
    "dimension": anything_or(st.integers(-1, 3)),
    "parameters": NAMES,
    "start": ANYTHING,
    "compile": ANYTHING.filter(lambda value: value is not True),
}


@examples(60, 2000)
@given(st.data())
def test_objective(data):
    changed = changes(data.draw, OBJECTIVE)
    keywords = {"loss": abs, "gradient": abs, "compile": False, **changed}
    problem = attempt(fastgd.Objective, list(changed), **keywords)
    if problem is not None:
        assert problem.start.shape == (problem.dimension,) == (len(problem.parameters),)


def decaying(x, a, b):
    return a * math.exp(-b * x)


CURVE = {
    "model": ANYTHING,
    "x": anything_or(st.lists(MODERATE, min_size=3, max_size=3)),
    "y": DATA,
    "derivative": ANYTHING.filter(lambda value: value is not None),
    **SHARED,
    "start": ANYTHING.filter(lambda value: value is not None),
}


@examples(60, 2000)
@given(st.data())
def test_curve_fit(data):
    changed = changes(data.draw, CURVE)
    keywords = {"model": decaying, "x": X, "y": Y, "start": [1.0, 0.5], **changed}
    problem = attempt(fastgd.CurveFit, list(changed), ["model", "start"], **keywords)
    if problem is not None:
        assert problem.start.shape == (problem.dimension,) == (len(problem.parameters),)
        assert problem.predict(problem.start).shape == (len(problem.y),)


@functools.cache
def curve():
    return fastgd.CurveFit(decaying, X, Y, start=[1.0, 0.5])


SQUARE = fastgd.examples.square()


@functools.cache
def swept():
    return fastgd.sweep(
        SQUARE, learning_rate=[0.1, 0.2], max_steps=[1, 2]
    )  # it extends as long as the problem is there


def of_result(method, name):
    """Return a method of a result that takes one argument by this name, and the name."""
    return (lambda **keywords: getattr(swept(), method)(**keywords)), name


def zoom(**changed):
    keywords = {"x": "learning_rate", "y": "theta0", "window": ((0.1, 0.2), (0.0, 1.0)), "shape": 2, "max_steps": 1}
    return fastgd.zoom(fastgd.examples.square(), **{**keywords, **changed})


def steps_to_reduce(factor=2.0, learning_rate=None):
    return fastgd.examples.pizza().spectrum().steps_to_reduce(factor, learning_rate)


def check_gradient(theta=1.0, rtol=1e-4):
    return fastgd.examples.square().check_gradient(theta, rtol=rtol)


OTHERS = [
    (lambda theta: curve().spectrum(theta), "theta"),
    (lambda theta: curve().jacobian(theta), "theta"),
    (lambda theta: curve().predict(theta), "theta"),
    (lambda x: curve().predict([1.0, 0.5], x), "x"),
    (fastgd.examples.sine, "half_width"),
    (fastgd.examples.sine, "rng"),
    (fastgd.examples.pizza, "intercept"),
    (lambda problem: fastgd.sweep(problem, learning_rate=0.1), "problem"),
    of_result("outcome", "index"),
    of_result("best_along", "axis"),
    of_result("isel", "learning_rate"),
    of_result("sel", "learning_rate"),
    of_result("sel", "method"),
    of_result("extend", "learning_rate"),
    of_result("save", "path"),
    of_result("explore", "path"),
    (fastgd.load, "path"),
    (fastgd.open_result, "path"),
    (lambda store: fastgd.sweep(SQUARE, learning_rate=0.1, store=3 if _is_path(store) else store), "store"),
    (lambda durable: fastgd.sweep(SQUARE, learning_rate=0.1, durable=durable), "durable"),
    (lambda executor: fastgd.sweep(SQUARE, learning_rate=0.1, executor=executor), "executor"),
    (fastgd.boundary, "result"),
    (lambda by: fastgd.boundary(swept(), by), "by"),
    *((zoom, name) for name in ("window", "x", "y", "shape", "spacing", "result")),
    (steps_to_reduce, "factor"),
    (steps_to_reduce, "learning_rate"),
    (check_gradient, "theta"),
    (check_gradient, "rtol"),
    (lambda theta: fastgd.PolynomialFit(X, Y, 2).standardized().original(theta), "theta"),
    (lambda theta: fastgd.LinearFit(X, Y).standardized().standard(theta), "theta"),
    (lambda threads: fastgd.roofline(0 if _is_count(threads) else threads), "threads"),
]


def _is_path(value):
    """Tell whether a store would be made there."""
    return isinstance(value, str | os.PathLike)


def _is_count(value):
    """Tell whether it is a number of threads, with which a measurement would take a second."""
    try:
        return np.ndim(value) == 0 and value >= 1
    except Exception:
        return False


@pytest.mark.slow
@examples(250, 3000)
@given(st.sampled_from(OTHERS), ANYTHING)
def test_other_arguments(function_and_name, value):
    function, name = function_and_name
    axes = ("learning_rate", "theta0") if function is zoom else ()  # what a window has values of
    attempt(function, [name], axes, **{name: value})


FUZZED = {
    "PolynomialFit": {*POLYNOMIAL},
    "LinearFit": {*LINE},
    "Objective": {*OBJECTIVE},
    "CurveFit": {*CURVE},
    "Huber": {"delta"},
    "LogCosh": set(),
    "ResidualLoss": {"rho", "psi"},
    "sweep": {"problem", "store", "durable", "executor", *SWEEP},
    "descend": {"problem", *SWEEP} - {"configurations", "progress"},
    "roofline": {"threads"},
    "examples.square": set(),
    "examples.sine": {"half_width", "rng"},
    "examples.pizza": {"intercept"},
    "examples.dart": set(),
    "examples.decay": set(),
    "CurveFit.predict": {"theta", "x"},
    "CurveFit.jacobian": {"theta"},
    "CurveFit.spectrum": {"theta"},
    "PolynomialFit.predict": {"theta", "x"},
    "PolynomialFit.check_gradient": {"theta", "rtol"},
    "ResidualLoss.check": {"residuals", "rtol"},
    "load": {"path"},
    "open_result": {"path"},
    "zoom": {"problem", "result", "window", "x", "y", "shape", "spacing", "keywords"},
    "boundary": {"result", "by"},
    "SweepResult.isel": {"indices"},
    "SweepResult.sel": {"method", "values"},
    "SweepResult.extend": {"axes"},
    "SweepResult.save": {"path"},
    "SweepResult.explore": {"path"},
    "SweepResult.outcome": {"index"},
    "SweepResult.best_along": {"axis"},
    "Spectrum.stability_limit": {"rule", "momentum"},
    "Spectrum.steps_to_reduce": {"factor", "learning_rate"},
    **{f"PolynomialFit.{name}": {"theta"} for name in ("loss", "gradient", "loss_and_gradient")},
}
INTERNAL = {f"{kind}.point" for kind in ("PolynomialFit", "LinearFit", "CurveFit", "Objective")}
INTERNAL |= {f"{kind}.data_of" for kind in ("PolynomialFit", "LinearFit", "CurveFit")}
INTERNAL |= {"Spectrum.of", "SweepResult.at", "SweepResult.replaced"}
MADE_BY_FASTGD = (
    "Boundary",
    "Descent",
    "ExecutorLost",
    "Problem",
    "Status",
    "SweepInterrupted",
    "SweepResult",
    "Timing",
    "examples",
)


def public_arguments():
    """Return the arguments of every public function and, but for those without any, every public method."""
    functions = {name: getattr(fastgd, name) for name in fastgd.__all__ if name not in MADE_BY_FASTGD}
    for name in ("square", "sine", "pizza", "dart", "decay"):
        functions[f"examples.{name}"] = getattr(fastgd.examples, name)
    found = {name: set(inspect.signature(function).parameters) for name, function in functions.items()}
    classes = [kind for kind in functions.values() if inspect.isclass(kind)]
    for kind in [*classes, fastgd.SweepResult, fastgd.Descent, type(fastgd.examples.pizza().spectrum())]:
        for name, method in inspect.getmembers(kind, callable):
            if not name.startswith("_"):
                arguments = set(inspect.signature(method).parameters) - {"self"}
                found |= {f"{kind.__name__}.{name}": arguments} if arguments else {}
    return found


def test_nothing_public_is_left_out():
    """A method that several problems share is fuzzed once."""
    for name, arguments in public_arguments().items():
        if name not in INTERNAL:
            shared = name.replace("LinearFit.", "PolynomialFit.").replace("Objective.", "PolynomialFit.")
            shared = shared.replace("CurveFit.", "PolynomialFit.")
            assert FUZZED[name if name in FUZZED else shared] == arguments, name


TAKERS = {
    "x": lambda x: fastgd.PolynomialFit(x, Y, 1),
    "X": lambda X: fastgd.LinearFit(X, Y),
    "y": lambda y: fastgd.PolynomialFit(X, y, 1),
    "theta": lambda theta: fastgd.PolynomialFit(X, Y, 1).loss(theta),
    "learning_rate": lambda learning_rate: fastgd.sweep(fastgd.examples.square(), learning_rate=learning_rate),
    "theta0": lambda theta0: fastgd.descend(fastgd.PolynomialFit(X, Y, 1), theta0, learning_rate=0.1),
    "start": lambda start: fastgd.PolynomialFit(X, Y, 1, start=start),
}


@examples(60, 2000)
@given(st.one_of(SPARSE, MASKED), st.sampled_from(sorted(TAKERS)))
def test_masked_and_sparse_are_never_taken_for_their_values(value, name):
    """What a mask hides would count, and a sparse matrix is no array."""
    taken = attempt(TAKERS[name], [name], **{name: value})
    if taken is not None:
        assert isinstance(value, np.ma.MaskedArray)
        assert not np.ma.is_masked(value)
