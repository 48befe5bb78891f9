"""Timing reports: counts that can be counted by hand, phases that add up, compile time where something was compiled."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
import time
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba import float64

import fastgd
from fastgd.kernels.compiling.jit import c_function
from fastgd.sweeps import stopwatch
from tests.tools.processes import run

N, P = 500, 3


@pytest.fixture
def problem():
    x = np.linspace(-1, 1, N)
    return fastgd.PolynomialFit(x, np.sin(x), P - 1)


def timed(problem, **changes):
    how = {"learning_rate": [0.01, 0.1], "max_steps": [10, 40], "engine": "samples"}
    return fastgd.sweep(problem, **{**how, **changes})


def test_counts_by_hand(problem):
    timing = timed(problem).timing
    steps = 2 * (10 + 40)
    evaluations = 2 * (40 + 1)  # of two trajectories, once more than there are steps in the longer descent of each
    visits = N * evaluations
    assert (timing.configurations, timing.trajectories) == (4, 2)
    assert (timing.steps, timing.evaluations) == (steps, evaluations)
    assert (timing.sample_visits, timing.flops) == (visits, 4 * P * visits)
    assert timing.bytes == visits * 2 * 8  # x and y
    assert (timing.engine, timing.axis, timing.dtype) == ("samples", "configurations", "float64")


def test_counts_of_stopped_descents(problem):
    result = timed(problem, gradient_tolerance=0.3, max_steps=500)
    assert result.converged.all()
    assert result.timing.steps == result.steps.sum() < 1000
    assert result.timing.sample_visits == N * (result.steps.sum() + result.steps.size)


def test_counts_of_shared_passes(problem, cut):
    """Where threads share out the samples, one read of memory serves all configurations still running."""
    cut(cache_bytes=0)
    x = np.linspace(-1, 1, 20_000).astype(np.float32)
    result = timed(fastgd.PolynomialFit(x, x, P - 1))
    timing = result.timing
    assert (timing.axis, timing.dtype) == ("samples", "float32")
    assert timing.threading_layer in ("tbb", "omp", "workqueue")
    assert timing.sample_visits == 20_000 * 2 * 41
    assert timing.bytes == 20_000 * 41 * 2 * 4  # all in one tile, the longest takes 40 steps


def test_an_objective_visits_no_samples():
    timing = fastgd.descend(fastgd.examples.dart(), learning_rate=0.01, max_steps=5).timing
    assert (timing.steps, timing.sample_visits, timing.flops, timing.bytes) == (5, 0, 0, 0)
    assert timing.roofline_fraction is None
    assert "sample visits" not in str(timing)


def test_rates_follow_from_counts_and_seconds(problem):
    timing = dataclasses.replace(timed(problem).timing, run=0.5)
    assert timing.configurations_per_second == 8.0
    assert timing.sample_visits_per_second == 2 * N * 82
    assert timing.gflops == pytest.approx(2 * 4 * P * N * 82 / 1e9, rel=1e-12)
    assert timing.gbytes_per_second == pytest.approx(2 * 16 * N * 82 / 1e9, rel=1e-12)
    assert timing.total == timing.validate + timing.compile + timing.prepare + 0.5
    at_once = dataclasses.replace(timing, run=0.0)
    assert at_once.configurations_per_second == 0.0


def test_phases_add_up_to_the_time_it_took(problem):
    timed(problem)
    begin = time.perf_counter()
    timing = timed(problem, max_steps=20_000).timing
    took = time.perf_counter() - begin
    assert min(timing.validate, timing.prepare, timing.run) > 0.0
    assert timing.compile == 0.0  # this kernel has run before
    assert timing.total == timing.validate + timing.prepare + timing.run
    assert timing.total <= took


def test_what_lies_between_two_readings_of_the_clock_is_counted_once(problem, monkeypatch):
    timed(problem)
    clock = itertools.count(0.0)
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    timing = timed(problem).timing
    readings = next(clock)
    assert (timing.validate, timing.compile, timing.run) == (1.0, 0.0, 1.0)
    assert timing.total == readings / 2


def test_threads_used(problem):
    wide = {"learning_rate": np.geomspace(1e-3, 1e-1, 200), "max_steps": 2000}
    for threads in (1, 2):
        timing = timed(problem, threads=threads, **wide).timing
        assert timing.threads == threads
        assert timing.threading_layer == ("pool" if threads > 1 else "none")


COMPILED = """
import json, time
begin = time.perf_counter()
import fastgd
from numba.core.ccallback import CFunc

compile = CFunc._compile_uncached
of_c_functions = []

def measured(c_function):
    called = time.perf_counter()
    compiled = compile(c_function)
    of_c_functions.append(time.perf_counter() - called)
    return compiled

CFunc._compile_uncached = measured
problem = fastgd.PolynomialFit([0.0, 1.0, 2.0], [1.0, 0.0, 1.0], 2)
first = fastgd.sweep(problem, learning_rate=[0.1, 0.2], max_steps=5, engine="samples").timing
took = time.perf_counter() - begin
second = fastgd.sweep(problem, learning_rate=[0.1, 0.2], max_steps=5, engine="samples").timing
print(json.dumps([first.compile, first.total, took, second.compile, sum(of_c_functions)]))
"""


@pytest.mark.slow
@pytest.mark.process
def test_compile_time_is_what_the_compiler_took(tmp_path):
    def seconds():
        return json.loads(run(COMPILED, NUMBA_CACHE_DIR=str(tmp_path)))

    compiling, total, took, again, _ = seconds()  # on an empty cache
    assert 0.0 < compiling < total < took
    assert again == 0.0
    from_cache, _, _, again, _ = seconds()
    assert (from_cache, again) == (0.0, 0.0)
    for file in tmp_path.rglob("blocks._compile_lane_function.*.nbc"):
        file.unlink()
    alone, total, _, again, of_c_function = seconds()  # all is there but what sums over a block
    assert 0.0 < of_c_function < alone < total
    assert again == 0.0


def test_a_c_function_is_counted_to_its_machine_code():
    def cubed(value):
        return value * value * value

    c_function(lambda value: value, float64(float64))  # what the first in a process sets up
    watch = stopwatch.Stopwatch()
    with watch.compilation():
        begin = time.perf_counter()
        address = c_function(cubed, float64(float64)).address
        took = time.perf_counter() - begin
    assert address
    assert 0.8 * took < watch.seconds["compile"] <= took


@pytest.mark.slow
def test_what_another_thread_compiles_is_not_counted(problem):
    timed(problem)

    def compile_something():
        numba.njit(lambda value: np.linalg.norm(np.ones(5) * value) + np.sort(np.ones(3))[0])(1.0)

    thread = threading.Thread(target=compile_something)
    thread.start()
    timing = timed(problem, max_steps=20_000).timing
    thread.join()
    assert timing.compile == 0.0


def test_dictionary_is_plain_json(problem):
    timing = timed(problem).timing
    told = timing.to_dict()
    assert json.loads(json.dumps(told)) == told
    plain = {str, int, float, bool, dict, type(None)}
    assert {type(value) for value in told.values()} <= plain
    for name in (
        *("validate", "compile", "prepare", "run", "configurations", "steps", "sample_visits", "flops", "bytes"),
        *("configurations_per_second", "sample_visits_per_second", "gflops", "gbytes_per_second"),
        *("threads", "threading_layer", "axis", "dtype", "engine", "choice", "versions"),
    ):
        assert told[name] == getattr(timing, name), name
    assert told["versions"]["NumPy"] == np.__version__
    assert told["versions"]["fastgd"] == fastgd.__version__
    assert set(told["versions"]) == {"Python", "fastgd", "NumPy", "Numba"}


def test_printed_table(problem):
    timing = timed(problem).timing
    lines = str(timing).splitlines()
    for name in ("validate", "compile", "prepare", "run", "total"):
        (line,) = [line for line in lines if line.split()[0] == name]
        assert float(line.split()[1]) == pytest.approx(getattr(timing, name), abs=1e-6)
        assert line.endswith(" s")
    text = str(timing)
    for shown in (
        f"{timing.sample_visits:,}",
        f"{timing.flops:,}",
        f"{timing.bytes:,}",
        "GFLOP/s",
        "GB/s",
        "samples",
        "float64",
        np.__version__,
    ):
        assert shown in text


def test_fraction_of_the_roofline():
    """The machine's limits are limits: a sweep reaches a part of them."""
    problem = fastgd.examples.sine()
    rates = np.geomspace(1e-9, 1e-6, 64)
    how = {"learning_rate": rates, "max_steps": 1000, "engine": "samples"}
    fastgd.sweep(problem, **how)
    timing = fastgd.sweep(problem, **how).timing
    limit = fastgd.roofline(threads=timing.threads)
    computing = dataclasses.replace(timing, bytes=0)
    assert computing.roofline_fraction == pytest.approx(timing.gflops / limit.fma_peak, rel=1e-12)
    assert timing.roofline_fraction >= computing.roofline_fraction > 0.0
    reading = dataclasses.replace(timing, footprint=1 << 60, flops=1)
    assert reading.roofline_fraction == pytest.approx(timing.gbytes_per_second / limit.read_bandwidth, rel=1e-12)
    assert (computing.limited_by, reading.limited_by) == ("arithmetic", "memory")
