"""Products of rows with thetas and with slopes, in vector registers: the two halves of a matrix multiplication.

    multiply            products[c, k] = sum_j X[i + k, j] factors[c, 1 + j]
    add_row_products    sums[c, 1 + j] += sum_k slopes[c, k] X[i + k, j]
    pass_on             both for one theta: the first of rows that come from memory, the second of those before
    add_lanes           lanes[c, at + k % LANES] += values[c, k]

Shapes: X (N, F), float32 or float64; factors, see `aligned_zeros`; sums (C, P + 1). Unchecked.

Patches of rows and thetas are written in vectors, see `compiling.vectors`, for two promises that a loop can't give. An
element's sum is taken in one order, whatever the patch: lane by lane over the features and then over the lanes, or row
by row; so a theta gets the bits alone that it gets in a batch. And the sums stay in registers, of which 4 x 4 take half
of 32.
"""

import numpy as np

from fastgd.kernels.compiling.jit import ordered_block_kernel
from fastgd.kernels.compiling.vectors import LANES, REGISTERS, vector_code

ROWS = 4  # of a patch
THETAS = 4 if REGISTERS == 32 else 2  # of a patch

# ---- in vectors ------------------------------------------------------------------------------------------------------


def multiplied(code, X, i, factors, products, c, k, *, rows, thetas, fetches):
    """Set products[c + n, k + m] = sum_j X[i + m, j] factors[c + n, 1 + j], m < rows, n < thetas.

    Of one theta row after row, of several all rows at once.
    """
    x = [X.row(i + m) for m in range(rows)]
    factor_rows = [factors.row(c + n) for n in range(thetas)]
    sums = [[code.register() for _ in range(rows)] for _ in range(thetas)]
    for together in [[m] for m in range(rows)] if thetas == 1 else [range(rows)]:
        for j, mask in code.vectors(X.width):
            if fetches:
                code.keep_rolled()
            some_factors = [row[j + 1].load() for row in factor_rows]
            ahead = x[together[0]][j * len(together)]
            for m in together:
                if fetches:
                    ahead.fetch(m - together[0])
                values = x[m][j].load(mask)
                for n in range(thetas):
                    sums[n][m].add_product(values, some_factors[n])
    for n in range(thetas):
        code.store_sums(sums[n], products.row(c + n)[k])


def added(code, X, i, start, stop, slopes, sums, c, j, *, thetas, vectors):
    """Add slopes[c + n, k] X[i + k, j] to sums[c + n, 1 + j], start <= k < stop, n < thetas, in vectors from j on."""
    width = X.width
    mask = code.mask(width - j) if vectors == 1 else None
    first = X.row(i)[j]
    slope_rows = [slopes.row(c + n) for n in range(thetas)]
    targets = [[sums.row(c + n)[j + (1 + v * LANES)] for v in range(vectors)] for n in range(thetas)]
    totals = [[code.register(target.load(mask)) for target in of_theta] for of_theta in targets]
    for k in code.loop(start, stop):
        x = first[k * width]
        some_slopes = [row[k].splat() for row in slope_rows]
        for v in range(vectors):
            values = x[v * LANES].load(mask)
            for n in range(thetas):
                totals[n][v].add_product(values, some_slopes[n])
    for n in range(thetas):
        for v in range(vectors):
            targets[n][v].store(totals[n][v].vector(), mask)


def multiplied_and_added(code, X, i, before, factors, values, k, totals):
    """Add values[0, k + m] X[before + m, j] to totals[0, 1 + j]; set values[0, k + m] to the product of row i + m."""
    new_rows = [X.row(i + m) for m in range(ROWS)]
    old_rows = [X.row(before + m) for m in range(ROWS)]
    at = values.row(0)[k]
    slopes = [at[m].splat() for m in range(ROWS)]
    sums = [code.register() for _ in range(ROWS)]
    for j, mask in code.vectors(X.width):
        code.keep_rolled()
        some_factors = factors.row(0)[j + 1].load()
        ahead = new_rows[0][j * ROWS]
        for m in range(ROWS):
            ahead.fetch(m)
            sums[m].add_product(new_rows[m][j].load(mask), some_factors)
        target = totals.row(0)[j + 1]
        total = target.load()
        for m in range(ROWS):
            total = code.multiply_add(old_rows[m][j].load(mask), slopes[m], total)
        target.store(total)
    code.store_sums(sums, at)


@vector_code
def add_lanes(code, values, t, count, lanes, c, at):
    """Add values[t, k], k < count, to lanes[c, at + k % LANES]."""
    first = values.row(t)
    target = lanes.row(c)[at]
    total = code.register(target.load())
    for k in code.loop(0, count, LANES):
        total.add(first[k].load(code.mask(count - k)))
    target.store(total.vector())


# of several thetas: the first, for whom rows are fetched, those after them, and all over a single row
_multiply_first = vector_code(multiplied, rows=ROWS, thetas=THETAS, fetches=True)
_multiply_next = vector_code(multiplied, rows=ROWS, thetas=THETAS, fetches=False)
_multiply_row = vector_code(multiplied, rows=1, thetas=THETAS, fetches=False)
_add_wide = vector_code(added, thetas=THETAS, vectors=4)
_add_narrow = vector_code(added, thetas=THETAS, vectors=1)

# of one theta
_multiply_rows_by_one = vector_code(multiplied, rows=ROWS, thetas=1, fetches=True)
_multiply_row_by_one = vector_code(multiplied, rows=1, thetas=1, fetches=False)
_add_wide_of_one = vector_code(added, thetas=1, vectors=8)
_add_narrow_of_one = vector_code(added, thetas=1, vectors=1)
_pass_on = vector_code(multiplied_and_added)

# ---- over all rows, thetas and features ------------------------------------------------------------------------------


@ordered_block_kernel
def sum_of_lanes(lanes, c, at):
    """Return the sum of lanes[c, at : at + LANES], in order."""
    total = 0.0
    for lane in range(at, at + LANES):
        total += lanes[c, lane]
    return total


@ordered_block_kernel
def aligned_zeros(count, width):
    """Return zeros (count, 1 + width and more) whose column 1, in every row, starts where a vector may.

    Vectors may be loaded and stored up to a whole number of them from there. One that lies across two cache lines would
    cost two reads of the first-level cache, whose speed bounds `multiply`.
    """
    padded = (width + LANES - 1) // LANES * LANES + LANES
    memory = np.zeros(count * padded + LANES)
    first = (-(memory.ctypes.data // 8) - 1) % LANES
    return memory[first : first + count * padded].reshape(count, padded)


@ordered_block_kernel
def multiply(X, i, rows, factors, products):
    """Set products[c, k] = sum_j X[i + k, j] factors[c, 1 + j], k < rows, c < C, a multiple of THETAS."""
    whole = rows // ROWS * ROWS
    for k in range(0, whole, ROWS):
        _multiply_first(X, i + k, factors, products, 0, k)
        for c in range(THETAS, factors.shape[0], THETAS):
            _multiply_next(X, i + k, factors, products, c, k)
    for k in range(whole, rows):
        for c in range(0, factors.shape[0], THETAS):
            _multiply_row(X, i + k, factors, products, c, k)


@ordered_block_kernel
def add_row_products(X, i, rows, slopes, sums):
    """Add sum_k slopes[c, k] X[i + k, j] to sums[c, 1 + j], k < rows, c < C, a multiple of THETAS."""
    width = X.shape[1]
    whole = width // (4 * LANES) * (4 * LANES)
    for j in range(0, whole, 4 * LANES):
        for c in range(0, sums.shape[0], THETAS):
            _add_wide(X, i, 0, rows, slopes, sums, c, j)
    for j in range(whole, width, LANES):
        for c in range(0, sums.shape[0], THETAS):
            _add_narrow(X, i, 0, rows, slopes, sums, c, j)


@ordered_block_kernel
def pass_on(X, i, rows, before, factors, values, totals):
    """Add what the rows from `before` to i contribute, and multiply `rows` rows from i, for one theta.

    values[0] holds the slopes of the former and gets the products of the latter: both in one pass while there are four
    of each, and otherwise first the one, then the other.
    """
    width = X.shape[1]
    waiting = i - before
    both = min(rows, waiting) // ROWS * ROWS
    for k in range(0, both, ROWS):
        _pass_on(X, i + k, before + k, factors, values, k, totals)
    if both < waiting:
        whole = width // (8 * LANES) * (8 * LANES)
        for j in range(0, whole, 8 * LANES):
            _add_wide_of_one(X, before, both, waiting, values, totals, 0, j)
        for j in range(whole, width, LANES):
            _add_narrow_of_one(X, before, both, waiting, values, totals, 0, j)
    whole = rows // ROWS * ROWS
    for k in range(both, whole, ROWS):
        _multiply_rows_by_one(X, i + k, factors, values, 0, k)
    for k in range(whole, rows):
        _multiply_row_by_one(X, i + k, factors, values, 0, k)
