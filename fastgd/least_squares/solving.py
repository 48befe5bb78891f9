"""From samples in a basis to their quadratic: by normal equations, or by QR of the basis' functions at the samples.

A pass for the residuals r at the solution z gives the least loss, and with A'r the correction that restores the digits
which a Gram matrix costs (corrected semi-normal equations: Bjorck, Linear Algebra and its Applications 88, 1987). Of
few samples residuals may be had at the minimum's theta, as if computed with twice the digits of a float.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd.check import Array
from fastgd.kernels.least_squares import passes as kernels
from fastgd.kernels.least_squares.bases import PANEL, CentredData, CentredRowsData, RecurrenceData
from fastgd.kernels.least_squares.chebyshev import ChebyshevData
from fastgd.least_squares import doubled
from fastgd.least_squares.bases import Basis, FeatureBasis, PolynomialBasis
from fastgd.least_squares.factor import Factor
from fastgd.least_squares.passes import PassOver, Workers, row_blocks
from fastgd.least_squares.quadratic import Quadratic, Reference
from fastgd.sources.pieces import Piece, Source

PanelData = RecurrenceData | CentredData | CentredRowsData
Data = ChebyshevData | PanelData
Residuals = Callable[[Array], tuple[float, Array]]  # z (K,) -> sum of r^2, A'r (K,)

WELL_CONDITIONED = 1e2  # a Gram matrix squares it: twelve digits are left of the smallest mode; at 1e3, ten
GRAM_WORK = 1 << 30  # multiply-adds of a block, which is shorter where there are many features
TINY = np.finfo(np.float64).tiny
BY_QR = "Householder QR"
LARGE_TERMS = 1e2  # times the targets: the terms of a model whose rounding leaves fewer digits in residuals than in QR
ROUNDED = 1e-8  # of the targets: what residuals at a rounded theta may be for theirs to be the better reference


# ---- normal equations -----------------------------------------------------------------------------------------------


def by_normal_equations(data: Data, basis: Basis, name: str, source: Source, workers: Workers) -> Quadratic | None:
    """Return the quadratic of samples in a basis, of this name; None where they are ill conditioned in it.

    `data` is what kernels get of no samples.
    """
    if isinstance(data, ChebyshevData):
        gram, b = chebyshev_gram(data, basis.size, source, workers)
    else:
        gram, b = gram_by_products(data, basis.size, source, workers)
    factor = cholesky(gram)
    if factor is None:
        return None
    q = factor.transposed_solve(b)
    return corrected(basis, factor, q, residuals_of(data, source, workers), source.counting, f"{name}, Cholesky")


@dataclass(frozen=True, eq=False)
class OfSamples:
    """A kernel's arguments: data, of no samples here, and others."""

    data: Data
    others: tuple[Any, ...] = ()

    def __call__(self, piece: Piece) -> tuple[Any, ...]:
        """Return them with the data of a piece."""
        return type(self.data)(piece.features, piece.y, *self.data[2:]), *self.others


def corrected(
    basis: Basis, factor: Factor, q: Array, residuals: Residuals, sample_count: int, method: str
) -> Quadratic:
    """Gather what normal equations gave: the residuals at their solution give the least loss and q's last digits."""
    z = factor.solve(q)
    squares, products = residuals(z)
    correction = factor.transposed_solve(products)
    floor = max(squares - float(correction @ correction), 0.0)
    reference = Reference(z, np.zeros_like(z), -correction)
    return Quadratic.assemble(basis, factor, q + correction, reference, floor, sample_count, method)


def chebyshev_gram(data: ChebyshevData, K: int, source: Source, workers: Workers) -> tuple[Array, Array]:
    """Return A'A and A'y of Chebyshev polynomials T_0, ..., T_{K-1}."""
    d = K - 1
    of = OfSamples(data)
    sums = PassOver(source, kernels.chebyshev_sums, of, kernels.BLOCK, (3 * d + 1,), 5 * d + 8).total(workers)
    moments = np.append(float(source.counting), sums[d + 1 :])
    i, j = np.indices((K, K))
    return 0.5 * (moments[i + j] + moments[abs(i - j)]), sums[:K]


def gram_by_products(data: PanelData, K: int, source: Source, workers: Workers) -> tuple[Array, Array]:
    """Return A'A and A'y of a basis of K functions."""
    rows = (K + 1 + 3) // 4 * 4
    work = rows**2 // 2
    block = max(PANEL, min(kernels.BLOCK, GRAM_WORK // work // PANEL * PANEL))
    of = OfSamples(data, (K, block))
    sums = PassOver(source, kernels.gram_sums, of, block, (rows, rows), work).total(workers)
    upper = np.triu(sums[:K, :K])
    return upper + np.triu(upper, 1).T, sums[:K, K]


def residuals_of(data: Data, source: Source, workers: Workers) -> Residuals:
    """Return the pass for residuals."""

    def residuals(z: Array) -> tuple[float, Array]:
        of = OfSamples(data, (z,))
        work = 4 * z.size + 8
        sums = PassOver(source, kernels.residual_sums, of, kernels.BLOCK, (z.size + 1,), work).total(workers)
        return float(sums[0]), sums[1:]

    return residuals


def cholesky(gram: Array) -> Factor | None:
    """Return the factor of a Gram matrix, None if it is too ill conditioned to be trusted."""
    lengths = np.sqrt(np.diag(gram))
    if not (np.isfinite(gram).all() and (lengths > np.sqrt(TINY)).all()):
        return None
    try:
        lower = np.linalg.cholesky(gram / lengths / lengths[:, None])
    except np.linalg.LinAlgError:
        return None
    factor = Factor.of(np.asarray(lower.T * lengths))
    return factor if factor.rows is None and factor.condition <= WELL_CONDITIONED else None


# ---- QR, all at once or block by block of rows ----------------------------------------------------------------------


def by_blocks(basis: PolynomialBasis | FeatureBasis, source: Source) -> Quadratic:
    """Take the statistics by QR, each block of rows stacked under the triangle of those before."""
    K = basis.size
    triangle = _triangle(basis, source)
    factor, q, least = _split(triangle)

    def residuals(z: Array) -> tuple[float, Array]:
        squares = 0.0
        products = np.zeros(K)
        for rows in row_blocks(source, K):
            block = _rows_of(basis, rows)
            r = block[:, K] - block[:, :K] @ z
            squares += float(r @ r)
            products += r @ block[:, :K]
        return squares, products

    if has_large_terms(factor, q, triangle[:, K]):
        return by_projection(basis, factor, q, least, source.counting)
    return corrected(basis, factor, q, residuals, source.counting, BY_QR)


def in_one_qr_pass(basis: PolynomialBasis | FeatureBasis, source: Source) -> Quadratic:
    """Take the statistics by the same QR, without the pass for residuals: QR's q and least loss need none."""
    factor, q, least = _split(_triangle(basis, source))
    return by_projection(basis, factor, q, least, source.counting)


def _triangle(basis: PolynomialBasis | FeatureBasis, source: Source) -> Array:
    """Return the triangle (at most K + 1, K + 1) of the basis' functions and y."""
    K = basis.size
    triangle = np.zeros((0, K + 1))
    for rows in row_blocks(source, K):
        block = _rows_of(basis, rows)
        if not np.isfinite(block).all():
            raise OverflowError("features")
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    return triangle


def _rows_of(basis: PolynomialBasis | FeatureBasis, rows: Piece) -> Array:
    """Return the basis' functions and y (n, K + 1), times the roots of the weights."""
    block = np.column_stack([basis.evaluate(rows.features), rows.y.astype(np.float64)])
    roots = roots_of(rows)
    return block if roots is None else block * roots[:, None]


def roots_of(piece: Piece) -> Array | None:
    """Return the roots of the weights, None if they are all 1."""
    return None if piece.weights is None else np.sqrt(piece.weights.astype(np.float64))


def has_large_terms(factor: Factor, q: Array, targets: Array) -> bool:
    """Tell whether the solution's terms are so large that residuals have their rounding, up to 1e-5 of the loss.

    QR's q has all its digits there, and needs no residuals.
    """
    return not bool(np.linalg.norm(factor.scale * factor.solve(q)) <= LARGE_TERMS * np.linalg.norm(targets))


def by_projection(basis: Basis, factor: Factor, q: Array, floor: float, sample_count: int) -> Quadratic:
    """Gather what QR gave: at its solution z nothing is left but what rounding z has."""
    z = factor.solve(q)
    high, low = doubled.product_of_matrices(doubled.pair(z[None]), doubled.pair(factor.matrix.T))
    reference = Reference(z, np.zeros_like(z), (high[0] - q) + low[0])
    return Quadratic.assemble(basis, factor, q, reference, floor, sample_count, BY_QR)


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


# ---- residuals at the minimum's theta -------------------------------------------------------------------------------


def at_its_minimum(
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
