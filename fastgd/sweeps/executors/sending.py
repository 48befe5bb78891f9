"""Tiles that an executor's workers run, as the process of the sweep sees them."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import re
import shutil
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from queue import Empty
from typing import Any, NamedTuple

from fastgd.check import about, shown
from fastgd.kernels.descent.records import State
from fastgd.sweeps.engines.state import mark_not_begun
from fastgd.sweeps.executors.crew import Crew
from fastgd.sweeps.executors.parcel import Packing, Parcel
from fastgd.sweeps.executors.tasks import Failed, Missing, Task, here, run_task
from fastgd.sweeps.progress import Reports
from fastgd.sweeps.stopwatch import HeldInterrupts
from fastgd.sweeps.under_way import UnderWay
from fastgd.sweeps.work import USUAL_WORKERS, Done, Work

MOST_ATTEMPTS = 4  # at a tile whose worker is lost each time
GRACE_SECONDS = 2.0  # for tiles under way to come back when the sweep is stopped
LOOK_SECONDS = 1.0  # between looks at whether an executor is there
AHEAD = 2  # tiles for each worker that are under way at once, so that none waits for the next, and
MORE_AHEAD = 2  # in all


WITH_FILE = 1
WITH_ALL = 2


class WorkersLost(Exception):
    """Carries out of the scheduler, in words, why an executor's workers are of no use any more."""


class _Sent(NamedTuple):
    """How a tile was sent."""

    attempt: int
    told: int  # whether with a parcel: none, WITH_FILE or WITH_ALL
    renewals: int  # of the executor before


class AtWorkers(UnderWay):
    """Tiles that were sent to workers, again where a worker was lost, or was not told of the sweep yet.

    The folder is there as long as the sweep runs: workers that see it stop when it goes.
    """

    def __init__(self, crew: Crew, work: Work) -> None:
        super().__init__(self._send, AHEAD * (crew.workers or USUAL_WORKERS) + MORE_AHEAD)
        self.crew = crew
        self.key = uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix="fastgd-")
        self._packing: Packing | None = None
        self._parcels: dict[int, Parcel] = {}
        self._sent: dict[Future[Any], _Sent] = {}
        self._held_back: deque[tuple[int, int]] = deque()  # until workers that were told are done
        here[self.key] = self.work = work

    def __len__(self) -> int:
        return len(self.futures) + len(self._held_back)

    def next(self, timeout: float | None) -> Iterator[tuple[int, Done]]:
        """Wait for the next tile that is done; not longer than a timeout."""
        yield from super().next(timeout or LOOK_SECONDS)
        if self.futures and self.crew.is_closed():
            raise WorkersLost("it was closed")

    def received(self, tile: int, future: Future[Any]) -> Iterator[tuple[int, Done]]:
        """Yield a tile that is done, or send it again."""
        sent = self._sent.pop(future)
        try:
            with HeldInterrupts():
                answer = future.result()
        except (Exception, asyncio.CancelledError) as error:  # of the executor: tasks raise nothing
            self._send_again(tile, sent, error)
            return
        if isinstance(answer, Missing):
            self._tell(tile, sent)
        elif isinstance(answer, Failed):
            raise pickle.loads(answer.error)
        else:
            if self._held_back:
                self._resend(*self._held_back.popleft())
            yield tile, answer

    def stop(self) -> Iterator[tuple[int, Done]]:
        """Yield what comes back soon after workers were told to stop; the rest is left alone."""
        here.pop(self.key, None)
        shutil.rmtree(self.folder, ignore_errors=True)
        end = time.monotonic() + GRACE_SECONDS
        while self.futures and time.monotonic() < end:
            with contextlib.suppress(Empty):
                future = self.finished.get(timeout=max(end - time.monotonic(), 0.0))
                yield from self._kept(self.futures.pop(future, None), future)
        for future, tile in self.futures.items():
            if not future.cancel():
                yield from self._kept(tile, future)
        self.futures.clear()

    def _kept(self, tile: int | None, future: Future[Any]) -> Iterator[tuple[int, Done]]:
        """Yield a tile if it is done and came back well."""
        if tile is not None and future.done() and not future.cancelled() and future.exception() is None:
            answer = future.result()
            if isinstance(answer, Done):
                yield tile, answer

    def _send(self, tile: int, attempt: int = 0, told: int = 0) -> Future[Any]:
        task = Task(self.key, self.folder, tile, attempt)
        parcel = self._parcel(told)
        try:
            with HeldInterrupts():
                future = self.crew.submit(run_task, task, parcel)
        except BrokenExecutor as error:
            if attempt + 1 == MOST_ATTEMPTS or not self.crew.renew():
                raise _lost(error) from error
            return self._send(tile, attempt + 1, told)
        except Exception as error:  # it was shut down
            raise _lost(error) from error
        if not isinstance(future, Future):
            raise TypeError(about("executor", f"must return futures of concurrent.futures, got {shown(future)}"))
        self._sent[future] = _Sent(attempt, told, self.crew.renewals)
        return future

    def _tell(self, tile: int, sent: _Sent) -> None:
        """Send a tile with a parcel; one of large arrays only if few are out, or all that are ahead would take it."""
        out = sum(other.told == WITH_ALL for other in self._sent.values())
        if sent.told + 1 == WITH_ALL and out >= (self.crew.workers or USUAL_WORKERS):
            self._held_back.append((tile, sent.attempt))
        else:
            self._resend(tile, sent.attempt, sent.told + 1)

    def _resend(self, tile: int, attempt: int, told: int = 0) -> None:
        self.add(tile, self._send(tile, attempt, told))

    def _send_again(self, tile: int, sent: _Sent, error: BaseException) -> None:
        attempt = sent.attempt + 1
        is_old = sent.renewals < self.crew.renewals
        if attempt == MOST_ATTEMPTS or (isinstance(error, BrokenExecutor) and not is_old and not self.crew.renew()):
            raise _lost(error) from error
        self._resend(tile, attempt, sent.told)

    def _parcel(self, told: int) -> Parcel | None:
        """Return what goes with a task, packed when the first worker asks for it."""
        if told == 0:
            return None
        if told not in self._parcels:
            packing = self._packing = self._packing or Packing(self.work)
            by_file = told == WITH_FILE
            self._parcels[told] = packing.by_file(self.folder, self.key) if by_file else packing.by_bytes()
        return self._parcels[told]


def _lost(error: BaseException) -> WorkersLost:
    message = re.split(r"\.\s|\n", str(error).strip())[0].rstrip(".")
    return WorkersLost(": ".join(filter(None, [type(error).__name__, message])))


class SentTiles:
    """The tiles of a sweep without a store, run by workers, as `Tiles` runs them here; `state` is of all of them."""

    def __init__(self, crew: Crew, work: Work, state: State) -> None:
        self.crew = crew
        self.work = work
        self.state = state
        self.returned = bytearray(work.count)
        self._passes = 0

    def run(self, reports: Reports) -> None:
        """Run every tile; after an exception (Ctrl-C included) those are kept that come back soon."""
        under_way = AtWorkers(self.crew, self.work)
        try:
            for tile, done in under_way.done(range(self.work.count)):
                self._take(tile, done)
                reports.count(done.statuses)
        finally:
            for tile, done in under_way.stop():
                self._take(tile, done)

    def mark_the_rest(self) -> None:
        """Mark the configurations of all tiles that did not come back, after `run` was left by an exception."""
        for tile, returned in enumerate(self.returned):
            if not returned:
                mark_not_begun(self.state.part(*self.work.range(tile)))

    def passes(self) -> int:
        """Return how often tiles went through the samples."""
        return self._passes

    def _take(self, tile: int, done: Done) -> None:
        assert done.state is not None
        first, last = self.work.range(tile)
        for name, numbers in done.state._asdict().items():
            if name != "memory":  # of the rule, which nobody needs any more
                getattr(self.state, name)[first:last] = numbers[: last - first]
        self.returned[tile] = 1
        self._passes += done.passes
        self.work.plan.evaluations.append(done.evaluations)
