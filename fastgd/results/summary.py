"""A sweep's result in at most fifteen lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.descent.rules import SCHEDULES, Status
from fastgd.results.advice import along, limits_of, what_to_try
from fastgd.text import at_least, counted, nearest

if TYPE_CHECKING:
    from fastgd.results.sweep_result import Outcome, SweepResult

MOST_LINES = 15
_LABEL = 15
_SHORT = {
    Status.REACHED_LOSS: "loss below loss_threshold",
    Status.SMALL_GRADIENT: "gradient below gradient_tolerance",
    Status.SMALL_UPDATE: "update below tolerance",
    Status.MAX_STEPS: "took all steps, ",
    Status.DIVERGED: "",
    Status.LOSS_GREW: "took all steps, loss grew",
    Status.CANCELLED: "interrupted",
}
OVERFLOW = 1e200  # a loss above it has overflowed to the eye, though the threshold stopped it first


def summarise(result: SweepResult) -> str:
    """Return the problem, the axes, each status, the best configuration, what the curvature says, and the time."""
    C = result.status.size
    rows = [_status_row(result, Status(code)) for code in sorted(np.unique(result.status).tolist(), reverse=True)]
    rows.append(("best", _described(result, result.best) if result.best else what_to_try(result)))
    if result.fastest:
        rows.append(("fastest", _described(result, result.fastest)))
    rows += [row for row in (_rates_that_worked(result), _limit(result), _standardized(result)) if row]
    timing = result.timing
    rows.append(("engine", f"{result.engine}, {timing.choice}"))
    rows.append(
        (
            "time",
            f"{timing.run:.3g} s run, {timing.configurations_per_second:,.4g} configurations/s, "
            f"{timing.compile:.3g} s compiling, {counted(timing.threads, 'thread')}",
        )
    )
    axes = [(name, _range(values)) for name, values in result.axes.items()]
    if len(axes) > MOST_LINES - 1 - len(rows):
        axes = [("axes", ", ".join(f"{name} ({len(values):,})" for name, values in result.axes.items()))]
    lines = [f"{counted(C, 'configuration')} of {result.problem}"]
    return "\n".join(lines + [f"  {label:<{_LABEL}}{text}" for label, text in axes + rows])


def _range(values: NDArray[Any]) -> str:
    if values.ndim == 2:
        return counted(len(values), "start")
    low, high = values.min(), values.max()
    return f"{low:.6g}" if len(values) == 1 else f"{low:.6g} to {high:.6g}, {len(values):,} values"


def _status_row(result: SweepResult, status: Status) -> tuple[str, str]:
    chosen = result.status == status
    steps = result.steps[chosen]
    low, high = int(steps.min()), int(steps.max())
    span = counted(high, "step") if low == high else f"{low:,} to {counted(high, 'step')}"
    said = [_SHORT[status] + _which(result, status, chosen), span, *_remarks(result, status, chosen)]
    return status.name, f"{steps.size:,} ({'; '.join(said)})"


def _which(result: SweepResult, status: Status, chosen: NDArray[np.bool_]) -> str:
    """Return what the losses of a status' configurations say of it."""
    loss = result.loss[chosen]
    if status == Status.MAX_STEPS:
        fell = int((loss < result.initial_loss[chosen]).sum())
        return "loss fell" if fell == loss.size else f"loss fell in {fell:,}" if fell else "loss did not fall"
    if status == Status.DIVERGED:
        passed = int((loss <= OVERFLOW).sum())  # false for NaN
        words = ["overflowed"] * (passed < loss.size) + ["loss above divergence_threshold"] * (passed > 0)
        return " or ".join(words)
    return ""


def _remarks(result: SweepResult, status: Status, chosen: NDArray[np.bool_]) -> list[str]:
    """Return what else is to be said of a status' configurations."""
    least = result.facts.least_loss
    if status == Status.SMALL_UPDATE and (stalled := int(result.stalled[chosen].sum())):
        return [f"{stalled:,} before the gradient was small, tolerance being longer than their steps"]
    if status == Status.MAX_STEPS and least is not None and "loss_threshold" in result.grid.given:
        missed = int((along(result, "loss_threshold")[chosen] <= least).sum())
        if missed:
            some = f", in {missed:,}" if missed < chosen.sum() else ""
            return [f"loss_threshold is not above the least loss, {at_least(least, 8)}{some}"]
    return []


def _described(result: SweepResult, outcome: Outcome) -> str:
    from fastgd.results.sweep_result import _vector

    # one value a sweep is not repeated
    names = ["theta0" if name == "start" else name for name in result.axes]
    configuration = outcome.configuration
    if "configuration" in result.axes:
        varied = {name for name, values in result.grid.values.items() if values.ndim} | {"theta0"}
        names = [name for name in configuration if name in varied]
    which = ", ".join(
        f"{name}={_vector(configuration[name]) if name == 'theta0' else format(configuration[name], '.6g')}"
        for name in names
        if name in configuration
    )
    at = f" at {which}" if which else ""
    return f"loss {outcome.loss:.8g}{at}, {counted(outcome.steps, 'step')}, theta {_vector(outcome.theta)}"


def _limit(result: SweepResult) -> tuple[str, str] | None:
    """Return the stability limit and what it says of this sweep's learning rates."""
    limits, spectrum, settings = limits_of(result), result.spectrum, result.settings
    if limits is None or spectrum is None:
        return None
    limit = "limit at least" if spectrum.is_bound else "limit"
    if spectrum.is_bound and settings.rule == "momentum":  # which may cycle farther away
        limit = "near a minimum, limit at least"
    steady = settings.schedule == "constant"
    if limits.size > 1:
        text, by_momentum = f"{limit} {limits.min():.6g} to {limits.max():.6g}", ", by momentum"
    else:
        text, by_momentum = f"{limit} {limits[0]:.6g}", ""
    if settings.bounds is not None:
        below = "; below it the loss can't grow with them either" * (settings.rule == "gradient")
        return "stability", f"{text} without bounds{by_momentum}{below}"
    if not steady and settings.rule != "gradient":
        return "stability", f"{text} at a constant rate{by_momentum}"
    if by_momentum:
        return "stability", text + by_momentum
    rates = result.grid.values["learning_rate"]
    above = int((rates > limits[0]).sum())
    of_rates = f"{above:,} of {counted(rates.size, 'learning rate')}"
    if not steady:
        calm = f", {_from_where(result, float(limits[0]))}" * (above > 0)
        return "stability", f"{text} of learning_rate times schedule, {of_rates} above it at first{calm}"
    best = f"; best fixed rate {nearest(spectrum.best_learning_rate, below=spectrum.max_learning_rate)}" * (
        settings.rule == "gradient"
    )
    return "stability", f"{text}, {of_rates} above it{best}"


def _from_where(result: SweepResult, limit: float) -> str:
    """Say from which step on no configuration's learning rate, times its schedule, is above the limit."""
    from fastgd.kernels.descent import (
        directions as rules,  # of which this calls no kernel: the formula as Python has it
    )

    factor = rules.schedule_factor.py_func
    values, schedule = result.grid.values, SCHEDULES[result.settings.schedule]
    rate, decay = float(values["learning_rate"].max()), float(values["decay"].min())
    above, last = -1, int(values["max_steps"].max())
    below = last
    if rate * factor(schedule, decay, last, last) > limit:
        return "not all below it at the last step"
    while below - above > 1:  # the schedule falls
        middle = (above + below) // 2
        if rate * factor(schedule, decay, middle, last) > limit:
            above = middle
        else:
            below = middle
    return f"none from step {below:,} on"


def _standardized(result: SweepResult) -> tuple[str, str] | None:
    """Return the row of a failed sweep's summary that says what they would bring, None if that is not much."""
    text = "" if result.spectrum is None else result.spectrum.what_standardizing_brings()
    label, _, rest = text.partition(": ")
    return (label, rest) if text else None


def _rates_that_worked(result: SweepResult) -> tuple[str, str] | None:
    """Return the range of learning rates that converged or, without a test that could say so, whose loss fell."""
    rates = result.grid.values["learning_rate"]
    if rates.ndim == 0:
        return None
    axis = list(result.axes).index("configuration" if result.grid.zipped else "learning_rate")
    others = tuple(k for k in range(result.status.ndim) if k != axis)
    moved = ~result.stalled
    fell = ~result.failed & moved & (result.loss < result.initial_loss)
    for label, worked in (("converged", result.converged & moved), ("loss fell", fell)):
        some = rates[worked.any(axis=others)]
        if some.size:
            return label, f"for learning rates {some.min():.6g} to {some.max():.6g}, {some.size:,} of {rates.size:,}"
    return None
