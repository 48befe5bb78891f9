"""The machine's limits, measured: how fast memory and caches can be read, and how fast multiply-adds can be done.

A kernel can be no faster than its arithmetic at the FMA peak, nor than reading its samples from where they lie. The
probes themselves stand in `kernels.probes`, and what they found is kept on disk by `limits_on_disk`.
"""

from __future__ import annotations

import math
import os
import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import whole
from fastgd.results import limits_on_disk
from fastgd.results.limits import Roofline
from fastgd.text import counted

USUAL_CACHE = 32 << 20  # bytes, where the system does not tell
CACHES = 4  # each of the two arrays is so many times the last-level cache: what a pass leaves there is gone in the next
LARGEST_ARRAY = 512 << 20  # bytes
MEMORY_SHARE = 16  # one array takes at most a sixteenth of the memory
SMALLEST_READ = 32 << 10  # bytes a thread; four times as many in each next probe of caches
READ_AT_LEAST = 32 << 20  # bytes a thread and repetition: 0.1 ms at 300 GB/s
MULTIPLY_ADDS = 3 << 25  # a thread and repetition: 1.5 ms at 65 a ns, of which a launch takes 7 microseconds
SECONDS = 0.5  # of repetitions of all probes together
REPETITIONS = 5  # at least

MEASURING = "fastgd: measuring, once on this machine, how fast it is with {}: some two seconds"

_LIMITS = (  # of a container: the memory that it may have, and what it has taken
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)

_one_at_a_time = threading.Lock()
_measured: dict[int, Roofline] = {}


def roofline(threads: int | None = None) -> Roofline:
    """Return the machine's read bandwidths and FMA peak, measured once for a number of threads and kept on disk.

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
    Bandwidth is that of a dot product (Williams, Waterman and Patterson 2009 draw both limits as a roofline). What was
    measured is kept beside the compiled kernels, for this processor, number of threads and version, and read from there
    by later processes; the command `fastgd roofline` measures again, and keeps the best that was ever seen.

    Examples
    --------
    >>> import fastgd
    >>> limit = fastgd.roofline(threads=1)
    >>> print(limit)
    read bandwidth     ... GB/s     two arrays of ... MiB, cache ... MiB
    ...
    FMA peak, float64  ... GFLOP/s  ... operations a byte
    FMA peak, float32  ... GFLOP/s
    on 1 thread (...), measured in ... s
    """
    if threads is not None:
        whole("threads", threads, minimum=1)
    return _limits(threads)


def measured_again(threads: int | None) -> Roofline:
    """Measure, keep and return the best that was seen of each limit."""
    return _limits(threads, again=True)


def known_limits(threads: int) -> Roofline:
    """Return the machine's limits; where they must be measured first, say so on standard error."""
    return _limits(threads, told=True)


def _limits(threads: int | None, again: bool = False, told: bool = False) -> Roofline:
    from numba.np.ufunc.parallel import get_thread_count

    from fastgd.kernels.threads import resolve_threads

    count = min(resolve_threads(threads), get_thread_count())
    with _one_at_a_time:  # two measurements at once would each find half
        if count not in _measured or again:
            _measured[count] = _kept_or_measured(count, again, told)
        return _measured[count]


def _kept_or_measured(threads: int, again: bool, told: bool) -> Roofline:
    machine = _machine(threads)
    kept = limits_on_disk.read(machine)
    if kept is not None and not again:
        return kept
    if told and sys.stderr is not None:
        print(MEASURING.format(counted(threads, "thread")), file=sys.stderr)
    measured = _measure(threads)
    best = measured if kept is None else _best(measured, kept)
    limits_on_disk.write(best, machine)
    return best


def _machine(threads: int) -> dict[str, Any]:
    cache = last_level_cache()
    return {"threads": threads, "cache": cache, "array": array_bytes(cache)}


def _best(new: Roofline, old: Roofline) -> Roofline:
    """Return the new one, with what the old one had better."""
    names = ("read_bandwidth", "fma_peak", "fma_peak_float32")
    before = dict(old.read_bandwidths)
    pairs = tuple((size, max(rate, before.get(size, 0.0))) for size, rate in new.read_bandwidths)
    return replace(new, read_bandwidths=pairs, **{name: max(getattr(new, name), getattr(old, name)) for name in names})


def _measure(threads: int) -> Roofline:
    begin = time.perf_counter()
    from fastgd.kernels.probes import FILL, MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32, READ, probe
    from fastgd.kernels.threads import parallel_launch, threading_layer

    cache = last_level_cache()
    a, b = (_aligned(array_bytes(cache) // 8) for _ in range(2))
    whole_arrays = a.nbytes + b.nbytes
    sizes = [*read_sizes(threads, whole_arrays), whole_arrays]
    results = np.empty(threads)
    best: dict[int, float] = {}  # seconds of a multiply-add probe, or of reading so many bytes once

    def run(kind: int, elements: int, count: int) -> float:
        start = time.perf_counter()
        probe(kind, a[:elements], b[:elements], 1.0, count, results)
        return time.perf_counter() - start

    def keep(key: int, seconds: float) -> None:
        best[key] = min(seconds, best.get(key, np.inf))

    with parallel_launch(threads):
        run(FILL, 0, 0)  # compiles
        run(FILL, a.size, 0)  # pages come into being where the thread runs that will read them
        until = time.perf_counter() + SECONDS
        repetition = 0
        while repetition < REPETITIONS or time.perf_counter() < until:
            for size in sizes:
                passes = max(1, READ_AT_LEAST * threads // size)
                keep(size, run(READ, size // 16, passes) / passes)
            for kind in (MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32):
                keep(-kind, run(kind, 0, MULTIPLY_ADDS))
            repetition += 1
    flops = 2.0 * MULTIPLY_ADDS * threads
    rates = np.maximum.accumulate([size / best[size] / 1e9 for size in sizes[::-1]])[::-1]  # never faster for more
    return Roofline(
        read_bandwidth=float(rates[-1]),
        fma_peak=flops / best[-MULTIPLY_ADD] / 1e9,
        fma_peak_float32=flops / best[-MULTIPLY_ADD_FLOAT32] / 1e9,
        threads=threads,
        threading_layer=threading_layer(),
        cache_bytes=cache,
        array_bytes=a.nbytes,
        seconds=time.perf_counter() - begin,
        read_bandwidths=tuple(zip(sizes, rates.tolist(), strict=True)),
    )


def read_sizes(threads: int, most: int) -> list[int]:
    """Return the bytes that the probes of caches read, less than `most`."""
    sizes = [SMALLEST_READ * threads]
    while 4 * sizes[-1] < most:
        sizes.append(4 * sizes[-1])
    return sizes


def _aligned(count: int) -> NDArray[np.float64]:
    """Return an uninitialised array that begins where a cache line does."""
    memory = np.empty(count + 8)
    return memory[-(memory.ctypes.data // 8) % 8 :][:count]


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
