"""What is run by a worker: a task, which is a tile of a sweep that the worker was told of, or is told of with it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from typing import NamedTuple

from fastgd.results.store.reading import Replaced, Store
from fastgd.sweeps.executors.parcel import Parcel
from fastgd.sweeps.progress import Reports
from fastgd.sweeps.work import Done, Work

MOST_KEPT = 3  # sweeps that a worker keeps what it was told of

here: dict[str, Work] = {}  # of sweeps that this process runs, or ran when it was forked
_kept: dict[str, _Told] = {}  # of others, the last one at the end


class Task(NamedTuple):
    """A tile to run. No two are equal: dask takes equal calls for one."""

    key: str  # of the sweep
    folder: str  # that is there while it runs
    tile: int
    attempt: int


class Missing(NamedTuple):
    """The answer of a worker that was not told of the sweep, or can't open what it was told, or that it is over."""


class Failed(NamedTuple):
    """The answer of a worker where running a tile has raised: what executors raise is their own."""

    error: bytes  # pickled

    @classmethod
    def by(cls, error: Exception) -> Failed:
        """Return the answer for what was raised."""
        error.add_note(f"In a worker of the executor:\\n{''.join(traceback.format_exception(error))}")
        try:
            whole = pickle.dumps(error)
            pickle.loads(whole)
        except Exception:  # whatever an object's own methods raise
            whole = pickle.dumps(RuntimeError("".join(traceback.format_exception_only(error)).strip()))
        return cls(whole)


class _Told(NamedTuple):
    """A sweep as a worker knows it."""

    work: Work
    is_beside: bool  # whether it sees the folder of the sweep
    sees_store: bool

    @classmethod
    def of(cls, parcel: Parcel, task: Task) -> _Told | None:
        """Return what a parcel tells, None if it can't be opened."""
        work = parcel.opened(task.folder, task.key)
        return None if work is None else cls(work, os.path.isdir(task.folder), _sees(work.store))


def run_task(task: Task, parcel: Parcel | None = None) -> Done | Missing | Failed:
    """Run a tile in a worker, and write it if there is a store that the worker sees."""
    _leave_ctrl_c_to_the_parent()
    try:
        told = _told(task, parcel)
        return Missing() if told is None else _run(task, told)
    except Exception as error:
        return Failed.by(error)


def _run(task: Task, told: _Told) -> Done | Missing:
    def goes_on() -> bool:
        return not told.is_beside or os.path.isdir(task.folder)

    if not goes_on():
        return Missing()
    work = told.work.apart()
    state = work.new_state()
    done = work.run(task.tile, state, Reports(None, 0), goes_on)
    done = done._replace(evaluations=sum(work.plan.evaluations))
    if work.store is not None and not done.is_finished:
        return done
    if told.sees_store:
        work.write(task.tile, state)
        return done
    return done._replace(state=state._replace(memory=state.memory[:0]))


def _told(task: Task, parcel: Parcel | None) -> _Told | None:
    """Return what this process was told of a sweep, by this task or before."""
    if task.key in here:
        work = here[task.key]
        return _Told(work, is_beside=True, sees_store=work.store is not None)
    told = _kept.get(task.key)
    if told is None and parcel is not None:
        told = _Told.of(parcel, task)
        if told is not None:
            _kept[task.key] = told
            for old in list(_kept)[:-MOST_KEPT]:
                _kept.pop(old, None)  # which another thread may have done
    return told


def _sees(store: Store | None) -> bool:
    """Tell whether a store is there for this process as for the one that runs the sweep."""
    try:
        if store is not None:
            store.check_there()
    except Replaced:
        return False
    return store is not None


def _leave_ctrl_c_to_the_parent() -> None:
    """Let a worker process, which a terminal signals as well, go on until it is told to stop, or Python would print."""
    if (
        multiprocessing.parent_process() is not None
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
