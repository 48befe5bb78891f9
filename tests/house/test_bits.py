"""The same bits: on any number of threads, along either parallel axis, in any tiles, slices and company."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest

import fastgd
from fastgd.kernels.problems.row_products import THETAS
from fastgd.problems.evaluation import BLOCKS_TOGETHER, PARTIALS, THETAS_TOGETHER, thetas_together
from tests.tools.cases import FORCED_SAMPLES, bits
from tests.tools.processes import run

N = FORCED_SAMPLES  # several blocks and a short last one, whatever the kernel
RATES = 37  # an odd batch


def polynomial(P):
    random = np.random.default_rng(P)
    x = random.uniform(-1, 1, N)
    return fastgd.PolynomialFit(x, np.sin(3 * x) + random.normal(size=N), P - 1)


def line(F, dtype=np.float64, samples=N, **how):
    random = np.random.default_rng(F)
    X, y = random.normal(size=(samples, F)).astype(dtype), random.normal(size=samples).astype(dtype)
    return fastgd.LinearFit(X, y, **how)


def weights(samples):
    return np.random.default_rng(0).uniform(0.0, 2.0, samples)


def curve(features, dtype=np.float64, **how):
    random = np.random.default_rng(features)
    x = random.uniform(-1, 1, (N, features)).astype(dtype) if features else random.uniform(-1, 1, N)
    y = random.normal(size=N).astype(dtype)
    return fastgd.CurveFit(decay_of_rows if features else decay, x, y, start=[0.5, 0.3, 0.1], **how)


def decay(x, a, b, c):
    return a * np.exp(-b * x) + c


def decay_of_rows(x, a, b, c):
    return a * np.exp(-b * x[0]) + c * np.sin(x[1])


PROBLEMS = {
    "polynomial, 1 parameter": lambda: polynomial(1),
    "polynomial, 4 parameters": lambda: polynomial(4),
    "polynomial, 8 parameters": lambda: polynomial(8),
    "polynomial, 9 parameters": lambda: polynomial(9),
    "polynomial, 19 parameters": lambda: polynomial(19),
    "line, 1 feature": lambda: line(1),
    "line, 8 features": lambda: line(8),
    "line, 9 features": lambda: line(9),
    "line, 33 features": lambda: line(33),
    "line, 2 features in float32": lambda: line(2, np.float32),
    "line, 9 features in float32, weights": lambda: line(9, np.float32, sample_weight=weights(N)),
    "curve, 3 parameters": lambda: curve(0),
    "curve, 2 features in float32, weights": lambda: curve(2, np.float32, sample_weight=weights(N)),
    "curve, log-cosh": lambda: curve(0, loss=fastgd.LogCosh(), reduction="mean"),
}


@pytest.fixture(params=list(PROBLEMS), scope="module")
def problem(request):
    problem = PROBLEMS[request.param]()
    assert problem.compiled_loss().blocks > 3
    return problem


def sweep(problem, threads, **changes):
    rates = np.geomspace(1e-3, 2.0, RATES)
    how = {"learning_rate": rates, "max_steps": 25, "tolerance": 1e-3, "record_every": 5, "engine": "samples"} | changes
    return fastgd.sweep(problem, threads=threads, **how)


def test_threads_and_axes(problem, force):
    results = {}
    for axis in ("configurations", "samples"):
        force(axis)
        for threads in (1, 2):
            result = sweep(problem, threads)
            assert (result.timing.axis, result.timing.threads) == (axis, threads)
            results[axis, threads] = bits(result)
    assert len(np.unique(result.status)) > 1  # uneven: some stop, some diverge
    first = results["configurations", 1]
    for which, found in results.items():
        assert found == first, which


@pytest.mark.parametrize("axis", ["configurations", "samples"])
def test_tiles_and_slices(problem, force, axis):
    force(axis)
    expected = bits(sweep(problem, 2))
    for tile in (1, 7, 1000):
        force(axis, tile=tile)
        assert bits(sweep(problem, 2)) == expected, tile
    force(slice_seconds=1e-9)  # the kernel returns after every few evaluations
    assert bits(sweep(problem, 2)) == expected


def test_company(problem, force):
    """A configuration gives the same bits alone, in another order, and evaluated from Python."""
    force("samples")
    together = sweep(problem, 2)
    backwards = sweep(problem, 2, learning_rate=together.axes["learning_rate"][::-1])
    assert np.array_equal(backwards.theta[::-1], together.theta, equal_nan=True)
    assert np.array_equal(backwards.loss[::-1], together.loss, equal_nan=True)
    losses = problem.loss(together.theta)
    assert losses.tobytes() == together.loss.tobytes()
    for index in (0, RATES // 2, RATES - 1):
        rate = together.axes["learning_rate"][index]
        alone = fastgd.descend(problem, learning_rate=rate, max_steps=25, tolerance=1e-3, engine="samples")
        assert alone.theta.tobytes() == together.theta[index].tobytes()
        assert (alone.loss, alone.steps) == (together.loss[index], together.steps[index])
        assert problem.loss(alone.theta) == alone.loss


@pytest.mark.slow
@pytest.mark.parametrize("samples", [1, 3, 45, 300, 1003])
@pytest.mark.parametrize("features", [9, 15, 16, 33, 128, 129, 300])
def test_rows_in_any_company(features, samples):
    """Rows meet thetas one by one or in tiles, which batches of different sizes fill differently, in any block."""
    random = np.random.default_rng(features)
    thetas = random.normal(size=(131, features + 1))
    for dtype, how in (
        (np.float64, {"intercept": False}),
        (np.float64, {"loss": fastgd.LogCosh(), "reduction": "sum"}),
        (np.float32, {"l2": 0.3, "sample_weight": weights(samples)}),
        (np.float64, {"loss": fastgd.Huber(1.0), "intercept": False, "sample_weight": weights(samples)}),
    ):
        problem = line(features, dtype, samples, **how)
        some_thetas = thetas[:, : problem.dimension]
        loss, gradient = problem.loss_and_gradient(some_thetas)
        for count in (1, 2, 5, 63, 66):
            some_loss, some_gradient = problem.loss_and_gradient(some_thetas[-count:])
            assert some_loss.tobytes() == loss[-count:].tobytes()
            assert some_gradient.tobytes() == gradient[-count:].tobytes()


@pytest.mark.parametrize("blocks", [1, 782, 10**5, 10**9])
@pytest.mark.parametrize("most", [0, 1, 3, 4, 7, 41, 256])
def test_batches_are_cut_into_whole_tiles(blocks, most):
    """No theta is left over for a pass of its own, but where the batch is smaller than a tile."""
    assert THETAS_TOGETHER % THETAS == 0
    count = thetas_together(blocks, 129, most)
    assert 1 <= count <= max(most, 1)
    assert count % THETAS_TOGETHER == 0 or count < THETAS_TOGETHER
    assert count == 1 or count * min(blocks, BLOCKS_TOGETHER) * 130 <= PARTIALS


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_more_threads_than_cores(force, threads):
    force("configurations")
    problem = fastgd.examples.sine()
    how = {"learning_rate": np.geomspace(1e-9, 1e-5, 101), "max_steps": 50, "engine": "samples"}
    result = fastgd.sweep(problem, threads=threads, **how)
    assert result.timing.threads == threads
    assert result.theta.tobytes() == fastgd.sweep(problem, threads=1, **how).theta.tobytes()


def test_the_callers_own_thread_count_is_kept(force):
    force("samples")
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        result = sweep(polynomial(2), None)
        assert result.timing.threads == 1
        sweep(polynomial(2), 2)
        assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(before)


def test_prange_from_several_threads_at_once(force):
    force("samples")
    problem = polynomial(4)
    expected = bits(sweep(problem, 2))
    found = [None] * 4

    def work(k):
        found[k] = bits(sweep(problem, 2))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * len(found)


IN_A_PROCESS = """
import hashlib
import numpy as np, fastgd
from dataclasses import replace
from fastgd.sweeps import run
x = np.random.default_rng(0).uniform(-1, 1, 20_011)
found, layers = set(), set()
for axis, cache_bytes in (("samples", 0), ("configurations", 1 << 40)):
    run.CUTTING = replace(run.CUTTING, cache_bytes=cache_bytes, thread_seconds=0.0)
    for threads in (1, 2, 3, 8):
        digest = hashlib.sha256()
        for P in (4, 19):
            problem = fastgd.PolynomialFit(x, np.sin(3 * x), P - 1)
            rates = np.geomspace(1e-3, 1, 9)
            result = fastgd.sweep(problem, learning_rate=rates, max_steps=9, engine="samples", threads=threads)
            assert (result.timing.axis, result.timing.threads) == (axis, threads)
            layers.add(result.timing.threading_layer)
            for name in ("theta", "loss", "steps", "status"):
                digest.update(getattr(result, name).tobytes())
        found.add(digest.hexdigest())
print(*sorted(layers), *found)
"""


@pytest.mark.slow
@pytest.mark.process
def test_layers_and_numbers_of_threads():
    """Every threading layer gives the same bits on 1, 2, 3 and 8 threads, along both axes."""
    found = {}
    for layer in ("tbb", "workqueue", "omp"):
        printed = run(IN_A_PROCESS, timeout=200.0, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="8")
        *layers, found[layer] = printed.split()
        assert set(layers) == {"none", "pool", layer}
    assert len(set(found.values())) == 1, found


ONE_WAY_AND_THE_OTHER = """
import hashlib, sys
import numpy as np, fastgd
from fastgd.problems import evaluation
random = np.random.default_rng(8)
x, y = random.normal(size=(2, 20_000))
problems = [fastgd.PolynomialFit(x, y, P - 1) for P in (4, 8, 12, 19)]
problems += [fastgd.LinearFit(x.reshape(-1, F), y[: x.size // F]) for F in (2, 4, 20)]
problems += [fastgd.PolynomialFit(x, y, 18, loss=fastgd.LogCosh())]
for k, problem in enumerate(problems):
    thetas = np.random.default_rng(k).normal(size=(5, problem.dimension))
    for way in sys.argv[1:]:
        evaluation.SERIAL_WORK = 0 if way == "parallel" else 1 << 60
        loss, gradient = problem.loss_and_gradient(thetas)
        print(k, hashlib.sha256(loss.tobytes() + gradient.tobytes()).hexdigest())
    quadratic = problem.quadratic()
    print("statistics", k, hashlib.sha256(quadratic.R.tobytes() + quadratic.q.tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.process
def test_kernels_from_disk_beside_freshly_compiled_ones(tmp_path):
    """One process compiles one way to evaluate; the next reads it from disk and compiles the other beside it."""
    found = set()
    for ways in (["parallel"], ["parallel", "serial"], ["serial", "parallel"]):
        found |= set(run(ONE_WAY_AND_THE_OTHER, *ways, timeout=200.0, NUMBA_CACHE_DIR=str(tmp_path)).splitlines())
    assert len(found) == 2 * 8, found


IN_A_FORKED_CHILD = """
import os, signal
import numpy as np, fastgd
from dataclasses import replace
from fastgd.sweeps import run
run.CUTTING = replace(run.CUTTING, cache_bytes=0)
x = np.random.default_rng(0).uniform(-1, 1, 20_011)
problem = fastgd.PolynomialFit(x, np.sin(3 * x), 3)
how = {"learning_rate": np.geomspace(1e-3, 1, 9), "max_steps": 9, "engine": "samples", "threads": 2}
expected = fastgd.sweep(problem, **how)  # launches Numba's threads before the fork
batch = np.random.default_rng(1).normal(size=(20, 4))
losses = problem.loss(batch)
assert expected.timing.axis == "samples"
child = os.fork()
if child == 0:
    signal.alarm(30)
    code = 1
    try:
        same = fastgd.sweep(problem, **how).theta.tobytes() == expected.theta.tobytes()
        code = 0 if same and problem.loss(batch).tobytes() == losses.tobytes() else 2
    except BaseException as error:
        print(repr(error))
    finally:
        os._exit(code)
print(expected.timing.threading_layer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.process
@pytest.mark.parametrize("layer", ["default", "omp", "workqueue"])
def test_forked_child_computes_the_same_and_does_not_hang(layer):
    name, code = run(IN_A_FORKED_CHILD, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2").split()
    assert code == "0"
    assert layer in ("default", name)
