"""What every way takes from samples, against exact arithmetic and NIST's certified values."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgd.least_squares import features, from_samples, polynomials
from fastgd.least_squares.from_samples import linear_quadratic, polynomial_quadratic
from tests.oracle import exact, nist

ROUTES = {
    "own points": "orthogonal polynomials",
    "sums": "Chebyshev polynomials, Cholesky",
    "some points": "orthogonal polynomials, Cholesky",
    "householder": "Householder QR",
}


def take(route, patch):
    """Send all data one way, whatever their size and condition."""
    if route != "own points":
        patch.setattr(from_samples, "SMALL", 0)
    if route == "some points":
        ways = (polynomials.on_nodes, polynomials.orthogonal_on_some, polynomials.by_householder)
        patch.setattr(from_samples, "POLYNOMIALS_OF_MANY", ways)
    if route == "householder":
        patch.setattr(from_samples, "POLYNOMIALS_OF_MANY", (polynomials.on_nodes, polynomials.by_householder))
        patch.setattr(from_samples, "FEATURES_OF_MANY", (features.by_householder,))


@pytest.fixture(params=ROUTES)
def route(request, monkeypatch):
    take(request.param, monkeypatch)
    return request.param


@pytest.fixture(params=["sums", "householder"])
def feature_route(request, monkeypatch):
    take(request.param, monkeypatch)
    return request.param


def assert_determined(quadratic, columns, y, errors=30.0):
    """The minimum is right to the digits that the data determine, the least sum of squares to its rounding."""
    solution = exact.least_squares(columns, y)
    assert quadratic.rank == solution.rank == len(columns)
    off = np.abs([float(Fraction(a) - b) for a, b in zip(quadratic.theta.tolist(), solution.theta, strict=True)])
    assert (off <= errors * exact.uncertainty(columns, y, solution.theta)).all()
    size = float(np.abs(y).max())
    assert quadratic.floor == pytest.approx(
        float(solution.squares), rel=1e-13, abs=len(y) * (20 * 2.0**-52 * size) ** 2
    )


# ---- NIST ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "degree", "enough"),
    [("Norris", 1, 12.0), ("Wampler1", 5, 9.0), ("Wampler2", 5, 12.0), ("Wampler3", 5, 9.0)],
)
def test_polynomials_reach_certified_values(name, degree, enough, route):
    data = nist.read(name)
    quadratic = polynomial_quadratic(data.X[:, 0].copy(), data.y, degree)
    assert quadratic.method == ROUTES[route]
    assert quadratic.rank == degree + 1
    assert nist.digits(quadratic.theta, data.theta).min() >= enough
    # a residual in float64 is off by a unit of rounding of y, whatever is left of y in it
    of_residuals = 2.0 * np.finfo(float).eps * np.sqrt(np.sum(data.y**2) * data.squares)
    assert quadratic.floor == pytest.approx(data.squares, rel=0, abs=of_residuals + 1e-26 * np.sum(data.y**2))


@pytest.mark.parametrize(
    ("name", "intercept", "enough"),
    [("Longley", True, 12.0), ("Norris", True, 12.0), ("NoInt1", False, 14.0), ("NoInt2", False, 14.0)],
)
def test_features_reach_certified_values(name, intercept, enough, feature_route):
    data = nist.read(name)
    quadratic = linear_quadratic(data.X, data.y, intercept)
    assert quadratic.rank == data.theta.size
    certified = np.roll(data.theta, -1) if intercept else data.theta
    assert nist.digits(quadratic.theta, certified).min() >= enough
    assert quadratic.floor == pytest.approx(data.squares, rel=1e-11)


# ---- exact arithmetic ------------------------------------------------------------------------------------------------

CLUSTERED = np.append(np.linspace(0.0, 1e-3, 999), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize("target", ["noise", "curve"])
def test_points_placed_badly(degree, target):
    # a Gram matrix of Chebyshev polynomials has the condition 6e26 here, and Cholesky does not notice
    y = np.random.default_rng(1).normal(size=1000) if target == "noise" else np.sin(3.0 * CLUSTERED)
    assert_determined(polynomial_quadratic(CLUSTERED, y, degree), exact.power_columns(CLUSTERED, degree), y)


@pytest.mark.parametrize("degree", [1, 3, 5])
def test_years_lose_nothing_to_their_offset(degree, route):
    x = np.linspace(1947.0, 1962.0, 61)
    y = np.cos(x)
    assert_determined(polynomial_quadratic(x, y, degree), exact.power_columns(x, degree), y)


@pytest.mark.parametrize("samples", [8191, 8192, 8193, 20_001])
@pytest.mark.parametrize("degree", [0, 1, 2, 7, 8, 11])
def test_many_samples(samples, degree):
    # whole numbers, so that exact sums are quick; both kernels and both sides of a block's end
    rng = np.random.default_rng(samples)
    k = rng.integers(-1000, 1001, samples)
    v = rng.integers(-1000, 1001, samples)
    quadratic = polynomial_quadratic(k / 512.0, v / 64.0, degree)
    assert quadratic.method == ROUTES["sums"]
    powers = [int(np.sum(k.astype(object) ** p)) for p in range(2 * degree + 1)]
    gram = [[Fraction(powers[i + j], 512 ** (i + j)) for j in range(degree + 1)] for i in range(degree + 1)]
    right = [Fraction(int(np.sum(v.astype(object) * k.astype(object) ** p)), 64 * 512**p) for p in range(degree + 1)]
    (theta,) = exact.solve(gram, [right])
    squares = Fraction(int(np.sum(v.astype(object) ** 2)), 64**2) - exact.dot(theta, right)
    np.testing.assert_allclose(quadratic.theta, [float(value) for value in theta], rtol=1e-10)
    assert quadratic.floor == pytest.approx(float(squares), rel=1e-14)
    lengths = np.sqrt([float(gram[i][i]) for i in range(degree + 1)])
    scaled = np.array([[float(value) for value in row] for row in gram]) / np.outer(lengths, lengths)
    np.testing.assert_allclose(quadratic.R.T @ quadratic.R / np.outer(lengths, lengths), scaled, atol=3e-14)
    off = quadratic.R.T @ quadratic.q - [float(value) for value in right]
    assert (np.abs(off) <= 1e-14 * lengths * np.sqrt(np.sum((v / 64.0) ** 2))).all()


@pytest.mark.parametrize(("F", "intercept"), [(1, True), (1, False), (3, True), (8, True), (9, False), (70, True)])
@pytest.mark.parametrize("samples", [5000, 8193])
def test_many_rows(F, intercept, samples):
    rng = np.random.default_rng(F)
    X = rng.integers(-1000, 1001, (samples, F)) / 64.0 + 100.0
    y = rng.integers(-1000, 1001, samples) / 64.0
    quadratic = linear_quadratic(X, y, intercept)
    A = np.column_stack([X, np.ones(samples)]) if intercept else X
    k = np.rint(A * 64).astype(np.int64)
    gram, right = k.T @ k, k.T @ np.rint(y * 64).astype(np.int64)  # exact: below 2^63
    lengths = np.sqrt(np.diag(gram).astype(float))
    measured = quadratic.R.T @ quadratic.R * 4096
    np.testing.assert_allclose(measured / np.outer(lengths, lengths), gram / np.outer(lengths, lengths), atol=1e-14)
    off = quadratic.R.T @ quadratic.q * 4096 - right
    assert (np.abs(off) <= 1e-14 * lengths * np.sqrt(np.sum((64.0 * y) ** 2))).all()
    expected = np.linalg.lstsq(A, y, rcond=None)[0]
    np.testing.assert_allclose(quadratic.theta, expected, rtol=1e-8, atol=1e-10)
    r = A.astype(np.longdouble) @ quadratic.theta - y
    assert quadratic.floor == pytest.approx(float(r @ r), rel=1e-11)


@pytest.mark.slow
def test_most_samples_in_a_corner_take_a_second_pass(monkeypatch):
    monkeypatch.setattr(from_samples, "SMALL", 500)
    monkeypatch.setattr(polynomials, "POINTS", 100)
    rng = np.random.default_rng(3)
    x = np.append(rng.uniform(0.0, 1e-3, 600), 1.0)
    y = rng.normal(size=x.size)
    quadratic = polynomial_quadratic(x, y, 4)
    assert quadratic.method == ROUTES["some points"]
    assert_determined(quadratic, exact.power_columns(x, 4), y)


@pytest.mark.slow
@pytest.mark.parametrize(("beyond", "degree", "passes"), [(1.2, 5, 1), (100.0, 9, 2)])
def test_samples_beyond_the_range_that_was_seen(beyond, degree, passes, monkeypatch):
    # those that a stride sees lie in [-1, 1]; a little further harms nothing, much further takes another pass
    monkeypatch.setattr(from_samples, "SMALL", 500)
    monkeypatch.setattr(polynomials, "POINTS", 100)
    rng = np.random.default_rng(6)
    x, y = rng.uniform(-beyond, beyond, 600), rng.normal(size=600)
    x[::6], x[-1] = np.sin(np.arange(100.0)), -1.0
    x = np.rint(64.0 * x) / 64.0  # so that exact arithmetic is quick
    ranges = []
    by_normal_equations = polynomials.by_normal_equations

    def counted(data, basis, *others):
        ranges.append((basis.center - 1.0 / basis.inverse_half, basis.center + 1.0 / basis.inverse_half))
        return by_normal_equations(data, basis, *others)

    monkeypatch.setattr(polynomials, "by_normal_equations", counted)
    quadratic = polynomial_quadratic(x, y, degree)
    assert quadratic.method == ROUTES["sums"]
    assert np.allclose(ranges, [(-1.0, 1.0), (x.min(), x.max())][:passes], rtol=1e-15)
    assert_determined(quadratic, exact.power_columns(x, degree), y)


@pytest.mark.slow
def test_outliers_between_the_points_that_were_taken(monkeypatch):
    # points near 1, none of which a stride sees, and none of which is extreme
    monkeypatch.setattr(from_samples, "SMALL", 500)
    monkeypatch.setattr(polynomials, "POINTS", 100)
    rng = np.random.default_rng(4)
    x = rng.uniform(0.0, 1e-3, 601)
    x[1:601:200] = [0.9, 1.0, 1.1]
    x[0], x[-1] = -1.0, 2.0
    y = rng.normal(size=x.size)
    quadratic = polynomial_quadratic(x, y, 5)
    assert quadratic.method == ROUTES["householder"]
    assert_determined(quadratic, exact.power_columns(x, 5), y)


# ---- properties ------------------------------------------------------------------------------------------------------

whole_numbers = st.integers(-40, 40)


@st.composite
def polynomial_samples(draw):
    points = draw(st.lists(st.tuples(whole_numbers, whole_numbers), min_size=1, max_size=25))
    x, y = np.array(points, dtype=np.float64).T.copy()
    return np.ldexp(x, draw(st.integers(-30, 30))), y, draw(st.integers(0, 6))


def assert_describes(quadratic, columns, y):
    """The quadratic is the sum of squares at any theta, and its minimum is the shortest exact one."""
    solution = exact.least_squares(columns, y)
    assert quadratic.rank == solution.rank
    assert not quadratic.R[quadratic.rank :].any()
    X = np.array([[float(value) for value in column] for column in columns]).T
    lengths = np.sqrt(np.sum(X**2, axis=0))
    lengths[lengths == 0.0] = 1.0
    gram = quadratic.R.T @ quadratic.R / np.outer(lengths, lengths)
    np.testing.assert_allclose(gram, X.T @ X / np.outer(lengths, lengths), atol=1e-13)
    size = np.sqrt(np.sum(y**2))
    np.testing.assert_allclose(quadratic.R.T @ quadratic.q / lengths, X.T @ y / lengths, atol=1e-13 * size)
    assert quadratic.floor == pytest.approx(float(solution.squares), rel=1e-11, abs=(1e-14 * size) ** 2)
    # what theta's error adds to the sum of squares, and how much longer it is than the shortest
    off = [Fraction(a) - b for a, b in zip(quadratic.theta.tolist(), solution.theta, strict=True)]
    moved = [exact.dot(off, list(row)) for row in zip(*columns, strict=True)]
    terms = np.abs(X) @ np.abs([float(value) for value in solution.theta])
    assert np.sqrt(float(exact.dot(moved, moved))) <= 1e-14 * (size + np.sqrt(np.sum(terms**2)))
    length = np.sqrt(float(exact.dot(solution.theta, solution.theta)))
    assert np.sqrt(np.sum(quadratic.theta**2)) <= (1.0 + 1e-9) * length + 1e-13 * size / lengths.min()


@given(polynomial_samples())
@settings(deadline=None)
def test_any_polynomial(problem):
    x, y, degree = problem
    assert_describes(polynomial_quadratic(x, y, degree), exact.power_columns(x, degree), y)


@given(polynomial_samples(), st.sampled_from(["sums", "some points", "householder"]))
@settings(deadline=None, max_examples=40)
def test_any_polynomial_as_if_it_were_large(problem, route):
    x, y, degree = problem
    with pytest.MonkeyPatch.context() as patch:
        take(route, patch)
        assert_describes(polynomial_quadratic(x, y, degree), exact.power_columns(x, degree), y)


@st.composite
def feature_tables(draw):
    rows, F = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    small = st.integers(-5, 5)
    table = np.array(draw(st.lists(st.lists(small, min_size=F + 1, max_size=F + 1), min_size=rows, max_size=rows)))
    X = np.ldexp(table[:, :F].astype(np.float64), draw(st.integers(-10, 10)))
    repeated = draw(st.sampled_from(["none", "copy", "sum", "constant", "zero"]))
    extra = {"copy": X[:, 0], "sum": X.sum(axis=1), "constant": np.full(rows, 3.0), "zero": np.zeros(rows)}
    X = X if repeated == "none" else np.column_stack([X, extra[repeated]])
    return X, table[:, F].astype(np.float64), draw(st.booleans())


@given(feature_tables(), st.sampled_from(["sums", "householder"]))
@settings(deadline=None)
def test_any_features(problem, route):
    X, y, intercept = problem
    with pytest.MonkeyPatch.context() as patch:
        take(route, patch)
        assert_describes(linear_quadratic(X, y, intercept), exact.feature_columns(X, intercept), y)


def test_rare_value_decides_the_rank():
    # one sample in 20,001, between the points that were taken, makes x^2 visible
    x = np.tile([0.0, 1.0], 10_000)
    x = np.insert(x, 10_001, 0.5)
    quadratic = polynomial_quadratic(x, x**2, 5)
    assert quadratic.rank == 3
    solution = exact.least_squares(exact.power_columns(np.array([0.0, 0.5, 1.0]), 5), np.array([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(quadratic.theta, [float(value) for value in solution.theta], atol=1e-11)


@pytest.mark.parametrize("samples", [1, 7, 5000])
@pytest.mark.parametrize("value", [0.0, 3.0, -1e-9, 1947.0])
def test_constant_x(samples, value):
    y = np.arange(samples) % 5 + 1.0
    quadratic = polynomial_quadratic(np.full(samples, value), y, 3)
    powers = value ** np.arange(4)
    assert quadratic.rank == 1
    np.testing.assert_allclose(quadratic.theta, np.mean(y) * powers / np.sum(powers**2), rtol=1e-12, atol=1e-18)
    assert quadratic.floor == pytest.approx(np.sum((y - np.mean(y)) ** 2), rel=1e-12, abs=1e-28)


def test_more_parameters_than_samples():
    X = np.random.default_rng(0).normal(size=(4, 9))
    quadratic = linear_quadratic(X, np.arange(4.0), intercept=True)
    assert quadratic.rank == 4
    assert quadratic.floor < 1e-28
    np.testing.assert_allclose(
        quadratic.theta, np.linalg.pinv(np.column_stack([X, np.ones(4)])) @ np.arange(4.0), rtol=1e-11
    )


# ---- trajectories ----------------------------------------------------------------------------------------------------


def after(gram, right, rate, steps):
    """Return theta after some steps of gradient descent from 0, by powers of its affine map."""
    P = len(right)
    descent = mpmath.eye(P + 1)
    for i in range(P):
        for j in range(P):
            descent[i, j] -= 2 * rate * gram[i, j]
        descent[i, P] = 2 * rate * right[i]
    power = mpmath.eye(P + 1)
    while steps:
        if steps % 2:
            power = power * descent
        descent, steps = descent * descent, steps // 2
    return power[:P, P]


@pytest.mark.slow
@pytest.mark.parametrize("route", ["own points", "sums"])
def test_descent_on_the_statistics_keeps_its_digits(route, monkeypatch):
    take(route, monkeypatch)
    degree, x = 15, np.linspace(0.0, 1.0, 400)
    y = np.sin(2.0 * np.pi * x)
    quadratic = polynomial_quadratic(x, y, degree)
    rate = 0.5 / np.linalg.svd(quadratic.R, compute_uv=False)[0] ** 2
    with mpmath.workdps(80):
        columns = [[mpmath.mpf(float(value)) ** k for value in x] for k in range(degree + 1)]
        gram = mpmath.matrix([[mpmath.fdot(a, b) for b in columns] for a in columns])
        right = mpmath.matrix([mpmath.fdot(column, map(float, y)) for column in columns])
        R, q = mpmath.matrix(quadratic.R.tolist()), mpmath.matrix(quadratic.q.tolist())
        for steps, most in [(10**3, 1e-14), (10**5, 1e-14), (10**9, 1e-13), (10**14, 1e-12)]:
            expected = after(gram, right, mpmath.mpf(rate), steps)
            measured = after(R.T * R, R.T * q, mpmath.mpf(rate), steps)
            assert mpmath.norm(measured - expected) <= most * mpmath.norm(expected)


# ---- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [5, 5000])
@pytest.mark.parametrize(
    ("scale", "degree", "name"), [(1e150, 3, "x"), (1e200, 2, "x"), (1e-150, 3, "x"), (1e-310, 1, "x")]
)
def test_powers_beyond_float64_are_named(samples, scale, degree, name):
    x = (np.arange(samples) % 5 + 1.0) * scale
    with pytest.raises(
        ValueError, match=rf"^{name} must be scaled: its powers up to {degree} leave the range of float64"
    ):
        polynomial_quadratic(x, np.arange(samples) % 3 + 1.0, degree)


@pytest.mark.parametrize("samples", [5, 5000])
@pytest.mark.parametrize("scale", [2.0**500, 2.0**-500])
def test_huge_and_tiny_data(samples, scale):
    x, y = np.arange(samples) % 5 + 1.0, np.arange(samples) % 3 + 1.0
    theta = polynomial_quadratic(x, y, 2).theta
    scaled = polynomial_quadratic(x * scale, y, 2).theta * scale ** np.arange(3.0)
    np.testing.assert_allclose(scaled, theta, rtol=1e-12, atol=1e-15)
    columns = np.column_stack([x, x % 2])
    weights = linear_quadratic(columns, y, intercept=True).theta
    scaled = linear_quadratic(columns * scale, y, intercept=True).theta
    np.testing.assert_allclose(scaled, weights / [scale, scale, 1.0], rtol=1e-12)


@pytest.mark.parametrize("samples", [5, 5000])
def test_squares_beyond_float64_are_named(samples):
    x, y = np.arange(float(samples)), 1e200 * (np.arange(samples) % 3)
    for take_statistics in (lambda: polynomial_quadratic(x, y, 1), lambda: linear_quadratic(x[:, None], y, True)):
        with pytest.raises(ValueError, match=r"^y must be scaled: its squares .* \(largest \|y\| is 2e\+200\)"):
            take_statistics()


def test_a_column_that_is_huge_where_no_row_was_looked_at():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(9001, 2)), rng.normal(size=9001)
    X[:, 1] = 0.0
    X[4444, 1] = 2.0**700
    X[5555, 1] = 2.0**699
    quadratic = linear_quadratic(X, y, intercept=True)
    X[:, 1] = np.ldexp(X[:, 1], -700)
    np.testing.assert_allclose(quadratic.theta * [1.0, 2.0**700, 1.0], linear_quadratic(X, y, True).theta, rtol=1e-12)
