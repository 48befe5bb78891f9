"""Sums that describe a squared-error problem: passes over the samples in a well-conditioned basis.

With phi_k the basis functions, K of them, and r = y - sum_k z_k phi_k the residual, the passes give, block by block,

    block_extremes      least and largest x
    chebyshev_sums      sum y T_0, ..., sum y T_d, then sum T_1, ..., sum T_2d; products follow from
                        T_i T_j = (T_{i+j} + T_{|i-j|}) / 2, as accurately as if taken directly
    gram_sums           sum phi_j phi_k and sum phi_k y, the upper triangle
    residual_sums       sum r^2, then sum r phi_0, ..., sum r phi_{K-1}

Shapes: x, y (N,); X (N, F); each output has one row for a block of `length` samples, rows added in block order by
`add_in_order`, so no thread count changes a bit. float32 is storage only. All are unchecked.

A polynomial of degree up to 7 has its sums in tuples: one loop, everything in registers, bound by the memory's bandwidth
(1.0 loss and gradient evaluations of a cubic; the general kernel takes 1.9 there, 3.0 from float32). Everything else goes
through tiles: the basis functions of TILE samples, (K, TILE), made in cache and used at once.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from fastgd.kernels.jit import dispatched, dispatched_by_class, kernel, parallel_kernel

MAX_TUPLE = 7  # degree; 3 * 7 + 1 running sums and the recurrence fill the registers
BLOCK = 8192  # samples; the reduction's unit where the basis is small
TILE = 512  # samples; eight rows of it are 32 kB, the innermost loop's working set
STRIP = 64  # rows of a tile that meet 64 others while both lie in the second-level cache
LANES = 128  # running extremes; with 64 the loop waits for its own stores, above 256 it leaves the registers' reach
SUB_BLOCK = 1024  # samples; five rows of it stay in the first-level cache


class ChebyshevSamples(NamedTuple):
    """Basis T_0 ... T_d of u = (x - center) inverse_half, with the residual's kernel in registers."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float


class PolynomialSamples(NamedTuple):
    """Basis phi_0 = 1, phi_{k+1} = inverse_step_k u phi_k - sum_j overlap[j, k] phi_j, u = (x - center) inverse_half."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float
    overlap: np.ndarray  # (K, K)
    first_overlap: np.ndarray  # (K,) row of the first overlap[:, k] that is not zero
    inverse_step: np.ndarray  # (K,)


class FeatureSamples(NamedTuple):
    """Basis phi_j = (X_j - center_j) inverse_scale_j, then 1 if there is an intercept."""

    X: np.ndarray  # (N, F)
    y: np.ndarray  # (N,)
    center: np.ndarray  # (F,)
    inverse_scale: np.ndarray  # (F,)


fill_tile = dispatched_by_class("fill_tile", fastmath=True)
block_residuals = dispatched_by_class("block_residuals", fastmath=True)


@kernel
def add_in_order(partials, sums, errors):
    """Add rows of partials (B, n) to sums (n,), each with its rounding error in errors (n,) (Neumaier's summation)."""
    for b in range(partials.shape[0]):
        for j in range(sums.size):
            term = partials[b, j]
            total = sums[j] + term
            lost_term = (sums[j] - total) + term
            lost_sum = (term - total) + sums[j]
            errors[j] += lost_term if abs(sums[j]) >= abs(term) else lost_sum
            sums[j] = total


@dispatched
def fold_extremes(values, low, high):
    """Lower low[j] and raise high[j] to values[j]: comparing lane by lane vectorises without assuming there is no NaN."""

    def implementation(values, low, high):
        for j in range(values.size):
            value = float(values[j])
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]

    return implementation


@parallel_kernel
def block_extremes(x, first, extremes_out):
    """Least and largest x of block first + b, into extremes_out (B, 2)."""
    for b in prange(extremes_out.shape[0]):
        start = (first + np.int64(b)) * BLOCK
        block = x[start : start + BLOCK]
        low = np.full(LANES, np.inf)
        high = np.full(LANES, -np.inf)
        for i in range(0, block.size, LANES):
            fold_extremes(block[i : i + LANES], low, high)
        extremes_out[b, 0] = low.min()
        extremes_out[b, 1] = high.max()


# ---- Chebyshev sums ----------------------------------------------------------------------------------------------------


@dispatched(fastmath=True)
def add_chebyshev(sums, weight, t0, t1, u2):
    """Return the tuple sums_k + weight T_{k+1}, given T_0 and T_1 of its first element and u2 = 2 u."""
    if len(sums) == 0:
        return lambda sums, weight, t0, t1, u2: ()
    return lambda sums, weight, t0, t1, u2: (
        sums[0] + weight * t1,
        *add_chebyshev(sums[1:], weight, t1, u2 * t1 - t0, u2),
    )


@dispatched(fastmath=True)
def chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Choose the kernel by the degree."""
    if len(zeros) == 0:
        return general_chebyshev_block
    degree = len(zeros)

    def implementation(x, y, center, inverse_half, zeros, sums_out):
        moments = zeros + zeros
        products = zeros
        total = 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            target = float(y[i])
            total += target
            products = add_chebyshev(products, target, 1.0, u, u + u)
            moments = add_chebyshev(moments, 1.0, 1.0, u, u + u)
        sums_out[0] = total
        for k in range(degree):
            sums_out[1 + k] = products[k]
        for k in range(2 * degree):
            sums_out[1 + degree + k] = moments[k]

    return implementation


@dispatched(fastmath=True)
def first_two(x, y, center, inverse_half, u2, previous, current, target):
    """Set out a sub-block: u2 = 2 u, previous = T_0, current = T_1, target = y; return sum y, sum y T_1, sum T_1."""

    def implementation(x, y, center, inverse_half, u2, previous, current, target):
        total, product, moment = 0.0, 0.0, 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            value = float(y[i])
            u2[i] = u + u
            previous[i] = 1.0
            current[i] = u
            target[i] = value
            total += value
            product += u * value
            moment += u
        return total, product, moment

    return implementation


@dispatched(fastmath=True)
def next_one(u2, previous, current, target):
    """Overwrite previous = T_{k-1} by T_{k+1}; return the sums of T_{k+1} times y, T_{k+1} and T_k, and of T_{k+1}."""

    def implementation(u2, previous, current, target):
        product, square, cross, moment = 0.0, 0.0, 0.0, 0.0
        for i in range(u2.size):
            t = u2[i] * current[i] - previous[i]
            product += t * target[i]
            square += t * t
            cross += t * current[i]
            moment += t
            previous[i] = t
        return product, square, cross, moment

    return implementation


def general_chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Degree 0, or 2 and more: a pass over a sub-block for each, T_2k and T_2k-1 from sums of T_k^2 and T_k T_{k-1}."""
    degree = sums_out.size // 3
    moments = sums_out[degree:]  # moments[k] is the sum of T_k, k >= 1; moments[0] is the last product
    sums_out[:] = 0.0
    u2, target = np.empty(SUB_BLOCK), np.empty(SUB_BLOCK)
    even, odd = np.empty(SUB_BLOCK), np.empty(SUB_BLOCK)
    for start in range(0, x.size, SUB_BLOCK):
        x_some, y_some = x[start : start + SUB_BLOCK], y[start : start + SUB_BLOCK]
        n = x_some.size
        total, product, moment_1 = first_two(x_some, y_some, center, inverse_half, u2, even, odd, target)
        sums_out[0] += total
        if degree == 0:
            continue
        sums_out[1] += product
        moments[1] += moment_1
        previous, current = even[:n], odd[:n]
        for k in range(2, degree + 1):
            product, square, cross, moment = next_one(u2[:n], previous, current, target[:n])
            sums_out[k] += product
            moments[k] += moment
            if 2 * k - 1 > degree:
                moments[2 * k - 1] += 2.0 * cross - moment_1
            if 2 * k > degree:
                moments[2 * k] += 2.0 * square - n
            previous, current = current, previous


@parallel_kernel
def chebyshev_sums(x, y, center, inverse_half, zeros, first, sums_out):
    """Sums of block first + b into sums_out (B, 3 d + 1)."""
    for b in prange(sums_out.shape[0]):
        start = (first + np.int64(b)) * BLOCK
        chebyshev_block(
            x[start : start + BLOCK], y[start : start + BLOCK], center, inverse_half, zeros, sums_out[np.int64(b)]
        )


# ---- tiles -------------------------------------------------------------------------------------------------------------


@dispatched(fastmath=True)
def centred(values, center, inverse_scale, out):
    """Set out = (values - center) inverse_scale."""

    def implementation(values, center, inverse_scale, out):
        for i in range(out.size):
            out[i] = (float(values[i]) - center) * inverse_scale

    return implementation


@dispatched(fastmath=True)
def centred_column(flat, j, F, center, inverse_scale, out):
    """Set out = (column j - center) inverse_scale of rows of F values."""

    def implementation(flat, j, F, center, inverse_scale, out):
        for i in range(out.size):
            out[i] = (float(flat[i * F + j]) - center) * inverse_scale

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
def sum_of_squares(values):
    """Return the sum of squares."""

    def implementation(values):
        total = 0.0
        for i in range(values.size):
            total += values[i] * values[i]
        return total

    return implementation


@fill_tile.dispatch(PolynomialSamples)
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


@fill_tile.dispatch(FeatureSamples)
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


@parallel_kernel
def gram_sums(samples, functions, length, first, sums_out):
    """Upper triangle of the products of (phi_0, ..., phi_{K-1}, y), padded to a multiple of 4, of block first + b."""
    for b in prange(sums_out.shape[0]):
        block_first = (first + np.int64(b)) * length
        gram_block(samples, functions, block_first, min(block_first + length, samples.y.size), sums_out[np.int64(b)])


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


# ---- residuals ---------------------------------------------------------------------------------------------------------


@dispatched(fastmath=True)
def chebyshev_series(z, t0, t1, u2):
    """Return sum_k z_k T_k of a tuple z, given T_0 and T_1 of its first element."""
    if len(z) == 1:
        return lambda z, t0, t1, u2: z[0] * t0
    return lambda z, t0, t1, u2: z[0] * t0 + chebyshev_series(z[1:], t1, u2 * t1 - t0, u2)


@dispatched
def as_tuple(zeros, values):
    """Return the first len(zeros) values of an array as a tuple."""
    if len(zeros) == 0:
        return lambda zeros, values: ()
    return lambda zeros, values: (values[0], *as_tuple(zeros[1:], values[1:]))


@block_residuals.dispatch(ChebyshevSamples)
def chebyshev_residuals(samples, z, zeros, block_first, block_last, sums_out):
    """Sums over one block in registers."""

    def implementation(samples, z, zeros, block_first, block_last, sums_out):
        x, y = samples.x[block_first:block_last], samples.y[block_first:block_last]
        center, inverse_half = samples.center, samples.inverse_half
        coefficients = as_tuple((0.0, *zeros), z)
        products = zeros
        squares, total = 0.0, 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            r = float(y[i]) - chebyshev_series(coefficients, 1.0, u, u + u)
            squares += r * r
            total += r
            products = add_chebyshev(products, r, 1.0, u, u + u)
        sums_out[0] = squares
        sums_out[1] = total
        for k in range(len(products)):
            sums_out[2 + k] = products[k]

    return implementation


@block_residuals.dispatch(PolynomialSamples)
def polynomial_residuals(samples, z, zeros, block_first, block_last, sums_out):
    """Sums over one block, tile by tile, four basis functions at a time."""

    def implementation(samples, z, zeros, block_first, block_last, sums_out):
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
            value_a += (float(a[j]) - center[j]) * weights[j]
            value_b += (float(b[j]) - center[j]) * weights[j]
            value_c += (float(c[j]) - center[j]) * weights[j]
            value_d += (float(d[j]) - center[j]) * weights[j]
        return value_a, value_b, value_c, value_d

    return implementation


@dispatched(fastmath=True)
def add_four_rows(r_a, r_b, r_c, r_d, a, b, c, d, center, sums):
    """Add r (row_j - center_j) of four rows to sums_j."""

    def implementation(r_a, r_b, r_c, r_d, a, b, c, d, center, sums):
        for j in range(center.size):
            near = r_a * (float(a[j]) - center[j]) + r_b * (float(b[j]) - center[j])
            sums[j] += near + (r_c * (float(c[j]) - center[j]) + r_d * (float(d[j]) - center[j]))

    return implementation


@block_residuals.dispatch(FeatureSamples)
def feature_residuals(samples, z, zeros, block_first, block_last, sums_out):
    """Sums over one block, four rows at a time, a quarter of the block apart to keep four streams from memory going."""

    def implementation(samples, z, zeros, block_first, block_last, sums_out):
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
            r_a = float(y[p]) - intercept - value_a
            r_b = (float(y[q]) - intercept - value_b) * others
            r_c = (float(y[s]) - intercept - value_c) * others
            r_d = (float(y[t]) - intercept - value_d) * others
            squares += (r_a * r_a + r_b * r_b) + (r_c * r_c + r_d * r_d)
            total += (r_a + r_b) + (r_c + r_d)
            add_four_rows(r_a, r_b, r_c, r_d, a, b, c, d, center, sums)
        sums_out[0] = squares
        for j in range(F):
            sums_out[1 + j] = sums[j] * samples.inverse_scale[j]
        if z.size > F:
            sums_out[1 + F] = total

    return implementation


@parallel_kernel
def residual_sums(samples, z, zeros, length, first, sums_out):
    """Sums of block first + b into sums_out (B, K + 1), at coefficients z (K,); `zeros` as for Chebyshev sums.

    They are apart from the samples because a `prange` loop takes no tuple within a tuple.
    """
    for b in prange(sums_out.shape[0]):
        block_first = (first + np.int64(b)) * length
        block_last = min(block_first + length, samples.y.size)
        block_residuals(samples, z, zeros, block_first, block_last, sums_out[np.int64(b)])
