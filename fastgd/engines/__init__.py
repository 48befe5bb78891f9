"""Engines: how a tile is run. Each says what it lacks for a problem, what a sweep would cost, and prepares a plan.

An engine is a module with

    lacks(problem, grid, method)      None, or what it needs and the problem or the sweep does not have
    cost(problem, grid, method)       estimated seconds
    prepare(problem, grid, method, threads)   a Plan, see `plan`
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from fastgd.engines import moments, samples, spectral
from fastgd.engines.exact import decomposition_cost, statistics_cost
from fastgd.engines.plan import Plan
from fastgd.engines.state import finished, new_state, total
from fastgd.fit import Fit
from fastgd.grid import Grid
from fastgd.problems import Problem
from fastgd.spectrum import Spectrum
from fastgd.statistics import OutOfRange

__all__ = ["ENGINES", "affordable_spectrum", "choose", "finished", "new_state", "prepare", "total"]

UNFELT_SECONDS = 0.02  # what a spectrum may take beside a sweep that took less

ENGINES: dict[str, ModuleType] = {"samples": samples, "moments": moments, "spectral": spectral}


def choose(problem: Problem, grid: Grid, method: Any, engine: str) -> tuple[str, ModuleType, str]:
    """Return the engine's name, the engine, and why it was chosen; ValueError if the one asked for can't serve."""
    if engine != "auto":
        missing = ENGINES[engine].lacks(problem, grid, method)
        if missing:
            raise ValueError(f"engine={engine!r} needs {missing}; use engine='auto' or 'samples'")
        return engine, ENGINES[engine], "asked for"
    costs = {
        name: candidate.cost(problem, grid, method)
        for name, candidate in ENGINES.items()
        if not candidate.lacks(problem, grid, method)
    }
    best = min(costs, key=lambda name: costs[name])
    if len(costs) == 1:
        return best, ENGINES[best], "the only one for this problem"
    estimates = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in costs.items())
    return best, ENGINES[best], f"least estimated cost: {estimates}"


def prepare(problem: Problem, grid: Grid, method: Any, engine: str, threads: int) -> tuple[str, str, Plan]:
    """Choose an engine and prepare its plan; return its name, why it was chosen, and the plan.

    Where statistics are beyond float64, and no engine was asked for, the samples serve: their loss may be a number yet.
    """
    name, chosen, why = choose(problem, grid, method, engine)
    try:
        return name, why, chosen.prepare(problem, grid, method, threads)
    except OutOfRange as error:
        if engine != "auto":
            raise
        return "samples", f"for exact engines {error}", samples.prepare(problem, grid, method, threads)


def affordable_spectrum(problem: Problem, seconds: float) -> Spectrum | None:
    """Return the spectrum of a squared loss if its statistics are there, or cost less than a quarter of `seconds`.

    None as well where it would be felt (many parameters), and where statistics or curvature are beyond float64: a sweep
    that ran without them has its result.
    """
    if not isinstance(problem, Fit) or statistics_cost(problem) > seconds / 4.0:
        return None
    if decomposition_cost(problem) > max(UNFELT_SECONDS, seconds / 4.0):
        return None
    try:
        return problem.spectrum_in_passing()
    except ValueError:
        return None
