"""How fastgd compiles: the flags, the disk cache and the dispatch, in one place.

Every kernel is decorated here and nowhere else, so that one policy holds for all of them:

- `kernel`: serial, releases the GIL, IEEE arithmetic in the order written;
- `parallel_kernel`: the same with `prange`; few, because each costs four times the compile time of a serial one;
- `c_function`: a kernel behind a C function's address, compiled once and called by all, so the same bits to all;
- `dispatched`: a function whose implementation is chosen by the types of its arguments, so that engine loops
  are written once for all problems and are still found in the disk cache (a jitted function as an argument is not:
  numba issues 6264, 9237);
- `OPTIONS`: division by 0 as NumPy does it, and vectors as wide as the processor has them (`width.py`);
- `REASSOCIATE`: the fast-math flags of block kernels, without `nnan` and `ninf`, which would break every finite check.
"""

from __future__ import annotations

import numba
from numba.core import event, types
from numba.core.ccallback import CFunc
from numba.extending import intrinsic, overload

from fastgd.kernels.compiling.cache import keep_on_disk
from fastgd.kernels.compiling.parts import PartCompiler
from fastgd.kernels.compiling.width import WideCompiler

REASSOCIATE = {"contract", "reassoc", "nsz", "arcp"}

OPTIONS = {"error_model": "numpy", "pipeline_class": WideCompiler}  # of all that is compiled here

# What may be reassociated is always inlined. A function of its own has its own machine code, and a copy in each caller
# that was optimised once more; a process that compiles calls the one, a process that reads the caller from disk the
# other, and they need not round alike.
BLOCK_OPTIONS = {
    **OPTIONS,
    "fastmath": REASSOCIATE,
    "forceinline": True,
    "no_cpython_wrapper": True,  # nobody calls it but kernels, and wrappers took a sixth of the time
    "no_cfunc_wrapper": True,
}


# What makes no array counts no references either: those of a record of arrays were counted at each call, which took a
# third of the time of an exact descent. Numba refuses to compile what makes one where this is said.
#
# Such a part of a kernel is not compiled to its end either, see `parts`.
PART_OPTIONS = {
    "error_model": "numpy",
    "fastmath": False,
    "pipeline_class": PartCompiler,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}


def need_compiler():
    """Raise ImportError where Numba was told to run Python: kernels call each other by addresses of machine code."""
    if numba.config.DISABLE_JIT:
        raise ImportError("fastgd needs Numba's compiler, which NUMBA_DISABLE_JIT=1 turns off: unset NUMBA_DISABLE_JIT")


need_compiler()


def _compile(function, **options):
    # said, since what is first compiled for a caller would take over the caller's flags
    dispatcher = numba.njit(nogil=True, fastmath=False, no_cfunc_wrapper=True, **OPTIONS, **options)(function)
    keep_on_disk(dispatcher, function)
    return dispatcher


def kernel(function):
    """Compile a serial kernel: GIL released, arithmetic in the order written, kept on disk."""
    return _compile(function)


def parallel_kernel(function):
    """Compile a kernel whose `prange` loop runs on Numba's threading layer."""
    return _compile(function, parallel=True)


class _CFunction(CFunc):
    """A C function whose compilation is told as Numba's dispatchers tell theirs, to who measures the compiler."""

    def _compile_uncached(self):
        what = {"dispatcher": self, "args": self._sig.args, "return_type": self._sig.return_type}
        with event.trigger_event("numba:compile", data=what):
            compiled = super()._compile_uncached()
            # to machine code, which Numba leaves to the first who asks for the address
            compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
        return compiled


def c_function(function, signature, variant=None, fastmath=False, compiler=WideCompiler):
    """Compile a C function of this signature; it has an `address`, which holds as long as it lives.

    `variant` names what the function's closure holds, for the disk cache; without it there is none.
    """
    types_of = signature.args, signature.return_type
    options = {"error_model": "numpy", "fastmath": fastmath}
    compiled = _CFunction(function, types_of, locals={}, options=options, pipeline_class=compiler)
    if variant is not None:
        keep_on_disk(compiled, function, variant)
    compiled.compile()
    return compiled


def kernel_part(function):
    """Compile what only kernels call: not kept on disk, so that it may be one of many that a function makes.

    It makes no array, see `PART_OPTIONS`.
    """
    return numba.njit(**PART_OPTIONS)(function)


def inlined_part(function):
    """Compile the same as part of its callers."""
    return numba.njit(forceinline=True, **PART_OPTIONS)(function)


def inlined_on_disk(function, variant):
    """Compile a part that becomes its callers' code, and keep it on disk: callers that are compiled anew use it often.

    `variant` tells it from others that are made of the same function. It makes no array, see `PART_OPTIONS`.
    """
    options = BLOCK_OPTIONS | {"fastmath": False, "_nrt": False}
    dispatcher = numba.njit(**options)(function)
    keep_on_disk(dispatcher, function, variant)
    return dispatcher


def ordered_block_kernel(function):
    """Compile what a block's C function calls, whose own arithmetic keeps the order written."""
    return numba.njit(**BLOCK_OPTIONS | {"fastmath": False})(function)


def merged_block_kernel(function):
    """Make a function part of its one caller's code, under the caller's flags: its own would be lost.

    Numba merges it before types are inferred. Compiled by itself it would be optimised and turned into machine code
    once more for nothing, which took a third of the time that the C function of a block takes.
    """
    return numba.njit(inline="always", **BLOCK_OPTIONS)(function)


def dispatched(choose=None, *, fastmath=False, references=True, inlined=False):
    """Make a function that kernels can call, implemented by what `choose(*argument types)` returns.

    `choose` returns a plain function of the same parameters. Recursive use, on a tuple one shorter each time, unrolls a
    loop over parameters for certain; a `for` over a tuple is unrolled only if LLVM finds it worth while, and is a
    hundred times slower where it does not (seen at 11, 13 and 16 elements). Without `references` it neither makes nor
    returns an array, see `PART_OPTIONS`. What may be reassociated is always inlined; what is not is if LLVM finds it
    short, or if it is said to be `inlined`.
    """
    if choose is None:
        return lambda choose: dispatched(choose, fastmath=fastmath, references=references, inlined=inlined)

    def stand_in(*_):
        raise TypeError(f"{choose.__name__} runs inside kernels only")

    stand_in.__name__ = stand_in.__qualname__ = choose.__name__
    stand_in.__doc__ = choose.__doc__
    stand_in.__module__ = choose.__module__
    plain = OPTIONS | {"fastmath": False} if references else PART_OPTIONS
    options = BLOCK_OPTIONS if fastmath else plain | {"forceinline": inlined}
    overload(stand_in, jit_options=options, strict=False)(choose)
    return stand_in


def dispatched_by_class(name, *, fastmath=False, references=True, inlined=False):
    """Make a kernel function implemented by the NamedTuple class of its first argument.

    `name.dispatch(SomeClass)` decorates a function that gets the argument types and returns the implementation.
    """
    implementations = {}

    def choose(first, *others):
        return implementations[first.instance_class](first, *others)

    choose.__name__ = choose.__qualname__ = name
    stand_in = dispatched(choose, fastmath=fastmath, references=references, inlined=inlined)

    def dispatch(named_tuple):
        def register(implementation):
            implementations[named_tuple] = implementation
            return implementation

        return register

    stand_in.dispatch = dispatch
    return stand_in


def is_instance(numba_type, named_tuple) -> bool:
    """Tell whether a Numba type is that of instances of this NamedTuple class."""
    return getattr(numba_type, "instance_class", None) is named_tuple


@intrinsic
def rarely_called(typingctx):
    """Keep the function that calls this small: unrolled, vectorised and merged into its callers it took twice as long.

    That is, to compile.
    """

    def generate(context, builder, signature, arguments):
        for attribute in ("noinline", "minsize", "optsize"):
            builder.function.attributes.add(attribute)
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def never_inline(typingctx):
    """Keep the function that calls this from being inlined into its callers.

    An inlined block kernel loses what a caller does not use, is vectorised otherwise, and rounds otherwise. Compiled
    once and called, it gives the same bits to every caller.
    """

    def generate(context, builder, signature, arguments):
        builder.function.attributes.discard("alwaysinline")  # inherited from a caller that is always inlined
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
