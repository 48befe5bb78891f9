"""What is asked of a sweep: its arguments, checked before there is any work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastgd.check import (
    Argument,
    Coordinates,
    OfPython,
    Parameter,
    about,
    choice,
    flag,
    path_of,
    real_array,
    runs,
    shown,
    whole,
)
from fastgd.descent.hyperparameters import HYPERPARAMETERS, LARGEST_STEP_COUNT
from fastgd.descent.rules import RULES, rules_with
from fastgd.descent.schedules import SCHEDULES, movers, schedules_with
from fastgd.extras import imported
from fastgd.problems.problem import Theta
from fastgd.results.configurations import Grid, Settings
from fastgd.results.store.reading import is_store
from fastgd.sweeps.engines.names import ENGINES
from fastgd.sweeps.grid import PROBLEMS_START, check_size, grid_of, separated
from fastgd.text import counted, least_round, listed

LARGEST_TRAJECTORY = 1 << 30  # bytes
USUAL_STATES = 10_000  # that a descent records if nothing is said, at most, besides the first


class Space(NamedTuple):
    """What checks need to know of a problem, which may be yet to be read or compiled."""

    parameters: tuple[str, ...]  # their names
    start: Theta  # where a descent starts if nothing else is said, (P,)


class Destination(NamedTuple):
    """Where a sweep is written tile by tile, and whether to the disk before it is told as finished."""

    path: str
    durable: bool


class Asked(NamedTuple):
    """A sweep that may be run."""

    grid: Grid
    settings: Settings
    engine: str
    threads: int | None
    store: Destination | None = None
    executor: Any = None
    workers: int = 0  # of the executor, if it says how many

    @property
    def recorded_steps(self) -> int:
        """K, the steps recorded of each configuration."""
        every = self.settings.record_every
        return 0 if every is None else int(np.max(self.grid.values["max_steps"])) // every + 1


def checked(
    space: Space,
    *,
    theta0: Any = PROBLEMS_START,
    record_every: int | None = None,
    configurations: Any = None,
    threads: int | None = None,
    store: Any = None,
    durable: bool = False,
    executor: Any = None,
    **named: Any,
) -> Asked:
    """Check the arguments of `sweep`, of which those that are left out are at their defaults.

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument.
    """
    columns, shared = separated(configurations, named)
    engine = choice("engine", shared["engine"], ("auto", *ENGINES))
    lower, upper = _checked_bounds(shared["bounds"], space.parameters)
    settings = Settings(
        choice("rule", shared["rule"], RULES),
        choice("schedule", shared["schedule"], SCHEDULES),
        lower,
        upper,
        None if record_every is None else whole("record_every", record_every, minimum=1, maximum=LARGEST_STEP_COUNT),
    )
    given = {name: named.get(name, entry.default) for name, entry in HYPERPARAMETERS.items()}
    grid = grid_of(space.start, theta0, _completed(settings, given, columns), columns, movers(settings.schedule))
    asked = Asked(grid, settings, engine, threads, _checked_store(store, durable), _checked_executor(executor))
    _check_starts(settings, grid.starts, space.parameters)
    if asked.store is None:
        check_size(grid, settings.memories)
    _check_recorded(settings, 1 if asked.store else grid.size, asked.recorded_steps)
    if threads is not None:
        whole("threads", threads, minimum=1)
    return asked


def _checked_store(store: Any, durable: bool) -> Destination | None:
    """Return where to write; what is there must be a store, or nothing."""
    durable = flag("durable", durable)
    if store is None:
        if durable:
            raise ValueError(about("durable", "must be left out without ", Argument("store"), ", got True"))
        return None
    path = path_of("store", store)
    imported("zarr", "store", "store=")
    if not is_store(path):
        target = Path(path)
        if not target.absolute().parent.is_dir():
            raise ValueError(about("store", f"must be in a folder that exists, got {path!r}"))
        if target.is_symlink() or target.exists():
            raise ValueError(about("store", f"must be new or a store of a sweep, got {path!r}"))
    return Destination(path, durable)


def _checked_executor(executor: Any) -> Any:
    """Return what runs tasks, or a function that makes it."""
    if executor is not None and not callable(getattr(executor, "submit", executor)):
        kinds = "must have submit, as executors of concurrent.futures have, or be a function that makes one"
        raise TypeError(about("executor", f"{kinds}, got {shown(executor)}"))
    return executor


def _completed(settings: Settings, given: Mapping[str, object], columns: Collection[str]) -> dict[str, object]:
    """Return the hyperparameters with what rule and schedule need; ValueError for what they would ignore."""
    completed = dict(given)
    for name, entry in HYPERPARAMETERS.items():
        for argument, chosen, users in (
            ("rule", settings.rule, rules_with(name)),
            ("schedule", settings.schedule, schedules_with(name)),
        ):
            is_given = given[name] is not None or name in columns
            if users and is_given and chosen not in users:
                came = "a column of configurations" if name in columns else shown(given[name])
                rest = f", which has none, got {came}; {argument}s with a {name} are {', '.join(map(repr, users))}"
                raise ValueError(about(name, "must be left out under ", Argument(argument, chosen), rest))
            if chosen in users and not is_given:
                completed[name] = entry.usual
    return completed


def _check_starts(settings: Settings, starts: Theta, parameters: Sequence[str]) -> None:
    """Raise ValueError if a start (M, P) lies outside the bounds."""
    if settings.bounds is None:
        return
    for part in runs(starts):
        outside = (part < settings.lower) | (part > settings.upper)
        if outside.any():
            start, k = np.argwhere(outside)[0]
            limits = ("[", Coordinates(settings.lower[k]), ", ", Coordinates(settings.upper[k]), "]")
            got = ("got ", Coordinates(float(part[start, k])), " for ", Parameter(int(k), parameters[k]))
            raise ValueError(about("theta0", "must lie within ", Argument("bounds"), ", ", *got, ", outside ", *limits))


def _check_recorded(settings: Settings, configurations: int, steps: int) -> None:
    """Raise ValueError if so many recorded steps of each configuration would not fit in memory."""
    size = configurations * steps * (settings.lower.size + 1) * 8
    if size > LARGEST_TRAJECTORY:
        what = f"{counted(steps, 'step')} of {counted(configurations, 'configuration')}"
        limit = f"{size / 2**30:,.1f} GiB (at most {LARGEST_TRAJECTORY / 2**30:.0f})"
        every = Argument("record_every", settings.record_every)
        raise ValueError(about(every, f"would record {what}, {limit}; raise it", OfPython(", or set it to None")))


def usual_interval(max_steps: int, parameters: int) -> int:
    """Return the least of 1, 2, 5, 10, ... at which few enough states of a descent of so many steps are recorded.

    It does not depend on where the descent stops: that is known too late.
    """
    states = max(1, min(USUAL_STATES, LARGEST_TRAJECTORY // ((parameters + 1) * 8) - 1))
    return least_round(-(-max_steps // states))


def _checked_bounds(bounds: Any, names: Sequence[str]) -> tuple[Theta, Theta]:
    """Return (lower, upper), each (P,), infinite where is none.

    They come as a pair, as what has them as SciPy names them, or as a pair for some of the parameters, by name.
    """
    parameters = len(names)
    if bounds is None:
        bounds = {}
    if isinstance(bounds, Mapping):
        bounds = _bounds_by_name(bounds, names)
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    if not isinstance(bounds, tuple | list | np.ndarray) or getattr(bounds, "ndim", 1) == 0 or len(bounds) != 2:
        raise ValueError(about("bounds", f"must be a pair (lower, upper), got {shown(bounds)}"))
    sides = []
    for name, side in zip(("lower", "upper"), bounds, strict=True):
        array = real_array(f"bounds ({name})", side).astype(np.float64)
        if array.shape not in ((), (1,), (parameters,)) or np.isnan(array).any():
            expected = f"{name} a number or of shape ({parameters},)"
            raise ValueError(about("bounds", f"must have {expected}, got {shown(side)}"))
        sides.append(np.broadcast_to(array, (parameters,)).copy())
    lower, upper = sides
    if (lower == np.inf).any() or (upper == -np.inf).any():
        raise ValueError(about("bounds", f"must have lower below inf and upper above -inf, got {lower} and {upper}"))
    if (lower > upper).any():
        sides_given = (Coordinates(lower), " and ", Coordinates(upper))
        raise ValueError(about("bounds", "must have lower <= upper, got ", *sides_given))
    return lower, upper


def _bounds_by_name(bounds: Mapping[Any, Any], names: Sequence[str]) -> list[list[Any]]:
    """Return (lower, upper), each (P,), of pairs by name, in which None is no bound."""
    unknown = [name for name in bounds if name not in names]
    if unknown:
        raise ValueError(about("bounds", f"must name parameters, which are {listed(names)}, got {shown(unknown[0])}"))
    sides = [[-np.inf] * len(names), [np.inf] * len(names)]
    for name, pair in bounds.items():
        if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
            raise ValueError(about("bounds", f"must have a pair (lower, upper) for {name}, got {shown(pair)}"))
        for side, value in zip(sides, pair, strict=True):
            if value is not None:
                side[names.index(name)] = value
    return sides
