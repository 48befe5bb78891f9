"""What `configurations=` takes: columns by name, or a list of dictionaries, each a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastgd.check import real_array, shown
from fastgd.record import same

OF_A_SWEEP = {"rule": "gradient", "schedule": "constant", "bounds": None, "engine": "auto"}  # with their defaults


def separated(configurations: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns, and the settings of the sweep with those that dictionaries share.

    A dictionary may be an outcome's `configuration`, which also says how it was run: one rule, schedule, bounds and
    engine for all.
    """
    columns, settings = columns_of(configurations), dict(settings)
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


def columns_of(configurations: Any) -> dict[str, Any]:
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


def common_length(columns: Mapping[str, Any]) -> int:
    """Return the one length of all columns, which are numbers."""
    lengths: dict[str, int] = {}
    for name, column in columns.items():
        shape = np.shape(real_array(f"configurations[{name!r}]", column))
        if not shape:
            raise ValueError(f"configurations[{name!r}] must be a column of numbers, got {shown(column)}")
        lengths[name] = shape[0]
    if len(set(lengths.values())) > 1:
        raise ValueError(f"configurations must have columns of one length, got {lengths}")
    return next(iter(lengths.values()))
