"""Progress, and stopping from outside."""

from __future__ import annotations

import itertools
import pickle
import re
import traceback

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.tools.cases import square

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
    words = r"^RuntimeError: enough \(raised by progress\); sweep interrupted, .* of 4,000 configurations finished; "
    with pytest.raises(fastgd.SweepInterrupted, match=words) as caught:
        fastgd.sweep(problem, learning_rate=rates, max_steps=10_000, progress=give_up, **how)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert_partial(caught.value.result, problem, rates)


def test_what_progress_raised_is_told_first():
    """Its own traceback, then one line that begins with its words, also out of a pickle; no line break gets in."""

    def give_up(done, total, counts):
        raise KeyError("no\nsuch")

    with pytest.raises(fastgd.SweepInterrupted) as caught:
        fastgd.sweep(square(), learning_rate=0.1, progress=give_up)
    told = "".join(traceback.format_exception(caught.value))
    assert told.index("in give_up") < told.index("SweepInterrupted")
    assert (
        str(caught.value)
        == str(pickle.loads(pickle.dumps(caught.value)))
        == (
            r"KeyError: 'no\nsuch' (raised by progress); "
            "sweep interrupted, 1 of 1 configuration finished; they are in .result"
        )
    )


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


@pytest.mark.parametrize(
    ("total", "shown"), [(1, r"1\.00/1\.00 .* configuration/s"), (3, r"3\.00/3\.00 .* configurations/s")]
)
def test_one_configuration_is_one(capfd, total, shown):
    fastgd.sweep(square(), learning_rate=np.full(total, 0.1), progress=True)
    assert re.search(shown, capfd.readouterr().err)
    result = fastgd.sweep(square(), learning_rate=np.full(total, 0.1))
    things = "1 configuration" if total == 1 else "3 configurations"
    assert repr(result).startswith(f"<SweepResult of {things} (")
    assert str(fastgd.SweepInterrupted(result)).startswith(f"sweep interrupted, {total} of {things} finished; ")
