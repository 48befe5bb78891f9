"""Functions that only kernels call: optimised where they are called, and turned into machine code there alone.

Numba optimises every function with all that it calls, and makes machine code of it, before its callers do the same with
it once more: three levels down it is optimised four times. That was a third of what the exact engine's kernel took to
compile. Of a part there is LLVM's code as it was lowered, which goes into its callers' modules.
"""

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary

from fastgd.kernels.compiling.processor import computes_512_bits
from fastgd.kernels.compiling.width import WideCompiler, WideLibrary

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

    def compile_extra(self, function):
        """Compile a Python function; in the result stands what callers know it by, without an address."""
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), function.__qualname__)
        state.flags.no_compile = True
        result = super().compile_extra(function)
        state.library._ensure_finalized()
        known_by = _dynfunc.make_function(
            result.fndesc.lookup_module(), function.__name__, "", 0, result.environment, (result.library,)
        )
        state.targetctx.insert_user_function(known_by, result.fndesc, [result.library])
        return result._replace(entry_point=known_by)
