"""Running a sweep into a store: the tiles of the store one after another, each written while the next is run.

Tiles that are finished are left alone; of those that a smaller grid's store had a part of, what is new is run.
Several processes may run the same call at once; each tile is run by the one that claims it.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastgd.check import about
from fastgd.kernels.descent.records import State
from fastgd.kernels.threads import limited_to
from fastgd.problems.problem import Problem
from fastgd.results.content import Told
from fastgd.results.store.claims import Claims
from fastgd.results.store.reading import Store, is_store
from fastgd.results.store.writing import sweep_partials
from fastgd.results.stored_result import StoredResult, told_by_store, write_ending
from fastgd.results.timing import Timing
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.choose import Prepared
from fastgd.sweeps.executors.crew import Crew, crew_for
from fastgd.sweeps.executors.sending import AtWorkers
from fastgd.sweeps.opened import opened, timing_of
from fastgd.sweeps.progress import Progress, ProgressBar, Reports, told_of_passes
from fastgd.sweeps.run import INTERRUPTIONS, counts_of, interrupted_by, known_of
from fastgd.sweeps.stopwatch import Stopwatch
from fastgd.sweeps.under_way import UnderWay
from fastgd.sweeps.work import Done, Work, work_of


def run_into(problem: Problem, asked: Asked, report: Progress | None, watch: Stopwatch) -> StoredResult:
    """Run what is not finished of a sweep into its store, which is made if there is none."""
    assert asked.store is not None
    destination = asked.store
    try:
        with crew_for(asked) as (crew, each), limited_to(asked.threads), watch.compilation(), told_of_passes(report):
            with watch.phase("prepare"):
                store, prepared, claims = opened(destination, problem, each)
            with contextlib.closing(claims):
                seen = replace(store, path=store.path.absolute())  # workers may stand in another folder
                how: dict[str, Any] = {"store": seen, "durable": destination.durable}
                work = work_of(problem, each, prepared.plan, each.grid, store.layout.tile_size, **how)
                reports = Reports(report, asked.grid.size)
                call = _Run(problem, each, prepared, store, claims, crew, work, reports)
                return call.to_its_end(watch, report)
    except OSError as error:
        raise _refused(destination.path, error) from None


def _refused(path: str, error: OSError) -> ValueError:
    why = error.strerror or str(error)
    kept = "; what is finished is kept, and the same call goes on from there" if is_store(path) else ""
    return ValueError(about("store", f"can't be written to {path!r}: {why}{kept}"))


@dataclass
class _Run:
    """A call that runs tiles of a store."""

    problem: Problem
    asked: Asked
    prepared: Prepared
    store: Store
    claims: Claims
    crew: Crew | None
    work: Work
    reports: Reports
    passes: int = 0  # over the samples
    steps: int = 0
    statuses: Counter[int] = field(default_factory=Counter)  # of the tiles that it ran

    def to_its_end(self, watch: Stopwatch, report: Progress | None) -> StoredResult:
        """Run all tiles that are not finished, and wait for those that others run."""
        sweep_partials(self.store.path, self.store.layout, self._is_ours)
        try:
            with watch.phase("run"):
                self._run()
        except INTERRUPTIONS as interruption:  # a second one leaves without a result
            if isinstance(report, ProgressBar):
                report.close()
            result = self._result(watch, interrupted=True)
            raise interrupted_by(interruption, result) from (interruption.__cause__ or interruption)
        return self._result(watch, interrupted=False)

    def _run(self) -> None:
        """Run tile after tile, here or by an executor's workers."""
        under_way = _Here(self.work, self.reports) if self.crew is None else AtWorkers(self.crew, self.work)
        try:
            for tile, done in under_way.done(self._tiles()):
                self._take(tile, done)
                if self.crew is not None:
                    self.reports.count(done.statuses)
        finally:
            for tile, done in under_way.stop():
                self._take(tile, done)

    def _take(self, tile: int, done: Done) -> None:
        """Count a tile that was run, write it if nobody has, and let go of it."""
        if done.state is not None:
            self.work.write(tile, done.state)
        self.claims.let_go(tile)
        if done.is_finished:
            self.passes += done.passes
            self.steps += done.steps
            self.work.plan.evaluations.append(done.evaluations)
            self.statuses.update(done.statuses)

    def _tiles(self) -> Iterator[int | None]:
        """Yield the tiles that nobody else runs or has run, until all are finished; None to look again later."""
        finished = self.store.finished()
        for tile in np.flatnonzero(finished).tolist():
            self._report(tile)
        left = np.flatnonzero(~finished).tolist()
        while left:
            others = []
            for tile in left:
                if not self.claims.take(tile):
                    others.append(tile)
                elif self.store.is_finished(tile):  # by another process, meanwhile
                    self.claims.let_go(tile)
                    self._report(tile)
                else:
                    yield tile
            left = others
            if left:
                yield None

    def _is_ours(self, tile: int) -> bool:
        """Tell whether nobody runs a tile."""
        free = self.claims.take(tile)
        if free:
            self.claims.let_go(tile)
        return free

    def _report(self, tile: int) -> None:
        """Tell of a tile that was finished by another call."""
        if self.reports.progress is not None:
            self.reports.add(self.store.read("status", tile))

    def _result(self, watch: Stopwatch, *, interrupted: bool) -> StoredResult:
        """Return what the store has, after a note of the time that this call took."""
        with watch.phase("prepare"):
            told = told_by_store(self.store)
            counts = counts_of(self.prepared.plan, self.asked, self.passes)
            timing = timing_of(watch, self.prepared, counts, self.steps)
            result = StoredResult(self.store, told)
            timing = _sum(told.timing, timing)
            told = told._replace(timing=replace(timing, configurations=result.configurations_finished))
            if not interrupted:
                told = self._with_reasons(told)
        with contextlib.suppress(OSError):  # the results are there
            write_ending(self.store.path, told)
        return StoredResult(self.store, told)

    def _with_reasons(self, told: Told) -> Told:
        """Return what is told with the spectrum, where it is not there and descents that this call ran have failed."""
        if not self.statuses or (told.spectrum is not None and max(self.statuses) >= 0):
            return told
        engine = self.prepared.engine
        spectrum, facts = known_of(self.problem, self.asked, engine, tuple(self.statuses), interrupted=False)
        return told if spectrum is None else told._replace(spectrum=spectrum, facts=facts)


def _sum(before: Timing, now: Timing) -> Timing:
    """Return the timing of all calls that a store took: seconds and counts of all, what else there is of the last."""
    added = ("validate", "compile", "prepare", "run", "steps", "evaluations", "sample_visits")
    numbers: dict[str, Any] = {name: getattr(before, name) + getattr(now, name) for name in (*added, "flops", "bytes")}
    return replace(now, trajectories=before.trajectories, **numbers)


class _Here(UnderWay):
    """Tiles that are run in the calling thread, each into one of two states: the other one is written meanwhile."""

    def __init__(self, work: Work, reports: Reports) -> None:
        super().__init__(self._run, 2)
        self.work = work
        self.reports = reports
        self.states = deque(work.new_state() for _ in range(min(work.count, 2)))
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="fastgd-store")

    def stop(self) -> Iterator[tuple[int, Done]]:
        """Yield what was being written."""
        with self.writer:
            yield from super().stop()

    def _run(self, tile: int) -> Future[Done]:
        state = self.states[0]
        self.states.rotate()
        done = self.work.run(tile, state, self.reports)
        return self.writer.submit(self._write, tile, state, done)

    def _write(self, tile: int, state: State, done: Done) -> Done:
        self.work.write(tile, state)
        return done
