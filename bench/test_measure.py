"""The measuring itself: ratios round by round, rounds that all take part in, and shares of a limit."""

from __future__ import annotations

import pytest

from bench.compare import fractions
from bench.limits import ARITHMETIC, CACHE, MEMORY
from bench.measure import Call, Series, bracketed, interleaved
from fastgd.results.roofline import MULTIPLY_ADDS


def test_ratios_are_taken_round_by_round():
    ratios = Series([2.0, 60.0, 4.0]).over(Series([1.0, 20.0, 2.0]))
    assert ratios.seconds == [2.0, 3.0, 2.0]
    assert (ratios.median, ratios.best) == (2.0, 2.0)


def test_a_slow_first_call_is_not_counted(monkeypatch):
    """By a clock that only the calls move: a first one of three seconds, the others of a millisecond."""
    ends = [0.0]
    monkeypatch.setattr("bench.measure.time.perf_counter", lambda: ends[-1])

    def run() -> None:
        ends.append(ends[-1] + (3.0 if len(ends) == 1 else 1e-3))

    assert Call(run).take() == pytest.approx(1e-3)


def test_all_take_part_in_each_round():
    order: list[str] = []
    series = interleaved({name: lambda name=name: order.append(name) for name in "abc"}, budget=0.1)
    assert len({len(one.seconds) for one in series.values()}) == 1
    assert set(order) == set("abc")
    own, around = bracketed(lambda: order.append("d"), {"a": lambda: order.append("a")}, budget=0.1)
    assert len(own.seconds) == len(around["a"].seconds) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("bound", [ARITHMETIC, CACHE, MEMORY])
def test_fractions_are_of_the_limit_that_takes_longer(limits, monkeypatch, bound):
    """A work of twice a probe's operations, or bytes, that takes four times as long: half of the limit."""
    footprint = {ARITHMETIC: 1 << 20, CACHE: 1 << 20, MEMORY: limits.size}[bound]
    arithmetic, reading = limits.probes(1, footprint, 1)
    assert (arithmetic.name, reading.name) == (ARITHMETIC, MEMORY if bound == MEMORY else CACHE)
    longer = [1.0, 3.0, 1.0]
    series = {
        arithmetic: Series(longer if bound == ARITHMETIC else [0.1, 0.1, 0.1]),
        reading: Series([0.1, 0.1, 0.1] if bound == ARITHMETIC else longer),
    }
    own = [4.0, 12.0, 4.0]
    monkeypatch.setattr("bench.compare.bracketed", lambda run, probes, budget: (Series(own), series))
    monkeypatch.setattr(limits, "best", lambda probe, series: series.best)
    read = reading.size / limits.amount(reading, 0, reading.size)  # of one run
    counted = {"flops": 4 * MULTIPLY_ADDS, "bytes": 2 * read, "footprint": footprint, "threads": 1}
    found = fractions(lambda: None, counted, limits, budget=0.0)
    assert found == {"bound": bound, "fraction_of_roofline": 0.5, "fraction_of_probe": 0.5}
