"""From samples to `Quadratic`: passes over the data in a well-conditioned basis, and what to do where it is not so.

Polynomials. Up to SMALL samples: polynomials orthogonal on the very points ("Vandermonde with Arnoldi": Brubeck, Nakatsukasa
and Trefethen, SIAM Review 63, 2021), for which no placement of the points is hard. More samples: sums of Chebyshev polynomials
on the range of x, and Cholesky; where that is ill conditioned (most points in a corner of the range) a second pass in
polynomials orthogonal on a few thousand of the points; where they are no better, blocked Householder QR.

Features. Centred, scaled, Gram matrix and Cholesky; where that is ill conditioned, and up to SMALL samples, Householder QR.

Every way ends with a pass for the residuals r at the solution z: it gives the least loss, and with A'r the correction that
takes the digits back which a Gram matrix costs (corrected semi-normal equations; Björck, 1987).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from fastgd.basis import Basis, FeatureBasis, PolynomialBasis, power_of_two
from fastgd.check import FloatArray
from fastgd.factor import Factor
from fastgd.kernels import statistics as kernels
from fastgd.quadratic import Quadratic
from fastgd.threads import parallel_launch

Array = NDArray[np.float64]
Residuals = Callable[[Array], tuple[float, Array]]  # z (K,) -> sum of r^2, A'r (K,)

SMALL = 4096  # samples; below, LAPACK and NumPy take 1 ms, save 3 s of compilation, and give the better digits
WELL_CONDITIONED = 1e3  # a Gram matrix squares it, so ten digits of the smallest mode are left
LAUNCH_WORK = 1 << 31  # multiply-adds between two returns to Python, a tenth of a second or so, for Ctrl-C
LAUNCH_BYTES = 1 << 28  # of partial sums


def polynomial_quadratic(x: FloatArray, y: FloatArray, degree: int) -> Quadratic:
    """Return the quadratic of a polynomial fit, theta lowest power first.

    Parameters
    ----------
    x, y : ndarray (N,)
        Contiguous, native, read-only and finite, of one dtype: float64 or float32. Unchecked.
    degree : int

    Raises
    ------
    ValueError
        If powers of x or squares of y are beyond float64.
    """
    with np.errstate(all="ignore"):
        try:
            return _polynomial(x, y, degree + 1)
        except OverflowError as error:
            size = float(np.abs(x).max())
            raise _out_of_range("x", f"its powers up to {degree}", size, y, error) from None


def linear_quadratic(X: FloatArray, y: FloatArray, intercept: bool) -> Quadratic:
    """Return the quadratic of a linear fit, theta = (weights..., intercept).

    Parameters
    ----------
    X : ndarray (N, F)
    y : ndarray (N,)
        Contiguous, native, read-only and finite, of one dtype: float64 or float32. Unchecked.
    intercept : bool

    Raises
    ------
    ValueError
        If sums over X or squares of y are beyond float64.
    """
    with np.errstate(all="ignore"):
        try:
            return _linear(X, y, intercept)
        except OverflowError as error:
            raise _out_of_range("X", "its columns", float(np.abs(X).max()), y, error) from None
