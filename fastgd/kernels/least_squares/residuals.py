"""Residuals over a block, and the sums of them times a basis' functions.

    block_residuals     sum r^2, then sum r phi_0, ..., sum r phi_{K-1}, with r = y - sum_k z_k phi_k

Shapes: z (K,); sums_out (K + 1,). Unchecked.
"""

import numpy as np

from fastgd.kernels.compiling.jit import dispatched, dispatched_by_class
from fastgd.kernels.least_squares.bases import (
    PANEL,
    CentredData,
    CentredRowsData,
    RecurrenceData,
    centred,
    fill_panel,
)

block_residuals = dispatched_by_class("block_residuals", fastmath=True)


@dispatched(fastmath=True)
def subtract_four(z, panel, k, out):
    """Set out = out - sum_j z_{k+j} panel_{k+j}, j < 4."""

    def implementation(z, panel, k, out):
        z0 = z[k]
        z1 = z[k + 1]
        z2 = z[k + 2]
        z3 = z[k + 3]
        for i in range(out.size):
            out[i] -= (z0 * panel[k, i] + z1 * panel[k + 1, i]) + (z2 * panel[k + 2, i] + z3 * panel[k + 3, i])

    return implementation


@dispatched(fastmath=True)
def add_four_products(values, panel, k, sums):
    """Add the products of `values` with four rows of a panel to sums[k], ..., sums[k + 3]."""

    def implementation(values, panel, k, sums):
        s0 = s1 = s2 = s3 = 0.0
        for i in range(values.size):
            s0 += values[i] * panel[k, i]
            s1 += values[i] * panel[k + 1, i]
            s2 += values[i] * panel[k + 2, i]
            s3 += values[i] * panel[k + 3, i]
        sums[k] += s0
        sums[k + 1] += s1
        sums[k + 2] += s2
        sums[k + 3] += s3

    return implementation


@dispatched(fastmath=True)
def sum_of(values):
    """Return the sum."""

    def implementation(values):
        total = 0.0
        for i in range(values.size):
            total += values[i]
        return total

    return implementation


@dispatched(fastmath=True)
def sum_of_squares(values):
    """Return the sum of squares."""

    def implementation(values):
        total = 0.0
        for i in range(values.size):
            total += values[i] * values[i]
        return total

    return implementation


@block_residuals.dispatch(RecurrenceData)
@block_residuals.dispatch(CentredData)
def panel_residuals(data, z, block_first, block_last, sums_out):
    """Sum over one block, panel by panel, four basis functions at a time."""

    def implementation(data, z, block_first, block_last, sums_out):
        K = z.size
        rows = (K + 3) // 4 * 4
        sums_out[:] = 0.0
        padded = np.zeros(rows)
        for k in range(K):  # an assignment of arrays compiles the text of its error message: 1.4 s
            padded[k] = z[k]
        products = np.zeros(rows)
        width = max(
            16, min(PANEL, 4096 // rows)
        )  # a panel of 32 kB stays in the first-level cache between its two uses
        whole = np.zeros((rows, width))
        residual = np.empty(width)
        squares = 0.0
        for start in range(block_first, block_last, width):
            n = min(width, block_last - start)
            panel = whole if n == width else np.zeros((rows, n))
            fill_panel(data, start, panel[:K])
            r = residual[:n]
            centred(data.y[start : start + n], 0.0, 1.0, r)
            for k in range(0, rows, 4):
                subtract_four(padded, panel, k, r)
            squares += sum_of_squares(r)
            for k in range(0, rows, 4):
                add_four_products(r, panel, k, products)
        sums_out[0] = squares
        for k in range(K):
            sums_out[1 + k] = products[k]

    return implementation


@dispatched(fastmath=True)
def four_values(a, b, c, d, center, weights):
    """Return sum_j (row_j - center_j) weights_j of four rows."""

    def implementation(a, b, c, d, center, weights):
        value_a = value_b = value_c = value_d = 0.0
        for j in range(weights.size):
            value_a += (np.float64(a[j]) - center[j]) * weights[j]
            value_b += (np.float64(b[j]) - center[j]) * weights[j]
            value_c += (np.float64(c[j]) - center[j]) * weights[j]
            value_d += (np.float64(d[j]) - center[j]) * weights[j]
        return value_a, value_b, value_c, value_d

    return implementation


@dispatched(fastmath=True)
def add_four_rows(r_a, r_b, r_c, r_d, a, b, c, d, center, sums):
    """Add r (row_j - center_j) of four rows to sums_j."""

    def implementation(r_a, r_b, r_c, r_d, a, b, c, d, center, sums):
        for j in range(center.size):
            near = r_a * (np.float64(a[j]) - center[j]) + r_b * (np.float64(b[j]) - center[j])
            sums[j] += near + (r_c * (np.float64(c[j]) - center[j]) + r_d * (np.float64(d[j]) - center[j]))

    return implementation


@block_residuals.dispatch(CentredRowsData)
def row_residuals(data, z, block_first, block_last, sums_out):
    """Sum over one block, four rows at a time, a quarter of the block apart to keep four streams from memory going."""

    def implementation(data, z, block_first, block_last, sums_out):
        center = data.center
        F = center.size
        n = block_last - block_first
        flat = data.X[block_first:block_last].reshape(n * F)
        y = data.y[block_first:block_last]
        weights = np.empty(F)
        for j in range(F):
            weights[j] = z[j] * data.inverse_scale[j]
        intercept = z[F] if z.size > F else 0.0
        sums = np.zeros(F)
        squares = total = 0.0
        quarter = n // 4
        for i in range(quarter + n % 4):
            alone = i >= quarter  # one of the last rows, that make no four
            p = i + 3 * quarter if alone else i
            q, s, t = (p, p, p) if alone else (i + quarter, i + 2 * quarter, i + 3 * quarter)
            a = flat[p * F : (p + 1) * F]
            b = flat[q * F : (q + 1) * F]
            c = flat[s * F : (s + 1) * F]
            d = flat[t * F : (t + 1) * F]
            value_a, value_b, value_c, value_d = four_values(a, b, c, d, center, weights)
            others = 0.0 if alone else 1.0
            r_a = np.float64(y[p]) - intercept - value_a
            r_b = (np.float64(y[q]) - intercept - value_b) * others
            r_c = (np.float64(y[s]) - intercept - value_c) * others
            r_d = (np.float64(y[t]) - intercept - value_d) * others
            squares += (r_a * r_a + r_b * r_b) + (r_c * r_c + r_d * r_d)
            total += (r_a + r_b) + (r_c + r_d)
            add_four_rows(r_a, r_b, r_c, r_d, a, b, c, d, center, sums)
        sums_out[0] = squares
        for j in range(F):
            sums_out[1 + j] = sums[j] * data.inverse_scale[j]
        if z.size > F:
            sums_out[1 + F] = total

    return implementation
