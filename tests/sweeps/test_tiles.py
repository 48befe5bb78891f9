"""Scheduling: tiles in order, what was not begun, and what is done before and after them without a word to say so."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import fastgd
from fastgd import Status, check
from fastgd.sweeps import progress, run, tiles
from fastgd.sweeps.engines import state
from fastgd.sweeps.engines.plan import Cut
from fastgd.sweeps.engines.samples import SamplesPlan
from tests.tools.cases import RESULTS, bits

RATES = np.geomspace(1e-4, 1e-1, 5000)


def cubic():
    x = np.linspace(-1, 1, 50)
    return fastgd.PolynomialFit(x, np.sin(3 * x), 3)


@pytest.fixture
def many_tiles(cut):
    cut(thread_seconds=0.0, tile_seconds=0.0, largest_exact_tile=50)


@pytest.fixture
def garbage(monkeypatch):
    """Let memory that nobody has written to hold numbers."""

    def empty(shape, dtype=np.float64):
        return np.full(shape, 7, dtype=dtype)

    monkeypatch.setattr(state.np, "empty", empty)


def sweep(**how):
    shared = {"learning_rate": RATES, "max_steps": 20, "engine": "spectral", "record_every": 10}
    return fastgd.sweep(cubic(), **shared | how)


def arrays_of(result):
    return [getattr(result, name) for name in RESULTS] + [result.trajectory.theta, result.trajectory.loss]


@pytest.mark.parametrize("ahead", [1, 3, 99, 100, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_all_tiles_are_run_however_few_are_given_ahead(many_tiles, monkeypatch, ahead, threads):
    monkeypatch.setattr(tiles, "AHEAD", ahead)
    seen = []
    result = sweep(threads=threads, progress=lambda done, total, counts: seen.append((done, total)))
    assert seen[-1] == (RATES.size, RATES.size)
    monkeypatch.undo()
    assert bits(result) == bits(sweep())


def test_few_tiles_wait_for_a_thread(many_tiles, monkeypatch):
    """Of millions of tiles the first would wait for the last to be given, and so would Ctrl-C."""
    monkeypatch.setattr(tiles, "AHEAD", 5)
    waiting = []

    class Pool(tiles.ThreadPoolExecutor):
        def submit(self, *arguments):
            waiting.append(self._work_queue.qsize())
            return super().submit(*arguments)

    monkeypatch.setattr(tiles, "ThreadPoolExecutor", Pool)
    sweep(threads=2)
    assert len(waiting) == 100
    assert max(waiting) < 5


@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_not_begun_is_told_as_such(many_tiles, garbage, monkeypatch, threads):
    monkeypatch.setattr(progress, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(tiles, "AHEAD", 3)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(fastgd.SweepInterrupted) as caught:
        sweep(threads=threads, progress=stop)
    result, whole = caught.value.result, sweep()
    begun = result.status != Status.CANCELLED
    assert 0 < begun.sum() < RATES.size
    for found, expected in zip(arrays_of(result), arrays_of(whole), strict=True):
        assert np.array_equal(found[begun], expected[begun], equal_nan=True)
    assert np.isnan(result.loss[~begun]).all()
    assert np.isnan(result.gradient_norm[~begun]).all()
    assert np.isnan(result.trajectory.loss[~begun]).all()
    assert np.isnan(result.trajectory.theta[~begun]).all()
    assert (result.steps[~begun] == 0).all()
    at_start = (result.theta == 0.0).all(axis=1)  # a tile that was told to stop before its first step
    assert (at_start | np.isnan(result.theta).all(axis=1))[~begun].all()
    assert np.isnan(result.theta[-50:]).all()
    assert str(caught.value).startswith(f"sweep interrupted, {begun.sum():,} of 5,000 configurations finished")


def test_a_tile_left_while_it_was_set_up_was_not_begun(many_tiles, garbage, monkeypatch):
    def clear(part):
        state.clear(part)
        part.loss.fill(7.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(tiles, "clear", clear)
    with pytest.raises(fastgd.SweepInterrupted) as caught:
        sweep(threads=1)
    assert (caught.value.result.status == Status.CANCELLED).all()
    assert np.isnan(caught.value.result.loss).all()


def test_ctrl_c_while_the_result_is_gathered_keeps_all_of_it(monkeypatch):
    interruptions = iter([KeyboardInterrupt])

    def total(steps):
        for interruption in interruptions:
            raise interruption
        return state.total(steps)

    monkeypatch.setattr(run, "total", total)
    with pytest.raises(fastgd.SweepInterrupted, match="5,000 of 5,000 configurations finished") as caught:
        sweep()
    monkeypatch.undo()
    assert bits(caught.value.result) == bits(sweep())


def test_a_second_ctrl_c_leaves_at_once(monkeypatch):
    def total(steps):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "total", total)
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep()
    assert caught.type is KeyboardInterrupt


# ---- before and after the tiles -------------------------------------------------------------------------------------


def peak_of(function, *arguments, **how):
    tracemalloc.start()
    try:
        function(*arguments, **how)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LARGE = 3_000_000
SMALL = 8 * check.RUN * 4  # four numbers for each element of a run


def test_checks_of_an_axis_have_no_temporaries_of_its_size():
    assert SMALL < 8 * LARGE / 2
    axis, steps = np.linspace(0, 1, LARGE), np.arange(LARGE)
    assert peak_of(check.numbers_between, "axis", axis, minimum=0.0, maximum=1.0) < SMALL
    assert peak_of(check.numbers_between, "axis", steps, minimum=0.0, whole=True) < steps.nbytes + SMALL


@pytest.mark.parametrize("at", [0, check.RUN - 1, check.RUN, LARGE - 1])
def test_checks_find_what_is_wrong_in_every_part(at):
    axis = np.zeros(LARGE)
    axis[at] = -0.25
    with pytest.raises(ValueError, match=r"axis must be numbers >= 0, got -0.25"):
        check.numbers_between("axis", axis, minimum=0.0)
    axis[at] = 0.5
    with pytest.raises(ValueError, match=r"axis must be whole numbers, got 0.5"):
        check.numbers_between("axis", axis, whole=True)
    steps = axis.astype(np.int32)
    steps[at] = 7
    with pytest.raises(ValueError, match=r"axis must be whole numbers <= 6, got 7"):
        check.numbers_between("axis", steps, maximum=6, whole=True)


@pytest.mark.parametrize("at", [0, check.RUN, LARGE - 1])
def test_every_start_is_held_against_the_bounds(at):
    starts = np.zeros((LARGE, 1))
    starts[at] = 2.0
    with pytest.raises(ValueError, match=r"^theta0 must lie within bounds, got 2.0 for parameter 0, outside"):
        fastgd.sweep(fastgd.examples.square(), theta0=starts, learning_rate=0.1, bounds=(-1, 1))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint64, ">i4", np.float64, np.float32])
def test_whole_numbers_of_any_type(dtype):
    given = np.array([0, 3, 100], dtype=dtype)
    found = check.numbers_between("axis", given, minimum=0.0, maximum=2.0**53, whole=True)
    assert found.dtype == np.int64
    assert found.dtype.isnative
    assert found.tolist() == [0, 3, 100]
    assert not np.shares_memory(found, given)


def test_one_step_too_many_is_too_many_in_ints():
    """Next to 2^53 + 1 there is no float."""
    steps = np.array([2**53, 2**53 + 1])
    assert check.numbers_between("axis", steps[:1], maximum=2.0**53, whole=True).tolist() == [2**53]
    with pytest.raises(ValueError, match=r"axis must be whole numbers <= 9.0072e"):
        check.numbers_between("axis", steps, maximum=2.0**53, whole=True)


def test_what_is_counted_at_the_end_has_no_temporaries_of_the_grids_size():
    steps, status = np.full(LARGE, 2**53), np.zeros(LARGE, dtype=np.int8)
    status[:10] = Status.CANCELLED
    assert state.total(steps) == LARGE * 2**53
    assert state.finished(status) == LARGE - 10
    assert peak_of(state.total, steps) < SMALL
    assert peak_of(state.finished, status) < SMALL


@pytest.mark.parametrize("tile", [1, 7, 4096, 10**7])
@pytest.mark.parametrize("axis", ["configurations", "samples"])
def test_sample_visits_of_a_large_grid(tile, axis, force):
    """Each evaluation visits every sample; where all of a tile share a pass, the longest of it is read."""
    problem, C = cubic(), 600_000 if tile > 1 else 50_000
    grown = state.new_state(C, 4, 0, 0)
    state.clear(grown)
    grown.steps[:] = np.random.default_rng(0).integers(0, 5, C)
    grown.status[: C // 2], grown.loss[: C // 2] = Status.MAX_STEPS, 1.0
    grown.loss[C // 2 : C // 2 + 9], grown.steps[C // 2 + 9 :] = 1.0, 0  # under way, and not begun
    cut = Cut(workers=0, tile_size=tile, first_budget=1, slice_seconds=0.1)
    plan = SamplesPlan(problem, None, None, cut, axis == "samples", 1, "none", False, 64)
    evaluations = grown.steps + (np.arange(C) < C // 2 + 9)
    plan.evaluations += [int(evaluations[: C // 3].sum()), int(evaluations[C // 3 :].sum())]
    found = plan.counts(plan.passes(grown))
    assert found.evaluations == evaluations.sum()
    assert found.sample_visits == 50 * evaluations.sum()
    read = evaluations
    if axis == "samples":
        read = [evaluations[first : first + tile].max() for first in range(0, C, tile)]
    assert found.bytes == 16 * 50 * int(np.sum(read))
    assert found.flops == 16 * 50 * evaluations.sum()
    if tile < C:
        assert peak_of(plan.passes, grown) < SMALL
