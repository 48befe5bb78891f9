"""What all configurations of a sweep share: update rule, schedule, bounds, what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd.check import choice, real_array, runs, shown, whole
from fastgd.descent.rules import MEMORIES, RULES, RULES_WITH_MOMENTUM, SCHEDULES, SCHEDULES_WITH_DECAY
from fastgd.problems.problem import Problem, Theta
from fastgd.record import Record
from fastgd.sweeps.grid import LARGEST_STEP_COUNT, Grid
from fastgd.text import counted

USUAL = {"momentum": 0.9, "decay": 0.01}  # what a rule or a schedule gets that needs one, if none is said
LARGEST_TRAJECTORY = 1 << 30  # bytes
USUAL_STATES = 10_000  # that a descent records if nothing is said, at most, besides the first


@dataclass(frozen=True, eq=False)
class Settings(Record):
    """Checked settings of a sweep."""

    rule: str
    schedule: str
    lower: Theta  # (P,), infinite where there is no bound
    upper: Theta  # (P,)
    record_every: int | None

    @classmethod
    def from_arguments(
        cls, problem: Problem, rule: object, schedule: object, bounds: object, record_every: object
    ) -> Settings:
        """Check what is one value a sweep."""
        lower, upper = _checked_bounds(bounds, problem.dimension)
        return cls(
            choice("rule", rule, RULES),
            choice("schedule", schedule, SCHEDULES),
            lower,
            upper,
            None
            if record_every is None
            else whole("record_every", record_every, minimum=1, maximum=LARGEST_STEP_COUNT),
        )

    def with_usual_values(
        self, hyperparameters: Mapping[str, object], columns: Mapping[str, object]
    ) -> dict[str, object]:
        """Return the hyperparameters with what rule and schedule need; ValueError for what they would ignore."""
        completed = dict(hyperparameters)
        for name, argument, chosen, users in (
            ("momentum", "rule", self.rule, RULES_WITH_MOMENTUM),
            ("decay", "schedule", self.schedule, SCHEDULES_WITH_DECAY),
        ):
            given = hyperparameters[name] is not None or name in columns
            if given and chosen not in users:
                came = "a column of configurations" if name in columns else shown(hyperparameters[name])
                raise ValueError(
                    f"{name} must be left out under {argument}={chosen!r}, which has none, "
                    f"got {came}; {argument}s with a {name} are {', '.join(map(repr, users))}"
                )
            if chosen in users and not given:
                completed[name] = USUAL[name]
        return completed

    @property
    def memories(self) -> int:
        """How many vectors like theta the rule keeps from step to step."""
        return MEMORIES[self.rule]

    def check_starts(self, grid: Grid) -> None:
        """Raise ValueError if a start lies outside the bounds."""
        if self.bounds is None:
            return
        for starts in runs(grid.starts):
            outside = (starts < self.lower) | (starts > self.upper)
            if outside.any():
                start, k = np.argwhere(outside)[0]
                raise ValueError(
                    f"theta0 must lie within bounds, got {float(starts[start, k])!r} for parameter {k}, "
                    f"outside [{self.lower[k]}, {self.upper[k]}]"
                )

    def recorded(self, grid: Grid, parameters: int) -> int:
        """Return K, the steps recorded of each configuration; ValueError if they would not fit in memory."""
        if self.record_every is None:
            return 0
        K = int(np.max(grid.values["max_steps"])) // self.record_every + 1
        size = grid.size * K * (parameters + 1) * 8
        if size > LARGEST_TRAJECTORY:
            what = f"{counted(K, 'step')} of {counted(grid.size, 'configuration')}"
            raise ValueError(
                f"record_every={self.record_every} would record {what}, "
                f"{size / 2**30:,.1f} GiB (at most {LARGEST_TRAJECTORY / 2**30:.0f}); raise it, or set it to None"
            )
        return K

    @property
    def bounds(self) -> Any:
        """Lower and upper bounds (2, P), None if there are none."""
        bounded = np.isfinite(self.lower).any() or np.isfinite(self.upper).any()
        return np.stack([self.lower, self.upper]) if bounded else None

    def configuration(self) -> dict[str, Any]:
        """Return the settings as keywords for `descend`, those at their defaults left out; bounds are an array."""
        keywords: dict[str, Any] = {}
        if self.rule != "gradient":
            keywords["rule"] = self.rule
        if self.schedule != "constant":
            keywords["schedule"] = self.schedule
        if self.bounds is not None:
            keywords["bounds"] = self.bounds
        return keywords

    def method(self) -> Any:
        """Return the settings as kernels take them."""
        from fastgd.kernels.descent.loops import Method

        rule, schedule, origin = RULES[self.rule], SCHEDULES[self.schedule], np.zeros_like(self.lower)
        # kernels take writable arrays, or they would be compiled for either kind
        bounds = self.lower.copy(), self.upper.copy()
        return Method(rule, schedule, *bounds, origin, self.record_every or 0, loss_scale=np.nan)


def usual_interval(max_steps: int, parameters: int) -> int:
    """Return the least of 1, 2, 5, 10, ... at which few enough states of a descent of so many steps are recorded.

    It does not depend on where the descent stops: that is known too late.
    """
    states = max(1, min(USUAL_STATES, LARGEST_TRAJECTORY // ((parameters + 1) * 8) - 1))
    candidates = (digit * int(10.0**power) for power in range(17) for digit in (1, 2, 5))
    return next(k for k in candidates if k * states >= max_steps)


def _checked_bounds(bounds: Any, parameters: int) -> tuple[Theta, Theta]:
    """Return (lower, upper), each (P,), of a pair or of what has them as SciPy names them; infinite where is none."""
    if bounds is None:
        return np.full(parameters, -np.inf), np.full(parameters, np.inf)
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    if not isinstance(bounds, tuple | list | np.ndarray) or getattr(bounds, "ndim", 1) == 0 or len(bounds) != 2:
        raise ValueError(f"bounds must be a pair (lower, upper), got {shown(bounds)}")
    sides = []
    for name, side in zip(("lower", "upper"), bounds, strict=True):
        array = real_array(f"bounds ({name})", side).astype(np.float64)
        if array.shape not in ((), (1,), (parameters,)) or np.isnan(array).any():
            raise ValueError(f"bounds must have {name} a number or of shape ({parameters},), got {shown(side)}")
        sides.append(np.broadcast_to(array, (parameters,)).copy())
    lower, upper = sides
    if (lower == np.inf).any() or (upper == -np.inf).any():
        raise ValueError(f"bounds must have lower below inf and upper above -inf, got {lower} and {upper}")
    if (lower > upper).any():
        raise ValueError(f"bounds must have lower <= upper, got {lower} and {upper}")
    return lower, upper
