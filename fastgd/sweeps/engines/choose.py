"""Which engine runs a sweep, and whether its spectrum is worth having beside."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

from fastgd.check import Argument, about
from fastgd.least_squares.from_samples import SMALL, OutOfRange
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems.linear_model import LinearModel
from fastgd.problems.problem import Problem
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.exact import decomposition_cost, statistics_cost
from fastgd.sweeps.engines.names import ENGINES
from fastgd.sweeps.engines.plan import Cutting, Engine, Plan, Statistics

UNFELT_SECONDS = 0.02  # what a decomposition may take beside a sweep that takes less
FEW_SECONDS = 0.005  # what the spectrum of few samples may take, whatever the sweep takes


class Prepared(NamedTuple):
    """An engine's name, why it was chosen, and what it will do."""

    engine: str
    choice: str
    plan: Plan


def engine_of(name: str) -> Engine:
    """Return the module of an engine."""
    return cast(Engine, import_module(ENGINES[name]))


def choose(problem: Problem, asked: Asked) -> tuple[str, str]:
    """Return the engine's name, and why it was chosen; ValueError if the one asked for can't serve."""
    if asked.engine != "auto":
        missing = engine_of(asked.engine).lacks(problem, asked)
        if missing:
            rest = ("needs ", missing, "; use ", Argument("engine", "auto"), " or 'samples'")
            raise ValueError(about(Argument("engine", asked.engine), *rest))
        return asked.engine, "asked for"
    engines = {name: engine_of(name) for name in ENGINES}
    costs = {name: engine.cost(problem, asked) for name, engine in engines.items() if not engine.lacks(problem, asked)}
    best = min(costs, key=lambda name: costs[name])
    if len(costs) == 1:
        return best, "the only one for this problem"
    estimates = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in costs.items())
    return best, f"least estimated cost: {estimates}"


def prepare(problem: Problem, asked: Asked, threads: int, cutting: Cutting, kept: Statistics | None = None) -> Prepared:
    """Choose an engine and prepare its plan, of the statistics that were kept if some were.

    Where statistics are beyond float64, and no engine was asked for, the samples serve: their loss may be a number yet.
    """
    name, why = choose(problem, asked)
    try:
        return Prepared(name, why, engine_of(name).prepare(problem, asked, threads, cutting, kept))
    except OutOfRange as error:
        if asked.engine != "auto":
            raise
        plan = engine_of("samples").prepare(problem, asked, threads, cutting)
        return Prepared("samples", f"for exact engines {error}", plan)


def affordable_spectrum(
    problem: Problem, asked: Asked, engine: str, *, wanted: bool, interrupted: bool
) -> tuple[Spectrum | None, str]:
    """Return the spectrum of a loss that has one, or None and, where its data are beyond float64, the sentence.

    Where it is `wanted`, to tell why a sweep failed, it is there whatever it costs. Otherwise the arguments decide:
    it is there for few samples, or where the estimates say that it costs less than a quarter of the sweep; no samples
    are read anew for it, which may take as long as the sweep. After Ctrl-C no pass over the samples is begun.
    """
    if not isinstance(problem, LinearModel) or problem.residual_loss.curvature is None:
        return None, ""
    decomposition = 0.0 if engine == "spectral" else decomposition_cost(problem)
    statistics = 0.0 if engine != "samples" else statistics_cost(problem)
    if interrupted:
        affordable = statistics == 0.0 and decomposition <= UNFELT_SECONDS
    else:
        share = engine_of(engine).cost(problem, asked) / 4.0
        unfelt = problem.sample_count <= SMALL and statistics + decomposition <= FEW_SECONDS
        is_little = statistics <= share and decomposition <= max(UNFELT_SECONDS, share)
        affordable = wanted or unfelt or (is_little and not (statistics and problem.is_streamed))
    if not affordable:
        return None, ""
    try:
        return problem.spectrum_alone(), ""
    except ValueError as error:
        return None, str(error)
