"""Functions that only kernels call: optimised where they are called, and turned into machine code there alone.

Numba optimises every function with all that it calls, and makes machine code of it, before its callers do the same with
it once more: three levels down it is optimised four times. That was a third of what the exact engine's kernel took to
compile. Of a part there is LLVM's code as it was lowered, which goes into its callers' modules.
"""

from llvmlite.binding.newpassmanagers import NewPassManager
from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary

from fastgd.kernels.compiling.processor import computes_512_bits
from fastgd.kernels.compiling.width import WideCompiler, WideLibrary, with_library

_Library = WideLibrary if computes_512_bits() else JITCodeLibrary


class _PartLibrary(_Library):
    """LLVM's code of a function and of all that it calls, as it was lowered."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


class PartCompiler(WideCompiler):
    """Numba's compiler, up to its last step but one; to be given as `pipeline_class`."""

    library = _PartLibrary

    def compile_extra(self, function):
        """Compile a Python function; in the result stands what callers know it by, without an address."""
        state = self.state
        state.library = self.library(state.targetctx.codegen(), function.__qualname__)
        state.flags.no_compile = True
        result = super().compile_extra(function)
        state.library._ensure_finalized()
        known_by = _dynfunc.make_function(
            result.fndesc.lookup_module(), function.__name__, "", 0, result.environment, (result.library,)
        )
        state.targetctx.insert_user_function(known_by, result.fndesc, [result.library])
        return result._replace(entry_point=known_by)


# Each pass that Numba has LLVM make stays in memory for good: 30 kB for a function of a module, declared ones too, and
# 60 kB for a module, of which there are two. A process that compiles thousands of functions of the user's would keep a
# megabyte of each.


class _LoweredLibrary(_PartLibrary):
    """The same without a pass of LLVM's."""

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout


class LoweredCompiler(PartCompiler):
    """Numba's compiler of a function of the user's, which becomes a part of its callers and is optimised there."""

    library = _LoweredLibrary


class _OnceLibrary(_Library):
    """A library that is optimised as a whole alone."""

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        passes, builder = self._codegen._module_pass_manager()
        with self._recorded_timings.record("all passes", builder):
            passes.run(self._final_module, builder)
        NewPassManager._dispose(passes)  # which its own class hides behind a method that does nothing


class OnceCompiler(WideCompiler):
    """Numba's compiler of a function into which such parts are put: optimised as a whole alone."""

    def __init__(self, typingctx, targetctx, *others):
        super().__init__(typingctx, targetctx, *others)
        self.state.targetctx = with_library(targetctx, _OnceLibrary)
