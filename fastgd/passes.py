"""Passes over the samples: one kernel, its blocks shared among threads, their results combined in block order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.statistics import add_in_order
from fastgd.threads import resolve_threads

Array = NDArray[np.float64]

TASK_WORK = 1 << 28  # multiply-adds of one call, at most a few tenths of a second, so that Ctrl-C works
SERIAL_WORK = 1 << 20  # multiply-adds that take less time than starting threads
RESULT_BYTES = 1 << 28  # of blocks' results that wait to be combined


class Pass(NamedTuple):
    """A kernel over all blocks of the samples: kernel(*arguments, first, out) covers the len(out) blocks from `first`.

    The threads are a pool's, not those of `prange`: they need no threading layer, so nothing forbids a pass in a
    forked process or in two threads at once; and every number of them runs the very same machine code.
    """

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    block: int  # samples
    samples: int
    shape: tuple[int, ...]  # of a block's results
    work: int  # multiply-adds a sample

    def results(self) -> Iterator[Array]:
        """Yield results (blocks, *shape) of successive runs of blocks, as many as memory is granted for."""
        blocks = -(-self.samples // self.block)
        at_once = max(1, min(blocks, RESULT_BYTES // (8 * math.prod(self.shape))))
        results = np.empty((at_once, *self.shape))
        for first in range(0, blocks, at_once):
            some = results[: min(at_once, blocks - first)]
            self._run(first, some)
            yield some

    def _run(self, first: int, results: Array) -> None:
        blocks = len(results)
        most = max(1, TASK_WORK // (self.work * self.block))  # blocks a task
        threads = min(blocks, resolve_threads(None)) if blocks * self.work * self.block > SERIAL_WORK else 1
        length = min(most, -(-blocks // (4 * threads)) if threads > 1 else blocks)

        def task(start: int) -> None:
            self.kernel(*self.arguments, first + start, results[start : start + length])

        if threads == 1:
            for start in range(0, blocks, length):
                task(start)
            return
        pool = ThreadPoolExecutor(threads, thread_name_prefix="fastgd")
        try:
            for _ in pool.map(task, range(0, blocks, length)):
                pass
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def total(self) -> Array:
        """Return the sum of all blocks' results in block order, with the rounding errors carried along."""
        sums, errors = np.zeros(math.prod(self.shape)), np.zeros(math.prod(self.shape))
        for results in self.results():
            add_in_order(results.reshape(len(results), -1), sums, errors)
        return (sums + errors).reshape(self.shape)
