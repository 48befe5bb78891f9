"""What a descent is told to do and why it stopped, as the user names it. The formulas stand in `kernels.rules`."""

from enum import IntEnum

from fastgd.kernels import codes

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
        return _MESSAGES[self]


_MESSAGES = {
    Status.REACHED_LOSS: "The loss fell below loss_threshold; lower it to go further.",
    Status.SMALL_GRADIENT: "The gradient's norm fell below gradient_tolerance; lower it to go further.",
    Status.SMALL_UPDATE: "The next update was smaller than tolerance and was not taken; lower tolerance to go further.",
    Status.MAX_STEPS: "Took all its steps while the loss fell; raise max_steps or set a stopping test "
    "if it should go further.",
    Status.DIVERGED: "The loss or its gradient overflowed or passed divergence_threshold; lower the learning rate.",
    Status.LOSS_GREW: "Took all its steps and ended with a larger loss than it began with; lower the learning rate.",
    Status.CANCELLED: "Was interrupted before it stopped; run the sweep again, or this configuration by descend().",
}
