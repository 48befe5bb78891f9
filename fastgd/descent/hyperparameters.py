"""The hyperparameters: the numbers that a configuration consists of, and how each is checked and told.

To add one: an entry in `Hyperparameters`, and its keyword in the signatures of `sweep` and `descend`, in its order.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Annotated, Generic, NamedTuple, TypeAlias, TypeVar, get_type_hints

LARGEST_STEP_COUNT = 2**53  # beyond it a float no longer counts steps one by one

Value = TypeVar("Value")


def lower(threshold: float, other: float) -> float:
    """Return the lower of two: what is passed from below is easier to pass there."""
    return min(threshold, other)


def higher(threshold: float, other: float) -> float:
    """Return the higher of two: what is passed from above is easier to pass there."""
    return max(threshold, other)


class Hyperparameter(NamedTuple):
    """What a number in a configuration may be, and what is said of it."""

    says: str  # to users, in one line
    off: float = math.nan  # what stands for None: a test never passes it
    optional: bool = True  # whether None may be given, and means that it is off
    minimum: float = 0.0
    maximum: float = math.inf
    whole: bool = False
    default: float | None = None  # in signatures
    usual: float | None = None  # where a rule or a schedule uses it and none is given
    easiest: Callable[[float, float], float] | None = None  # of what only stops a descent: of two, what it passes first


class Hyperparameters(NamedTuple, Generic[Value]):
    """A value for each: arrays (T,) of a tile, the numbers of one configuration, or what was given for a sweep.

    In the order of signatures, which is that of axes: first what moves a descent, then what only stops it, so that
    neighbours in a grid are one descent that is stopped at several places.
    """

    learning_rate: Annotated[Value, Hyperparameter("the rate, >= 0", optional=False, maximum=sys.float_info.max)]
    momentum: Annotated[
        Value,
        Hyperparameter("what is kept of the last direction", off=0.0, maximum=math.nextafter(1.0, 0.0), usual=0.9),
    ]
    decay: Annotated[
        Value, Hyperparameter("how fast the schedule falls", off=0.0, maximum=sys.float_info.max, usual=0.01)
    ]
    max_steps: Annotated[
        Value,
        Hyperparameter(
            "updates to take at most",
            optional=False,
            maximum=LARGEST_STEP_COUNT,
            whole=True,
            default=1000,
            easiest=lower,
        ),
    ]
    tolerance: Annotated[
        Value,
        Hyperparameter("stop when the next update is shorter than this, without taking it", off=0.0, easiest=higher),
    ]
    loss_threshold: Annotated[
        Value, Hyperparameter("stop when the loss is below this", off=-math.inf, minimum=-math.inf, easiest=higher)
    ]
    gradient_tolerance: Annotated[
        Value, Hyperparameter("stop when the gradient's norm is below this", off=0.0, easiest=higher)
    ]
    divergence_threshold: Annotated[
        Value,
        Hyperparameter(
            "stop as diverged when the loss is above this",
            off=math.inf,
            minimum=-math.inf,
            default=1e200,
            easiest=lower,
        ),
    ]


Configuration: TypeAlias = Hyperparameters[float]

HYPERPARAMETERS: dict[str, Hyperparameter] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Hyperparameters, include_extras=True).items()
}

MOVERS: tuple[str, ...] = tuple(name for name, entry in HYPERPARAMETERS.items() if entry.easiest is None)
OFF: Configuration = Hyperparameters(*(entry.off for entry in HYPERPARAMETERS.values()))
