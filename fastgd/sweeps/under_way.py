"""Tiles that are run or written while others begin: a bounded number at a time, whoever does the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from fastgd.sweeps.stopwatch import HeldInterrupts
from fastgd.sweeps.work import Done

WAIT_SECONDS = 0.05  # between looks at what another process has


class UnderWay:
    """Tiles that were begun by `submit(tile)`, at most `most` at a time.

    Futures come by a queue, and Ctrl-C is held back where their locks are taken: it left them locked for ever in
    `concurrent.futures.wait`, and whoever was to set their results hung.
    """

    def __init__(self, submit: Callable[[int], Future[Any]], most: int) -> None:
        self.submit = submit
        self.most = most
        self.futures: dict[Future[Any], int] = {}
        self.finished: SimpleQueue[Future[Any]] = SimpleQueue()

    def done(self, tiles: Iterable[int | None]) -> Iterator[tuple[int, Done]]:
        """Begin tile after tile and yield those that are done, in any order; None is a while in which none begins."""
        for tile in tiles:
            if tile is not None:
                self.begin(tile)
                if len(self) >= self.most:
                    yield from self.next(None)
            elif self.futures:
                yield from self.next(WAIT_SECONDS)
            else:
                time.sleep(WAIT_SECONDS)
        while self.futures:
            yield from self.next(None)

    def __len__(self) -> int:
        return len(self.futures)

    def begin(self, tile: int) -> None:
        """Begin a tile."""
        self.add(tile, self.submit(tile))

    def add(self, tile: int, future: Future[Any]) -> None:
        """Count a tile as under way."""
        self.futures[future] = tile
        with HeldInterrupts():
            future.add_done_callback(self.finished.put)

    def next(self, timeout: float | None) -> Iterator[tuple[int, Done]]:
        """Wait for the next tile that is done; not longer than a timeout."""
        try:
            future = self.finished.get(timeout=timeout)
        except Empty:
            return
        yield from self.received(self.futures.pop(future), future)

    def received(self, tile: int, future: Future[Any]) -> Iterator[tuple[int, Done]]:
        """Yield a tile that is done; what was raised meanwhile is raised."""
        with HeldInterrupts():
            done = future.result()
        yield tile, done

    def stop(self) -> Iterator[tuple[int, Done]]:
        """Yield what is done of the tiles that are under way, after one was left by an exception."""
        while self.futures:
            yield from self.next(None)
