"""What a result consists of when it is written: a header of plain JSON types, and arrays by name.

Every format holds both, and `result_of` makes an equal result of them. Strict JSON has no word for what is not finite:
NaN is null there, and infinities are the texts "Infinity" and "-Infinity".

The arrays, for axes a, b, ..., P parameters and K recorded steps:

    each hyperparameter that varies   (its axis), or (configuration) if they are zipped
    configuration                     (configuration), the labels of zipped ones
    start                             (start, P), or (configuration, P); in the header, as theta0, if all share it
    theta                             (a, b, ..., P)
    the others of `OUTCOMES`          (a, b, ...)
    recorded                          (K)
    trajectory_theta, _loss           (a, b, ..., K, P), (a, b, ..., K)
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastgd._version import __version__
from fastgd.check import choice
from fastgd.descent.hyperparameters import HYPERPARAMETERS, OFF
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES, movers
from fastgd.descent.statuses import Status
from fastgd.least_squares.spectrum import Spectrum
from fastgd.results.configurations import Grid, Settings
from fastgd.results.outcomes import Facts, Outcomes, Trajectory
from fastgd.results.portrait import Modes, Portrait, Samples
from fastgd.results.timing import Timing

FORMAT = 1  # to be raised when a fastgd that reads this one would read the next one wrongly
OUTCOMES = ("loss", "gradient_norm", "steps", "status", "initial_loss", "stalled")
INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf}
WHOLE = ("steps", "recorded", "configuration", *(name for name, entry in HYPERPARAMETERS.items() if entry.whole))

STATUS_NAMES = tuple(status.name for status in Status)
STATUS_CODES = np.array([int(status) for status in Status], dtype=np.int8)

T = TypeVar("T", bound=Outcomes)


class Told(NamedTuple):
    """What a result tells beside its arrays over the grid."""

    engine: str
    problem: str
    parameters: tuple[str, ...]
    timing: Timing
    spectrum: Spectrum | None
    grid: Grid
    settings: Settings
    facts: Facts
    portrait: Portrait
    states: int | None  # recorded of each configuration, if any

    @classmethod
    def of(cls, result: Outcomes) -> Told:
        """Return what a result tells."""
        known = {name: getattr(result, name) for name in cls._fields if name != "states"}
        return cls(**known, states=None if result.recorded is None else result.recorded.size)

    def fields(self) -> dict[str, Any]:
        """Return what of it is a result's field."""
        fields = self._asdict()
        del fields["states"]
        return fields


class Content(NamedTuple):
    """A result as it is written."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @property
    def text(self) -> str:
        """The header as JSON, in ASCII."""
        return json.dumps(self.header, allow_nan=False)


def content_of(result: Outcomes, *, with_curvature: bool = True) -> Content:
    """Return the content of a result; without curvature also without samples, which no result needs to be equal."""
    told = Told.of(result)
    header = outline(told)
    if with_curvature:
        header |= curvature(told)
    trajectory = result.trajectory
    sources = coordinates(told.grid) | {name: getattr(result, name) for name in ("theta", *OUTCOMES)}
    if trajectory is not None:
        recorded = {"trajectory_theta": trajectory.theta, "trajectory_loss": trajectory.loss}
        sources |= {"recorded": trajectory.steps, **recorded}
    arrays = {name: sources[name] for name in dimensions(header)}
    return Content(header | {"checksum": _checksum(header, arrays)}, arrays)


def coordinates(grid: Grid) -> dict[str, Any]:
    """Return by name what a grid has along its axes; of a name that it does not have, None."""
    return {**grid.values, "configuration": grid.axes.get("configuration"), "start": grid.starts}


def outline(result: Told) -> dict[str, Any]:
    """Return a header without curvature and checksum."""
    grid = result.grid
    settings = result.settings
    alone = len(grid.starts) == 1 and "start" not in grid.axes
    header: dict[str, Any] = {
        "fastgd": __version__,
        "format": FORMAT,
        "problem": result.problem,
        "engine": result.engine,
        "parameters": result.parameters,
        "rule": settings.rule,
        "schedule": settings.schedule,
        "bounds": settings.bounds,
        "record_every": settings.record_every,
        "axes": list(grid.axes),
        "shape": grid.shape,
        "zipped": grid.zipped,
        "varied": [name for name, values in grid.values.items() if values.ndim],
        "shared": {name: value for name, value in grid.values.items() if value.ndim == 0 and name in grid.given},
        "theta0": grid.starts[0] if alone else None,
        "states": result.states,
        "timing": result.timing.to_dict(),
        "facts": _fields(result.facts),
    }
    return dict(plain(header))


def curvature(result: Told) -> dict[str, Any]:
    """Return what a header has of spectrum, samples and modes."""
    spectrum = result.spectrum
    portrait = result.portrait
    brings = {} if spectrum is None else {"standardized": spectrum.what_standardizing_brings()}
    found = {
        "spectrum": spectrum and _fields(spectrum) | brings,
        "samples": portrait.samples and _fields(portrait.samples, without=("model",)),
        "modes": portrait.modes and _fields(portrait.modes),
    }
    return dict(plain(found))


def result_of(kind: type[T], content: Content) -> T:
    """Return the result that was written.

    Raises
    ------
    ValueError
        In words that follow the file's name, if something is missing or not as it was written.
    """
    header = content.header
    arrays = {name: _checked(name, content) for name in dimensions(header)}
    written = {name: value for name, value in header.items() if name != "checksum"}
    if _checksum(written, arrays) != header["checksum"]:
        raise ValueError(
            "it is damaged, or was changed after fastgd wrote it: its numbers do not add up to its checksum"
        )
    outcomes: dict[str, Any] = {name: arrays[name] for name in ("theta", *OUTCOMES)}
    return kind(**outcomes, trajectory=_trajectory(arrays), **told_by(header, arrays).fields())


def told_by(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Told:
    """Return what a header tells with the arrays along the axes."""
    spectrum = header.get("spectrum")
    return Told(
        engine=header["engine"],
        problem=header["problem"],
        parameters=tuple(header["parameters"]),
        timing=timing_by(header["timing"]),
        spectrum=spectrum and Spectrum(**_of_lists(spectrum, parameters=tuple)),
        grid=_grid(header, arrays),
        settings=_settings(header),
        facts=Facts(**_of_lists(header["facts"])),
        portrait=_portrait(header),
        states=header["states"],
    )


def timing_by(numbers: dict[str, Any]) -> Timing:
    """Return the timing whose `to_dict` was written."""
    return Timing(**{each.name: numbers[each.name] for each in fields(Timing)})


def header_of(text: str | bytes) -> dict[str, Any]:
    """Return a header that was written as JSON; ValueError as above if it is none, or a later fastgd's."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("its header is damaged") from None
    return known(header)


def known(header: Any) -> dict[str, Any]:
    """Return a header of a format that this fastgd reads; ValueError as above for another."""
    written = header.get("format") if isinstance(header, dict) else None
    if not isinstance(written, int):
        raise ValueError("it has no header of fastgd's")
    if written > FORMAT:
        by = f"format {written} of fastgd {header.get('fastgd')}"
        raise ValueError(f"it has {by}, and this is {__version__}, which reads {FORMAT}: pip install --upgrade fastgd")
    return dict(header)


def dimensions(header: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the arrays of a content, in their order, with the names of their dimensions."""
    axes = tuple(header["axes"])
    zipped = header["zipped"]
    found: dict[str, tuple[str, ...]] = {"configuration": axes} if zipped else {}
    if header["theta0"] is None:
        found["start"] = ("configuration" if zipped else "start", "parameter")
    found |= {name: axes if zipped else (name,) for name in header["varied"]}
    found |= {"theta": (*axes, "parameter")} | dict.fromkeys(OUTCOMES, axes)
    if header["states"] is not None:
        found |= {"recorded": ("recorded",), "trajectory_theta": (*axes, "recorded", "parameter")}
        found["trajectory_loss"] = (*axes, "recorded")
    return found


def sizes(header: dict[str, Any]) -> dict[str, int]:
    """Return the length of each dimension."""
    own = {"parameter": len(header["parameters"]), "recorded": header["states"]}
    return own | dict(zip(header["axes"], header["shape"], strict=True))


def dtype_of(name: str) -> type:
    """Return the type of an array of a content."""
    return {"status": np.int8, "stalled": np.bool_}.get(name, np.int64 if name in WHOLE else np.float64)


def plain(value: Any) -> Any:
    """Return a value as strict JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind != "f" or np.isfinite(value).all():
            return value.tolist()
        return plain(value.tolist())
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else f"{'-' * (value < 0.0)}Infinity"
    return value


def _fields(record: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    return {each.name: getattr(record, each.name) for each in fields(record) if each.name not in without}


def _of_lists(values: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return a record's fields, with lists as arrays, but those for which something else is given."""
    return {
        name: others.get(name, np.array)(value) if isinstance(value, list) else number(value)
        for name, value in values.items()
    }


def _checked(name: str, content: Content) -> NDArray[Any]:
    """Return an array of its type and of the shape that the header says."""
    if name not in content.arrays:
        raise ValueError(f"it lacks {name}")
    array: NDArray[Any] = np.asarray(content.arrays[name], dtype=dtype_of(name))
    lengths = sizes(content.header)
    expected = tuple(lengths[dimension] for dimension in dimensions(content.header)[name])
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, and its header says {expected}")
    return array


def _checksum(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> int:
    """Return one number for all: not of the sign of 0 and the bits of NaN, which not every format keeps."""
    found = zlib.crc32(json.dumps(header, allow_nan=False).encode())
    for array in arrays.values():
        same: NDArray[Any] = np.where(np.isnan(array), np.nan, array) + 0.0 if array.dtype.kind == "f" else array
        found = zlib.crc32(same.astype(same.dtype.newbyteorder("<"), copy=False).tobytes(), found)
    return found


def _trajectory(arrays: dict[str, NDArray[Any]]) -> Trajectory | None:
    if "recorded" not in arrays:
        return None
    return Trajectory(arrays["recorded"], arrays["trajectory_theta"], arrays["trajectory_loss"])


def _grid(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Grid:
    shared = header["shared"]
    values = {
        name: arrays[name] if name in header["varied"] else np.array(number(shared.get(name, off)), dtype_of(name))
        for name, off in OFF._asdict().items()
    }
    starts = np.array([header["theta0"]], dtype=np.float64) if "start" not in arrays else arrays["start"]
    axes = {name: arrays[name] for name in header["axes"]}
    given = frozenset((*shared, *header["varied"]))
    return Grid(
        axes, values, starts, header["zipped"], given, movers(choice("schedule", header["schedule"], SCHEDULES))
    )


def number(value: Any) -> Any:
    """Return a number that strict JSON has as text, any other as it is."""
    return INFINITIES.get(value, value) if isinstance(value, str) else value


def _settings(header: dict[str, Any]) -> Settings:
    bounds = header["bounds"] or [[side] * len(header["parameters"]) for side in (-math.inf, math.inf)]
    lower, upper = np.array(bounds, dtype=np.float64)
    return Settings(choice("rule", header["rule"], RULES), header["schedule"], lower, upper, header["record_every"])


def _portrait(header: dict[str, Any]) -> Portrait:
    samples = header.get("samples")
    modes = header.get("modes")
    drawn = modes and Modes(**_of_lists(modes))
    return Portrait(samples and Samples(**_of_lists(samples, powers=tuple)), lambda: drawn)


def status_places(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the place of each code in `STATUS_CODES`, -1 of what is none."""
    places = np.full(256, -1, dtype=np.int8)
    places[STATUS_CODES] = np.arange(len(STATUS_CODES))  # negative codes count from the end
    return places[codes]
