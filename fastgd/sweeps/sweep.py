"""sweep() and descend(): check, choose an engine, run tiles, gather the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import choice, real_array, shown, whole
from fastgd.descent.codes import DIVERGED, LOSS_GREW, MAX_STEPS
from fastgd.problems.problem import Problem
from fastgd.results.facts import Facts
from fastgd.results.sweep_result import Descent, SweepInterrupted, SweepResult, Trajectory
from fastgd.results.timing import HeldInterrupts, Stopwatch, Timing
from fastgd.sweeps.columns import separated
from fastgd.sweeps.facts import facts_of
from fastgd.sweeps.grid import LARGEST_STEP_COUNT, PROBLEMS_START, Grid, theta_of
from fastgd.sweeps.progress import Progress, ProgressBar, ProgressFailed, progress_callback
from fastgd.sweeps.settings import Settings, usual_interval

if TYPE_CHECKING:
    from fastgd.least_squares.spectrum import Spectrum

ENGINE_NAMES = ("auto", "samples", "moments", "spectral")


def sweep(
    problem: Problem,
    *,
    learning_rate: ArrayLike | None = None,
    theta0: Any = PROBLEMS_START,
    max_steps: ArrayLike = 1000,
    rule: str = "gradient",
    momentum: ArrayLike | None = None,
    schedule: str = "constant",
    decay: ArrayLike | None = None,
    tolerance: ArrayLike | None = None,
    loss_threshold: ArrayLike | None = None,
    gradient_tolerance: ArrayLike | None = None,
    divergence_threshold: ArrayLike | None = 1e200,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    record_every: int | None = None,
    configurations: Any = None,
    engine: str = "auto",
    threads: int | None = None,
    progress: bool | Progress = False,
) -> SweepResult:
    """Run gradient descent for every configuration of a grid.

    Hyperparameters given as 1-D arrays or lists are axes of the grid, in the order of this signature, `start` first.

    Parameters
    ----------
    problem : Problem
        What to minimise.
    learning_rate : float or array_like, axis
        The rate, >= 0.
    theta0 : array_like (P,) or (M, P), outcome, list of outcomes or SweepResult; optional
        The start, or M of them (axis `start`); the problem's own if it is left out. Of outcomes, a `Descent` or what
        `best` and `best_along` return, theta counts; of a result that of every configuration, in flat order.
    max_steps : int or array_like, axis
        Updates to take at most.
    rule : {"gradient", "sign", "momentum", "nesterov", "adam"}
        The update's direction: the gradient, its sign (constant descent), or what these make of the gradients so far.
    momentum : float or array_like, axis
        What is kept of the last direction, 0 <= momentum < 1 (Adam's beta1); 0.9 if the rule needs it and none is
        given.
    schedule : {"constant", "inverse_time", "exponential", "inverse_sqrt", "cosine"}
        How the rate changes with the step t.
    decay : float or array_like, axis
        The schedule's decay; 0.01 if a schedule needs one and none is given.
    tolerance : float or array_like, axis
        Stop when the next update is shorter than this, without taking it.
    loss_threshold : float or array_like, axis
        Stop when the loss is below this.
    gradient_tolerance : float or array_like, axis
        Stop when the gradient's norm is below this.
    divergence_threshold : float or array_like, axis
        Stop as diverged when the loss is above this.
    bounds : (lower, upper) or scipy.optimize.Bounds, optional
        Each a number or (P,); every update is clipped to them.
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
        True for a bar (needs tqdm), or a function of (done, total, counts by status).

    Returns
    -------
    SweepResult

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument, before any work.
    SweepInterrupted
        On Ctrl-C, or when `progress` raises; it carries the partial result.

    Examples
    --------
    >>> import fastgd
    >>> result = fastgd.sweep(fastgd.examples.pizza(), learning_rate=[0.001, 0.004, 0.005], max_steps=20_000)
    >>> [fastgd.Status(code).name for code in result.status]
    ['MAX_STEPS', 'MAX_STEPS', 'DIVERGED']
    >>> result.best.configuration["learning_rate"], result.best.theta.round(6)
    (0.004, array([ 1.081112, 13.172582]))
    """
    watch = Stopwatch()
    with watch.phase("validate"):
        _check_problem(problem)
        columns, how = separated(
            configurations, {"rule": rule, "schedule": schedule, "bounds": bounds, "engine": engine}
        )
        engine = choice("engine", how.pop("engine"), ENGINE_NAMES)
        settings = Settings.from_arguments(problem, **how, record_every=record_every)
        hyperparameters: dict[str, object] = {
            "learning_rate": learning_rate,
            "max_steps": max_steps,
            "momentum": momentum,
            "decay": decay,
            "tolerance": tolerance,
            "loss_threshold": loss_threshold,
            "gradient_tolerance": gradient_tolerance,
            "divergence_threshold": divergence_threshold,
        }
        grid = Grid.from_arguments(problem, theta0, settings.with_usual_values(hyperparameters, columns), columns)
        settings.check_starts(grid)
        grid.check_size(settings.memories)
        recorded_steps = settings.recorded(grid, problem.dimension)
        if threads is not None:
            whole("threads", threads, minimum=1)
        report = progress_callback(progress)
    return _run(problem, grid, settings, recorded_steps, engine, threads, report, watch)


def _run(
    problem: Problem,
    grid: Grid,
    settings: Settings,
    recorded_steps: int,
    engine: str,
    threads: int | None,
    report: Progress | None,
    watch: Stopwatch,
) -> SweepResult:
    """Choose and prepare an engine, run its tiles, gather the result."""
    with watch.phase("prepare"), HeldInterrupts():
        from fastgd.kernels.threads import limited_to, resolve_threads
        from fastgd.problems.standardized import advising
        from fastgd.sweeps.engines import choose as engines
        from fastgd.sweeps.tiles import Tiles

    with limited_to(threads), watch.compilation():
        with watch.phase("prepare"):
            method = settings.method()
            name, why, plan = engines.prepare(problem, grid, method, engine, resolve_threads(threads))
            state = engines.new_state(grid.size, problem.dimension, recorded_steps, settings.memories)
            tiles = Tiles(plan, grid, state)

        def gathered(interrupted: bool) -> SweepResult:
            counts: dict[str, Any] = {
                "configurations": engines.finished(state.status),
                "steps": engines.total(state.steps),
                **plan.counts(state),
            }
            with watch.phase("prepare"):
                wanted = _wants_reasons(grid, state.status)
                try:
                    spectrum, refusal = engines.affordable_spectrum(
                        problem, grid, method, name, wanted=wanted, interrupted=interrupted
                    )
                    if not interrupted and settings.bounds is None and (state.status < 0).all():
                        spectrum = advising(problem, spectrum)
                    facts = facts_of(problem, spectrum, refusal)
                except KeyboardInterrupt:
                    if not interrupted:
                        raise
                    spectrum, facts = None, Facts()
            timing = Timing(**(watch.seconds | counts), engine=name, choice=why)
            return _assemble(problem, grid, settings, state, name, timing, spectrum, facts)

        try:
            with watch.phase("run"):
                tiles.run(report)
            return gathered(interrupted=False)
        except (KeyboardInterrupt, ProgressFailed) as interruption:  # a second one leaves without a result
            if isinstance(report, ProgressBar):
                report.close()
            tiles.mark_the_rest()
            result = gathered(interrupted=True)  # after Ctrl-C no pass over the samples is begun
            raise SweepInterrupted.by(interruption.__cause__, result) from (interruption.__cause__ or interruption)


def _wants_reasons(grid: Grid, status: NDArray[np.int8]) -> bool:
    """Tell whether some configuration failed, or took all its steps without reaching its `loss_threshold`."""
    missed = "loss_threshold" in grid.given and bool((status == MAX_STEPS).any())
    return missed or bool(((status == DIVERGED) | (status == LOSS_GREW)).any())


def _assemble(
    problem: Problem,
    grid: Grid,
    settings: Settings,
    state: Any,
    engine: str,
    timing: Timing,
    spectrum: Spectrum | None,
    facts: Facts,
) -> SweepResult:
    """Give flat results the shape of the grid."""
    shape, P = grid.shape, problem.dimension
    trajectory = None
    if settings.record_every is not None:
        K = state.trajectory_loss.shape[1]
        trajectory = Trajectory(
            np.arange(K) * settings.record_every,
            state.trajectory_theta.reshape(*shape, K, P),
            state.trajectory_loss.reshape(*shape, K),
        )
    return SweepResult(
        theta=state.theta.reshape(*shape, P),
        loss=state.loss.reshape(shape),
        gradient_norm=state.gradient_norm.reshape(shape),
        steps=state.steps.reshape(shape),
        status=state.status.reshape(shape),
        initial_loss=state.initial_loss.reshape(shape),
        stalled=state.stalled.reshape(shape),
        trajectory=trajectory,
        engine=engine,
        problem=repr(problem),
        timing=timing,
        spectrum=spectrum,
        grid=grid,
        settings=settings,
        facts=facts,
    )


def descend(
    problem: Problem,
    theta0: Any = PROBLEMS_START,
    *,
    learning_rate: float | None = None,
    max_steps: int = 1000,
    rule: str = "gradient",
    momentum: float | None = None,
    schedule: str = "constant",
    decay: float | None = None,
    tolerance: float | None = None,
    loss_threshold: float | None = None,
    gradient_tolerance: float | None = None,
    divergence_threshold: float | None = 1e200,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
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
    single: dict[str, Any] = {
        "learning_rate": learning_rate,
        "max_steps": max_steps,
        "momentum": momentum,
        "decay": decay,
        "tolerance": tolerance,
        "loss_threshold": loss_threshold,
        "gradient_tolerance": gradient_tolerance,
        "divergence_threshold": divergence_threshold,
    }
    for name, value in single.items():
        if value is not None and real_array(name, value).ndim > 0:
            raise ValueError(f"{name} must be one number for descend, got {shown(value)}; use sweep for an axis")
    _check_problem(problem)
    if theta0 is not PROBLEMS_START:
        theta0 = problem.point("theta0", theta_of("theta0", theta0))
    interval: Any = record_every
    if isinstance(record_every, str) and record_every == "auto":
        most = whole("max_steps", real_array("max_steps", max_steps).item(), minimum=0, maximum=LARGEST_STEP_COUNT)
        interval = usual_interval(most, problem.dimension)
    result = sweep(
        problem,
        theta0=theta0,
        rule=rule,
        schedule=schedule,
        bounds=bounds,
        record_every=interval,
        engine=engine,
        threads=threads,
        **single,
    )
    outcome = result.outcome(0)
    trajectory = None if result.trajectory is None else _until_stop(result.trajectory, outcome)
    return Descent(**vars(outcome), trajectory=trajectory, timing=result.timing)


def _until_stop(recorded: Trajectory, outcome: Any) -> Trajectory:
    """Return the recorded states up to the stop, with the final one as the last."""
    kept = recorded.steps < outcome.steps
    return Trajectory(
        np.append(recorded.steps[kept], outcome.steps),
        np.concatenate([recorded.theta[kept], outcome.theta[None]]),
        np.append(recorded.loss[kept], outcome.loss),
    )


def _check_problem(problem: object) -> None:
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a PolynomialFit, LinearFit or Objective, got {shown(problem)}")
