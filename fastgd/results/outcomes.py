"""What came out: of one configuration, of one descent, and of all configurations of a grid.

What tells of it in words or files (`advice`, `summary`, `files`) reads these; `sweep_result` and `descent` stand above
them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import RUN, Array
from fastgd.descent.statuses import Status
from fastgd.extras import imported
from fastgd.least_squares.spectrum import Spectrum
from fastgd.record import Record
from fastgd.results.configurations import Grid, Settings
from fastgd.results.portrait import Portrait
from fastgd.results.timing import Timing
from fastgd.text import apart, counted, html_table


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Record):
    """Recorded states.

    Attributes
    ----------
    steps : ndarray (K,)
        The steps t that were recorded.
    theta : ndarray (..., K, P)
        theta_t, NaN after a configuration's stop.
    loss : ndarray (..., K)
        The loss at theta_t, NaN after a configuration's stop.
    """

    steps: NDArray[np.int64]
    theta: Array
    loss: Array

    def until(self, steps: int, theta: Array, loss: float) -> Trajectory:
        """Return the states (K,) of one configuration up to its stop, with its final one as the last."""
        kept = self.steps < steps
        return Trajectory(
            np.append(self.steps[kept], steps),
            np.concatenate([self.theta[kept], theta[None]]),
            np.append(self.loss[kept], loss),
        )

    def __repr__(self) -> str:
        return f"<Trajectory of {counted(self.steps.size, 'recorded step')}, theta {self.theta.shape}>"


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Record):
    """Where one configuration stopped, and why. Two are equal if all of the following are.

    Attributes
    ----------
    theta : ndarray (P,)
    loss, gradient_norm : float
        At theta.
    steps : int
        Updates taken.
    status : Status
    configuration : dict
        Keywords that make `descend` do it again, to the bit: a copy, of plain types that JSON takes.
    message : str
        Why it stopped, in a sentence that says what to do. Does not count where two are compared.
    """

    theta: Array
    loss: float
    gradient_norm: float
    steps: int
    status: Status
    _configuration: dict[str, Any]
    message: str = field(compare=False)

    @property
    def configuration(self) -> dict[str, Any]:
        """Keywords that make `descend` do it again."""
        values = self._configuration.items()
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values}

    def _described(self) -> str:
        return (
            f"{type(self).__name__}: {self.status.name} after {counted(self.steps, 'step')}, "
            f"loss {self.loss:.10g}, theta {vector(self.theta)}"
        )

    def __repr__(self) -> str:
        return f"<{self._described()}>"

    def __str__(self) -> str:
        return f"{self._described()}\n{self.message}"

    def _repr_html_(self) -> str:
        return html_table(
            self._described(), [(name, str(value)) for name, value in self.configuration.items()], self.message
        )


@dataclass(frozen=True, eq=False, repr=False)
class Run(Outcome):
    """One run: an outcome with its trajectory and timing. It is what a `Descent` holds."""

    trajectory: Trajectory | None
    timing: Timing = field(compare=False)
    parameters: tuple[str, ...] = field(compare=False)
    portrait: Portrait = field(compare=False)

    def to_dataframe(self) -> Any:
        """Return the trajectory as a data frame: step, loss, and theta by the names of the parameters.

        Returns
        -------
        pandas.DataFrame
            A row a recorded state, the final one last. A parameter named "loss", say, is the column "theta_loss".

        Raises
        ------
        ValueError
            If nothing was recorded.
        ModuleNotFoundError
            Without pandas, with the command that installs it.

        Examples
        --------
        >>> import fastgd
        >>> run = fastgd.descend(fastgd.examples.square(), learning_rate=0.25, max_steps=2)
        >>> run.to_dataframe()
           step    loss  theta
        0     0  1.0000   1.00
        1     1  0.2500   0.50
        2     2  0.0625   0.25
        """
        pandas = imported("pandas", "table", "to_dataframe")
        recorded = self.trajectory
        if recorded is None:
            raise ValueError("to_dataframe needs a trajectory, and record_every=None recorded none")
        thetas = zip(apart(self.parameters, ("step", "loss")), recorded.theta.T, strict=True)
        return pandas.DataFrame({"step": recorded.steps, "loss": recorded.loss, **dict(thetas)})

    def to_optimize_result(self) -> Any:
        """Return a `scipy.optimize.OptimizeResult` with x, fun, nit, success, status and message."""
        from scipy.optimize import OptimizeResult

        return OptimizeResult(
            x=self.theta.copy(),
            fun=self.loss,
            nit=self.steps,
            success=self.status > 0,
            status=int(self.status),
            message=self.message,
        )


@dataclass(frozen=True)
class Facts:
    """What is known of a problem beside what its descents found: what a summary or a message can tell.

    Attributes
    ----------
    least_loss : float or None
        The least squared loss; None if it is not known.
    loss_rounding : float
        What rounding may change a loss near the least one by.
    refusal : str
        Why there is no curvature where the loss has one: data beyond float64.
    check : str
        What tells whether the user's own derivative is right; empty if there is none.
    """

    least_loss: float | None = None
    loss_rounding: float = 0.0
    refusal: str = ""
    check: str = ""


class Part:
    """A run of configurations, first..last-1, whose flat arrays are there by name when they are asked for."""

    def __init__(self, first: int, last: int, read: Callable[[str], NDArray[Any]]) -> None:
        self.first = first
        self.last = last
        self._read = read
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            self._arrays[name] = self._read(name)
        return self._arrays[name]

    def along(self, grid: Grid, name: str) -> NDArray[Any]:
        """Return a hyperparameter of each."""
        return np.broadcast_to(grid.column(name, self.first, self.last), self.last - self.first)

    def places(self, grid: Grid, axis: int) -> NDArray[np.intp]:
        """Return where each is along an axis."""
        inner = math.prod(grid.shape[axis + 1 :])
        return np.arange(self.first, self.last) // inner % grid.shape[axis]


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes(Record):
    """Where every configuration of a grid stopped, and how it was run: what a `SweepResult` holds."""

    theta: Array
    loss: Array
    gradient_norm: Array
    steps: NDArray[np.int64]
    status: NDArray[np.int8]
    initial_loss: Array
    stalled: NDArray[np.bool_]
    trajectory: Trajectory | None
    engine: str
    problem: str
    parameters: tuple[str, ...]
    timing: Timing = field(compare=False)
    spectrum: Spectrum | None = field(compare=False)
    grid: Grid
    settings: Settings
    facts: Facts = field(compare=False)
    portrait: Portrait = field(compare=False)
    unfinished: ClassVar[str] = Status.CANCELLED.ending.short  # what configurations are that have not stopped

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Axis names to values, in the order of the dimensions of the arrays; a copy."""
        return dict(self.grid.axes)

    @property
    def recorded(self) -> NDArray[np.int64] | None:
        """The steps t of recorded states (K,), None if there are none."""
        return None if self.trajectory is None else self.trajectory.steps

    def parts(self) -> Iterator[Part]:
        """Yield all configurations in runs, whose temporaries are small."""
        for first in range(0, self.grid.size, RUN):
            last = min(first + RUN, self.grid.size)
            yield Part(first, last, lambda name, some=slice(first, last): self._flat_array(name)[some])  # type: ignore[misc]

    def at(self, name: str, places: NDArray[np.integer[Any]], states: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return what an array has at flat indices of any shape; of recorded ones all states, or some (k,)."""
        array = self._flat_array(name)
        return np.asarray(array[places] if states is None else array[places[..., None], states])

    def _flat_array(self, name: str) -> NDArray[Any]:
        array = getattr(self, name) if not name.startswith("trajectory_") else self._recorded_array(name)
        return np.asarray(array).reshape(self.grid.size, *array.shape[len(self.grid.shape) :])

    def _recorded_array(self, name: str) -> NDArray[Any]:
        return np.asarray(getattr(self.trajectory, name.removeprefix("trajectory_")))

    def replaced(self, **fields: Any) -> Self:
        """Return the result with other values of these fields, in memory."""
        return replace(self, **fields)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which configurations a test stopped as converged, (*axes)."""
        return self.status > 0

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which configurations diverged, ended above their first loss or were cancelled, (*axes)."""
        return self.status < 0


def vector(theta: ArrayLike) -> str:
    """Return theta as short text."""
    return np.array2string(np.asarray(theta), precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
