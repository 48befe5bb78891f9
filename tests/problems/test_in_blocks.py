"""The user's functions at many thetas in one call: as Python has them, each theta as if it were alone."""

from __future__ import annotations

import ctypes
import math

import numba
import numpy as np
import pytest

import fastgd
from fastgd.problems import in_blocks
from tests.tools.processes import run

WIDTH = 200
CONSTANT = np.array([1.0, 2.0, 3.0])
PLACES = np.array([2, 0])
MATRIX = np.arange(9.0).reshape(3, 3)


def block_of(problem, thetas, count=None):
    """Return the sums (P + 1, width) of a problem's C function at thetas (P, width), NaN where it wrote none."""
    pointer = ctypes.POINTER(ctypes.c_double)
    function = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, pointer, pointer)(problem.data().address)
    thetas = np.ascontiguousarray(thetas)
    P, width = thetas.shape
    sums = np.full((P + 1, width), -7.0)
    addresses = (array.ctypes.data_as(pointer) for array in (thetas, sums))
    function(width if count is None else count, width, *addresses)
    return sums


def thetas_of(dimension, seed=0):
    return np.random.default_rng(seed).uniform(-2.0, 2.0, (dimension, WIDTH))


@pytest.fixture
def ways(monkeypatch):
    """Return a list that tells of each objective made whether fastgd's own numbers pass through its functions."""
    found = []
    of_numbers = in_blocks._of_numbers

    def noted(*arguments):
        compiled = of_numbers(*arguments)
        found.append(compiled is not None)
        return compiled

    monkeypatch.setattr(in_blocks, "_of_numbers", noted)
    return found


# ---- a block is its lanes ------------------------------------------------------------------------------------------


def branches(t):
    if t > 1.0:
        return math.exp(t) * math.sin(3.0 * t)
    return t**3 if t > -1.0 else math.log1p(t * t) / math.cosh(t)


def branches_slope(t):
    return math.tan(t) + t**2.5 if t > 0.0 else math.atan(t) / (t + 3.0) - t % 0.7


def rosenbrock(t):
    return np.sum(100.0 * (t[1:] - t[:-1] ** 2.0) ** 2.0 + (1 - t[:-1]) ** 2.0)


def rosenbrock_slopes(t):
    middle = t[1:-1]
    g = np.zeros_like(t)
    g[1:-1] = 200 * (middle - t[:-2] ** 2) - 400 * (t[2:] - middle**2) * middle - 2 * (1 - middle)
    g[0] = -400 * t[0] * (t[1] - t[0] ** 2) - 2 * (1 - t[0])
    g[-1] = 200 * (t[-1] - t[-2] ** 2)
    return g


def root(t):
    """Return a root by as many steps as it takes."""
    x = 1.0 + t[0] * t[0]
    y = x
    while abs(y * y - x) > 1e-12 * x:
        y = 0.5 * (y + x / y)
    return y


def solved(t):
    return np.linalg.solve(MATRIX + 10.0 * np.eye(3), t)


LANES = {
    "branches": (branches, branches_slope, 1, True),
    "rosenbrock": (rosenbrock, rosenbrock_slopes, 5, True),
    "while": (root, lambda t: [np.sinh(t[1]), t[0] ** -1.5, 1.0], 3, True),
    "arrays": (lambda t: (MATRIX @ t).sum(), lambda t: np.sort(t)[::-1], 3, False),
    "number in arrays": (lambda t: np.linspace(0.0, t, 9).sum(), lambda t: np.ones(3)[np.array([1])][0] * t, 1, False),
    "many": (lambda t: (t * t).sum(), lambda t: 2.0 * t, 40, False),
}


@pytest.mark.parametrize("name", LANES)
def test_a_lane_has_the_digits_that_it_has_alone(name, ways):
    """Whatever the count, the width and the place; and lanes beyond the count are not touched."""
    loss, gradient, dimension, by_numbers = LANES[name]
    problem = fastgd.Objective(loss, gradient, dimension=dimension, start=np.full(dimension, 0.5))
    assert ways == [by_numbers]
    thetas = thetas_of(dimension)
    alone = np.array([np.append(*problem.loss_and_gradient(theta)) for theta in thetas.T]).T
    for count in range(1, WIDTH + 1):
        sums = block_of(problem, thetas[:, :count])
        assert np.array_equal(sums, alone[:, :count], equal_nan=True), count
    order = np.random.default_rng(1).permutation(WIDTH)
    sums = block_of(problem, thetas[:, order], count=77)
    assert np.array_equal(sums[:, :77], alone[:, order[:77]], equal_nan=True)
    assert (sums[:, 77:] == -7.0).all()


def test_plain_python_is_called_for_each_lane():
    problem = fastgd.Objective(rosenbrock, rosenbrock_slopes, dimension=5, compile=False)
    thetas = thetas_of(5)
    expected = np.array([[rosenbrock(theta), *rosenbrock_slopes(theta)] for theta in thetas.T]).T
    assert np.array_equal(block_of(problem, thetas), expected)


def test_plain_python_that_raises_leaves_nothing_finite_from_there_on():
    def loss(t):
        if t == 3.0:
            raise RuntimeError("three")
        return t

    problem = fastgd.Objective(loss, lambda t: 1.0, compile=False)
    sums = block_of(problem, np.arange(6.0)[None])
    assert sums[0, :3].tolist() == [0.0, 1.0, 2.0]
    assert np.isnan(sums[:, 3:]).all()
    with pytest.raises(RuntimeError, match=r"^three$"):
        problem.raise_callback_error()


def raises_above_one(t):
    if t[0] > 1.0:
        raise ValueError("above 1")
    return t[0] / (t[1] - t[1] // 1.0)  # of whole numbers, 1 / 0


RAISING = {
    "numbers": (raises_above_one, lambda t: (CONSTANT[int(abs(t[0]) * 2.0)], t[1]), True),
    "arrays": (raises_above_one, lambda t: t[np.array([int(abs(t[0])), 1])], False),
}


@pytest.mark.parametrize("name", RAISING)
def test_what_raises_is_not_a_number_in_its_own_lane(name, ways):
    """Of the loss: above 1, and by a division by 0. Of the gradient: beyond the end of an array."""
    loss, gradient, by_numbers = RAISING[name]
    problem = fastgd.Objective(loss, gradient, dimension=2, start=[0.5, 0.5])
    assert ways == [by_numbers]
    thetas = thetas_of(2)
    thetas[1, ::7] = 2.0
    expected = []
    for theta in thetas.T.tolist():
        try:
            expected.append([loss(theta), *np.asarray(gradient(np.array(theta)))])
        except (ValueError, ZeroDivisionError, IndexError):
            expected.append([math.nan] * 3)
    expected = np.array(expected).T
    raised = np.isnan(expected[0])
    assert 40 < raised.sum() < 160
    sums = block_of(problem, thetas)
    assert np.isnan(sums[:, raised]).all()
    np.testing.assert_allclose(sums[:, ~raised], expected[:, ~raised], rtol=1e-15)


# ---- as Python has them --------------------------------------------------------------------------------------------


@numba.njit
def first_set(g, value):
    g[0] = value
    return g


@numba.njit
def only_sets(g, value):
    g[0] = value


@numba.njit
def made_elsewhere(t):
    g = np.zeros(3)
    g[1] = t[1]
    return g


def helper(x, scale=2.0):
    return scale * x * x


def two_names(t):
    g = np.zeros(3)
    h = g
    h[0] = t[0]
    part = g[1:]
    part[0] = 5.0
    g[2] = t[1]
    return g.sum() + 10.0 * part[1]


def same_array_returned(t):
    g = np.zeros(3)
    h = first_set(g, t[0])
    g[1] = 7.0
    return h.sum()


def set_elsewhere(t):
    g = np.zeros(3)
    only_sets(g, t[0])
    return g.sum()


def returned_from_elsewhere(t):
    g = made_elsewhere(t)
    return g[1] + 2.0 * made_elsewhere(2.0 * t).sum()


def an_array_a_turn(t):
    before = np.zeros(3)
    kept = before
    for k in range(3):
        now = np.zeros(3)
        now[k] = t[k] + before.sum()
        if k == 1:
            kept = now
        before = now
    return kept[1] + before[2]


def overlapping(t):
    g = np.zeros(3)
    g[:] = t
    g[1:] = g[:-1]
    return g[0] + 10.0 * g[1] + 100.0 * g[2]


def backwards(t):
    g = np.zeros(3)
    g[::-1] = t
    return 3.0 * g[0] + 2.0 * g[1] + t[::-1][0] + g[-1]


def whole_numbers(t):
    g = np.array([0, 0, 0])
    g[0] = 2.7
    h = np.full(3, 0)
    h[1] = 1.9
    return g[0] + h[1] + t[0]


def in_place(t):
    x = np.copy(t)
    y = x
    x *= t
    x -= 1
    x **= 2
    return np.sum(y)


def in_place_of_a_result(t):
    x = t * 2.0
    y = x
    x += 1.0
    return np.sum(y)


def copied(t):
    g = t.copy()
    g[0] = 9.0
    return g.sum() + t[0]


def theta_written(t):
    t[0] = 3.0
    x = t
    x[1] = 4.0
    return t.sum()


def asked_for_its_type(t):
    return 1.0 if isinstance(t[0], float) and not isinstance(t[0], int) and np.isscalar(t[0]) else 2.0


def loops(t):
    total = 0
    for k, a in enumerate(t):
        for b in t:
            total += k * a * b
    for a, b in zip(t, CONSTANT):  # noqa: B905 (Numba's has no `strict`)
        total += a * b
    k = 0
    while k < t.shape[0]:
        total += t[k] * t.size
        k += 1
    return total


def unpacked(t):
    a, b, c = t
    a, b = b, a + b
    return a * b - c


def conditions(t):
    x = t if t[0] > 0.0 else 2.0 * t
    g = np.zeros(3) if t[0] > 0.0 else np.ones(3)
    g[0] = t[1]
    return np.sum(x) + g.sum() + (1.0 if 0.0 < t[0] < t[1] else -1.0) + (not t[2] > 0.0)


def none_or_number(t):
    x = None
    if t[0] > -5.0:
        x = t[0]
    return 1.0 if x is None else x


def a_list(t):
    several = [t[0]]
    several.append(t[1])
    return sum(several)


def vectors_in_a_list(t):
    several = [t * 1.0, t * 2.0]
    return several[0][0] + several[1][1]


def numbers_of(t):
    powers = abs(t[0]) ** 0.5 + 2.0 ** t[0] + t[0] ** 3 + t[1] ** -2 + (1.0 + abs(t[2])) ** 1.7 + t[0] ** 2.0
    whole = int(t[0] * 10.0) + round(t[1]) + math.floor(t[2]) + t[0] % 0.3 + t[1] // 0.3 + divmod(t[2], 0.4)[1]
    chosen = max(t[0], t[1], 0) + min(t[0], 0.5) + np.maximum(t[0], t[1])
    return powers + whole + chosen + math.atan2(t[0], t[1]) + math.hypot(t[0], t[1]) + np.log10(3.0 + t[2])


def vectors_of(t):
    powers = np.sum(np.abs(t) ** 0.5 + t**2 - t**-1.0 + 2**t + np.power(np.abs(t), t))
    products = t @ t + np.dot(t, CONSTANT) + CONSTANT @ t + t.dot(t) + ((t - CONSTANT) / (t + 10.0)).sum()
    chosen = np.sum(np.where(t > 0.0, t * t, -t)) + np.max(t) + t.min() + np.mean(t) + np.prod(t)
    return powers + products + chosen + np.exp(t).sum() + np.tanh(t).sum() + np.sqrt(np.sum(np.square(t)))


def made_in_all_ways(t):
    ones = np.ones(t.shape) @ t + np.zeros(len(t)) @ t + np.full(3, 0.5) @ t + np.full_like(t, 2.0) @ t
    g = np.empty(3, dtype=np.float64)
    for k in range(3):
        g[k] = t[k] ** 2
    h = np.array((t[0], t[1], 1)) * np.ones_like(t)
    swapped = np.array([1.0, t[0], 2.0])
    swapped[0], swapped[1] = swapped[1], swapped[0]
    h = h + swapped
    return ones + g[1:].sum() + 5.0 * h[0] + h[1] + np.zeros(3, float).sum()


def defaults(t, c=2.0, d=CONSTANT):
    return c * t[0] + d[1] + CONSTANT[int(abs(t[0]))] + np.sum(CONSTANT[1:] * t[1:]) + len(CONSTANT)


def helped(t):
    def inner(x):
        return x * x + t[0]

    return inner(t[1]) + helper(t[2]) + helper(t[0], 3.0)


AS_PYTHON = {
    function: by_numbers
    for by_numbers, functions in {
        True: (
            *(two_names, set_elsewhere, returned_from_elsewhere, overlapping, backwards, in_place, copied, loops),
            *(unpacked, conditions, numbers_of, vectors_of, made_in_all_ways, defaults, helped, same_array_returned),
            *(in_place_of_a_result, an_array_a_turn, none_or_number, a_list, vectors_in_a_list),
            lambda t: np.array([x * x for x in t]).sum(),
            *(lambda t: np.sum(MATRIX @ t), lambda t: t[PLACES].sum()),
        ),
        False: (
            *(whole_numbers, theta_written, asked_for_its_type),
            *(lambda t: t[t > 0.0].sum(), lambda t: np.sum(t > 0.0) * 1.0),
        ),
    }.items()
    for function in functions
}


@pytest.mark.slow
@pytest.mark.parametrize("function", AS_PYTHON, ids=lambda function: function.__name__)
def test_functions_mean_what_they_mean_in_python(function, ways):
    problem = fastgd.Objective(function, np.ones_like, dimension=3, start=[0.3, -0.2, 0.1])
    assert ways == [AS_PYTHON[function]]
    thetas = thetas_of(3)
    with np.errstate(invalid="ignore"):  # powers of what is negative
        expected = [float(function(theta.copy())) for theta in thetas.T]
    np.testing.assert_allclose(block_of(problem, thetas)[0], expected, rtol=1e-14, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(
    "gradient",
    [
        rosenbrock_slopes,
        lambda t: np.array([t[0] * t[1], 2.0, -t[2], t[3], 1]),
        lambda t: [t[0] * t[1], 2.0, -t[2], t[3], 1],
        lambda t: (t[0] * t[1], 2, -t[2], t[3] > 0.0, t[4]),
        lambda t: 2.0 * t,
        lambda t: t,
        lambda t: t[::-1] * np.arange(5),
    ],
)
def test_gradients_are_taken_in_any_form(gradient):
    problem = fastgd.Objective(rosenbrock, gradient, dimension=5)
    thetas = thetas_of(5)
    expected = np.array([gradient(theta) for theta in thetas.T], dtype=float).T
    np.testing.assert_allclose(block_of(problem, thetas)[1:], expected, rtol=1e-15)


def test_what_may_be_reassociated_has_one_lane_at_a_time(ways):
    """Its vectors might not round as its lanes do."""
    loss = numba.njit(fastmath=True)(lambda t: t * t + 0.1 + 0.2 + t)
    fastgd.Objective(loss, lambda t: 2.0 * t)
    assert ways == [False]


def test_nobody_elses_numba_changes():
    """Not the functions' values, nor an array's type, in a process that has compiled objectives."""
    fastgd.Objective(branches, branches_slope)
    values = np.linspace(-3.0, 3.0, 50)
    for function in (math.sin, math.tan, math.exp, math.tanh):
        users = numba.njit(lambda x, function=function: function(x))
        assert [users(x) for x in values] == [function(x) for x in values]
    arrays = numba.njit(lambda n: (np.zeros(3), np.array([1.0, 2.0]), np.zeros(n)))(4)
    assert [array.shape for array in arrays] == [(3,), (2,), (4,)]


MEMORY = """
import numpy as np, resource, fastgd

def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def loss(t):
    g = np.zeros(2000)
    for k in range(3):
        h = np.ones(200) * t[0]
        g[k] = h.sum()
    several = [t[0]]
    several.append(t[1])
    return g.sum() + sum(several)

def gradient(t):
    g = np.zeros(5)
    g[1:] = t[:-1] * 2.0
    return g

def usual(t):
    return np.sum(t * t)

for functions in ((loss, lambda t: np.sort(t)), (usual, gradient), (usual, lambda t: [t[0], t[1], t[2], t[3], t[4]])):
    problem = fastgd.Objective(*functions, dimension=5)
    rates = np.full(10_000, 1e-9)
    sweep = lambda: fastgd.sweep(problem, learning_rate=rates, max_steps=10, threads=1)
    sweep()
    before = resident()
    for _ in range(5):
        sweep()
    print(resident() - before < 20_000)
"""


@pytest.mark.slow
@pytest.mark.process
def test_evaluations_keep_no_memory():
    """Half a million of each, the first kind of which would keep 20 GB; KiB are counted."""
    assert run(MEMORY).splitlines() == ["True"] * 3
