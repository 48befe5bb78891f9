"""Schedules: the factor s(t) on the learning rate at step t.

    constant       1
    inverse_time   1 / (1 + decay t)            exponential   exp(-decay t)
    inverse_sqrt   1 / sqrt(1 + decay t)        cosine        (1 + cos(pi t / max(max_steps, 1))) / 2

Robbins and Monro (1951) for inverse time, Loshchilov and Hutter (2017) for the cosine.

To add one: an entry in `SCHEDULES`, with its formula above, which falls or stays with t. Kernels compile it as it
stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from fastgd.descent.hyperparameters import MOVERS, Configuration


def constant(own: Configuration, t: int) -> float:
    """Return 1."""
    return 1.0


def inverse_time(own: Configuration, t: int) -> float:
    """Return 1 / (1 + decay t)."""
    return 1.0 / (1.0 + own.decay * t)


def exponential(own: Configuration, t: int) -> float:
    """Return exp(-decay t)."""
    return math.exp(-own.decay * t)


def inverse_sqrt(own: Configuration, t: int) -> float:
    """Return 1 / sqrt(1 + decay t)."""
    return 1.0 / math.sqrt(1.0 + own.decay * t)


def cosine(own: Configuration, t: int) -> float:
    """Return the half cosine from 1 at the start to 0 at the last step."""
    return 0.5 * (1.0 + math.cos(math.pi * t / max(own.max_steps, 1)))


class Schedule(NamedTuple):
    """How the learning rate changes with the step."""

    says: str  # to users, in a few words
    factor: Callable[[Configuration, int], float]  # s(t)
    uses: tuple[str, ...] = ()  # hyperparameters that not every schedule has
    by: tuple[str, ...] = ()  # what else the factor depends on, that elsewhere only stops a descent
    code: int = -1  # by which kernels know it: its place in the table


SCHEDULES = {
    "constant": Schedule("1", constant),
    "inverse_time": Schedule("1 / (1 + decay t)", inverse_time, uses=("decay",)),
    "exponential": Schedule("exp(-decay t)", exponential, uses=("decay",)),
    "inverse_sqrt": Schedule("1 / sqrt(1 + decay t)", inverse_sqrt, uses=("decay",)),
    "cosine": Schedule("(1 + cos(pi t / max_steps)) / 2", cosine, by=("max_steps",)),
}
SCHEDULES.update({word: schedule._replace(code=place) for place, (word, schedule) in enumerate(SCHEDULES.items())})


def movers(schedule: str) -> tuple[str, ...]:
    """Return the hyperparameters on which a descent's way depends: others only say where it stops."""
    return (*MOVERS, *SCHEDULES[schedule].by)


def schedules_with(hyperparameter: str) -> tuple[str, ...]:
    """Return the schedules that use a hyperparameter which not every schedule has."""
    return tuple(name for name, schedule in SCHEDULES.items() if hyperparameter in schedule.uses)
