"""Bases of K functions phi_k in which the samples of a squared loss are described, made panel by panel in cache.

A panel (K, n) is a row for each function over n successive samples. Arithmetic is float64 whatever the samples are
stored in. All are unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.compiling.jit import dispatched, dispatched_by_class

PANEL = 512  # samples; eight rows of it, the innermost loop's working set, are 32 kB


class RecurrenceData(NamedTuple):
    """Polynomials phi_0 = 1, phi_{k+1} = (inverse_step_k u - overlap[k, k]) phi_k - sum_{j<k} overlap[j, k] phi_j."""

    x: np.ndarray  # (N,); u = (x - center) inverse_half
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float
    overlap: np.ndarray  # (K, K)
    first_overlap: np.ndarray  # (K,) row of the first overlap[:, k] that is not zero
    inverse_step: np.ndarray  # (K,)


class CentredData(NamedTuple):
    """Features phi_j = (X_j - center_j) inverse_scale_j, then 1 if there is an intercept; few of them."""

    X: np.ndarray  # (N, F)
    y: np.ndarray  # (N,)
    center: np.ndarray  # (F,)
    inverse_scale: np.ndarray  # (F,)


class CentredRowsData(NamedTuple):
    """The same where there are many: residuals are taken row by row."""

    X: np.ndarray
    y: np.ndarray
    center: np.ndarray
    inverse_scale: np.ndarray


fill_panel = dispatched_by_class("fill_panel", fastmath=True)


@dispatched(fastmath=True)
def centred(values, center, inverse_scale, out):
    """Set out = (values - center) inverse_scale."""

    def implementation(values, center, inverse_scale, out):
        for i in range(out.size):
            out[i] = (np.float64(values[i]) - center) * inverse_scale

    return implementation


@dispatched(fastmath=True)
def centred_column(flat, j, F, center, inverse_scale, out):
    """Set out = (column j - center) inverse_scale of rows of F values."""

    def implementation(flat, j, F, center, inverse_scale, out):
        for i in range(out.size):
            out[i] = (np.float64(flat[i * F + j]) - center) * inverse_scale

    return implementation


@dispatched(fastmath=True)
def recurrence(u, slope, offset, overlap, last, before, out):
    """Set out = (slope u - offset) last - overlap before."""

    def implementation(u, slope, offset, overlap, last, before, out):
        for i in range(u.size):
            out[i] = (slope * u[i] - offset) * last[i] - overlap * before[i]

    return implementation


@dispatched(fastmath=True)
def subtract(factor, values, out):
    """Set out = out - factor values."""

    def implementation(factor, values, out):
        for i in range(out.size):
            out[i] -= factor * values[i]

    return implementation


@fill_panel.dispatch(RecurrenceData)
def fill_polynomials(data, start, panel):
    """Set panel (K, n) to the basis functions at samples start, ..., start + n - 1."""

    def implementation(data, start, panel):
        n = panel.shape[1]
        u = np.empty(n)
        centred(data.x[start : start + n], data.center, data.inverse_half, u)
        panel[0] = 1.0
        for k in range(panel.shape[0] - 1):
            overlap = data.overlap[k - 1, k] if k else 0.0
            before = panel[max(k - 1, 0)]
            recurrence(u, data.inverse_step[k], data.overlap[k, k], overlap, panel[k], before, panel[k + 1])
            for j in range(data.first_overlap[k], k - 1):
                subtract(data.overlap[j, k], panel[j], panel[k + 1])

    return implementation


@fill_panel.dispatch(CentredData)
@fill_panel.dispatch(CentredRowsData)
def fill_features(data, start, panel):
    """Set panel (K, n) to the basis functions at samples start, ..., start + n - 1."""

    def implementation(data, start, panel):
        K, n = panel.shape
        F = data.center.size
        flat = data.X[start : start + n].reshape(n * F)
        for j in range(F):
            if F == 1:
                centred(flat, data.center[j], data.inverse_scale[j], panel[j])
            else:
                centred_column(flat, j, F, data.center[j], data.inverse_scale[j], panel[j])
        if K > F:
            panel[F] = 1.0

    return implementation
