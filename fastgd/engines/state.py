"""The state of all configurations of a sweep, as engines fill it."""

from __future__ import annotations

import numpy as np

from fastgd.kernels.codes import CANCELLED
from fastgd.kernels.descent import State


def new_state(C: int, P: int, K: int, M: int) -> State:
    """Return the state of C configurations before their first step: K recorded steps, M vectors that a rule keeps."""
    return State(
        theta=np.full((C, P), np.nan),
        loss=np.full(C, np.nan),
        gradient_norm=np.full(C, np.nan),
        steps=np.zeros(C, dtype=np.int64),
        status=np.full(C, CANCELLED, dtype=np.int8),
        initial_loss=np.full(C, np.nan),
        memory=np.zeros((C, M, P)),
        trajectory_theta=np.full((C, K, P), np.nan),
        trajectory_loss=np.full((C, K), np.nan),
    )
