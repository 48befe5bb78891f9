"""Products of rows with thetas and with slopes, in vector registers: the two halves of a matrix multiplication.

    multiply        products[c, k] = sum_j X[i + k, j] factors[c, j]
    add_products    sums[c, 1 + j] += sum_k slopes[c, k] X[i + k, j]
    add_lanes       lanes[l, k % LANES] += values[c, k]

Shapes: X (N, F), float32 or float64; factors (C, F and more), see `aligned_rows`; sums (C, P + 1). Unchecked.

Tiles of rows and thetas are written in LLVM's own terms, for two promises that a loop can't give. An element's sum is
taken in one order, whatever the tile: lane by lane over the features and then over the lanes, or row by row; so a theta
gets the bits alone that it gets in a batch. And the sums stay in registers, of which 4 x 4 take half of 32.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.jit import ordered_block_kernel
from fastgd.kernels.processor import vector_registers

REGISTERS, REGISTER_BYTES = vector_registers()
LANES = REGISTER_BYTES // 8
ROWS = 4  # of a tile
THETAS = 4 if REGISTERS == 32 else 2  # of a tile
AHEAD = 8192  # bytes from what is read to what is fetched from memory meanwhile

_WORD, _DOUBLE = ir.IntType(64), ir.DoubleType()
_VECTOR, _MASK = ir.VectorType(_DOUBLE, LANES), ir.VectorType(ir.IntType(1), LANES)


class _Emitter:
    """Emits vector code at a builder's place."""

    def __init__(self, context, builder, signature, arguments):
        self.builder = builder
        self.arguments = [
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def row(self, array, i):
        """Return the address of array[i]."""
        builder = self.builder
        return builder.gep(array.data, [builder.mul(i, builder.extract_value(array.shape, 1))])

    def at(self, pointer, j):
        return self.builder.gep(pointer, [j])

    def plus(self, i, constant):
        return self.builder.add(i, _WORD(constant)) if constant else i

    def call(self, name, result, *arguments):
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def splat(self, value):
        undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.IntType(32)(0))
        return self.builder.shuffle_vector(first, undefined, self.places([0] * LANES))

    @staticmethod
    def places(indices):
        return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), indices)

    def mask(self, remaining):
        """Return the mask of the first `remaining` lanes."""
        lanes = ir.Constant(ir.VectorType(_WORD, LANES), list(range(LANES)))
        return self.builder.icmp_unsigned("<", lanes, self.splat(remaining))

    def load(self, pointer, mask=None):
        """Load a vector of float64; lanes that are masked out are zero, and their memory is not touched."""
        element = pointer.type.pointee
        vector = ir.VectorType(element, LANES)
        place = self.builder.bitcast(pointer, vector.as_pointer())
        align = 8 if element == _DOUBLE else 4
        if mask is None:
            value = self.builder.load(place, align=align)
        else:
            name = f"llvm.masked.load.v{LANES}f{8 * align}.p0"
            value = self.call(name, vector, place, ir.IntType(32)(align), mask, ir.Constant(vector, [0.0] * LANES))
        return value if element == _DOUBLE else self.builder.fpext(value, _VECTOR)

    def store(self, value, pointer, mask=None):
        place = self.builder.bitcast(pointer, value.type.as_pointer())
        if mask is None:
            self.builder.store(value, place, align=8)
        else:
            name = f"llvm.masked.store.v{LANES}f64.p0"
            self.call(name, ir.VoidType(), value, place, ir.IntType(32)(8), mask)

    def multiply_add(self, a, b, total):
        """Set total (a variable) to a b + total."""
        value = self.call(f"llvm.fmuladd.v{LANES}f64", _VECTOR, a, b, self.builder.load(total))
        self.builder.store(value, total)

    def variable(self, value=None):
        place = cgutils.alloca_once(self.builder, _VECTOR)
        self.builder.store(ir.Constant(_VECTOR, [0.0] * LANES) if value is None else value, place)
        return place

    def fetch(self, pointer):
        """Ask for what lies AHEAD bytes further on."""
        byte = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        place = self.builder.gep(byte, [_WORD(AHEAD)])
        read, near, data = ir.IntType(32)(0), ir.IntType(32)(3), ir.IntType(32)(1)
        self.call("llvm.prefetch.p0", ir.VoidType(), place, read, near, data)

    def keep_rolled(self):
        """Keep LLVM from unrolling the loop around: fetched in bursts, a row comes from memory a fifth slower."""
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        self.builder.call(nothing, [], attrs=("convergent",))

    def sums_of(self, vectors):
        """Return the vector of the sums over lanes, of one vector or of four; each in the same order."""
        vectors = [*vectors, *vectors * 3][:ROWS]
        builder, size = self.builder, LANES
        pairs = range(0, size, 2)
        even = self.places([place for j in pairs for place in (j, j + size)])
        odd = self.places([place for j in pairs for place in (j + 1, j + 1 + size)])

        def folded(a, b, places, others):
            return builder.fadd(builder.shuffle_vector(a, b, places), builder.shuffle_vector(a, b, others))

        ab, cd = folded(vectors[0], vectors[1], even, odd), folded(vectors[2], vectors[3], even, odd)
        if size == 2:
            return builder.shuffle_vector(ab, cd, self.places([0, 1, 2, 3]))
        quads = range(0, size, 4)
        low = self.places([place for j in quads for place in (j, j + 1, j + size, j + 1 + size)])
        high = self.places([place for j in quads for place in (j + 2, j + 3, j + 2 + size, j + 3 + size)])
        abcd = folded(ab, cd, low, high)
        if size == 4:
            return abcd
        return folded(abcd, abcd, self.places([0, 1, 2, 3]), self.places([4, 5, 6, 7]))


def _multiply_rows(rows, thetas):
    @intrinsic
    def multiply(typingctx, X, i, factors, products, c, k):
        def generate(context, builder, signature, arguments):
            emit = _Emitter(context, builder, signature, arguments)
            X, i, factors, products, c, k = emit.arguments
            X_rows = [emit.row(X, emit.plus(i, m)) for m in range(rows)]
            factor_rows = [emit.row(factors, emit.plus(c, n)) for n in range(thetas)]
            sums = [[emit.variable() for _ in range(rows)] for _ in range(thetas)]

            def step(group, j, mask=None):
                if thetas == 1:
                    emit.keep_rolled()
                some = [emit.load(emit.at(row, j)) for row in factor_rows]
                for m in group:
                    place = emit.at(X_rows[m], j)
                    if thetas == 1:
                        emit.fetch(place)
                    values = emit.load(place, mask)
                    for n, factor in enumerate(some):
                        emit.multiply_add(values, factor, sums[n][m])

            width = builder.extract_value(X.shape, 1)
            whole = builder.and_(width, _WORD(-LANES))
            remaining = builder.sub(width, whole)
            for group in [[m] for m in range(rows)] if thetas == 1 else [range(rows)]:
                with cgutils.for_range_slice(builder, _WORD(0), whole, _WORD(LANES)) as (j, _):
                    step(group, j)
                with builder.if_then(builder.icmp_unsigned("!=", remaining, _WORD(0))):
                    step(group, whole, emit.mask(remaining))
            for n in range(thetas):
                place = emit.at(emit.row(products, emit.plus(c, n)), k)
                found = emit.sums_of([builder.load(total) for total in sums[n]])
                if rows == ROWS:
                    emit.store(found, place)
                else:
                    builder.store(builder.extract_element(found, ir.IntType(32)(0)), place)
            return context.get_dummy_value()

        return types.void(X, types.intp, factors, products, types.intp, types.intp), generate

    return multiply


def _add_rows(thetas, vectors):
    last = vectors - 1  # of one or two vectors the last may be short

    @intrinsic
    def add(typingctx, X, i, count, slopes, sums, c, j):
        def generate(context, builder, signature, arguments):
            emit = _Emitter(context, builder, signature, arguments)
            X, i, count, slopes, sums, c, j = emit.arguments
            width = builder.extract_value(X.shape, 1)
            masks = [None] * vectors
            if vectors <= 2:
                masks[last] = emit.mask(builder.sub(width, emit.plus(j, last * LANES)))
            first = emit.at(emit.row(X, i), j)
            slope_rows = [emit.row(slopes, emit.plus(c, n)) for n in range(thetas)]
            targets = [
                [emit.at(emit.row(sums, emit.plus(c, n)), emit.plus(j, 1 + v * LANES)) for v in range(vectors)]
                for n in range(thetas)
            ]
            totals = [
                [emit.variable(emit.load(*target)) for target in zip(some, masks, strict=True)] for some in targets
            ]
            with cgutils.for_range(builder, count) as loop:
                row = emit.at(first, builder.mul(loop.index, width))
                factors = [emit.splat(builder.load(emit.at(some, loop.index))) for some in slope_rows]
                for v in range(vectors):
                    values = emit.load(emit.at(row, _WORD(v * LANES)), masks[v])
                    for n, factor in enumerate(factors):
                        emit.multiply_add(values, factor, totals[n][v])
            for some, others in zip(totals, targets, strict=True):
                for total, target, mask in zip(some, others, masks, strict=True):
                    emit.store(builder.load(total), target, mask)
            return context.get_dummy_value()

        word = types.intp
        return types.void(X, word, word, slopes, sums, word, word), generate

    return add


@intrinsic
def add_lanes(typingctx, values, t, count, lanes, c):
    """Add values[t, k], k < count, to lanes[c, k % LANES]."""

    def generate(context, builder, signature, arguments):
        emit = _Emitter(context, builder, signature, arguments)
        values, t, count, lanes, c = emit.arguments
        first, target = emit.row(values, t), emit.row(lanes, c)
        total = emit.variable(emit.load(target))
        with cgutils.for_range_slice(builder, _WORD(0), count, _WORD(LANES)) as (k, _):
            some = emit.load(emit.at(first, k), emit.mask(builder.sub(count, k)))
            builder.store(builder.fadd(builder.load(total), some), total)
        emit.store(builder.load(total), target)
        return context.get_dummy_value()

    return types.void(values, types.intp, types.intp, lanes, types.intp), generate


_multiply_tile = _multiply_rows(ROWS, THETAS)
_multiply_column = _multiply_rows(ROWS, 1)
_multiply_one = _multiply_rows(1, 1)
_add_tile_4, _add_tile_1 = _add_rows(THETAS, 4), _add_rows(THETAS, 1)
_add_8, _add_4, _add_2, _add_1 = (_add_rows(1, vectors) for vectors in (8, 4, 2, 1))


@ordered_block_kernel
def sum_of_lanes(lanes, c):
    """Return the sum of lanes[c], in order."""
    total = 0.0
    for lane in range(LANES):
        total += lanes[c, lane]
    return total


@ordered_block_kernel
def aligned_rows(values, width):
    """Return values[:, :width] in rows that start where a vector may, with zeros up to a whole number of vectors.

    A vector across two cache lines costs two reads of the first-level cache, whose speed bounds `multiply`.
    """
    count, padded = values.shape[0], (width + LANES - 1) // LANES * LANES
    memory = np.zeros(count * padded + LANES)
    first = -(memory.ctypes.data // 8) % LANES
    rows = memory[first : first + count * padded].reshape(count, padded)
    for c in range(count):
        for j in range(width):
            rows[c, j] = values[c, j]
    return rows


@ordered_block_kernel
def multiply(X, i, rows, factors, products):
    """Set products[c, k] = sum_j X[i + k, j] factors[c, j], k < rows."""
    count = factors.shape[0]
    whole, tiled = rows // ROWS * ROWS, count // THETAS * THETAS
    for k in range(0, whole, ROWS):
        for c in range(0, tiled, THETAS):
            _multiply_tile(X, i + k, factors, products, c, k)
        for c in range(tiled, count):
            _multiply_column(X, i + k, factors, products, c, k)
    for k in range(whole, rows):
        for c in range(count):
            _multiply_one(X, i + k, factors, products, c, k)


@ordered_block_kernel
def add_products(X, i, rows, slopes, sums):
    """Add sum_k slopes[c, k] X[i + k, j] to sums[c, 1 + j], k < rows."""
    count, width = sums.shape[0], X.shape[1]
    tiled = count // THETAS * THETAS
    if tiled > 0:
        fours = width // (4 * LANES) * (4 * LANES)
        for j in range(0, fours, 4 * LANES):
            for c in range(0, tiled, THETAS):
                _add_tile_4(X, i, rows, slopes, sums, c, j)
        for j in range(fours, width, LANES):
            for c in range(0, tiled, THETAS):
                _add_tile_1(X, i, rows, slopes, sums, c, j)
    for c in range(tiled, count):
        j = 0
        while j + 8 * LANES <= width:
            _add_8(X, i, rows, slopes, sums, c, j)
            j += 8 * LANES
        if j + 4 * LANES <= width:
            _add_4(X, i, rows, slopes, sums, c, j)
            j += 4 * LANES
        while j + LANES < width:
            _add_2(X, i, rows, slopes, sums, c, j)
            j += 2 * LANES
        if j < width:
            _add_1(X, i, rows, slopes, sums, c, j)
