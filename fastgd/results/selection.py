"""A part of a sweep's result: of some places on its axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastgd.check import about, choice, numbers_between, shown
from fastgd.results.configurations import Grid
from fastgd.results.outcomes import Outcomes, Trajectory

Places = NDArray[np.int64]  # 0-D, which drops the axis, or 1-D
T = TypeVar("T", bound=Outcomes)


def at_places(result: T, indexers: Mapping[str, Any]) -> T:
    """Return the part at these indices."""
    axes = result.axes
    return _part(result, {name: _places(name, index, len(axes[_axis(name, axes)])) for name, index in indexers.items()})


def at_values(result: T, values: Mapping[str, Any], method: str | None) -> T:
    """Return the part at these values of the axes."""
    if method is not None:
        choice("method", method, ("nearest",))
    axes = result.axes
    for name in values:
        if _axis(name, axes) == "start":
            raise ValueError(about("start", f"must be picked by its index: isel(start=...), got {shown(values[name])}"))
    return _part(result, {name: _places_of(name, value, axes[name], method) for name, value in values.items()})


def _axis(name: str, axes: Mapping[str, Any]) -> str:
    return choice("axis", name, axes)


def _places(name: str, index: Any, length: int) -> Places:
    """Return indices from the start, checked."""
    if isinstance(index, slice):
        try:
            found = np.arange(length)[index]
        except (TypeError, ValueError):
            raise TypeError(about(name, f"must be a slice of whole numbers, got {shown(index)}")) from None
        return _some(name, found, index)
    found = numbers_between(name, index, minimum=-length, maximum=length - 1, whole=True)
    if np.asarray(index).dtype == np.bool_:
        raise TypeError(about(name, f"must be whole numbers, got {shown(index)}"))
    return found % length


def _places_of(name: str, value: Any, axis: NDArray[Any], method: str | None) -> Places:
    """Return the indices of values on an axis; of a slice, of all that lie between its ends or on them."""
    if isinstance(value, slice):
        if value.step is not None:
            raise ValueError(about(name, f"must be a slice without a step, got {shown(value)}"))
        ends = [end if end is None else _number(name, end) for end in (value.start, value.stop)]
        low = -np.inf if ends[0] is None else ends[0]
        high = np.inf if ends[1] is None else ends[1]
        return _some(name, np.flatnonzero((axis >= low) & (axis <= high)), value)
    wanted = numbers_between(name, value)
    found = [_place_of(name, each, axis, method) for each in wanted.reshape(-1).tolist()]
    return np.array(found).reshape(wanted.shape)


def _number(name: str, value: Any) -> float:
    return float(numbers_between(name, [value])[0])


def _place_of(name: str, value: float, axis: NDArray[Any], method: str | None) -> int:
    # far from an axis all that is on it would be as near: rounded, or infinitely far
    held = min(max(value, np.nanmin(axis)), np.nanmax(axis))
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(axis - held)
    away[axis == held] = 0.0  # also of infinities
    nearest = np.flatnonzero(away == np.nanmin(away))
    place = int(nearest[np.argmax(axis[nearest])])  # of two as near the larger, as xarray does
    if method is None and axis[place] != value:
        near = f'the nearest is {axis[place].item()!r}, which method="nearest" takes'
        raise ValueError(about(name, f"must be a value of the axis, got {value!r}; {near}"))
    return place


def _some(name: str, places: Places, asked: object) -> Places:
    if not places.size:
        raise ValueError(about(name, f"must leave at least one value of the axis, got {shown(asked)}"))
    return places


def _part(result: T, places: Mapping[str, Places]) -> T:
    chosen = _flat(result.grid, places)
    names = ("theta", "loss", "gradient_norm", "steps", "status", "initial_loss", "stalled")
    taken: dict[str, Any] = {name: result.at(name, chosen) for name in names}
    recorded = result.recorded
    starts = places.get("configuration" if result.grid.zipped else "start")
    return result.replaced(
        **taken,
        trajectory=None
        if recorded is None
        else Trajectory(recorded, result.at("trajectory_theta", chosen), result.at("trajectory_loss", chosen)),
        grid=_grid(result.grid, places),
        portrait=result.portrait if starts is None else result.portrait.of_starts(np.atleast_1d(starts)),
    )


def _flat(grid: Grid, places: Mapping[str, Places]) -> Places:
    """Return the flat indices of configurations at places, an axis for each that is not dropped."""
    flat = np.zeros((), dtype=np.int64)
    for name, values in grid.axes.items():
        own = places.get(name, np.arange(len(values)))
        flat = flat[(..., *[None] * own.ndim)] * len(values) + own
    return flat


def _grid(grid: Grid, places: Mapping[str, Places]) -> Grid:
    def at(name: str, values: NDArray[Any]) -> NDArray[Any]:
        axis = "configuration" if grid.zipped else name
        return np.asarray(values[places[axis]]) if axis in places else values

    axes = {name: at(name, values) for name, values in grid.axes.items()}
    kept = {name: values for name, values in axes.items() if name not in places or places[name].ndim}
    several = "start" in grid.axes or len(grid.starts) > 1
    return replace(
        grid,
        axes=kept,
        values={name: at(name, values) if values.ndim else values for name, values in grid.values.items()},
        starts=np.atleast_2d(at("start", grid.starts)) if several else grid.starts,
        zipped=grid.zipped and bool(kept),
    )
