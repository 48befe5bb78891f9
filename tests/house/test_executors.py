"""Executors whose workers are killed, and what else ends: the same bits, or one sentence and a store that goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastgd
from tests.tools.cases import bits
from tests.tools.processes import STRICT, finish, run, start

pytestmark = [pytest.mark.slow, pytest.mark.process]

KILLING = """
import os, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import numpy as np, fastgd
from fastgd.sweeps import work
from tests.tools.cases import bits

work.LARGEST_TILE = 8
COLUMNS = {"theta0": [2.0] * 40 + [3.0] + [2.0] * 23, "learning_rate": np.linspace(0.001, 0.1, 64)}
HOW = {"configurations": COLUMNS, "max_steps": 50}
PARENT = os.getpid()
LEFT = sys.argv[1] + "/kills left"

def killer(loss, parent, left):
    def gradient(t):
        if t == 3.0 and os.getpid() != parent:  # where one descent begins
            with open(left) as file:
                kills = int(file.read())
            if kills:
                with open(left, "w") as file:
                    file.write(str(kills - 1))
                os.kill(os.getpid(), 9)
        return 2 * (t - 1)
    return fastgd.Objective(loss, gradient, start=2.0, compile=False)

PROBLEM = killer(lambda t: (t - 1) ** 2, PARENT, LEFT)
EXPECTED = bits(fastgd.sweep(PROBLEM, **HOW))

def told(kills, executor, **how):
    "Return whether the result is right although so many workers at one tile are killed, or the sentence."
    with open(LEFT, "w") as file:
        file.write(str(kills))
    try:
        return bits(fastgd.sweep(PROBLEM, **HOW, **how, executor=executor)) == EXPECTED
    except fastgd.ExecutorLost as lost:
        part = lost.result
        done = part.status != fastgd.Status.CANCELLED
        assert done.sum() == part.timing.configurations < done.size
        return str(lost).partition(";")[0]
"""


def lines(code, folder, timeout=120.0, flags=STRICT, **environment):
    return run(KILLING + code, str(folder), timeout=timeout, flags=flags, **environment).splitlines()


def test_a_worker_of_a_pool_is_killed(tmp_path):
    """A function that makes pools survives three times; a pool does not, and a store goes on."""
    code = """
def make():
    return ProcessPoolExecutor(2, mp_context=get_context("fork"))

for times in (1, 3, 4):
    print(told(times, make))
with make() as pool:
    print(told(1, pool))
    print(told(0, pool))
store = sys.argv[1] + "/run.zarr"
print(told(4, make, store=store))
print(fastgd.open_result(store).tiles_finished)
print(told(0, make, store=store))
"""
    survived, again, lost, given, broken, stored, tiles, resumed = lines(code, tmp_path)
    assert (survived, again, resumed) == ("True", "True", "True")
    for sentence in (lost, given, broken, stored):
        assert sentence.startswith("executor lost its workers (BrokenProcessPool: A "), sentence
        assert sentence.endswith(" of 64 configurations finished"), sentence
    assert 0 < int(tiles) < 16


def test_a_worker_of_loky_is_killed(tmp_path):
    code = """
import loky
print(told(1, lambda: loky.ProcessPoolExecutor(1)))
print(told(1, loky.get_reusable_executor(1)))
print(told(0, loky.get_reusable_executor(1)))
"""
    survived, lost, after = lines(code, tmp_path)
    assert (survived, after) == ("True", "True")
    assert lost.startswith("executor lost its workers (TerminatedWorkerError: A worker process managed by")


DASK = """
from dask.distributed import Client, LocalCluster

def main():
    options = {"n_workers": 6, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        executor = client.get_executor()
        print(told(0, executor), told(0, client))
        print(told(1, executor))
        store = sys.argv[1] + "/run.zarr"
        print(told(4, executor, store=store))

if __name__ == "__main__":
    main()
"""


def test_workers_of_dask_are_killed(tmp_path):
    """Once, and four times at one tile, after which dask gives it up; of six, as its nannies may not start others."""
    code = tmp_path / "code.py"
    code.write_text(KILLING + DASK)
    printed = run(code, str(tmp_path), timeout=200.0, flags=())
    assert printed.split() == ["True"] * 4


SCHEDULER = """
import subprocess
from dask.distributed import Client

def started(*arguments):
    return subprocess.Popen([sys.executable, "-m", *arguments], stderr=subprocess.DEVNULL)

place = sys.argv[1] + "/scheduler.json"
scheduler = started("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", place)
while not os.path.exists(place):
    time.sleep(0.05)
worker = started("distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", place)
store = sys.argv[1] + "/run.zarr"
try:
    with Client(scheduler_file=place, timeout="10s") as client:
        client.wait_for_workers(1)
        client.submit(fastgd.sweep, fastgd.examples.square(), learning_rate=0.1).result()
        print(told(0, client, store=store, progress=lambda *_: scheduler.kill()))
finally:
    scheduler.kill()
    worker.kill()
print(told(0, lambda: ProcessPoolExecutor(1, mp_context=get_context("fork")), store=store))
"""


def test_the_scheduler_of_dask_is_killed(tmp_path):
    lost, resumed = lines(SCHEDULER, tmp_path, timeout=200.0, flags=())
    assert lost.startswith("executor lost its workers (")
    assert resumed == "True"


def test_workers_by_mpi(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        KILLING
        + """
from mpi4py.futures import MPIPoolExecutor

if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        print(told(0, pool))
        print(told(0, pool, store=sys.argv[1] + "/run.zarr"))
"""
    )
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    mpi = shutil.which("mpiexec", path=beside)
    assert mpi is not None, "pip install mpich"
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    many = {"OMPI_MCA_rmaps_base_oversubscribe": "1"}
    command = ["-n", "3", sys.executable, "-m", "mpi4py.futures", str(code), str(tmp_path)]
    ended = finish(start(*command, program=mpi, environment=as_root | many), 120.0)
    assert (ended.code, ended.out.split()) == (0, ["True", "True"]), ended.err


@pytest.mark.parametrize("layer", ["workqueue", "tbb"])
def test_threads_as_workers_launch_parallel_kernels(layer):
    """The workqueue layer would abort the process where two launch at once."""
    code = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np, fastgd
from tests.tools.cases import bits

x = np.linspace(-1.0, 1.0, 100_000)
problem = fastgd.PolynomialFit(x, np.sin(3 * x), 3)
how = {"learning_rate": np.geomspace(1e-3, 0.5, 48), "max_steps": 20, "engine": "samples"}
with ThreadPoolExecutor(4) as pool:
    there = fastgd.sweep(problem, **how, executor=pool)
here = fastgd.sweep(problem, **how)
print(there.timing.axis, there.timing.threading_layer, bits(there) == bits(here))
"""
    assert run(code, NUMBA_THREADING_LAYER=layer) == f"samples {layer} True"


INTERRUPTED = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import numpy as np, fastgd

if __name__ == "__main__":
    x = np.linspace(-1, 1, 3000)
    problem = fastgd.PolynomialFit(x, np.sin(3 * x), 3)
    method, *store = sys.argv[1:]
    try:
        fastgd.sweep(
            problem,
            learning_rate=np.geomspace(1e-4, 1e-2, 20_000),
            max_steps=4000,
            engine="samples",
            executor=lambda: ProcessPoolExecutor(2, mp_context=get_context(method)),
            store=store[0] if store else None,
            progress=lambda *_: print("tile", flush=True),
        )
    except fastgd.SweepInterrupted as stop:
        status = stop.result.status
        print((status != fastgd.Status.CANCELLED).sum(), stop.result.timing.configurations)
"""


@pytest.mark.parametrize(("method", "stored"), [("fork", False), ("spawn", True)])
def test_ctrl_c_in_a_terminal(tmp_path, method, stored):
    """All processes get the signal; the workers say nothing, and the sweep returns at once with what is finished."""
    code = tmp_path / "code.py"
    code.write_text(INTERRUPTED)
    store = [str(tmp_path / "run.zarr")] * stored
    process = start(*STRICT, str(code), method, *store)
    assert [process.stdout.readline() for _ in range(3)] == ["tile\n"] * 3
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    ended = finish(process)
    assert time.monotonic() - begin < 10.0
    assert (ended.code, ended.err) == (0, "")
    kept, told = ended.out.splitlines()[-1].split()
    assert 0 < int(kept) == int(told) < 20_000
    if stored:
        assert fastgd.open_result(store[0]).configurations_finished == int(kept)


def test_the_process_of_the_sweep_is_killed(tmp_path):
    """Its workers, which live on, hold nothing back from the next call."""
    code = tmp_path / "code.py"
    code.write_text(INTERRUPTED.replace("4000", "100"))
    store = str(tmp_path / "run.zarr")
    process = start(*STRICT, str(code), "fork", store)
    assert process.stdout.readline() == "tile\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kept = fastgd.open_result(store)
    assert 0 < kept.tiles_finished < kept.tiles
    assert set(run(code, "fork", store).splitlines()) == {"tile"}
    with contextlib.suppress(AssertionError):  # they hold its output open for ever
        finish(process, 1.0)
    x = np.linspace(-1, 1, 3000)
    how = {"learning_rate": np.geomspace(1e-4, 1e-2, 20_000), "max_steps": 100, "engine": "samples"}
    assert bits(fastgd.open_result(store)) == bits(fastgd.sweep(fastgd.PolynomialFit(x, np.sin(3 * x), 3), **how))
