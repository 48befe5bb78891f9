"""The machine's limits, measured: how fast memory can be read, and how fast multiply-adds can be done.

A kernel can be no faster than its arithmetic at the FMA peak, nor than reading its samples where they come from memory.
The probes themselves stand in `kernels.probes`.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastgd.check import whole

USUAL_CACHE = 32 << 20  # bytes, where the system does not tell
CACHES = 4  # each of the two arrays is so many times the last-level cache: what a pass leaves there is gone in the next
LARGEST_ARRAY = 512 << 20  # bytes
MEMORY_SHARE = 16  # one array takes at most a sixteenth of the memory
MULTIPLY_ADDS = 3 << 25  # a thread and repetition: 1.5 ms at 65 a ns, of which a launch takes 7 microseconds
SECONDS = 0.5  # of repetitions of all probes together
REPETITIONS = 5  # at least

_LIMITS = (  # of a container: the memory that it may have, and what it has taken
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)

_one_at_a_time = threading.Lock()
_measured: dict[int, Roofline] = {}


@dataclass(frozen=True)
class Roofline:
    """What the machine can do with a number of threads.

    Attributes
    ----------
    read_bandwidth : float
        10^9 bytes read from memory a second (GB/s).
    fma_peak, fma_peak_float32 : float
        10^9 floating point operations a second (GFLOP/s), float64 and float32; a multiply-add is two.
    threads : int
        Threads that worked.
    threading_layer : str
        Numba's threading layer.
    cache_bytes, array_bytes : int
        The last-level cache, and each of the two arrays that were read.
    seconds : float
        Taken by the measurement.
    """

    read_bandwidth: float
    fma_peak: float
    fma_peak_float32: float
    threads: int
    threading_layer: str
    cache_bytes: int
    array_bytes: int
    seconds: float

    @property
    def balance(self) -> float:
        """Float64 operations in the time of reading a byte: work with fewer a byte is limited by memory."""
        return self.fma_peak / self.read_bandwidth

    def __str__(self) -> str:
        arrays = f"two arrays of {self.array_bytes / 2**20:,.0f} MiB, cache {self.cache_bytes / 2**20:,.0f} MiB"
        return "\n".join(
            [
                f"read bandwidth     {self.read_bandwidth:>9,.1f} GB/s     {arrays}",
                f"FMA peak, float64  {self.fma_peak:>9,.1f} GFLOP/s  {self.balance:.1f} operations a byte",
                f"FMA peak, float32  {self.fma_peak_float32:>9,.1f} GFLOP/s",
                f"on {self.threads} thread{'s' * (self.threads > 1)} ({self.threading_layer}), "
                f"measured in {self.seconds:.2f} s",
            ]
        )


def roofline(threads: int | None = None) -> Roofline:
    """Measure the machine's read bandwidth and FMA peak, once a process and number of threads.

    Parameters
    ----------
    threads : int, optional
        Threads to use, at most as many as Numba started; as many as Numba would by default.

    Returns
    -------
    Roofline
        The best of many short repetitions: what other processes take is not seen as the machine's limit.

    Raises
    ------
    ValueError, TypeError
        If threads is not a whole number of at least 1.

    Notes
    -----
    Bandwidth is that of a dot product (Williams, Waterman and Patterson 2009 draw both limits as a roofline).

    Examples
    --------
    >>> import fastgd
    >>> limit = fastgd.roofline(threads=1)
    >>> print(limit)
    read bandwidth     ... GB/s     two arrays of ... MiB, cache ... MiB
    FMA peak, float64  ... GFLOP/s  ... operations a byte
    FMA peak, float32  ... GFLOP/s
    on 1 thread (...), measured in ... s
    """
    if threads is not None:
        whole("threads", threads, minimum=1)
    from numba.np.ufunc.parallel import get_thread_count

    from fastgd.kernels.threads import resolve_threads

    count = min(resolve_threads(threads), get_thread_count())
    with _one_at_a_time:  # two measurements at once would each find half
        if count not in _measured:
            _measured[count] = _measure(count)
        return _measured[count]


def _measure(threads: int) -> Roofline:
    begin = time.perf_counter()
    from fastgd.kernels.probes import FILL, MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32, READ, probe
    from fastgd.kernels.threads import parallel_launch, threading_layer

    cache = last_level_cache()
    size = array_bytes(cache)
    a = np.empty(size // 8)
    b = np.empty(size // 8)
    results = np.empty(threads)
    best: dict[int, float] = {}

    def run(kind: int, first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        start = time.perf_counter()
        probe(kind, first, second, 1.0, MULTIPLY_ADDS, results)
        return time.perf_counter() - start

    with parallel_launch(threads):
        run(FILL, a[:0], b[:0])  # compiles
        run(FILL, a, b)  # pages come into being where the thread runs that will read them
        until = time.perf_counter() + SECONDS
        repetition = 0
        while repetition < REPETITIONS or time.perf_counter() < until:
            for kind in (READ, MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32):
                best[kind] = min(run(kind, a, b), best.get(kind, np.inf))
            repetition += 1
    flops = 2.0 * MULTIPLY_ADDS * threads
    return Roofline(
        read_bandwidth=(a.nbytes + b.nbytes) / best[READ] / 1e9,
        fma_peak=flops / best[MULTIPLY_ADD] / 1e9,
        fma_peak_float32=flops / best[MULTIPLY_ADD_FLOAT32] / 1e9,
        threads=threads,
        threading_layer=threading_layer(),
        cache_bytes=cache,
        array_bytes=a.nbytes,
        seconds=time.perf_counter() - begin,
    )


def array_bytes(cache: int) -> int:
    """Return the bytes of an array that a cache of this size can't keep, within what the machine's memory allows."""
    memory = int(min(_memory_of_machine(4 << 30), _number(_LIMITS[0][0])))
    return max(1 << 20, min(CACHES * cache, LARGEST_ARRAY, memory // MEMORY_SHARE)) // 64 * 64


def last_level_cache(system: Path = Path("/sys/devices/system/cpu"), processors: set[int] | None = None) -> int:
    """Return the bytes of all last-level caches of these processors, by default those that this process may use."""
    found: dict[tuple[int, str], int] = {}
    for processor in _processors() if processors is None else processors:
        for index in system.glob(f"cpu{processor}/cache/index*"):
            try:
                level = int((index / "level").read_text())
                shared_by = (index / "shared_cpu_list").read_text().strip()
                size = re.fullmatch(r"(\d+)([KMG]?)", (index / "size").read_text().strip())
            except (OSError, ValueError):
                continue
            if size is not None:
                found[level, shared_by] = int(size[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[size[2]]
    last = max((level for level, _ in found), default=0)
    return sum(size for (level, _), size in found.items() if level == last) or USUAL_CACHE


def _processors() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def available_memory() -> float:
    """Return the bytes that this process may still take, infinity where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        free = _memory_of_machine(math.inf)
    return min(free, *(_number(limit) - _number(taken, 0.0) for limit, taken in _LIMITS))


def _memory_of_machine(otherwise: float) -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return otherwise


def _number(path: str, otherwise: float = math.inf) -> float:
    """Return the number in a file, or what stands for none: there is no such file, or it says max."""
    try:
        return float(Path(path).read_text())
    except (OSError, ValueError):
        return otherwise
