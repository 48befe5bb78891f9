"""Why a descent stopped: each status with its sentence, and what more is known of some outcomes.

To add one: a line in `Status`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Ending(NamedTuple):
    """What happened to a descent, what to do about it, and the same in a few words for a summary."""

    happened: str
    remedy: str
    short: str = ""

    def sentence(self, *remedies: str, **numbers: str) -> str:
        """Return both as one sentence, with other remedies if they are given, and numbers where the words name them."""
        what_to_do = " and ".join(remedies) or self.remedy.format_map(numbers)
        return f"{self.happened.format_map(numbers)}; {what_to_do}."


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

    ending: Ending

    def __new__(cls, code: int, happened: str = "", remedy: str = "", short: str = "") -> Status:
        """Make a status of its code and the words that stand beside it."""
        status = int.__new__(cls, code)
        status._value_ = code
        status.ending = Ending(happened, remedy, short)
        return status

    REACHED_LOSS = 1, "The loss fell below loss_threshold", "lower it to go further", "loss below loss_threshold"
    SMALL_GRADIENT = (
        2,
        "The gradient's norm fell below gradient_tolerance",
        "lower it to go further",
        "gradient below gradient_tolerance",
    )
    SMALL_UPDATE = (
        3,
        "The next update was smaller than tolerance and was not taken",
        "lower tolerance to go further",
        "update below tolerance",
    )
    MAX_STEPS = (
        0,
        "Took all its steps while the loss fell",
        "raise max_steps or set a stopping test if it should go further",
        "took all steps, ",
    )
    DIVERGED = -1, "The loss or its gradient overflowed or passed divergence_threshold", "lower the learning rate", ""
    LOSS_GREW = (
        -2,
        "Took all its steps and ended with a larger loss than it began with",
        "lower the learning rate",
        "took all steps, loss grew",
    )
    CANCELLED = (  # so is one that has not stopped: an interrupted sweep tells the truth
        -3,
        "Was interrupted before it stopped",
        "run the sweep again, or this configuration by descend()",
        "interrupted",
    )

    @property
    def message(self) -> str:
        """One sentence: what happened and what to do about it."""
        return self.ending.sentence()


# Each status in general, and by name what is known of some outcomes beyond their status.
ENDINGS: dict[Status | str, Ending] = {status: status.ending for status in Status} | {
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
