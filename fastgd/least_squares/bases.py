"""Bases in which a squared-error problem is well conditioned, and the way from its parameters to them.

A model is sum_j theta_j f_j, with f_j = x^j, or feature j, or 1; and also sum_k z_k phi_k in a basis of K functions.
Then z = C theta, with C (K, P) the `coefficients`, column j being f_j in the basis. K < P where the samples can't tell
the f_j apart.

C is known exactly, as no theta is that rounding has touched: `exact_coefficients` has it in decimals, and `coordinates`
are C theta with twice the digits of a float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from fastgd.check import Array, FloatArray
from fastgd.least_squares import doubled
from fastgd.least_squares.doubled import powers_of_two
from fastgd.least_squares.elimination import FIRST_PRECISION, Exact, exact, rounded, with_digits
from fastgd.once import computed_once

LARGEST_WORK = 300_000  # products of decimals, a tenth of a second; a basis that needs more is known in float64 only


@dataclass(frozen=True, eq=False)
class PolynomialBasis:
    """Polynomials phi_0 = 1, phi_{k+1} = (u phi_k - sum_{j<=k} H[j, k] phi_j) / H[k+1, k].

    Here u = (x - center) inverse_half. They are Chebyshev polynomials on a range, or orthogonal on given points. Each
    H[k+1, k] is a power of two, so dividing by it rounds nothing. The last column of H matters only if K < P: at the
    samples u phi_{K-1} is then a sum of the phi_j.
    """

    center: float
    inverse_half: float
    H: Array  # (K, K), upper Hessenberg
    parameters: int  # P

    @classmethod
    def chebyshev(cls, low: float, high: float, parameters: int) -> PolynomialBasis:
        """Return T_0 ... T_{P-1} of x mapped to [-1, 1]."""
        if low == high:  # any range will do; a small one keeps x^k from cancelling in it
            half = 1e-6 * abs(low) or 1e-6
            low, high = low - half, high + half
        H = np.diag(np.full(parameters - 1, 0.5), 1) + np.diag(np.full(parameters - 1, 0.5), -1)
        H[1:2, 0] = 1.0
        return cls(0.5 * low + 0.5 * high, 1.0 / (0.5 * high - 0.5 * low), H, parameters)

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

    def exact_coefficients(self) -> Exact:
        """Return C (K, P) in the precision in force."""
        by_x = exact(self.H) / Decimal(self.inverse_half)
        by_x[np.diag_indices(self.size)] += Decimal(self.center)
        C = exact(np.zeros((self.size, self.parameters)))
        C[0, 0] = Decimal(1)
        for k in range(1, self.parameters):  # a polynomial of degree k - 1 has k functions
            C[: k + 1, k] = by_x[: k + 1, :k].dot(C[:k, k - 1])
        return C

    @computed_once
    def _coefficients_twice(self) -> tuple[doubled.Pair, Array]:
        """Return C with twice the digits, its columns divided by powers of two, and these."""
        if not is_exact(self):
            high = self.coefficients()
            scale = powers_of_two(np.abs(high).max(axis=0))
            return (high / scale, np.zeros_like(high)), scale
        with with_digits(FIRST_PRECISION + self.size):
            exactly = self.exact_coefficients()
            high = rounded(exactly)
            low = rounded(exactly - exact(high))
        scale = powers_of_two(np.abs(high).max(axis=0))
        return (high / scale, low / scale), scale

    def coordinates(self, thetas: Array) -> doubled.Pair:
        """Return C theta (M, K) of thetas (M, P), with twice the digits of a float."""
        (high, low), scale = self._coefficients_twice
        return doubled.product_of_matrices(doubled.pair(thetas * scale), (high.T, low.T))


@dataclass(frozen=True, eq=False)
class NodeBasis:
    """Functions that are 1 at one of K < P points and 0 at the others: coordinates are the values at the points."""

    nodes: Array  # (K,) all distinct x
    parameters: int  # P

    @property
    def size(self) -> int:
        """K."""
        return self.nodes.size

    def coefficients(self) -> Array:
        """Return C (K, P), the powers of the nodes."""
        return self.nodes[:, None] ** np.arange(self.parameters)

    def exact_coefficients(self) -> Exact:
        """Return C (K, P) in the precision in force."""
        nodes = exact(self.nodes)
        columns = [exact(np.ones(self.size))]
        for _ in range(1, self.parameters):
            columns.append(columns[-1] * nodes)
        return np.stack(columns, axis=1)

    def coordinates(self, thetas: Array) -> doubled.Pair:
        """Return C theta (M, K) of thetas (M, P), with twice the digits of a float."""
        return doubled.polynomial_values(thetas, self.nodes)


@dataclass(frozen=True, eq=False)
class FeatureBasis:
    """Centred and scaled features, phi_j = (X_j - center_j) inverse_scale_j, then 1 if there is an intercept.

    Scales are powers of two, so only the subtraction rounds. Without an intercept the centres are zero.
    """

    center: Array  # (F,)
    inverse_scale: Array  # (F,)
    intercept: bool

    @property
    def size(self) -> int:
        """K = P."""
        return self.center.size + self.intercept

    @property
    def parameters(self) -> int:
        """P."""
        return self.size

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

    def exact_coefficients(self) -> Exact:
        """Return C (K, P), whose elements are floats."""
        return exact(self.coefficients())

    def coordinates(self, thetas: Array) -> doubled.Pair:
        """Return C theta (M, K) of thetas (M, P), with twice the digits of a float."""
        F = self.center.size
        high = np.empty_like(thetas)
        low = np.zeros_like(thetas)
        high[:, :F] = thetas[:, :F] / self.inverse_scale
        if self.intercept:
            scale = powers_of_two(self.center)  # a product of two floats may have twice the digits but not the range
            weights = np.concatenate([thetas[:, :F] * scale, thetas[:, F:]], axis=1)
            column = np.append(self.center / scale, 1.0)[:, None]
            high[:, F:], low[:, F:] = doubled.product_of_matrices(doubled.pair(weights), doubled.pair(column))
        return high, low

    def theta(self, z: Array) -> Array:
        """Return the theta (P,) of coordinates z (K,)."""
        if not self.intercept:
            return np.asarray(z * self.inverse_scale)
        weights = z[:-1] * self.inverse_scale
        return np.append(weights, math.fsum([z[-1], *(-weights * self.center)]))


Basis = PolynomialBasis | NodeBasis | FeatureBasis


def is_exact(basis: Basis) -> bool:
    """Tell whether C is worth its decimals."""
    return basis.size**2 * basis.parameters <= LARGEST_WORK
