"""What 10^12 samples on 1,000 workers, and 10^10 configurations, would cost: rates measured here, then arithmetic.

    python -m bench.scale               needs fastgd[all] and dask[distributed]
    python -m bench.scale --small       in half a minute, of fewer samples: its figures are worth less

A worker is a process of dask's with one thread. Two are measured beside one: how much more they do tells how far the
arithmetic may be trusted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastgd
from fastgd.kernels.least_squares.passes import BLOCK, add_in_order
from fastgd.sources.on_cluster import OnCluster

SAMPLES, WORKERS, CONFIGURATIONS = 1e12, 1000, 1e10
NETWORK = 1.25e9  # bytes/s into one process, which is assumed: 10 Gbit/s
SAMPLE_BYTES = 16  # of x and y
DEGREE = 3
CHUNKS = 16  # of the samples that are measured
ROUNDS = 3


class Rate(NamedTuple):
    """What one worker does in a second, and how many times that two do."""

    one: float
    gain: float


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """Yield a client of so many workers."""
    from distributed import Client, LocalCluster

    how: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=workers, **how) as local, Client(local) as client:
        yield client


def least_seconds(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some calls, after one that compiles."""
    call()
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def rate(amount: float, call: Callable[[Any], object]) -> Rate:
    """Measure call(client), which does so much, with one worker and with two."""
    rates = []
    for workers in (1, 2):
        with cluster(workers) as client:
            rates.append(amount / least_seconds(lambda client=client: call(client)))
    return Rate(rates[0], rates[1] / rates[0])


class Results:
    """Counts what comes back of passes over a cluster's samples."""

    def __init__(self) -> None:
        self.passes = 0
        self.numbers = 0  # of a block, in all passes

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count while this is open."""
        yielded = OnCluster.results

        def results(source: OnCluster, of_piece: Any, block: int, shape: tuple[int, ...]) -> Any:
            self.passes += 1
            self.numbers += int(np.prod(shape))
            return yielded(source, of_piece, block, shape)

        OnCluster.results = results
        try:
            yield
        finally:
            OnCluster.results = yielded


def part_of(path: Path, block_info: Any = None) -> np.ndarray:
    """Return a chunk of a file, read by the worker that needs it."""
    first, last = block_info[None]["array-location"][0]
    return np.load(path, mmap_mode="r")[first:last]


def statistics(samples: int, folder: Path) -> tuple[Rate, Results]:
    """Return samples/s of a cubic's statistics, all passes, from files that lie in memory, and what came back."""
    from dask.array import map_blocks

    random = np.random.default_rng(0)
    paths = [folder / f"{name}.npy" for name in "xy"]
    for path in paths:
        np.save(path, random.uniform(-1.0, 1.0, samples))
    expected = fastgd.PolynomialFit(*(np.load(path, mmap_mode="r") for path in paths), DEGREE).minimum()
    lengths = ((samples // CHUNKS,) * CHUNKS,)
    arrays = [map_blocks(part_of, chunks=lengths, dtype=np.float64, path=path) for path in paths]

    def call(client: object) -> None:
        assert fastgd.PolynomialFit(*arrays, DEGREE).minimum() == expected

    results = Results()
    with results.counted():
        call(None)
    return rate(samples, call), results


def stored(configurations: int, folder: Path) -> tuple[Rate, float]:
    """Return configurations/s of the spectral engine that workers write into a store, and bytes of one in it."""
    problem = fastgd.examples.sine()
    rates = np.geomspace(1e-9, 1e-6, configurations)
    paths = iter(range(1000))

    def call(client: Any) -> None:
        path = folder / f"{next(paths)}.zarr"
        result = fastgd.sweep(problem, learning_rate=rates, max_steps=2000, store=path, executor=client.get_executor())
        assert result.configurations_finished == configurations

    found = rate(configurations, call)
    size = sum(file.stat().st_size for file in (folder / "0.zarr").rglob("*"))
    return found, size / configurations


def task_seconds(tasks: int) -> float:
    """Return what a task that does nothing costs the scheduler and the process that waits for it."""
    with cluster(1) as client:
        return least_seconds(lambda: client.gather(client.map(abs, range(tasks), pure=False))) / tasks


def added(blocks: int) -> float:
    """Return how many numbers of blocks' results are added up in a second, in order."""
    results = np.ones((blocks, 64))
    return results.size / least_seconds(lambda: add_in_order(results, np.zeros(64), np.zeros(64)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Tell what very much would cost.")
    parser.add_argument("--small", action="store_true")
    part = 16 if parser.parse_args().small else 1
    with tempfile.TemporaryDirectory() as name:
        samples, results = statistics(200_000_000 // part, Path(name))
        configurations, size = stored(16_000_000 // part, Path(name))
    task = task_seconds(2000 // part)
    numbers = results.numbers * SAMPLES / BLOCK
    print(f"a worker: {samples.one:.3g} samples/s in {results.passes} passes, two {samples.gain:.2f} times that")
    print(f"a worker: {configurations.one:.3g} configurations/s into a store, two {configurations.gain:.2f} times that")
    print(f"a task: {1e3 * task:.2g} ms; a configuration: {size:.3g} bytes")
    print(f"{SAMPLES:.0e} samples on {WORKERS} workers:")
    print(f"  read and summed   {SAMPLES / (samples.one * WORKERS):8.3g} s, {SAMPLES * SAMPLE_BYTES:.3g} bytes a pass")
    print(f"  come back         {8 * numbers / NETWORK:8.3g} s, {8 * numbers:.3g} bytes, at {NETWORK:.3g} bytes/s")
    print(f"  added up in order {numbers / added(10_000):8.3g} s")
    print(f"  scheduled         {results.passes * SAMPLES * SAMPLE_BYTES / 2**28 * task:8.3g} s, in chunks of 256 MiB")
    print(f"{CONFIGURATIONS:.0e} configurations on {WORKERS} workers:")
    print(f"  run and written   {CONFIGURATIONS / (configurations.one * WORKERS):8.3g} s")
    print(f"  scheduled         {CONFIGURATIONS / 2**18 * task:8.3g} s, {CONFIGURATIONS / 2**18:,.0f} tiles")
    print(f"  stored            {CONFIGURATIONS * size:8.3g} bytes")


if __name__ == "__main__":
    main()
