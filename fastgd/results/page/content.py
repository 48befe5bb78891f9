"""What the scripts of a page know of a sweep: plain types and arrays, by the names that they use.

Arrays are float64, or whole numbers that JavaScript has arrays of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.statuses import Status
from fastgd.results.outcomes import Outcomes
from fastgd.results.page.cells import Cells, cells_of, varied
from fastgd.results.page.shades import GREY, OF_SIGN, as_pixels, colours, shades
from fastgd.results.portrait import Modes
from fastgd.text import brief

MOST_CELLS = 40_000
MOST_POINTS = 10_000  # of one axis, or of zipped columns: a marker each, which takes a browser longer than a pixel
MOST_NUMBERS = 800_000  # of all cells, 8 bytes each and a third more as text
MOST_PARAMETERS = 32  # whose values are told; a fit with more has no curve
MOST_STATES = 24  # recorded ones of a configuration, where there is no closed form
CLOSED_FORM = ("gradient", "momentum", "nesterov")  # the rules that descend each mode by itself


def content(result: Outcomes, best: int | None) -> tuple[dict[str, Any], Cells]:
    """Return what the scripts read, and the cells; `best` is the flat index of the best configuration, if any is."""
    modes = modes_of(result)
    starts = _starts(result)
    everywhere = modes is not None and len(modes.slopes) >= len(result.grid.starts)
    recorded = None if everywhere else result.recorded
    told = min(len(result.parameters), MOST_PARAMETERS)
    states = 0 if recorded is None else min(len(recorded), MOST_STATES)
    numbers = 5 + told + len(varied(result.grid)) + states * (1 + told)
    most = MOST_CELLS if len(result.axes) > 1 else MOST_POINTS
    cells = cells_of(result, min(most, max(MOST_NUMBERS // numbers, 1)))
    places = cells.places
    status = result.at("status", places)
    steps = result.at("steps", places)
    loss = result.at("loss", places)
    first = int(np.flatnonzero(places == best)[0]) if best is not None else 0
    said = {
        "axes": [vars(axis) for axis in cells.axes],
        "zipped": result.grid.zipped,
        "cell": first,
        "status": status.astype(np.int8),
        "statuses": [{"code": int(one), "name": one.name, "message": one.message} for one in Status],
        "loss": loss,
        "initial_loss": result.at("initial_loss", places),
        "steps": steps.astype(np.float64),
        "theta": result.at("theta", places)[:, :told],
        "parameters": list(map(brief, result.parameters[:told])),
        "untold": len(result.parameters) - told,
        "columns": _columns(result, cells),
        "shared": {name: float(value) for name, value in result.grid.values.items() if value.ndim == 0},
        "given": _told(result),
        "starts": starts[:, :told],
        "rule": result.settings.rule,
        "schedule": result.settings.schedule,
        "of_sign": OF_SIGN,
        "grey": GREY,
        "palette": as_pixels(colours()),
        "shades": {"loss": shades(loss, steps, status), "steps": shades(steps.astype(np.float64), steps, status)},
        "modes": None if modes is None else _told_modes(modes, told, len(starts)),
        "recorded": None if recorded is None else _recorded(result, recorded, places, told, states),
        "powers": _powers(result),
    }
    return said, cells


def _told(result: Outcomes) -> list[str]:
    """Return the hyperparameters that are told, in their order: those that vary, and those that were given."""
    values = result.grid.values
    threshold = HYPERPARAMETERS["divergence_threshold"].default
    usual = values["divergence_threshold"].ndim == 0 and values["divergence_threshold"] == threshold
    return [name for name in values if name in result.grid.given and not (usual and name == "divergence_threshold")]


def modes_of(result: Outcomes) -> Modes | None:
    """Return the modes, if this sweep's descents have a closed form in them."""
    if result.settings.rule not in CLOSED_FORM or result.settings.bounds is not None:
        return None
    modes = result.portrait.modes
    if modes is None or not all(np.isfinite(values).all() for values in vars(modes).values()):
        return None
    return modes


def draws_fit(result: Outcomes) -> bool:
    """Tell whether there is a curve over samples to draw: one that powers tell, for a page runs no user's function."""
    return _powers(result) is not None


def _powers(result: Outcomes) -> list[int] | None:
    samples = result.portrait.samples
    if samples is None or samples.powers is None or len(result.parameters) > MOST_PARAMETERS:
        return None
    return list(samples.powers)


def _starts(result: Outcomes) -> Array:
    """Return the starts that the page knows; of others it tells the number."""
    return result.grid.starts[: max(MOST_NUMBERS // 8 // len(result.parameters), 1)]


def _told_modes(modes: Modes, told: int, starts: int) -> dict[str, Any]:
    return vars(modes) | {
        "directions": modes.directions[:told],
        "slopes": modes.slopes[:starts],
        "losses": modes.losses[:starts],
    }


def _columns(result: Outcomes, cells: Cells) -> dict[str, Any]:
    """Return what differs between cells, by name: the axis along which it does and its values there, or -1 and all."""
    grid = result.grid
    if not grid.axes:
        return {}
    places = np.unravel_index(cells.places, grid.shape)
    names = [name for name, values in grid.values.items() if values.ndim]
    columns = {name: (grid.axis_of(name), grid.values[name]) for name in names}
    if len(grid.starts) > 1:
        columns["start"] = (grid.axis_of("start"), np.arange(len(grid.starts)))
    if grid.zipped or cells.block > 1:
        along = {
            name: {"axis": -1, "values": _floats(values[places[axis]])} for name, (axis, values) in columns.items()
        }
        return along | {"configuration": {"axis": -1, "values": _floats(cells.places)}}
    return {name: {"axis": axis, "values": _floats(values)} for name, (axis, values) in columns.items()}


def _recorded(
    result: Outcomes, steps: NDArray[np.int64], places: NDArray[np.intp], told: int, states: int
) -> dict[str, Any]:
    kept = np.unique(np.linspace(0, len(steps) - 1, states).astype(np.intp))
    return {
        "steps": _floats(steps[kept]),
        "loss": result.at("trajectory_loss", places, kept),
        "theta": result.at("trajectory_theta", places, kept)[:, :, :told],
    }


def _floats(values: NDArray[Any]) -> Array:
    return np.ascontiguousarray(values, dtype=np.float64)
