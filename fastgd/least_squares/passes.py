"""Passes over the samples: one kernel, its blocks shared among threads, their results combined in block order.

Losses go over the samples elsewhere, by `kernels.problems.blocks` and `prange`: a loss is one C function that all
engines call by its address, a thousand times and more, and whose blocks suit the model. A pass is taken once or thrice,
has sums of another shape for every basis, so that its kernel is chosen by the type of its data, and longer blocks,
whose combination then costs next to nothing; and its threads are a pool's, which a forked process may start too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from fastgd.check import Array
from fastgd.kernels.least_squares import passes
from fastgd.kernels.least_squares.passes import add_in_order
from fastgd.kernels.threads import resolve_threads
from fastgd.sources.on_cluster import OnCluster
from fastgd.sources.pieces import Piece, Source, runs_of

TASK_WORK = 1 << 28  # multiply-adds of one call, at most a few tenths of a second, so that Ctrl-C works
THREAD_WORK = 1 << 20  # multiply-adds that are worth a thread
RESULT_BYTES = 1 << 28  # of blocks' results that wait to be combined
ROWS = 4096  # samples of a block that NumPy deals with


class Workers:
    """Threads for the passes of one call, started when first needed; the calling thread works beside them.

    They are a pool's, not those of `prange`: they need no threading layer, so nothing forbids a pass in a forked
    process or in two threads at once; and every number of them runs the very same machine code.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def share(self, task: Callable[[int], None], starts: Iterable[int], threads: int) -> None:
        """Call task(start) for every start. After an exception, Ctrl-C included, no more is begun."""
        pending = deque(starts)

        def work() -> None:
            try:
                while True:
                    try:
                        start = pending.popleft()
                    except IndexError:
                        return
                    task(start)
            except BaseException:
                pending.clear()
                raise

        others = []
        if threads > 1:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(resolve_threads(None) - 1, thread_name_prefix="fastgd")
            others = [self._pool.submit(work) for _ in range(threads - 1)]
        try:
            work()
        finally:
            for other in others:
                other.result()


class Pass(NamedTuple):
    """A kernel over all blocks of the samples: kernel(*arguments, first, out) covers len(out) blocks from `first`."""

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    block: int  # samples
    sample_count: int
    shape: tuple[int, ...]  # of a block's results
    work: int  # multiply-adds a sample

    def results(self, workers: Workers) -> Iterator[Array]:
        """Yield results (blocks, *shape) of successive runs of blocks, as many as memory is granted for."""
        blocks = -(-self.sample_count // self.block)
        at_once = max(1, min(blocks, RESULT_BYTES // (8 * math.prod(self.shape))))
        results = np.empty((at_once, *self.shape))
        for first in range(0, blocks, at_once):
            some = results[: min(at_once, blocks - first)]
            self._run(workers, first, some)
            yield some

    def _run(self, workers: Workers, first: int, results: Array) -> None:
        blocks = len(results)
        work = self.work * self.block
        worth = min(blocks, max(1, blocks * work // THREAD_WORK))
        threads = min(resolve_threads(None), worth) if worth > 1 else 1
        # short tasks even out threads that are held up; the last ones to finish cost an eighth of a thread's time
        length = max(1, min(TASK_WORK // work, blocks // (8 * threads) if threads > 1 else blocks))

        def task(start: int) -> None:
            self.kernel(*self.arguments, first + start, results[start : start + length])

        workers.share(task, range(0, blocks, length), threads)

    def total(self, workers: Workers) -> Array:
        """Return the sum of all blocks' results in block order, with the rounding errors carried along."""
        return _total(self.results(workers), self.shape)


class PassOver(NamedTuple):
    """The same over a source: the kernel gets `arguments(piece)` of one piece of it after the other."""

    source: Source
    kernel: Callable[..., None]
    arguments: Callable[[Piece], tuple[Any, ...]]
    block: int
    shape: tuple[int, ...]
    work: int

    def results(self, workers: Workers) -> Iterator[Array]:
        """Yield results (blocks, *shape) of successive runs of blocks."""
        if isinstance(self.source, OnCluster):
            of_piece = OfPiece(self.kernel.__name__, self.arguments, self.block, self.shape)
            yield from self.source.results(of_piece, self.block, self.shape)
            return
        for piece in self.source.pieces(self.block):
            arguments = self.arguments(piece)
            yield from Pass(self.kernel, arguments, self.block, len(piece.y), self.shape, self.work).results(workers)

    def total(self, workers: Workers) -> Array:
        """Return the sum of all blocks' results, as `Pass` does: however the samples come, in the order of blocks."""
        return _total(self.results(workers), self.shape)


@dataclass(frozen=True, eq=False)
class OfPiece:
    """A pass over one piece on the calling thread; a pickle of it has the kernel's name."""

    kernel: str
    arguments: Callable[[Piece], tuple[Any, ...]]
    block: int
    shape: tuple[int, ...]

    def __call__(self, piece: Piece) -> Array:
        """Return the results (blocks, *shape)."""
        results = np.empty((-(-len(piece.y) // self.block), *self.shape))
        getattr(passes, self.kernel)(*self.arguments(piece), 0, results)
        return results


def _total(runs: Iterator[Array], shape: tuple[int, ...]) -> Array:
    sums = np.zeros(math.prod(shape))
    errors = np.zeros_like(sums)
    for results in runs:
        add_in_order(results.reshape(len(results), -1), sums, errors)
    return (sums + errors).reshape(shape)


def row_blocks(source: Source, K: int) -> Iterator[Piece]:
    """Yield runs of rows of K numbers, each of enough rows to be worth a QR of its own."""
    return runs_of(source, max(ROWS, 2 * K))
