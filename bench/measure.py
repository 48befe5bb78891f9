"""Measuring side by side: a few calls of each in turn, many times over, so that all see the same machine.

Thread pools of BLAS and OpenMP go on spinning for some 30 ms after a call, on the cores that the next wants: it cost
another library's parallel kernel 40 % just after numpy.dot. Hence a pause, and a call that is not counted, before each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastgd
from fastgd.kernels.probes import MULTIPLY_ADD, READ, probe
from fastgd.roofline import MULTIPLY_ADDS, array_bytes, last_level_cache
from fastgd.threads import parallel_launch

PAUSE = 0.04  # seconds
SHORTEST = 2e-3  # seconds of calls that are timed together
LONG = 0.1  # seconds; a call this long needs no other before it

Run = Callable[[], Any]


@dataclass
class Series:
    """Seconds of one call, round by round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """Seconds in the middle round."""
        return statistics.median(self.seconds)

    @property
    def best(self) -> float:
        """Seconds in the fastest round."""
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """Return the distance between the quartiles, relative to the median: how noisy the machine was."""
        low, high = np.percentile(self.seconds, [25, 75])
        return float(high - low) / self.median


def interleaved(runs: dict[str, Run], budget: float) -> dict[str, Series]:
    """Time each of these, in rounds that begin with another one each time, for about `budget` seconds."""
    first = {name: _after_pause(run, 1) for name, run in runs.items()}
    calls = {name: max(1, round(SHORTEST / once)) for name, once in first.items()}
    spent = sum(once * (calls[name] + (once < LONG)) + PAUSE for name, once in first.items())
    rounds = int(min(25, max(3, budget / spent)))
    names = list(runs)
    series = {name: Series([]) for name in names}
    for r in range(rounds):
        shift = r % len(names)
        for name in names[shift:] + names[:shift]:
            long = first[name] >= LONG
            seconds = first[name] if long and r == 0 else _after_pause(runs[name], calls[name], warm_up=not long)
            series[name].seconds.append(seconds)
    return series


def _after_pause(run: Run, calls: int, warm_up: bool = False) -> float:
    """Return the seconds of one of so many calls."""
    time.sleep(PAUSE)
    if warm_up:
        run()
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - begin) / calls


class Limits:
    """The roofline's probes, to be timed between the others: their best is not what the machine gave at that time."""

    def __init__(self) -> None:
        size = array_bytes(last_level_cache())
        self.a, self.b = np.full(size // 8, 1.0), np.full(size // 8, 0.5)

    def read(self, threads: int) -> Run:
        """Return the probe that reads `bytes` bytes."""
        return self._probe(READ, threads)

    @property
    def bytes(self) -> int:
        """Bytes that a read reads."""
        return int(self.a.nbytes + self.b.nbytes)

    def multiply_add(self, threads: int) -> Run:
        """Return the probe that does `flops(threads)` operations."""
        return self._probe(MULTIPLY_ADD, threads)

    def flops(self, threads: int) -> int:
        """Operations that a multiply-add probe does."""
        return 2 * MULTIPLY_ADDS * threads

    def _probe(self, kind: int, threads: int) -> Run:
        threads = fastgd.roofline(threads).threads
        results = np.empty(threads)

        def run() -> None:
            with parallel_launch(threads):
                probe(kind, self.a, self.b, 1.0, MULTIPLY_ADDS, results)

        return run
