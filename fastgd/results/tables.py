"""A result as a table with a row a configuration, and as a labelled array of the grid's axes.

The table has the same columns wherever it goes, a data frame, a CSV file or Parquet: the label of a zipped
configuration, the start if there are several, hyperparameters, theta by name, what came out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.extras import imported
from fastgd.results.content import (
    OUTCOMES,
    STATUS_CODES,
    STATUS_NAMES,
    Content,
    Told,
    content_of,
    dimensions,
    header_of,
    outline,
    status_places,
)
from fastgd.results.outcomes import Outcomes
from fastgd.text import apart, printable

HEADER = "fastgd"  # the name of a column, an attribute or a member that holds the header as JSON
_SAYS = {
    "theta": "where the descent stopped",
    "loss": "loss at theta",
    "gradient_norm": "norm of the gradient at theta",
    "steps": "updates taken",
    "status": "why the descent stopped",
    "initial_loss": "loss at the start",
    "stalled": "stopped by tolerance before the gradient was small",
    "recorded": "step of a recorded state",
    "trajectory_theta": "recorded theta",
    "trajectory_loss": "loss at recorded theta",
}
_UNITS = {"steps": "steps", "recorded": "steps", "max_steps": "steps", "momentum": "1"}


class Layout(NamedTuple):
    """The columns of a table, in their order."""

    labels: tuple[str, ...]
    starts: tuple[str, ...]
    hyperparameters: tuple[str, ...]
    thetas: tuple[str, ...]

    @classmethod
    def of(cls, header: dict[str, Any], *, shared: bool = False, taken: Sequence[str] = ()) -> Layout:
        """Return the columns of a result, some names being taken; `shared`: also of what all configurations share."""
        parameters = header["parameters"]
        labels = ("configuration",) * header["zipped"]
        starts = tuple(apart([f"start_{name}" for name in parameters], ())) if header["theta0"] is None else ()
        wanted = {*header["varied"], *(_worth_telling(header["shared"]) if shared else ())}
        names = tuple(name for name in HYPERPARAMETERS if name in wanted)
        thetas = apart(parameters, {*labels, *starts, *names, *OUTCOMES, *taken})
        return cls(labels, starts, names, tuple(thetas))

    @property
    def names(self) -> list[str]:
        """All names."""
        return [*self.labels, *self.starts, *self.hyperparameters, *self.thetas, *OUTCOMES]

    @property
    def known(self) -> set[str]:
        """Those that no parameter gave its name: a parameter may be called as an array is that is no column."""
        return {*self.labels, *self.hyperparameters, *OUTCOMES}

    def columns(self, result: Outcomes, first: int, last: int) -> dict[str, NDArray[Any]]:
        """Return configurations first..last-1, statuses as codes."""
        columns, theta0 = result.grid.rows(first, last)
        labels = [result.axes[name][first:last] for name in self.labels]
        starts = theta0.T if self.starts else ()
        own = [np.broadcast_to(getattr(columns, name), last - first) for name in self.hyperparameters]
        thetas = result.theta.reshape(result.status.size, -1)[first:last].T
        results = [getattr(result, name).ravel()[first:last] for name in OUTCOMES]
        return dict(zip(self.names, (*labels, *starts, *own, *thetas, *results), strict=True))

    def arrays(self, header: dict[str, Any], columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the arrays of a content from such columns of all configurations."""
        axes = header["axes"]
        several = {"start": self.starts, "theta": self.thetas}
        found = {}
        for name, own in dimensions(header).items():
            rows = np.stack([columns[each] for each in several[name]], 1) if name in several else columns[name]
            grid = rows.reshape((*header["shape"], *rows.shape[1:]))
            found[name] = grid[tuple(slice(None) if axis in own else 0 for axis in axes)]
        return found


def _worth_telling(shared: dict[str, Any]) -> list[str]:
    """Return the hyperparameters that all configurations share and that are not as they are if nothing is said."""
    usual = HYPERPARAMETERS["divergence_threshold"].default
    return [name for name, value in shared.items() if not (name == "divergence_threshold" and value == usual)]


def to_dataframe(result: Outcomes) -> Any:
    """Return a result as a data frame."""
    pandas = imported("pandas", "table", "to_dataframe")
    columns: dict[str, Any] = dict(Layout.of(outline(Told.of(result))).columns(result, 0, result.status.size))
    columns["status"] = pandas.Categorical.from_codes(status_places(columns["status"]), list(STATUS_NAMES))
    return pandas.DataFrame(columns)


def to_xarray(result: Outcomes) -> Any:
    """Return a result as a dataset."""
    imported("pandas", "table", "to_xarray")
    xarray = imported("xarray", "table", "to_xarray")
    content = content_of(result)
    header = content.header
    # objects, since zarr has no specification of text of a fixed length
    names = np.array([printable(name) for name in header["parameters"]], dtype=object)
    coordinates: dict[str, Any] = {"parameter": ("parameter", names, {"long_name": "component of theta"})}
    coordinates |= {name: ((), result.grid.values[name], attributes_of(name)) for name in header["shared"]}
    variables = {}
    for name, own in dimensions(header).items():
        array = content.arrays[name]
        if name == "start":
            columns = zip(start_names(header), array.T, strict=True)
            coordinates |= {column: (own[0], values, {"long_name": "start"}) for column, values in columns}
        elif name in ("recorded", "configuration") or name in header["varied"]:
            coordinates[name] = (own, array, attributes_of(name))
        else:
            variables[name] = (own, array, attributes_of(name))
    attributes = {
        "Conventions": "CF-1.11",
        "source": f"fastgd {header['fastgd']}",
        **{name: printable(header[name]) for name in ("problem", "engine", "rule", "schedule")},
        "versions": ", ".join(f"{name} {version}" for name, version in header["timing"]["versions"].items()),
        HEADER: content.text,
    }
    return xarray.Dataset(variables, coordinates, attributes)


def content_of_dataset(dataset: Any) -> Content:
    """Return what such a dataset holds, as the group of arrays that it is in a file; ValueError if it is none."""
    said = dataset.attrs.get(HEADER, "{}")
    if not isinstance(said, str):
        raise ValueError("it is a store, which fastgd.open_result reads")
    header = header_of(said)
    arrays = {name: np.asarray(dataset[name][()]) for name in dimensions(header) if name in dataset}
    if header["theta0"] is None:
        arrays["start"] = np.stack([dataset[name][()] for name in start_names(header)], 1)
    return Content(header, arrays)


def start_names(header: dict[str, Any]) -> list[str]:
    """Return names of coordinates for components of the start, as netCDF and file systems allow them.

    That is with no slash and no space, and of some 60 letters, which may be 4 bytes each, of 255 bytes.
    """
    return apart([re.sub(r"\W", "_", f"start_{name}"[:60]) for name in header["parameters"]], ())


def attributes_of(name: str) -> dict[str, Any]:
    """Return what an array tells of itself: what it is, in which unit, what its codes mean."""
    says = _SAYS.get(name) or (HYPERPARAMETERS[name].says if name in HYPERPARAMETERS else "number of the configuration")
    attributes: dict[str, Any] = {"long_name": says}
    if name in _UNITS:
        attributes["units"] = _UNITS[name]
    if name == "status":
        attributes |= {"flag_values": STATUS_CODES.copy(), "flag_meanings": " ".join(STATUS_NAMES)}
    return attributes
