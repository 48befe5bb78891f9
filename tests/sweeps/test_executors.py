"""Sweeps by an executor: the bits of a local one, whatever is swept and whoever runs it; what is refused."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import fastgd
from fastgd.check import shown
from fastgd.sweeps import work
from fastgd.sweeps.executors import crew, parcel, tasks
from tests.tools.cases import bits

pytestmark = pytest.mark.process

X = np.linspace(-1.0, 1.0, 501)
Y = np.sin(3.0 * X)
RATES = np.geomspace(1e-3, 0.9, 40)


PROBLEMS = {
    "polynomial": lambda: fastgd.PolynomialFit(X, Y, 3),
    "of float32": lambda: fastgd.PolynomialFit(X.astype(np.float32), Y.astype(np.float32), 2),
    "weights": lambda: fastgd.LinearFit(np.stack([X, X**2], axis=1), Y, sample_weight=1.0 + X**2, l2=0.01),
    "many features": lambda: fastgd.LinearFit(np.random.default_rng(0).normal(size=(60, 20)), np.arange(60.0)),
    "huber": lambda: fastgd.PolynomialFit(X, Y, 3, loss=fastgd.Huber(0.1)),
    "a user's loss": lambda: fastgd.PolynomialFit(X, Y, 2, loss=fastgd.ResidualLoss(lambda r: math.log1p(r * r))),
    "curve": lambda: fastgd.CurveFit(lambda x, a, b: a * np.exp(-b * x), X, Y, start=[1.0, 0.5]),
    "objective": lambda: fastgd.Objective(lambda t: (t[0] - 1.0) ** 2 + t[1] ** 4, dimension=2, start=[3.0, 1.0]),
    "plain Python": lambda: fastgd.Objective(lambda t: t**2, lambda t: 2 * t, start=1.0, compile=False),
}
SWEEPS = {
    "steps": {"max_steps": [5, 300]},
    "adam": {"rule": "adam", "momentum": [0.5, 0.9], "max_steps": 50, "record_every": 10},
    "tests": {"tolerance": 1e-4, "gradient_tolerance": 1e-3, "schedule": "inverse_time", "max_steps": 200},
    "bounds": {"bounds": (-0.5, 0.5), "max_steps": 100},
}


@pytest.fixture(scope="module")
def pool():
    """Processes that have nothing of this one."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(work, "LARGEST_TILE", 7)


def assert_same(problem, executor, **how):
    how = {"learning_rate": RATES} | how
    here = fastgd.sweep(problem, **how)
    there = fastgd.sweep(problem, **how, executor=executor)
    assert bits(there) == bits(here)
    assert there == here
    counts = ["steps", "trajectories", "configurations"]
    if here.engine == "samples":  # others' small tiles may cut a descent of several configurations
        counts += ["evaluations", "sample_visits", "flops"]
    assert [getattr(there.timing, name) for name in counts] == [getattr(here.timing, name) for name in counts]
    return there


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem(pool, name, small_tiles):
    problem = PROBLEMS[name]()
    start = np.linspace(0.1, 0.4, 2 * problem.dimension).reshape(2, -1)
    assert_same(problem, pool, theta0=start, max_steps=60)


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
@pytest.mark.parametrize("name", SWEEPS)
def test_every_engine(pool, name, engine, small_tiles):
    how = SWEEPS[name]
    if engine == "spectral":
        how = {key: value for key, value in how.items() if key not in ("rule", "momentum", "bounds", "record_every")}
    assert_same(fastgd.PolynomialFit(X, Y, 3), pool, engine=engine, **how)


def test_zipped_configurations(pool, small_tiles):
    zipped = {"learning_rate": RATES, "max_steps": np.arange(40) * 3}
    assert_same(fastgd.PolynomialFit(X, Y, 3), pool, configurations=zipped, learning_rate=None)


def test_a_configuration(pool):
    assert_same(fastgd.PolynomialFit(X, Y, 3), pool, learning_rate=0.1)


class Elsewhere(Executor):
    """Workers that do not see the folder of a sweep, as on another machine; `sent` are the tasks."""

    def __init__(self, pool):
        self.pool = pool
        self.num_workers = 2
        self.sent = []

    def submit(self, function, task, parcel):
        self.sent.append((task, parcel))
        return self.pool.submit(function, task._replace(folder="/nowhere"), parcel)


def test_large_samples_are_mapped_or_travel_once(pool, monkeypatch):
    """By a file where workers see it; else by bytes, to each process that lacks them."""
    x = np.linspace(-1.0, 1.0, 200_001)
    problem = fastgd.PolynomialFit(x, np.sin(3 * x), 3)
    pieces = []
    of_file = parcel.Packing.by_file
    monkeypatch.setattr(parcel.Packing, "by_file", lambda *of: pieces.append(of_file(*of)) or pieces[-1])
    assert_same(problem, pool, max_steps=3, engine="samples")
    assert [(len(piece.head) < 100_000, len(piece.places), piece.raw) for piece in pieces] == [(True, 2, None)]
    elsewhere = Elsewhere(pool)
    assert_same(problem, elsewhere, max_steps=3, engine="samples")
    whole = [parcel for _, parcel in elsewhere.sent if parcel is not None and parcel.raw is not None]
    assert 1 <= len(whole) <= 4


def test_a_worker_asks_for_what_it_lacks():
    assert tasks.run_task(tasks.Task("unknown", "/nowhere", 0, 0)) == tasks.Missing()


@pytest.mark.parametrize("seen", [True, False])
def test_into_a_store(pool, tmp_path, small_tiles, seen, monkeypatch):
    """Written by workers where they see it, else here."""
    written = []
    write = work.Work.write
    monkeypatch.setattr(work.Work, "write", lambda *of: written.append(of[1]) or write(*of))
    if not seen:
        monkeypatch.setattr(tasks, "_sees", lambda store: False)
    by = pool if seen else ThreadPoolExecutor(2)
    problem = fastgd.PolynomialFit(X, Y, 3)
    how = {"learning_rate": RATES, "max_steps": [5, 50], "record_every": 10, "store": tmp_path / "run.zarr"}
    if not seen:
        monkeypatch.setattr(tasks, "here", NoDictionary())
    stored = fastgd.sweep(problem, **how, executor=by)
    how.pop("store")
    assert len(written) == (0 if seen else stored.tiles)
    assert stored.tiles_finished == stored.tiles > 8
    assert bits(stored) == bits(fastgd.sweep(problem, **how))
    assert not list(tmp_path.rglob("*.partial"))


class NoDictionary(dict):
    """Lets a worker in this process know nothing of its sweeps."""

    def __contains__(self, key):
        return False


def test_a_store_goes_on_and_grows(pool, tmp_path, small_tiles):
    problem = fastgd.PolynomialFit(X, Y, 3)
    store = tmp_path / "run.zarr"
    first = fastgd.sweep(problem, learning_rate=RATES[::2], max_steps=40, store=store)
    (store / "status" / "c.1").unlink()
    again = fastgd.sweep(problem, learning_rate=RATES[::2], max_steps=40, store=store, executor=pool)
    assert bits(again) == bits(first)
    longer = fastgd.sweep(problem, learning_rate=RATES, max_steps=40, store=store, executor=pool)
    assert bits(longer) == bits(fastgd.sweep(problem, learning_rate=RATES, max_steps=40))


def test_made_by_a_function_and_shut_down():
    made = []

    def make():
        made.append(ThreadPoolExecutor(2))
        return made[-1]

    assert_same(fastgd.PolynomialFit(X, Y, 3), make, max_steps=20)
    assert len(made) == 1
    with pytest.raises(RuntimeError, match="after shutdown"):
        made[0].submit(print)
    assert_same(fastgd.PolynomialFit(X, Y, 3), ThreadPoolExecutor, max_steps=20)


def test_progress_counts_every_configuration(pool, small_tiles):
    told = []
    result = fastgd.sweep(
        fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES, executor=pool, progress=lambda *of: told.append(of)
    )
    done, total, counts = told[-1]
    assert done == total == sum(counts.values()) == RATES.size
    assert set(counts) == {fastgd.Status(code).name for code in np.unique(result.status)}


def test_what_progress_raises_stops_the_workers(pool, small_tiles, monkeypatch):
    def stop(*_):
        raise LookupError("enough")

    monkeypatch.setattr("fastgd.sweeps.progress.REPORT_EVERY", 0.0)
    with pytest.raises(fastgd.SweepInterrupted, match="LookupError: enough") as caught:
        fastgd.sweep(fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES, executor=pool, progress=stop)
    part = caught.value.result
    finished = part.status != fastgd.Status.CANCELLED
    assert 0 < finished.sum() < RATES.size
    whole = fastgd.sweep(fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES)
    assert (part.theta[finished] == whole.theta[finished]).all()
    assert np.isnan(part.theta[~finished]).all()
    assert tasks.here == {}


def test_what_a_function_raises_in_a_worker(pool):
    def fails(theta):
        if theta > 2.0:
            raise LookupError(f"no {theta}")
        return theta**2

    problem = fastgd.Objective(fails, lambda t: 2 * t, start=1.0, compile=False)
    how = {"theta0": [[1.0], [3.0]], "learning_rate": 0.1}
    with pytest.raises(LookupError) as here:
        fastgd.sweep(problem, **how)
    with pytest.raises(LookupError) as there:
        fastgd.sweep(problem, **how, executor=pool)
    assert str(there.value) == str(here.value) == "no 3.0"
    assert "In a worker of the executor:" in there.value.__notes__[0]
    assert "in fails" in there.value.__notes__[0]


class Silent(Executor):
    """Says nothing of its workers; its futures are what a function makes of a task."""

    def __init__(self, answer):
        self.answer = answer
        self.submitted = []

    def submit(self, function, *arguments):
        self.submitted.append(arguments[0])
        future = Future()
        try:
            future.set_result(self.answer(function, *arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_a_worker_is_lost_now_and_then():
    """Tasks are sent again, none equal to another."""
    lost = set()

    def answer(function, task, parcel):
        if task.tile % 5 == 0 and task.attempt < 3:
            lost.add(task)
            raise ConnectionError("gone")
        return function(task, parcel)

    executor = Silent(answer)
    assert_same(fastgd.PolynomialFit(X, Y, 3), executor, max_steps=20)
    assert len(lost) == 3 * 8
    assert len(set(executor.submitted)) == len(executor.submitted) == RATES.size + len(lost)


def test_a_tile_that_loses_every_worker_ends_the_sweep(tmp_path):
    def answer(function, task, parcel):
        if task.tile == 20:
            raise ConnectionError("gone.\nAnd more of that.")
        return function(task, parcel)

    problem = fastgd.PolynomialFit(X, Y, 3)
    how = {"learning_rate": RATES, "max_steps": 20}
    sentence = (
        r"executor lost its workers \(ConnectionError: gone\), \d+ of 40 configurations finished; "
        "they are in .result, and with store= the same call would go on from there"
    )
    with pytest.raises(fastgd.ExecutorLost, match=sentence) as caught:
        fastgd.sweep(problem, **how, executor=Silent(answer))
    whole = fastgd.sweep(problem, **how)
    part = caught.value.result
    finished = part.status != fastgd.Status.CANCELLED
    assert 20 <= finished.sum() < 40
    assert (part.loss[finished] == whole.loss[finished]).all()
    store = str(tmp_path / "run.zarr")
    with pytest.raises(fastgd.ExecutorLost, match=f"the same call goes on from the store '{store}'"):
        fastgd.sweep(problem, **how, executor=Silent(answer), store=store)
    kept = fastgd.open_result(store)
    assert 20 <= kept.configurations_finished < 40
    assert bits(fastgd.sweep(problem, **how, store=store)) == bits(whole)


def test_an_executor_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(fastgd.ExecutorLost, match="cannot schedule new futures after shutdown"):
        fastgd.sweep(fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES, executor=pool)


@pytest.mark.parametrize("executor", [3, "processes", object(), np.arange(3)])
def test_what_is_no_executor(executor):
    with pytest.raises(TypeError) as caught:
        fastgd.sweep(fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES, executor=executor)
    assert str(caught.value) == (
        "executor must have submit, as executors of concurrent.futures have, or be a function that makes one, got "
        f"{shown(executor)}"
    )


def test_a_function_that_makes_no_executor():
    with pytest.raises(TypeError, match=r"executor must make what has submit, as executors .* have, got 3"):
        fastgd.sweep(fastgd.PolynomialFit(X, Y, 3), learning_rate=RATES, executor=lambda: 3)


def test_what_can_not_be_pickled(pool):
    lock = threading.Lock()

    def locked(theta):
        with lock:
            return theta**2

    problem = fastgd.Objective(locked, lambda t: 2 * t, start=1.0, compile=False)
    with pytest.raises(ValueError, match=r"executor needs a problem that can be pickled, got TypeError: .*lock") as no:
        fastgd.sweep(problem, learning_rate=RATES, executor=pool)
    assert str(no.value).endswith("; keep files, locks and connections out of its functions, or leave executor out")
    assert_same(problem, ThreadPoolExecutor(2))


@pytest.mark.parametrize(("workers", "asked", "threads"), [(1, None, 6), (2, None, 3), (2, 2, 2), (4, 3, 1), (8, 9, 1)])
def test_processes_times_threads_are_not_more_than_cores(monkeypatch, workers, asked, threads):
    monkeypatch.setattr(crew, "resolve_threads", lambda threads: 6)
    with ThreadPoolExecutor(workers) as pool:
        assert crew.Crew(pool).threads(asked) == threads
    assert crew.Crew(Silent(print)).threads(asked) == 1
