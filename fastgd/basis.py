"""Bases in which a squared-error problem is well conditioned, and the way from them to its parameters.

A model is sum_j theta_j f_j, with f_j = x^j, or feature j, or 1; and also sum_k z_k phi_k in a basis of K functions.
Then z = C theta, with C (K, P) the `coefficients`, column j being f_j in the basis. K < P where the samples can't tell
the f_j apart.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fastgd.check import FloatArray

Array = NDArray[np.float64]
Exact = list[Decimal]


def power_of_two(value: float) -> float:
    """Return the power of two just above |value|, or 1 for 0: dividing by it rounds nothing. Its inverse is normal."""
    return math.ldexp(1.0, min(max(math.frexp(value)[1], -1000), 1000)) if value else 1.0


# ---- polynomials -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PolynomialBasis:
    """Polynomials phi_0 = 1, phi_{k+1} = (u phi_k - sum_{j<=k} H[j, k] phi_j) / H[k+1, k].

    Here u = (x - center) inverse_half. They are Chebyshev polynomials on a range, or orthogonal on given points. Each
    H[k+1, k] is a power of two, so dividing by it rounds nothing. The last column of H matters only if K < P: at the
    samples u phi_{K-1} is then a sum of the phi_j.
    """

    low: float
    high: float
    center: float
    inverse_half: float
    H: Array  # (K, K), upper Hessenberg
    parameters: int  # P
    nodes: Array | None = None  # (K,) all distinct x, where K < P

    @classmethod
    def chebyshev(cls, low: float, high: float, parameters: int) -> PolynomialBasis:
        """Return T_0 ... T_{P-1} of x mapped to [-1, 1]."""
        if low == high:  # any range will do; a small one keeps x^k from cancelling in it
            half = 1e-6 * abs(low) or 1e-6
            low, high = low - half, high + half
        H = np.diag(np.full(parameters - 1, 0.5), 1) + np.diag(np.full(parameters - 1, 0.5), -1)
        H[1:2, 0] = 1.0
        return cls(low, high, 0.5 * low + 0.5 * high, 1.0 / (0.5 * high - 0.5 * low), H, parameters)

    @property
    def size(self) -> int:
        """K."""
        return len(self.H)

    def evaluate(self, x: FloatArray) -> Array:
        """Return the functions (N, K) at x (N,)."""
        u = (x.astype(np.float64) - self.center) * self.inverse_half
        values = np.ones((len(u), self.size))
        for k in range(self.size - 1):
            values[:, k + 1] = (u * values[:, k] - values[:, : k + 1] @ self.H[: k + 1, k]) / self.H[k + 1, k]
        return values

    def coefficients(self) -> Array:
        """Return C (K, P) by repeated multiplication by x; what is too large for float64 is not finite."""
        by_x = self.center * np.eye(self.size) + self.H / self.inverse_half
        columns = [np.eye(self.size)[0]]
        for _ in range(1, self.parameters):
            columns.append(by_x @ columns[-1])
        return np.stack(columns, axis=1)

    def theta(self, z: Sequence[Array], rows: Array | None = None) -> Array:
        """Return the shortest theta with rows C theta = sum(z); `rows` (r, K) is the identity if not given.

        C is far from orthogonal, so this runs in decimal arithmetic and is rounded once: in float64 one to three of the
        ten digits that Wampler's data determine were lost.
        """
        with decimal.localcontext(prec=self._digits()):
            if rows is None and self.nodes is not None:  # the values there decide, and x^k is exact
                columns = [_exact(np.ones(self.size))]
                for _ in range(1, self.parameters):
                    columns.append([a * b for a, b in zip(columns[-1], _exact(self.nodes), strict=True)])
                z = [self.evaluate(self.nodes) @ term for term in z]
            else:
                columns = self._exact_coefficients()
            if rows is not None:
                exact_rows = [_exact(row) for row in rows]
                columns = [_product(exact_rows, column) for column in columns]
            target = [sum(terms, Decimal(0)) for terms in zip(*map(_exact, z), strict=True)]
            matrix = _transposed(columns)
            if len(matrix) == len(columns):
                theta = _solved(matrix, target)
            else:
                theta = _product(columns, _solved([_product(matrix, row) for row in matrix], target))
            return np.array([float(value) for value in theta])

    def parameters_of_functions(self) -> Array:
        """Return T (P, K) with theta = T z, the inverse of C, where K = P; its columns have all their digits."""
        K = self.size
        T = np.zeros((K, K))
        with decimal.localcontext(prec=self._digits()):
            columns = self._exact_coefficients()
            for j in range(K):
                theta = [Decimal(0)] * K
                for i in range(j, -1, -1):
                    rest = sum((columns[k][i] * theta[k] for k in range(i + 1, j + 1)), Decimal(0))
                    theta[i] = (Decimal(int(i == j)) - rest) / columns[i][i]
                T[:, j] = [float(value) for value in theta]
        return T

    def _digits(self) -> int:
        """Return a precision that no cancellation in `theta` uses up.

        A step of C's recurrence loses the ratio of |x| to its range, at most the 17 digits of a float64. Below full
        rank that is squared, and powers of x stand beside each other.
        """
        nodes = np.array([]) if self.nodes is None else self.nodes
        sizes = np.abs(np.concatenate([nodes, [self.low, self.high, self.high - self.low]]))
        largest_exponent = float(np.abs(np.log10(sizes[sizes > 0.0])).max(initial=0.0))
        return 50 + self.parameters * (40 + 4 * math.ceil(largest_exponent))

    def _exact_coefficients(self) -> list[Exact]:
        """Return the columns of C in the precision in force."""
        by_x = [_exact(row) for row in self.H]
        for j in range(self.size):
            by_x[j] = [value / Decimal(self.inverse_half) if value else value for value in by_x[j]]
            by_x[j][j] += Decimal(self.center)
        columns = [_exact(np.eye(self.size)[0])]
        for _ in range(1, self.parameters):
            columns.append(_product(by_x, columns[-1]))
        return columns

    def union(self, other: PolynomialBasis) -> PolynomialBasis:
        """Return the Chebyshev basis on the range of both."""
        return PolynomialBasis.chebyshev(min(self.low, other.low), max(self.high, other.high), self.parameters)

    def expressed(self, target: PolynomialBasis) -> Array:
        """Return (K, P): the functions of a Chebyshev basis on a range that holds this one's, each in this basis."""
        by_u = (self.center - target.center) * target.inverse_half * np.eye(self.size)
        by_u += self.H * (target.inverse_half / self.inverse_half)
        columns = [np.eye(self.size)[0]]
        for k in range(1, self.parameters):
            columns.append(by_u @ columns[-1] if k == 1 else 2.0 * (by_u @ columns[-1]) - columns[-2])
        return np.stack(columns, axis=1)


def _exact(values: Array) -> Exact:
    return [Decimal(value) for value in values.tolist()]


def _transposed(vectors: list[Exact]) -> list[Exact]:
    return [list(row) for row in zip(*vectors, strict=True)]


def _product(rows: list[Exact], vector: Exact) -> Exact:
    return [sum((a * b for a, b in zip(row, vector, strict=True) if a and b), Decimal(0)) for row in rows]


def _solved(matrix: list[Exact], target: Exact) -> Exact:
    """Solve a square system by Gaussian elimination; nothing is eliminated twice from a triangular one."""
    rows = [[*row, value] for row, value in zip(matrix, target, strict=True)]
    size = len(rows)
    for k in range(size):
        pivot = max(range(k, size), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, size):
            if rows[i][k]:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    solution = [Decimal(0)] * size
    for k in reversed(range(size)):
        known = sum((rows[k][j] * solution[j] for j in range(k + 1, size)), Decimal(0))
        solution[k] = (rows[k][size] - known) / rows[k][k]
    return solution


# ---- features --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FeatureBasis:
    """Centred and scaled features, phi_j = (X_j - center_j) inverse_scale_j, then 1 if there is an intercept.

    Scales are powers of two, so only the subtraction rounds. Without an intercept the centres are zero.
    """

    center: Array  # (F,)
    inverse_scale: Array  # (F,)
    intercept: bool

    @classmethod
    def of_parameters(cls, parameters: int) -> FeatureBasis:
        """Return the basis in which z is theta itself."""
        return cls(np.zeros(parameters), np.ones(parameters), intercept=False)

    @property
    def size(self) -> int:
        """K = P."""
        return self.center.size + self.intercept

    def evaluate(self, X: FloatArray) -> Array:
        """Return the functions (N, K) at X (N, F)."""
        values = np.ones((len(X), self.size))
        values[:, : self.center.size] = (X.astype(np.float64) - self.center) * self.inverse_scale
        return values

    def coefficients(self) -> Array:
        """Return C (K, P)."""
        C = np.eye(self.size)
        C[np.diag_indices(self.center.size)] = 1.0 / self.inverse_scale
        if self.intercept:
            C[-1, :-1] = self.center
        return C

    def theta(self, z: Sequence[Array], rows: Array | None = None) -> Array:
        """Return the shortest theta with rows C theta = sum(z); `rows` (r, K) is the identity if not given."""
        target = np.sum(z, axis=0)
        if rows is not None:
            matrix = rows @ self.coefficients()
            orthogonal, triangular = np.linalg.qr(matrix.T)
            theta: Array = orthogonal @ np.linalg.solve(triangular.T, target)
            # once more for what is left: parameters of very different sizes lose digits in one QR
            theta += orthogonal @ np.linalg.solve(triangular.T, target - matrix @ theta)
            return theta
        if not self.intercept:
            return np.asarray(target * self.inverse_scale)
        weights = target[:-1] * self.inverse_scale
        return np.append(weights, math.fsum([target[-1], *(-weights * self.center)]))

    def parameters_of_functions(self) -> Array:
        """Return T (P, K) with theta = T z, the inverse of C."""
        return np.stack([self.theta([unit]) for unit in np.eye(self.size)], axis=1)

    def union(self, other: FeatureBasis) -> FeatureBasis:
        """Return a basis for the samples of both."""
        inverse_scale = np.minimum(self.inverse_scale, other.inverse_scale)
        return FeatureBasis(0.5 * self.center + 0.5 * other.center, inverse_scale, self.intercept)

    def expressed(self, target: FeatureBasis) -> Array:
        """Return (K, P): the functions of `target`, each in this basis."""
        matrix = np.eye(self.size)
        matrix[np.diag_indices(self.center.size)] = target.inverse_scale / self.inverse_scale
        if self.intercept:
            matrix[-1, :-1] = (self.center - target.center) * target.inverse_scale
        return matrix


Basis = PolynomialBasis | FeatureBasis
