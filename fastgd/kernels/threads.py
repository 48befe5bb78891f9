"""Numba's threading layer, from outside the kernels: which one, how many threads, and what may run at once.

Of the layers "tbb" survives both threads and forks, but not a fork while another thread launches. With "workqueue"
launches must take turns. GNU's "omp" ends a process that launches after it was forked from one that had. A child that
can't launch works on the calling thread, to the same bits.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import sys
import threading
from collections.abc import Iterator
from functools import cache

import numba
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

MOST_THREADS = 1024  # that a call starts, however many it was given

_turn = threading.Lock()  # to launch, on the workqueue layer
_launches = threading.RLock()  # held while their number changes, and during a fork
_launching = 0  # launches at work in all threads
_threads_lost = False  # this process was forked from one whose threads it does not have


def _before_fork() -> None:
    global_compiler_lock.acquire()  # a thread that compiles would leave it locked in the child for ever
    _launches.acquire()


def _after_fork_in_parent() -> None:
    _launches.release()
    global_compiler_lock.release()


def _after_fork_in_child() -> None:
    global _turn, _launching, _threads_lost
    _turn = threading.Lock()  # another thread may have held it
    with contextlib.suppress(ValueError):  # no layer was started
        _threads_lost = _threads_lost or _launching > 0 or parallel.threading_layer() != "tbb"
    _launching = 0
    _after_fork_in_parent()


def _count_launch(change: int) -> None:
    global _launching
    with _launches:
        _launching += change


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def can_launch() -> bool:
    """Tell whether parallel kernels can run in this process."""
    return not _threads_lost


@cache
def _load_tbb() -> None:
    """Load the `tbb` package's library, which lies in the environment's lib folder, where Numba does not look."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):
        for file in importlib.metadata.distribution("tbb").files or []:
            if file.name == "libtbb.so.12":
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)


def resolve_threads(threads: int | None) -> int:
    """Return how many threads a call uses: as given, or as many as Numba would in the calling thread. Unchecked."""
    if threads is None:
        _load_tbb()  # get_num_threads starts the layer
        return int(numba.get_num_threads())
    return min(threads, MOST_THREADS)


@contextlib.contextmanager
def limited_to(threads: int | None) -> Iterator[None]:
    """Let launches and passes inside this use at most `threads` threads; the caller's own setting is kept."""
    _load_tbb()
    before = numba.get_num_threads()
    try:
        if threads is not None:
            numba.set_num_threads(min(threads, parallel.get_thread_count()))
        yield
    finally:
        numba.set_num_threads(before)


@contextlib.contextmanager
def parallel_launch(threads: int | None = None) -> Iterator[None]:
    """Run parallel kernels inside this: at most `threads` of them work, and the caller's own setting is kept.

    Numba's "workqueue" layer aborts the process when two threads launch at once, so there launches take turns.
    """
    if not can_launch():
        raise RuntimeError(
            f"this process was forked after Numba's {parallel.threading_layer()!r} threads had started, and can't use "
            "them; start processes by 'spawn' or 'forkserver', or install the package tbb"
        )
    turn = _turn if threading_layer() == "workqueue" else contextlib.nullcontext()
    _count_launch(1)
    try:
        with limited_to(threads), turn:
            yield
    finally:
        _count_launch(-1)


@cache
def threading_layer() -> str:
    """Return the name of Numba's threading layer, starting it if nothing has yet."""
    _load_tbb()
    numba.get_num_threads()  # starts the layer
    return str(parallel.threading_layer())
