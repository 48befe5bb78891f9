"""What a sweep returns, as users see it: every outcome, the best of them, and a summary in words.

What makes files, tables and pages of it is imported where it is used: a sweep that is only printed starts without.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastgd.check import choice, path_of, shown, whole
from fastgd.descent.statuses import Status
from fastgd.once import computed_once
from fastgd.results.advice import message
from fastgd.results.outcomes import Outcome, Outcomes
from fastgd.results.plots.accessor import SweepPlots
from fastgd.results.summary import rows_of, summarise
from fastgd.results.tally import best_there, steps_to_converge, successful_loss
from fastgd.text import counted, html_table

NO_PROBLEM = (
    "extend needs the problem, which this result does not have or which is gone: sweep it over the longer axes, with "
    "the store if there is one"
)


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Outcomes):
    """The outcome of every configuration of a grid. Its arrays are read-only and shared with nothing that went in.

    Two are equal if grid, settings, engine, the text of the problem and all that came out are; time does not count.

    Attributes
    ----------
    axes : dict of str to ndarray
        Axis names to values, in the order of the dimensions below; `start` has values (M, P).
    theta : ndarray (*axes, P)
    loss, gradient_norm : ndarray (*axes)
        At theta.
    steps : ndarray (*axes) of int64
        Updates taken.
    status : ndarray (*axes) of int8
        `Status` codes.
    initial_loss : ndarray (*axes)
        At the start; NaN where that was not reached.
    stalled : ndarray (*axes) of bool
        Which were stopped by `tolerance` before their gradient was small: its norm, without what pushes against
        `bounds`, was still above a hundredth of that at their start. They stand still because their steps are short.
    trajectory : Trajectory or None
        K recorded steps of each configuration.
    engine : str
        The engine that ran.
    problem : str
        A description of the problem.
    parameters : tuple of str
        The names of theta's components.
    timing : Timing
    spectrum : Spectrum or None
        The curvature of a loss that has one (`Fit.spectrum`): where some configuration failed or missed its
        `loss_threshold`, for few samples, and where the estimates say that it is cheap beside the sweep.
    plot : SweepPlots
        Its pictures: `result.plot()`, `result.plot.steps()` and others.
    """

    _continue: Callable[[SweepResult, dict[str, Any]], SweepResult] | None = field(default=None, compare=False)

    @property
    def plot(self) -> SweepPlots:
        """Its pictures, each a method that returns the axes; called itself it draws the usual one."""
        return SweepPlots(self)

    @computed_once
    def best(self) -> Outcome | None:
        """The least finite loss of those that did not fail, None if all did; of equals fewer steps, then the first."""
        return None if self._place_of_best is None else self.outcome(self._place_of_best)

    @computed_once
    def _place_of_best(self) -> int | None:
        return best_there(self, successful_loss)[0]

    def best_along(self, axis: str) -> list[Outcome | None]:
        """Return for each value of an axis the best over all others, None where every configuration failed.

        Parameters
        ----------
        axis : str
            One of `axes`.

        Returns
        -------
        list of Outcome or None
            As long as the axis.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.375, 2.0], max_steps=[1, 2])
        >>> [best and best.loss for best in result.best_along("learning_rate")]
        [0.0625, 0.00390625, None]
        """
        at = list(self.axes).index(choice("axis", axis, self.axes))
        places = best_there(self, successful_loss, lambda part: part.places(self.grid, at), self.grid.shape[at])
        return [None if place is None else self.outcome(place) for place in places]

    @computed_once
    def fastest(self) -> Outcome | None:
        """The one converged in the fewest steps, the first of equals; None if none converged.

        Those that `stalled`, stopped by `tolerance` because their steps are short, do not count.
        """
        place = best_there(self, steps_to_converge)[0]
        return None if place is None else self.outcome(place)

    def outcome(self, index: int | Sequence[int]) -> Outcome:
        """Return one configuration's outcome by its flat index, or by an index on each axis; negative from the end."""
        index = self._flat(index)
        return Outcome(
            theta=self.theta.reshape(-1, self.theta.shape[-1])[index].copy(),
            loss=float(self.loss.ravel()[index]),
            gradient_norm=float(self.gradient_norm.ravel()[index]),
            steps=int(self.steps.ravel()[index]),
            status=Status(int(self.status.ravel()[index])),
            _configuration=self.grid.configuration(index) | self.settings.configuration() | {"engine": self.engine},
            message=message(self, index),
        )

    def isel(self, **indices: Any) -> SweepResult:
        """Return the part of the grid at indices on its axes, as xarray does.

        Parameters
        ----------
        **indices : int, slice or array_like of int
            By name of an axis, negative from the end. A number drops the axis; of the others what it leaves is kept.

        Returns
        -------
        SweepResult
            All that belongs to a configuration, recorded states among it. `timing` stays that of the whole sweep.

        Raises
        ------
        ValueError, TypeError
            If there is no such axis or index, or nothing would be left.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.25, 0.5], max_steps=[1, 2])
        >>> result.isel(learning_rate=[0, -1], max_steps=1).loss.round(4)
        array([0.4096, 0.    ])
        """
        from fastgd.results.selection import at_places

        return at_places(self, indices)

    def sel(self, *, method: str | None = None, **values: Any) -> SweepResult:
        """Return the part of the grid at values on its axes, as xarray does.

        Parameters
        ----------
        method : {None, "nearest"}
            Whether the nearest value of the axis is taken for one that is not on it, which is an error by default.
        **values : float, slice or array_like
            By name of an axis. A number drops the axis; a slice takes all values between its ends and these. A start is
            picked by its index, with `isel`.

        Returns
        -------
        SweepResult
            As of `isel`: `timing` stays that of the whole sweep.

        Raises
        ------
        ValueError, TypeError
            If there is no such axis or value, or nothing would be left.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.25, 0.5], max_steps=[1, 2])
        >>> result.sel(learning_rate=0.3, method="nearest").loss
        array([0.25  , 0.0625])
        >>> result.sel(learning_rate=slice(0.2, 0.5)).axes["learning_rate"]
        array([0.25, 0.5 ])
        """
        from fastgd.results.selection import at_values

        return at_values(self, values, method)

    def extend(self, **axes: Any) -> SweepResult:
        """Run more values of some hyperparameters: only configurations that are new are run.

        It takes the problem that was swept, which must still be there: a result that was loaded, picked from another or
        is of another process has none. Of a sweep into a store the store is extended; `fastgd.sweep` with longer axes
        and the store does so too, in any process.

        Parameters
        ----------
        **axes : float or array_like, by the name of a hyperparameter, or `theta0`
            Values beside those that there are, along the axis, or beside the one value that all configurations share.

        Returns
        -------
        SweepResult
            Equal to that of one sweep over all values: those that there were, then the new ones in their order.

        Raises
        ------
        ValueError, TypeError
            In one sentence naming the argument, before any work.

        Examples
        --------
        >>> import fastgd
        >>> problem = fastgd.examples.square()
        >>> result = fastgd.sweep(problem, learning_rate=[0.1, 0.2], max_steps=5)
        >>> result.extend(learning_rate=[0.5], max_steps=[10]).loss.shape
        (3, 2)
        """
        if self._continue is None:
            raise ValueError(NO_PROBLEM)
        return self._continue(self, axes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to a file, whole or not at all; `fastgd.load` makes an equal result of it.

        Parameters
        ----------
        path : str or path-like
            Its suffix says the format: .npz (NumPy), .csv (a row a configuration), .json, .parquet (Arrow), .nc
            (netCDF 4) or .zarr (a folder). What was there is replaced. CSV and Parquet keep no recorded states.

        Raises
        ------
        ValueError
            If the suffix is another, nothing can be written there, or the format keeps no recorded states.
        ModuleNotFoundError
            If the format needs a package that is not there, with the command that installs it.

        Examples
        --------
        >>> import tempfile, pathlib, fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.2], max_steps=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result.save(pathlib.Path(folder) / "square.npz")
        ...     fastgd.load(pathlib.Path(folder) / "square.npz") == result
        True
        """
        from fastgd.results.files import check_destination, write

        target = path_of("path", path)
        check_destination(target)
        write(target, self)

    def to_dataframe(self) -> Any:
        """Return a row a configuration: what varies, theta by the names of the parameters, and what came out.

        Returns
        -------
        pandas.DataFrame
            C rows in flat order. `status` is a categorical of names. A parameter that has another column's name is told
            as "theta_" and its name.

        Raises
        ------
        ModuleNotFoundError
            Without pandas, with the command that installs it.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.5], max_steps=1)
        >>> result.to_dataframe()[["learning_rate", "theta", "loss", "steps", "status"]]
           learning_rate  theta  loss  steps     status
        0           0.25    0.5  0.25      1  MAX_STEPS
        1           0.50    0.0  0.00      1  MAX_STEPS
        """
        from fastgd.results.tables import to_dataframe

        return to_dataframe(self)

    def to_xarray(self) -> Any:
        """Return arrays labelled by the grid's axes.

        Returns
        -------
        xarray.Dataset
            Variables theta, loss, gradient_norm, steps, status (with CF's flag_values and flag_meanings), initial_loss,
            stalled and, if states were recorded, trajectory_theta and trajectory_loss, over the axes, `parameter` and
            `recorded`. Starts are coordinates start_<parameter> of `start`, zipped columns those of `configuration`.
            The attribute `fastgd` has what else there is, as JSON: `fastgd.load` reads what `to_netcdf` or `to_zarr`
            wrote of it.

        Raises
        ------
        ModuleNotFoundError
            Without xarray, with the command that installs it.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.25, 0.5], max_steps=[1, 2])
        >>> data = result.to_xarray()
        >>> dict(data.sizes)
        {'learning_rate': 3, 'max_steps': 2, 'parameter': 1}
        >>> float(data.loss.sel(learning_rate=0.3, max_steps=2, method="nearest"))
        0.0625
        """
        from fastgd.results.tables import to_xarray

        return to_xarray(self)

    def explore(self, path: str | os.PathLike[str]) -> Path:
        """Write a page to explore the sweep in a browser: one HTML file that works offline, and asks for nothing else.

        It shows all configurations over any two axes, of a large grid the best of each block of neighbours, and says
        so. Each tells its hyperparameters, outcome and reason; of the one that is chosen, by a click or by a slider for
        each axis, the page draws the descent and, over one feature, the fit. Needs the package Bokeh.

        Parameters
        ----------
        path : str or path-like
            Where to write it, ending in .html. A file there is replaced when the page is whole.

        Returns
        -------
        pathlib.Path
            The path.

        Raises
        ------
        ValueError
            If it can't be written there.
        ModuleNotFoundError
            If Bokeh is not installed.

        Examples
        --------
        >>> import fastgd, tempfile
        >>> result = fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.002, 0.004])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = result.explore(f"{folder}/sweep.html").read_text(encoding="utf-8")
        >>> page.startswith("<!DOCTYPE html>")
        True
        """
        from fastgd.results.page.explore import write_page

        return write_page(self, self.best, self._place_of_best, path)

    def _flat(self, index: Any) -> int:
        """Return a checked index as a flat one from the start."""
        several = isinstance(index, tuple | list) or (isinstance(index, np.ndarray) and index.ndim == 1)
        sizes = self.grid.shape if several else (self.grid.size,)
        places = index if several else (index,)
        if len(places) != len(sizes):
            raise ValueError(
                f"index must be one number, or one on each axis ({', '.join(self.axes)}), got {shown(index)}"
            )
        flat = 0
        for place, n in zip(places, sizes, strict=True):
            flat = flat * n + whole("index", place, minimum=-n, maximum=n - 1) % n
        return flat

    def __str__(self) -> str:
        return summarise(self, self.best, self.fastest)

    def _repr_html_(self) -> str:
        return html_table(*rows_of(self, self.best, self.fastest))

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values):,}" for name, values in self.axes.items())
        return f"<SweepResult of {counted(self.grid.size, 'configuration')} ({axes}), engine {self.engine!r}>"


class SweepInterrupted(KeyboardInterrupt):
    """A sweep was stopped from outside, by Ctrl-C or by its progress callback. What was finished is kept.

    Attributes
    ----------
    result : SweepResult
        Finished configurations as they are; the others have status CANCELLED and stand where they stood.
    """

    def __init__(self, result: SweepResult, raised_by_progress: str = "") -> None:
        why = f"{raised_by_progress} (raised by progress); " if raised_by_progress else ""
        super().__init__(f"{why}sweep interrupted, {_finished(result)}; they are in .result")
        self.result = result
        self.raised_by_progress = raised_by_progress

    def __reduce__(self) -> tuple[type[SweepInterrupted], tuple[SweepResult, str]]:
        return SweepInterrupted, (self.result, self.raised_by_progress)


class ExecutorLost(RuntimeError):
    """A sweep's executor is broken, or lost every worker that a tile was given to. What was finished is kept.

    Attributes
    ----------
    result : SweepResult
        As that of `SweepInterrupted`. If it is in a store, the same call goes on from there.
    """

    def __init__(self, result: SweepResult, why: str) -> None:
        where = getattr(result, "path", None)
        more = "with store= the same call would go on from there"
        if where is not None:
            more = f"the same call goes on from the store {where!r}"
        super().__init__(f"executor lost its workers ({why}), {_finished(result)}; they are in .result, and {more}")
        self.result = result
        self.why = why

    def __reduce__(self) -> tuple[type[ExecutorLost], tuple[SweepResult, str]]:
        return ExecutorLost, (self.result, self.why)


def _finished(result: SweepResult) -> str:
    return f"{result.timing.configurations:,} of {counted(result.grid.size, 'configuration')} finished"
