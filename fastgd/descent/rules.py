"""What a descent is told to do and why it stopped, as the user names it. The formulas stand in `kernels.rules`."""

from enum import IntEnum
from typing import NamedTuple

from fastgd.descent import codes

RULES = {
    "gradient": codes.GRADIENT,
    "sign": codes.SIGN,
    "momentum": codes.MOMENTUM,
    "nesterov": codes.NESTEROV,
    "adam": codes.ADAM,
}

RULES_WITH_MOMENTUM = ("momentum", "nesterov", "adam")

MEMORIES = {
    "gradient": 0,
    "sign": 0,
    "momentum": 1,
    "nesterov": 1,
    "adam": 2,
}  # vectors like theta that a rule keeps from step to step

SCHEDULES = {
    "constant": codes.CONSTANT,
    "inverse_time": codes.INVERSE_TIME,
    "exponential": codes.EXPONENTIAL,
    "inverse_sqrt": codes.INVERSE_SQRT,
    "cosine": codes.COSINE,
}


SCHEDULES_WITH_DECAY = ("inverse_time", "exponential", "inverse_sqrt")


def name_of_schedule(code: int) -> str:
    """Return what the user calls a schedule."""
    return next(name for name, known in SCHEDULES.items() if known == code)


class Status(IntEnum):
    """Why a descent stopped: positive, converged by a test; zero, out of steps; negative, failed.

    Examples
    --------
    >>> import fastgd
    >>> fastgd.Status(2).name, fastgd.Status.DIVERGED < 0
    ('SMALL_GRADIENT', True)
    >>> print(fastgd.Status.MAX_STEPS.message)
    Took all its steps while the loss fell; raise max_steps or set a stopping test if it should go further.
    """

    REACHED_LOSS = codes.REACHED_LOSS
    SMALL_GRADIENT = codes.SMALL_GRADIENT
    SMALL_UPDATE = codes.SMALL_UPDATE
    MAX_STEPS = codes.MAX_STEPS
    DIVERGED = codes.DIVERGED
    LOSS_GREW = codes.LOSS_GREW
    CANCELLED = codes.CANCELLED

    @property
    def message(self) -> str:
        """One sentence: what happened and what to do about it."""
        return ENDINGS[self].sentence()


class Ending(NamedTuple):
    """What happened to a descent, and what to do about it."""

    happened: str
    remedy: str

    def sentence(self, *remedies: str, **numbers: str) -> str:
        """Return both as one sentence, with other remedies if they are given, and numbers where the words name them."""
        what_to_do = " and ".join(remedies) or self.remedy.format_map(numbers)
        return f"{self.happened.format_map(numbers)}; {what_to_do}."


# Each status in general, and by name what is known of some outcomes beyond their status.
ENDINGS: dict[Status | str, Ending] = {
    Status.REACHED_LOSS: Ending("The loss fell below loss_threshold", "lower it to go further"),
    Status.SMALL_GRADIENT: Ending("The gradient's norm fell below gradient_tolerance", "lower it to go further"),
    Status.SMALL_UPDATE: Ending(
        "The next update was smaller than tolerance and was not taken", "lower tolerance to go further"
    ),
    Status.MAX_STEPS: Ending(
        "Took all its steps while the loss fell", "raise max_steps or set a stopping test if it should go further"
    ),
    Status.DIVERGED: Ending(
        "The loss or its gradient overflowed or passed divergence_threshold", "lower the learning rate"
    ),
    Status.LOSS_GREW: Ending(
        "Took all its steps and ended with a larger loss than it began with", "lower the learning rate"
    ),
    Status.CANCELLED: Ending(
        "Was interrupted before it stopped", "run the sweep again, or this configuration by descend()"
    ),
    "low start": Ending("The start's loss, {loss}, is already below loss_threshold", "lower that to go further"),
    "flat start": Ending(
        "The gradient's norm at the start, {slope}, is already below gradient_tolerance", "lower that to go further"
    ),
    "high start": Ending(
        "The start's loss, {loss}, is already above divergence_threshold", "raise that above {loss} or begin elsewhere"
    ),
    "no start": Ending(
        "The loss or its gradient is not finite at the start",
        "begin elsewhere or scale what they are computed from",
    ),
    "no steps": Ending("max_steps is 0, so that theta is the start", "raise it"),
    "no rate": Ending("The learning rate is 0, so theta never moved", "raise it"),
    "no slope": Ending("The gradient is 0 here, so that no step moves theta", "begin elsewhere to see it move"),
    "no step": Ending(
        "Already the first update was shorter than tolerance and was not taken", "lower tolerance to move at all"
    ),
    "short steps": Ending(
        "The next update was shorter than tolerance before the gradient was small, and was not taken",
        "lower tolerance to go further",
    ),
    "held": Ending(
        "The next update was smaller than tolerance and was not taken, for bounds hold theta",
        "widen bounds or lower tolerance to go further",
    ),
    "out of reach": Ending(
        "Took all its steps, but loss_threshold is not above the least loss there is, {least}",
        "raise it above that to reach it",
    ),
    "at the least": Ending(
        "Took all its steps and reached the least loss there is, {least}, within rounding",
        "set a stopping test if it should stop when it is there",
    ),
    "no fall": Ending(
        "Took all its steps, but the loss is no lower than at the start",
        "leave it where this is a minimum, raise the learning rate if theta hardly moves, "
        "or lower it if theta jumps to and fro",
    ),
    "settled": Ending(
        "Took all its steps while the loss fell, the last of them by less than its rounding",
        "set a stopping test if it should stop there, or raise the learning rate if it is far from a minimum",
    ),
    "sign": Ending(
        "Took all its steps while the loss fell",
        "raise max_steps if it should go further, or lower the learning rate, the length of a step, "
        "if theta jumps to and fro",
    ),
    "early": Ending(
        "The loss passed divergence_threshold on a way that need not lead upwards",
        "raise divergence_threshold or lower the learning rate",
    ),
}
