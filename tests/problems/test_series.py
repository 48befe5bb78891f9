"""Long arrays and matrices in a user's loss: values as NumPy has them, derivatives by complex steps."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

import fastgd
from fastgd.problems import in_blocks

N = 203
RNG = np.random.default_rng(7)
X = np.linspace(0.1, 4.0, N)
Y = 2.0 * np.exp(-0.7 * X) + 0.3 + 0.01 * RNG.standard_normal(N)
A = RNG.standard_normal((50, 3))
B = RNG.standard_normal(50)
SIGNS = np.sign(RNG.standard_normal(50))
IN_COLUMNS = np.asfortranarray(A)
SYMMETRIC = np.array([[2.0, 0.5, 0.1], [0.5, 3.0, 0.2], [0.1, 0.2, 1.0]])
WIDE = RNG.standard_normal((3, 40))
SEVEN = RNG.standard_normal((7, 3))
OF_SEVEN = RNG.standard_normal(7)
WHOLE = np.arange(N)
SINGLE = X.astype(np.float32)
ONE = X[:1]
ACROSS, DOWN = np.meshgrid(np.linspace(-1.0, 1.0, 13), np.linspace(-2.0, 2.0, 20))
IMAGE = np.exp(-(ACROSS**2) - DOWN**2)
THETAS = RNG.uniform(0.1, 1.0, (20, 3))


def count(series):
    total = np.sum(np.log(series)) if np.all(series > 0.0) and not np.any(series > 1e9) else np.inf
    return total + np.amax(series) - np.amin(series[3:]) + (7.0 if (series < 0.0).any() else series.cumsum()[9])


def made_of(table):
    return np.sum(table) / table.size * table.shape[1] + len(table) + table.ndim


def residuals_twice(t):
    r = A @ t - B
    return 0.5 * np.dot(r, r) + r @ r


def by_index(t):
    total = 0.0
    for i in range(len(X)):
        total += (Y[i] - t[0] * X[i]) ** 2 + t[1] * t[2]
    return total


def by_element(t):
    total = 0.0
    for x, y in zip(X, t[0] * Y):  # noqa: B905 (Numba's has no `strict`)
        total += (t[1] * x - y) ** 3
    for k, r in enumerate(A @ t):
        total += k * r * t[2]
    for r in X * Y * t[0]:
        total += r * r
    return total


def elements(t):
    r = A @ t
    total = 0.0
    for i in range(r.size - 1):
        total += r[i] * r[i + 1] + r[-i]
    return total / r.shape[0] + len(r) + r[7] + r.T[3]


def slices(t):
    r = t[0] * X - t[1] * Y
    n = len(r) // 2
    return np.sum((r[1:] - r[:-1]) ** 2) + np.sum(r[n:] * X[n:]) + r[::-3].sum() + (r[5:-5:2][1:4] * t).sum()


def helper(a, b):
    return np.exp(-a * X) * b


def helped(t):
    return np.sum((helper(t[0], t[1]) - Y) ** 2) + np.sum(helper(t[1], 1.0 / t[2]))


def steps(t):
    """Return the end of a differential equation's solution from each sample: every step reads the last one thrice."""
    y = t[2] * X
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    y = y + 0.1 * (t[0] * y - t[1] * y * y)
    return np.mean((y - Y) ** 2) + np.sum((A @ (y[:3] * t)) ** 2)


def errors(t):
    """Return the sum of a moving average's squared errors, and of a variance that follows them."""
    e = np.zeros(len(Y))
    h = np.ones_like(Y)
    for i in range(1, len(Y)):
        e[i] = Y[i] - t[0] * Y[i - 1] - t[1] * e[i - 1]
        h[i] = 0.1 + t[2] * e[i - 1] ** 2 + 0.5 * h[i - 1]
    return np.sum(e**2 / h) + np.log(h).mean() + e[-1]


def summed_up(t):
    total = np.zeros(50)
    same = total
    for k in range(3):
        total += t[k] * A[:, k]
    total -= B
    return np.sum(total**2) + same @ B + total.dot(A[:, 1])


def parts_written(t):
    r = np.zeros(N)
    r[:100] = t[0] * X[:100]
    r[100:] = t[1]
    r[3] = t[2]
    r[5:8] = t * 2.0
    r[10:20] = r[9:19]
    r[20:40] = X[20:40]
    r[::2] *= 2.0
    part = r[50:]
    part -= t[0]
    before = r * t[1]
    r[:] = r[::-1]
    return r.mean() + np.max(r) + np.cumsum(r)[7] + np.diff(r)[5] + r @ X + (A.T @ r[:50]) @ t + before.sum() + r.sum()


def tables_written(t):
    table = np.zeros((50, 3))
    for i in range(50):
        for k in range(3):
            table[i, k] = A[i, k] * t[k]
    table += 1.0
    return np.sum(table**2) + table.mean() + table[3, 1] + table[:, 1].sum()


def copies(t):
    r = np.copy(X)
    r[0] = t[0]
    q = np.array(t[1] * X)
    q[1] = 0.0
    s = np.full(30, t[2])
    s[4] = 1.0
    u = np.full_like(X, t[0])
    for k, (v, w) in enumerate(zip(q, r)):  # noqa: B905
        u[k] += v * w
    return np.sum(r * q) + s.sum() + u @ u


def scaled(factor):
    made = np.copy(X)
    made *= factor
    return made


ANALYTIC = {
    "decay": lambda t: np.sum((t[0] * np.exp(-t[1] * X) + t[2] - Y) ** 2),
    "waves": lambda t: np.mean((t[0] * np.sin(t[1] * X + t[2]) - Y) ** 2.0),
    "squares": lambda t: np.sum((A @ t - B) ** 2),
    "in columns": lambda t: np.sum((IN_COLUMNS.dot(t) - B) ** 2) + np.sum(IN_COLUMNS[::2] @ t),
    "quadratic": lambda t: t @ SYMMETRIC @ t + np.dot(t, SYMMETRIC @ t),
    "logistic": lambda t: np.sum(np.log1p(np.exp(-SIGNS * (A @ t)))),
    "normal equations": lambda t: np.sum((A.T @ (A @ t - B)) * t) + ((A @ t) @ A) @ t + (A.T @ (A @ t)).T @ t,
    "from the left": lambda t: np.sum((t @ WIDE) ** 3) + t.dot(WIDE).dot(WIDE[0]),
    "few rows": lambda t: np.sum((SEVEN @ t - OF_SEVEN) ** 2) + ((SEVEN @ t)[2:5] * t).sum(),
    "columns": lambda t: np.sum((t[1] * A[:, 0] + t[2] * A[:, 1] - B) ** 2) + A[3] @ t + np.sum(A[:, 2] * t[0]),
    "other numbers": lambda t: np.sum((t[0] * WHOLE / 100.0 + t[1] - SINGLE) ** 2) + np.sum(t[2] * (WHOLE > 7)),
    "one element": lambda t: np.sum(t[0] * ONE * X + t[1]) + np.sum((t * ONE) ** 2) + np.sum(t[0] * ONE),
    "powers": lambda t: np.sum((t[0] * X) ** 5) + np.sum(X ** t[1]) + np.sum(t[2] ** X) + np.sum((t[0] + X) ** -1.5),
    "made here": lambda t: np.sum(t[0] * np.sin(X) * X * Y) + np.sum(np.linspace(0.0, 1.0, 30) * t[1]),
    "reductions": lambda t: sum(t[0] * X) + np.prod(1.0 + 0.001 * t[1] * X) + (t[2] * X).mean() + (t * 2.0).prod(),
    "polynomial": lambda t: np.mean((np.polyval(t, X) - Y) ** 2) + np.polyval(OF_SEVEN, t[0]) + np.polyval(t, t)[1],
    "chosen": lambda t: np.sum(np.where(t[0] * 4.0 < X, t[1] * X, t[2])) + np.sum(np.clip(A @ t, -0.5, t[0])),
    "clipped": lambda t: np.clip(t[0], 0.2, 0.5) + np.clip(t, 0.3, None).sum() + (t[1] * X).clip(0.2, 0.9).sum(),
    "extremes": lambda t: np.max(A @ t) - (A @ t)[5:].min() + np.maximum(A @ t, B * t[0]).sum(),
    "tables": lambda t: np.mean((t[0] * np.exp(-((ACROSS - t[1]) ** 2 + (DOWN - t[2]) ** 2)) - IMAGE) ** 2),
    "tables and sequences": lambda t: np.sum((A * t) ** 2 + (t[0] * A + B.reshape(50, 1)) * (t[1] * ONE)),
    "of tables": lambda t: np.max(t[0] * A) + (t[1] * A).min() + np.prod(1.0 + 0.01 * t * A) + made_of(t[2] * A),
    "running": lambda t: np.sum(np.cumsum(t[0] * X - t[1]) * X) + np.sum(np.diff(t[2] * X * Y) ** 2) + count(t[0] * X),
    "residuals twice": residuals_twice,
    "by index": by_index,
    "by element": by_element,
    "elements": elements,
    "slices": slices,
    "helped": helped,
    "steps": steps,
    "errors": errors,
    "summed up": summed_up,
    "parts written": parts_written,
    "tables written": tables_written,
    "copies": copies,
}
# With the same of functions that complex numbers pass through as real ones do.
OTHERS = {
    "made and scaled": (
        lambda t: np.linalg.norm(scaled(t[0])) + scaled(t[1]).std() + np.var(scaled(t[2])),
        lambda t: np.linalg.norm(X) * t[0] + np.std(X) * t[1] + np.var(X) * t[2] ** 2,
    ),
    "absolute": (
        lambda t: np.mean(np.abs(np.dot(A, t) - B)) + np.linalg.norm(A @ t - B, 1),
        lambda t: np.sum(np.sign((A @ t - B).real) * (A @ t - B)) * 1.02,
    ),
    "norm": (
        lambda t: np.linalg.norm(A @ t - B) + np.linalg.norm(t) + np.linalg.norm(t[0] * X, 2) + np.linalg.norm(t * A),
        lambda t: (
            np.sqrt(np.sum((A @ t - B) ** 2))
            + np.sqrt(t @ t)
            + np.sqrt(np.sum(X**2)) * t[0]
            + np.sqrt(np.sum((t * A) ** 2))
        ),
    ),
    "variance": (
        lambda t: np.var(A @ t) + np.std(t[0] * X + t[1] * Y) + t.var() + np.std(t) + (A @ t).std(),
        lambda t: (
            np.mean((A @ t - np.mean(A @ t)) ** 2)
            + np.sqrt(np.mean((t[0] * X + t[1] * Y - np.mean(t[0] * X + t[1] * Y)) ** 2))
            + np.mean((t - np.mean(t)) ** 2)
            + np.sqrt(np.mean((t - np.mean(t)) ** 2))
            + np.sqrt(np.mean((A @ t - np.mean(A @ t)) ** 2))
        ),
    ),
}
CASES = {name: (function, function) for name, function in ANALYTIC.items()} | OTHERS


def slopes(function, theta, monkeypatch):
    """Return the derivatives of an analytic function by complex steps, (P,): the arrays that it makes are complex."""
    with monkeypatch.context() as patched:
        for name in ("zeros", "full", "ones_like", "full_like", "copy"):
            patched.setattr(np, name, partial(made_complex, getattr(np, name)))
        return np.array([function(theta + 1e-30j * unit).imag * 1e30 for unit in np.eye(len(theta))])


def made_complex(make, *arguments):
    """Return what a function of NumPy's makes, of complex numbers."""
    return make(*arguments) + 0j if make.__name__ == "copy" else make(*arguments, dtype=complex)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name, monkeypatch):
    """And a theta gives the same digits beside others as alone."""
    function, analytic = CASES[name]
    problem = fastgd.Objective(function, dimension=3, start=[0.3, 0.4, 0.5])
    loss, gradient = problem.loss_and_gradient(THETAS)
    np.testing.assert_allclose(loss, [function(theta) for theta in THETAS], rtol=1e-12)
    expected = np.array([slopes(analytic, theta, monkeypatch) for theta in THETAS])
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    alone = [problem.loss_and_gradient(theta) for theta in THETAS]
    assert np.array_equal(loss, [value for value, _ in alone])
    assert np.array_equal(gradient, [slope for _, slope in alone])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, 64, 65, 127, 129, 1000])
def test_sums_of_any_length(count):
    """Exact, of whole numbers: blocks and the eight sums meet each remainder."""
    whole = np.arange(1.0, max(count, 17) + 1.0)
    problem = fastgd.Objective(lambda t: np.sum(t * whole[:count]), start=2.0)
    assert problem.loss_and_gradient(3.0) == (1.5 * count * (count + 1), [count * (count + 1) / 2.0])


GRADIENTS = {
    "a product": (lambda t: np.sum((A @ t - B) ** 2), lambda t: 2.0 * (A.T @ (A @ t - B))),
    "of sums": (
        lambda t: np.sum((t[0] * np.exp(-t[1] * X) + t[2] - Y) ** 2),
        lambda t: np.array(
            [
                np.sum(2.0 * (t[0] * np.exp(-t[1] * X) + t[2] - Y) * np.exp(-t[1] * X)),
                np.sum(-2.0 * (t[0] * np.exp(-t[1] * X) + t[2] - Y) * t[0] * X * np.exp(-t[1] * X)),
                2.0 * np.sum(t[0] * np.exp(-t[1] * X) + t[2] - Y),
            ]
        ),
    ),
    "logistic": (
        lambda t: np.sum(np.log1p(np.exp(-SIGNS * (A @ t)))),
        lambda t: A.T @ (-SIGNS / (1.0 + np.exp(SIGNS * (A @ t)))),
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_given_gradients(name, monkeypatch):
    """They pass through fastgd's own numbers, a gradient whose length is known when it runs too."""
    monkeypatch.setattr(in_blocks, "_of_floats", None)
    loss, gradient = GRADIENTS[name]
    problem = fastgd.Objective(loss, gradient, dimension=3)
    found = problem.loss_and_gradient(THETAS)
    np.testing.assert_allclose(found[0], [loss(theta) for theta in THETAS], rtol=1e-13)
    np.testing.assert_allclose(found[1], [gradient(theta) for theta in THETAS], rtol=1e-11, atol=1e-11)
    derived = fastgd.Objective(loss, dimension=3).loss_and_gradient(THETAS)
    np.testing.assert_allclose(found[1], derived[1], rtol=1e-11, atol=1e-11)


def test_arrays_that_a_loss_makes_are_freed():
    def loss(t):
        total = np.sum(X * Y * t[0]) + np.polyval(t, X * Y).mean() + np.linalg.norm(X * Y - t[1])
        for x, y in zip(X * Y * t[2], (A.T @ (A @ t))[:2]):  # noqa: B905
            total += x * y
        return total

    problem = fastgd.Objective(loss, dimension=3, start=[0.3, 0.4, 0.5])
    problem.loss_and_gradient(THETAS)
    were_counted = _nrt_python.memsys_stats_enabled()
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        problem.loss_and_gradient(THETAS)
        after = rtsys.get_allocation_stats()
    finally:
        if not were_counted:
            _nrt_python.memsys_disable_stats()
    assert after.alloc - before.alloc >= 3 * len(THETAS)
    assert after.alloc - before.alloc == after.free - before.free


def test_an_array_that_is_written_afterwards_counts_as_it_was():
    def loss(t):
        x = X.copy()
        scaled = t * x
        x[:] = 100.0
        return np.sum(scaled)

    problem = fastgd.Objective(loss)
    np.testing.assert_allclose(problem.loss(2.0), 2.0 * X.sum(), rtol=1e-14)


SHAPES = {
    "lengths": lambda t: np.sum((A @ t - B[1:]) ** 2),
    "columns": lambda t: np.sum(WIDE @ t),
    "rows": lambda t: np.sum((A @ t) @ A[1:]),
    "a dot product": lambda t: np.dot(A @ t, B[1:]),
    "a vector": lambda t: np.sum(t * X),
    "what Numba combines": lambda t: np.sum(X * B + t[0]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_do_not_fit_are_said(name):
    sentence = (
        r"^loss must combine arrays of shapes that fit, at theta = \[0. 0. 0.\] it does not: .*(shapes|dimension)"
    )
    with pytest.raises(ValueError, match=sentence):
        fastgd.Objective(SHAPES[name], dimension=3)


def test_a_gradient_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"^gradient must return an array of shape \(3,\), got shape \(50,\)$"):
        fastgd.Objective(lambda t: np.sum(A @ t), lambda t: A @ t, dimension=3)


def test_an_index_out_of_range_is_said():
    with pytest.raises(
        ValueError, match=r"^loss must not index out of range, at theta = .*: index 60 is out of bounds"
    ):
        fastgd.Objective(lambda t: (A @ t)[60], dimension=3)


def beyond(t):
    made = np.zeros(40)
    made[int(t[0]) + 45] = t[1]
    return made[:3]


@pytest.mark.parametrize("gradient", [beyond, lambda t: (t[0] * X)[:3] + X[int(t[0]) + N]])
def test_an_index_out_of_range_in_a_gradient_whose_length_is_found_later(gradient):
    with pytest.raises(ValueError, match=r"^gradient must not index out of range, at theta = .* is out of bounds"):
        fastgd.Objective(lambda t: np.sum(t * t), gradient, dimension=3)


REFUSED = {
    "written": lambda t: first_set(t[0] * X),
    "in place": lambda t: in_place(t[0] * X),
    "sorted": lambda t: np.sort(t[0] * X)[0],
    "one of two": lambda t: np.sum(t[0] * X if t[1] > 0.0 else A @ t),
}


def first_set(series):
    series[0] = 1.0
    return series[0]


def in_place(series):
    same = series
    series += 1.0
    return same[0]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused(name):
    with pytest.raises(TypeError, match=r"^loss can't be differentiated .*pass gradient="):
        fastgd.Objective(REFUSED[name], dimension=3)
