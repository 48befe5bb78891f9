"""Compiled kernels on disk: one file a signature, found by later processes, never stale; no obstacle if it fails."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.serialize import dumps


def _hash_of_sources() -> str:
    """Return a hash of every source that kernels are made of: an edit in one must reach callers cached from another."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    rooms = (source for room in ("descent", "kernels") for source in (package / room).rglob("*.py"))
    for source in sorted([*rooms, package / "problems" / "losses.py"]):
        digest.update(source.relative_to(package).as_posix().encode() + source.read_bytes())
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
    """Numba's function cache, whose key covers all kernel sources and whose disk may fail.

    `variant` tells apart what one function is compiled as: Numba would hash what its closure holds, and a compiled
    function held there has another hash in every process.
    """

    def __init__(self, function, variant):
        super().__init__(function)
        self._variant = variant
        self._cache_file = _OneFilePerSignature(self._cache_path, self._impl.filename_base, source_stamp=None)

    def _index_key(self, sig, codegen):
        return numba.__version__, _SOURCES, self._variant, sig, codegen.magic_tuple()

    def _save_overload(self, sig, data):
        try:
            super()._save_overload(sig, data)
        except OSError as error:
            _tell_uncached(error)


def keep_on_disk(compiled, function, variant=""):
    """Give a dispatcher or a C function of Numba's the disk cache; where there is none, tell so."""
    try:
        compiled._cache = _KernelCache(function, variant)
    except (RuntimeError, OSError) as error:  # "no locator available", see numba issue 5566
        _tell_uncached(error)
