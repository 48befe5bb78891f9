"""Descents of a tile by the modes of a squared loss: in closed form at a constant rate, step by step under a schedule.

Shapes: T configurations of a tile, P parameters. A configuration's start is its row of `state.theta`, which its result
overwrites. A tile can be left at any step and taken up again: configurations run one after another, so only one is ever
under way, and what it needs is kept in `Place`. Unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import configuration_of, record
from fastgd.kernels.jit import borrowed, keep_alive, kernel
from fastgd.kernels.modes import course_in, jump, set_displacement, set_rate, set_start, set_sums, set_theta
from fastgd.kernels.rules import distance, schedule_factor
from fastgd.kernels.stops import LEVELS, first_stop, look, search_in, status_at


class Place(NamedTuple):
    """Where a tile was left within a configuration."""

    step: np.ndarray  # (1,) int64, the step to go on from; negative where no configuration is under way
    start: np.ndarray  # (P,)
    residual: np.ndarray  # (P,)
    displacement: np.ndarray  # (P,)


@kernel
def iterate(modes, configuration, method, course, state, c, first, initial_loss, sums, budget):
    """Take steps under a schedule until a test stops them or `budget` is spent.

    Returns the step reached, its gradient norm, its status and what is left of the budget.
    """
    t = first
    residual, displacement = course.residual, course.displacement
    while True:
        set_sums(modes, residual, sums)
        gradient_norm = distance(sums, method.origin)
        if method.record_every > 0 and t % method.record_every == 0:
            set_theta(modes, course, theta0
