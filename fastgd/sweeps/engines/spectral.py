"""The spectral engine: descents in closed form along the modes of a squared loss, however many samples and steps.

At a constant rate a configuration costs some P exponentials, and a few more for every stopping test;
under a schedule, and with momentum and tests, it costs P multiply-adds a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.kernels.descent.records import Columns, State
from fastgd.kernels.modes.descents import Jumping, ModalData, Momentum, Seeking, Walking, descend_by_modes
from fastgd.kernels.modes.first_stop import ALL_ROWS
from fastgd.kernels.modes.modes import ROWS, SINGULAR, STEEPNESS, TARGET, Level
from fastgd.least_squares import doubled
from fastgd.problems.linear_model import LinearModel
from fastgd.problems.problem import Problem
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.engines.exact import ExactPlan, cut_of, decomposition_cost, lacks_statistics, statistics_cost
from fastgd.sweeps.engines.plan import VISIT_SECONDS, Cutting, Serves, Slice, Statistics, is_set, stepping_cost

JUMP_SECONDS = 5e-8  # a mode's part in going to a step at a constant rate, stopping tests included
MOMENTUM_SECONDS = 1e-6  # the same with momentum, without tests
MODES_AHEAD = 256  # brought to the last step at once, in vector registers; their numbers are 24 kB
STEP_VISITS = 350  # what a step under a schedule costs, in visits of a sample
MODE_VISITS = 15  # a mode's part in it

# which end a descent before its last step, if they are on
TESTS = ("tolerance", "loss_threshold", "gradient_tolerance")
SERVES = Serves(
    rules=("gradient", "momentum", "nesterov"),
    schedules=("constant", "inverse_time", "exponential", "inverse_sqrt", "cosine"),
    hyperparameters=("learning_rate", "momentum", "decay", "max_steps", "divergence_threshold", *TESTS),
    rules_are=", which act on each mode alone",
)

Way: TypeAlias = Jumping | Seeking | Walking | Momentum


def lacks(problem: Problem, asked: Asked) -> str | None:
    """Return None, or what it needs and the problem or the sweep does not have; what it does not know is refused."""
    refusal = SERVES.refusal(asked)
    if refusal is None and asked.settings.bounds is not None:
        refusal = "a sweep without bounds, since clipping a parameter mixes the modes"
    return refusal or lacks_statistics(problem)


def cost(problem: Problem, asked: Asked) -> float:
    """Return estimated seconds on one thread, every configuration going to its last step."""
    decomposition = decomposition_cost(problem) if isinstance(problem, LinearModel) else 0.0
    return statistics_cost(problem) + decomposition + _run_cost(problem, asked)


def _run_cost(problem: Problem, asked: Asked) -> float:
    P = problem.dimension
    plain = asked.settings.rule == "gradient"
    if asked.settings.schedule != "constant" or (not plain and _is_tested(asked)):
        return stepping_cost(asked, STEP_VISITS + P * MODE_VISITS)
    return asked.grid.size * (P * (JUMP_SECONDS if plain else MOMENTUM_SECONDS) + P**2 * VISIT_SECONDS)


@dataclass
class SpectralPlan(ExactPlan):
    """The modes, what chooses the kernel, and how residuals become a loss."""

    way: Way
    modes: Array  # (ALL_ROWS, P), those of the problem
    vectors: Array  # (P, P)
    level: Level

    def descents(self, columns: Columns, ends: NDArray[np.int64], state: State, residuals: Array) -> Slice:
        """Return what runs a slice of a tile, with modes of its own."""
        P = len(self.vectors)
        ahead = max(1, min(MODES_AHEAD // P, len(state.status))) if isinstance(self.way, Jumping) else 1
        data = ModalData(
            way=self.way,
            level=self.level,
            modes=self.modes.copy(),
            ahead=self.modes[:ROWS].repeat(ahead, axis=1),
            ahead_sums=np.zeros((P + 1) * ahead),
            ahead_squares=np.zeros(ahead),
            ahead_theta=np.zeros(P * ahead),
            vectors=self.vectors,
            residuals=np.ascontiguousarray(residuals),
            sums=np.zeros(P + 1),
            first_sums=np.zeros(P + 1),
            origin=np.zeros(P),
            under_way=np.zeros(1, np.bool_),
        )
        return lambda budget: int(descend_by_modes(data, columns, self.method, state, budget))


def _statistics(fit: LinearModel, starts: Array) -> Statistics:
    quadratic = fit.quadratic()
    left, values, right = quadratic.decomposition()
    modes = np.full((ALL_ROWS, len(values)), np.nan)
    modes[SINGULAR] = values
    modes[STEEPNESS] = 2.0 * fit.scale * values
    modes[TARGET] = doubled.ordered_product(quadratic.q[None], left)
    return {
        "residuals": doubled.ordered_product(quadratic.residuals(starts), left),
        "modes": modes,
        "vectors": np.ascontiguousarray(right),
        "least": np.array(quadratic.least),
        "size": np.array(quadratic.size),
    }


def prepare(
    problem: Problem, asked: Asked, threads: int, cutting: Cutting, kept: Statistics | None = None
) -> SpectralPlan:
    """Take the statistics and decompose them, if they were not kept, and compile the kernel that runs on the modes."""
    fit = cast(LinearModel, problem)
    statistics = _statistics(fit, asked.grid.starts) if kept is None else kept
    return SpectralPlan(
        cut=cut_of(fit, asked, threads, cutting, _run_cost(fit, asked)),
        method=asked.settings.method(loss_scale=fit.scale * statistics["size"].item()),
        residuals=statistics["residuals"],
        dtype=str(fit.dtype),
        statistics=statistics,
        evaluations=[],
        way=_way(asked),
        modes=statistics["modes"],
        vectors=statistics["vectors"],
        level=Level(statistics["least"].item(), fit.scale),
    ).compiled(asked.grid)


def _way(asked: Asked) -> Way:
    """Return what chooses the kernel: less is compiled where less is needed."""
    if asked.settings.rule != "gradient":
        return Momentum()
    if asked.settings.schedule != "constant":
        return Walking()
    return Seeking() if _is_tested(asked) else Jumping()


def _is_tested(asked: Asked) -> bool:
    return any(is_set(asked.grid, name) for name in TESTS)
