"""sweep() and descend(): check what is asked, run it, gather the result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from fastgd.check import about, real_array, shown, whole
from fastgd.descent.hyperparameters import HYPERPARAMETERS, LARGEST_STEP_COUNT
from fastgd.problems.problem import Problem
from fastgd.results.descent import Descent
from fastgd.results.sweep_result import SweepResult
from fastgd.sweeps.asked import Space, checked, usual_interval
from fastgd.sweeps.continuation import Continuation
from fastgd.sweeps.grid import PROBLEMS_START, theta_of
from fastgd.sweeps.progress import Progress, progress_callback
from fastgd.sweeps.stopwatch import HeldInterrupts, Stopwatch


def sweep(
    problem: Problem,
    *,
    learning_rate: ArrayLike | None = None,
    theta0: Any = PROBLEMS_START,
    rule: str = "gradient",
    momentum: ArrayLike | None = None,
    schedule: str = "constant",
    decay: ArrayLike | None = None,
    max_steps: ArrayLike = 1000,
    tolerance: ArrayLike | None = None,
    loss_threshold: ArrayLike | None = None,
    gradient_tolerance: ArrayLike | None = None,
    divergence_threshold: ArrayLike | None = 1e200,
    bounds: tuple[ArrayLike, ArrayLike] | Mapping[str, Any] | None = None,
    record_every: int | None = None,
    configurations: Any = None,
    engine: str = "auto",
    threads: int | None = None,
    progress: bool | Progress = False,
    store: str | os.PathLike[str] | None = None,
    durable: bool = False,
    executor: Any = None,
) -> SweepResult:
    """Run gradient descent for every configuration of a grid.

    Hyperparameters given as 1-D arrays or lists are axes of the grid, in the order of this signature, `start` first.
    The last, from `max_steps` on, only stop a descent: what differs in them alone is one trajectory, gone through once.

    Parameters
    ----------
    problem : Problem
        What to minimise.
    learning_rate : float or array_like, axis
        The rate, >= 0.
    theta0 : array_like (P,) or (M, P), outcome, list of outcomes or SweepResult; optional
        The start, or M of them (axis `start`); the problem's own if it is left out. Of outcomes, a `Descent` or what
        `best` and `best_along` return, theta counts; of a result that of every configuration, in flat order.
    rule : {"gradient", "sign", "momentum", "nesterov", "adam"}
        The update's direction: the gradient, its sign (constant descent), or what these make of the gradients so far.
    momentum : float or array_like, axis
        What is kept of the last direction, 0 <= momentum < 1 (Adam's beta1); 0.9 if the rule needs it and none is
        given.
    schedule : {"constant", "inverse_time", "exponential", "inverse_sqrt", "cosine"}
        How the rate changes with the step t.
    decay : float or array_like, axis
        The schedule's decay; 0.01 if a schedule needs one and none is given.
    max_steps : int or array_like, axis
        Updates to take at most.
    tolerance : float or array_like, axis
        Stop when the next update is shorter than this, without taking it.
    loss_threshold : float or array_like, axis
        Stop when the loss is below this.
    gradient_tolerance : float or array_like, axis
        Stop when the gradient's norm is below this.
    divergence_threshold : float or array_like, axis
        Stop as diverged when the loss is above this.
    bounds : (lower, upper), scipy.optimize.Bounds or dict, optional
        Each a number or (P,); every update is clipped to them. By name for some: `{"a": (0, None)}`, None for no bound.
    record_every : int, optional
        Record theta and the loss at t = 0, k, 2k, ...
    configurations : mapping, structured array, data frame or list of dict, optional
        Zipped configurations instead of axes: one axis, `configuration`. Columns by name, of which `theta0` is (C, P),
        or a dictionary for each; those may share a rule, schedule, bounds and engine, as outcomes' `configuration` do.
    engine : {"auto", "samples", "moments", "spectral"}
        How to run; "auto" takes the cheapest that serves.
    threads : int, optional
        Threads to use; as many as Numba would by default.
    progress : bool or callable
        True for a bar (needs tqdm), or a function of (done, total, counts by status). One that has a method
        `reading` is told of passes over streamed samples by it: how many were read, and of how many.
    store : str or path-like, optional
        A folder, usually named .zarr, that results are written to tile by tile (needs zarr). If it is there already,
        the sweep goes on where the same call stopped, or was killed; several processes may share the work so.
        `fastgd.open_result` reads it, and so do zarr and `xarray.open_zarr`.
    durable : bool
        Whether a tile of the store counts as finished only when the disk has it, which survives a loss of power.
    executor : executor or callable, optional
        What runs tiles elsewhere: anything with `submit`, as a ProcessPoolExecutor, loky's, dask's
        `client.get_executor()` or an MPIPoolExecutor; or a function that makes one, which is called again where it
        breaks. Results are the same to the bit. Its workers write into the store where they see it. `threads` are each
        worker's then, and never more in all than the machine has. Worker processes leave Ctrl-C to this one then.

    Returns
    -------
    SweepResult
        With a store one whose arrays are read when they are asked for.

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument, before any work; and if the store is of another call, naming what differs,
        or can't be written.
    SweepInterrupted
        On Ctrl-C, or when `progress` raises; it carries the partial result.
    ExecutorLost
        When the executor broke, or lost a worker at one tile four times; it carries the partial result.

    Examples
    --------
    >>> import fastgd
    >>> result = fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.004, 0.005], max_steps=20_000)
    >>> [fastgd.Status(code).name for code in result.status]
    ['MAX_STEPS', 'MAX_STEPS', 'DIVERGED']
    >>> result.best.configuration["learning_rate"], result.best.theta.round(6)
    (0.004, array([ 1.081112, 13.172582]))
    """
    arguments = dict(locals())
    del arguments["problem"], arguments["progress"]
    watch = Stopwatch()
    with watch.phase("validate"):
        _check_problem(problem)
        asked = checked(Space(problem.parameters, problem.start), **arguments)
        report = progress_callback(progress)
    with watch.phase("prepare"), HeldInterrupts():
        from fastgd.sweeps.run import run  # imports Numba
        from fastgd.sweeps.stored import run_into
    result = (run if asked.store is None else run_into)(problem, asked, report, watch)
    object.__setattr__(result, "_continue", Continuation(problem, asked))
    return result


def descend(
    problem: Problem,
    theta0: Any = PROBLEMS_START,
    *,
    learning_rate: float | None = None,
    rule: str = "gradient",
    momentum: float | None = None,
    schedule: str = "constant",
    decay: float | None = None,
    max_steps: int = 1000,
    tolerance: float | None = None,
    loss_threshold: float | None = None,
    gradient_tolerance: float | None = None,
    divergence_threshold: float | None = 1e200,
    bounds: tuple[ArrayLike, ArrayLike] | Mapping[str, Any] | None = None,
    record_every: int | str | None = "auto",
    engine: str = "auto",
    threads: int | None = None,
) -> Descent:
    """Run gradient descent once, with its trajectory.

    Parameters are those of `sweep`, each a single value.

    Parameters
    ----------
    record_every : int, "auto" or None
        Record theta and the loss at t = 0, k, 2k, ... and at the stop; None records nothing. "auto" is every step up to
        10,000, and for a larger `max_steps` the least of 2, 5, 10, 20, ... that records no more states, wherever the
        descent stops.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument, before any work.

    Examples
    --------
    >>> import fastgd
    >>> run = fastgd.descend(fastgd.examples.square(), 3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5)
    >>> run.status.name, run.steps, run.trajectory.theta.shape
    ('SMALL_UPDATE', 14, (15, 1))
    """
    arguments = dict(locals())
    for name in HYPERPARAMETERS:
        value = arguments[name]
        if value is not None and real_array(name, value).ndim > 0:
            raise ValueError(about(name, f"must be one number for descend, got {shown(value)}; use sweep for an axis"))
    _check_problem(problem)
    if theta0 is not PROBLEMS_START:
        arguments["theta0"] = problem.point("theta0", theta_of("theta0", theta0))
    if isinstance(record_every, str) and record_every == "auto":
        most = whole("max_steps", real_array("max_steps", max_steps).item(), minimum=0, maximum=LARGEST_STEP_COUNT)
        arguments["record_every"] = usual_interval(most, problem.dimension)
    result = sweep(**arguments)
    outcome = result.outcome(0)
    every = result.trajectory
    trajectory = None if every is None else every.until(outcome.steps, outcome.theta, outcome.loss)
    return Descent(
        **vars(outcome),
        trajectory=trajectory,
        timing=result.timing,
        parameters=result.parameters,
        portrait=result.portrait,
    )


def _check_problem(problem: object) -> None:
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a PolynomialFit, LinearFit, CurveFit or Objective, got {shown(problem)}")
