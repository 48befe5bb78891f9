"""What the machine can do at best: reading memory, and fused multiply-adds in registers.

    read             sum a_i b_i, once over arrays that no cache holds, or again and again over shorter ones
    multiply-adds    x <- x / 2 + s in independent chains, each in its own vector register

A multiply-add takes 4 cycles and a core starts 2 a cycle (4 on some ARM cores), so with fewer than 8 (16) chains it
waits: on one Zen 5 core 6 chains give 97 GFLOP/s, 8 to 28 give 130. More chains than registers would spill.

A dot product in one run of memory a thread reads as fast as in two (80 GB/s on two Zen 5 cores, and so do BLAS and C);
four runs a thread read slower there (35 against 40 GB/s on one core).
"""

import numpy as np
from llvmlite import ir
from numba import prange
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import dispatched, parallel_kernel
from fastgd.kernels.compiling.processor import vector_registers

FILL, READ, MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32 = range(4)


def _chains():
    """Return how many chains to keep in registers: 12 also where LLVM splits a vector of 64 bytes over two of them."""
    registers, size = vector_registers()
    return 16 if registers == 32 and size == 16 else 12


@intrinsic
def multiply_adds(typingctx, s, count):
    """Run `count` multiply-adds (a multiple of 3 * 2^12) of the type of s, and return the sum of all chains."""

    def generate(context, builder, signature, arguments):
        start, total_count = arguments
        size = s.bitwidth // 8
        chain_count = _chains()
        lanes = vector_registers()[1] // size
        vector = ir.VectorType(start.type, lanes)
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{lanes}f{s.bitwidth}"
        )
        lane = [ir.Constant(ir.IntType(32), i) for i in range(lanes)]
        addend = ir.Constant(vector, ir.Undefined)
        for i in range(lanes):
            addend = builder.insert_element(addend, start, lane[i])
        half = ir.Constant(vector, [0.5] * lanes)
        chains = [
            cgutils.alloca_once_value(builder, builder.fadd(addend, ir.Constant(vector, [float(c)] * lanes)))
            for c in range(chain_count)  # different starts: LLVM would compute equal chains once
        ]
        rounds = builder.udiv(total_count, ir.Constant(total_count.type, lanes * chain_count))
        with cgutils.for_range(builder, rounds):
            for chain in chains:
                builder.store(builder.call(fma, [builder.load(chain), half, addend]), chain)
        total = builder.load(chains[0])
        for chain in chains[1:]:
            total = builder.fadd(total, builder.load(chain))
        result = builder.extract_element(total, lane[0])
        for i in range(1, lanes):
            result = builder.fadd(result, builder.extract_element(total, lane[i]))
        return result

    return s(s, types.intp), generate


@dispatched(fastmath=True)
def dot_product(a, b):
    """Return sum a_i b_i."""

    def implementation(a, b):
        total = 0.0
        for i in range(a.size):
            total += a[i] * b[i]
        return total

    return implementation


@parallel_kernel
def probe(kind, a, b, s, count, results_out):
    """Run one probe in results_out.size equal shares: FILL of a and b (N,), READ of them, multiply-adds, `count` times.

    One function for all, because a parallel one costs a second to compile. s is an argument, because LLVM computes what
    it can of a known one: a chain that began at its limit 2 s was left out. Unchecked.
    """
    shares = results_out.size
    for share in prange(shares):
        i = np.int64(share)
        first = i * a.size // shares
        last = (i + 1) * a.size // shares
        if kind == FILL:
            a[first:last] = 1.0
            b[first:last] = 0.5
        elif kind == READ:
            for _ in range(count):
                results_out[i] = dot_product(a[first:last], b[first:last])
        elif kind == MULTIPLY_ADD:
            results_out[i] = multiply_adds(s, count)
        else:
            results_out[i] = multiply_adds(np.float32(s), count)
