"""Measuring side by side: a few calls of each in turn, many times over, so that all see the same machine.

Thread pools of BLAS and OpenMP go on spinning after a call, OpenBLAS for 100 ms, on the cores that the next wants.
Hence a pause before each, until no thread of the process computes. Threads that were asleep are slower at first, and
may share one core until the system moves them. Hence calls that are not counted, until one is about as fast as the
fastest so far.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TICK = 0.01  # seconds, in which a process at rest computes less than a tenth of them
LONGEST_PAUSE = 0.2  # seconds
SHORTEST = 2e-3  # seconds of calls that are timed together
LONG = 0.1  # seconds; a call this long needs no other before it
SETTLED = 1.5  # times the fastest call so far
PATIENCE = 0.05  # seconds, until calls are counted though none was that fast
MOST, LEAST, FEWEST = 25, 3, 2  # rounds; the fewest where one takes longer than ROUND seconds
ROUND = 3.0
LEAST_BRACKETED = 5  # rounds

Run = Callable[[], Any]


@dataclass
class Series:
    """Seconds of one call, round by round."""

    seconds: list[float] = field(default_factory=list)

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

    def over(self, other: Series) -> Series:
        """Return the ratios to another series, round by round: what the machine did in a round is in both."""
        return Series([mine / its for mine, its in zip(self.seconds, other.seconds, strict=True)])


class Call:
    """A function that is timed again and again."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.fastest = self._once()
        if self.fastest < LONG:
            until = time.perf_counter() + PATIENCE
            while time.perf_counter() < until:
                self._once()

    @property
    def calls(self) -> int:
        """Calls that are timed together."""
        return max(1, round(SHORTEST / self.fastest))

    @property
    def round_seconds(self) -> float:
        """Seconds that `take` takes."""
        return self.fastest * (self.calls + (self.fastest < LONG))

    def take(self) -> float:
        """Return the seconds of one of `calls` calls."""
        if self.fastest < LONG:
            until = time.perf_counter() + PATIENCE
            while self._once() > SETTLED * self.fastest and time.perf_counter() < until:
                pass
        calls, begin = self.calls, time.perf_counter()
        for _ in range(calls):
            self.run()
        return (time.perf_counter() - begin) / calls

    def _once(self) -> float:
        begin = time.perf_counter()
        self.run()
        seconds = time.perf_counter() - begin
        self.fastest = min(seconds, getattr(self, "fastest", seconds))
        return seconds


def rest() -> None:
    """Sleep until no thread of this process computes any more."""
    until = time.perf_counter() + LONGEST_PAUSE
    while time.perf_counter() < until:
        computed = time.process_time()
        time.sleep(TICK)
        if time.process_time() - computed < TICK / 10:
            return


def interleaved(runs: dict[str, Run], budget: float) -> dict[str, Series]:
    """Time each of these, in rounds that begin with another one each time, for about `budget` seconds."""
    calls = {}
    for name, run in runs.items():
        rest()
        calls[name] = Call(run)
    spent = sum(call.round_seconds + TICK for call in calls.values())
    rounds = int(min(MOST, max(LEAST if spent < ROUND else FEWEST, budget / spent)))
    names = list(runs)
    series = {name: Series() for name in names}
    for r in range(rounds):
        shift = r % len(names)
        for name in names[shift:] + names[:shift]:
            first_is_enough = r == 0 and calls[name].fastest >= LONG
            if not first_is_enough:
                rest()
            series[name].seconds.append(calls[name].fastest if first_is_enough else calls[name].take())
    return series


def bracketed(run: Run, probes: dict[str, Run], budget: float) -> tuple[Series, dict[str, Series]]:
    """Time a call for about `budget` seconds, and the probes between: of these the mean just before and just after.

    A machine that is now fast and now slow, for longer than a call, is so for a call and its probes alike.
    """
    rest()
    probing = {name: Call(probe) for name, probe in probes.items()}
    before = {name: probe.take() for name, probe in probing.items()}
    call = Call(run)
    spent = call.round_seconds + sum(probe.round_seconds for probe in probing.values())
    rounds = int(min(MOST, max(LEAST_BRACKETED, budget / spent)))
    own, around = Series(), {name: Series() for name in probes}
    for _ in range(rounds):
        own.seconds.append(call.take())
        after = {name: probe.take() for name, probe in probing.items()}
        for name in probes:
            around[name].seconds.append((before[name] + after[name]) / 2.0)
        before = after
    return own, around
