"""Statistics of arrays of dask are taken where their blocks are, to the bits that they have in memory."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest

import fastgd
from fastgd.sources import streamed
from tests.tools.processes import run

N = 40_003


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch):
    monkeypatch.setattr(streamed, "LOADED", 0)
    monkeypatch.setattr(streamed, "PIECE_BYTES", 1 << 17)


def samples(features):
    random = np.random.default_rng(features)
    x = random.uniform(-1, 1, (N, features) if features else N)
    return x, x.reshape(N, -1)[:, 0] + random.normal(size=N)


def on_dask(x, y, chunks=(5000, 7777)):
    return dask.array.from_array(x, chunks=(chunks[0], 1)[: x.ndim]), dask.array.from_array(y, chunks=chunks[1])


CASES = {
    "cubic": (0, lambda x, y: fastgd.PolynomialFit(x, y, 3)),
    "degree 17": (0, lambda x, y: fastgd.PolynomialFit(x, y, 17)),
    "in a corner": (0, lambda x, y: fastgd.PolynomialFit(x**9, y, 3)),
    "float32": (2, lambda x, y: fastgd.LinearFit(x.astype(np.float32), y.astype(np.float32))),
    "one feature": (1, fastgd.LinearFit),
    "few features": (4, fastgd.LinearFit),
    "many features": (20, lambda x, y: fastgd.LinearFit(x, y, l2=1.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bits_of_memory(case):
    features, fit = CASES[case]
    x, y = samples(features)
    memory = fit(x, y)
    problem = fit(*on_dask(x, y))
    assert type(problem.source).__name__ == "OnCluster"
    assert problem.quadratic().method == memory.quadratic().method
    assert problem.quadratic().R.tobytes() == memory.quadratic().R.tobytes()
    assert problem.minimum().theta.tobytes() == memory.minimum().theta.tobytes()
    assert problem.loss(problem.start) == memory.loss(memory.start)
    assert problem.identity() == memory.identity()


def test_what_is_not_finite_is_named():
    x, y = samples(3)
    x[12_345, 2] = np.nan
    with pytest.raises(ValueError, match=r"^X must be finite, got nan at index 12345, 2$"):
        fastgd.LinearFit(*on_dask(x, y))


def test_few_samples_are_loaded(monkeypatch):
    monkeypatch.setattr(streamed, "LOADED", 1 << 27)
    x, y = samples(0)
    problem = fastgd.PolynomialFit(*on_dask(x, y), degree=2)
    assert not problem.is_streamed
    assert problem.loss([1.0, 2.0, 3.0]) == fastgd.PolynomialFit(x, y, 2).loss([1.0, 2.0, 3.0])


CLUSTER = """
import numpy as np, fastgd
from fastgd.sources import streamed

def main():
    import dask.array
    from dask.distributed import Client, LocalCluster

    streamed.LOADED = 0
    streamed.PIECE_BYTES = 1 << 20
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, 400_001)
    y = x + random.normal(size=len(x))
    memory = fastgd.PolynomialFit(x, y, 3)
    expected = memory.minimum()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        arrays = [dask.array.from_array(array, chunks=50_000) for array in (x, y)]
        problem = fastgd.PolynomialFit(*arrays, degree=3)
        found = problem.minimum()
        alike = problem.identity() == memory.identity()
        kernels = sum("fastgd.kernels.least_squares.passes" in modules for modules in client.run(
            lambda: list(__import__("sys").modules)).values())
    same = found.theta.tobytes() == expected.theta.tobytes()
    print(problem.is_streamed, same, found.loss == expected.loss, alike, kernels)

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
@pytest.mark.process
def test_on_a_cluster_of_processes(tmp_path):
    program = tmp_path / "cluster.py"
    program.write_text(CLUSTER)
    told = run("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", str(program))
    assert told.split() == ["True", "True", "True", "True", "2"]
