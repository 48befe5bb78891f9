"""CurveFit: a user's own model over samples, against linear fits, NIST's nonlinear sets and mpmath."""

from __future__ import annotations

import functools
import math
import pickle
import re
import warnings

import mpmath
import numba
import numpy as np
import pytest

import fastgd
from fastgd.results.plots.fit import plot_fit
from tests.oracle import nist
from tests.tools.cases import RULES, SCHEDULES, bits
from tests.tools.fits import LOSSES
from tests.tools.processes import run

X = np.linspace(0.0, 5.0, 60)
Y = 2.0 * np.exp(-1.3 * X) + 0.5 + 0.05 * np.sin(20.0 * X)
START = [1.0, 0.3, 0.1]


def decay(x, a, b, c):
    return a * math.exp(-b * x) + c


def slopes(x, a, b, c):
    e = math.exp(-b * x)
    return e, -a * x * e, 1.0


def vector_decay(x, theta):
    return theta[0] * np.exp(-theta[1] * x) + theta[2]


def fit(model=decay, x=X, y=Y, start=START, **how):
    return fastgd.CurveFit(model, x, y, start=start, **how)


# ---- it is what linear fits are -------------------------------------------------------------------------------------

N = 9001  # three blocks, the last of a single sample


def line(x, w, b):
    return w * x + b


def plane(x, theta):
    return theta[0] * x[0] + theta[1] * x[1] + theta[2] * x[2]


def cubic(x, c0, c1, c2, c3):
    return c0 + c1 * x + c2 * x**2 + c3 * x**3


def samples(shape, dtype):
    random = np.random.default_rng(len(shape))
    X = random.normal(size=shape).astype(dtype)
    return (
        X,
        random.normal(size=shape[0]).astype(dtype),
        random.uniform(0, 2, shape[0]) * (random.uniform(size=shape[0]) > 0.2),
    )


LINEAR = {
    "a line": (line, (N,), lambda x, y, **how: fastgd.LinearFit(x, y, **how)),
    "x @ w": (plane, (N, 3), lambda x, y, **how: fastgd.LinearFit(x, y, intercept=False, **how)),
    "a cubic": (cubic, (N,), lambda x, y, **how: fastgd.PolynomialFit(x, y, 3, **how)),
}


def of_each_kind_and_loss():
    """Yield a kind, a loss, whether the many or the few samples have weights, and the storage.

    Any three of these and of many and few meet, but float32, of which only the reading of a sample knows, meets each of
    the others once.
    """
    for i, loss in enumerate(LOSSES):
        for k, kind in enumerate(LINEAR):
            yield pytest.param(kind, loss, (i + k) % 2 == 0, np.float64, id=f"{kind}-{loss}")
        yield pytest.param([*LINEAR][i % 3], loss, i % 2 == 0, np.float32, id=f"{[*LINEAR][i % 3]}-{loss}, float32")


@pytest.mark.parametrize(("kind", "loss", "many_weighted", "dtype"), list(of_each_kind_and_loss()))
def test_linear_models_are_linear_fits(kind, loss, many_weighted, dtype):
    model, shape, linear = LINEAR[kind]
    x, y, weights = samples(shape, dtype)
    theta = np.random.default_rng(0).normal(size=(3, 4 if kind == "a cubic" else 3 if kind == "x @ w" else 2))
    for count, weighted in ((N, many_weighted), (30, not many_weighted)):
        how = {"loss": LOSSES[loss].loss, "sample_weight": weights[:count] if weighted else None}
        expected = linear(x[:count], y[:count], **how)
        ours = fit(model, x[:count], y[:count], theta[0], **how)
        scale = abs(expected.gradient(theta)).max()
        for found, known in zip(ours.loss_and_gradient(theta), expected.loss_and_gradient(theta), strict=True):
            assert found == pytest.approx(known, rel=1e-12, abs=1e-12 * scale)
        assert ours.predict(theta) == pytest.approx(expected.predict(theta), rel=1e-12, abs=1e-13)


def test_penalty_and_sum():
    x, y, _ = samples((40,), np.float64)
    theta = np.array([0.3, -0.7])
    plain = fit(line, x, y, theta, reduction="sum")
    penalised = fit(line, x, y, theta, reduction="sum", l2=0.25)
    assert penalised.loss(theta) == pytest.approx(plain.loss(theta) + 0.25 * (theta @ theta))
    assert penalised.gradient(theta) == pytest.approx(plain.gradient(theta) + 0.5 * theta)
    assert plain.loss(theta) == pytest.approx(40 * fit(line, x, y, theta).loss(theta))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("how", SCHEDULES, ids=lambda how: how["schedule"])
def test_descents_are_those_of_a_line(rule, how):
    x, y, _ = samples((40,), np.float64)
    how = {"learning_rate": [0.01, 0.1], "rule": rule, "max_steps": 40, "bounds": (-2.0, 0.5), "record_every": 7} | how
    expected = fastgd.sweep(fastgd.LinearFit(x, y, start=[0.1, 0.2]), engine="samples", **how)
    found = fastgd.sweep(fit(line, x, y, [0.1, 0.2]), **how)
    assert (found.status == expected.status).all()
    assert found.theta == pytest.approx(expected.theta, rel=1e-9, abs=1e-11)
    assert found.trajectory.loss == pytest.approx(expected.trajectory.loss, rel=1e-9)


# ---- against NIST and many digits -----------------------------------------------------------------------------------


def nist_fit(data, start):
    model = data.model
    return fit(lambda x, theta: model(math, x, theta), data.x, data.y, start, reduction="sum")


def exactly(data, theta, digits=60):
    """Return the sum of squares, and its gradient by quotients that are exact to far more than float64's digits."""
    with mpmath.workdps(digits):
        number = mpmath.mpf
        pairs = [(number(x), number(y)) for x, y in zip(data.x.tolist(), data.y.tolist(), strict=True)]

        def loss(point):
            return sum((data.model(mpmath, x, point) - y) ** 2 for x, y in pairs)

        at = [number(value) for value in theta.tolist()]
        h = number(10) ** -25
        moved = [
            [[value + sign * h * (j == k) for j, value in enumerate(at)] for sign in (1, -1)] for k in range(len(at))
        ]
        return float(loss(at)), [float((loss(above) - loss(below)) / (2 * h)) for above, below in moved]


@pytest.mark.parametrize("name", nist.CURVES)
def test_loss_and_gradient_of_nonlinear_nist_sets(name):
    data = nist.read_curve(name)
    problem = nist_fit(data, data.starts[1])
    assert problem.loss(data.theta) == pytest.approx(data.squares, rel=1e-9)
    for start in data.starts:
        for found, known in zip(problem.loss_and_gradient(start), exactly(data, start), strict=True):
            assert found == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("name", nist.CURVES)
def test_descents_from_nists_second_start(name):
    """Each lowers the loss at every rate below the limit, which is the lesser of those at both ends of its way."""
    data = nist.read_curve(name)
    problem = nist_fit(data, data.starts[1])
    limit = min(problem.spectrum(at).max_learning_rate for at in (problem.start, data.theta))
    rates = limit * np.append(np.geomspace(1e-6, 0.4, 30), np.linspace(0.5, 0.99, 30))
    for steps in (1, 10, 1000):
        assert (fastgd.sweep(problem, learning_rate=rates, max_steps=steps).loss < problem.loss(problem.start)).all()


# ---- its arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "start", "names"),
    [
        (lambda x, a, b, c: a * x + b + c * x * x, [1.0, 2.0, 3.0], ("a", "b", "c")),
        (lambda x, theta: theta[0] * x + theta[1], [1.0, 2.0], ("theta0", "theta1")),
        (lambda x, k: k * x, 2.0, ("k",)),
        (lambda x, k: k * x, [2.0], ("k",)),
        (lambda x, k: k[0] * x, [2.0], ("k",)),
        (lambda x, *p: p[0] * x + p[1], [1.0, 2.0], ("p0", "p1")),
        (lambda x, a, *p: a * x + p[0] * x * x, [1.0, 2.0], ("a", "p0")),
        (lambda x, a, b=2.0: a * x + b, [1.0], ("a",)),
        (lambda x, a, b=2.0: a * x + b, [1.0, 3.0], ("a", "b")),
        (
            lambda x, theta, power=2: theta[0] * x**power + theta[1] + theta[2] * x,
            [1.0, 2.0, 3.0],
            ("theta0", "theta1", "theta2"),
        ),
    ],
)
def test_parameters_are_named_by_the_signature(model, start, names):
    problem = fit(model, X, Y, start)
    assert problem.parameters == names
    assert problem.start.tolist() == np.atleast_1d(start).tolist()
    assert fit(model, X, Y, start, parameters=[f"q{k}" for k in range(len(names))]).parameters[0] == "q0"


class Decay:
    def __init__(self, offset):
        self.offset = offset

    def __call__(self, x, a, b):
        return a * math.exp(-b * x) + self.offset

    def method(self, x, a, b):
        return a * math.exp(-b * x) + self.offset


def closed(offset):
    constants = np.array([offset, 7.0])
    return lambda x, a, b: a * math.exp(-b * x) + constants[0]


@numba.njit
def helped(x, a, b):
    return a * math.exp(-b * x) + 0.5


@pytest.mark.parametrize(
    "model",
    [
        Decay(0.5),
        Decay(0.5).method,
        functools.partial(decay, c=0.5),
        closed(0.5),
        helped,
        lambda x, a, b: helped(x, a, b),
        np.vectorize(lambda x, a, b: a * math.exp(-b * x) + 0.5),
    ],
    ids=["object", "method", "partial", "closure", "jitted", "helper", "vectorized"],
)
def test_any_callable(model):
    problem = fit(model, start=[1.0, 0.3])
    whole = fit()
    assert problem.parameters == ("a", "b")
    assert problem.loss([2.0, 1.0]) == pytest.approx(whole.loss([2.0, 1.0, 0.5]), rel=1e-14)
    assert problem.gradient([2.0, 1.0]) == pytest.approx(whole.gradient([2.0, 1.0, 0.5])[:2], rel=1e-13)


def test_keywords_of_models_and_helpers():
    def curve(x, *, rate):
        return math.exp(-rate * x)

    def model(x, a, b, *, c=0.5):
        return a * curve(x, rate=b) + c

    problem = fit(model, start=[1.0, 0.3])
    assert problem.parameters == ("a", "b")
    assert problem.loss([2.0, 1.0]) == pytest.approx(fit().loss([2.0, 1.0, 0.5]), rel=1e-14)


def test_a_partial_that_holds_what_comes_before():
    scaled = functools.partial(lambda scale, x, a, b: a * scale * x + b, 3.0)
    assert fit(scaled, start=[1.0, 2.0]).predict([2.0, 1.0], [1.0, 2.0]).tolist() == [7.0, 13.0]


def test_constants_are_those_of_construction():
    constants = np.array([1.0])
    problem = fit(lambda x, a: a * x + constants[0], start=[1.0])
    constants[0] = 5.0
    assert problem.predict([2.0], [3.0]).tolist() == [7.0]


def by_keyword(x, a, b, *, c):
    return a * math.exp(-b * x) + c


def after_the_rest(x, *p, c=0.5):
    return p[0] * math.exp(-p[1] * x) + c


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"start": None}, r"^start must be given as start=\[a, b, c\], .*decides which minimum it finds.*; got None$"),
        ({"start": None, "model": vector_decay}, r"start=\[theta0, theta1, \.\.\.\]"),
        ({"start": [1.0, 2.0]}, r"^start must have 3 numbers for model\(x, a, b, c\), got 2$"),
        ({"start": [1.0] * 4}, r"^start must have 3 numbers for model\(x, a, b, c\), got 4$"),
        ({"start": [1.0, math.nan, 1.0]}, "^start must be finite"),
        ({"start": [[1.0, 2.0, 3.0]]}, r"^start must have shape \(3,\), got shape \(1, 3\)"),
        ({"model": 3}, "^model must be a function of x and the parameters, got 3$"),
        ({"model": lambda x: x}, r"^model must take x and then its parameters, .* got \(x\)$"),
        ({"model": lambda: 1.0}, r"^model must take x and then its parameters, .* got \(\)$"),
        ({"derivative": 3}, "^derivative must be a function of x and the parameters, got 3$"),
        ({"derivative": lambda x, a: a}, r"^derivative must take \(x, a, b, c\) as the model does, got \(x, a\)$"),
        ({"derivative": lambda x, a, b, c: (a, b)}, "^derivative must return 3 numbers, .*, got a tuple of 2$"),
        ({"model": lambda x, a, b, c: (a, b)}, "^model must return a float, got a tuple of 2"),
        (
            {"start": [1.0, 800.0, 1.0], "x": X - 6.0},
            r"^start must be where the model is finite, got \[.*: it is at no",
        ),
        ({"model": by_keyword}, "^model must take its parameters by their places, got c by keyword alone$"),
        ({"model": after_the_rest}, "^model must take its parameters by their places, got c by keyword alone$"),
        ({"x": X[:, None]}, "^model can't be differentiated through math.exp .*; x is a row of 1 number$"),
        (
            {"model": lambda x, a, b, c: a * x + b + c, "x": X[:, None]},
            "^model must return a float, got an array: x is a row of 1 number$",
        ),
        (
            {"model": lambda x, theta: theta * x},
            "^model must return a float, got an array: the parameters are one vector$",
        ),
        (
            {"model": lambda x, theta: theta[3] * x},
            r"at no sample, at x = -?\d.* it raises IndexError: index 3 is out of",
        ),
        ({"model": lambda x, theta: theta[0] * x if x > 1.0 else None}, "through what may be None in line"),
        (
            {"derivative": lambda x, a, b, c: [a * x, c]},
            "^start must be where .* at no sample, and derivative returns 2 numbers for it$",
        ),
        ({"x": 0.0 * X}, "^model must change with each parameter, got derivatives by b that are 0 at every sample"),
        ({"parameters": ["a"]}, "^parameters must be 3 names, got 1$"),
        ({"x": [X, X]}, "^x and y must have the same number of samples"),
        ({"x": [[X]]}, "^x must be 1-D or 2-D"),
    ],
)
def test_one_sentence(how, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        fit(**how)


def test_a_parameter_that_never_acts():
    with pytest.raises(ValueError, match="got derivatives by c that are 0"):
        fit(lambda x, a, b, c: a * math.exp(-b * x))
    with pytest.raises(ValueError, match="got derivatives by b, c that are 0"):
        fit(lambda x, a, b, c: a * x + 1.0)


def test_a_parameter_that_does_not_act_at_the_start():
    with pytest.warns(RuntimeWarning, match="^at start the model changes with b at no sample"):
        problem = fit(start=[0.0, 1.0, 0.0])
    assert problem.gradient(problem.start)[1] == 0.0
    weights = np.ones(60)
    weights[1:] = 0.0  # only x = 0 counts, where b acts on nothing
    with pytest.raises(ValueError, match="derivatives by b"):
        fit(sample_weight=weights)


def test_where_the_model_raises_is_nan():
    def raising(x, a):
        if x > 4.0:
            raise ValueError
        return a * x

    problem = fit(raising, start=[1.0])
    assert np.isnan(problem.loss([1.0]))
    assert np.isnan(problem.predict([1.0])).tolist() == (X > 4.0).tolist()
    assert np.isfinite(fit(raising, start=[1.0], sample_weight=(X <= 4.0) * 1.0).loss([1.0]))
    assert fastgd.descend(problem, learning_rate=0.1).status.name == "DIVERGED"


# ---- derivatives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [slopes, lambda x, a, b, c: [math.exp(-b * x), -a * x * math.exp(-b * x), 1], numba.njit(slopes)],
    ids=["tuple", "list", "jitted"],
)
def test_a_given_derivative_is_the_derived_one(given):
    derived = fit()
    problem = fit(derivative=given)
    assert problem.jacobian() == pytest.approx(derived.jacobian(), rel=1e-14)
    assert problem.loss_and_gradient(START)[1] == pytest.approx(derived.gradient(START), rel=1e-12)
    assert problem.check_gradient() < 1e-6


def test_a_given_derivative_wins():
    problem = fit(derivative=lambda x, a, b, c: (1.0, 2.0, x))
    assert problem.jacobian()[:2].tolist() == [[1.0, 2.0, X[0]], [1.0, 2.0, X[1]]]
    with pytest.raises(ValueError, match="the gradient is wrong in"):
        problem.check_gradient()


def test_functions_of_arrays_that_numbers_can_not_pass_through():
    """They run as Numba compiles them, sample after sample."""
    matrix = np.arange(9.0).reshape(3, 3) + np.eye(3)

    def model(x, theta):
        return float(np.sum(np.linalg.solve(matrix, theta) * x))

    def derivative(x, theta):
        return np.linalg.solve(matrix.T, x)

    x = np.random.default_rng(0).normal(size=(20, 3))
    problem = fit(model, x, x[:, 0], [1.0, 2.0, 3.0], derivative=derivative)
    J = np.linalg.solve(matrix.T, x.T).T
    assert problem.jacobian() == pytest.approx(J)
    assert problem.predict([1.0, 2.0, 3.0]) == pytest.approx(J @ [1.0, 2.0, 3.0])
    linear = fastgd.LinearFit(J, x[:, 0], intercept=False)
    assert problem.gradient([0.3, 0.2, 0.1]) == pytest.approx(linear.gradient([0.3, 0.2, 0.1]))


def test_one_parameter_may_have_one_slope():
    for derivative in (lambda x, k: x, lambda x, k: (x,), lambda x, k: [x]):
        assert fit(lambda x, k: k * x, start=2.0, derivative=derivative).jacobian().ravel().tolist() == X.tolist()


def test_branches_and_loops():
    def series(x, a, b):
        total = 0.0
        term = a
        n = 0
        while abs(term) > 1e-17 and n < 200:
            total += term
            n += 1
            term *= -b * x / n
        return total if x > 0.5 else total + 1.0

    problem = fit(series, start=[1.0, 0.3])
    e = np.exp(-0.3 * X)
    assert problem.predict([1.0, 0.3]) == pytest.approx(e + (X <= 0.5), abs=1e-14)
    assert problem.jacobian([1.0, 0.3]) == pytest.approx(np.stack([e, -X * e], axis=1), abs=1e-13)


# ---- predict and spectrum -------------------------------------------------------------------------------------------


def test_predict():
    problem = fit()
    theta = np.array([[2.0, 1.3, 0.5], [1.0, 0.0, 0.0]])
    assert problem.predict(theta).shape == (2, 60)
    assert problem.predict(theta[0]) == pytest.approx(2.0 * np.exp(-1.3 * X) + 0.5, rel=1e-14)
    assert problem.predict(theta, [0.0]).tolist() == [[2.5], [1.0]]
    with pytest.raises(ValueError, match="x must be 1-D"):
        problem.predict(theta, [[1.0, 2.0]])
    rows = fit(lambda x, a, b: a * x[0] + b * x[1], np.stack([X, X + 1], axis=1), Y, [1.0, 2.0])
    assert rows.predict([1.0, 2.0], [3.0, 4.0]).tolist() == [11.0]
    assert rows.predict([1.0, 2.0], [[3.0, 4.0], [0.0, 1.0]]).tolist() == [11.0, 2.0]
    with pytest.raises(ValueError, match=r"x must have shape \(M, 2\), got shape \(1, 3\)"):
        rows.predict([1.0, 2.0], [3.0, 4.0, 5.0])
    many = np.linspace(0.0, 1.0, 70_001)
    assert problem.predict(theta[0], many) == pytest.approx(2.0 * np.exp(-1.3 * many) + 0.5, rel=1e-14)


def test_spectrum_is_that_of_the_jacobian():
    weights = np.linspace(0.0, 2.0, 60)
    theta = np.array([1.5, 1.0, 0.2])
    for how in ({}, {"reduction": "sum", "l2": 0.3}, {"sample_weight": weights, "loss": fastgd.Huber(1.0)}):
        problem = fit(**how)
        J = problem.jacobian(theta)
        w = how.get("sample_weight", np.ones(60))
        scale = 1.0 if how.get("reduction") == "sum" else 1.0 / w.sum()
        curvature = 1.0 if "loss" in how else 2.0
        hessian = curvature * scale * (J.T * w) @ J + 2 * how.get("l2", 0.0) * np.eye(3)
        found = problem.spectrum(theta)
        assert found.eigenvalues == pytest.approx(np.linalg.eigvalsh(hessian)[::-1], rel=1e-9)
        assert found.parameters == ("a", "b", "c")
    assert problem.spectrum().eigenvalues.tolist() == problem.spectrum(problem.start).eigenvalues.tolist()
    with pytest.raises(ValueError, match=r"loss must be .* for spectrum"):
        fit(loss="absolute").spectrum()
    with pytest.raises(ValueError, match=r"theta must be where the model's derivatives are finite"):
        problem.spectrum([1.0, -1e5, 0.0])


@pytest.mark.parametrize("engine", ["moments", "spectral"])
def test_exact_engines_say_what_they_need(engine):
    with pytest.raises(ValueError, match=f"^engine='{engine}' needs .* a PolynomialFit or a LinearFit"):
        fastgd.sweep(fit(), learning_rate=0.1, engine=engine)


# ---- its samples, its bits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 60, 511, 513, 4096, 4097, 9001])
def test_any_number_of_samples(count):
    x = np.linspace(0.0, 5.0, count) + 0.1
    y = np.cos(3 * x)
    theta = np.array([1.3, 0.7, 0.2])
    r = theta[0] * np.exp(-theta[1] * x) + theta[2] - y
    e = np.exp(-theta[1] * x)
    loss, gradient = fit(x=x, y=y).loss_and_gradient(theta)
    assert loss == pytest.approx(np.mean(r * r), rel=1e-13)
    assert gradient == pytest.approx(
        2 * np.array([np.mean(r * e), np.mean(-r * theta[0] * x * e), np.mean(r)]), rel=1e-11
    )


@pytest.mark.parametrize("count", [1, 60, 128, 129])
def test_a_theta_has_the_same_bits_in_any_company(count):
    problem = fit(x=np.linspace(0.5, 5.0, count), y=np.cos(np.arange(count)))
    thetas = np.random.default_rng(0).normal(size=(131, 3))
    loss, gradient = problem.loss_and_gradient(thetas)
    for first, last in ((0, 1), (3, 8), (60, 70), (2, 131)):
        some_loss, some_gradient = problem.loss_and_gradient(thetas[first:last])
        assert some_loss.tobytes() == loss[first:last].tobytes()
        assert some_gradient.tobytes() == gradient[first:last].tobytes()


def test_a_sample_of_weight_0_is_absent():
    weights = np.ones(60)
    weights[::3] = 0.0
    y = Y.copy()
    y[::3] = 1e300
    kept = weights > 0
    assert fit(y=y, sample_weight=weights).loss_and_gradient(START)[0] == fit(x=X[kept], y=Y[kept]).loss(START)


def test_a_loss_of_ones_own_with_a_model_of_ones_own():
    cauchy = fastgd.ResidualLoss(lambda r: math.log1p(r * r), lambda r: 2 * r / (1 + r * r))
    r = fit().predict(START) - Y
    assert fit(loss=cauchy).loss(START) == pytest.approx(np.mean(np.log1p(r * r)))
    assert fit(vector_decay, loss=cauchy).loss(START) == pytest.approx(np.mean(np.log1p(r * r)))


def test_pickles():
    problem = fit(lambda x, a, b: a * math.exp(-b * x), start=[1.0, 0.3], loss=fastgd.Huber(0.1))
    copy = pickle.loads(pickle.dumps(problem))
    how = {"learning_rate": [0.01, 0.1], "max_steps": 20}
    assert bits(fastgd.sweep(copy, **how)) == bits(fastgd.sweep(problem, **how))
    assert repr(copy) == repr(problem)


def test_repr():
    assert repr(fit()) == "CurveFit(60 samples, decay(a, b, c), reduction='mean')"
    assert repr(fit(loss=fastgd.Huber(1.0), l2=0.1)).endswith("loss=Huber(delta=1.0), l2=0.1)")


def test_timing_counts_no_operations_that_nobody_knows():
    timing = fastgd.sweep(fit(), learning_rate=[0.01, 0.1], max_steps=10).timing
    assert (timing.sample_visits, timing.flops) == (60 * timing.evaluations, 0)
    assert timing.bytes == 16 * timing.sample_visits
    assert timing.roofline_fraction is None
    assert not re.search("flops|GFLOP|limit ", str(timing))


# ---- what results keep of it ----------------------------------------------------------------------------------------


def test_a_result_draws_its_curve(tmp_path):
    figure = pytest.importorskip("matplotlib.figure")
    run = fastgd.descend(fit(), learning_rate=0.1, max_steps=50)
    for drawn in (run, pickle.loads(pickle.dumps(run))):
        ax = drawn.plot.fit(ax=figure.Figure().subplots(), steps=[0, 50])
        for line, theta in zip(ax.get_lines(), drawn.trajectory.theta[[0, 50]], strict=True):
            x, y = line.get_data()
            assert y == pytest.approx(fit().predict(theta, x))
    result = fastgd.sweep(fit(), learning_rate=[0.01, 0.1], max_steps=50, record_every=10)
    drawn = len(plot_fit(result, ax=figure.Figure().subplots()).get_lines())
    result.save(tmp_path / "result.npz")
    loaded = fastgd.load(tmp_path / "result.npz")
    assert loaded == result
    with pytest.raises(ValueError, match=r"^problem must be given, the fit itself, for a file keeps samples"):
        plot_fit(loaded, ax=figure.Figure().subplots())
    assert len(plot_fit(loaded, ax=figure.Figure().subplots(), problem=fit()).get_lines()) == drawn > 3


def test_a_result_holds_no_samples():
    x = np.linspace(0.0, 5.0, 100_000)
    result = fastgd.sweep(fit(x=x, y=np.cos(x)), learning_rate=[0.01], max_steps=1)
    assert len(pickle.dumps(result)) < 60_000


def test_no_warning_of_a_usual_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit()


# ---- what is compiled -----------------------------------------------------------------------------------------------

LEAKS = """
import gc, math, os, sys
import numpy as np, fastgd

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

x = np.linspace(0.0, 1.0, 20)

def made(k):
    code = f"lambda x, a, b: a * math.exp(-b * x) + {k} * x"
    fastgd.CurveFit(eval(code), x, x, start=[1.0, 1.0]).loss([1.0, 2.0])

different = sys.argv[1] == "different"
for k in range(70 if different else 2000):  # as many as are kept, and some; until memory is used again
    made(k if different else 0)
before = resident()
for k in range(int(sys.argv[2])):
    made(70 + k if different else 0)
print((resident() - before) / int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.process
def test_different_models_leak_little_and_a_repeated_one_nothing():
    assert float(run(LEAKS, "different", "100", timeout=300.0)) < 200_000
    assert float(run(LEAKS, "same", "1000", timeout=100.0)) < 500
