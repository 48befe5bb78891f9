"""Progress, and stopping from outside."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.cases import square

# ---- progress and stopping from outside -----------------------------------------------------------------------------


def test_progress_counts_up_to_the_whole():
    calls = []
    rates = np.linspace(0.01, 1.5, 3000)
    result = fastgd.sweep(
        square(), learning_rate=rates, max_steps=100, progress=lambda *arguments: calls.append(arguments)
    )
    done, total, counts = calls[-1]
    assert done == total == 3000
    assert counts == {
        Status(status).name: int(count)
        for status, count in zip(*np.unique(result.status, return_counts=True), strict=True)
    }
    assert all(a[0] < b[0] for a, b in itertools.pairwise(calls))
    assert all(call[1] == 3000 and sum(call[2].values()) == call[0] for call in calls)


def slow_problem():
    x = np.linspace(-1, 1, 3000)
    return fastgd.PolynomialFit(x, np.sin(x), 3)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_progress_that_raises_stops_the_sweep_and_keeps_what_is_done(threads):
    def give_up(done, total, counts):
        raise RuntimeError("enough")

    problem, rates = slow_problem(), np.geomspace(1e-3, 1e-1, 4000)
    how = {"threads": threads, "engine": "samples"}
    begin = time.monotonic()
    with pytest.raises(fastgd.SweepInterrupted, match=r"interrupted, .* of 4,000 ") as caught:
        fastgd.sweep(problem, learning_rate=rates, max_steps=10_000, progress=give_up, **how)
    assert time.monotonic() - begin < 20  # the whole takes minutes
    assert isinstance(caught.value, KeyboardInterrupt)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert_partial(caught.value.result, problem, rates)


def assert_partial(result, problem, rates):
    finished = result.status != Status.CANCELLED
    assert 0 < finished.sum() < len(rates)
    assert result.failed[~finished].all()
    for index in (np.flatnonzero(finished)[0], np.flatnonzero(finished)[-1]):
        run = fastgd.descend(problem, learning_rate=rates[index], max_steps=10_000, record_every=None, engine="samples")
        assert np.array_equal(result.theta[index], run.theta)
        assert result.status[index] == run.status
    assert finished[np.flatnonzero(result.loss == result.best.loss)].any()
    assert "CANCELLED" in str(result)
    assert "again" in Status.CANCELLED.message


def test_a_plain_python_objective_that_raises_reaches_the_caller():
    def loss(theta):
        if theta < 0.5:
            raise ZeroDivisionError("too small")
        return theta

    problem = fastgd.Objective(loss, lambda t: 1.0, start=1.0, compile=False)
    with pytest.raises(ZeroDivisionError, match="too small"):
        fastgd.sweep(problem, learning_rate=[0.0, 0.1], max_steps=20)
    assert fastgd.descend(problem, learning_rate=0.01, max_steps=20).steps == 20
