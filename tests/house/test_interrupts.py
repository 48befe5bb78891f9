"""Ctrl-C returns control within a second and keeps what is finished; SIGTERM ends the process there and then."""

from __future__ import annotations

import json
import signal
import time
from functools import partial

import pytest

from tests.tools.processes import STRICT, finish, run, start

pytestmark = [pytest.mark.slow, pytest.mark.process]

# Of the processor's time, which other processes do not lengthen; what sleeps on for ever ends at the timeout.
TWO_CORES_FOR_A_SECOND = 2.0

SWEEPS = """
import json, math, os, signal, sys, threading, time
import numpy as np, fastgd

random = np.random.default_rng(0)

def polynomial(N, degree=3):
    x = random.uniform(-1, 1, N)
    return fastgd.PolynomialFit(x, np.sin(3 * x), degree)

def slow_python(seconds):
    def loss(theta):
        time.sleep(seconds)
        return theta * theta
    return fastgd.Objective(loss, lambda theta: 2 * theta, start=1.0, compile=False)

def curve(N):
    x = random.uniform(-1, 1, N)
    return fastgd.CurveFit(lambda x, a, b: a * np.exp(-b * x), x, np.sin(3 * x), start=[1.0, 0.5])

def slow_curve(N):
    def model(x, a, b):
        total = 0.0
        for k in range(100):
            total += math.sin(a * x + k) / (1 + k)
        return b * total
    x = random.uniform(-1, 1, N)
    return fastgd.CurveFit(model, x, np.sin(3 * x), start=[1.0, 0.5])

def in_python(theta):
    return sum(theta * theta for _ in range(10))

RATES = np.geomspace(1e-4, 1e-2, 4000)
ONE = {"engine": "samples", "learning_rate": 1e-3, "max_steps": 10**12}
SAMPLES = {"engine": "samples", "learning_rate": RATES}
CASES = {  # each goes on for a while, and its first tile takes some tenths of a second
    "samples, configurations, 1 thread": lambda: (polynomial(3000), SAMPLES | {"max_steps": 2000, "threads": 1}),
    "samples, configurations, 2 threads": lambda: (polynomial(3000), SAMPLES | {"max_steps": 2000, "threads": 2}),
    "samples, samples": lambda: (polynomial(1_000_000), SAMPLES | {"max_steps": 4}),
    "samples, one descent": lambda: (polynomial(100), ONE),
    "samples, one of many samples": lambda: (polynomial(3_000_000), ONE),
    "curve": lambda: (curve(3000), SAMPLES | {"max_steps": 2000}),
    "curve, samples": lambda: (curve(1_000_000), SAMPLES | {"max_steps": 4}),
    "curve, a slow model": lambda: (slow_curve(100_000), SAMPLES | {"max_steps": 4}),
    "moments": lambda: (polynomial(3000), {"engine": "moments", "learning_rate": RATES, "max_steps": 10**5}),
    "spectral": lambda: (
        polynomial(3000),
        {"engine": "spectral", "learning_rate": RATES, "max_steps": 10**5, "schedule": "inverse_time"},
    ),
    "spectral, many configurations": lambda: (
        polynomial(3000),
        {"engine": "spectral", "learning_rate": np.geomspace(1e-4, 1e-2, 5_000_000), "tolerance": 1e-9},
    ),
    "compiled objective": lambda: (fastgd.examples.dart(), {"learning_rate": RATES * 1e-9, "max_steps": 10**5}),
    "plain objective": lambda: (
        fastgd.Objective(in_python, lambda theta: 2 * theta, start=1.0, compile=False),
        {"learning_rate": RATES, "max_steps": 300},
    ),
    "slow plain objective": lambda: (slow_python(0.05), {"learning_rate": RATES[:64], "max_steps": 1000}),
}
def prepared(case):
    problem, how = CASES[case]()
    fastgd.sweep(problem, **how | {"learning_rate": [1e-4], "max_steps": 1})  # compiled before
    return problem, how
"""

INTERRUPTED = (
    SWEEPS
    + """
sent = []

def interrupt():
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)

def after_the_first(done, total, counts):
    if not sent:
        interrupt()

def interrupted(case):
    problem, how = prepared(case)
    sent.clear()
    one = np.ndim(how["learning_rate"]) == 0 or case == "slow plain objective"
    if one:
        threading.Timer(0.5, interrupt).start()
    try:
        fastgd.sweep(problem, **how, progress=False if one else after_the_first)
    except fastgd.SweepInterrupted as caught:
        seconds, result = time.process_time() - sent[0], caught.result
        assert isinstance(caught, KeyboardInterrupt)
    finished = result.status != fastgd.Status.CANCELLED
    same = True
    for index in np.flatnonzero(finished)[:: max(1, finished.sum() // 3)] if result.axes else []:
        outcome = result.outcome(int(index))
        run = fastgd.descend(problem, **outcome.configuration, record_every=None)
        same = same and run.theta.tobytes() == outcome.theta.tobytes() and run.status == outcome.status
    return seconds, int(finished.sum()), finished.size, bool(same), bool(result.failed[~finished].all())

for case in sys.argv[1:]:
    try:
        print(json.dumps([case, *interrupted(case)]), flush=True)
    except BaseException as error:
        print(json.dumps([case, repr(error)]), flush=True)
"""
)

CASES = [
    "curve",
    "curve, samples",
    "curve, a slow model",
    "samples, configurations, 1 thread",
    "samples, configurations, 2 threads",
    "samples, samples",
    "samples, one descent",
    "samples, one of many samples",
    "moments",
    "spectral",
    "spectral, many configurations",
    "compiled objective",
    "plain objective",
    "slow plain objective",
]


IGNORING = """
import sys, pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", f"{sys.argv[1]}::test_tests_hear_ctrl_c"]))
"""


def test_tests_hear_ctrl_c():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tests_hear_ctrl_c_where_it_is_inherited_as_ignored():
    assert "1 passed" in run(IGNORING, __file__, before=partial(signal.signal, signal.SIGINT, signal.SIG_IGN))


NONE_FINISHED = {"samples, one descent", "samples, one of many samples", "slow plain objective"}


@pytest.fixture(scope="module")
def interrupted():
    """What became of each case, one after another in one process."""
    lines = run(INTERRUPTED, *CASES, timeout=200.0).splitlines()
    return {case: found for case, *found in map(json.loads, lines)}


@pytest.mark.parametrize("case", CASES)
def test_ctrl_c_returns_within_a_second_with_what_is_finished(interrupted, case):
    seconds, finished, size, same, rest_failed = interrupted[case]
    assert seconds < TWO_CORES_FOR_A_SECOND
    assert same
    assert rest_failed
    assert 0 < finished < size or (finished == 0 and case in NONE_FINISHED)


WHILE_COMPILING = """
import os, signal, threading
import numba, numpy as np
from fastgd.sweeps.stopwatch import Stopwatch

watch = Stopwatch()
try:
    with watch.compilation():
        kernel = numba.njit(lambda y: np.sort(np.array([y, 1.0]))[0] + np.median(np.array([y, 2.0])))
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        kernel(3.0)
        print("not heard")
except KeyboardInterrupt:
    print("heard", watch.seconds["compile"] > 0.0, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(kernel(3.0))
"""


def test_ctrl_c_while_a_kernel_is_compiled_is_heard_when_that_is_done():
    assert run(WHILE_COMPILING).splitlines() == ["heard True True", "3.5"]


STOPPED = (
    SWEEPS
    + """
def give_up(*_):
    raise ZeroDivisionError("enough")

problem, how = prepared(sys.argv[1])
for engine, steps in (("samples", 2000), ("moments", 50_000), ("spectral", 50_000)):
    try:
        fastgd.sweep(problem, **how | {"engine": engine, "max_steps": steps}, schedule="cosine", progress=give_up)
    except fastgd.SweepInterrupted as caught:
        finished = caught.result.status != fastgd.Status.CANCELLED
        print(engine, type(caught.__cause__).__name__, 0 < finished.sum() < finished.size)
"""
)


def test_a_progress_that_raises_does_the_same_in_every_engine():
    found = run(STOPPED, "samples, configurations, 2 threads").splitlines()
    assert found == [f"{engine} ZeroDivisionError True" for engine in ("samples", "moments", "spectral")]


STATISTICS = """
import os, signal, sys, threading, time
import numpy as np, fastgd

some = np.random.default_rng(0).normal(size=(1000, 300))
PROBLEMS = {
    "features": lambda: fastgd.LinearFit(np.tile(some, (150, 1)), np.zeros(150_000)),
    "singular features": lambda: fastgd.LinearFit(np.tile(some, (40, 2)), np.zeros(40_000)),
}
problem = PROBLEMS[sys.argv[1]]()
fastgd.LinearFit(np.tile(some, (50, 1)), np.zeros(50_000)).spectrum()  # compiled before
fastgd.sweep(fastgd.examples.square(), learning_rate=0.1, engine="moments")
sent = []

def interrupt():
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)

threading.Timer(0.03, interrupt).start()
try:
    fastgd.sweep(problem, learning_rate=1e-3, engine="moments")
except KeyboardInterrupt:
    print(time.process_time() - sent[0])
assert problem._statistics.value is None
"""


@pytest.mark.parametrize("problem", ["features", "singular features"])
def test_ctrl_c_during_the_pass_over_the_statistics(problem):
    assert float(run(STATISTICS, problem)) < TWO_CORES_FOR_A_SECOND


NOTHING_AFTER_IT = """
import os, signal, threading, time
import numpy as np, fastgd

def sweep(max_steps):
    problem = fastgd.LinearFit(random.normal(size=(3000, 3)), np.zeros(3000), start=[1.0, 1.0, 1.0, 1.0])
    return fastgd.sweep(problem, learning_rate=np.geomspace(1e-6, 1e-3, 4000), max_steps=max_steps, engine="samples")

random = np.random.default_rng(0)
print(sweep(100).spectrum is not None)  # cheap beside as little as this
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    sweep(10**6)
except fastgd.SweepInterrupted as caught:
    print(caught.result.spectrum is not None)
"""


def test_no_pass_over_the_samples_is_begun_after_ctrl_c():
    """A spectrum may take a quarter of the time that the sweep has run."""
    assert run(NOTHING_AFTER_IT).split() == ["True", "False"]


TERMINATED = (
    SWEEPS
    + """
problem, how = prepared(sys.argv[1])
print("runs", flush=True)
fastgd.sweep(problem, **how)
"""
)


@pytest.mark.parametrize(
    "case", ["samples, configurations, 1 thread", "samples, samples", "moments", "plain objective"]
)
def test_sigterm_ends_the_process(case):
    process = start(*STRICT, "-c", TERMINATED, case)
    assert process.stdout.readline() == "runs\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    finish(process, timeout=10)
    assert process.returncode == -signal.SIGTERM
