"""Memory: a large grid costs bytes, not kilobytes, a configuration; what would not fit is refused; nothing leaks."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import fastgd
from fastgd.results import roofline
from fastgd.sweeps.asked import LARGEST_TRAJECTORY
from tests.tools.processes import run

BYTES = 200  # a configuration

GRID = """
import resource, sys
import numpy as np, fastgd

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

problem = fastgd.examples.sine()
how = {"engine": sys.argv[1], "max_steps": int(sys.argv[2]), "tolerance": 1e-9}
fastgd.sweep(problem, learning_rate=np.geomspace(1e-9, 1e-6, 20_000), **how)  # compiled, threads started
before = peak()
result = fastgd.sweep(problem, learning_rate=np.geomspace(1e-9, 1e-6, 1_000_000), **how)
assert result.best.loss == result.loss.min()
str(result)
print((peak() - before) / result.status.size)
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(("engine", "steps"), [("samples", "0"), ("moments", "5"), ("spectral", "2000")])
def test_a_million_configurations(engine, steps):
    assert float(run(GRID, engine, steps)) < BYTES


def test_a_trajectory_that_would_not_fit_is_refused_before_it_is_allocated():
    problem = fastgd.PolynomialFit(np.arange(5.0), np.arange(5.0), 3)
    K = LARGEST_TRAJECTORY // (1000 * (4 + 1) * 8)
    how = {"learning_rate": np.geomspace(1e-9, 1e-6, 1000), "record_every": 1}
    with pytest.raises(
        ValueError, match=r"^record_every=1 would record .* GiB \(at most 1\); raise it, or set it to None"
    ):
        fastgd.sweep(problem, max_steps=K, **how)
    with pytest.raises(ValueError, match=r"record_every=1 .* 7[\d,.]+ GiB"):
        fastgd.descend(problem, learning_rate=1e-6, max_steps=2 * 10**11, record_every=1)
    kept = fastgd.sweep(problem, max_steps=K, **how | {"record_every": K})
    assert kept.trajectory.loss.shape == (1000, 2)


def test_a_grid_that_would_not_fit_is_refused_before_it_is_allocated(monkeypatch):
    problem, axis = fastgd.examples.square(), np.linspace(0.1, 0.2, 100_000)
    sentence = r"^the grid must fit in memory, got 10,000,000,000 configurations \(100,000 x 100,000\), 447 GiB of"
    with pytest.raises(ValueError, match=sentence):
        fastgd.sweep(problem, learning_rate=axis, tolerance=axis)
    with pytest.raises(ValueError, match=r"596 GiB"):  # two memories beside theta
        fastgd.sweep(problem, learning_rate=axis, tolerance=axis, rule="adam")
    with pytest.raises(ValueError, match="got 100,000,000,000,000,000 configurations"):
        fastgd.sweep(problem, learning_rate=axis[:100], tolerance=axis, loss_threshold=axis, gradient_tolerance=axis)
    monkeypatch.setattr("fastgd.sweeps.grid.SURELY_THERE", 0)
    monkeypatch.setattr("fastgd.sweeps.grid.available_memory", lambda: 6 * 8 * 10.0)
    assert fastgd.sweep(problem, learning_rate=axis[:10]).status.size == 10
    with pytest.raises(ValueError, match=r"got 11 configurations \(11\)"):
        fastgd.sweep(problem, learning_rate=axis[:11])


def test_available_memory_is_what_the_system_says(tmp_path, monkeypatch):
    limit, taken = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(roofline, "_LIMITS", [(str(limit), str(taken))])
    free = roofline.available_memory()
    assert 0 < free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit.write_text("max\n")
    taken.write_text("1000\n")
    assert roofline.available_memory() > 1_000_000
    limit.write_text("5000\n")
    assert roofline.available_memory() == 4000


LEAK = """
import gc, json, os, sys
import numpy as np, fastgd

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

x = np.linspace(-1, 1, 50_000)
long, short = fastgd.PolynomialFit(x, np.sin(x), 3), fastgd.PolynomialFit(x[::50], np.sin(x[::50]), 3)
rates = np.geomspace(1e-4, 1e-1, 500)

def fresh():
    made = fastgd.PolynomialFit(x[::5], np.sin(x[::5]), 3)
    made.spectrum()
    fastgd.LinearFit(np.column_stack([x[::5], x[::5] ** 2]), x[::5]).loss([1.0, 2.0, 3.0])
    fastgd.Objective(lambda t: t * t, lambda t: 2 * t, start=1.0, compile=False).loss(2.0)

def raised():
    def fail(*_):
        raise ZeroDivisionError
    try:
        fastgd.sweep(short, learning_rate=rates, max_steps=20, engine="samples", progress=fail)
    except fastgd.SweepInterrupted:
        return

WORK = {
    "samples": lambda: fastgd.sweep(short, learning_rate=rates, max_steps=3, engine="samples", record_every=1),
    "samples, prange": lambda: fastgd.sweep(long, learning_rate=rates[:9], max_steps=2, engine="samples"),
    "moments": lambda: fastgd.sweep(short, learning_rate=rates, max_steps=20, engine="moments", threads=2),
    "spectral": lambda: fastgd.sweep(short, learning_rate=rates, max_steps=20, engine="spectral", threads=2),
    "problems": fresh,
    "interrupted": raised,
}
def growth_of(work, times):
    for _ in range(times // 5):
        work()
    growth = []
    for _ in range(2):  # a leak grows every time, an allocator that settles once
        before = resident()
        for _ in range(times):
            work()
        growth.append((resident() - before) / times)
    return min(growth)

for name, times in json.loads(sys.argv[1]).items():
    print(name, growth_of(WORK[name], times), sep=":")
"""

TIMES = {
    "samples": 1000,
    "samples, prange": 1000,
    "moments": 1000,
    "spectral": 1000,
    "problems": 200,
    "interrupted": 300,
}


@pytest.fixture(scope="module")
def growth():
    return dict(line.split(":") for line in run(LEAK, json.dumps(TIMES), timeout=200.0).splitlines())


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("work", TIMES)
def test_nothing_leaks(growth, work):
    """A leak of one result would show: 500 configurations are 30 kB, 5,000 samples 40 kB."""
    assert float(growth[work]) < 2_000
