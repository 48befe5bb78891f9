"""Passes over the data: the same bits whatever the threads, the tasks and where the arrays lie."""

from __future__ import annotations

import _thread
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

import fastgd.least_squares.passes
from fastgd.kernels.least_squares.chebyshev import MAX_TUPLE
from fastgd.least_squares.features import FEW_FEATURES
from fastgd.least_squares.from_samples import linear_quadratic, polynomial_quadratic
from fastgd.least_squares.passes import Pass, Workers
from tests.tools.processes import run

SAMPLES = 70_001  # nine blocks, the last one short


def read_only(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def spread(dtype=np.float64):
    rng = np.random.default_rng(0)
    x = rng.uniform(-3.0, 5.0, SAMPLES).astype(dtype)
    return read_only(x, np.sin(x) + rng.normal(size=SAMPLES).astype(dtype))


def lopsided():
    rng = np.random.default_rng(1)
    x = rng.uniform(0.0, 1e-3, SAMPLES)
    x[12_345] = 1.0
    return read_only(x, rng.normal(size=SAMPLES))


def table(F):
    rng = np.random.default_rng(F)
    return read_only(rng.normal(size=(SAMPLES, F)) + 3.0, rng.normal(size=SAMPLES))


PROBLEMS = {
    "tuples": (lambda: polynomial_quadratic(*spread(), 3), "Chebyshev polynomials, Cholesky"),
    "largest tuple": (lambda: polynomial_quadratic(*spread(), MAX_TUPLE), "Chebyshev polynomials, Cholesky"),
    "arrays": (lambda: polynomial_quadratic(*spread(), MAX_TUPLE + 1), "Chebyshev polynomials, Cholesky"),
    "second pass": (lambda: polynomial_quadratic(*lopsided(), 3), "orthogonal polynomials, Cholesky"),
    "few features": (lambda: linear_quadratic(*table(FEW_FEATURES), True), "centred features, Cholesky"),
    "more features": (lambda: linear_quadratic(*table(FEW_FEATURES + 13), True), "centred features, Cholesky"),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


@pytest.fixture
def pools(monkeypatch):
    """Return the list of the numbers of threads in pools to come."""
    sizes = []

    class Watched(ThreadPoolExecutor):
        def __init__(self, workers, **options):
            sizes.append(workers)
            super().__init__(workers, **options)

    monkeypatch.setattr(fastgd.least_squares.passes, "THREAD_WORK", 1)
    monkeypatch.setattr(fastgd.least_squares.passes, "ThreadPoolExecutor", Watched)
    return sizes


def assert_same_bits(first, second):
    for name in ("R", "q", "theta", "rows_in_basis"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.floor == second.floor


def test_threads_change_no_bit(problem, pools, monkeypatch):
    take, method = problem
    taken = {}
    for threads in (1, 2, 5):
        monkeypatch.setattr(fastgd.least_squares.passes, "resolve_threads", lambda _, threads=threads: threads)
        taken[threads] = take()
    assert set(pools) == {1, 4}  # beside the calling thread
    assert taken[1].method == method
    assert_same_bits(taken[2], taken[1])
    assert_same_bits(taken[5], taken[1])


def test_tasks_change_no_bit(problem, pools, monkeypatch):
    take, _ = problem
    at_once = take()
    monkeypatch.setattr(fastgd.least_squares.passes, "TASK_WORK", 1)
    monkeypatch.setattr(fastgd.least_squares.passes, "RESULT_BYTES", 1)
    assert_same_bits(take(), at_once)


def test_numba_says_how_many_threads(pools):
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    polynomial_quadratic(*spread(), 3)
    numba.set_num_threads(before)
    assert not pools
    polynomial_quadratic(*spread(), 3)
    assert set(pools) == ({before - 1} if before > 1 else set())


FORKED = """
import os
import numpy as np, fastgd, fastgd.least_squares.passes
from fastgd.least_squares.from_samples import polynomial_quadratic
fastgd.least_squares.passes.THREAD_WORK = 1
fastgd.least_squares.passes.resolve_threads = lambda threads: 2
x, y = np.random.default_rng(0).normal(size=(2, 70_001))
fastgd.PolynomialFit(x, y, 3).loss([0, 0, 0, 0])  # by Numba's threads, which a child of this process does not have
before = polynomial_quadratic(x, y, 3)
child = os.fork()
if child == 0:
    after = polynomial_quadratic(x, y, 3)
    same = all(getattr(after, name).tobytes() == getattr(before, name).tobytes() for name in ("R", "q", "theta"))
    os._exit(17 if same and after.floor == before.floor else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.process
def test_a_forked_process_gets_the_same_bits():
    assert run(FORKED, flags=("-W", "ignore"), NUMBA_THREADING_LAYER="workqueue") == "17"


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pass_can_be_interrupted(threads, pools, monkeypatch):
    monkeypatch.setattr(fastgd.least_squares.passes, "TASK_WORK", 1)
    monkeypatch.setattr(fastgd.least_squares.passes, "resolve_threads", lambda _: threads)
    ran = []

    def kernel(first, out):
        ran.append(first)
        time.sleep(0.001)
        if first == 10:
            _thread.interrupt_main()
            time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt), Workers() as workers:
        Pass(kernel, (), 1, 5000, (1,), 1).total(workers)
    count = len(ran)
    assert 10 < count < 1000
    time.sleep(0.05)
    assert len(ran) == count


def test_calls_are_short():
    # a pass of 2e9 samples of a cubic, and of 1e5 rows of 2,000 features
    for block, samples, shape, work in [(8192, 2_000_000_000, (10,), 23), (512, 100_000, (4, 4), 2_000_000)]:
        calls = []

        def kernel(first, out, calls=calls):
            calls.append((first, len(out)))

        for _ in Pass(kernel, (), block, samples, shape, work).results(Workers()):
            pass
        assert sum(length for _, length in calls) == -(-samples // block)
        assert max(length for _, length in calls) * block * work <= 2 << 29


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [500, SAMPLES])
def test_where_the_data_lie_changes_no_bit(dtype, samples, tmp_path):
    x, y = (values[:samples] for values in spread(dtype))
    (X,) = read_only(np.column_stack([x, x * x, np.cos(x)]).astype(dtype))
    stored = []
    for name, values in (("x", x), ("y", y), ("X", X)):
        values.tofile(tmp_path / name)
        stored.append(np.memmap(tmp_path / name, dtype=dtype, mode="r", shape=values.shape).view(np.ndarray))
    assert_same_bits(polynomial_quadratic(stored[0], stored[1], 3), polynomial_quadratic(x, y, 3))
    assert_same_bits(linear_quadratic(stored[2], stored[1], True), linear_quadratic(X, y, True))


@pytest.mark.parametrize("degree", [3, 9])
def test_float32_is_storage_only(degree):
    x, y = spread(np.float32)
    narrow = polynomial_quadratic(x, y, degree)
    wide = polynomial_quadratic(*read_only(x.astype(np.float64), y.astype(np.float64)), degree)
    np.testing.assert_allclose(narrow.theta, wide.theta, rtol=1e-10)
    assert narrow.floor == pytest.approx(wide.floor, rel=1e-14)
    X, X_wide = read_only(np.column_stack([x, np.cos(x)]), np.column_stack([x, np.cos(x)]).astype(np.float64))
    narrow = linear_quadratic(X, y, True)
    wide = linear_quadratic(X_wide, *read_only(y.astype(np.float64)), True)
    np.testing.assert_allclose(narrow.theta, wide.theta, rtol=1e-11)
