"""Engines: how a tile is run. Each says what it lacks for a problem, what a sweep would cost, and prepares a plan.

An engine is a module with

    lacks(problem, grid, method)      None, or what it needs and the problem or the sweep does not have
    cost(problem, grid, method)       estimated seconds
    prepare(problem, grid, method, threads)   a Plan, see `plan`
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from fastgd.least_squares.from_samples import SMALL, OutOfRange
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems.fit import Fit
from fastgd.problems.problem import Problem
from fastgd.sweeps.engines import moments, samples, spectral
from fastgd.sweeps.engines.exact import decomposition_cost, statistics_cost
from fastgd.sweeps.engines.plan import Plan
from fastgd.sweeps.engines.state import finished, new_state, total
from fastgd.sweeps.grid import Grid

__all__ = ["ENGINES", "affordable_spectrum", "choose", "finished", "new_state", "prepare", "total"]

UNFELT_SECONDS = 0.02  # what a decomposition may take beside a sweep that takes less
FEW_SECONDS = 0.005  # what the spectrum of few samples may take, whatever the sweep takes

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


def affordable_spectrum(
    problem: Problem, grid: Grid, method: Any, engine: str, *, wanted: bool, interrupted: bool
) -> tuple[Spectrum | None, str]:
    """Return the spectrum of a loss that has one, or None and, where its data are beyond float64, the sentence.

    Where it is `wanted`, to tell why a sweep failed, it is there whatever it costs. Otherwise the arguments decide:
    it is there for few samples, or where the estimates say that it costs less than a quarter of the sweep. After Ctrl-C
    no pass over the samples is begun.
    """
    if not isinstance(problem, Fit) or problem.residual_loss.curvature is None:
        return None, ""
    decomposition = 0.0 if engine == "spectral" else decomposition_cost(problem)
    statistics = 0.0 if engine != "samples" else statistics_cost(problem)
    if interrupted:
        affordable = statistics == 0.0 and decomposition <= UNFELT_SECONDS
    else:
        share = ENGINES[engine].cost(problem, grid, method) / 4.0
        unfelt = problem.sample_count <= SMALL and statistics + decomposition <= FEW_SECONDS
        affordable = wanted or unfelt or (statistics <= share and decomposition <= max(UNFELT_SECONDS, share))
    if not affordable:
        return None, ""
    try:
        return problem.spectrum_alone(), ""
    except ValueError as error:
        return None, str(error)
