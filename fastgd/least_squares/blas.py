"""NumPy's linear algebra on one thread, so that its bits do not depend on how many it may use.

OpenBLAS, which NumPy's wheels bring, splits larger products among its threads and rounds otherwise for every number of
them, and joblib or dask set that number. A NumPy with another library has no such switch here: its bits may then depend
on its threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache

_PREFIXES, _SUFFIXES = ("scipy_openblas_", "openblas_"), ("64_", "_64", "")

_lock = threading.Lock()
_inside = 0  # calls of this process that want one thread
_before = 1  # threads to go back to


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy's linear algebra run on one thread inside this, in whatever thread of Python."""
    global _inside, _before
    switch = _switch()
    if switch is None:
        yield
        return
    get, set_to = switch
    with _lock:
        if _inside == 0:
            _before = get()
            set_to(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                set_to(_before)


@cache
def _switch() -> tuple[Callable[[], int], Callable[[int], object]] | None:
    """Return the functions that get and set the number of threads of NumPy's own OpenBLAS, None if it has none."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):
        for file in importlib.metadata.distribution("numpy").files or []:
            if "openblas" not in file.name:
                continue
            library = ctypes.CDLL(str(file.locate()))  # NumPy has loaded it: this is the same one
            for name in (f"{prefix}{{}}_num_threads{suffix}" for prefix in _PREFIXES for suffix in _SUFFIXES):
                if hasattr(library, name.format("set")):
                    get, set_to = library[name.format("get")], library[name.format("set")]
                    get.restype, set_to.argtypes, set_to.restype = ctypes.c_int, [ctypes.c_int], None
                    return get, set_to
    return None


def _after_fork_in_child() -> None:
    global _lock, _inside
    _lock = threading.Lock()  # another thread may have held it
    if _inside:
        _inside = 0
        switch = _switch()
        if switch is not None:
            switch[1](_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
