"""Processes that were forked, spawned or pooled by a parent that had used its threads: right answers, never a hang."""

from __future__ import annotations

import pytest

from tests.tools.processes import run

pytestmark = [pytest.mark.slow, pytest.mark.process]

WORK = """
import concurrent.futures, multiprocessing, os, sys, threading, time

import joblib
import numpy as np

import fastgd


def digest(*arrays):
    return b"".join(np.asarray(array).tobytes() for array in arrays).hex()


def made():
    x = np.random.default_rng(0).uniform(-1, 1, 70_000)
    return fastgd.PolynomialFit(x, np.sin(3 * x), 3)


def answers(problem):
    "Everything that has threads: prange, the pool of a sweep, the pool of the statistics."
    rates = np.geomspace(1e-3, 0.5, 9)
    together = fastgd.sweep(problem, learning_rate=rates, max_steps=9, engine="samples")
    exact = fastgd.sweep(problem, learning_rate=rates, max_steps=9, engine="moments")
    batch = problem.loss(np.random.default_rng(1).normal(size=(20, 4)))
    curve = fastgd.CurveFit(lambda x, a, b: a * np.exp(-b * x), problem.x, problem.y, start=[1.0, 0.5])
    curved = fastgd.sweep(curve, learning_rate=rates, max_steps=9)
    small = fastgd.sweep(fastgd.examples.sine(), learning_rate=rates * 1e-5, max_steps=900, engine="samples", threads=2)
    return digest(together.theta, exact.theta, curved.theta, batch, small.theta, problem.spectrum().eigenvalues)


def fresh(_):
    return answers(made())


def by_pool(method, problem):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return [*pool.map(fresh, range(2)), *pool.map(answers, [problem] * 2)]


def by_executor(problem):
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        return [*pool.map(fresh, range(2)), *pool.map(answers, [problem] * 2)]


def by_loky(problem):
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        calls = [joblib.delayed(fresh)(0), joblib.delayed(answers)(problem)]
        return parallel(calls * 2)


WAYS = {
    "fork": lambda problem: by_pool("fork", problem),
    "spawn": lambda problem: by_pool("spawn", problem),
    "forkserver": lambda problem: by_pool("forkserver", problem),
    "executor": by_executor,
    "loky": by_loky,
}


def forked(work):
    "Return the exit code of a child that does this."
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

POOLED = (
    WORK
    + """

if __name__ == "__main__":
    problem = made()
    expected = answers(problem)
    from fastgd.kernels.threads import threading_layer
    for way in sys.argv[1:]:
        assert set(WAYS[way](problem)) == {expected}, way
        assert answers(problem) == expected, way
    assert forked(lambda: answers(problem) == expected and answers(made()) == expected) == 0
    print(threading_layer())
"""
)


@pytest.mark.parametrize(
    ("layer", "ways"),
    [
        ("default", ["spawn", "forkserver"]),
        ("default", ["loky"]),
        ("default", ["fork", "executor"]),
        ("omp", ["fork", "executor"]),
        ("workqueue", ["fork", "executor"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_workers_of_a_parent_that_had_used_its_threads(tmp_path, layer, ways):
    script = tmp_path / "script.py"
    script.write_text(POOLED)
    found = run(script, *ways, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")
    assert layer in ("default", found)


MEANWHILE = (
    WORK
    + """
FIRST = [made()]

def busy():
    while FIRST:
        FIRST[:] = [made()]
        answers(FIRST[0])

expected = answers(made())
threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range(20):
    time.sleep(0.02)
    problem = FIRST[0]  # its statistics may be half taken, by a thread that the child does not have
    codes.append(forked(lambda: answers(problem) == expected))
FIRST.clear()
print(set(codes))
os._exit(0)
"""
)


@pytest.mark.parametrize("layer", ["default", "omp", "workqueue"])
def test_a_fork_while_other_threads_work(layer):
    """What another thread held in the parent, a lock or a layer, does not stop the child."""
    out = run(MEANWHILE, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")
    assert out.splitlines()[-1] == "{0}"  # Numba itself prints before it that a child should not launch, and none does
