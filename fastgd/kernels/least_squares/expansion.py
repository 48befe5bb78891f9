"""Sums over a block in a basis of K functions phi_k, which are made tile by tile in cache and used at once.

    gram_block          sum phi_j phi_k and sum phi_k y, the upper triangle of the products of phi_0, ..., phi_{K-1}, y
    block_residuals     sum r^2, then sum r phi_0, ..., sum r phi_{K-1}, with r = y - sum_k z_k phi_k

Shapes: a tile is (K, n), a row for each function; sums_out (K + 1, K + 1) padded to a multiple of 4, or (K + 1,).
Arithmetic is float64 whatever the samples are stored in. All are unchecked.

At 1,000 features a Gram matrix reached 130 to 165 GFLOP/s on two Zen 5 cores, where NumPy's BLAS reached 90; and it
rounds alike on any number of threads, which BLAS does not promise.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.compiling.jit import dispatched, dispatched_by_class

TILE = 512  # samples; eight rows of it, the innermost loop's working set, are 32 kB
STRIP = 64  # rows of a tile that meet 64 others while both lie in the second-level cache


class RecurrenceSamples(NamedTuple):
    """Polynomials phi_0 = 1, phi_{k+1} = (inverse_step_k u - overlap[k, k]) phi_k - sum_{j<k} overlap[j, k] phi_j."""

    x: np.ndarray  # (N,); u = (x - center) inverse_half
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float
    overlap: np.ndarray  # (K, K)
    first_overlap: np.ndarray  # (K,) row of the first overlap[:, k] that is not zero
    inverse_step: np.ndarray  # (K,)


class CentredSamples(NamedTuple):
    """Features phi_j = (X_j - center_j) inverse_scale_j, then 1 if there is an intercept; few of them."""

    X: np.ndarray  # (N, F)
    y: np.ndarray  # (N,)
    center: np.ndarray  # (F,)
    inverse_scale: np.ndarray  # (F,)


class CentredRows(NamedTuple):
    """The same where there are many: residuals are taken row by row."""

    X: np.ndarray
    y: np.ndarray
    center: np.ndarray
    inverse_scale: np.ndarray


fill_tile = dispatched_by_class("fill_tile", fastmath=True)
block_residuals = dispatched_by_class("block_residuals", fastmath=True)


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


@dispatched(fastmath=True)
def subtract_four(z, tile, k, out):
    """Set out = out - sum_j z_{k+j} tile_{k+j}, j < 4."""

    def implementation(z, tile, k, out):
        z0, z1, z2, z3 = z[k], z[k + 1], z[k + 2], z[k + 3]
        for i in range(out.size):
            out[i] -= (z0 * tile[k, i] + z1 * tile[k + 1, i]) + (z2 * tile[k + 2, i] + z3 * tile[k + 3, i])

    return implementation


@dispatched(fastmath=True)
def add_four_products(values, tile, k, sums):
    """Add the products of `values` with four rows of a tile to sums[k], ..., sums[k + 3]."""

    def implementation(values, tile, k, sums):
        s0 = s1 = s2 = s3 = 0.0
        for i in range(values.size):
            s0 += values[i] * tile[k, i]
            s1 += values[i] * tile[k + 1, i]
            s2 += values[i] * tile[k + 2, i]
            s3 += values[i] * tile[k + 3, i]
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


@fill_tile.dispatch(RecurrenceSamples)
def fill_polynomials(samples, start, tile):
    """Set tile (K, n) to the basis functions at samples start, ..., start + n - 1."""

    def implementation(samples, start, tile):
        n = tile.shape[1]
        u = np.empty(n)
        centred(samples.x[start : start + n], samples.center, samples.inverse_half, u)
        tile[0] = 1.0
        for k in range(tile.shape[0] - 1):
            overlap = samples.overlap[k - 1, k] if k else 0.0
            before = tile[max(k - 1, 0)]
            recurrence(u, samples.inverse_step[k], samples.overlap[k, k], overlap, tile[k], before, tile[k + 1])
            for j in range(samples.first_overlap[k], k - 1):
                subtract(samples.overlap[j, k], tile[j], tile[k + 1])

    return implementation


@fill_tile.dispatch(CentredSamples)
@fill_tile.dispatch(CentredRows)
def fill_features(samples, start, tile):
    """Set tile (K, n) to the basis functions at samples start, ..., start + n - 1."""

    def implementation(samples, start, tile):
        K, n = tile.shape
        F = samples.center.size
        flat = samples.X[start : start + n].reshape(n * F)
        for j in range(F):
            if F == 1:
                centred(flat, samples.center[j], samples.inverse_scale[j], tile[j])
            else:
                centred_column(flat, j, F, samples.center[j], samples.inverse_scale[j], tile[j])
        if K > F:
            tile[F] = 1.0

    return implementation


@dispatched(fastmath=True)
def add_products(tile, j, k, sums_out):
    """Add the products of rows j ... j+3 with rows k ... k+3: sixteen chains of FMAs for eight loads."""

    def implementation(tile, j, k, sums_out):
        s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
        s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
        for i in range(tile.shape[1]):
            a0, a1, a2, a3 = tile[j, i], tile[j + 1, i], tile[j + 2, i], tile[j + 3, i]
            b0, b1, b2, b3 = tile[k, i], tile[k + 1, i], tile[k + 2, i], tile[k + 3, i]
            s00 += a0 * b0
            s01 += a0 * b1
            s02 += a0 * b2
            s03 += a0 * b3
            s10 += a1 * b0
            s11 += a1 * b1
            s12 += a1 * b2
            s13 += a1 * b3
            s20 += a2 * b0
            s21 += a2 * b1
            s22 += a2 * b2
            s23 += a2 * b3
            s30 += a3 * b0
            s31 += a3 * b1
            s32 += a3 * b2
            s33 += a3 * b3
        sums = ((s00, s01, s02, s03), (s10, s11, s12, s13), (s20, s21, s22, s23), (s30, s31, s32, s33))
        for p in range(4):
            for q in range(4):
                sums_out[j + p, k + q] += sums[p][q]

    return implementation


@dispatched(fastmath=True)
def gram_block(samples, functions, block_first, block_last, sums_out):
    """Products over one block, tile by tile."""

    def implementation(samples, functions, block_first, block_last, sums_out):
        rows = sums_out.shape[0]
        sums_out[:] = 0.0
        whole = np.zeros((rows, TILE))
        for start in range(block_first, block_last, TILE):
            n = min(TILE, block_last - start)
            tile = whole if n == TILE else np.zeros((rows, n))
            fill_tile(samples, start, tile[:functions])
            centred(samples.y[start : start + n], 0.0, 1.0, tile[functions])
            for strip in range(0, rows, STRIP):
                for other in range(strip, rows, STRIP):
                    for j in range(strip, min(strip + STRIP, rows), 4):
                        for k in range(max(other, j), min(other + STRIP, rows), 4):
                            add_products(tile, j, k, sums_out)

    return implementation


@block_residuals.dispatch(RecurrenceSamples)
@block_residuals.dispatch(CentredSamples)
def tile_residuals(samples, z, block_first, block_last, sums_out):
    """Sum over one block, tile by tile, four basis functions at a time."""

    def implementation(samples, z, block_first, block_last, sums_out):
        K = z.size
        rows = (K + 3) // 4 * 4
        sums_out[:] = 0.0
        padded = np.zeros(rows)
        for k in range(K):  # an assignment of arrays compiles the text of its error message: 1.4 s
            padded[k] = z[k]
        products = np.zeros(rows)
        width = max(16, min(TILE, 4096 // rows))  # a tile of 32 kB stays in the first-level cache between its two uses
        whole = np.zeros((rows, width))
        residual = np.empty(width)
        squares = 0.0
        for start in range(block_first, block_last, width):
            n = min(width, block_last - start)
            tile = whole if n == width else np.zeros((rows, n))
            fill_tile(samples, start, tile[:K])
            r = residual[:n]
            centred(samples.y[start : start + n], 0.0, 1.0, r)
            for k in range(0, rows, 4):
                subtract_four(padded, tile, k, r)
            squares += sum_of_squares(r)
            for k in range(0, rows, 4):
                add_four_products(r, tile, k, products)
        sums_out[0] = squares
        for k in range(K):
            sums_out[1 + k] = products[k]

    return implementation


@dispatched(fastmath=True)
def four_values(a, b, c, d, center, weights):
    """Return sum_j (row_j - center_j) weights_j of four rows."""

    def implementation(a, b, c, d, center, weights):
        value_a, value_b, value_c, value_d = 0.0, 0.0, 0.0, 0.0
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


@block_residuals.dispatch(CentredRows)
def row_residuals(samples, z, block_first, block_last, sums_out):
    """Sum over one block, four rows at a time, a quarter of the block apart to keep four streams from memory going."""

    def implementation(samples, z, block_first, block_last, sums_out):
        F, n = samples.center.size, block_last - block_first
        center = samples.center
        flat = samples.X[block_first:block_last].reshape(n * F)
        y = samples.y[block_first:block_last]
        weights, sums = np.empty(F), np.zeros(F)
        for j in range(F):
            weights[j] = z[j] * samples.inverse_scale[j]
        intercept = z[F] if z.size > F else 0.0
        squares, total = 0.0, 0.0
        quarter = n // 4
        for i in range(quarter + n % 4):
            alone = i >= quarter  # one of the last rows, that make no four
            p = i + 3 * quarter if alone else i
            q, s, t = (p, p, p) if alone else (i + quarter, i + 2 * quarter, i + 3 * quarter)
            a, b = flat[p * F : (p + 1) * F], flat[q * F : (q + 1) * F]
            c, d = flat[s * F : (s + 1) * F], flat[t * F : (t + 1) * F]
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
            sums_out[1 + j] = sums[j] * samples.inverse_scale[j]
        if z.size > F:
            sums_out[1 + F] = total

    return implementation
