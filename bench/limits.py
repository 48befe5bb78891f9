"""The roofline's probes, to be timed between the others: their best is not what the machine gave at that time."""

from __future__ import annotations

import numpy as np

import fastgd
from bench.measure import Run, Series
from fastgd.kernels.probes import MULTIPLY_ADD, READ, probe
from fastgd.kernels.threads import parallel_launch
from fastgd.results.roofline import MULTIPLY_ADDS, array_bytes, last_level_cache

ARITHMETIC, MEMORY = "arithmetic", "memory"


class Limits:
    """What a work's arithmetic, and reading its samples, would take alone."""

    def __init__(self) -> None:
        size = array_bytes(last_level_cache())
        self.a, self.b = np.full(size // 8, 1.0), np.full(size // 8, 0.5)
        self.fastest: dict[tuple[str, int], float] = {}  # seconds of a probe: the best that was seen in all rounds

    def probes(self, flops: int, streams: bool, threads: int) -> dict[str, Run]:
        """Return the probes of what may limit a work."""
        kinds = {ARITHMETIC: flops > 0, MEMORY: streams}
        return {name: self.probe(name, threads) for name, limits in kinds.items() if limits}

    def amount(self, name: str, flops: int, read: int, threads: int) -> float:
        """Return how many of a probe's runs hold as many operations, or bytes."""
        if name == MEMORY:
            return float(read) / (self.a.nbytes + self.b.nbytes)
        return flops / (2.0 * MULTIPLY_ADDS * threads)

    def best(self, name: str, threads: int, series: Series) -> float:
        """Return the least seconds of a probe, in this series, the roofline and whatever was seen before."""
        limit = fastgd.roofline(threads)
        by_roofline = {
            ARITHMETIC: 2.0 * MULTIPLY_ADDS * threads / limit.fma_peak / 1e9,
            MEMORY: (self.a.nbytes + self.b.nbytes) / limit.read_bandwidth / 1e9,
        }
        known = self.fastest.get((name, threads), by_roofline[name])
        self.fastest[name, threads] = min(known, series.best)
        return self.fastest[name, threads]

    def seen(self, threads: int) -> dict[str, float]:
        """Return the highest limits of a run so far, named as the roofline names them: GB/s, and GFLOP/s in float64."""
        amounts = {MEMORY: float(self.a.nbytes + self.b.nbytes), ARITHMETIC: 2.0 * MULTIPLY_ADDS * threads}
        names = {MEMORY: "read_bandwidth", ARITHMETIC: "fma_peak"}
        return {
            names[name]: amounts[name] / seconds / 1e9
            for (name, count), seconds in self.fastest.items()
            if count == threads
        }

    def probe(self, name: str, threads: int) -> Run:
        """Return a probe's run."""
        kind = {ARITHMETIC: MULTIPLY_ADD, MEMORY: READ}[name]
        threads = fastgd.roofline(threads).threads
        results = np.empty(threads)

        def run() -> None:
            with parallel_launch(threads):
                probe(kind, self.a, self.b, 1.0, MULTIPLY_ADDS, results)

        return run
