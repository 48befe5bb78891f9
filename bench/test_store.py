"""What it costs to keep a sweep: its time into a store over that in memory, and the memory that a large one takes.

Each store is written anew, to the folder of temporary files: set TMPDIR to measure another disk.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastgd
from bench.measure import interleaved

GROUP = "m. stores"
CONFIGURATIONS = {"full": 10_000_000, "small": 100_000}
BUDGET = {"full": 20.0, "small": 1.0}  # seconds
LARGER = 10
STARTS = 1000
SWEEP = """
import json, sys, time
from pathlib import Path
from bench.test_store import problem, sweep

sweep(1000)  # compiled before
begin = time.perf_counter()
result = sweep(int(sys.argv[1]), sys.argv[2])
seconds = time.perf_counter() - begin
known = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
peak = int(known["VmHWM"].split()[0])  # of this program alone: ru_maxrss has its parent's too
print(json.dumps([seconds, peak, result.best.loss, result.tiles - result.tiles_finished]))
"""


def problem() -> fastgd.PolynomialFit:
    x = np.linspace(-1.0, 1.0, 1000)
    return fastgd.PolynomialFit(x, np.sin(3.0 * x) + 0.1 * np.cos(40.0 * x), 3)


def sweep(configurations: int, store: str | None = None, **how: Any) -> fastgd.SweepResult:
    """Return descents of a cubic from a thousand starts at learning rates up to the limit of stability, and beyond."""
    starts = np.random.default_rng(0).normal(size=(STARTS, 4))
    keywords = {"learning_rate": np.geomspace(1e-3, 1.0, configurations // STARTS), "theta0": starts} | how
    return fastgd.sweep(problem(), max_steps=1000, tolerance=1e-6, engine="spectral", store=store, **keywords)


@pytest.fixture
def places() -> Iterator[Iterator[str]]:
    """Yield places for stores, which are there until all was timed: to remove one takes time, too."""
    with tempfile.TemporaryDirectory() as folder:
        yield (str(Path(folder, f"{number}.zarr")) for number in itertools.count())


def test_time_over_memory(listed, size, places):
    C = CONFIGURATIONS[size]
    runs: dict[str, Any] = {"memory": lambda: sweep(C), "store": lambda: sweep(C, next(places))}
    assert runs["store"]() == runs["memory"]()
    series = interleaved(runs, BUDGET[size])
    found = {
        "case": f"cubic, spectral, {C:,} configurations",
        "store / memory": series["store"].over(series["memory"]).median,
        "ns a configuration": {name: each.median / C * 1e9 for name, each in series.items()},
    }
    listed(runs["memory"], found, series["memory"].median)


@pytest.mark.skipif(sys.platform != "linux", reason="nothing else tells the most memory that a program had")
def test_memory_and_rate_of_a_larger_one(listed, size, places):
    rates = {}
    peaks = {}
    for C in (CONFIGURATIONS[size], LARGER * CONFIGURATIONS[size]):
        store = next(places)
        run = subprocess.run(
            [sys.executable, "-c", SWEEP, str(C), store],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, peak, best, unfinished = json.loads(run.stdout)
        rates[C] = C / seconds
        peaks[C] = peak / 1024.0
        result = fastgd.open_result(store)
        assert (unfinished, result.best.loss) == (0, best)
        assert result.isel(start=[7]) == sweep(C, theta0=result.axes["start"][[7]])
    first, second = rates.values()
    found = {
        "case": f"cubic, spectral, {', '.join(f'{C:,}' for C in rates)} configurations into a store",
        "configurations/s": rates,
        "peak MB": peaks,
        "rate of the larger / the smaller": second / first,
    }
    listed(lambda: sweep(1000, next(places)), found, 1.0)
