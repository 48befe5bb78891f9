"""What a command found, for machines: one object of strict JSON, in which NaN is null and an infinity a text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastgd._version import __version__
from fastgd.descent.statuses import Status
from fastgd.results.advice import limits_of
from fastgd.results.content import plain
from fastgd.results.descent import Descent
from fastgd.results.outcomes import Outcome
from fastgd.results.sweep_result import SweepResult
from fastgd.results.tally import Span, tally


def tell(found: dict[str, Any]) -> None:
    """Print an object, with the version of fastgd in it."""
    print(json.dumps(plain({"fastgd": __version__, **found}), allow_nan=False))


def of_sweep(result: SweepResult, notes: Sequence[str]) -> dict[str, Any]:
    """Return what a sweep's summary says; every configuration's result is in the file that --out writes."""
    values = result.axes
    statuses = {status: count.steps for status, count in tally(result).statuses.items()}
    return {
        "problem": result.problem,
        "parameters": result.parameters,
        "configurations": result.grid.size,
        "finished": result.timing.configurations,
        "axes": {name: _axis(values[name]) for name in values},
        "statuses": {status.name: _status(status, steps) for status, steps in sorted(statuses.items())},
        "best": result.best and _outcome(result.best, result.parameters),
        "fastest": result.fastest and _outcome(result.fastest, result.parameters),
        "stability_limits": limits_of(result),
        "engine": result.engine,
        "notes": notes,
        "timing": result.timing.to_dict(),
    }


def of_interrupted(result: SweepResult, notes: Sequence[str]) -> dict[str, Any]:
    """Return how far a descent came that was interrupted: as `of_descent`, without states."""
    own = _outcome(result.outcome((0,) * len(result.grid.shape)), result.parameters)
    return {**own, "trajectory": None, "notes": notes, "timing": result.timing.to_dict()}


def of_descent(run: Descent, notes: Sequence[str]) -> dict[str, Any]:
    """Return where a descent stopped, why, and its recorded states."""
    path = run.trajectory
    states = path and {
        "step": path.steps,
        "loss": path.loss,
        "theta": dict(zip(run.parameters, path.theta.T, strict=True)),
    }
    own = _outcome(run, run.parameters)
    return {**own, "trajectory": states, "notes": notes, "timing": run.timing.to_dict()}


def _axis(values: Any) -> dict[str, Any]:
    """Return how many values an axis has and, unless they are starts, the least and the largest."""
    ends = {"least": values.min(), "largest": values.max()} if values.ndim == 1 else {}
    return {"count": len(values), **ends}


def _status(status: Status, steps: Span) -> dict[str, Any]:
    return {"configurations": steps.count, "steps": [steps.low, steps.high], "means": status.message}


def _outcome(outcome: Outcome, parameters: tuple[str, ...]) -> dict[str, Any]:
    return {
        "configuration": outcome.configuration,
        "status": outcome.status.name,
        "steps": outcome.steps,
        "loss": outcome.loss,
        "gradient_norm": outcome.gradient_norm,
        "theta": dict(zip(parameters, outcome.theta.tolist(), strict=True)),
        "message": outcome.message,
    }
