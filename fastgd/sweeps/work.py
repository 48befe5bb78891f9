"""What it takes to run a tile of a store, or of an executor's, in this process or any other, and what comes of it.

These tiles hold a second's work, of which threads get smaller ones (`Tiles`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from fastgd.descent.statuses import Status
from fastgd.kernels.descent.records import State
from fastgd.problems.objective import Objective
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.results.store.layout import PENDING
from fastgd.results.store.reading import Store
from fastgd.results.store.writing import write_tile
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.choose import Prepared, engine_of
from fastgd.sweeps.engines.plan import KeepGoing, Plan
from fastgd.sweeps.engines.state import mark_not_begun, new_state, total
from fastgd.sweeps.progress import Reports
from fastgd.sweeps.tiles import Range, Tiles

LARGEST_TILE = 1 << 18  # configurations: 1e8 are 382 tiles, and a loss' file is 2 MB
LARGEST_TILE_BYTES = 1 << 26  # of which two are held at a time
TILE_SECONDS = 1.0  # that a tile takes at most, by estimate, so that little is lost of one that is not finished
MOST_TILES = 1 << 16  # files are these times eight
TILES_PER_WORKER = 8  # of an executor, at least, where there are configurations enough
USUAL_WORKERS = 32  # of one that does not say how many it has
PYTHON_SECONDS = 2e-5  # of an evaluation in plain Python, of which nobody knows how long it takes


def largest_tile(problem: Problem, asked: Asked, prepared: Prepared, threads: int) -> int:
    """Return how many configurations a tile may have."""
    C = asked.grid.size
    seconds = engine_of(prepared.engine).cost(problem, asked)
    if isinstance(problem, Objective) and not problem.compile:
        seconds += PYTHON_SECONDS * asked.grid.trajectories()[1]
    P = problem.dimension
    vectors = 1 + asked.settings.memories + asked.recorded_steps
    room = LARGEST_TILE_BYTES // (8 * (P * vectors + asked.recorded_steps + 5))
    wanted = ceil(C * TILE_SECONDS * threads / seconds) if seconds > 0.0 else C
    if asked.executor is not None:
        wanted = min(wanted, ceil(C / ((asked.workers or USUAL_WORKERS) * TILES_PER_WORKER)))
    inner = asked.grid.inner
    together = prepared.plan.cut.together
    least = max(inner, together, ceil(C / MOST_TILES), 1)
    largest = max(min(max(wanted, least), LARGEST_TILE, room), 1)
    unit = inner if inner > 1 else together  # what costs less in one tile
    return largest if largest < unit else largest - largest % unit


def work_of(problem: Problem, asked: Asked, plan: Plan, grid: Grid, tile_size: int, **store: Any) -> Work:
    """Return what tiles of a grid need."""
    sizes = problem.dimension, asked.recorded_steps, asked.settings.memories
    return Work(plan, grid, sizes, tile_size, **store)


class Done(NamedTuple):
    """What is known of a tile that was run."""

    statuses: dict[int, int]  # how many configurations have which
    steps: int  # that were taken now, as all that follows
    passes: int
    evaluations: int = 0  # of a plan that counts apart
    state: State | None = None  # where nobody has written it yet

    @property
    def is_finished(self) -> bool:
        """Whether no configuration was stopped from outside."""
        return int(Status.CANCELLED) not in self.statuses


@dataclass(frozen=True)
class Work:
    """What of a sweep every tile needs.

    Attributes
    ----------
    sizes : (int, int, int)
        Of a state: P, recorded steps, vectors that a rule keeps.
    tile_size : int
        Configurations of a full tile.
    """

    plan: Plan
    grid: Grid
    sizes: tuple[int, int, int]
    tile_size: int
    store: Store | None = None
    durable: bool = False

    def apart(self) -> Work:
        """Return the same with a plan that counts apart."""
        plan = copy.copy(self.plan)
        plan.evaluations = []
        return replace(self, plan=plan)

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return -(-self.grid.size // self.tile_size) if self.store is None else self.store.layout.count

    def range(self, tile: int) -> Range:
        """Return the first flat index of a tile, and the one after its last."""
        if self.store is not None:
            return self.store.layout.range(tile)
        return tile * self.tile_size, min((tile + 1) * self.tile_size, self.grid.size)

    def new_state(self) -> State:
        """Return room for a tile."""
        return new_state(self.tile_size, *self.sizes)

    def run(self, tile: int, state: State, reports: Reports, goes_on: KeepGoing = lambda: True) -> Done:
        """Run a tile, or of one that was carried over into a larger store what is new of it."""
        first, last = self.range(tile)
        own = state.part(0, last - first)
        if self.store is None or not (self.store.is_extended and self.store.is_there(tile)):
            tiles = Tiles(self.plan, self.grid, own, first, last, goes_on)
            tiles.run(reports)
            return _done(own, total(own.steps), tiles.passes())
        for name in self.store.layout.arrays:
            getattr(own, name)[:] = self.store.read(name, tile)
        new = np.flatnonzero(own.status == PENDING)
        part = new_state(new.size, *self.sizes)
        reports.add(np.delete(own.status, new))
        plan = self.plan.at_starts(self.grid.starts_of(first + new))
        tiles = Tiles(plan, self.grid.picked(first + new), part, goes_on=goes_on)
        tiles.run(reports)
        for name in State._fields:
            getattr(own, name)[new] = getattr(part, name)
        return _done(own, total(part.steps), tiles.passes())

    def write(self, tile: int, state: State) -> None:
        """Write a tile that was run into the store."""
        assert self.store is not None
        first, last = self.range(tile)
        beyond = state.part(last - first, len(state.status))  # the grid
        mark_not_begun(beyond)
        beyond.theta.fill(np.nan)
        beyond.steps.fill(0)
        write_tile(self.store.path, self.store.layout, tile, state._asdict(), durable=self.durable)


def _done(state: State, steps: int, passes: int) -> Done:
    values, counts = np.unique_counts(state.status)
    return Done(dict(zip(values.tolist(), counts.tolist(), strict=True)), steps, passes)
