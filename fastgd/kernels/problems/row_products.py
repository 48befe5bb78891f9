"""Products of rows with thetas and with slopes, in vector registers: the two halves of a matrix multiplication.

    multiply        products[c, k] = sum_j X[i + k, j] factors[c, 1 + j]
    add_products    sums[c, 1 + j] += sum_k slopes[c, k] X[i + k, j]
    pass_on         both for one theta: the first of rows that come from memory, the second of those before
    add_lanes       lanes[c, at + k % LANES] += values[c, k]

Shapes: X (N, F), float32 or float64; factors, see `aligned_zeros`; sums (C, P + 1). Unchecked.

Tiles of rows and thetas are written in LLVM's own terms, for two promises that a loop can't give. An element's sum is
taken in one order, whatever the tile: lane by lane over the features and then over the lanes, or row by row; so a theta
gets the bits alone that it gets in a batch. And the sums stay in registers, of which 4 x 4 take half of 32.
"""

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import ordered_block_kernel
from fastgd.kernels.compiling.vectors import LANES, REGISTERS, WORD, Emitter

ROWS = 4  # of a tile
THETAS = 4 if REGISTERS == 32 else 2  # of a tile


def _multiply_rows(rows, thetas, fetches=False):
    """Return what sets products[c + n, k + m] for row i + m: of one theta row after row, of several all at once."""

    @intrinsic
    def multiply(typingctx, X, i, factors, products, c, k):
        def generate(context, builder, signature, arguments):
            emit = Emitter(context, builder, signature, arguments)
            X, i, factors, products, c, k = emit.arguments
            X_rows = [emit.row(X, emit.plus(i, m)) for m in range(rows)]
            factor_rows = [emit.row(factors, emit.plus(c, n)) for n in range(thetas)]
            sums = [[emit.variable() for _ in range(rows)] for _ in range(thetas)]

            def step(group, j, mask):
                if fetches:
                    emit.keep_rolled()
                some = [emit.load(emit.at(row, emit.plus(j, 1))) for row in factor_rows]
                ahead = emit.at(X_rows[group[0]], builder.mul(j, WORD(len(group))))
                for m in group:
                    if fetches:
                        emit.fetch(ahead, m - group[0])
                    values = emit.load(emit.at(X_rows[m], j), mask)
                    for n, factor in enumerate(some):
                        emit.add_product(values, factor, sums[n][m])

            for group in [[m] for m in range(rows)] if thetas == 1 else [range(rows)]:
                emit.over_vectors(builder.extract_value(X.shape, 1), lambda j, mask, group=group: step(group, j, mask))
            for n in range(thetas):
                emit.store_sums(sums[n], products, emit.plus(c, n), k)
            return context.get_dummy_value()

        return types.void(X, types.intp, factors, products, types.intp, types.intp), generate

    return multiply


@intrinsic
def _pass_on(typingctx, X, i, before, factors, values, k, totals):
    """Add values[0, k + m] X[before + m, j] to totals[0, 1 + j]; set values[0, k + m] to the product of row i + m."""

    def generate(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        X, i, before, factors, values, k, totals = emit.arguments
        new_rows, old_rows = ([emit.row(X, emit.plus(first, m)) for m in range(ROWS)] for first in (i, before))
        first = emit.at(emit.row(values, WORD(0)), k)
        slopes = [emit.splat(builder.load(emit.at(first, WORD(m)))) for m in range(ROWS)]
        sums = [emit.variable() for _ in range(ROWS)]

        def step(j, mask):
            emit.keep_rolled()
            factor = emit.load(emit.at(emit.row(factors, WORD(0)), emit.plus(j, 1)))
            ahead = emit.at(new_rows[0], builder.mul(j, WORD(ROWS)))
            for m, row in enumerate(new_rows):
                emit.fetch(ahead, m)
                emit.add_product(emit.load(emit.at(row, j), mask), factor, sums[m])
            place = emit.at(emit.row(totals, WORD(0)), emit.plus(j, 1))
            total = emit.load(place)
            for row, slope in zip(old_rows, slopes, strict=True):
                total = emit.multiply_add(emit.load(emit.at(row, j), mask), slope, total)
            emit.store(total, place)

        emit.over_vectors(builder.extract_value(X.shape, 1), step)
        emit.store_sums(sums, values, WORD(0), k)
        return context.get_dummy_value()

    word = types.intp
    return types.void(X, word, word, factors, values, word, totals), generate


def _add_rows(thetas, vectors):
    """Return what adds slopes[c + n, k] X[i + k, j] to sums[c + n, 1 + j], start <= k < stop, in vectors from j on."""

    @intrinsic
    def add(typingctx, X, i, start, stop, slopes, sums, c, j):
        def generate(context, builder, signature, arguments):
            emit = Emitter(context, builder, signature, arguments)
            X, i, start, stop, slopes, sums, c, j = emit.arguments
            width = builder.extract_value(X.shape, 1)
            mask = emit.mask(builder.sub(width, j)) if vectors == 1 else None
            first = emit.at(emit.row(X, i), j)
            slope_rows = [emit.row(slopes, emit.plus(c, n)) for n in range(thetas)]
            targets = [
                [emit.at(emit.row(sums, emit.plus(c, n)), emit.plus(j, 1 + v * LANES)) for v in range(vectors)]
                for n in range(thetas)
            ]
            totals = [[emit.variable(emit.load(target, mask)) for target in some] for some in targets]
            with cgutils.for_range_slice(builder, start, stop, WORD(1)) as (k, _):
                row = emit.at(first, builder.mul(k, width))
                factors = [emit.splat(builder.load(emit.at(some, k))) for some in slope_rows]
                for v in range(vectors):
                    values = emit.load(emit.at(row, WORD(v * LANES)), mask)
                    for n, factor in enumerate(factors):
                        emit.add_product(values, factor, totals[n][v])
            for some, others in zip(totals, targets, strict=True):
                for total, target in zip(some, others, strict=True):
                    emit.store(builder.load(total), target, mask)
            return context.get_dummy_value()

        word = types.intp
        return types.void(X, word, word, word, slopes, sums, word, word), generate

    return add


@intrinsic
def add_lanes(typingctx, values, t, count, lanes, c, at):
    """Add values[t, k], k < count, to lanes[c, at + k % LANES]."""

    def generate(context, builder, signature, arguments):
        emit = Emitter(context, builder, signature, arguments)
        values, t, count, lanes, c, at = emit.arguments
        first, target = emit.row(values, t), emit.at(emit.row(lanes, c), at)
        total = emit.variable(emit.load(target))
        with cgutils.for_range_slice(builder, WORD(0), count, WORD(LANES)) as (k, _):
            some = emit.load(emit.at(first, k), emit.mask(builder.sub(count, k)))
            builder.store(builder.fadd(builder.load(total), some), total)
        emit.store(builder.load(total), target)
        return context.get_dummy_value()

    word = types.intp
    return types.void(values, word, word, lanes, word, word), generate


# of several thetas: the first tile, which fetches for all, the tiles after it, and a row alone; of one: four rows, one
_multiply_first, _multiply_tile = _multiply_rows(ROWS, THETAS, fetches=True), _multiply_rows(ROWS, THETAS)
_multiply_row = _multiply_rows(1, THETAS)
_multiply_four, _multiply_one = _multiply_rows(ROWS, 1, fetches=True), _multiply_rows(1, 1)
_add_tile, _add_column = _add_rows(THETAS, 4), _add_rows(THETAS, 1)
_add_eight, _add_one = _add_rows(1, 8), _add_rows(1, 1)


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
            _multiply_tile(X, i + k, factors, products, c, k)
    for k in range(whole, rows):
        for c in range(0, factors.shape[0], THETAS):
            _multiply_row(X, i + k, factors, products, c, k)


@ordered_block_kernel
def add_products(X, i, rows, slopes, sums):
    """Add sum_k slopes[c, k] X[i + k, j] to sums[c, 1 + j], k < rows, c < C, a multiple of THETAS."""
    width = X.shape[1]
    whole = width // (4 * LANES) * (4 * LANES)
    for j in range(0, whole, 4 * LANES):
        for c in range(0, sums.shape[0], THETAS):
            _add_tile(X, i, 0, rows, slopes, sums, c, j)
    for j in range(whole, width, LANES):
        for c in range(0, sums.shape[0], THETAS):
            _add_column(X, i, 0, rows, slopes, sums, c, j)


@ordered_block_kernel
def pass_on(X, i, rows, before, factors, values, totals):
    """Add what the rows from `before` to i contribute, and multiply `rows` rows from i, for one theta.

    values[0] holds the slopes of the former and gets the products of the latter: both in one pass while there are four
    of each, and otherwise first the one, then the other.
    """
    width, waiting = X.shape[1], i - before
    both = min(rows, waiting) // ROWS * ROWS
    for k in range(0, both, ROWS):
        _pass_on(X, i + k, before + k, factors, values, k, totals)
    if both < waiting:
        whole = width // (8 * LANES) * (8 * LANES)
        for j in range(0, whole, 8 * LANES):
            _add_eight(X, before, both, waiting, values, totals, 0, j)
        for j in range(whole, width, LANES):
            _add_one(X, before, both, waiting, values, totals, 0, j)
    whole = rows // ROWS * ROWS
    for k in range(both, whole, ROWS):
        _multiply_four(X, i + k, factors, values, 0, k)
    for k in range(whole, rows):
        _multiply_one(X, i + k, factors, values, 0, k)
