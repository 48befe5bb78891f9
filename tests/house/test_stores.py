"""Stores among processes: killed at any moment, two at once, on a full disk, where nothing may be written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import fastgd
from tests.tools.cases import bits
from tests.tools.processes import STRICT, finish, run, start

pytestmark = pytest.mark.process

KILLS = int(os.environ.get("FASTGD_TEST_KILLS", "3"))

SWEEP = """
import json, os, signal, sys, time
import numpy as np, fastgd
from fastgd.sweeps import work

work.LARGEST_TILE = 40

class Logged(work.Work):
    '''Work of which each tile, when it is begun, leaves a line; and takes so long.'''

    def run(self, tile, *how):
        with open(os.environ["LOG"], "a") as log:
            print(os.getpid(), self.range(tile)[0], file=log)
        done = super().run(tile, *how)
        time.sleep(float(os.environ.get("SECONDS", "0.001")))
        return done

def sweep(store, every=1, **how):
    how = {"learning_rate": np.geomspace(1e-4, 1e-2, 1000)[::every], "max_steps": [5, 50], "threads": 1} | how
    return fastgd.sweep(fastgd.examples.pizza(), store=store, **how)

work.Work = Logged if "LOG" in os.environ else work.Work
"""

KILLED = (
    SWEEP
    + """
import google_crc32c, random, zarr  # as each child would else, while it is killed
from fastgd.results.store.reading import Store

def finished(store):
    '''Return where the finished tiles of the whole sweep begin.'''
    if not os.path.exists(store):
        return set()
    opened = Store.open(store)
    if opened.layout.shape != (1000, 2):
        return set()
    return {opened.layout.range(tile)[0] for tile in np.flatnonzero(opened.finished()).tolist()}

def begun():
    with open(os.environ["LOG"]) as log:
        return {int(line.split()[1]) for line in log}

def in_a_child(**how):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sweep(store, **how)
            code = 0
        finally:
            os._exit(code)
    return child

choose, rounds, kills, stores = random.Random(int(sys.argv[2])), int(sys.argv[3]), 0, 0
how, smaller = map(json.loads, sys.argv[4:])
sweep(None, **how | {"every": 500})  # compiled before
while kills < rounds:
    store = f"{sys.argv[1]}/{stores}.zarr"
    stores += 1
    if smaller:  # a store that is made larger
        os.waitpid(in_a_child(**how | smaller), 0)
    while True:
        before = finished(store)
        open(os.environ["LOG"], "w").close()
        child = in_a_child(**how)
        time.sleep(choose.uniform(0.0, 0.5))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert not before & begun()
        assert before <= finished(store)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        kills += 1
sweep(f"{sys.argv[1]}/one", **how)
print(kills, stores)
"""
)


def contents(folder):
    """Return the files of a store's arrays, by name."""
    files = [file for file in Path(folder).rglob("*") if file.is_file() and file.name != "zarr.json"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "smaller"),
    [
        ({"engine": "samples", "rule": "adam"}, None),
        ({"engine": "spectral", "tolerance": 1e-7}, None),
        ({"engine": "moments"}, None),
        ({"engine": "spectral"}, {"every": 3, "max_steps": 50}),  # that the store is of before it is made larger
    ],
)
def test_killed_at_any_moment(tmp_path, how, smaller):
    """What came to an end is what nobody disturbs, to the bit; no finished tile was run again."""
    options = json.dumps(how), json.dumps(smaller)
    out = run(KILLED, str(tmp_path), "1", str(KILLS), *options, timeout=280.0, LOG=str(tmp_path / "log"))
    kills, stores = map(int, out.split())
    assert kills >= KILLS
    expected = contents(tmp_path / "one") if smaller is None else bits(fastgd.open_result(tmp_path / "one"))
    for number in range(stores):
        store = tmp_path / f"{number}.zarr"
        assert (contents(store) if smaller is None else bits(fastgd.open_result(store))) == expected
        assert not list(store.rglob("*.partial"))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_two_processes_at_once(tmp_path):
    """Both end with the whole result, and run little twice."""
    code = SWEEP + "print(sweep(sys.argv[1]).tiles_finished)"
    log = tmp_path / "log"
    environment = {"LOG": str(log), "SECONDS": "0.02"}
    both = [start(*STRICT, "-c", code, str(tmp_path / "run.zarr"), environment=environment) for _ in range(2)]
    ended = [finish(process) for process in both]
    assert [(end.code, end.out, end.err) for end in ended] == [(0, "50\n", "")] * 2
    lines = [line.split() for line in log.read_text().splitlines()]
    tiles = [first for _, first in lines]
    assert len(set(tiles)) == 50
    assert len(tiles) == 50  # each tile once
    assert len({process for process, _ in lines}) == 2  # both had a part in it
    result = fastgd.open_result(tmp_path / "run.zarr")
    assert bits(result) == bits(in_memory())


def in_memory():
    rates = np.geomspace(1e-4, 1e-2, 1000)
    return fastgd.sweep(fastgd.examples.pizza(), learning_rate=rates, max_steps=[5, 50], threads=1)


def test_a_tile_of_a_process_that_was_killed_is_run_by_the_other(tmp_path):
    code = SWEEP + "print(sweep(sys.argv[1]).tiles_finished)"
    store = str(tmp_path / "run.zarr")
    log = tmp_path / "log"
    slow = start(*STRICT, "-c", code, store, environment={"LOG": str(log), "SECONDS": "60"})
    while not log.exists() or not log.read_text().endswith("\n"):
        time.sleep(0.01)
    other = start(*STRICT, "-c", code, store, environment={"LOG": str(tmp_path / "other"), "SECONDS": "0"})
    deadline = time.monotonic() + 30.0
    while fastgd.open_result(store).tiles_finished < 49 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert fastgd.open_result(store).tiles_finished == 49  # the other one waits for the last
    assert other.poll() is None
    slow.kill()
    finish(slow)
    assert finish(other)[:2] == (0, "50\n")
    assert bits(fastgd.open_result(store)) == bits(in_memory())


FULL = (
    SWEEP
    + """
try:
    result = sweep(sys.argv[1])
    print(result.tiles_finished)
except ValueError as error:
    print(error)
    print(fastgd.open_result(sys.argv[1]).tiles_finished)
"""
)


def own_file_system(folder, size, *command):
    """Run a command in a namespace where a folder is a small file system of its own."""
    mount = f'mount -t tmpfs -o size={size} none {folder} && exec "$@"'
    return ["--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *command]


def can_mount():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", *own_file_system("/tmp", "1m", "true")], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this user may mount no file system")
def test_a_full_disk(tmp_path):
    """One sentence; what is finished stays, and the same call goes on when there is room."""
    mount = '["mount", "-o", "remount,size=64m", os.path.dirname(sys.argv[1])]'
    code = FULL + f"import subprocess; subprocess.run({mount}, check=True)\n"
    code += "print(sweep(sys.argv[1]).tiles_finished)\nprint(sweep(sys.argv[1]) == sweep(None))"
    program = own_file_system(str(tmp_path), "800k", os.sys.executable, *STRICT, "-c", code, str(tmp_path / "run.zarr"))
    ended = finish(start(*program, program=shutil.which("unshare")))
    assert ended.code == 0, ended.err
    sentence, kept, *rest = ended.out.splitlines()
    place = str(tmp_path / "run.zarr")
    assert sentence == (
        f"store can't be written to {place!r}: No space left on device; what is finished is kept, and the same call "
        "goes on from there"
    )
    assert 0 < int(kept) < 50
    assert rest == ["50", "True"]


def test_a_disk_without_room_for_a_store(tmp_path):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
    code = limited + SWEEP + "try: sweep(sys.argv[1])\nexcept ValueError as error: print(error)"
    out = run(code, str(tmp_path / "run.zarr"), NUMBA_CACHE_DIR=os.environ.get("NUMBA_CACHE_DIR"))
    assert out == f"store can't be written to {str(tmp_path / 'run.zarr')!r}: File too large"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0 and not can_mount(), reason="root may write everywhere")
def test_where_nothing_may_be_written(tmp_path):
    code = SWEEP + "sweep(sys.argv[1])\n"
    store = tmp_path / "run.zarr"
    run(code, str(store))
    mark = min((store / "status").glob("c.*"))
    mark.unlink()
    fails = FULL + "print(fastgd.open_result(sys.argv[1]).best.steps)"
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    program = ["--user", "--map-root-user", "--mount", "sh", "-c", mount, str(tmp_path)]
    ended = finish(
        start(*program, os.sys.executable, *STRICT, "-c", fails, str(store), program=shutil.which("unshare"))
    )
    assert ended.code == 0, ended.err
    sentence, kept, steps = ended.out.splitlines()
    assert sentence.startswith(f"store can't be written to {str(store)!r}: Read-only file system; what is finished is")
    assert (kept, steps) == ("49", "50")
    run(code, str(store))
    assert bits(fastgd.open_result(store)) == bits(in_memory())


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    code = (
        SWEEP + "try: sweep(sys.argv[1])\nexcept fastgd.SweepInterrupted as stop: print(repr(stop.result)); print(stop)"
    )
    store = str(tmp_path / "run.zarr")
    environment = {"LOG": str(tmp_path / "log"), "SECONDS": "0.2"}
    process = start(*STRICT, "-c", code, store, environment=environment)
    while not os.path.exists(store) or fastgd.open_result(store).tiles_finished < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    ended = finish(process)
    assert ended.code == 0, ended.err
    shown, sentence = ended.out.splitlines()
    done = fastgd.open_result(store).tiles_finished
    assert shown.endswith(f"in {store!r}, {done} of 50 tiles finished>")
    assert 3 <= done < 50
    assert sentence.startswith("sweep interrupted, ")
    run(SWEEP + "sweep(sys.argv[1])", store)
    assert bits(fastgd.open_result(store)) == bits(in_memory())


READ = (
    SWEEP
    + """
rates, order = np.geomspace(1e-4, 1e-2, 200), np.random.default_rng(0).permutation(200)
store, results = sys.argv[1], []
how = lambda n: {"learning_rate": np.sort(rates[order[:n]])}
sweep(store, **how(20))
child = os.fork()
if child == 0:
    for n in range(30, 201, 10):
        sweep(store, **how(n))
    os._exit(0)
while os.waitpid(child, os.WNOHANG) == (0, 0):
    results.append(fastgd.open_result(store))
    results[-1].loss
expected = sweep(None, **how(200))
for result in results:
    rows = np.searchsorted(expected.axes["learning_rate"], result.axes["learning_rate"])
    for name in ("loss", "theta"):
        there = result.status != fastgd.Status.CANCELLED
        np.testing.assert_array_equal(getattr(result, name)[there], getattr(expected, name)[rows][there])
print(fastgd.open_result(store) == expected, len(results) > 5)
"""
)


def test_a_store_is_read_while_another_process_makes_it_larger(tmp_path):
    """Whenever it was opened, a result is that of its own grid, also when its store is another."""
    assert run(READ, str(tmp_path / "run.zarr")) == "True True"


OF_FUNCTIONS = """
import math, os, sys
import numpy as np, fastgd

def model(x, a, b): return a * math.exp(-b * x) + (b if "a" in {"a", "b", "c"} else 0.0)
def derivative(x, a, b): return math.exp(-b * x), 1.0 - a * x * math.exp(-b * x)
def rosenbrock(t): return (1.0 - t[0]) ** 2 + (t[1] - t[0] * t[0]) ** 2
def rho(r): return math.log(math.cosh(r)) if r > 0.0 or r in (-1.0, -2.0) else r * r

x = np.linspace(0.0, 2.0, 9)
fit = lambda **how: fastgd.CurveFit(model, x, np.exp(-x), start=[0.5, 0.5], **how)
problems = {
    "curve": fit(),
    "given": fit(derivative=derivative, loss=fastgd.ResidualLoss(rho)),
    "objective": fastgd.Objective(rosenbrock, dimension=2, start=[0.0, 0.5]),
    "plain": fastgd.Objective(lambda t: sum(map(float, t)) ** 2, lambda t: 2.0 * sum(t) * np.ones(2), dimension=2,
                              start=[1.0, 0.5], compile=False),
}
for name, problem in problems.items():
    store = f"{sys.argv[1]}/{name}.zarr"
    how = {"learning_rate": [0.01, 0.02, 0.05], "max_steps": 9, "threads": 1}
    result = fastgd.sweep(problem, store=store, **how)
    print(name, result == fastgd.sweep(problem, **how), fastgd.open_result(store) == result, result.engine)
    os.remove(f"{store}/status/c.0")
"""


def test_functions_are_known_again_in_another_process(tmp_path):
    """Stores that one process leaves unfinished, another goes on with: its sets and strings have other orders."""
    told = [run(OF_FUNCTIONS, str(tmp_path), PYTHONHASHSEED=str(seed)) for seed in (1, 2)]
    assert told[0] == told[1]
    assert [line.split()[1:] for line in told[0].splitlines()] == [["True", "True", "samples"]] * 4
