"""Vectors as wide as the processor computes them at full rate, in what fastgd compiles and nowhere else.

LLVM keeps to 256 bits on all of Intel's AVX-512 processors (LLVM 22): on earlier ones 512 lower the clock's rate, for
all that runs there. Kernels that do little but multiply and add reach half the peak of the later ones so. Each function
of fastgd therefore asks for 512 bits by the attribute `prefer-vector-width`, which counts more than LLVM's model of the
processor. Functions inlined into another take over its width, whatever their own.
"""

from __future__ import annotations

import copy
import os
from functools import cache

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from fastgd.kernels.compiling.processor import computes_512_bits

ATTRIBUTE = '"prefer-vector-width"="512"'


class WideLibrary(JITCodeLibrary):
    """A library of compiled functions, each of which gets the attribute on its way to LLVM."""

    def add_ir_module(self, ir_module):
        """Add LLVM's code of functions."""
        for function in ir_module.functions:
            if not function.is_declaration:
                set.add(function.attributes, ATTRIBUTE)  # their own method takes words of a list alone
        super().add_ir_module(ir_module)


@cache
def with_library(context, library):
    """Return Numba's context of compilation with libraries of this class.

    What it compiles of Numba's own functions it keeps to itself, or others would get them.
    """
    codegen = copy.copy(context.codegen())
    codegen._library_class = library
    return context.subtarget(_internal_codegen=codegen)


class WideCompiler(Compiler):
    """Numba's compiler, for a function, its wrappers and the bodies of its parallel loops."""

    def __init__(self, typingctx, targetctx, *others):
        super().__init__(typingctx, with_library(targetctx, WideLibrary) if computes_512_bits() else targetctx, *others)

    def define_pipelines(self):
        """Give the function a name of its own, and return Numba's passes.

        Numba numbers the functions of a process, and a function's symbol is made of its Python name and that number.
        Functions of one Python name that differ in what their closures hold, compiled by several processes, get equal
        symbols so; of two such that a later process reads from disk, the linker took one for both (tan for cos).
        """
        identity = self.state.func_id
        identity.unique_id = int.from_bytes(os.urandom(7))
        identity.unique_name = f"{identity.func_qualname}${identity.unique_id}"
        return super().define_pipelines()
