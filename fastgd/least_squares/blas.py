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
from typing import NamedTuple

_PREFIXES = "scipy_openblas_", "openblas_"
_SUFFIXES = "64_", "_64", ""

_lock = threading.Lock()
_inside = 0  # calls of this process that want one thread
_before = 1  # threads to go back to


class _Switch(NamedTuple):
    """What tells and sets the number of threads."""

    get: Callable[[], int]
    set_to: Callable[[int], object]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy's linear algebra run on one thread inside this, in whatever thread of Python."""
    global _inside, _before
    switch = _switch()
    if switch is None:
        yield
        return
    with _lock:
        if _inside == 0:
            _before = switch.get()
            switch.set_to(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                switch.set_to(_before)


@cache
def _switch() -> _Switch | None:
    """Return the functions that get and set the number of threads of NumPy's own OpenBLAS, None if it has none."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):
        for file in importlib.metadata.distribution("numpy").files or []:
            if "openblas" not in file.name:
                continue
            library = ctypes.CDLL(str(file.locate()))  # NumPy has loaded it: this is the same one
            for name in (f"{prefix}{{}}_num_threads{suffix}" for prefix in _PREFIXES for suffix in _SUFFIXES):
                if hasattr(library, name.format("set")):
                    get = library[name.format("get")]
                    get.restype = ctypes.c_int
                    set_to = library[name.format("set")]
                    set_to.argtypes = [ctypes.c_int]
                    set_to.restype = None
                    return _Switch(get, set_to)
    return None


def _after_fork_in_child() -> None:
    global _lock, _inside
    _lock = threading.Lock()  # another thread may have held it
    if _inside and (switch := _switch()) is not None:
        _inside = 0
        switch.set_to(_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
