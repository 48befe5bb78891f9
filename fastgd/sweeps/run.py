"""Running a sweep that was checked, and gathering its result, also where it was interrupted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import runs
from fastgd.descent.statuses import Status
from fastgd.descent.stopping import LOSS_ROUNDING
from fastgd.kernels.descent.records import State
from fastgd.kernels.threads import limited_to, resolve_threads
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems.curve import CurveFit
from fastgd.problems.fit import Fit
from fastgd.problems.linear_model import LinearModel, advising
from fastgd.problems.objective import Objective
from fastgd.problems.problem import Problem
from fastgd.problems.users_loss import ResidualLoss
from fastgd.results.configurations import Grid
from fastgd.results.outcomes import Facts, Trajectory
from fastgd.results.portrait import Portrait
from fastgd.results.store.extending import old_indices, places_in
from fastgd.results.sweep_result import ExecutorLost, SweepInterrupted, SweepResult
from fastgd.results.timing import Timing
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.choose import Prepared, affordable_spectrum, prepare
from fastgd.sweeps.engines.plan import Counts, Cutting, Plan
from fastgd.sweeps.engines.state import clear, finished, new_state, total
from fastgd.sweeps.executors.crew import crew_for
from fastgd.sweeps.executors.sending import SentTiles, WorkersLost
from fastgd.sweeps.portraits import portrait_of
from fastgd.sweeps.progress import Progress, ProgressBar, ProgressFailed, Reports, told_of_passes, words_of_cause
from fastgd.sweeps.stopwatch import Stopwatch
from fastgd.sweeps.tiles import Tiles
from fastgd.sweeps.work import largest_tile, work_of

CUTTING = Cutting()
INTERRUPTIONS = (KeyboardInterrupt, ProgressFailed, WorkersLost)
RECORDED = ("trajectory_theta", "trajectory_loss")


def run(
    problem: Problem, asked: Asked, report: Progress | None, watch: Stopwatch, before: SweepResult | None = None
) -> SweepResult:
    """Choose and prepare an engine, run its tiles, gather the result; with one of a part of the grid only the rest."""
    with crew_for(asked) as (crew, each), limited_to(asked.threads), watch.compilation(), told_of_passes(report):
        asked = each
        with watch.phase("prepare"):
            prepared = prepare(problem, asked, resolve_threads(asked.threads), CUTTING)
            whole = _new_state(problem, asked, asked.grid.size)
            new = None if before is None else _carried(before, asked.grid, whole)
            if new is None:
                state = whole
                plan = prepared.plan
                grid = asked.grid
            else:
                state = _new_state(problem, asked, new.size)
                plan = prepared.plan.at_starts(asked.grid.starts_of(new))
                grid = asked.grid.picked(new)
            tiles: Tiles | SentTiles = Tiles(plan, grid, state)
            if crew is not None:
                size = largest_tile(problem, asked, prepared, resolve_threads(asked.threads))
                tiles = SentTiles(crew, work_of(problem, asked, plan, grid, size), state)
        ran = _Ran(problem, asked, prepared, whole, state, new, watch, tiles)
        try:
            with watch.phase("run"):
                tiles.run(Reports(report, asked.grid.size))
            return ran.result(interrupted=False)
        except INTERRUPTIONS as interruption:  # a second one leaves without a result
            if isinstance(report, ProgressBar):
                report.close()
            tiles.mark_the_rest()
            result = ran.result(interrupted=True)
            raise interrupted_by(interruption, result) from (interruption.__cause__ or interruption)


def interrupted_by(interruption: BaseException, result: SweepResult) -> SweepInterrupted | ExecutorLost:
    """Return what is raised of a sweep that was interrupted."""
    if isinstance(interruption, WorkersLost):
        return ExecutorLost(result, str(interruption))
    return SweepInterrupted(result, words_of_cause(interruption))


def _new_state(problem: Problem, asked: Asked, configurations: int) -> State:
    return new_state(configurations, problem.dimension, asked.recorded_steps, asked.settings.memories)


def _carried(before: SweepResult, grid: Grid, state: State) -> NDArray[np.int64]:
    """Set what a result of a part of the grid has of it; return the flat indices of what is new."""
    places = places_in(before.grid, grid)
    assert places is not None
    old = old_indices(places, before.grid, np.unravel_index(np.arange(grid.size), grid.shape))
    known = old >= 0
    clear(state)
    names = set(state._fields) - {"memory"} - (set() if before.recorded is not None else {*RECORDED})
    for name in names:
        there = before.at(name, old[known])
        getattr(state, name)[(known, *(slice(n) for n in there.shape[1:]))] = there  # more states may be recorded now
    return np.flatnonzero(~known)


@dataclass
class _Ran:
    """A sweep whose tiles were run, at least some."""

    problem: Problem
    asked: Asked
    prepared: Prepared
    state: State
    run: State  # of what was run, where that is not all, and
    new: NDArray[np.int64] | None  # where in the whole that is
    watch: Stopwatch
    tiles: Tiles | SentTiles

    def result(self, *, interrupted: bool) -> SweepResult:
        """Give flat results the shape of the grid, with what is known of them beside."""
        state = self.state
        if self.new is not None:
            for name in state._fields:
                getattr(state, name)[self.new] = getattr(self.run, name)
        shape = self.asked.grid.shape
        steps = total(self.run.steps)
        counts = counts_of(self.prepared.plan, self.asked, self.tiles.passes())
        engine = self.prepared.engine
        with self.watch.phase("prepare"):
            statuses = {code for part in runs(state.status) for code in np.unique_values(part).tolist()}
            spectrum, facts = known_of(self.problem, self.asked, engine, statuses, interrupted=interrupted)
        measured: dict[str, Any] = {**self.watch.seconds, **counts._asdict()}
        return SweepResult(
            theta=state.theta.reshape(*shape, -1),
            loss=state.loss.reshape(shape),
            gradient_norm=state.gradient_norm.reshape(shape),
            steps=state.steps.reshape(shape),
            status=state.status.reshape(shape),
            initial_loss=state.initial_loss.reshape(shape),
            stalled=state.stalled.reshape(shape),
            trajectory=self._trajectory(),
            engine=engine,
            problem=repr(self.problem),
            parameters=self.problem.parameters,
            timing=Timing(
                **measured,
                configurations=finished(state.status),
                trajectories=self.asked.grid.trajectories()[0],
                steps=steps,
                engine=engine,
                choice=self.prepared.choice,
            ),
            spectrum=spectrum,
            grid=self.asked.grid,
            settings=self.asked.settings,
            facts=facts,
            portrait=portrait_beside(self.problem, self.asked.grid, engine, spectrum),
        )

    def _trajectory(self) -> Trajectory | None:
        every = self.asked.settings.record_every
        if every is None:
            return None
        shape = self.asked.grid.shape
        _, K, P = self.state.trajectory_theta.shape
        return Trajectory(
            np.arange(K) * every,
            self.state.trajectory_theta.reshape(*shape, K, P),
            self.state.trajectory_loss.reshape(*shape, K),
        )


def counts_of(plan: Plan, asked: Asked, passes: int) -> Counts:
    """Return what a Timing says, of all workers of an executor if it says how many there are."""
    counts = plan.counts(passes)
    return counts._replace(threads=counts.threads * max(asked.workers, 1))


def known_of(
    problem: Problem, asked: Asked, engine: str, statuses: Collection[int], *, interrupted: bool
) -> tuple[Spectrum | None, Facts]:
    """Return the spectrum, if it is affordable, and what else is known of the problem; little after Ctrl-C.

    `statuses` are those that occur.
    """
    failed = {Status.DIVERGED, Status.LOSS_GREW}.intersection(statuses)
    missed = "loss_threshold" in asked.grid.given and Status.MAX_STEPS in statuses
    try:
        spectrum, refusal = affordable_spectrum(
            problem, asked, engine, wanted=bool(failed or missed), interrupted=interrupted
        )
        if not interrupted and asked.settings.bounds is None and statuses and max(statuses) < 0:
            spectrum = advising(problem, spectrum)
        return spectrum, _facts_of(problem, spectrum, refusal)
    except KeyboardInterrupt:
        if not interrupted:
            raise
        return None, Facts()


def portrait_beside(problem: Problem, grid: Grid, engine: str, spectrum: Spectrum | None) -> Portrait:
    """Return what is drawn of a problem: with modes where the statistics of a squared loss were taken."""
    by_spectrum = spectrum is not None and isinstance(problem, LinearModel) and problem.is_squared
    return portrait_of(problem, grid, with_modes=engine != "samples" or by_spectrum)


def _facts_of(problem: Problem, spectrum: Spectrum | None, refusal: str) -> Facts:
    """Gather what is known of a problem; with the spectrum of a squared loss its statistics are there too."""
    if isinstance(problem, Objective):
        return Facts(check="check_gradient()")
    if isinstance(problem, CurveFit) and problem.model.is_given_derivative:
        return Facts(check="check_gradient()")
    if isinstance(problem, Fit) and isinstance(problem.residual_loss, ResidualLoss):
        return Facts(refusal=refusal, check="the loss's check()")
    if not isinstance(problem, LinearModel):
        return Facts()
    if spectrum is None or not problem.is_squared:
        return Facts(refusal=refusal)
    quadratic = problem.quadratic()
    try:
        least = problem.scale * quadratic.least
    except OverflowError:  # of parameters of the minimum
        return Facts()
    return Facts(least, LOSS_ROUNDING * (least + problem.scale * quadratic.size))
