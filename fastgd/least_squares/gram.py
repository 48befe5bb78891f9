"""Gram matrices and residuals by passes of the kernels over the samples, and what factor a Gram matrix has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import FloatArray
from fastgd.kernels.least_squares import passes as kernels
from fastgd.kernels.least_squares.expansion import TILE, CentredRows, CentredSamples, RecurrenceSamples
from fastgd.least_squares.bases import PolynomialBasis
from fastgd.least_squares.factor import Factor
from fastgd.least_squares.passes import Pass, Workers

Array = NDArray[np.float64]
Residuals = Callable[[Array], tuple[float, Array]]  # z (K,) -> sum of r^2, A'r (K,)

WELL_CONDITIONED = 1e2  # a Gram matrix squares it: twelve digits are left of the smallest mode; at 1e3, ten
GRAM_WORK = 1 << 30  # multiply-adds of a block, which is shorter where there are many features
TINY = np.finfo(np.float64).tiny


def chebyshev_gram(
    x: FloatArray, y: FloatArray, basis: PolynomialBasis, zeros: tuple[float, ...], workers: Workers
) -> tuple[Array, Array]:
    """Return A'A and A'y of Chebyshev polynomials."""
    d = basis.parameters - 1
    arguments = (x, y, basis.center, basis.inverse_half, zeros)
    sums = Pass(kernels.chebyshev_sums, arguments, kernels.BLOCK, len(x), (3 * d + 1,), 5 * d + 8).total(workers)
    moments = np.append(float(len(x)), sums[d + 1 :])
    i, j = np.indices((d + 1, d + 1))
    return 0.5 * (moments[i + j] + moments[abs(i - j)]), sums[: d + 1]


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


def gram_by_kernel(
    samples: RecurrenceSamples | CentredSamples | CentredRows, K: int, N: int, workers: Workers
) -> tuple[Array, Array]:
    """Return A'A and A'y of a basis of K functions."""
    rows = (K + 1 + 3) // 4 * 4
    work = rows**2 // 2
    block = max(TILE, min(kernels.BLOCK, GRAM_WORK // work // TILE * TILE))
    sums = Pass(kernels.gram_sums, (samples, K, block), block, N, (rows, rows), work).total(workers)
    upper = np.triu(sums[:K, :K])
    return upper + np.triu(upper, 1).T, sums[:K, K]


def residuals_by_kernel(samples: Any, N: int, workers: Workers) -> Residuals:
    """Return the pass for residuals over samples in a kernel's form."""

    def residuals(z: Array) -> tuple[float, Array]:
        work = 4 * z.size + 8
        sums = Pass(kernels.residual_sums, (samples, z), kernels.BLOCK, N, (z.size + 1,), work).total(workers)
        return float(sums[0]), sums[1:]

    return residuals
