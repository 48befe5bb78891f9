"""From samples to `Quadratic`: passes over the data in a well-conditioned basis, and what to do where it is not so.

Polynomials. Fewer distinct x than parameters: the values there. Else, up to SMALL samples: polynomials orthogonal on
the very points ("Vandermonde with Arnoldi": Brubeck, Nakatsukasa and Trefethen, SIAM Review 63, 2021), for which no
placement of the points is hard. More samples: sums of Chebyshev polynomials on the range of x, as some of the samples
show it, and Cholesky. Where that is ill conditioned, on the range of all samples; then (most points lie in a corner of
the range) in polynomials orthogonal on a few thousand of the points; where they are no better, blocked Householder QR.

Features. Up to SMALL samples: one QR. More: centred, scaled, Gram matrix and Cholesky; where that is ill conditioned,
blocked Householder QR.

Weighted samples are rows times the roots of their weights, and more than SMALL of them always go to Householder QR.

Every way ends with a pass for the residuals r at the solution z: it gives the least loss, and with A'r the correction
that restores the digits which a Gram matrix costs (corrected semi-normal equations: Bjorck, Linear Algebra and its
Applications 88, 1987). Of few samples they are taken once more at the minimum's theta, with twice the digits.

All of it runs on one thread of NumPy's linear algebra, or its bits would depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastgd.check import FloatArray
from fastgd.kernels.least_squares import passes as kernels
from fastgd.kernels.least_squares.chebyshev import MAX_TUPLE, ChebyshevSamples
from fastgd.kernels.least_squares.expansion import CentredRows, CentredSamples, RecurrenceSamples
from fastgd.least_squares import doubled
from fastgd.least_squares.bases import Basis, FeatureBasis, NodeBasis, PolynomialBasis, power_of_two, powers_of_two
from fastgd.least_squares.blas import one_thread
from fastgd.least_squares.factor import Factor
from fastgd.least_squares.gram import Residuals, chebyshev_gram, cholesky, gram_by_kernel, residuals_by_kernel
from fastgd.least_squares.passes import Pass, Workers
from fastgd.least_squares.quadratic import Quadratic, Reference

Array = NDArray[np.float64]

SMALL = 4096  # samples; up to here NumPy and LAPACK take 1 ms, spare 3 s of compilation and give the better digits
LARGE = 1e2  # times the targets: the terms of a model whose rounding leaves fewer digits in residuals than in QR
POINTS = 4096  # samples that stand for all when a basis is made
ROWS = 4096  # samples in a block of Householder QR
ROUNDED = 1e-8  # of the targets: what residuals at a rounded theta may be for theirs to be the better reference
FEW_FEATURES = 16  # residuals of more are faster row by row


def polynomial_quadratic(x: FloatArray, y: FloatArray, degree: int, weights: FloatArray | None = None) -> Quadratic:
    """Return the quadratic of a polynomial fit, theta lowest power first.

    Parameters
    ----------
    x, y : ndarray (N,)
        Contiguous, native, read-only and finite, both float64 or both float32. Unchecked.
    degree : int
    weights : ndarray (N,), optional
        Of the squares, above 0. Unchecked.

    Raises
    ------
    ValueError
        If powers of x or squares of y are beyond float64.

    Examples
    --------
    >>> import numpy as np
    >>> quadratic = polynomial_quadratic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0, 10.0]), degree=2)
    >>> quadratic.theta.round(12) + 0.0, quadratic.rank
    (array([1., 0., 1.]), 3)
    """
    with np.errstate(all="ignore"), one_thread(), Workers() as workers:
        try:
            return _polynomial(x, y, _roots(weights), degree + 1, workers)
        except OverflowError as error:
            raise _out_of_range("x", f"its powers up to {degree}", x, y, error) from None


def linear_quadratic(X: FloatArray, y: FloatArray, intercept: bool, weights: FloatArray | None = None) -> Quadratic:
    """Return the quadratic of a linear fit, theta = (weights..., intercept).

    Parameters
    ----------
    X : ndarray (N, F)
    y : ndarray (N,)
        Contiguous, native, read-only and finite, both float64 or both float32. Unchecked.
    intercept : bool
    weights : ndarray (N,), optional
        Of the squares, above 0. Unchecked.

    Raises
    ------
    ValueError
        If X or squares of y are beyond float64.

    Examples
    --------
    >>> import numpy as np
    >>> quadratic = linear_quadratic(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), intercept=True)
    >>> quadratic.theta.round(12)
    array([2., 1.])
    """
    with np.errstate(all="ignore"), one_thread(), Workers() as workers:
        try:
            return _linear(X, y, _roots(weights), intercept, workers)
        except OverflowError as error:
            raise _out_of_range("X", "its columns", X, y, error) from None


def _roots(weights: FloatArray | None) -> Array | None:
    """Return the roots of the weights, None if they are all 1."""
    return None if weights is None else np.sqrt(weights.astype(np.float64))


class OutOfRange(ValueError):
    """Statistics beyond float64."""


def _out_of_range(name: str, what: str, x: FloatArray, y: FloatArray, error: OverflowError) -> OutOfRange:
    """Return the sentence for statistics beyond float64."""
    if str(error) == "targets":
        name, what, x = "y", "its squares", y
    largest = max(abs(float(x.min())), abs(float(x.max())))
    return OutOfRange(f"{name} must be scaled: {what} leave the range of float64 (largest |{name}| is {largest:.3g})")


def _finished(basis: Basis, factor: Factor, q: Array, residuals: Residuals, samples: int, method: str) -> Quadratic:
    """Gather what normal equations gave: the residuals at their solution give the least loss and q's last digits."""
    z = factor.solve(q)
    floor, correction = _correction(factor, z, residuals)
    reference = Reference(z, np.zeros_like(z), -correction)
    return Quadratic.assemble(basis, factor, q + correction, reference, floor, samples, method)


def _correction(factor: Factor, z: Array, residuals: Residuals) -> tuple[float, Array]:
    """Return the least sum of squares, and what the residuals at the solution z say is missing in q."""
    squares, products = residuals(z)
    correction = factor.transposed_solve(products)
    return max(squares - float(correction @ correction), 0.0), correction


def _at_its_minimum(
    quadratic: Quadratic, residuals: Callable[[Array], Array], project: Callable[[Array], Array]
) -> Quadratic:
    """Return the quadratic with the minimum's theta as its reference, where the residuals of few samples are exact.

    `residuals` gives those (N,) of a theta (P,), y less the model, as if computed with twice the digits; `project`
    their part (r,) in the model's space. Not where rounding theta alone makes residuals much larger than at the least.
    """
    theta = quadratic.rounded_minimum()
    r = residuals(theta)
    squares = float(np.sum(r * r))
    if not squares <= 2.0 * quadratic.floor + ROUNDED**2 * quadratic.size:
        return quadratic
    at_theta = -project(r)
    high, low = quadratic.basis.coordinates(theta[None])
    floor = max(squares - float(np.sum(at_theta * at_theta)), 0.0)
    return replace(quadratic, reference=Reference(high[0], low[0], at_theta), floor=floor)


# ---- residuals as if computed with twice the digits ------------------------------------------------------------------


def polynomial_residuals(x: FloatArray, y: FloatArray, theta: Array) -> Array:
    """Return y less the polynomial (N,) at theta (P,)."""
    high, low = doubled.polynomial_values(theta[None], x.astype(np.float64, copy=False))
    return np.asarray((y - high[0]) - low[0])


def linear_residuals(X: FloatArray, y: FloatArray, theta: Array) -> Array:
    """Return y less the linear model (N,) at theta (P,), whose intercept is last where P > F."""
    columns = np.column_stack([X.astype(np.float64, copy=False), *([np.ones(len(X))] * (theta.size - X.shape[1]))])
    scale = powers_of_two(np.abs(columns).max(axis=0))
    high, low = doubled.product_of_matrices(doubled.pair(columns / scale), doubled.pair((theta * scale)[:, None]))
    return np.asarray((y - high[:, 0]) - low[:, 0])


# ---- polynomials -----------------------------------------------------------------------------------------------------


def _polynomial(x: FloatArray, y: FloatArray, roots: Array | None, P: int, workers: Workers) -> Quadratic:
    if len(x) <= SMALL:
        nodes = np.unique(x)
        if nodes.size < P:
            return _on_nodes(x, y, roots, nodes, P)
        root_weights = np.ones(len(x)) if roots is None else roots
        return _on_points(x.astype(np.float64), root_weights, y.astype(np.float64), P)
    some = np.append(x[:: -(-len(x) // POINTS)], x[-1]).astype(np.float64)
    low, high = float(some.min()), float(some.max())
    quadratic = None if roots is not None else _in_chebyshev_polynomials(x, y, low, high, P, workers)
    if quadratic is not None:
        return quadratic
    extremes = _extremes(x, workers)
    lowest, highest = float(extremes[:, 0].min()), float(extremes[:, 1].max())
    if roots is None and (lowest, highest) != (low, high):
        quadratic = _in_chebyshev_polynomials(x, y, lowest, highest, P, workers)
        if quadratic is not None:
            return quadratic
    basis = _basis_of_some(some, extremes, len(x), P)
    if basis.size < P:
        nodes = _distinct(x, P)
        if nodes.size < P:
            return _on_nodes(x, y, roots, nodes, P)
        return _householder(PolynomialBasis.chebyshev(lowest, highest, P), x, y, roots)
    if roots is not None:
        return _householder(basis, x, y, roots)
    samples = _recurrence_samples(x, y, basis)
    gram, b = gram_by_kernel(samples, P, len(x), workers)
    factor = cholesky(gram)
    if factor is None:
        return _householder(basis, x, y, None)
    q = factor.transposed_solve(b)
    residuals = residuals_by_kernel(samples, len(x), workers)
    return _finished(basis, factor, q, residuals, len(x), "orthogonal polynomials, Cholesky")


def _in_chebyshev_polynomials(
    x: FloatArray, y: FloatArray, low: float, high: float, P: int, workers: Workers
) -> Quadratic | None:
    """Take the statistics in Chebyshev polynomials on a range, None if they are ill conditioned on these samples.

    The range need not hold all samples: beyond it the polynomials grow, and either that does no harm or it shows in the
    condition.
    """
    basis = PolynomialBasis.chebyshev(low, high, P)
    zeros = (0.0,) * (P - 1) if P - 1 <= MAX_TUPLE else ()
    gram, b = chebyshev_gram(x, y, basis, zeros, workers)
    factor = cholesky(gram)
    if factor is None:
        return None
    samples = ChebyshevSamples(x, y, basis.center, basis.inverse_half, zeros)
    q = factor.transposed_solve(b)
    residuals = residuals_by_kernel(samples, len(x), workers)
    return _finished(basis, factor, q, residuals, len(x), "Chebyshev polynomials, Cholesky")


def _on_points(x: Array, root_weights: Array, y: Array, P: int) -> Quadratic:
    """Take the statistics of few weighted points in polynomials orthogonal on them."""
    basis, values = _orthogonal_polynomials(x, root_weights, P)
    target = root_weights * y

    def residuals(z: Array) -> tuple[float, Array]:
        r = target - np.einsum("kn,k->n", values, z)
        return float(np.einsum("n,n", r, r)), np.einsum("kn,n->k", values, r)

    gram = np.einsum("kn,ln->kl", values, values)  # badly placed points leave 1e-12 beside the diagonal
    try:
        factor = Factor.of(np.asarray(np.linalg.cholesky(gram).T))
    except np.linalg.LinAlgError:
        raise OverflowError("features") from None
    q = factor.transposed_solve(np.einsum("kn,n->k", values, target))
    quadratic = _finished(basis, factor, q, residuals, len(x), "orthogonal polynomials")

    return _at_its_minimum(
        quadratic,
        lambda theta: root_weights * polynomial_residuals(x, y, theta),
        lambda r: factor.transposed_solve(np.einsum("kn,n->k", values, r)),
    )


def _distinct(x: FloatArray, P: int) -> FloatArray:
    """Return the distinct values of x, or some of them if there are P or more."""
    found = x[:1]
    for rows in _row_blocks(len(x), 1):
        found = np.union1d(found, x[rows])
        if found.size >= P:
            break
    return found


def _on_nodes(x: FloatArray, y: FloatArray, roots: Array | None, nodes: FloatArray, P: int) -> Quadratic:
    """Take the statistics of samples with fewer distinct x than parameters: all that counts is means and variances."""
    weights = np.ones(len(x)) if roots is None else roots**2
    basis = NodeBasis(nodes.astype(np.float64), P)
    counts, sums, lost, squares = np.zeros((4, nodes.size))
    for rows in _row_blocks(len(x), 1):
        at = np.searchsorted(nodes, x[rows])
        counts += np.bincount(at, weights[rows], minlength=nodes.size)
        sums += np.bincount(at, weights[rows] * y[rows], minlength=nodes.size)
    means = sums / counts
    for rows in _row_blocks(len(x), 1):
        at = np.searchsorted(nodes, x[rows])
        r = y[rows] - means[at]
        lost += np.bincount(at, weights[rows] * r, minlength=nodes.size)
        squares += np.bincount(at, weights[rows] * r**2, minlength=nodes.size)
    reference = Reference(means, np.zeros_like(means), -lost / np.sqrt(counts))  # what rounding the means has lost
    floor = float(np.sum(np.maximum(squares - lost**2 / counts, 0.0)))
    factor, q = Factor.of(np.diag(np.sqrt(counts))), sums / np.sqrt(counts)
    return Quadratic.assemble(basis, factor, q, reference, floor, len(x), "distinct points")


def _orthogonal_polynomials(x: Array, root_weights: Array, P: int) -> tuple[PolynomialBasis, Array]:
    """Return polynomials orthogonal on points x (n,), and their values (K, n) times `root_weights`.

    They end before degree P - 1 where the next is zero on all points: there are K distinct ones. The recurrence runs
    with the coefficients that are kept, not with the two summands of each: what differs would differ alike on all
    points, and cost two digits on badly placed ones. And it runs with twice the digits: at a point far from the others
    each step multiplies what rounding has done before, and the values would be those of other polynomials than the
    coefficients', by a hundredth at a point 1,000 times as far away. einsum rather than BLAS: its bits do not depend on
    BLAS' threads.
    """
    center = _exact_center(float(x.min()), float(x.max()))
    scale = power_of_two(float(np.abs(x - center).max()))
    u = (x - center) / scale
    values, low = np.empty((P, x.size)), np.zeros((P, x.size))
    values[0] = root_weights
    norms = np.empty(P)
    norms[0] = np.einsum("n,n", root_weights, root_weights)
    H = np.zeros((P, P))
    K = P
    for k in range(P - 1):
        known, product = values[: k + 1], u * values[k]
        rest = product
        for _ in range(2):  # the second time removes what rounding has left of the first
            H[: k + 1, k] += np.einsum("kn,n->k", known, rest) / norms[: k + 1]
            rest = product - np.einsum("kn,k->n", known, H[: k + 1, k])
        rest, rest_low = _next_of_recurrence(u, values[: k + 1], low[: k + 1], H[: k + 1, k, None])
        length = np.sqrt(np.einsum("n,n", rest, rest))
        if length <= 32 * np.finfo(np.float64).eps * np.sqrt(np.einsum("n,n", product, product)):
            K = k + 1
            break
        H[k + 1, k] = power_of_two(float(length / np.sqrt(norms[0])))
        values[k + 1], low[k + 1] = rest / H[k + 1, k], rest_low / H[k + 1, k]
        norms[k + 1] = np.einsum("n,n", values[k + 1], values[k + 1])
    return PolynomialBasis(center, 1.0 / scale, H[:K, :K].copy(), P), values[:K]


def _next_of_recurrence(u: Array, high: Array, low: Array, coefficients: Array) -> doubled.Pair:
    """Return u phi_k - sum_j coefficients_j phi_j (n,) of pairs (k + 1, n), with twice the digits."""
    total, lost = doubled.product_with_error(u, high[-1])
    products, lost_of_products = doubled.product_with_error(high, -coefficients)
    lost = lost + u * low[-1] + (lost_of_products - low * coefficients).sum(axis=0)
    for product in products:
        total, lost_of_sum = doubled.sum_with_error(total, product)
        lost = lost + lost_of_sum
    return doubled.sum_with_error(total, lost)


def _exact_center(low: float, high: float) -> float:
    """Return the middle of a range far from 0, which is subtracted from all in it without rounding, else 0.

    Without it u would be nearly constant there, and each step of the recurrence lose the digits that it shares. A range
    that holds 0, or nearly, keeps its own: those of points close to 0 are finer than the middle's.
    """
    middle = 0.5 * low + 0.5 * high
    nearest, farthest = sorted((abs(low), abs(high)))
    return middle if nearest * 2.0 >= abs(middle) and farthest <= 2.0 * abs(middle) else 0.0


def _basis_of_some(some: Array, extremes: Array, samples: int, P: int) -> PolynomialBasis:
    """Return polynomials orthogonal on evenly taken samples and on blocks' extremes, which see what lies outside."""
    groups = np.arange(0, len(extremes), -(-len(extremes) // POINTS))
    outer = [np.minimum.reduceat(extremes[:, 0], groups), np.maximum.reduceat(extremes[:, 1], groups)]
    points = np.concatenate([some, *outer])
    root_weights = np.ones(points.size)
    root_weights[: some.size] = np.sqrt(samples / some.size)
    return _orthogonal_polynomials(points, root_weights, P)[0]


def _recurrence_samples(x: FloatArray, y: FloatArray, basis: PolynomialBasis) -> RecurrenceSamples:
    """Return the samples as kernels take them: the divisions by H[k+1, k] done in advance, which rounds nothing."""
    inverse_step = np.ones(basis.size)
    inverse_step[:-1] = 1.0 / np.diag(basis.H, -1)
    overlap = basis.H * inverse_step
    first_overlap = np.argmax(overlap != 0.0, axis=0)
    return RecurrenceSamples(x, y, basis.center, basis.inverse_half, overlap, first_overlap, inverse_step)


def _extremes(x: FloatArray, workers: Workers) -> Array:
    """Return least and largest x of each block (blocks, 2)."""
    results = Pass(kernels.block_extremes, (x,), kernels.BLOCK, len(x), (2,), 8).results(workers)
    return np.concatenate([some.copy() for some in results])


# ---- features --------------------------------------------------------------------------------------------------------


def _linear(X: FloatArray, y: FloatArray, roots: Array | None, intercept: bool, workers: Workers) -> Quadratic:
    N, F = X.shape
    some = X[:: -(-N // 1024)].astype(np.float64)
    center = (some / len(some)).sum(axis=0) if intercept else np.zeros(F)
    if N > SMALL and roots is None:
        basis = FeatureBasis(center, _inverse_scale(np.abs(some - center).max(axis=0), center), intercept)
        kind = CentredSamples if F <= FEW_FEATURES else CentredRows
        samples = kind(X, y, basis.center, basis.inverse_scale)
        gram, b = gram_by_kernel(samples, basis.size, N, workers)
        factor = cholesky(gram)
        if factor is not None:
            q = factor.transposed_solve(b)
            return _finished(
                basis, factor, q, residuals_by_kernel(samples, N, workers), N, "centred features, Cholesky"
            )
    largest = np.zeros(F)
    for rows in _row_blocks(N, F):
        np.maximum(largest, np.abs(X[rows].astype(np.float64) - center).max(axis=0), out=largest)
    basis = FeatureBasis(center, _inverse_scale(largest, center), intercept)
    return (_few_rows if N <= SMALL else _householder)(basis, X, y, roots)


def _inverse_scale(sizes: Array, center: Array) -> Array:
    """Return the scales of centred features; a constant one has that of its value, not to add to its rounding."""
    return 1.0 / powers_of_two(np.where(sizes > 0.0, sizes, center))


# ---- Householder QR --------------------------------------------------------------------------------------------------


def _householder(basis: PolynomialBasis | FeatureBasis, x: FloatArray, y: FloatArray, roots: Array | None) -> Quadratic:
    """Take the statistics by QR, each block of rows stacked under the triangle of those before."""
    K = basis.size

    def rows_of(rows: slice) -> Array:
        block = np.column_stack([basis.evaluate(x[rows]), y[rows].astype(np.float64)])
        return block if roots is None else block * roots[rows, None]

    triangle = np.zeros((0, K + 1))
    for rows in _row_blocks(len(x), K):
        block = rows_of(rows)
        if not np.isfinite(block).all():
            raise OverflowError("features")
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    factor, q, least = _split(triangle)

    def residuals(z: Array) -> tuple[float, Array]:
        squares, products = 0.0, np.zeros(K)
        for rows in _row_blocks(len(x), K):
            block = rows_of(rows)
            r = block[:, K] - block[:, :K] @ z
            squares += float(r @ r)
            products += r @ block[:, :K]
        return squares, products

    z = factor.solve(q)
    if np.linalg.norm(factor.scale * z) <= LARGE * np.linalg.norm(triangle[:, K]):
        return _finished(basis, factor, q, residuals, len(x), "Householder QR")
    # residuals have the rounding of a large solution, noise in q of up to 1e-5 of the loss; QR's q has all digits
    return _by_projection(basis, factor, q, least, len(x))


def _by_projection(basis: Basis, factor: Factor, q: Array, floor: float, samples: int) -> Quadratic:
    """Gather what QR gave: at its solution z nothing is left but what rounding z has."""
    z = factor.solve(q)
    high, low = doubled.product_of_matrices(doubled.pair(z[None]), doubled.pair(factor.matrix.T))
    reference = Reference(z, np.zeros_like(z), (high[0] - q) + low[0])
    return Quadratic.assemble(basis, factor, q, reference, floor, samples, "Householder QR")


def _few_rows(basis: FeatureBasis, X: FloatArray, y: FloatArray, roots: Array | None) -> Quadratic:
    """Take the statistics of few samples by one QR, whose orthogonal columns project residuals without loss."""
    X, y = X.astype(np.float64), y.astype(np.float64)
    root_weights = np.ones(len(X)) if roots is None else roots
    values = basis.evaluate(X) * root_weights[:, None]
    if not np.isfinite(values).all():
        raise OverflowError("features")
    orthogonal, triangle = np.linalg.qr(values)
    factor = Factor.of(triangle)
    q = factor.project(orthogonal.T @ (root_weights * y))
    columns = orthogonal if factor.projection is None else orthogonal @ factor.projection.T
    rest = root_weights * y - columns @ q
    rest -= columns @ (columns.T @ rest)
    quadratic = _by_projection(basis, factor, q, float(np.sum(rest * rest)), len(X))
    if np.linalg.norm(factor.scale * factor.solve(q)) > LARGE * np.linalg.norm(root_weights * y):
        return quadratic  # what rounding does to the factor counts for more there than what it does to residuals
    return _at_its_minimum(
        quadratic,
        lambda theta: root_weights * linear_residuals(X, y, theta),
        lambda r: np.asarray(columns.T @ r),
    )


def _split(triangle: Array) -> tuple[Factor, Array, float]:
    """Return what a triangle (k, K + 1) of rows and right-hand side holds: factor, q (r,), least sum of squares."""
    K = triangle.shape[1] - 1
    factor = Factor.of(triangle[:K, :K])
    right = triangle[:K, K]
    q = factor.project(right)
    # the difference of squares would leave a rounding error of theirs in a floor that may be 0
    lost = 0.0 if factor.projection is None else np.sum((right - factor.projection.T @ q) ** 2)
    rest = triangle[K, K] ** 2 if len(triangle) > K else 0.0
    return factor, q, float(lost + rest)


def _row_blocks(N: int, K: int) -> Iterator[slice]:
    """Yield slices of enough rows to be worth a QR of their own."""
    length = max(ROWS, 2 * K)
    return (slice(first, first + length) for first in range(0, N, length))
