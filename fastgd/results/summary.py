"""A sweep's result in at most fifteen lines."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from numpy.typing import NDArray

from fastgd.descent.hyperparameters import OFF
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.statuses import Status
from fastgd.results.advice import limits_of, what_to_try
from fastgd.results.outcomes import Outcome, Outcomes, vector
from fastgd.results.tally import Count, Tally, tally
from fastgd.text import at_least, counted, nearest

MOST_LINES = 15
_LABEL = 15


def summarise(result: Outcomes, best: Outcome | None, fastest: Outcome | None) -> str:
    """Return a title and rows as text."""
    title, rows = rows_of(result, best, fastest)
    return "\n".join([title] + [f"  {label:<{_LABEL}}{text}" for label, text in rows])


def rows_of(result: Outcomes, best: Outcome | None, fastest: Outcome | None) -> tuple[str, list[tuple[str, str]]]:
    """Return the problem; the axes, each status, the best configuration, what the curvature says, and the time."""
    C = result.grid.size
    counts = tally(result)
    rows = [_status_row(result, status, count) for status, count in sorted(counts.statuses.items(), reverse=True)]
    rows.append(("best", described(result, best) if best else what_to_try(result, counts)))
    if fastest:
        rows.append(("fastest", described(result, fastest)))
    rows += [row for row in (_rates_that_worked(result, counts), _limit(result), _standardized(result)) if row]
    timing = result.timing
    rows.append(("engine", f"{result.engine}, {timing.choice}"))
    rows.append(
        (
            "time",
            f"{timing.run:.3g} s run, {timing.configurations_per_second:,.4g} configurations/s, "
            f"{timing.compile:.3g} s compiling, {counted(timing.threads, 'thread')}",
        )
    )
    axes = [(name, span(values)) for name, values in result.axes.items()]
    if len(axes) > MOST_LINES - 1 - len(rows):
        axes = [("axes", ", ".join(f"{name} ({len(values):,})" for name, values in result.axes.items()))]
    shared = "" if timing.trajectories >= C else f", {counted(timing.trajectories, 'trajectory', 'trajectories')},"
    return f"{counted(C, 'configuration')}{shared} of {result.problem}", axes + rows


def span(values: NDArray[Any]) -> str:
    """Return from where to where an axis goes."""
    if values.ndim == 2:
        return counted(len(values), "start")
    low = f"{values.min():.6g}"
    return low if len(values) == 1 else f"{low} to {values.max():.6g}, {len(values):,} values"


def _status_row(result: Outcomes, status: Status, count: Count) -> tuple[str, str]:
    steps = count.steps
    low = int(steps.low)
    high = int(steps.high)
    span = counted(high, "step") if low == high else f"{low:,} to {counted(high, 'step')}"
    short = result.unfinished if status == Status.CANCELLED else status.ending.short
    said = [short + _which(status, count), span, *_remarks(result, status, count)]
    return status.name, f"{steps.count:,} ({'; '.join(said)})"


def _which(status: Status, count: Count) -> str:
    """Return what the losses of a status' configurations say of it."""
    own = count.steps.count
    if status == Status.MAX_STEPS:
        return (
            "loss fell" if count.fell == own else f"loss fell in {count.fell:,}" if count.fell else "loss did not fall"
        )
    if status == Status.DIVERGED:
        overflowed = count.overflowed
        words = ["overflowed"] * (overflowed > 0) + ["loss above divergence_threshold"] * (overflowed < own)
        return " or ".join(words)
    return ""


def _remarks(result: Outcomes, status: Status, count: Count) -> list[str]:
    """Return what else is to be said of a status' configurations."""
    if status == Status.SMALL_UPDATE and count.stalled:
        return [f"{count.stalled:,} before the gradient was small, tolerance being longer than their steps"]
    if status == Status.MAX_STEPS and count.missed:
        some = f", in {count.missed:,}" if count.missed < count.steps.count else ""
        least = result.facts.least_loss or 0.0
        return [f"loss_threshold is not above the least loss, {at_least(least, 8)}{some}"]
    return []


def described(result: Outcomes, outcome: Outcome) -> str:
    """Return one outcome in a line, with what sets it apart."""
    # one value a sweep is not repeated
    names = ["theta0" if name == "start" else name for name in result.axes]
    configuration = outcome.configuration
    if "configuration" in result.axes:
        varied = {name for name, values in result.grid.values.items() if values.ndim} | {"theta0"}
        names = [name for name in configuration if name in varied]
    which = ", ".join(
        f"{name}={vector(configuration[name]) if name == 'theta0' else format(configuration[name], '.6g')}"
        for name in names
        if name in configuration
    )
    at = f" at {which}" if which else ""
    return f"loss {outcome.loss:.8g}{at}, {counted(outcome.steps, 'step')}, theta {vector(outcome.theta)}"


def _limit(result: Outcomes) -> tuple[str, str] | None:
    """Return the stability limit and what it says of this sweep's learning rates."""
    limits = limits_of(result)
    spectrum = result.spectrum
    settings = result.settings
    if limits is None or spectrum is None:
        return None
    limit = "limit at least" if spectrum.is_bound else "limit"
    if spectrum.is_bound and settings.rule == "momentum":  # which may cycle farther away
        limit = "near a minimum, limit at least"
    steady = settings.schedule == "constant"
    text = f"{limit} {limits[0]:.6g}" if limits.size == 1 else f"{limit} {limits.min():.6g} to {limits.max():.6g}"
    by_momentum = ", by momentum" * (limits.size > 1)
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


def _from_where(result: Outcomes, limit: float) -> str:
    """Say from which step on no configuration's learning rate, times its schedule, is above the limit."""
    values = result.grid.values
    last = int(values["max_steps"].max())
    slowest = OFF._replace(decay=float(values["decay"].min()), max_steps=last)
    rate = float(values["learning_rate"].max())
    factor = SCHEDULES[result.settings.schedule].factor
    if rate * factor(slowest, last) > limit:
        return "not all below it at the last step"
    below = bisect_left(range(last), True, key=lambda step: rate * factor(slowest, step) <= limit)  # it falls
    return f"none from step {below:,} on"


def _standardized(result: Outcomes) -> tuple[str, str] | None:
    """Return the row of a failed sweep's summary that says what they would bring, None if that is not much."""
    text = "" if result.spectrum is None else result.spectrum.what_standardizing_brings()
    label, _, rest = text.partition(": ")
    return (label, rest) if text else None


def _rates_that_worked(result: Outcomes, counts: Tally) -> tuple[str, str] | None:
    """Return the range of learning rates that converged or, without a test that could say so, whose loss fell."""
    rates = result.grid.values["learning_rate"]
    if rates.ndim == 0:
        return None
    for label, worked in (("converged", counts.converged), ("loss fell", counts.fell)):
        some = rates[worked]
        if some.size:
            return label, f"for learning rates {some.min():.6g} to {some.max():.6g}, {some.size:,} of {rates.size:,}"
    return None
