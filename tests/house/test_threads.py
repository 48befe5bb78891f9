"""Many Python threads at once, on every threading layer: right answers, no abort, no deadlock, no thread taken away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

import fastgd
from fastgd.problems import evaluation
from tests.tools.processes import run

SECONDS = "30" if settings.get_current_profile_name() == "nightly" else "4"  # of mixed work

LAYERS = ["tbb", "omp", "workqueue"]

WORK = """
from dataclasses import replace
import numba, numpy as np, fastgd
from fastgd.sweeps import run
from fastgd.sweeps.engines import samples

random = np.random.default_rng(0)
x, long = random.uniform(-1, 1, 2_000), random.uniform(-1, 1, 100_000)
RATES = np.geomspace(1e-3, 0.5, 24)

def make(x):
    return fastgd.PolynomialFit(x, np.sin(3 * x), 3)

def curve(x):
    return fastgd.CurveFit(lambda x, a, b: a * np.exp(-b * x), x, np.sin(3 * x), start=[1.0, 0.5])

few, many = make(x), make(long)
few_curved, many_curved = curve(x), curve(long)
batch = random.normal(size=(16, 4))

def answer(*arrays):
    return b"".join(np.asarray(array).tobytes() for array in arrays)

def swept(problem, threads, **how):
    result = fastgd.sweep(problem, learning_rate=RATES, max_steps=20, tolerance=1e-4, threads=threads, **how)
    assert result.timing.threads in (threads, 1), result.timing.threads  # 1: not worth more
    return answer(result.theta, result.loss, result.steps, result.status)

def descended(problem):
    run = fastgd.descend(problem, learning_rate=0.1, max_steps=20, engine="samples")
    return answer(run.theta, run.trajectory.theta)

def spectrum_of(problem):
    return answer(problem.spectrum().eigenvalues, problem.minimum().theta)
"""

MIXED = (
    WORK
    + """
import sys, threading, time

JOBS = {
    "loss": lambda threads: answer(*few.loss_and_gradient(batch)),
    "parallel loss": lambda threads: answer(*many.loss_and_gradient(batch)),
    "configurations": lambda threads: swept(few, threads, engine="samples"),
    "samples": lambda threads: swept(many, threads, engine="samples"),
    "moments": lambda threads: swept(many, threads, engine="moments"),
    "spectral": lambda threads: swept(few, threads, engine="spectral"),
    "momentless start": lambda threads: swept(make(x), threads, engine="moments"),
    "descent": lambda threads: descended(few),
    "parallel descent": lambda threads: descended(many),
    "curve": lambda threads: swept(few_curved, threads),
    "parallel curve": lambda threads: swept(many_curved, threads),
    "curve made anew": lambda threads: answer(curve(x).predict([1.0, 0.5])),
}
found = {name: set() for name in [*JOBS, "first spectrum"]}
wrong = []
fresh = []

def renew():
    fresh[:] = [make(long)] if time.monotonic() < until else []

barrier = threading.Barrier(8, action=renew)

def work(k):
    own, order = 1 + k % 2, np.random.default_rng(k)
    while True:
        barrier.wait()
        if not fresh:
            return
        found["first spectrum"].add(spectrum_of(fresh[0]))
        numba.set_num_threads(own)
        for name in order.permutation(list(JOBS)):
            found[name].add(JOBS[name](1 + int(order.integers(2))))
            if numba.get_num_threads() != own:
                wrong.append((name, own, numba.get_num_threads()))

def guarded(k):
    try:
        work(k)
    except BaseException as error:
        wrong.append(repr(error))
        barrier.abort()

until = time.monotonic() + float(sys.argv[1])
threads = [threading.Thread(target=guarded, args=(k,)) for k in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, wrong
numba.set_num_threads(1)
for name, job in JOBS.items():
    assert found[name] == {job(1)}, (name, len(found[name]))
problem = make(long)
assert found["first spectrum"] == {spectrum_of(problem)}, len(found["first spectrum"])
A = np.vander(long, 4)
assert np.allclose(problem.spectrum().eigenvalues, np.linalg.eigvalsh(2 * A.T @ A / len(A))[::-1], rtol=1e-9)
from fastgd.kernels.threads import threading_layer
print(threading_layer(), numba.get_num_threads())
"""
)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("layer", LAYERS)
def test_eight_threads_of_mixed_work(layer):
    """Nothing was launched before: the layer itself starts under eight threads."""
    out = run(MIXED, SECONDS, timeout=120, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")
    assert out == f"{layer} 1"


HOW_MANY_WORK = (
    WORK
    + """
import threading

launched = []
kernel = samples.descend

def noted(*arguments):
    launched.append(numba.get_num_threads())
    return kernel(*arguments)

def busy(threads):
    "How many threads each launch has, in the words of Numba."
    launched.clear()
    result = fastgd.sweep(many, learning_rate=RATES, max_steps=20, threads=threads, engine="samples")
    assert (result.timing.axis, result.timing.threads) == ("samples", threads)
    return [*set(launched)]

found = []
samples.descend = noted
thread = threading.Thread(target=lambda: found.extend([*busy(2), *busy(1), *busy(2)]))
thread.start()
thread.join()
print(*found, numba.get_num_threads())
"""
)


@pytest.mark.process
@pytest.mark.parametrize("layer", LAYERS)
def test_threads_holds_in_a_worker_thread(layer):
    assert run(HOW_MANY_WORK, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2") == "2 1 2 2"


AFTER_AN_EXCEPTION = (
    WORK
    + """
import signal, sys, threading, os

def fail(*_):
    raise RuntimeError("enough")

def stopped(**how):
    try:
        fastgd.sweep(many, learning_rate=RATES, threads=1, engine="samples", **how)
    except fastgd.SweepInterrupted:
        return numba.get_num_threads()

run.CUTTING = replace(run.CUTTING, pass_flops=0.0)  # tiles of one configuration: progress is called before the end
by_progress = stopped(max_steps=20, progress=fail)
fastgd.sweep(many, learning_rate=RATES, max_steps=1, threads=1, engine="samples")
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
by_ctrl_c = stopped(max_steps=10**6)
print(by_progress, by_ctrl_c)
"""
)


@pytest.mark.process
@pytest.mark.parametrize("layer", LAYERS)
def test_the_callers_thread_count_survives_an_exception(layer):
    assert run(AFTER_AN_EXCEPTION, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2") == "2 2"


STATISTICS = (
    WORK
    + """
import sys, threading

started = []
start = threading.Thread.start

def noted(thread):
    started.append(thread.name)
    start(thread)

threading.Thread.start = noted
x = random.uniform(-1, 1, 2_000_000)
fastgd.sweep(make(x), learning_rate=RATES, max_steps=20, threads=int(sys.argv[1]), engine=sys.argv[2])
print(sum(name.startswith("fastgd") for name in started))
"""
)


@pytest.mark.process
@pytest.mark.parametrize("engine", ["moments", "spectral"])
def test_threads_holds_for_the_statistics(engine):
    """One thread of a pool may run the tiles while the calling one waits; a pass has others beside the calling one."""
    assert int(run(STATISTICS, "2", engine, NUMBA_NUM_THREADS="2")) > 1
    assert int(run(STATISTICS, "1", engine, NUMBA_NUM_THREADS="2")) <= 1


@pytest.mark.parametrize(("samples", "features", "shared"), [(2000, 1, False), (2000, 300, True), (40_000, 1, False)])
def test_work_and_not_samples_decides_whether_threads_are_launched(samples, features, shared, monkeypatch):
    launched = []

    def spy(*arguments):
        launched.append(arguments[4].ndim == 3)  # partial sums of all blocks at once
        return original(*arguments)

    original = evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", spy)
    problem = fastgd.LinearFit(np.ones((samples, features)), np.zeros(samples))
    problem.loss(problem.start)
    assert launched == [shared]
