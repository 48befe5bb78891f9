"""The machine's limits, as they were measured, and which of them limits a piece of work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Bound(NamedTuple):
    """What limits a piece of work."""

    name: str  # "arithmetic", "cache" or "memory"
    seconds: float  # that the work takes at this limit
    limit: str  # the limit, to be printed


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
    read_bandwidths : tuple of (int, float)
        Bytes that all threads read again and again, and 10^9 bytes read a second: from the fastest cache to memory.
    """

    read_bandwidth: float
    fma_peak: float
    fma_peak_float32: float
    threads: int
    threading_layer: str
    cache_bytes: int
    array_bytes: int
    seconds: float
    read_bandwidths: tuple[tuple[int, float], ...] = ()

    def bandwidth(self, footprint: int) -> float:
        """Return 10^9 bytes read a second where so many are read again and again."""
        sizes, rates = zip(*(self.read_bandwidths or [(1, self.read_bandwidth)]), strict=True)
        return float(np.interp(math.log(max(1, footprint)), np.log(sizes), rates))

    def bound(self, flops: int, read: int, footprint: int) -> Bound:
        """Return what takes longer: so many operations, or reading so many bytes, of a footprint again and again."""
        level = "memory" if footprint > self.cache_bytes else "cache"
        bandwidth = self.bandwidth(footprint)
        return max(
            Bound("arithmetic", flops / self.fma_peak / 1e9, f"{self.fma_peak:,.1f} GFLOP/s"),
            Bound(level, read / bandwidth / 1e9, f"{bandwidth:,.1f} GB/s"),
            key=lambda bound: bound.seconds,
        )

    @property
    def balance(self) -> float:
        """Float64 operations in the time of reading a byte: work with fewer a byte is limited by memory."""
        return self.fma_peak / self.read_bandwidth

    def __str__(self) -> str:
        arrays = f"two arrays of {self.array_bytes / 2**20:,.0f} MiB, cache {self.cache_bytes / 2**20:,.0f} MiB"
        cached = [(size, rate) for size, rate in self.read_bandwidths if size <= self.cache_bytes]
        return "\n".join(
            [
                f"read bandwidth     {self.read_bandwidth:>9,.1f} GB/s     {arrays}",
                *(f"  of {_binary(size):<8}      {rate:>9,.1f} GB/s" for size, rate in cached),
                f"FMA peak, float64  {self.fma_peak:>9,.1f} GFLOP/s  {self.balance:.1f} operations a byte",
                f"FMA peak, float32  {self.fma_peak_float32:>9,.1f} GFLOP/s",
                f"on {self.threads} thread{'s' * (self.threads > 1)} ({self.threading_layer}), "
                f"measured in {self.seconds:.2f} s",
            ]
        )


def _binary(size: int) -> str:
    return f"{size >> 20:,} MiB" if size >= 1 << 20 else f"{size >> 10:,} KiB"
