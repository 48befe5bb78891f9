"""The store that a call runs into: made, taken up where it stands, or made larger by what the call has more.

A store goes on with its own engine and its own statistics.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import about
from fastgd.kernels.compiling import processor
from fastgd.kernels.threads import resolve_threads
from fastgd.problems.problem import Problem
from fastgd.results.content import Told
from fastgd.results.store.claims import WHOLE, Claims
from fastgd.results.store.extending import Carrying, is_part, places_in
from fastgd.results.store.identity import check_same, identity_of
from fastgd.results.store.layout import tile_shape
from fastgd.results.store.reading import Store, is_store
from fastgd.results.store.writing import METADATA, create, restore, sweep_half_made
from fastgd.results.timing import Timing
from fastgd.sweeps.asked import Asked, Destination
from fastgd.sweeps.engines.choose import Prepared, prepare
from fastgd.sweeps.engines.plan import Counts, Statistics
from fastgd.sweeps.run import CUTTING, known_of, portrait_beside
from fastgd.sweeps.stopwatch import Stopwatch
from fastgd.sweeps.under_way import WAIT_SECONDS
from fastgd.sweeps.work import largest_tile

PATIENCE_SECONDS = 1.0  # with somebody who writes to a store that is to be made larger, or is about to make it larger


def opened(destination: Destination, problem: Problem, asked: Asked) -> tuple[Store, Prepared, Claims]:
    """Return the store of this call, the plan that it makes of the store's statistics, and a hold on the store."""
    path = Path(destination.path)
    threads = resolve_threads(asked.threads)
    identities = partial(_identity, asked, problem.identity())
    sweep_half_made(path)
    restore(path)
    if not is_store(destination.path):
        prepared = prepare(problem, asked, threads, CUTTING)
        told = _told_before(problem, asked, prepared)
        tile = tile_shape(asked.grid.shape, largest_tile(problem, asked, prepared, threads))
        identity = identities(prepared.engine)
        create(path, told, tile, identity, prepared.plan.statistics, durable=destination.durable)
    for tries in count():
        claims = _held(path)
        try:
            store = Store.open(destination.path, "store")
            engine = store.header["engine"] if asked.engine == "auto" else asked.engine
            identity = identities(engine)
            asked = asked._replace(engine=engine)
            if identity == store.identity or not is_part(store.identity, store.told({}).grid, identity, asked.grid):
                check_same(destination.path, identity, store.identity)
                prepared = prepare(problem, asked, threads, CUTTING, store.statistics())
                return store, prepared._replace(choice=store.header["timing"]["choice"]), claims
            if claims.take(WHOLE):
                _extend(store, problem, asked, identity, threads, durable=destination.durable)
            elif tries * WAIT_SECONDS > PATIENCE_SECONDS:
                why = f"is being written by another process, got {destination.path!r}"
                raise ValueError(about("store", f"must be at rest to be made larger, {why}"))
        except BaseException:
            claims.close()
            raise
        claims.close()
        time.sleep(WAIT_SECONDS)
    raise AssertionError


def _held(path: Path) -> Claims:
    """Return a hold on a store by which nobody replaces it; when who replaces it now is ready."""
    while True:
        try:
            claims = Claims(path / METADATA)
        except FileNotFoundError:
            restore(path)
            Store.open(str(path), "store")  # tells if it is gone
            continue
        if claims.take(WHOLE, shared=True) and claims.are_of(path / METADATA):
            return claims
        claims.close()
        time.sleep(WAIT_SECONDS)


def _identity(asked: Asked, problem: dict[str, Any], engine: str) -> dict[str, Any]:
    return identity_of(asked.grid, asked.settings, problem, processor.identity(), engine)


def _extend(
    store: Store, problem: Problem, asked: Asked, identity: dict[str, Any], threads: int, *, durable: bool
) -> None:
    """Put a store of the larger grid in the place of one that nobody else has; what is new is yet to be run."""
    old = store.told({}).grid
    places = places_in(old, asked.grid)
    assert places is not None
    statistics = _extended_statistics(store, problem, asked, threads, places.get("start"))
    prepared = prepare(problem, asked, threads, CUTTING, statistics)
    told = _told_before(problem, asked, prepared._replace(choice=store.header["timing"]["choice"]))
    tile = tile_shape(asked.grid.shape, max(store.layout.tile_size, asked.grid.inner))
    carrying = Carrying(store, old, places, store.state())
    create(store.path, told, tile, identity, statistics, durable=durable, carry=carrying.write)


def _extended_statistics(
    store: Store, problem: Problem, asked: Asked, threads: int, starts: NDArray[np.int64] | None
) -> Statistics:
    """Return the store's statistics, with residuals at starts that are new; ValueError if those would be of others."""
    kept = store.statistics()
    if not kept or starts is None:
        return kept
    own = prepare(problem, asked, threads, CUTTING).plan.statistics
    known = starts >= 0
    for name, numbers in kept.items():
        here = own[name][known] if name == "residuals" else own[name]
        there = numbers[starts[known]] if name == "residuals" else numbers
        if not np.array_equal(here, there, equal_nan=True):  # rows of the modes that kernels fill
            why = "its statistics are others here, as they may be with another number of BLAS' threads"
            raise ValueError(about("store", f"can't be extended by starts, got {str(store.path)!r}: {why}"))
    return own


def _told_before(problem: Problem, asked: Asked, prepared: Prepared) -> Told:
    """Return what is told of a sweep before it is run."""
    engine = prepared.engine
    timing = timing_of(Stopwatch(), prepared, prepared.plan.counts(0))
    spectrum, facts = known_of(problem, asked, engine, (), interrupted=False)
    return Told(
        engine=engine,
        problem=repr(problem),
        parameters=problem.parameters,
        timing=replace(timing, trajectories=asked.grid.trajectories()[0]),
        spectrum=spectrum,
        grid=asked.grid,
        settings=asked.settings,
        facts=facts,
        portrait=portrait_beside(problem, asked.grid, engine, spectrum),
        states=asked.recorded_steps if asked.settings.record_every else None,
    )


def timing_of(watch: Stopwatch, prepared: Prepared, counts: Counts, steps: int = 0) -> Timing:
    """Return the timing of a call, in which configurations and trajectories are yet to be told."""
    measured: dict[str, Any] = {**watch.seconds, **counts._asdict()}
    return Timing(
        **measured,
        configurations=0,
        trajectories=0,
        steps=steps,
        engine=prepared.engine,
        choice=prepared.choice,
    )
