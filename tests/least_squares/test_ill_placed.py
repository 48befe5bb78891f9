"""Data far from the origin, of high degree, or nearly alike: right numbers from every start, in every engine.

The right values come from rational or many-digit arithmetic. What an engine may be off by is what one pass over the
samples in float64 may be off by, at the start and at the stop.
"""

from __future__ import annotations

import decimal

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgd
from fastgd import Status
from tests.oracle.mean_square import Exact, columns_of, matrix_of, states_of

ENGINES = ("samples", "moments", "spectral", "auto")
EPSILON = 2.0**-52

YEARS = np.arange(1990.0, 2021.0)
WARMING = np.round(14 + 0.02 * (YEARS - 1990) + 0.1 * np.sin(YEARS), 2)

# ---- starts away from zero -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("degree", [3, 4, 5])
def test_a_start_at_the_fit_has_its_loss(degree, engine):
    problem = fastgd.PolynomialFit(YEARS, WARMING, degree)
    start = np.polynomial.Polynomial.fit(YEARS, WARMING, degree).convert().coef
    expected = float(Exact(columns_of(YEARS, degree), WARMING).loss(start))
    rates = np.geomspace(1e-6, 1e-3, 50) * problem.spectrum().max_learning_rate
    result = fastgd.sweep(problem, theta0=start, learning_rate=rates, max_steps=0, engine=engine)
    assert result.loss == pytest.approx(expected, rel=1e-4 if engine in ("samples", "auto") else 1e-9)


def test_a_direction_that_is_hardly_moved_keeps_its_residual():
    problem = fastgd.PolynomialFit(YEARS, WARMING, 4)
    start = np.polynomial.Polynomial.fit(YEARS, WARMING, 4).convert().coef
    result = fastgd.sweep(
        problem, theta0=start, learning_rate=np.geomspace(1e-30, 1e-27, 1000), max_steps=100, engine="spectral"
    )
    expected = float(Exact(columns_of(YEARS, 4), WARMING).loss(start))
    assert expected == pytest.approx(0.004752581534540067, rel=1e-12)
    assert result.loss == pytest.approx(expected, rel=1e-10)


def test_the_same_call_gives_the_same_after_the_spectrum_was_asked_for():
    problem = fastgd.PolynomialFit(YEARS, WARMING, 4)
    start = np.polynomial.Polynomial.fit(YEARS, WARMING, 4).convert().coef
    how = {"learning_rate": 1.9e-27, "max_steps": 100, "loss_threshold": 0.01}
    before = fastgd.descend(problem, start, **how)
    problem.spectrum()
    problem.minimum()
    after = fastgd.descend(problem, start, **how)
    assert before.status == after.status == Status.REACHED_LOSS
    assert before.steps == after.steps == 0
    assert before.loss == after.loss == pytest.approx(0.004752581534540067, rel=1e-6)


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
def test_several_starts_have_the_bits_of_each_alone(engine):
    problem = fastgd.PolynomialFit(YEARS, WARMING, 3)
    fit = np.polynomial.Polynomial.fit(YEARS, WARMING, 3).convert().coef
    starts = np.array([np.zeros(4), fit, fit * 1.5, [14.0, 0.0, 0.0, 0.0], fit])
    how = {"learning_rate": problem.spectrum().max_learning_rate * np.array([0.1, 0.5]), "engine": engine}
    together = fastgd.sweep(problem, theta0=starts, max_steps=30, **how)
    columns = {"learning_rate": np.tile(how["learning_rate"], 5), "theta0": np.repeat(starts, 2, axis=0)}
    zipped = fastgd.sweep(problem, configurations=columns, max_steps=30, engine=engine)
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        found = getattr(together, name)
        assert np.array_equal(found.reshape(10, *found.shape[2:]), getattr(zipped, name)), name
        for k, start in enumerate(starts):
            alone = fastgd.sweep(problem, theta0=start, max_steps=30, **how)
            assert np.array_equal(found[k], getattr(alone, name)), name


# ---- penalties far from the data's own curvature ---------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
@pytest.mark.parametrize("s", [1e-16, 1e-20, 1e-100, 1.0, 1e8])
def test_a_penalty_beside_features_of_any_size(s, engine):
    problem = fastgd.LinearFit([[s], [2 * s]], [1.0, 2.0], intercept=False, l2=1.0, reduction="sum")
    expected = 5 * s / (5 * s * s + 1)
    assert problem.minimum().theta == pytest.approx([expected], rel=1e-14)
    run = fastgd.descend(problem, learning_rate=0.5 / (5 * s * s + 1), max_steps=100, engine=engine)
    assert run.theta == pytest.approx([expected], rel=1e-14)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
def test_a_perfect_start_beside_a_penalty(engine, intercept):
    x = 1e13 * np.array([1.0, 2.0, 3.0, -5.0])
    problem = fastgd.LinearFit(x, 3 * x, intercept=intercept, l2=1e-6)
    start = [3.0, 0.0] if intercept else [3.0]
    run = fastgd.descend(problem, start, learning_rate=1e-30, max_steps=10, engine=engine)
    assert run.loss == pytest.approx(9e-6, rel=1e-12)
    assert problem.minimum().loss == pytest.approx(9e-6, rel=1e-12)


# ---- samples that are not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", fastgd.Huber(1.0)], ids=["squared", "Huber"])
@pytest.mark.parametrize("fill", [9.96921e36, -1e300, 1e30])
def test_a_sample_of_weight_zero_is_absent(fill, loss):
    x, y = np.arange(7.0), np.arange(7.0) ** 2
    x[3], weights = fill, np.ones(7)
    weights[3] = 0.0
    kept = np.arange(7) != 3
    whole = fastgd.PolynomialFit(x, y, 5, sample_weight=weights, loss=loss)
    rest = fastgd.PolynomialFit(x[kept], y[kept], 5, loss=loss)
    if loss == "squared":
        exactly = sum((sum(v**k for k in range(6)) - v * v) ** 2 for v in (0, 1, 2, 4, 5, 6)) / 6
        assert whole.loss(np.ones(6)) == pytest.approx(exactly, rel=1e-14)
    assert np.array_equal(whole.loss_and_gradient(np.ones(6))[1], rest.loss_and_gradient(np.ones(6))[1])
    assert whole.loss(np.ones(6)) == rest.loss(np.ones(6))
    assert np.array_equal(whole.spectrum().eigenvalues, rest.spectrum().eigenvalues)
    for engine in ("samples", "moments", "spectral") if loss == "squared" else ("samples",):
        how = {"learning_rate": 1e-9, "max_steps": 20, "engine": engine}
        assert np.array_equal(fastgd.descend(whole, **how).theta, fastgd.descend(rest, **how).theta)
    assert whole.predict(np.ones(6)).shape == (7,)


def test_a_row_of_weight_zero_is_absent():
    X, y, weights = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0), np.array([1.0, 2.0, 0.0, 1.0, 0.0, 3.0])
    X[[2, 4]] = 1e200
    whole = fastgd.LinearFit(X, y, sample_weight=weights)
    kept = weights > 0
    rest = fastgd.LinearFit(X[kept], y[kept], sample_weight=weights[kept])
    assert whole.loss([1.0, 2.0, 3.0]) == rest.loss([1.0, 2.0, 3.0])
    assert np.array_equal(whole.minimum().theta, rest.minimum().theta)


# ---- any centre, any spread ------------------------------------------------------------------------------------------


@st.composite
def placed(draw):
    """Draw samples anywhere, a degree, a start at zero, at random or at the fit, and a rate."""
    center = draw(st.just(0.0) | st.floats(0, 9).map(lambda e: 10.0**e))
    spread = 10.0 ** draw(st.floats(-3, 3))
    degree = draw(st.integers(1, 6))
    N = draw(st.integers(degree + 2, 14))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = center + spread * random.uniform(-1, 1, N)
    if np.unique(x).size < degree + 2:
        x = center + spread * np.linspace(-1, 1, N)
    y = random.normal(size=N) * 10.0 ** draw(st.integers(-3, 3)) + draw(st.sampled_from([0.0, 14.0]))
    start = draw(st.sampled_from(["zero", "random", "fit"]))
    return x, y, degree, start, random, draw(st.floats(0.05, 0.95)), draw(st.integers(0, 12))


def start_of(kind, x, y, degree, random):
    if kind == "zero":
        return np.zeros(degree + 1)
    if kind == "random":
        return random.normal(size=degree + 1) / np.max(np.abs(x)) ** np.arange(degree + 1)
    return np.polynomial.Polynomial.fit(x, y, degree).convert().coef


@settings(max_examples=60, deadline=None)
@given(placed())
def test_any_centre_and_spread(drawn):
    x, y, degree, kind, random, part, steps = drawn
    start = start_of(kind, x, y, degree, random)
    if not np.isfinite(start).all():
        return
    problem = fastgd.PolynomialFit(x, y, degree)
    model = Exact(columns_of(x, degree), y)
    rate = part * 2.0 / model.eigenvalues()[0]
    with mpmath.workdps(200):
        states = list(states_of(model, start, rate, steps))
        # what a pass in float64 may be off by in one residual, at the start and on the way
        size = max(sum(abs(t) * max(abs(x)) ** k for k, t in enumerate(theta)) for theta, _, _ in states)
        residual_error = 40 * (degree + 1) * EPSILON * (size + max(abs(y)))
        errors = [2 * mpmath.sqrt(loss) * residual_error + residual_error**2 for _, loss, _ in states]
        # a threshold that the loss passes well clear of rounding, if there is one
        threshold = next(
            (
                float((a[1] + b[1]) / 2)
                for a, b, error in zip(states, states[1:], errors, strict=False)
                if a[1] - b[1] > 4 * error
            ),
            None,
        )
        stop = steps if threshold is None else next(t for t, state in enumerate(states) if state[1] < threshold)
        theta, loss, _ = states[stop]
        fell = threshold is not None
        grew_for_sure = not fell and states[steps][1] > states[0][1] + 4 * errors[steps]
        expected_theta, expected_loss = [float(value) for value in theta], float(loss)
        loss_error = float(errors[stop]) + 200 * EPSILON * (expected_loss + float(np.mean(y**2)))
    seen = {}
    for before in (True, False):
        for engine in ENGINES:
            run = fastgd.descend(
                problem, start, learning_rate=rate, max_steps=steps, loss_threshold=threshold, engine=engine
            )
            if fell:
                assert (run.steps, run.status) == (stop, Status.REACHED_LOSS), engine
            else:
                assert run.steps == steps
                assert run.status in (Status.MAX_STEPS, Status.LOSS_GREW)
                assert not grew_for_sure or run.status == Status.LOSS_GREW
            assert run.loss == pytest.approx(expected_loss, rel=0, abs=loss_error), engine
            lengths = np.max(np.abs(x)) ** np.arange(degree + 1)
            moved = np.abs(run.theta - expected_theta) * lengths
            assert moved.max() <= 1e3 * EPSILON * (float(size) + np.abs(y).max()) * (steps + 1), engine
            bits = (run.theta.tobytes(), run.loss, run.gradient_norm, run.steps, run.status)
            assert seen.setdefault(engine, bits) == bits, engine
        if before:
            problem.spectrum()


ENGINES_ON_STATISTICS = ("moments", "spectral")
FAR_OFF = [113932.21338448, 113930.39151187, 113930.01606654, 113929.72746039, 113926.56965514]
SCATTERED = [-0.28259647, 0.77835908, 1.23843948, -0.12384116, 0.69014738]


@pytest.mark.parametrize("engine", ENGINES_ON_STATISTICS)
def test_terms_that_cancel_fifteen_digits_leave_the_loss_its_own(engine):
    """The fit's terms are 1e15 times its targets, and residuals may be counted from it."""
    problem = fastgd.PolynomialFit(FAR_OFF, SCATTERED, 3)
    expected = float(Exact(columns_of(np.array(FAR_OFF), 3), SCATTERED).loss(np.zeros(4)))
    run = fastgd.descend(problem, learning_rate=0.0, max_steps=0, engine=engine)
    assert run.loss == pytest.approx(expected, rel=8 * EPSILON, abs=0)


@pytest.mark.parametrize("engine", ENGINES_ON_STATISTICS)
def test_the_decimals_of_who_calls_do_not_count(engine):
    def bits():
        problem = fastgd.PolynomialFit(FAR_OFF, SCATTERED, 3)
        run = fastgd.descend(problem, learning_rate=1e-20, max_steps=3, engine=engine)
        return run.loss, run.gradient_norm, run.theta.tobytes(), problem.spectrum().eigenvalues.tobytes()

    expected = bits()
    traps = [decimal.Inexact, decimal.Rounded, decimal.FloatOperation]
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP, Emax=9, Emin=-9, traps=traps)):
        assert bits() == expected


# ---- the ends of float64 ---------------------------------------------------------------------------------------------


def test_weights_next_to_nothing_have_a_spectrum():
    problem = fastgd.PolynomialFit([0.0, 1.0, 2.0], [1.0, 2.0, 5.0], 1, sample_weight=[1, 0, 2.2250738585e-313])
    assert str(problem.spectrum()).startswith("Spectrum of 2 parameters")
    assert problem.minimum().theta == pytest.approx([1.0, 2.0], rel=1e-9)


@pytest.mark.parametrize("bounds", [(np.inf, np.inf), (-np.inf, -np.inf), ([0.0, np.inf], [1.0, np.inf])])
def test_bounds_that_leave_nothing_are_refused(bounds):
    with pytest.raises(ValueError, match=r"^bounds must have lower below inf and upper above -inf"):
        fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001], bounds=bounds)


# ---- points far from the others --------------------------------------------------------------------------------------


def far_points():
    random = np.random.default_rng(3)
    yield np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1e4]), 5
    yield np.append(random.uniform(0, 1e-3, 11), 1.0), 5
    yield 10.0 ** random.uniform(-3, 3, 12), 6
    yield np.append(np.linspace(0, 1e-2, 39), 1.0), 7
    yield np.array([0.0, 1.0, 2.0, 3.0, 4.0, 1e6, 1e6 + 1, 1e6 + 2]), 4
    yield np.append(random.uniform(1, 5, 9), 9999.0), 4


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", range(6))
def test_points_far_from_the_others(case, weighted):
    """Each step of a recurrence multiplies there what rounding has done before."""
    x, degree = list(far_points())[case]
    y = np.arange(x.size) ** 2.0 % 5
    weights = 1.0 + np.arange(x.size) % 3 if weighted else np.ones(x.size)
    repeated = np.repeat(np.arange(x.size), weights.astype(int))
    model = Exact(columns_of(x[repeated], degree), y[repeated])
    problem = fastgd.PolynomialFit(x, y, degree, sample_weight=weights if weighted else None)
    random = np.random.default_rng(case)
    for start in (np.zeros(degree + 1), np.eye(degree + 1)[0], np.eye(degree + 1)[1], random.normal(size=degree + 1)):
        for engine in ("moments", "spectral"):
            run = fastgd.descend(problem, start, learning_rate=0.0, max_steps=0, engine=engine)
            assert run.loss == pytest.approx(float(model.loss(start)), rel=1e-12), engine
    rate = 0.5 / float(problem.spectrum().eigenvalues[0])
    with mpmath.workdps(120):
        H, g0 = matrix_of(model)
        values, vectors = mpmath.eigsy(H)
        modal = vectors.T * g0
        powers = [(1 - mpmath.mpf(rate) * value) ** 1000 for value in values]
        theta = vectors * mpmath.matrix([(p - 1) / v * m for p, v, m in zip(powers, values, modal, strict=True)])
        expected = np.array([float(value) for value in theta])
    found = fastgd.descend(problem, learning_rate=rate, max_steps=1000, record_every=None, engine="spectral").theta
    lengths = np.max(np.abs(x)) ** np.arange(degree + 1)
    assert np.abs((found - expected) * lengths).max() <= 1e-11 * np.abs(expected * lengths).max()
