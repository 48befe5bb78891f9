"""Numba's threading layer, from outside the kernels: which one, how many threads, and what may run at once."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import sys
import threading
from collections.abc import Iterator
from functools import cache

import numba
from numba.np.ufunc import parallel

from fastgd.check import whole

_one_launch = threading.Lock()


@cache
def _load_tbb() -> None:
    """Load the `tbb` package's library, which lies in the environment's lib folder, where Numba does not look."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):
        for file in importlib.metadata.distribution("tbb").files or []:
            if file.name == "libtbb.so.12":
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)


def resolve_threads(threads: object) -> int:
    """Return how many threads a call uses: as given, or as many as Numba would in the calling thread."""
    if threads is None:
        _load_tbb()  # get_num_threads starts the layer
        return int(numba.get_num_threads())
    return whole("threads", threads, minimum=1)


@contextlib.contextmanager
def parallel_launch(threads: int | None = None) -> Iterator[None]:
    """Run parallel kernels inside this: at most `threads` of them work, and the caller's own setting is kept.

    Numba's "workqueue" layer aborts the process when two threads launch at once, so there launches take turns.
    """
    _load_tbb()
    before = numba.get_num_threads()
    if threads is not None:
        numba.set_num_threads(min(threads, parallel.get_thread_count()))
    turn = _one_launch if threading_layer() == "workqueue" else contextlib.nullcontext()
    try:
        with turn:
            yield
    finally:
        numba.set_num_threads(before)


@cache
def threading_layer() -> str:
    """Return the name of Numba's threading layer, starting it if nothing has yet."""
    _load_tbb()
    numba.get_num_threads()  # starts the layer
    return str(parallel.threading_layer())
