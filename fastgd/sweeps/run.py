"""Running a sweep that was checked, and gathering its result, also where it was interrupted."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from fastgd.results.sweep_result import SweepInterrupted, SweepResult
from fastgd.results.timing import Timing
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.choose import Prepared, affordable_spectrum, prepare
from fastgd.sweeps.engines.plan import Cutting
from fastgd.sweeps.engines.state import finished, new_state, total
from fastgd.sweeps.portraits import portrait_of
from fastgd.sweeps.progress import Progress, ProgressBar, ProgressFailed
from fastgd.sweeps.stopwatch import Stopwatch
from fastgd.sweeps.tiles import Tiles

CUTTING = Cutting()


def run(problem: Problem, asked: Asked, report: Progress | None, watch: Stopwatch) -> SweepResult:
    """Choose and prepare an engine, run its tiles, gather the result."""
    with limited_to(asked.threads), watch.compilation():
        with watch.phase("prepare"):
            prepared = prepare(problem, asked, resolve_threads(asked.threads), CUTTING)
            settings = asked.settings
            state = new_state(asked.grid.size, problem.dimension, asked.recorded_steps, settings.memories)
            tiles = Tiles(prepared.plan, asked.grid, state)
        ran = _Ran(problem, asked, prepared, state, watch)
        try:
            with watch.phase("run"):
                tiles.run(report)
            return ran.result(interrupted=False)
        except (KeyboardInterrupt, ProgressFailed) as interruption:  # a second one leaves without a result
            if isinstance(report, ProgressBar):
                report.close()
            tiles.mark_the_rest()
            raised = interruption.__cause__  # by progress
            words = "" if raised is None else " ".join("".join(traceback.format_exception_only(raised)).split())
            raise SweepInterrupted(ran.result(interrupted=True), words) from (raised or interruption)


@dataclass
class _Ran:
    """A sweep whose tiles were run, at least some."""

    problem: Problem
    asked: Asked
    prepared: Prepared
    state: State
    watch: Stopwatch

    def result(self, *, interrupted: bool) -> SweepResult:
        """Give flat results the shape of the grid, with what is known of them beside."""
        state = self.state
        shape = self.asked.grid.shape
        steps = total(state.steps)
        counts = self.prepared.plan.counts(state)
        with self.watch.phase("prepare"):
            spectrum, facts = self._known(interrupted)
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
            engine=self.prepared.engine,
            problem=repr(self.problem),
            parameters=self.problem.parameters,
            timing=Timing(
                **measured,
                configurations=finished(state.status),
                trajectories=self.asked.grid.trajectories()[0],
                steps=steps,
                engine=self.prepared.engine,
                choice=self.prepared.choice,
            ),
            spectrum=spectrum,
            grid=self.asked.grid,
            settings=self.asked.settings,
            facts=facts,
            portrait=portrait_of(self.problem, self.asked.grid, with_modes=self._has_statistics(spectrum)),
        )

    def _known(self, interrupted: bool) -> tuple[Spectrum | None, Facts]:
        """Return the spectrum, if it is affordable, and what else is known of the problem; little after Ctrl-C."""
        status = self.state.status
        try:
            spectrum, refusal = affordable_spectrum(
                self.problem,
                self.asked,
                self.prepared.engine,
                wanted=_wants_reasons(self.asked.grid, status),
                interrupted=interrupted,
            )
            if not interrupted and self.asked.settings.bounds is None and (status < 0).all():
                spectrum = advising(self.problem, spectrum)
            return spectrum, _facts_of(self.problem, spectrum, refusal)
        except KeyboardInterrupt:
            if not interrupted:
                raise
            return None, Facts()

    def _has_statistics(self, spectrum: Spectrum | None) -> bool:
        """Tell whether the statistics of a squared loss were taken, for the engine or for its spectrum."""
        exact = self.prepared.engine != "samples"
        return exact or (spectrum is not None and isinstance(self.problem, LinearModel) and self.problem.is_squared)

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


def _wants_reasons(grid: Grid, status: NDArray[np.int8]) -> bool:
    """Tell whether some configuration failed, or took all its steps without reaching its `loss_threshold`."""
    missed = "loss_threshold" in grid.given and bool((status == Status.MAX_STEPS).any())
    return missed or bool(((status == Status.DIVERGED) | (status == Status.LOSS_GREW)).any())


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
