"""Ways from the samples of a polynomial fit to its quadratic; each gives None where it does not serve them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastgd.check import Array, FloatArray
from fastgd.kernels.least_squares import passes as kernels
from fastgd.kernels.least_squares.bases import RecurrenceData
from fastgd.kernels.least_squares.chebyshev import MAX_TUPLE, ChebyshevData
from fastgd.least_squares import doubled
from fastgd.least_squares.bases import NodeBasis, PolynomialBasis
from fastgd.least_squares.doubled import power_of_two
from fastgd.least_squares.factor import Factor
from fastgd.least_squares.passes import PassOver, Workers, row_blocks
from fastgd.least_squares.quadratic import Quadratic, Reference
from fastgd.least_squares.solving import (
    at_its_minimum,
    by_blocks,
    by_normal_equations,
    corrected,
    in_one_qr_pass,
    roots_of,
)
from fastgd.once import computed_once
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import Piece, Source

VANISHED = 32 * np.finfo(np.float64).eps  # of its length: what is left of a polynomial that is zero on all points
POINTS = 4096  # samples that stand for all when a basis is made


class Range(NamedTuple):
    """Least and largest of some x."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class PolynomialSamples:
    """Samples of a polynomial fit, and what the ways find out about them, each when first asked for."""

    source: Source
    P: int
    workers: Workers

    @computed_once
    def nodes(self) -> FloatArray:
        """The distinct x, or some of them if there are P or more."""
        found = self.source.last().features
        for rows in row_blocks(self.source, 1):
            found = np.union1d(found, rows.features)
            if found.size >= self.P:
                break
        return found

    @computed_once
    def some(self) -> Array:
        """Evenly taken x, POINTS of them, and the last."""
        taken = self.source.every(-(-self.source.counting // POINTS)).features
        return np.append(taken, self.source.last().features).astype(np.float64)

    @computed_once
    def range_of_some(self) -> Range:
        """Their range."""
        return Range(float(self.some.min()), float(self.some.max()))

    @computed_once
    def extremes(self) -> Array:
        """Least and largest x of each block (blocks, 2), which a pass over all samples finds."""
        found = PassOver(self.source, kernels.block_extremes, _features_of, kernels.BLOCK, (2,), 8).results(
            self.workers
        )
        return np.concatenate([some.copy() for some in found])

    @computed_once
    def range_of_all(self) -> Range:
        """The range of all x."""
        return Range(float(self.extremes[:, 0].min()), float(self.extremes[:, 1].max()))

    @computed_once
    def orthogonal_on_some(self) -> PolynomialBasis:
        """Polynomials orthogonal on evenly taken samples and on blocks' extremes, which see what lies outside."""
        groups = np.arange(0, len(self.extremes), -(-len(self.extremes) // POINTS))
        lowest = np.minimum.reduceat(self.extremes[:, 0], groups)
        highest = np.maximum.reduceat(self.extremes[:, 1], groups)
        points = np.concatenate([self.some, lowest, highest])
        root_weights = np.ones(points.size)
        root_weights[: self.some.size] = np.sqrt(self.source.counting / self.some.size)
        return orthogonal_polynomials(points, root_weights, self.P)[0]


def _features_of(piece: Piece) -> tuple[FloatArray]:
    return (piece.features,)


def on_nodes(samples: PolynomialSamples) -> Quadratic | None:
    """Serve samples with fewer distinct x than parameters: all that counts there is means and variances."""
    nodes = samples.nodes
    if nodes.size >= samples.P:
        return None
    counts, sums, lost, squares = np.zeros((4, nodes.size))
    for x, y, weights in map(_with_weights, row_blocks(samples.source, 1)):
        at = np.searchsorted(nodes, x)
        counts += np.bincount(at, weights, minlength=nodes.size)
        sums += np.bincount(at, weights * y, minlength=nodes.size)
    means = sums / counts
    for x, y, weights in map(_with_weights, row_blocks(samples.source, 1)):
        at = np.searchsorted(nodes, x)
        r = y - means[at]
        lost += np.bincount(at, weights * r, minlength=nodes.size)
        squares += np.bincount(at, weights * r**2, minlength=nodes.size)
    reference = Reference(means, np.zeros_like(means), -lost / np.sqrt(counts))  # what rounding the means has lost
    floor = float(np.sum(np.maximum(squares - lost**2 / counts, 0.0)))
    basis = NodeBasis(nodes.astype(np.float64), samples.P)
    factor = Factor.of(np.diag(np.sqrt(counts)))
    return Quadratic.assemble(
        basis, factor, sums / np.sqrt(counts), reference, floor, samples.source.counting, "distinct points"
    )


def _root_weights(piece: Piece) -> Array:
    """Return the roots of the weights (n,), also where they are all 1."""
    roots = roots_of(piece)
    return np.ones(len(piece.y)) if roots is None else roots


def _with_weights(piece: Piece) -> tuple[FloatArray, FloatArray, Array]:
    """Return x, y, and what the roots of the weights give as weights."""
    return piece.features, piece.y, _root_weights(piece) ** 2


def on_points(samples: PolynomialSamples) -> Quadratic:
    """Serve few samples, by polynomials orthogonal on them."""
    all_samples = samples.source.whole()
    x = all_samples.features.astype(np.float64)
    y = all_samples.y.astype(np.float64)
    root_weights = _root_weights(all_samples)
    basis, values = orthogonal_polynomials(x, root_weights, samples.P)
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
    return at_its_minimum(
        corrected(basis, factor, q, residuals, len(x), "orthogonal polynomials"),
        lambda theta: root_weights * polynomial_residuals(x, y, theta),
        lambda r: factor.transposed_solve(np.einsum("kn,n->k", values, r)),
    )


def chebyshev_on_some(samples: PolynomialSamples) -> Quadratic | None:
    """Serve samples that are well conditioned in Chebyshev polynomials on the range that some of them show.

    It need not hold all samples: beyond it the polynomials grow, and either that does no harm or it shows in the
    condition.
    """
    return _in_chebyshev_polynomials(samples, samples.range_of_some) if not samples.source.is_weighted else None


def chebyshev_on_all(samples: PolynomialSamples) -> Quadratic | None:
    """Serve samples that are well conditioned in Chebyshev polynomials on their range, where that is another."""
    if samples.source.is_weighted or samples.range_of_all == samples.range_of_some:
        return None
    return _in_chebyshev_polynomials(samples, samples.range_of_all)


def _in_chebyshev_polynomials(samples: PolynomialSamples, x_range: Range) -> Quadratic | None:
    degree = samples.P - 1
    basis = PolynomialBasis.chebyshev(*x_range, samples.P)
    zeros = (0.0,) * degree if degree <= MAX_TUPLE else ()
    x, y, _ = samples.source.empty()
    data = ChebyshevData(x, y, basis.center, basis.inverse_half, zeros)
    return by_normal_equations(data, basis, "Chebyshev polynomials", samples.source, samples.workers)


def orthogonal_on_some(samples: PolynomialSamples) -> Quadratic | None:
    """Serve samples most of which lie in a corner of their range, by polynomials orthogonal on some of them."""
    basis = samples.orthogonal_on_some
    if samples.source.is_weighted or basis.size < samples.P:
        return None
    inverse_step = np.ones(basis.size)
    inverse_step[:-1] = 1.0 / np.diag(basis.H, -1)  # powers of two: dividing in advance rounds nothing
    overlap = basis.H * inverse_step
    first_overlap = np.argmax(overlap != 0.0, axis=0)
    x, y, _ = samples.source.empty()
    data = RecurrenceData(x, y, basis.center, basis.inverse_half, overlap, first_overlap, inverse_step)
    return by_normal_equations(data, basis, "orthogonal polynomials", samples.source, samples.workers)


def by_householder(samples: PolynomialSamples) -> Quadratic:
    """Serve any samples, by QR in blocks."""
    basis = samples.orthogonal_on_some
    if basis.size < samples.P:  # what tells the powers apart is not among them
        basis = PolynomialBasis.chebyshev(*samples.range_of_all, samples.P)
    return by_blocks(basis, samples.source)


def in_one_pass(source: Passing, P: int) -> Quadratic:
    """Serve samples that can be read once, in Chebyshev polynomials on the domain that was told."""
    low, high = (float(end[0]) for end in source.domain)
    return in_one_qr_pass(PolynomialBasis.chebyshev(low, high, P), source)


def polynomial_residuals(x: FloatArray, y: FloatArray, theta: Array) -> Array:
    """Return y less the polynomial (N,) at theta (P,)."""
    high, low = doubled.polynomial_values(theta[None], x.astype(np.float64, copy=False))
    return np.asarray((y - high[0]) - low[0])


# ---- polynomials orthogonal on given points -------------------------------------------------------------------------
#
# By a recurrence: "Vandermonde with Arnoldi", Brubeck, Nakatsukasa and Trefethen, SIAM Review 63, 2021.


def orthogonal_polynomials(x: Array, root_weights: Array, P: int) -> tuple[PolynomialBasis, Array]:
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
    values = np.empty((P, x.size))
    values[0] = root_weights
    low = np.zeros((P, x.size))
    norms = np.empty(P)
    norms[0] = np.einsum("n,n", root_weights, root_weights)
    H = np.zeros((P, P))
    K = P
    for k in range(P - 1):
        known = values[: k + 1]
        product = u * values[k]
        H[: k + 1, k] = _overlaps(product, known, norms[: k + 1])
        rest, rest_low = _next(u, known, low[: k + 1], H[: k + 1, k, None])
        length = np.sqrt(np.einsum("n,n", rest, rest))
        if length <= VANISHED * np.sqrt(np.einsum("n,n", product, product)):
            K = k + 1
            break
        H[k + 1, k] = power_of_two(float(length / np.sqrt(norms[0])))
        values[k + 1] = rest / H[k + 1, k]
        low[k + 1] = rest_low / H[k + 1, k]
        norms[k + 1] = np.einsum("n,n", values[k + 1], values[k + 1])
    return PolynomialBasis(center, 1.0 / scale, H[:K, :K].copy(), P), values[:K]


def _overlaps(product: Array, known: Array, norms: Array) -> Array:
    """Return the coefficients (k,) of a product (n,) along orthogonal values (k, n)."""
    overlaps = np.zeros(len(known))
    rest = product
    for _ in range(2):  # the second time removes what rounding has left of the first
        overlaps += np.einsum("kn,n->k", known, rest) / norms
        rest = product - np.einsum("kn,k->n", known, overlaps)
    return overlaps


def _next(u: Array, high: Array, low: Array, coefficients: Array) -> doubled.Pair:
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
