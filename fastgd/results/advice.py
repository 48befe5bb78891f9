"""What to do about an outcome, and about a sweep of which every configuration failed.

What is advised works when it is followed: a learning rate is named only where the curvature tells that it serves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.descent.hyperparameters import Configuration
from fastgd.descent.statuses import ENDINGS, Status
from fastgd.descent.stopping import LOSS_ROUNDING
from fastgd.least_squares.spectrum import LIMIT_FACTORS
from fastgd.results.outcomes import Outcomes
from fastgd.results.tally import Tally
from fastgd.text import at_least, at_most

Array = NDArray[Any]


def message(result: Outcomes, index: int) -> str:
    """Return why one configuration stopped and what to do, in one sentence."""
    status = Status(int(result.status.ravel()[index]))
    configuration = result.grid.numbers(index)
    if status == Status.CANCELLED:
        return status.message
    if status < 0:
        return _of_failed(result, index, status, configuration)
    return _of_others(result, index, status, configuration)


def _of_failed(result: Outcomes, index: int, status: Status, configuration: Configuration) -> str:
    loss = float(result.loss.ravel()[index])
    rate = configuration.learning_rate
    limit = limit_at(result, configuration.momentum)
    remedies = [] if limit is None or rate <= limit else [f"{ENDINGS[status].remedy} to {_below(result, limit)}"]
    if status == Status.DIVERGED and result.steps.ravel()[index] == 0:
        if not loss > configuration.divergence_threshold or math.isinf(loss):
            return ENDINGS["no start"].sentence(*_of_no_start(result))
        ending = ENDINGS["high start"]
        numbers = {"loss": at_least(loss, 4)}
        return ending.sentence(ending.remedy.format_map(numbers), *remedies, **numbers)
    if result.facts.refusal:
        remedies = [result.facts.refusal]
    elif result.facts.check:
        remedies = [ENDINGS[status].remedy + f", or see whether {result.facts.check} finds a wrong derivative"]
    elif status == Status.DIVERGED and limit is not None and not remedies:
        return ENDINGS["early"].sentence()
    return ENDINGS[status].sentence(*remedies)


def _of_no_start(result: Outcomes) -> list[str]:
    """Return the remedies with the check of the user's functions, if there are any; what they do wrong is NaN too."""
    check = result.facts.check
    return [f"{ENDINGS['no start'].remedy}, or see whether {check} finds what is wrong"] if check else []


def _of_others(result: Outcomes, index: int, status: Status, configuration: Configuration) -> str:
    numbers = {"loss": at_least(float(result.loss.ravel()[index]), 4)}
    numbers["slope"] = at_least(float(result.gradient_norm.ravel()[index]), 4)
    least = result.facts.least_loss
    if least is not None:
        numbers["least"] = at_least(least, 8)
    return ENDINGS[_kind(result, index, status, configuration)].sentence(**numbers)


def _kind(result: Outcomes, index: int, status: Status, configuration: Configuration) -> Status | str:
    """Return the name of what is known of an outcome that did not fail, its status where that says it all."""
    at_start = bool(result.steps.ravel()[index] == 0)
    if status == Status.REACHED_LOSS:
        return "low start" if at_start else status
    if status == Status.SMALL_GRADIENT:
        return "flat start" if at_start else status
    if status == Status.MAX_STEPS and at_start:
        return "no steps"
    if configuration.learning_rate == 0.0:
        return "no rate"
    if result.gradient_norm.ravel()[index] == 0.0:
        return "no slope" if status == Status.SMALL_UPDATE else _of_all_steps(result, index, configuration)
    if status == Status.SMALL_UPDATE:
        if result.stalled.ravel()[index]:
            return "no step" if at_start else "short steps"
        return "held" if _is_held(result, index) else status
    return _of_all_steps(result, index, configuration)


def _of_all_steps(result: Outcomes, index: int, configuration: Configuration) -> Status | str:
    """Return the same of a descent that took all its steps."""
    loss = float(result.loss.ravel()[index])
    slope = float(result.gradient_norm.ravel()[index])
    least = result.facts.least_loss
    if least is not None and configuration.loss_threshold <= least and "loss_threshold" in result.grid.given:
        return "out of reach"
    if least is not None and loss <= least + result.facts.loss_rounding:
        return "at the least"
    if slope == 0.0:
        return "no slope"
    if not loss < result.initial_loss.ravel()[index]:
        return "no fall"
    if result.settings.rule != "sign" and configuration.learning_rate * slope * slope <= LOSS_ROUNDING * abs(loss):
        return "settled"
    steady = result.settings.rule == "sign" and result.settings.schedule == "constant"
    return "sign" if steady else Status.MAX_STEPS


def _is_held(result: Outcomes, index: int) -> bool:
    """Tell whether theta lies on a bound."""
    theta = result.theta.reshape(-1, result.theta.shape[-1])[index]
    return bool(((theta == result.settings.lower) | (theta == result.settings.upper)).any())


def what_to_try(result: Outcomes, counts: Tally) -> str:
    """Say why there is no best configuration and what to change."""
    cancelled = Status.CANCELLED in counts.statuses
    if cancelled and len(counts.statuses) == 1:
        return "none, every configuration was interrupted"
    parts = _about_starts(result, counts)
    limits = limits_of(result)
    tried = counts.rates_late if counts.late else counts.rates_early
    if tried.count and (counts.late or (limits is not None and tried.low >= limits.min())):
        parts.append(_about_rates(result, tried.low, limits))
    return f"none, every configuration failed{' or was interrupted' * cancelled}: {'; '.join(parts)}"


def _about_starts(result: Outcomes, counts: Tally) -> list[str]:
    """Return what to do where descents failed before their first step."""
    above = counts.above
    parts = []
    if above.count:
        least = at_least(above.low, 4)
        most = at_least(above.high, 4)
        which = f"the start's loss, {least}, is" if least == most else f"the starts' losses, {least} to {most}, are"
        parts.append(f"{which} already above divergence_threshold, raise that above {most}")
    if above.count < counts.early.count:
        parts.append(_fragment(ENDINGS["no start"].sentence(*_of_no_start(result))))
    return parts


def _fragment(text: str) -> str:
    return text[0].lower() + text[1:].rstrip(".").replace("; ", ", ")


def _about_rates(result: Outcomes, least: float, limits: Array | None) -> str:
    """Return which learning rates to try, `least` being the least that failed."""
    if result.facts.refusal:
        return result.facts.refusal
    if limits is not None:
        example = _safe_rate(result, min(float(limits.min()), least))
        if example > 0.0:
            return f"try learning rates {_below(result, min(float(limits.min()), least))}, for example {example:.3g}"
    if least / 10.0 == 0.0:
        return "no learning rate is small enough, scale what the loss is computed from"
    text = f"try learning rates below {least:.3g}, each a tenth of the one before, until the loss falls"
    return text + f"; if it never does, {result.facts.check} tells why" * bool(result.facts.check)


def _below(result: Outcomes, limit: float) -> str:
    """Return a limit in words: with momentum a descent next to it may climb for long before it falls."""
    return f"{'' if result.settings.rule == 'gradient' else 'well '}below {at_most(limit, 3)}"


def _safe_rate(result: Outcomes, limit: float) -> float:
    """Return a learning rate at which no descent ends above its start.

    For the heavy ball that is (1 - beta) / lambda_max, half of what Ochs, Chen, Brox and Pock (iPiano, SIAM Journal on
    Imaging Sciences 7, 2014) prove for every loss of that curvature; for the others half the limit.
    """
    if result.settings.rule != "momentum" or result.spectrum is None:
        return limit / 2.0
    momentum = float(np.max(result.grid.values["momentum"]))
    return min(limit, (1.0 - momentum) * result.spectrum.max_learning_rate) / 2.0


def limits_of(result: Outcomes) -> Array | None:
    """Return the stability limit at each momentum of the grid, None if there is no curvature to tell it."""
    momenta = np.unique(result.grid.values["momentum"]).tolist()
    limits = [limit_at(result, momentum) for momentum in momenta]
    return None if None in limits else np.array(limits, dtype=np.float64)


def limit_at(result: Outcomes, momentum: float) -> float | None:
    """Return the stability limit of a constant learning rate, None if there is no curvature to tell it."""
    spectrum = result.spectrum
    rule = result.settings.rule
    if spectrum is None or rule not in LIMIT_FACTORS or not spectrum.rank:
        return None
    return spectrum.stability_limit(rule, momentum)
