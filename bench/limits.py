"""The roofline's probes, to be timed between the others: their best is not what the machine gave at that time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import fastgd
from bench.measure import Run, Series
from fastgd.kernels.probes import MULTIPLY_ADD, READ, probe
from fastgd.kernels.threads import parallel_launch
from fastgd.results.roofline import MULTIPLY_ADDS, READ_AT_LEAST, array_bytes, last_level_cache

ARITHMETIC, CACHE, MEMORY = "arithmetic", "cache", "memory"


class Probe(NamedTuple):
    """One of the limits: that of arithmetic, or of reading so many bytes again and again."""

    name: str
    threads: int
    size: int = 0  # bytes


class Limits:
    """What a work's arithmetic, and reading its samples, would take alone."""

    def __init__(self) -> None:
        size = array_bytes(last_level_cache())
        self.a, self.b = np.full(size // 8, 1.0), np.full(size // 8, 0.5)
        self.fastest: dict[Probe, float] = {}  # seconds of a probe: the best that was seen in all rounds

    @property
    def size(self) -> int:
        """Bytes of both arrays."""
        return int(self.a.nbytes + self.b.nbytes)

    def probes(self, flops: int, footprint: int, threads: int) -> dict[Probe, Run]:
        """Return the probes of what may limit a work."""
        some = [Probe(ARITHMETIC, threads)] if flops else []
        if footprint > last_level_cache():
            some.append(self.memory(threads))
        elif footprint:
            some.append(Probe(CACHE, threads, max(footprint, 16 * threads)))
        return {one: self.run_of(one) for one in some}

    def memory(self, threads: int) -> Probe:
        """Return the probe of reading what no cache holds."""
        return Probe(MEMORY, threads, self.size)

    def amount(self, one: Probe, flops: int, read: int) -> float:
        """Return how many of a probe's runs hold as many operations, or bytes."""
        if one.name == ARITHMETIC:
            return flops / (2.0 * MULTIPLY_ADDS * one.threads)
        return float(read) / (one.size * _passes(one))

    def best(self, one: Probe, series: Series) -> float:
        """Return the least seconds of a probe, in this series, the roofline and whatever was seen before."""
        limit = fastgd.roofline(one.threads)
        if one.name == ARITHMETIC:
            by_roofline = 2.0 * MULTIPLY_ADDS * one.threads / limit.fma_peak / 1e9
        else:
            by_roofline = one.size * _passes(one) / limit.bandwidth(one.size) / 1e9
        self.fastest[one] = min(self.fastest.get(one, by_roofline), series.best)
        return self.fastest[one]

    def seen(self, threads: int) -> dict[str, float]:
        """Return the highest limits of a run so far, named as the roofline names them: GB/s, and GFLOP/s in float64."""
        memory = self.memory(threads)
        amounts = {
            Probe(ARITHMETIC, threads): 2.0 * MULTIPLY_ADDS * threads,
            memory: float(memory.size * _passes(memory)),
        }
        names = {ARITHMETIC: "fma_peak", MEMORY: "read_bandwidth"}
        return {
            names[one.name]: amount / self.fastest[one] / 1e9 for one, amount in amounts.items() if one in self.fastest
        }

    def run_of(self, one: Probe) -> Run:
        """Return a probe's run."""
        kind, count = (MULTIPLY_ADD, MULTIPLY_ADDS) if one.name == ARITHMETIC else (READ, _passes(one))
        results = np.empty(fastgd.roofline(one.threads).threads)
        a, b = self.a[: one.size // 16], self.b[: one.size // 16]

        def run() -> None:
            with parallel_launch(one.threads):
                probe(kind, a, b, 1.0, count, results)

        return run


def _passes(one: Probe) -> int:
    return max(1, READ_AT_LEAST * one.threads // one.size)
