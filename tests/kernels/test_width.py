"""The width of vectors in machine code: the processor's in what fastgd compiles, LLVM's in what anybody else does.

A processor with AVX-512 can be told to be another one; one without has nothing to choose.
"""

from __future__ import annotations

import json

import pytest

from fastgd.kernels.compiling.processor import vector_registers
from tests.tools import processes

pytestmark = pytest.mark.process

BY_LLVM = 256 if vector_registers()[1] >= 32 else 128
WIDTHS = {"emeraldrapids": 512, "skylake-avx512": 256} if vector_registers() == (32, 64) else {None: BY_LLVM}

COMPILED = """
import json

import numba
import numpy as np

import fastgd
from fastgd.kernels.compiling import jit
from fastgd.kernels.problems import blocks


def squares(x, out):
    for i in range(x.size):
        out[i] = 2.0 * x[i] * x[i]


def parallel_squares(x, out):
    for i in numba.prange(x.size):
        out[i] = 2.0 * x[i] * x[i]


def of_part(x, out):
    part(x, out)


def of_dispatched(x, out):
    dispatched(x, out)


def of_users(x, out):
    users(x, out)


def assembly(compiled):
    compiled(np.ones(64), np.ones(64))
    return compiled.inspect_asm(compiled.signatures[0])


def block_of(problem):
    return blocks.compiled_sums(numba.typeof(problem.data()), by_lanes=False)._library.get_asm_str()


jit.keep_on_disk = lambda *_: None
part = jit.kernel_part(squares)
dispatched = jit.dispatched(lambda x, out: squares)
users = numba.njit(squares)
assembly(jit.kernel(of_users))
x = np.linspace(-1.0, 1.0, 100)
fastgds = {
    "kernel": assembly(jit.kernel(squares)),
    "kernel with a part": assembly(jit.kernel(of_part)),
    "kernel with a function of another file": assembly(jit.kernel(of_dispatched)),
    "parallel kernel": assembly(jit.parallel_kernel(parallel_squares)),
    "block of a polynomial": block_of(fastgd.PolynomialFit(x, x, 3)),
    "block of few features, Huber": block_of(fastgd.LinearFit(x, x, loss=fastgd.Huber(1.0))),
}
others = {
    "that a kernel called": assembly(users),
    "njit": assembly(numba.njit(squares)),
    "fast": assembly(numba.njit(fastmath=True)(squares)),
    "parallel": assembly(numba.njit(parallel=True)(parallel_squares)),
}
widths = {"zmm": 512, "ymm": 256, "xmm": 128}
width = lambda code: next(bits for register, bits in widths.items() if register in code)
print(json.dumps([{name: width(code) for name, code in some.items()} for some in (fastgds, others)]))
"""


@pytest.mark.parametrize("processor", WIDTHS)
def test_all_that_fastgd_compiles_has_the_processors_width_and_nothing_else(tmp_path, processor):
    printed = processes.run(COMPILED, timeout=180.0, NUMBA_CPU_NAME=processor, NUMBA_CACHE_DIR=str(tmp_path))
    fastgds, others = json.loads(printed)
    assert fastgds == dict.fromkeys(fastgds, WIDTHS[processor])
    assert others == dict.fromkeys(others, BY_LLVM)
