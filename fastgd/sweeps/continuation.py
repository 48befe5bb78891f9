"""What a result keeps to be extended by: a reference to the problem, which holds on to no samples."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastgd.check import about, numbers_between, real_array
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.results.stored_result import StoredResult
from fastgd.results.sweep_result import NO_PROBLEM, SweepResult
from fastgd.sweeps.asked import Asked, Space, checked
from fastgd.sweeps.stopwatch import HeldInterrupts, Stopwatch


class Continuation:
    """Extends the result of a sweep over a problem that is still there; pickled, it has none."""

    def __init__(self, problem: Problem | None = None, asked: Asked | None = None) -> None:
        self._problem = None if problem is None else weakref.ref(problem)
        self._threads = None if asked is None else asked.threads
        self._store = None if asked is None else asked.store

    def __reduce__(self) -> tuple[type[Continuation], tuple[()]]:
        return Continuation, ()

    def __call__(self, result: SweepResult, axes: dict[str, Any]) -> SweepResult:
        """Return the result with more values along some axes; ValueError or TypeError in one sentence for bad ones."""
        problem = None if self._problem is None else self._problem()
        if problem is None:
            raise ValueError(NO_PROBLEM)
        watch = Stopwatch()
        stored = isinstance(result, StoredResult)
        with watch.phase("validate"):
            where = dict(self._store._asdict()) if stored and self._store is not None else {}
            asked = checked(
                Space(problem.parameters, problem.start),
                **_keywords(result, axes),
                threads=self._threads,
                store=where.get("path"),
                durable=where.get("durable", False),
            )
        with watch.phase("prepare"), HeldInterrupts():
            from fastgd.sweeps.run import run  # imports Numba
            from fastgd.sweeps.stored import run_into
        longer = run_into(problem, asked, None, watch) if stored else run(problem, asked, None, watch, result)
        object.__setattr__(longer, "_continue", self)
        return longer


def _keywords(result: SweepResult, axes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a sweep over a result's axes and more values."""
    grid = result.grid
    settings = result.settings
    if grid.zipped:
        raise ValueError("extend needs axes, and this sweep is one over zipped configurations, which have none")
    for name in axes:
        if name != "theta0" and name not in HYPERPARAMETERS:
            expected = ", ".join(("theta0", *HYPERPARAMETERS))
            raise TypeError(f"extend takes {expected}, got {name!r}")
    keywords = {"theta0": grid.starts if "start" in grid.axes else grid.starts[0]}
    for name, values in grid.values.items():
        if name in grid.given:
            keywords[name] = values
        elif HYPERPARAMETERS[name].default:
            keywords[name] = None
    return {
        **keywords,
        **{name: _longer(grid, name, more) for name, more in axes.items()},
        "rule": settings.rule,
        "schedule": settings.schedule,
        "bounds": None if settings.bounds is None else tuple(settings.bounds),
        "record_every": settings.record_every,
        "engine": result.engine,
    }


def _longer(grid: Grid, name: str, more: Any) -> Any:
    """Return the values that there are, and those that are new, each once."""
    if name == "theta0":
        P = grid.starts.shape[1]
        added = np.atleast_2d(real_array(name, more).astype(np.float64))
        if added.shape[1:] != (P,):
            raise ValueError(about(name, f"must have shape (M, {P}), got shape {np.shape(more)}"))
        rows = {row.tobytes(): row for row in (*grid.starts, *added)}
        return np.stack(list(rows.values()))
    before = np.atleast_1d(grid.values[name])
    added = np.atleast_1d(numbers_between(name, more)).astype(before.dtype)
    return np.array(list(dict.fromkeys([*before.tolist(), *added.tolist()])), dtype=before.dtype)
