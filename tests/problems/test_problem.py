"""Losses and gradients: against finite differences, and themselves in other batches; what a problem knows."""

from __future__ import annotations

import math
import pickle

import numba
import numpy as np
import pytest
import scipy.optimize

import fastgd
from tests.tools.cases import rosenbrock, rosenbrock_gradient
from tests.tools.compiling import compilations, names


def random_polynomial(P, reduction):
    x = np.random.default_rng(5).uniform(-1.5, 1.5, 300)
    return fastgd.PolynomialFit(x, np.sin(2 * x), P - 1, reduction=reduction)


def random_line(F, intercept):
    X = np.random.default_rng(5).normal(size=(120, F))
    return fastgd.LinearFit(X, np.sin(X.sum(axis=1)), intercept=intercept)


def valley(compiled):
    return fastgd.Objective(rosenbrock, rosenbrock_gradient, dimension=2, start=[-1.2, 1.0], compile=compiled)


PROBLEMS = [
    *((random_polynomial, P, reduction) for P in (1, 2, 7, 8, 9, 16) for reduction in ("mean", "sum")),
    *((random_line, F, intercept) for F in (1, 3, 8, 9, 20) for intercept in (True, False)),
    *((valley, compiled) for compiled in (True, False)),
    (fastgd.examples.square,),
    (fastgd.examples.dart,),
]


@pytest.fixture(params=PROBLEMS, ids=lambda made: " ".join(map(str, (made[0].__name__, *made[1:]))), scope="module")
def problem(request):
    make, *arguments = request.param
    return make(*arguments)


def test_gradient_matches_finite_differences(problem):
    theta = np.random.default_rng(3).uniform(-0.5, 0.5, problem.dimension)
    difference = scipy.optimize.approx_fprime(theta, problem.loss, 1e-7)
    assert problem.gradient(theta) == pytest.approx(difference, rel=1e-5, abs=1e-5 * np.abs(difference).max())
    assert problem.check_gradient(theta) < 1e-6
    assert problem.check_gradient() < 1e-6


@pytest.mark.parametrize("C", [1, 2, 7, 33])
def test_batch_equals_single_bit_for_bit(problem, C):
    thetas = np.random.default_rng(C).normal(size=(C, problem.dimension))
    losses, gradients = problem.loss_and_gradient(thetas)
    assert (losses.shape, gradients.shape) == ((C,), (C, problem.dimension))
    for theta, loss, gradient in zip(thetas, losses, gradients, strict=True):
        alone_loss, alone_gradient = problem.loss_and_gradient(theta)
        assert type(alone_loss) is float
        assert (alone_loss, alone_gradient.tobytes()) == (loss, gradient.tobytes())
    assert problem.loss(thetas).tobytes() == losses.tobytes()
    assert problem.gradient(thetas).tobytes() == gradients.tobytes()
    assert problem.loss(thetas[0]) == losses[0]
    assert problem.gradient(thetas[0]).tobytes() == gradients[0].tobytes()


def test_serial_and_parallel_evaluation_share_their_bits():
    random = np.random.default_rng(8)
    x = random.normal(size=50_021)
    y = random.normal(size=50_021)
    for problem in (
        fastgd.PolynomialFit(x, y, 3),
        fastgd.PolynomialFit(x, y, 11),
        fastgd.LinearFit(x[:50_020].reshape(-1, 2), y[:25_010]),
        fastgd.LinearFit(x[:50_000].reshape(-1, 20), y[:2_500]),
    ):
        thetas = random.normal(size=(60, problem.dimension))
        losses, gradients = problem.loss_and_gradient(thetas)  # above the visits worth a parallel launch
        for theta, loss, gradient in zip(thetas, losses, gradients, strict=True):
            alone = problem.loss_and_gradient(theta)  # below
            assert (alone[0], alone[1].tobytes()) == (loss, gradient.tobytes())


def test_empty_batch():
    losses, gradients = fastgd.PolynomialFit([1, 2], [3, 4], 1).loss_and_gradient(np.empty((0, 2)))
    assert (losses.shape, gradients.shape) == ((0,), (0, 2))


def test_results_belong_to_the_caller(problem):
    theta = problem.start.copy()
    first = problem.gradient(theta)
    first[:] = 7.0
    assert not np.array_equal(problem.gradient(theta), first)
    assert np.array_equal(theta, problem.start)


def test_overflow_is_no_error():
    problem = fastgd.PolynomialFit([1.0, 2.0], [1.0, 2.0], 1)
    loss, gradient = problem.loss_and_gradient([1e200, 0.0])
    assert loss == math.inf
    assert np.all(gradient > 1e200)
    assert math.isnan(problem.loss([math.nan, 0.0]))
    assert problem.loss([math.inf, 0.0]) == math.inf


# ---- what a problem knows -------------------------------------------------------------------------------------------


def test_names_and_starts():
    cubic = fastgd.PolynomialFit([1, 2], [3, 4], 3)
    assert (cubic.dimension, cubic.parameters) == (4, ("c0", "c1", "c2", "c3"))
    assert np.array_equal(cubic.start, np.zeros(4))
    line = fastgd.LinearFit([1, 2], [3, 4])
    assert (line.dimension, line.parameters) == (2, ("w", "b"))
    plane = fastgd.LinearFit([[1, 2], [3, 4]], [3, 4], intercept=False)
    assert (plane.dimension, plane.parameters) == (2, ("w0", "w1"))
    named = fastgd.PolynomialFit([1, 2], [3, 4], 1, parameters=["offset", "slope"], start=[5, 6])
    assert (named.parameters, named.start.tolist()) == (("offset", "slope"), [5.0, 6.0])
    scalar = fastgd.Objective(lambda t: t * t, lambda t: 2 * t, start=3)
    assert (scalar.dimension, scalar.parameters, scalar.start.tolist()) == (1, ("theta",), [3.0])


def test_scalar_theta_where_there_is_one_parameter():
    problem = fastgd.LinearFit([1, 2], [2, 4], intercept=False)
    assert problem.loss(2.0) == 0.0
    assert problem.loss([2.0]) == 0.0
    assert problem.gradient(3.0).tolist() == [5.0]  # 2/2 (1 * 1 + 2 * 2)
    assert problem.loss([[2.0], [3.0]]).tolist() == [0.0, 2.5]
    assert problem.predict(3.0).tolist() == [3.0, 6.0]


def test_predict():
    cubic = fastgd.PolynomialFit([0, 1, 2], [0, 0, 0], 2)
    assert cubic.predict([1, 2, 3]).tolist() == [1.0, 6.0, 17.0]
    assert cubic.predict([1, 2, 3], [-1, 10]).tolist() == [2.0, 321.0]
    assert cubic.predict([[1, 2, 3], [0, 0, 1]], [2, 3]).tolist() == [[17.0, 34.0], [4.0, 9.0]]
    plane = fastgd.LinearFit([[1, 2], [3, 4], [5, 6]], [0, 0, 0])
    assert plane.predict([1, 10, 100]).tolist() == [121.0, 143.0, 165.0]
    assert plane.predict([1, 10, 100], [[0, 1]]).tolist() == [110.0]
    assert plane.predict([[1, 10, 100], [0, 0, 1]], [[0, 1], [1, 1]]).tolist() == [[110.0, 111.0], [1.0, 1.0]]
    line = fastgd.LinearFit([1, 2], [0, 0])
    assert line.predict([2, 1], [5, 7]).tolist() == [11.0, 15.0]


def test_loss_is_what_predict_misses(problem):
    if isinstance(problem, fastgd.Objective):
        assert not hasattr(problem, "predict")
        return
    theta = np.random.default_rng(4).normal(size=problem.dimension)
    missed = (problem.predict(theta) - problem.y) ** 2
    expected = missed.mean() if problem.reduction == "mean" else missed.sum()
    assert problem.loss(theta) == pytest.approx(expected, rel=1e-12)


def test_pickled_problem_has_the_same_bits(problem):
    theta = np.random.default_rng(6).normal(size=problem.dimension)
    before = problem.loss_and_gradient(theta)
    copy = pickle.loads(pickle.dumps(problem))
    with compilations() as functions:
        after = copy.loss_and_gradient(theta)
    assert names(functions) == []
    assert (after[0], after[1].tobytes()) == (before[0], before[1].tobytes())
    assert (copy.parameters, copy.start.tolist()) == (problem.parameters, problem.start.tolist())


def test_it_is_an_objective_for_scipy():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, 500)
    y = 1 - 2 * x + 0.5 * x**2 + 0.01 * random.normal(size=500)
    problem = fastgd.PolynomialFit(x, y, 2)
    found = scipy.optimize.minimize(problem.loss_and_gradient, problem.start, jac=True, tol=1e-12)
    expected = np.linalg.lstsq(np.vander(x, 3, increasing=True), y, rcond=None)[0]
    assert found.x == pytest.approx(expected, rel=1e-6)


# ---- objectives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda f: f, numba.njit], ids=["plain", "jitted"])
@pytest.mark.parametrize("compiled", [True, False])
def test_objective_takes_plain_and_jitted_functions(make, compiled):
    problem = fastgd.Objective(make(rosenbrock), make(rosenbrock_gradient), dimension=2, compile=compiled)
    assert problem.loss([2.0, 3.0]) == 101.0
    assert problem.gradient([2.0, 3.0]).tolist() == [802.0, -200.0]
    assert problem.loss([[2.0, 3.0], [1.0, 1.0]]).tolist() == [101.0, 0.0]


def test_objectives_do_not_mix():
    squares = [fastgd.Objective(lambda t, k=k: k * t, lambda t, k=k: k + 0 * t) for k in (1.0, 2.0)]
    assert [problem.loss(3.0) for problem in squares] == [3.0, 6.0]


def test_objective_may_write_to_its_argument():
    def loss(theta):
        theta[0] = 99.0
        return theta[1]

    def gradient(theta):
        theta[1] = 99.0
        return theta

    for compiled in (True, False):
        problem = fastgd.Objective(loss, gradient, dimension=2, compile=compiled)
        theta = np.array([1.0, 2.0])
        assert problem.loss(theta) == 2.0
        assert theta.tolist() == [1.0, 2.0]


def test_objective_that_numba_cannot_compile():
    def loss(theta):
        return float(str(theta).encode("latin-1").decode())

    with pytest.raises(TypeError, match=r"loss can't be compiled by Numba \(.+\); .*compile=False"):
        fastgd.Objective(loss, lambda t: 0.0 * t)
    problem = fastgd.Objective(loss, lambda t: 0.0 * t + 1.0, compile=False)
    assert problem.loss(2.5) == 2.5


def test_what_a_plain_function_raises_reaches_the_caller():
    def loss(theta):
        raise KeyError("lost")

    problem = fastgd.Objective(loss, lambda t: t, compile=False)
    for _ in range(2):  # the second call is a new one
        with pytest.raises(KeyError, match="lost"):
            problem.loss(1.0)


def test_what_a_compiled_function_raises_is_not_finite():
    def loss(theta):
        if theta > 1.0:
            raise ValueError
        return theta

    problem = fastgd.Objective(loss, lambda t: 1.0 + 0 * t)
    assert problem.loss(0.5) == 0.5
    assert math.isnan(problem.loss(2.0))


def test_gradient_of_the_wrong_shape():
    for gradient in (lambda t: np.zeros(3), lambda t: 0.0):
        with pytest.raises((TypeError, ValueError), match="gradient"):
            fastgd.Objective(rosenbrock, gradient, dimension=2, compile=False).loss([1.0, 2.0])


def test_check_gradient_names_what_is_wrong():
    def wrong(theta):
        gradient = rosenbrock_gradient(theta)
        gradient[1] *= 1.01
        return gradient

    problem = fastgd.Objective(rosenbrock, wrong, dimension=2, compile=False)
    with pytest.raises(ValueError, match="theta1"):
        problem.check_gradient([2.0, 3.0])
    assert problem.check_gradient([2.0, 3.0], rtol=0.1) == pytest.approx(2 / 802, rel=1e-3)
    with pytest.raises(ValueError, match="gradient"):
        fastgd.Objective(lambda t: t, lambda t: math.nan * t).check_gradient(1.0)
