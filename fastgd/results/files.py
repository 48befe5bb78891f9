"""A sweep's result in a file: .npz (arrays), .csv (a row for each configuration) or .json (plain types).

A file is written beside its final name and moved there when it is whole, so that name never holds half a result.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastgd._version import __version__
from fastgd.check import about
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.statuses import Status
from fastgd.results.outcomes import Outcomes
from fastgd.text import either

ROWS_AT_ONCE = 65_536


def check_destination(path: str, source: str | None = None) -> None:
    """Raise ValueError if `path` has an unknown suffix, can't be written, or is the data file `source`."""
    target = Path(path)
    if target.suffix.lower() not in _WRITERS:
        raise ValueError(about("path", f"must end in {either(list(_WRITERS))}, got {path!r}"))
    try:
        if target.is_dir():
            raise ValueError(about("path", f"must be a file, got the folder {path!r}"))
        if not target.parent.is_dir():
            raise ValueError(about("path", f"must be in a folder that exists, got {path!r}"))
        if target.exists() and not target.is_file():
            raise ValueError(about("path", f"must be a file, got the device or pipe {path!r}"))
        if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
            raise ValueError(about("path", f"must not be the data file itself, got {path!r}"))
        partial, file = _partial(target)
        file.close()
        partial.unlink()
    except OSError as error:
        raise ValueError(about("path", f"can't be written to {path!r}: {error.strerror}")) from None


def write(path: str, result: Outcomes, parameters: tuple[str, ...]) -> None:
    """Write a result in the format of the suffix, whole or not at all; ValueError if the disk refuses."""
    try:
        partial, file = _partial(Path(path))
        try:
            with file:
                _WRITERS[Path(path).suffix.lower()](file, result, parameters)
            os.replace(partial, os.path.realpath(path))  # a link is kept, what it points to is replaced
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ValueError(about("path", f"can't be written to {path!r}: {error.strerror}")) from None


def _partial(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside the target, for those only who may read the target; by the umask if there is none yet.

    It is a new file or none: no link that somebody laid under its name is followed.
    """
    target = Path(os.path.realpath(target))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(partial, new, 0o666 if mode is None else mode), "wb")
    if mode is not None:
        with contextlib.suppress(OSError):  # on a file system without permissions
            os.chmod(partial, mode)  # the umask may have taken more
    return partial, file


def _write_npz(file: BinaryIO, result: Outcomes, parameters: tuple[str, ...]) -> None:
    """Write axes and results by name; the order of the axes is in `axes`, what statuses mean in the last two.

    `bounds` are (2, P), infinite where there are none.
    """
    settings = result.settings
    arrays: dict[str, Any] = {
        "axes": np.array(list(result.axes), dtype=str),
        "parameters": np.array(parameters, dtype=str),
        "problem": np.array(result.problem),
        "engine": np.array(result.engine),
        "rule": np.array(settings.rule),
        "schedule": np.array(settings.schedule),
        "bounds": np.stack([settings.lower, settings.upper]),
        **_shared(result),
        **result.axes,
        "theta": result.theta,
        "loss": result.loss,
        "gradient_norm": result.gradient_norm,
        "steps": result.steps,
        "status": result.status,
        "status_codes": np.array([int(status) for status in Status], dtype=np.int8),
        "status_names": np.array([status.name for status in Status]),
    }
    np.savez(file, allow_pickle=False, **arrays)


def _write_json(file: BinaryIO, result: Outcomes, parameters: tuple[str, ...]) -> None:
    """Write names, axes and results; nested lists in the order of `axes`, statuses by name, null for not finite."""
    names = np.array(["?"] * 256, dtype=object)
    for status in Status:
        names[int(status)] = status.name  # negative codes count from the end
    bounds = result.settings.bounds
    content = {
        "fastgd": __version__,
        "problem": result.problem,
        "engine": result.engine,
        "rule": result.settings.rule,
        "schedule": result.settings.schedule,
        "bounds": None if bounds is None else _plain(bounds),
        "parameters": list(parameters),
        "shared": {name: _plain(value) for name, value in _shared(result).items()},
        "axes": {name: _plain(values) for name, values in result.axes.items()},
        "theta": _plain(result.theta),
        "loss": _plain(result.loss),
        "gradient_norm": _plain(result.gradient_norm),
        "steps": _plain(result.steps),
        "status": names[result.status].tolist() if result.status.ndim else names[int(result.status)],
        "timing": result.timing.to_dict(),
    }
    file.write(json.dumps(content, allow_nan=False).encode())


def _write_csv(file: BinaryIO, result: Outcomes, parameters: tuple[str, ...]) -> None:
    """Write a row a configuration: its hyperparameters, theta by name, loss, gradient_norm, steps, status.

    Then what all share: rule, schedule, engine and, if there are any, bounds.
    """
    hyperparameters = [name for name in result.grid.values if name in result.axes or name in _shared(result)]
    results = ["loss", "gradient_norm", "steps", "status"]
    starts = [f"start_{name}" for name in parameters] if "start" in result.axes else []
    same = _same_in_every_row(result, parameters)
    taken = {*hyperparameters, *results, *starts, *same}
    thetas = []
    for name in parameters:
        while name in taken:
            name = f"theta_{name}"
        taken.add(name)
        thetas.append(name)
    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerow([*starts, *hyperparameters, *thetas, *results, *same])
        end = "".join(f",{value}" for value in same.values())
        for first in range(0, result.status.size, ROWS_AT_ONCE):
            columns = _text_columns(result, hyperparameters, bool(starts), first)
            text.writelines(f"{','.join(row)}{end}\n" for row in zip(*columns, strict=True))


def _text_columns(result: Outcomes, hyperparameters: list[str], starts: bool, first: int) -> Iterator[list[str]]:
    """Yield the columns of some rows as text, floats with as many digits as tell them apart."""
    last = min(first + ROWS_AT_ONCE, result.status.size)
    columns, theta0 = result.grid.rows(first, last)
    own = [np.broadcast_to(getattr(columns, name), last - first) for name in hyperparameters]
    numbers = [*(theta0.T if starts else ()), *own]
    numbers += list(result.theta.reshape(result.status.size, -1)[first:last].T)
    numbers += [values.ravel()[first:last] for values in (result.loss, result.gradient_norm, result.steps)]
    for values in numbers:
        yield list(map(repr, values.tolist()))
    names = {int(status): status.name for status in Status}
    yield [names[code] for code in result.status.ravel()[first:last].tolist()]


def _same_in_every_row(result: Outcomes, parameters: tuple[str, ...]) -> dict[str, str]:
    """Return the columns of rule, schedule, engine and bounds, with the text that all rows have there."""
    settings = result.settings
    columns = {"rule": settings.rule, "schedule": settings.schedule, "engine": result.engine}
    if settings.bounds is not None:
        for side, bounds in zip(("lower", "upper"), settings.bounds.tolist(), strict=True):
            columns |= {f"{side}_{name}": repr(bound) for name, bound in zip(parameters, bounds, strict=True)}
    return columns


def _shared(result: Outcomes) -> dict[str, NDArray[Any]]:
    """Return the hyperparameters that all configurations share and that are on, the default one left out."""
    usual = HYPERPARAMETERS["divergence_threshold"].default
    return {
        name: value
        for name, value in result.grid.values.items()
        if value.ndim == 0 and name in result.grid.given and not (name == "divergence_threshold" and value == usual)
    }


def _plain(array: NDArray[Any]) -> Any:
    """Return an array as nested lists, or one number, with None for what is not finite."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    objects = array.astype(object)
    objects[~np.isfinite(array)] = None
    return objects.tolist()


_WRITERS = {".npz": _write_npz, ".csv": _write_csv, ".json": _write_json}
