"""How fastgd compiles: the flags, the disk cache and the dispatch, in one place.

Every kernel is decorated here and nowhere else, so that one policy holds for all of them:

- `kernel`: serial, releases the GIL, IEEE arithmetic in the order written;
- `parallel_kernel`: the same with `prange`; few, because each costs four times the compile time of a serial one;
- `flattened`, `rebuilder`: carry nested tuples into a `prange` loop, which takes one level of tuples;
- `borrowed`: arrays that are not reference-counted;
- `dispatched`: a function whose implementation is chosen by the types of its arguments, so that engine loops
  are written once for all problems and are still found in the disk cache (a jitted function as an argument is not:
  numba issues 6264, 9237);
- `REASSOCIATE`: the fast-math flags of block kernels, without `nnan` and `ninf`, which would break every finite check.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numba
from numba.core import cgutils, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.imputils import impl_ret_borrowed
from numba.core.serialize import dumps
from numba.extending import intrinsic, overload

REASSOCIATE = frozenset({"contract", "reassoc", "nsz", "arcp"})


def _hash_of_sources() -> str:
    """Return a hash of every kernel source: an edit in one file must reach callers cached from another."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


_SOURCES = _hash_of_sources()
_told = False


def _tell_uncached(reason: object) -> None:
    """Warn, once a process, that kernels will be compiled anew in each process."""
    global _told
    if not _told:
        _told = True
        warnings.warn(
            f"fastgd: compiled kernels can't be kept on disk ({reason}), so every process compiles them again; "
            "set NUMBA_CACHE_DIR to a writable folder",
            RuntimeWarning,
            stacklevel=2,
        )


class _OneFilePerSignature(IndexDataCacheFile):
    """Cache files named by a hash of their key, without Numba's index.

    The index is read, changed and written back without a lock: two processes that start on an empty cache can leave one
    naming the other's machine code. A file that can't be read, or holds another key, counts as absent.
    """

    def _name_of(self, key: object) -> str:
        return self._data_name_pattern.format(number=int(hashlib.sha256(repr(key).encode()).hexdigest()[:15], 16))

    def load(self, key):
        try:
            stored_key, data = self._load_data(self._name_of(key))
        except FileNotFoundError:
            return None
        except Exception:  # truncated, or not a pickle of this: unpickling raises nearly anything; compiled again
            return None
        return data if stored_key == repr(key) else None

    def save(self, key, data):
        self._save_data(self._name_of(key), (repr(key), data))

    def flush(self):
        for file in Path(self._cache_path).glob(self._data_name_pattern.format(number=0).replace(".0.", ".*.")):
            file.unlink(missing_ok=True)

    def _dump(self, obj):
        return dumps(obj)


class _KernelCache(FunctionCache):
    """Numba's function cache, whose key covers all kernel sources and whose disk may fail."""

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = _OneFilePerSignature(self._cache_path, self._impl.filename_base, source_stamp=None)

    def _index_key(self, sig, codegen):
        return (numba.__version__, _SOURCES, *super()._index_key(sig, codegen))

    def _save_overload(self, sig, data):
        try:
            super()._save_overload(sig, data)
        except OSError as error:
            _tell_uncached(error)


def _compile(function, **options):
    dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
    try:
        dispatcher._cache = _KernelCache(function)
    except (RuntimeError, OSError) as error:  # "no locator available", see numba issue 5566
        _tell_uncached(error)
    return dispatcher


def kernel(function):
    """Compile a serial kernel: GIL released, arithmetic in the order written, kept on disk."""
    return _compile(function)


def parallel_kernel(function):
    """Compile a kernel whose `prange` loop runs on Numba's threading layer."""
    return _compile(function, parallel=True)


def dispatched(choose=None, *, fastmath=False, parallel=False):
    """Make a function that kernels can call, implemented by what `choose(*argument types)` returns.

    `choose` returns a plain function of the same parameters. Recursive use, on a tuple one shorter each time, unrolls a
    loop over parameters for certain; a `for` over a tuple is unrolled only if LLVM finds it worth while, and is a
    hundred times slower where it does not (seen at 11, 13 and 16 elements).
    """
    if choose is None:
        return lambda choose: dispatched(choose, fastmath=fastmath, parallel=parallel)

    def stand_in(*_):
        raise TypeError(f"{choose.__name__} runs inside kernels only")

    stand_in.__name__ = stand_in.__qualname__ = choose.__name__
    stand_in.__doc__ = choose.__doc__
    stand_in.__module__ = choose.__module__
    options = {"error_model": "numpy", "fastmath": set(REASSOCIATE) if fastmath else False, "parallel": parallel}
    overload(stand_in, jit_options=options, strict=False)(choose)
    return stand_in


def dispatched_by_class(name, *, fastmath=False):
    """Make a kernel function implemented by the NamedTuple class of its first argument.

    `name.dispatch(SomeClass)` decorates a function that gets the argument types and returns the implementation.
    """
    implementations = {}

    def choose(first, *others):
        return implementations[first.instance_class](first, *others)

    choose.__name__ = choose.__qualname__ = name
    stand_in = dispatched(choose, fastmath=fastmath)

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


def _leaves(builder, numba_type, value):
    """Yield the values of a nested tuple, depth first."""
    if isinstance(numba_type, types.BaseTuple):
        for element_type, element in zip(numba_type, cgutils.unpack_tuple(builder, value), strict=True):
            yield from _leaves(builder, element_type, element)
    else:
        yield value


def _leaf_types(numba_type):
    if isinstance(numba_type, types.BaseTuple):
        return [leaf for element in numba_type for leaf in _leaf_types(element)]
    return [numba_type]


def _nested(context, builder, numba_type, leaves):
    """Return a nested tuple made of the values that `leaves` yields."""
    if isinstance(numba_type, types.BaseTuple):
        elements = [_nested(context, builder, element_type, leaves) for element_type in numba_type]
        return context.make_tuple(builder, numba_type, elements)
    return next(leaves)


@intrinsic
def flattened(typingctx, value):
    """Return the values of a nested tuple as one flat tuple."""
    flat = types.Tuple(_leaf_types(value))

    def generate(context, builder, signature, arguments):
        result = context.make_tuple(builder, flat, list(_leaves(builder, value, arguments[0])))
        return impl_ret_borrowed(context, builder, flat, result)

    return flat(value), generate


def rebuilder(nested_type):
    """Return the function that turns what `flattened` made of this type back into it."""

    @intrinsic
    def rebuild(typingctx, flat):
        def generate(context, builder, signature, arguments):
            leaves = _leaves(builder, flat, arguments[0])
            return impl_ret_borrowed(context, builder, nested_type, _nested(context, builder, nested_type, leaves))

        return nested_type(flat), generate

    return rebuild


@intrinsic
def borrowed(typingctx, value):
    """Return an array, or a nested tuple with arrays, that does not own its memory.

    Owned arrays are counted, atomically, in and out of every function they are passed to: 110 ns a step of a descent
    over 30 samples, of 130. A kernel's arguments outlive it, so it may borrow them from itself; an array that it made
    must be kept by `keep_alive`.
    """

    def unowned(context, builder, leaf_type, leaf):
        if not isinstance(leaf_type, types.Array):
            return leaf
        array = context.make_array(leaf_type)(context, builder, leaf)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()

    def generate(context, builder, signature, arguments):
        leaves = zip(_leaf_types(value), _leaves(builder, value, arguments[0]), strict=True)
        return _nested(context, builder, value, (unowned(context, builder, *leaf) for leaf in leaves))

    return value(value), generate


@intrinsic
def keep_alive(typingctx, value):
    """Keep an array from being freed before this point: Numba frees it after its last use, borrowed or not."""
    return types.void(value), lambda context, builder, signature, arguments: context.get_dummy_value()
