"""The triangular factor of a problem's samples in a basis: its rank, its condition, and solving with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastgd.check import Array

RANK_TOLERANCE = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class Factor:
    """A matrix (r, K) of full row rank with matrix' matrix = A'A, A (N, K) being the basis functions at the samples."""

    matrix: Array
    condition: float  # with columns scaled to length 1, by the non-zero singular values
    projection: Array | None  # (r, k) from the right-hand side of the matrix as given to that of `matrix`
    scale: Array  # (K,) lengths of the columns
    singular_values: Array  # (r,)
    rows: Array | None  # (r, K), right singular vectors of the scaled matrix, where r < K

    @classmethod
    def of(cls, matrix: Array) -> Factor:
        """Decide the rank of an upper triangle (k, K): singular values of some rounding errors' size count as zero."""
        k, K = matrix.shape
        scale = np.sqrt((matrix**2).sum(axis=0))
        scale[scale == 0.0] = 1.0
        scaled = matrix / scale
        values = np.linalg.svd(scaled, compute_uv=False)
        rank = int(np.count_nonzero(values > RANK_TOLERANCE * np.sqrt(K) * values[0]))
        condition = float(values[0] / values[rank - 1]) if rank else 1.0
        if rank == k == K:
            return cls(matrix, condition, None, scale, values, None)
        left, values, right = np.linalg.svd(scaled, full_matrices=False)
        rows = right[:rank]
        return cls(values[:rank, None] * (rows * scale), condition, left[:, :rank].T, scale, values[:rank], rows)

    @property
    def rank(self) -> int:
        """The number r of directions that the samples determine."""
        return len(self.matrix)

    def project(self, q: Array) -> Array:
        """Return the right-hand side (r,) of `matrix`, given that of the matrix it came from."""
        return q if self.projection is None else self.projection @ q

    def transposed_solve(self, b: Array) -> Array:
        """Return q (r,) with matrix' q = b (K,)."""
        if self.rows is None:
            return forward_substituted(self.matrix, b)
        return np.asarray(self.rows @ (b / self.scale) / self.singular_values)

    def solve(self, q: Array) -> Array:
        """Return a least-squares solution z (K,) of matrix z = q."""
        if self.rows is None:
            return back_substituted(self.matrix, q)
        return np.asarray(self.rows.T @ (q / self.singular_values) / self.scale)


def back_substituted(upper: Array, b: Array) -> Array:
    """Solve upper x = b. NumPy alone would factorise first, in K^3 operations: half the time at 1,000 features."""
    x = b.copy()
    for k in reversed(range(len(x))):
        x[k] = (x[k] - upper[k, k + 1 :] @ x[k + 1 :]) / upper[k, k]
    return x


def forward_substituted(upper: Array, b: Array) -> Array:
    """Solve upper' x = b."""
    x = b.copy()
    lower = np.ascontiguousarray(upper.T)
    for k in range(len(x)):
        x[k] = (x[k] - lower[k, :k] @ x[:k]) / lower[k, k]
    return x
