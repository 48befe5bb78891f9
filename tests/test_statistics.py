"""Passes over the data: the same bits whatever the threads, the launches and where the arrays lie."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fastgd.statistics
from fastgd.kernels.chebyshev import MAX_TUPLE
from fastgd.statistics import FEW_FEATURES, linear_quadratic, polynomial_quadratic

SAMPLES = 70_001  # nine blocks, the last one short


def spread():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3.0, 5.0, SAMPLES)
    return x, np.sin(x) + rng.normal(size=SAMPLES)


def lopsided():
    rng = np.random.default_rng(1)
    x = rng.standard_t(1.5, SAMPLES)
    return x, rng.normal(size=SAMPLES)


def table(F):
    rng = np.random.default_rng(F)
    return rng.normal(size=(SAMPLES, F)) + 3.0, rng.normal(size=SAMPLES)


PROBLEMS = {
    "tuples": (lambda: polynomial_quadratic(*spread(), 3), "Chebyshev polynomials, Cholesky"),
    "largest tuple": (lambda: polynomial_quadratic(*spread(), MAX_TUPLE), "Chebyshev polynomials, Cholesky"),
    "arrays": (lambda: polynomial_quadratic(*spread(), MAX_TUPLE + 1), "Chebyshev polynomials, Cholesky"),
    "second pass": (lambda: polynomial_quadratic(*lopsided(), 3), "orthogonal polynomials, Cholesky"),
    "few features": (lambda: linear_quadratic(*table(FEW_FEATURES), True), "centred features, Cholesky"),
    "more features": (lambda: linear_quadratic(*table(FEW_FEATURES + 13), True), "centred features, Cholesky"),
}


def assert_same_bits(first, second):
    for name in ("R", "q", "theta", "factor"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.floor == second.floor


@pytest.fixture
def two_threads():
    before = numba.get_num_threads()
    if numba.config.NUMBA_NUM_THREADS < 2:
        numba.config.NUMBA_NUM_THREADS = 2
    yield
    numba.set_num_threads(before)


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


def test_threads_change_no_bit(problem, two_threads):
    take, method = problem
    numba.set_num_threads(1)
    one = take()
    numba.set_num_threads(2)
    two = take()
    assert one.method == two.method == method
    assert_same_bits(one, two)


def test_launches_change_no_bit(problem, monkeypatch):
    take, _ = problem
    at_once = take()
    monkeypatch.setattr(fastgd.statistics, "LAUNCH_WORK", 1)
    monkeypatch.setattr(fastgd.statistics, "resolve_threads", lambda threads: 1)
    launches = []

    class Counting(fastgd.statistics._Pass):
        def results(self):
            for results in super().results():
                launches.append(len(results))
                yield results

    monkeypatch.setattr(fastgd.statistics, "_Pass", Counting)
    assert_same_bits(take(), at_once)
    assert len(launches) > 9
    assert set(launches) == {1}


def test_a_process_without_threads_gets_the_same_bits(problem, monkeypatch):
    take, _ = problem
    threaded = take()

    def refuse():
        raise AssertionError("a launch")

    monkeypatch.setattr(fastgd.statistics, "can_launch", lambda: False)
    monkeypatch.setattr(fastgd.statistics, "parallel_launch", refuse)
    assert_same_bits(take(), threaded)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [500, SAMPLES])
def test_where_the_data_lie_changes_no_bit(dtype, samples, tmp_path):
    x, y = (values[:samples].astype(dtype) for values in spread())
    X = np.column_stack([x, x * x, np.cos(x)]).astype(dtype)
    stored = []
    for name, values in (("x", x), ("y", y), ("X", X)):
        values.tofile(tmp_path / name)
        stored.append(np.memmap(tmp_path / name, dtype=dtype, mode="r", shape=values.shape).view(np.ndarray))
    assert not stored[0].flags.writeable
    assert_same_bits(polynomial_quadratic(stored[0], stored[1], 3), polynomial_quadratic(x, y, 3))
    assert_same_bits(linear_quadratic(stored[2], stored[1], True), linear_quadratic(X, y, True))


@pytest.mark.parametrize("degree", [3, 9])
def test_float32_is_storage_only(degree):
    x, y = (values.astype(np.float32) for values in spread())
    narrow = polynomial_quadratic(x, y, degree)
    wide = polynomial_quadratic(x.astype(np.float64), y.astype(np.float64), degree)
    np.testing.assert_allclose(narrow.theta, wide.theta, rtol=1e-10)
    assert narrow.floor == pytest.approx(wide.floor, rel=1e-14)
    X = np.column_stack([x, np.cos(x)])
    narrow, wide = linear_quadratic(X, y, True), linear_quadratic(X.astype(float), y.astype(float), True)
    np.testing.assert_allclose(narrow.theta, wide.theta, rtol=1e-11)


def test_a_long_pass_comes_back_to_python():
    # a pass of 2e9 samples of a cubic, or of 1e5 rows of 2,000 features, is many launches
    def launches(block, samples, shape, work):
        calls = []
        job = fastgd.statistics._Pass(lambda first, out: calls.append(len(out)), None, (), block, samples, shape, work)
        for _ in job.results():
            pass
        return calls

    assert len(launches(8192, 2_000_000_000, (10,), 23)) > 20
    assert len(launches(512, 100_000, (4, 4), 2_000_000)) > 50
