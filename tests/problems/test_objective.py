"""The user's own functions: what they may be, what they may return, and that they are those of construction."""

from __future__ import annotations

import functools
import math
import operator
import pickle
import types

import numba
import numpy as np
import pytest

import fastgd
from tests.tools.processes import ROOT, finish, run, start


def square(theta):
    return theta * theta


def slope(theta):
    return 2.0 * theta


# ---- what they return -----------------------------------------------------------------------------------------------

FLOAT, VECTOR = "a float", "an array of shape (2,)"

# (function, dimension, what is said of it compiled, and as plain Python)
WRONG_LOSSES = {
    "None": (lambda t: None, 1, "None", "None"),
    "text": (lambda t: "3", 1, "text", "'3'"),
    "complex": (lambda t: t + 1j, 1, "a complex number", "(1+1j)"),
    "tuple": (lambda t: (t, t), 1, "a tuple of 2", "shape (2,)"),
    "array of one": (lambda t: np.array([t]), 1, "an array with 1 dimension of float64", "shape (1,)"),
    "dict": (lambda t: {1: t}, 1, "a dict", "{1: 1.0}"),
    "set": (lambda t: {t}, 1, "a set", "{1.0}"),
    "range": (lambda t: range(3), 1, "a range", "shape (3,)"),
    "forgotten sum": (lambda t: t * t, 2, "an array with 1 dimension of float64", "shape (2,)"),
}
WRONG_GRADIENTS = {
    "None": (lambda t: None, 1, "None", "None"),
    "text": (lambda t: "3", 1, "text", "'3'"),
    "complex": (lambda t: t + 1j, 1, "a complex number", "(1+1j)"),
    "array of one": (lambda t: np.array([t]), 1, "an array with 1 dimension of float64", "shape (1,)"),
    "number for two": (lambda t: 1.5, 2, "a number", "1.5"),
    "None for two": (lambda t: None, 2, "None", "None"),
    "column": (lambda t: (2 * t).reshape(-1, 1), 2, "an array with 2 dimensions of float64", "shape (2, 1)"),
    "complex array": (
        lambda t: t * 1j,
        2,
        "an array with 1 dimension of complex128",
        "an array of shape (2,) and dtype complex128",
    ),
    "three": (lambda t: np.zeros(3), 2, "shape (3,)", "shape (3,)"),
    "tuple of three": (lambda t: (1.0, 2.0, 3.0), 2, "a tuple of 3", "shape (3,)"),
    "list of one": (lambda t: [t[0]], 2, "shape (1,)", "shape (1,)"),
}
RIGHT = {1: (square, slope), 2: (lambda t: t[0] + t[1], np.ones_like)}
CASES = [
    *(pytest.param("loss", *case, id=f"loss, {name}") for name, case in WRONG_LOSSES.items()),
    *(pytest.param("gradient", *case, id=f"gradient, {name}") for name, case in WRONG_GRADIENTS.items()),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "function", "dimension", "compiled", "plain"), CASES)
def test_a_wrong_return_is_refused_in_a_sentence(name, function, dimension, compiled, plain):
    functions = dict(zip(("loss", "gradient"), RIGHT[dimension], strict=True)) | {name: function}
    expected = f"{name} must return {VECTOR if (name, dimension) == ('gradient', 2) else FLOAT}, got "
    with pytest.raises((TypeError, ValueError)) as caught:
        fastgd.Objective(**functions, dimension=dimension, start=np.ones(dimension))
    assert str(caught.value) == expected + compiled
    interpreted = fastgd.Objective(**functions, dimension=dimension, compile=False)
    with pytest.raises((TypeError, ValueError)) as caught:
        interpreted.loss(np.ones(dimension))
    assert str(caught.value) == expected + plain


@pytest.mark.parametrize("value", [3, True, np.float32(3.0), np.int8(3), np.array(3.0)], ids=repr)
def test_numbers_of_any_kind_are_taken(value):
    problem = fastgd.Objective(lambda t: value, lambda t: value, compile=False)
    assert problem.loss_and_gradient(1.0) == (float(value), [float(value)])


def test_tuples_and_whole_numbers_are_taken():
    problem = fastgd.Objective(lambda t: 7, lambda t: (t[0], 5), dimension=2)
    loss, gradient = problem.loss_and_gradient([3.0, 4.0])
    assert (loss, gradient.tolist()) == (7.0, [3.0, 5.0])


def positive(theta):
    return theta[theta > 0.0]


@pytest.mark.slow
def test_a_length_that_depends_on_theta_is_found_where_it_is_wrong():
    def total(theta):
        return theta.sum()

    sentence = r"^gradient must return an array of shape \(2,\), got shape \(0,\)$"
    with pytest.raises(ValueError, match=sentence):
        fastgd.Objective(total, positive, dimension=2)  # at the usual start, zeros
    problem = fastgd.Objective(total, positive, dimension=2, start=[1.0, 1.0])
    assert problem.check_gradient() < 1e-9
    with pytest.raises(ValueError, match=sentence):
        problem.check_gradient([-1.0, -1.0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "gradient",
    [
        lambda t: (None if t[0] > 1.0 else 2.0, t[1] > 0.0),
        lambda t: [None if t[0] > 1.0 else 2.0, 1.0],
        lambda t: [2.0, 1.0] if t[0] <= 1.0 else [2.0, 1.0, 0.0],
    ],
    ids=["tuple", "list", "length"],
)
def test_none_in_a_gradient_is_not_finite(gradient):
    problem = fastgd.Objective(lambda t: t[0] + t[1], gradient, dimension=2)
    assert problem.gradient([1.0, 1.0]).tolist() == [2.0, 1.0]
    assert np.isnan(problem.gradient([2.0, 1.0])).all()


def test_what_is_no_number_in_a_gradient_is_named():
    for gradient, came in (
        (lambda t: (None, 1.0), "a tuple of 2 with None in it"),
        (lambda t: ["a", "b"], "a list with text in it"),
    ):
        with pytest.raises(TypeError) as caught:
            fastgd.Objective(lambda t: t[0], gradient, dimension=2)
        assert str(caught.value) == f"gradient must return {VECTOR}, got {came}"
    with pytest.raises(TypeError, match=r"^loss must return a float, got a method that was not called$"):
        fastgd.Objective(lambda t: (t**2).sum, np.ones_like, dimension=2)


PAIR = np.array([1.0, 2.0])
PLACES = np.array([0, 9])


@numba.njit
def written_past(theta):
    out = np.zeros(2)
    for k in range(3):
        out[k] = 2.0 * theta[k % 2]
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("loss", lambda t: t[0] ** 2 + t[2] ** 2),
        ("loss", lambda t: t[0] + PAIR[7]),
        ("loss", lambda t: t[0] + PAIR[PLACES].sum()),
        ("gradient", written_past),
        ("gradient", lambda t: np.array([t[0], t[-3]])),
    ],
    ids=["theta", "data", "places", "written", "negative"],
)
def test_an_index_out_of_range_is_found(name, function):
    functions = dict(zip(("loss", "gradient"), RIGHT[2], strict=True)) | {name: function}
    with pytest.raises(ValueError, match=rf"^{name} must not index out of range, at theta = \[0\. 0\.\] it does: ind"):
        fastgd.Objective(**functions, dimension=2)


def test_an_index_out_of_range_elsewhere_is_not_finite():
    problem = fastgd.Objective(lambda t: PAIR[int(t)], lambda t: 0.0)
    assert problem.loss(1.0) == 2.0
    assert math.isnan(problem.loss(2.0))
    with pytest.raises(ValueError, match=r"^loss must not index out of range, at theta = \[2\.\]"):
        problem.check_gradient(2.0)


# ---- what they may be -----------------------------------------------------------------------------------------------


def squares(theta, X, y, scale=1.0):
    residual = X @ theta - y
    return scale * (residual * residual).sum()


def squares_gradient(theta, X, y, scale=1.0):
    return 2.0 * scale * (X.T @ (X @ theta - y))


class Model:
    """A class as people write them: data in attributes, one method that calls another."""

    def __init__(self, X, y):
        self._X, self.y, self.calls = X, y, 0

    def residual(self, theta):
        return self._X @ theta - self.y

    def loss(self, theta):
        return (self.residual(theta) ** 2).sum()

    def gradient(self, theta):
        return 2.0 * (self._X.T @ self.residual(theta))

    __call__ = loss

    def two(self, theta, other):
        return 0.0

    def counted(self, theta):
        self.calls += 1
        return 0.0


X, Y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, 2.0, 4.0])
BOUND = {"X": X, "y": Y}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (functools.partial(squares, y=Y, X=X), functools.partial(numba.njit(squares_gradient), **BOUND)),
        (Model(X, Y).loss, Model(X, Y).gradient),
        (Model(X, Y), functools.partial(squares_gradient, **BOUND)),
        (Model(X.astype(int), Y).loss, Model(X.astype(np.float32), Y).gradient),
    ],
    ids=["partial", "method", "object", "integers and float32"],
)
def test_callables_of_every_kind_are_compiled(loss, gradient):
    """Residuals at (1, 2) are 4, 9, 13; 2 X'r = 2 (4 + 27 + 65, 8 + 36 + 78)."""
    problem = fastgd.Objective(loss, gradient, dimension=2)
    value, slopes = problem.loss_and_gradient([1.0, 2.0])
    assert (value, slopes.tolist()) == (16.0 + 81.0 + 169.0, [192.0, 244.0])


@pytest.mark.slow
@pytest.mark.parametrize("places", [np.array([2, 0]), np.array([True, False, True])], ids=["places", "mask"])
def test_whole_numbers_are_multiplied_beside_an_index(places):
    """Residuals at (1, 2) are 4, 9, 13; those of the first and the last row are taken."""
    whole = X.astype(int)
    chosen = fastgd.Objective(lambda t: ((whole @ t - Y)[places] ** 2).sum(), np.zeros_like, dimension=2)
    assert chosen.loss([1.0, 2.0]) == 16.0 + 169.0


@pytest.mark.parametrize("compile", [True, False])
def test_how_many_arguments_they_take(compile):
    for function, takes in ((lambda: 0.0, "none"), (lambda t, u: 0.0, "2 arguments"), (Model(X, Y).two, "2 arguments")):
        for name in ("loss", "gradient"):
            functions = dict(zip(("loss", "gradient"), RIGHT[1], strict=True)) | {name: function}
            with pytest.raises(TypeError, match=rf"^{name} must take theta alone, it takes {takes}$"):
                fastgd.Objective(**functions, compile=compile)


def test_what_can_not_be_compiled_is_named_as_what_it_is():
    with pytest.raises(TypeError, match=r"^a partial's function must have its keywords as parameters by name, got 'w'"):
        fastgd.Objective(functools.partial(lambda t, **k: t, w=1.0), slope)
    with pytest.raises(TypeError, match=r"^loss, a bound method of Model, can't be compiled by Numba \(.*calls.*\)"):
        fastgd.Objective(Model(X, Y).counted, np.zeros_like, dimension=2)
    with pytest.raises(TypeError, match=r"^loss, an itemgetter, can't be compiled"):
        fastgd.Objective(operator.itemgetter(0), np.zeros_like, dimension=2)
    with pytest.raises(TypeError, match=r"^loss can't be compiled .* write it as a function of a float in what Numba"):
        fastgd.Objective(lambda t: t[0] ** 2, slope)


# ---- those of construction ------------------------------------------------------------------------------------------


def sign_of(k):
    return lambda theta: math.copysign(1.0, k)


FACTOR = 1.0
TABLE = np.array([1.0])


HELPERS = types.ModuleType("helpers")  # a module of the user's
HELPERS.VALUES = np.array([1.0])


@numba.njit
def looked_up(theta):
    return TABLE[0] * HELPERS.VALUES[0] * theta


@pytest.mark.slow
def test_data_and_globals_are_those_of_construction(monkeypatch):
    """Whatever the size: Numba by itself would borrow arrays of more than 1 MB, and copy smaller ones."""
    small, large, numbers = np.array([1.0]), np.ones(200_000), [1.0]

    def loss(theta):
        return FACTOR * looked_up(theta) + small[0] * theta + large[-1] * theta + numbers[0] * theta

    problem = fastgd.Objective(loss, lambda theta: FACTOR + TABLE[0] + small[0] + large[-1] + numbers[0] + 0.0 * theta)
    later = pickle.dumps(problem)
    for changed in (small, large, numbers, TABLE, HELPERS.VALUES):
        changed[-1] = 10.0
    monkeypatch.setitem(globals(), "FACTOR", 10.0)
    try:
        for same in (problem, pickle.loads(later), pickle.loads(pickle.dumps(problem))):
            assert same.loss_and_gradient(2.0) == (8.0, [5.0])
        assert fastgd.descend(problem, learning_rate=1.0, max_steps=2).theta.tolist() == [-10.0]
        assert fastgd.Objective(loss, lambda theta: 0.0).loss(2.0) == 2000.0 + 20.0 + 20.0 + 20.0
    finally:
        TABLE[0] = HELPERS.VALUES[0] = 1.0


def test_a_loss_of_residuals_has_the_data_of_construction():
    scale = np.array([1.0])
    loss = fastgd.ResidualLoss(lambda r: scale[0] * r * r, lambda r: 2.0 * scale[0] * r)
    scale[0] = 10.0
    assert fastgd.LinearFit([1.0], [0.0], intercept=False, loss=loss).loss_and_gradient(3.0) == (9.0, [6.0])
    assert loss.check() < 1e-8


@pytest.mark.slow
def test_the_same_functions_compile_once():
    made = [fastgd.Objective(lambda t: t * t + 0.5, slope) for _ in range(2)]
    assert made[0]._callback() is made[1]._callback()
    assert [fastgd.Objective(sign_of(k), slope).loss(1.0) for k in (0.0, -0.0, 0)] == [1.0, -1.0, 1.0]


FREED = """
import gc, pickle, weakref
import numpy as np, fastgd

def objective(X):
    def loss(theta):
        return (X @ theta).sum()
    def gradient(theta):
        return X.sum(axis=0) + 0.0 * theta
    made = fastgd.Objective(loss, gradient, dimension=2)
    fastgd.descend(made, learning_rate=0.1, max_steps=2)
    pickle.dumps(made)
    return made

def of_elements(X):
    column = np.ascontiguousarray(X[:, 0])
    def first():
        return column[0]
    def loss(theta):
        return (theta[0] - first()) ** 2 + theta[1] ** 2
    def gradient(theta):
        return 2.0 * (theta[0] - column[0]), 2.0 * theta[1]
    made = fastgd.Objective(loss, gradient, dimension=2)
    fastgd.descend(made, learning_rate=0.1, max_steps=2)
    return made

def residual_loss(X):
    made = fastgd.ResidualLoss(lambda r: X[0, 0] * r * r, lambda r: 2.0 * X[0, 1] * r)
    fastgd.descend(fastgd.LinearFit([1.0, 2.0], [1.0, 3.0], loss=made), learning_rate=0.1, max_steps=2)
    return made

for make in (objective, of_elements, residual_loss):
    X = np.ones((50_000, 2))
    made = make(X)
    held = [cell.cell_contents for function in made._functions for cell in function.__closure__]
    held = [weakref.ref(X), *map(weakref.ref, held)]
    del X
    gc.collect()
    alive = sum(array() is not None for array in held)
    del made
    gc.collect()
    print(make.__name__, alive, sum(array() is not None for array in held))
"""


@pytest.mark.process
def test_what_is_deleted_is_freed():
    """The two functions read one copy. A loss of residuals has its functions too, and they the user's own array."""
    assert run(FREED).splitlines() == ["objective 2 0", "of_elements 2 0", "residual_loss 3 0"]


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_a_failing_descent_of_an_objective_names_check_gradient():
    problem = fastgd.Objective(square, lambda theta: -2.0 * theta, start=1.0, compile=False)
    advice = "lower the learning rate, or see whether check_gradient() finds a wrong derivative."
    for how in ({"max_steps": 5}, {"max_steps": 10_000, "record_every": None}):
        run = fastgd.descend(problem, learning_rate=0.1, **how)
        assert run.status < 0
        assert run.message.endswith(advice)
        assert advice in str(run)
    result = fastgd.sweep(problem, learning_rate=[0.1, 0.2], max_steps=5)
    assert "check_gradient()" in str(result)
    with pytest.raises(ValueError, match=r"^the gradient is wrong in theta: -2\.0 at theta = \[1\.\], but the loss"):
        problem.check_gradient()  # the advice works
    right = fastgd.descend(fastgd.Objective(square, slope, start=1.0, compile=False), learning_rate=0.1)
    assert "check_gradient" not in right.message
    assert "check_gradient" not in fastgd.descend(fastgd.examples.square(), learning_rate=2.0).message


NEEDS_COMPILER = "fastgd needs Numba's compiler, which NUMBA_DISABLE_JIT=1 turns off: unset NUMBA_DISABLE_JIT"

INTERPRETED = """
import fastgd
problem = fastgd.PolynomialFit([1, 2], [1, 2], 1)
for use in (
    lambda: problem.loss([1, 2]),
    lambda: fastgd.sweep(problem, learning_rate=[0.1]),
    lambda: fastgd.Objective(lambda t: t * t, lambda t: 2 * t),
    lambda: fastgd.Objective(lambda t: t * t, lambda t: 2 * t, compile=False),
):
    try:
        use()
    except ImportError as error:
        print(error)
"""


@pytest.mark.process
def test_without_numbas_compiler_a_sentence_says_what_to_do():
    assert run(INTERPRETED, NUMBA_DISABLE_JIT="1").splitlines() == [NEEDS_COMPILER] * 4
    process = start("-m", "fastgd", "sweep", "square", environment={"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT)
    assert finish(process)[1:] == ("", f"fastgd sweep: error: {NEEDS_COMPILER}\n")
    assert process.returncode == 2
