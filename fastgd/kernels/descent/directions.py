"""The rules and schedules of `descent`, compiled: each table as a switch on the code.

A code that is not in the table, or a rule without room for what it keeps, gives NaN and not another rule's step: the
descent ends as DIVERGED.
"""

import math

import numpy as np

from fastgd.descent.rules import RULES, uncorrected
from fastgd.descent.schedules import SCHEDULES
from fastgd.kernels.compiling.jit import kernel
from fastgd.kernels.compiling.switch import switch
from fastgd.kernels.descent.records import Method

UNKNOWN = -1

_MEMORIES = np.array([rule.memories for rule in RULES.values()])  # by code, how many vectors a rule keeps

direction = switch(
    {rule.code: rule.direction for rule in RULES.values()},
    lambda own, corrections, g, memory, k: math.nan,
)
corrections = switch(
    {rule.code: rule.corrections for rule in RULES.values() if rule.corrections is not uncorrected},
    uncorrected,
)
schedule_factor = switch({schedule.code: schedule.factor for schedule in SCHEDULES.values()}, lambda own, t: math.nan)


@kernel
def known(method, memory):
    """Return the method; without a rule if memory (T, M, P) has no room for what that keeps."""
    rule = method.rule
    has_room = 0 <= rule < _MEMORIES.size and memory.shape[1] >= _MEMORIES[rule]
    return Method(rule if has_room else UNKNOWN, method.schedule, method.record_every, method.loss_scale)
