"""What is asked of the grid, checked: a start and hyperparameters, as axes or as the columns of `configurations=`.

Those are columns by name, or a list of dictionaries, each a configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import about, finite, numbers_between, real_array, shown
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.problems.problem import Theta
from fastgd.record import read_only_copy, same
from fastgd.results.configurations import USUAL_SETTINGS, Grid
from fastgd.results.roofline import available_memory

OF_A_SWEEP = {**USUAL_SETTINGS, "engine": "auto"}  # with their defaults
NUMBERS_BESIDE_THETA = 5  # loss, first loss, gradient norm, steps, status
SURELY_THERE = 1 << 28  # bytes for which the system is not asked


class _ProblemsStart:
    """What `theta0` is if it is left out. None would also be the `best` of a sweep that failed, so it is an error."""

    def __repr__(self) -> str:
        return "problem.start"


PROBLEMS_START = _ProblemsStart()


def separated(configurations: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns, and the settings of the sweep: those given as keywords, and those that dictionaries share.

    A dictionary may be an outcome's `configuration`, which also says how it was run: one rule, schedule, bounds and
    engine for all.
    """
    columns = _columns_of(configurations)
    settings = {name: given.get(name, default) for name, default in OF_A_SWEEP.items()}
    if isinstance(configurations, Sequence):
        for name in [name for name in OF_A_SWEEP if name in columns]:
            first, *others = columns.pop(name)
            another = next((value for value in others if not same(value, first)), first)
            if another is not first:
                raise ValueError(f"configurations must share one {name}, got {shown(first)} and {shown(another)}")
            if not same(settings[name], OF_A_SWEEP[name]):
                raise ValueError(f"{name} must be given once, got that of configurations and {shown(settings[name])}")
            settings[name] = first
        if not columns:
            raise ValueError("configurations must have a hyperparameter for each, got none")
    return columns, settings


def _columns_of(configurations: Any) -> dict[str, Any]:
    """Return the columns of a mapping, a structured array, a data frame or a list of dictionaries; none of None."""
    if configurations is None:
        return {}
    if isinstance(configurations, list | tuple) and configurations:
        return _of_rows(configurations)
    names = getattr(getattr(configurations, "dtype", None), "names", None)
    if names is None and isinstance(configurations, Mapping):
        names = configurations
    if names is None:
        names = getattr(configurations, "columns", None)
    if names is None or not len(names):
        raise _no_columns(configurations)
    return {name: _column(configurations[name]) for name in names}


def _of_rows(rows: Sequence[Any]) -> dict[str, Any]:
    """Return the columns of dictionaries, which must have the same names."""
    for k, row in enumerate(rows):
        if not isinstance(row, Mapping) or not row:
            raise _no_columns(row, f" at index {k}")
        unshared = rows[0].keys() ^ row.keys()
        if unshared:
            name = next(name for name in (*rows[0], *row) if name in unshared)
            one, other = (k, 0) if name in rows[0] else (0, k)
            raise ValueError(
                f"configurations must have the same names in each, got {shown(name)} at index {other}, "
                f"but not at index {one}"
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _no_columns(value: object, where: str = "") -> TypeError:
    return TypeError(
        "configurations must be columns by name (a mapping, a structured array or a data frame) or a list of "
        f"dictionaries, got {shown(value)}{where}"
    )


def _column(column: Any) -> Any:
    """Return a column; one of objects, each of which may be a start (P,), as a list of them."""
    return list(column) if getattr(getattr(column, "dtype", None), "hasobject", False) else column


def grid_of(
    usual_start: Theta,
    theta0: object,
    hyperparameters: Mapping[str, object],
    columns: Mapping[str, Any],
    movers: tuple[str, ...],
) -> Grid:
    """Check and gather: theta0 and hyperparameters, each as one value or an axis, or columns of both.

    `hyperparameters` has a value or None for each name.
    """
    _check_given_once({"theta0": theta0, **hyperparameters}, columns)
    prepared = {name: _prepared(name, column) for name, column in columns.items()}
    axes: dict[str, NDArray[Any]] = {"configuration": np.arange(_common_length(prepared))} if columns else {}
    asked = {**hyperparameters, **prepared}
    values = {name: _checked(_label(name) if name in columns else name, name, asked[name]) for name in hyperparameters}
    if "theta0" in prepared:
        starts = _starts_of_column(_label("theta0"), usual_start.size, prepared["theta0"])
    else:
        starts = _starts("theta0", usual_start, theta0)
    if columns:
        _check_one_each(values, starts, columns)
    else:
        axes |= {"start": starts} if starts.ndim == 2 else {}
        axes |= {name: value for name, value in values.items() if value.ndim}
    given = frozenset(name for name in hyperparameters if asked[name] is not None)
    return Grid(axes, values, starts.reshape(-1, usual_start.size), bool(columns), given, movers)


def check_size(grid: Grid, vectors: int) -> None:
    """Raise ValueError if the results don't fit in memory, with as many vectors like theta kept beside each."""
    size = grid.size * 8 * (grid.starts.shape[1] * (1 + vectors) + NUMBERS_BESIDE_THETA)
    if size > SURELY_THERE and size > (available := available_memory()):
        axes = " x ".join(f"{length:,}" for length in grid.shape)
        raise ValueError(
            f"the grid must fit in memory, got {grid.size:,} configurations ({axes}), "
            f"{size / 2**30:,.4g} GiB of results where {available / 2**30:,.4g} GiB are available"
        )


def _common_length(columns: Mapping[str, Any]) -> int:
    """Return the one length of all columns, which are numbers."""
    lengths: dict[str, int] = {}
    for name, column in columns.items():
        shape = np.shape(real_array(_label(name), column))
        if not shape:
            raise ValueError(f"{_label(name)} must be a column of numbers, got {shown(column)}")
        lengths[name] = shape[0]
    if len(set(lengths.values())) > 1:
        raise ValueError(f"configurations must have columns of one length, got {lengths}")
    return next(iter(lengths.values()))


def _check_given_once(keywords: Mapping[str, object], columns: Iterable[str]) -> None:
    """Raise ValueError for a column that nothing takes, or that was given as a keyword too."""
    for name in columns:
        if name not in keywords:
            raise ValueError(f"configurations has a column {shown(name)}, expected some of {', '.join(keywords)}")
        if not _is_default(name, keywords[name]):
            what = f"must be given once, got a column of configurations and {shown(keywords[name])}"
            raise ValueError(about(name, what))


def _is_default(name: str, value: object) -> bool:
    default = PROBLEMS_START if name == "theta0" else HYPERPARAMETERS[name].default
    return value is default or (isinstance(value, int | float) and value == default)


def _check_one_each(values: Mapping[str, NDArray[Any]], starts: Theta, columns: Iterable[str]) -> None:
    """Raise ValueError for an axis beside columns."""
    for name, value in values.items():
        if value.ndim and name not in columns:
            raise ValueError(about(name, f"must be one number beside configurations=, got {shown(value)}"))
    if starts.ndim == 2 and "theta0" not in columns:
        raise ValueError(about("theta0", f"must be one start beside configurations=, got shape {starts.shape}"))


def _label(name: str) -> str:
    return f"configurations[{name!r}]"


def _prepared(name: str, column: Any) -> Any:
    """Return a column with starts for what has one, and with the off value for None."""
    if name == "theta0":
        return theta_of(_label(name), column)
    if isinstance(column, list | tuple) and HYPERPARAMETERS[name].optional:
        return [HYPERPARAMETERS[name].off if value is None else value for value in column]
    return column


def _checked(label: str, name: str, value: object) -> NDArray[Any]:
    """Return a hyperparameter as a checked 0-D or 1-D array, None as its off value."""
    entry = HYPERPARAMETERS[name]
    if value is None:
        if not entry.optional:
            raise ValueError(about(name, "must be given, as a keyword or a column of configurations, got None"))
        return np.array(entry.off)
    return read_only_copy(
        numbers_between(label, value, minimum=entry.minimum, maximum=entry.maximum, whole=entry.whole)
    )


def theta_of(name: str, theta0: Any) -> Any:
    """Return the numbers of what may be a start: theta of an outcome, each theta of a result or of a list of outcomes.

    Raises
    ------
    ValueError
        If it is None, or one of a list is: what `best` is where every configuration failed.
    """
    found = theta0
    if hasattr(theta0, "theta"):
        found = theta0.theta
        found = found.reshape(-1, found.shape[-1]) if getattr(found, "ndim", 0) > 2 else found
    elif isinstance(theta0, list | tuple):
        found = [getattr(start, "theta", start) for start in theta0]
    missing = [k for k, start in enumerate(found) if start is None] if isinstance(found, list) else []
    if found is None or missing:
        where = f" at index {missing[0]}" if missing else ""
        why = "a sweep has no best if every configuration failed, and leaving theta0 out means the problem's own start"
        raise ValueError(about(name, f"must be numbers or outcomes, got None{where}; {why}"))
    return found


def _starts(label: str, usual_start: Theta, theta0: object) -> Theta:
    """Return one start (P,), or several (M, P)."""
    if theta0 is PROBLEMS_START:
        return usual_start
    P = usual_start.size
    array = real_array(label, theta_of(label, theta0)).astype(np.float64, copy=False)
    if P == 1 and array.ndim == 0:
        array = array.reshape(1)
    if array.ndim not in (1, 2) or array.shape[-1] != P:
        hint = "; write theta0[:, None] for an axis of starts" if P == 1 and array.ndim == 1 else ""
        expected = f"({P},), or (M, {P}) for M starts"
        raise ValueError(about(label, f"must have shape {expected}, got shape {array.shape}{hint}"))
    return _checked_starts(label, array)


def _starts_of_column(label: str, P: int, column: object) -> Theta:
    """Return a start for each configuration, (C, P)."""
    array = real_array(label, column).astype(np.float64, copy=False)
    if P == 1 and array.ndim in (0, 1):
        array = array.reshape(-1, 1)
    if array.ndim != 2 or array.shape[1] != P:
        raise ValueError(about(label, f"must have shape (C, {P}), got shape {array.shape}"))
    return _checked_starts(label, array)


def _checked_starts(label: str, array: Theta) -> Theta:
    if array.size == 0:
        raise ValueError(about(label, f"must have at least one start, got shape {array.shape}"))
    return read_only_copy(finite(label, array))
