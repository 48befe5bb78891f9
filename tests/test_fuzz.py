"""Every argument of every public function, given anything: a right result, or one sentence that names the argument."""

from __future__ import annotations

import math
import re
import warnings
from fractions import Fraction

import mpmath
import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st

import fastgd
from tests import reference
from tests.anything import ANYTHING, MASKED, MODERATE, NUMBERS, REAL_ARRAYS, SPARSE, content

NIGHTLY = settings.get_current_profile_name() == "nightly"
X, Y, THETA = [0.0, 1.0, 2.0], [1.0, 2.0, 5.0], [0.5, -1.0]
FEATURES = [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]
SAFE = 1e75  # squares, products and sums of what is below it are far from an overflow


def examples(ci, nightly):
    return settings(max_examples=nightly if NIGHTLY else ci)


def attempt(function, changed, **keywords):
    """Call; return the result, or None for a refusal, which must name a changed argument and change no input."""
    before = {name: content(keywords[name]) for name in changed}
    note(f"{getattr(function, '__name__', function)} with {changed}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return function(**keywords)
    except (ValueError, TypeError) as error:
        sentence = str(error)
        columns = keywords.get("configurations")
        names = [*changed, *(columns if isinstance(columns, dict) else [])]
        assert any(re.search(rf"\b{re.escape(name)}\b", sentence) for name in names), sentence
        assert "\n" not in sentence, sentence
        assert len(sentence) < 400, sentence
        return None
    finally:
        for name in changed:
            assert content(keywords[name]) == before[name], f"{name} was changed"


def changes(draw, strategies, most=2):
    names = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=most, unique=True))
    return {name: draw(strategies[name]) for name in names}


def exact_rows(problem):
    """Return the rows of the model's matrix, and y, as fractions."""
    y = [Fraction(value) for value in problem.y.tolist()]
    if isinstance(problem, fastgd.PolynomialFit):
        return reference.powers([Fraction(value) for value in problem.x.tolist()], problem.degree), y
    one = [Fraction(1)] * problem.intercept
    return [[*(Fraction(value) for value in row), *one] for row in problem.X.tolist()], y


def assert_right_loss(problem, theta, loss, gradient):
    """Compare with exact arithmetic, to the rounding of the terms' sizes; not finite only next to an overflow."""
    rows, y = exact_rows(problem)
    theta = [Fraction(float(value)) for value in np.atleast_1d(theta)]
    exact_loss, exact_gradient = reference.linear(rows, y, False, problem.reduction)(theta)
    sizes = [
        sum(abs(a * b) for a, b in zip(row, theta, strict=True)) + abs(target)
        for row, target in zip(rows, y, strict=True)
    ]
    largest = max(abs(value) for row in rows for value in row)
    if max(sizes) > SAFE or largest > SAFE:
        return
    unit = Fraction(100 * 2.0**-52)
    tiny = Fraction(1e-300)
    assert abs(Fraction(loss) - exact_loss) <= unit * sum(size * size for size in sizes) + tiny
    for k, slope in enumerate(gradient):
        assert abs(Fraction(float(slope)) - exact_gradient[k]) <= unit * 2 * sum(sizes) * max(largest, 1) + tiny


def usable(problem):
    """Tell whether evaluating it needs no kernel beyond the few that this file compiles."""
    return problem.dtype == np.float64 and problem.dimension <= 3


DATA = st.one_of(ANYTHING, REAL_ARRAYS, st.lists(MODERATE, min_size=3, max_size=3))
NAMES = st.one_of(ANYTHING, st.lists(st.text(max_size=3), max_size=4))
SHARED = {"reduction": st.one_of(ANYTHING, st.sampled_from(["mean", "sum"])), "parameters": NAMES, "start": ANYTHING}
POLYNOMIAL = {"x": DATA, "y": DATA, "degree": st.one_of(ANYTHING, st.integers(-1, 2)), **SHARED}
LINE = {"X": DATA, "y": DATA, "intercept": st.one_of(ANYTHING, st.booleans()), **SHARED}


@st.composite
def problems(draw):
    """Return a constructor, its keywords, and those that were changed."""
    if draw(st.booleans()):
        changed = changes(draw, POLYNOMIAL)
        return fastgd.PolynomialFit, {"x": X, "y": Y, "degree": 1, **changed}, list(changed)
    changed = changes(draw, LINE)
    return fastgd.LinearFit, {"X": FEATURES, "y": Y, **changed}, list(changed)


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


THETAS = st.one_of(ANYTHING, REAL_ARRAYS)


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
    st.one_of(ANYTHING, REAL_ARRAYS),
    st.one_of(ANYTHING, REAL_ARRAYS),
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


STEPS = st.one_of(
    ANYTHING.filter(lambda value: not _is_large(value)), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=2)
)
RATES = st.one_of(ANYTHING, st.floats(0, 0.2), st.lists(st.floats(0, 0.2), min_size=1, max_size=3))


def _is_large(value):
    """Tell whether it may be a step limit that a test would wait for."""
    try:
        return bool((np.asarray(value, dtype=np.float64) > 50).any())
    except Exception:
        return isinstance(value, int) and value > 50


COLUMNS = st.sampled_from(["tolerance", "theta0", "decay", "rule", "max_steps"])
SWEEP = {
    "learning_rate": RATES,
    "theta0": st.one_of(ANYTHING, REAL_ARRAYS),
    "max_steps": STEPS,
    "rule": st.one_of(ANYTHING, st.sampled_from(["gradient", "sign"])),
    "schedule": st.one_of(ANYTHING, st.sampled_from(["constant", "inverse_time", "cosine", "exponential"])),
    "decay": RATES,
    "tolerance": RATES,
    "loss_threshold": RATES,
    "gradient_tolerance": RATES,
    "divergence_threshold": RATES,
    "bounds": st.one_of(ANYTHING, st.tuples(NUMBERS, NUMBERS), st.tuples(ANYTHING, ANYTHING)),
    "record_every": st.one_of(ANYTHING, st.integers(1, 3)),
    "configurations": st.one_of(
        ANYTHING,
        st.dictionaries(st.sampled_from(["tolerance", "theta0", "decay", "rule", "max_steps"]), STEPS, max_size=2),
    ),
    "engine": st.one_of(ANYTHING, st.sampled_from(["auto", "samples", "moments", "spectral"])),
    "threads": st.one_of(ANYTHING, st.integers(0, 3)),
    "progress": ANYTHING.filter(lambda value: value is not True and not callable(value)),
}
ORACLE = reference.linear([[mpmath.mpf(1), mpmath.mpf(x)] for x in X], [mpmath.mpf(y) for y in Y], intercept=False)
ROUNDING = reference.Rounding.of_polynomial(X, Y, 1)


def assert_right_outcome(problem, outcome, settings_of, start):
    """Compare one configuration with the oracle of many digits."""
    how = {name: value for name, value in outcome.configuration.items() if name != "theta0"}
    how.setdefault("divergence_threshold", 1e200)
    if settings_of.rule == "sign" or not np.abs(start).max() < SAFE or not how["learning_rate"] < SAFE:
        return
    rate, steps = how.pop("learning_rate"), how.pop("max_steps")
    with mpmath.workdps(60):
        theta0 = reference.numbers(start, mpmath.mpf)
        stops = reference.right_stops(ORACLE, theta0, rate, steps, rounding=ROUNDING, **how)
        if max(stop.loss for stop in stops.values()) < SAFE:
            reference.assert_right(
                stops, outcome.theta, outcome.loss, outcome.gradient_norm, outcome.steps, outcome.status
            )


@st.composite
def sweeps(draw):
    return changes(draw, SWEEP, most=3)


@examples(120, 6000)
@given(sweeps())
def test_sweep(changed):
    problem = fastgd.PolynomialFit(X, Y, 1)
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
        assert_right_outcome(problem, outcome, result.settings, result.grid.rows(index, index + 1)[1][0])


@examples(60, 2000)
@given(st.data())
def test_descend(data):
    problem = fastgd.PolynomialFit(X, Y, 1)
    strategies = {name: strategy for name, strategy in SWEEP.items() if name not in ("configurations", "progress")}
    changed = changes(data.draw, strategies)
    keywords = {"learning_rate": 0.1, "max_steps": 3, "threads": 1, **changed}
    run = attempt(lambda **keywords: fastgd.descend(problem, **keywords), list(changed), **keywords)
    if run is not None:
        assert run.status != fastgd.Status.CANCELLED
        assert run.trajectory is None or run.trajectory.steps[-1] == run.steps
        run.to_optimize_result()


OBJECTIVE = {
    "loss": ANYTHING,
    "gradient": ANYTHING,
    "dimension": st.one_of(ANYTHING, st.integers(-1, 3)),
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


def outcome(index):
    return fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=1).outcome(index)


def steps_to_reduce(factor=2.0, learning_rate=None):
    return fastgd.examples.pizza().spectrum().steps_to_reduce(factor, learning_rate)


def check_gradient(theta=1.0, rtol=1e-4):
    return fastgd.examples.square().check_gradient(theta, rtol=rtol)


OTHERS = [
    (fastgd.examples.sine, "half_width"),
    (fastgd.examples.sine, "rng"),
    (fastgd.examples.pizza, "intercept"),
    (lambda problem: fastgd.sweep(problem, learning_rate=0.1), "problem"),
    (outcome, "index"),
    (steps_to_reduce, "factor"),
    (steps_to_reduce, "learning_rate"),
    (check_gradient, "theta"),
    (check_gradient, "rtol"),
    (lambda threads: fastgd.roofline(0 if _is_count(threads) else threads), "threads"),
]


def _is_count(value):
    """Tell whether it is a number of threads, with which a measurement would take a second."""
    try:
        return np.ndim(value) == 0 and value >= 1
    except Exception:
        return False


@examples(100, 3000)
@given(st.sampled_from(OTHERS), ANYTHING)
def test_other_arguments(function_and_name, value):
    function, name = function_and_name
    attempt(function, [name], **{name: value})


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
