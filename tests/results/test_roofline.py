"""The machine's limits: cached, and measured with arrays that no cache holds. Nothing here fails on a time."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import fastgd
from fastgd.kernels.probes import FILL, MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32, READ, probe
from fastgd.kernels.threads import parallel_launch, resolve_threads, threading_layer
from fastgd.results import roofline
from fastgd.results.roofline import LARGEST_ARRAY, USUAL_CACHE, Roofline, array_bytes, last_level_cache


@pytest.fixture(scope="module")
def limit():
    return fastgd.roofline()


def test_limits_are_positive_and_finite(limit):
    for each in (limit.read_bandwidth, limit.fma_peak, limit.fma_peak_float32, limit.seconds):
        assert 0.0 < each < np.inf


def test_balance_is_operations_in_the_time_of_a_byte():
    by_hand = Roofline(32.0, 88.0, 176.0, threads=2, threading_layer="tbb", cache_bytes=1, array_bytes=4, seconds=1.0)
    assert by_hand.balance == 2.75


def test_limits_are_the_counts_over_the_best_time(monkeypatch):
    """On a clock that strikes each time it is read, every repetition takes one second."""
    clock = itertools.count(0.0)
    monkeypatch.setattr(roofline, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(roofline, "LARGEST_ARRAY", 1 << 20)
    found = roofline._measure(1)
    assert found.fma_peak == found.fma_peak_float32 == 2.0 * roofline.MULTIPLY_ADDS / 1e9
    assert found.read_bandwidth == found.bandwidth(1 << 15) == 32 * (1 << 20) / 1e9  # the shorter arrays as often
    assert [size for size, _ in found.read_bandwidths] == [1 << 15, 1 << 17, 1 << 19, 1 << 21]


def test_names_its_threads(limit):
    assert (limit.threads, limit.threading_layer) == (resolve_threads(None), threading_layer())
    assert fastgd.roofline(threads=1).threads == 1


def test_measured_once_for_a_number_of_threads(limit):
    assert fastgd.roofline() is limit
    assert fastgd.roofline(threads=limit.threads) is limit
    one = []
    callers = [threading.Thread(target=lambda: one.append(fastgd.roofline(threads=1))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(one) == 3
    assert one[0] is one[1] is one[2]


def test_more_threads_than_there_are_count_as_all_of_them(limit):
    from numba.np.ufunc.parallel import get_thread_count

    assert fastgd.roofline(threads=100_000).threads == get_thread_count()


def test_callers_threads_are_kept(limit):
    before = resolve_threads(None)
    fastgd.roofline(threads=1)
    assert resolve_threads(None) == before


def test_is_frozen(limit):
    with pytest.raises(dataclasses.FrozenInstanceError):
        limit.read_bandwidth = 1.0


def test_prints_what_it_measured(limit):
    text = str(limit)
    assert f"{limit.read_bandwidth:,.1f} GB/s" in text
    assert f"{limit.fma_peak:,.1f} GFLOP/s" in text
    assert f"{limit.fma_peak_float32:,.1f} GFLOP/s" in text
    assert f"on {limit.threads} thread" in text


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (-1, ValueError), (1.5, ValueError), ("2", TypeError)])
def test_threads_must_be_a_whole_number(threads, error):
    with pytest.raises(error, match="threads"):
        fastgd.roofline(threads=threads)


# ---- the probes do what is counted ----------------------------------------------------------------------------------


@pytest.fixture
def run():
    def run(kind, a, b, s, count, shares):
        results = np.zeros(shares)
        with parallel_launch():
            probe(kind, a, b, s, count, results)
        return results

    return run


@pytest.mark.parametrize("shares", [1, 2, 3])
def test_read_is_the_dot_product_of_all_elements(run, shares):
    a, b = np.arange(1001.0), np.arange(1001.0)[::-1].copy()
    assert run(READ, a, b, 1.0, 3, shares).sum() == a @ b  # integers: exact in any order


def test_fill_writes_every_element(run):
    a, b = np.full(1001, np.nan), np.full(1001, np.nan)
    run(FILL, a, b, 1.0, 0, 3)
    assert (a == 1.0).all()
    assert (b == 0.5).all()


@pytest.mark.parametrize("kind", [MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32])
def test_every_chain_takes_its_multiply_adds(run, kind):
    """Chains c = 0, 1, ... begin at s + c and after n steps are 2 s + (c - s) / 2^n: exact for small n."""
    none = np.empty(0)
    begin = run(kind, none, none, 3.0, 0, 1)[0]  # lanes * sum over c of 3 + c
    chains = next(chains for chains in (12, 16) if begin % sum(3 + c for c in range(chains)) == 0)
    lanes = begin / sum(3 + c for c in range(chains))
    for steps in (1, 2, 5):
        expected = lanes * sum(6 + (c - 3) / 2**steps for c in range(chains))
        assert run(kind, none, none, 3.0, int(steps * chains * lanes), 1)[0] == expected


def test_float32_has_twice_the_lanes(run):
    none = np.empty(0)
    double, single = (run(kind, none, none, 3.0, 0, 1)[0] for kind in (MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32))
    assert single == 2 * double


def test_the_usual_count_is_a_multiple_of_all_lanes(run):
    from fastgd.results.roofline import MULTIPLY_ADDS

    none = np.empty(0)
    for kind in (MULTIPLY_ADD, MULTIPLY_ADD_FLOAT32):
        assert all(MULTIPLY_ADDS % (chains * lanes) == 0 for chains in (12, 16) for lanes in (2, 4, 8, 16))
        assert np.isfinite(run(kind, none, none, 1.0, MULTIPLY_ADDS, 1)).all()


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_arrays_are_four_caches_within_bounds(limit):
    assert limit.cache_bytes == last_level_cache()
    assert limit.array_bytes == array_bytes(limit.cache_bytes)
    assert array_bytes(1 << 22) == 4 << 22
    assert array_bytes(1 << 40) <= LARGEST_ARRAY


def write_caches(folder, processor, *caches):
    for number, (level, size, shared_by) in enumerate(caches):
        index = folder / f"cpu{processor}" / "cache" / f"index{number}"
        index.mkdir(parents=True)
        (index / "level").write_text(f"{level}\n")
        (index / "size").write_text(f"{size}\n")
        (index / "shared_cpu_list").write_text(f"{shared_by}\n")


def test_last_level_caches_are_added_up(tmp_path):
    for processor, shared_by in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        write_caches(tmp_path, processor, (1, "48K", processor), (2, "1M", processor), (3, "32768K", shared_by))
    assert last_level_cache(tmp_path, {0, 1, 2, 3}) == 2 * 32768 * 1024
    assert last_level_cache(tmp_path, {0, 1}) == 32768 * 1024


def test_unknown_cache_gets_the_usual_size(tmp_path):
    assert last_level_cache(tmp_path, {0}) == USUAL_CACHE
    write_caches(tmp_path, 0, (1, "unknown", 0))
    assert last_level_cache(tmp_path, {0}) == USUAL_CACHE
