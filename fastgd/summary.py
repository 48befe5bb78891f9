"""A sweep's result in at most fifteen lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.rules import Status
from fastgd.spectrum import LIMIT_FACTORS

if TYPE_CHECKING:
    from fastgd.results import Outcome, SweepResult

MOST_LINES = 15
_LABEL = 15
_SHORT = {
    Status.REACHED_LOSS: "loss below loss_threshold",
    Status.SMALL_GRADIENT: "gradient below gradient_tolerance",
    Status.SMALL_UPDATE: "update below tolerance",
    Status.MAX_STEPS: "took all steps, loss fell",
    Status.DIVERGED: "overflowed",
    Status.LOSS_GREW: "took all steps, loss grew",
    Status.CANCELLED: "interrupted",
}


def summarise(result: SweepResult) -> str:
    """Return the problem, the axes, each status, the best configuration, what the curvature says, and the time."""
    C = result.status.size
    rows = [_status_row(result, Status(code)) for code in sorted(np.unique(result.status).tolist(), reverse=True)]
    rows.append(("best", _described(result, result.best) if result.best else _what_to_try(result)))
    if result.fastest:
        rows.append(("fastest", _described(result, result.fastest)))
    rows += [row for row in (_rates_that_worked(result), _limit(result)) if row]
    timing = result.timing
    rows.append(("engine", f"{result.engine}, {timing.choice}"))
    rows.append(
        (
            "time",
            f"{timing.run:.3g} s run, {timing.configurations_per_second:,.4g} configurations/s, "
            f"{timing.compile:.3g} s compiling, {timing.threads} thread{'s' * (timing.threads != 1)}",
        )
    )
    axes = [(name, _range(values)) for name, values in result.axes.items()]
    if len(axes) > MOST_LINES - 1 - len(rows):
        axes = [("axes", ", ".join(f"{name} ({len(values):,})" for name, values in result.axes.items()))]
    lines = [f"{C:,} configuration{'s' * (C != 1)} of {result.problem}"]
    return "\n".join(lines + [f"  {label:<{_LABEL}}{text}" for label, text in axes + rows])


def _range(values: NDArray[Any]) -> str:
    if values.ndim == 2:
        return f"{len(values):,} starts"
    low, high = values.min(), values.max()
    return f"{low:.6g}" if len(values) == 1 else f"{low:.6g} to {high:.6g}, {len(values):,} values"


def _status_row(result: SweepResult, status: Status) -> tuple[str, str]:
    steps = result.steps[result.status == status]
    low, high = int(steps.min()), int(steps.max())
    span = f"{low:,} steps" if low == high else f"{low:,} to {high:,} steps"
    return status.name, f"{steps.size:,} ({_SHORT[status]}; {span})"


def _described(result: SweepResult, outcome: Outcome) -> str:
    from fastgd.results import _vector

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
    return f"loss {outcome.loss:.8g}{at}, {outcome.steps:,} steps, theta {_vector(outcome.theta)}"


def _what_to_try(result: SweepResult) -> str:
    """Say why there is no best configuration and what to change."""
    if (result.status == Status.CANCELLED).all():
        return "none, every configuration was interrupted"
    least = float(np.min(result.grid.values["learning_rate"]))
    limits = _limits(result)
    example = limits.min() / 2.0 if limits is not None and limits.max() < least else least / 1000
    advice = "; the gradient may be wrong: problem.check_gradient() tells" * result.has_users_gradient
    return f"none, every configuration failed: try learning rates below {least:.3g}, for example {example:.3g}{advice}"


def _limits(result: SweepResult) -> NDArray[Any] | None:
    """Return the stability limit at each momentum of the grid, None if there is no curvature to tell it."""
    spectrum, rule = result.spectrum, result.settings.rule
    if spectrum is None or rule not in LIMIT_FACTORS or not spectrum.rank:
        return None
    momenta = np.unique(result.grid.values["momentum"]).tolist()
    return np.array([spectrum.stability_limit(rule, momentum) for momentum in momenta])


def _limit(result: SweepResult) -> tuple[str, str] | None:
    """Return the stability limit, how many of the rates lie above it, and the best fixed rate."""
    limits, spectrum = _limits(result), result.spectrum
    if limits is None or spectrum is None:
        return None
    limit = "limit at least" if spectrum.is_bound else "limit"
    if spectrum.is_bound and result.settings.rule == "momentum":  # which may cycle farther away
        limit = "near a minimum, limit at least"
    if limits.size > 1:
        return "stability", f"{limit} {limits.min():.6g} to {limits.max():.6g}, by momentum"
    rates = result.grid.values["learning_rate"]
    above = int((rates > limits[0]).sum())
    text = f"{limit} {limits[0]:.6g}, {above:,} of {rates.size:,} learning rate{'s' * (rates.size != 1)} above it"
    if result.settings.rule == "gradient":
        text += f"; best fixed rate {spectrum.best_learning_rate:.6g}"
    return "stability", text


def _rates_that_worked(result: SweepResult) -> tuple[str, str] | None:
    """Return the range of learning rates that converged or, without a test that could say so, whose loss fell."""
    rates = result.grid.values["learning_rate"]
    if rates.ndim == 0:
        return None
    axis = list(result.axes).index("configuration" if result.grid.zipped else "learning_rate")
    others = tuple(k for k in range(result.status.ndim) if k != axis)
    for label, worked in (("converged", result.converged), ("loss fell", ~result.failed)):
        some = rates[worked.any(axis=others)]
        if some.size:
            return label, f"for learning rates {some.min():.6g} to {some.max():.6g}, {some.size:,} of {rates.size:,}"
    return None
