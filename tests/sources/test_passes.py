"""Passes over streamed samples: Ctrl-C between pieces, progress, and memory that does not grow with the samples."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import fastgd
from fastgd.sources import streamed
from tests.tools.processes import run

N = 40_003


@pytest.fixture
def in_small_pieces(monkeypatch):
    monkeypatch.setattr(streamed, "LOADED", 0)
    monkeypatch.setattr(streamed, "PIECE_BYTES", 1 << 16)


class Interrupting:
    """Chunks that send Ctrl-C in the middle of one of their passes."""

    def __init__(self, *arrays):
        self.arrays = arrays
        self.passes_left = -1

    def __iter__(self):
        self.passes_left -= 1
        for first in range(0, N, 1000):
            if self.passes_left == 0 and first >= N // 2:
                signal.raise_signal(signal.SIGINT)
            yield tuple(array[first : first + 1000] for array in self.arrays)


def curve():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, N)
    return x, np.sin(3 * x) + random.normal(size=N)


def test_an_interrupted_sweep_keeps_what_is_finished(in_small_pieces):
    chunks = Interrupting(*curve())
    how = {"learning_rate": [1e-3, 1e-2], "max_steps": [1, 3, 100], "engine": "samples"}
    problem = fastgd.PolynomialFit(chunks, degree=2)
    chunks.passes_left = 7
    with pytest.raises(fastgd.SweepInterrupted) as stop:
        fastgd.sweep(problem, **how)
    result = stop.value.result
    expected = fastgd.sweep(fastgd.PolynomialFit(*curve(), 2), **how)
    assert (result.status[:, :2] == fastgd.Status.MAX_STEPS).all()
    assert (result.status[:, 2] == fastgd.Status.CANCELLED).all()
    assert result.theta[:, :2].tobytes() == expected.theta[:, :2].tobytes()
    assert 3 < result.steps[0, 2] < 7
    path = fastgd.descend(problem, learning_rate=1e-3, max_steps=int(result.steps[0, 2]), engine="samples")
    assert path.theta.tobytes() == result.theta[0, 2].tobytes()


@pytest.mark.parametrize("use", [lambda problem: problem.minimum(), lambda problem: problem.loss([0.0, 1.0, 2.0])])
def test_statistics_and_losses_hear_it_too(in_small_pieces, use):
    chunks = Interrupting(*curve())
    problem = fastgd.PolynomialFit(chunks, degree=2)
    chunks.passes_left = 1
    with pytest.raises(KeyboardInterrupt):
        use(problem)
    use(problem)


class Told:
    def __init__(self):
        self.read = []
        self.done = []

    def __call__(self, done, total, counts):
        self.done.append(done)

    def reading(self, read, count):
        self.read.append((read, count))


def test_progress_is_told_of_passes(in_small_pieces):
    x, y = curve()
    problem = fastgd.PolynomialFit([(x[:20_000], y[:20_000]), (x[20_000:], y[20_000:])], degree=1)
    told = Told()
    fastgd.sweep(problem, learning_rate=[0.1, 0.2], engine="spectral", progress=told)
    assert told.done[-1] == 2
    assert {count for _, count in told.read} == {N}
    assert [read for read, _ in told.read].count(N) >= 2
    before = len(told.read)
    problem.loss([1.0, 2.0])
    assert len(told.read) == before


def test_a_bar_for_a_pass(in_small_pieces, monkeypatch, capsys):
    monkeypatch.setattr("fastgd.sweeps.progress.PASS_DELAY", 0.0)
    x, y = curve()
    problem = fastgd.PolynomialFit([(x[:20_000], y[:20_000]), (x[20_000:], y[20_000:])], degree=1)
    fastgd.sweep(problem, learning_rate=[0.1, 0.2], engine="spectral", progress=True)
    told = capsys.readouterr().err
    assert "reading:   0%|          | 0.00/40.0k" in told
    assert told.splitlines()[-1].startswith("100%|") or "2.00/2.00" in told


MEMORY = """
import json, os, sys
import numpy as np, fastgd

folder, N = sys.argv[1], int(sys.argv[2])

def megabytes(kind):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(kind))) / 1024

def mapped(name, columns):
    array = np.lib.format.open_memmap(f"{folder}/{name}.npy", "w+", float, (N,) if columns == 1 else (N, columns))
    random = np.random.default_rng(columns)
    for first in range(0, N, 1 << 20):
        array[first : first + (1 << 20)] = random.uniform(-1, 1, array[first : first + (1 << 20)].shape)
    del array
    return np.load(f"{folder}/{name}.npy", mmap_mode="r")

class Peak:
    anonymous = mapped = 0.0

    def __call__(self, done, total, counts):
        pass

    def reading(self, read, count):
        self.anonymous = max(self.anonymous, megabytes("RssAnon"))
        self.mapped = max(self.mapped, megabytes("RssFile"))

small = np.random.default_rng(0).uniform(-1, 1, 200_000)
how = {"learning_rate": np.geomspace(1e-3, 1e-1, 32), "max_steps": 2}
for fit in (fastgd.PolynomialFit(small, small, 3), fastgd.LinearFit(small.reshape(-1, 4), small[:50_000])):
    for engine in ("samples", "spectral"):
        fastgd.sweep(fit, engine=engine, **how)
x, y, X = mapped("x", 1), mapped("y", 1), mapped("X", 4)
found = []
before = megabytes("RssAnon"), megabytes("RssFile")
for problem in (fastgd.PolynomialFit(x, y, 3), fastgd.LinearFit(X, y)):
    for engine in ("samples", "spectral"):
        peak = Peak()
        fastgd.sweep(problem, engine=engine, progress=peak, **how)
        found.append([peak.anonymous - before[0], peak.mapped - before[1]])
print(json.dumps([x.nbytes / 2**20, found]))
"""


@pytest.mark.slow
@pytest.mark.process
def test_memory_does_not_grow_with_the_samples(tmp_path):
    """Of 0.5 GB of samples little is in memory, of its own or mapped."""
    import json

    size, found = json.loads(run(MEMORY, str(tmp_path), "12000000"))
    assert size > 90
    for anonymous, mapped in found:
        assert anonymous < 250
        assert mapped < 150
