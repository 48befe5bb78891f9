"""Ways from the samples of a linear fit to its quadratic; each gives None where it does not serve them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastgd.check import Array, FloatArray
from fastgd.kernels.least_squares.bases import CentredData, CentredRowsData
from fastgd.least_squares import doubled, solving
from fastgd.least_squares.bases import FeatureBasis
from fastgd.least_squares.doubled import powers_of_two
from fastgd.least_squares.factor import Factor
from fastgd.least_squares.passes import Workers, row_blocks
from fastgd.least_squares.quadratic import Quadratic
from fastgd.once import computed_once
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import Source

FEW_FEATURES = 16  # residuals of more are faster row by row
ROWS_SEEN = 1024  # that show where features lie, and how large they are


@dataclass(frozen=True, eq=False)
class LinearSamples:
    """Samples of a linear fit, and the bases that they show."""

    source: Source
    intercept: bool
    workers: Workers

    @computed_once
    def some(self) -> Array:
        """Evenly taken rows."""
        return self.source.every(4 * -(-self.source.counting // (4 * ROWS_SEEN))).features.astype(np.float64)

    @property
    def feature_count(self) -> int:
        """F."""
        return int(self.source.empty().features.shape[1])

    @computed_once
    def center(self) -> Array:
        """Their means (F,), zero without an intercept."""
        return (self.some / len(self.some)).sum(axis=0) if self.intercept else np.zeros(self.feature_count)

    def basis_of_some(self) -> FeatureBasis:
        """Return features of about size 1, as some of the samples show them."""
        return self._basis(np.abs(self.some - self.center).max(axis=0))

    def basis_of_all(self) -> FeatureBasis:
        """Return features of at most 1."""
        largest = np.zeros(self.feature_count)
        for rows in row_blocks(self.source, self.feature_count):
            np.maximum(largest, np.abs(rows.features.astype(np.float64) - self.center).max(axis=0), out=largest)
        return self._basis(largest)

    def _basis(self, sizes: Array) -> FeatureBasis:
        # a constant feature has the scale of its value, not to add to its rounding
        scale = powers_of_two(np.where(sizes > 0.0, sizes, self.center))
        return FeatureBasis(self.center, 1.0 / scale, self.intercept)


def by_one_qr(samples: LinearSamples) -> Quadratic:
    """Serve few samples, by one QR, whose orthogonal columns project residuals without loss."""
    all_samples = samples.source.whole()
    X = all_samples.features.astype(np.float64)
    y = all_samples.y.astype(np.float64)
    roots = solving.roots_of(all_samples)
    root_weights = np.ones(len(X)) if roots is None else roots
    basis = samples.basis_of_all()
    values = basis.evaluate(X) * root_weights[:, None]
    if not np.isfinite(values).all():
        raise OverflowError("features")
    target = root_weights * y
    orthogonal, triangle = np.linalg.qr(values)
    factor = Factor.of(triangle)
    q = factor.project(orthogonal.T @ target)
    columns = orthogonal if factor.projection is None else orthogonal @ factor.projection.T
    rest = target - columns @ q
    rest -= columns @ (columns.T @ rest)
    quadratic = solving.by_projection(basis, factor, q, float(np.sum(rest * rest)), len(X))
    if solving.has_large_terms(factor, q, target):
        return quadratic  # what rounding does to the factor counts for more there than what it does to residuals
    return solving.at_its_minimum(
        quadratic,
        lambda theta: root_weights * linear_residuals(X, y, theta),
        lambda r: np.asarray(columns.T @ r),
    )


def by_centred_features(samples: LinearSamples) -> Quadratic | None:
    """Serve samples that are well conditioned once they are centred and scaled."""
    if samples.source.is_weighted:
        return None
    basis = samples.basis_of_some()
    kind = CentredData if samples.feature_count <= FEW_FEATURES else CentredRowsData
    X, y, _ = samples.source.empty()
    data = kind(X, y, basis.center, basis.inverse_scale)
    return solving.by_normal_equations(data, basis, "centred features", samples.source, samples.workers)


def by_householder(samples: LinearSamples) -> Quadratic:
    """Serve any samples, by QR in blocks."""
    return solving.by_blocks(samples.basis_of_all(), samples.source)


def in_one_pass(source: Passing, intercept: bool) -> Quadratic:
    """Serve samples that can be read once, centred and scaled by the domain that was told."""
    low, high = source.domain
    center = 0.5 * low + 0.5 * high if intercept else np.zeros(low.size)
    sizes = np.maximum(np.abs(low - center), np.abs(high - center))
    scale = powers_of_two(np.where(sizes > 0.0, sizes, center))
    return solving.in_one_qr_pass(FeatureBasis(center, 1.0 / scale, intercept), source)


def linear_residuals(X: FloatArray, y: FloatArray, theta: Array) -> Array:
    """Return y less the linear model (N,) at theta (P,), whose intercept is last where P > F."""
    columns = np.column_stack([X.astype(np.float64, copy=False), *([np.ones(len(X))] * (theta.size - X.shape[1]))])
    scale = powers_of_two(np.abs(columns).max(axis=0))
    high, low = doubled.product_of_matrices(doubled.pair(columns / scale), doubled.pair((theta * scale)[:, None]))
    return np.asarray((y - high[:, 0]) - low[:, 0])
