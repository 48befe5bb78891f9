"""The rules and schedules of `descent`, compiled: each table as a switch on the code.

A code that is not in the table, or a rule without room for what it keeps, gives NaN and not another rule's step: the
descent ends as DIVERGED.
"""

import math

import numpy as np

from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.kernels.compiling.jit import kernel_part
from fastgd.kernels.compiling.switch import switch
from fastgd.kernels.descent.records import Method
from fastgd.kernels.elementary.formulas import with_elementary

UNKNOWN = -1

_MEMORIES = np.array([rule.memories for rule in RULES.values()])  # by code, how many vectors a rule keeps

direction = switch(
    {rule.code: rule.direction for rule in RULES.values()},
    lambda own, corrections, g, memory, k: math.nan,
)
schedule_factor = switch(
    {schedule.code: with_elementary(schedule.factor) for schedule in SCHEDULES.values()}, lambda own, t: math.nan
)


@kernel_part
def known(method, memories):
    """Return the method; without a rule if there are fewer vectors of memory than that keeps."""
    rule = method.rule
    has_room = 0 <= rule < _MEMORIES.size and memories >= _MEMORIES[rule]
    return Method(rule if has_room else UNKNOWN, method.schedule, method.record_every, method.loss_scale)
