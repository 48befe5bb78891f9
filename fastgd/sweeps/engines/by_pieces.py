"""Descents over samples that are read piece by piece: each is read once a step, for all descents of a tile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastgd.kernels.descent.loops import advance, leave_all, take_up_more
from fastgd.kernels.descent.records import Method
from fastgd.problems.evaluation import add_pieces
from fastgd.problems.fit import Fit
from fastgd.sweeps.engines.plan import Slice
from fastgd.sweeps.engines.state import Table


def by_pieces(
    problem: Fit, table: Table, last: int, method: Method, partials: NDArray[np.float64], threads: int
) -> Slice:
    """Return what runs descents of a tile of `last` configurations, side by side as many as `partials` has room for.

    It is what `loops.descend` does, a step at a time: a Ctrl-C is heard after a piece, and leaves each descent where
    its last step led.
    """
    width = partials.shape[-2]
    rows = table.rows
    sums = np.zeros((partials.shape[-1], width))
    add_pieces([problem.compiled_loss()], rows[:0], partials, sums, threads)  # of no samples: all is compiled then
    take_up_more(table.address, 0, 0, 0, width)
    advance(table.address, 0, 0, 0, method, sums)

    def run_slice(budget: int) -> int:
        count = 0
        upcoming = 0
        try:
            while budget > 0:
                count, upcoming = take_up_more(table.address, count, upcoming, last, width)
                if count == 0:
                    break
                sums[:] = 0.0
                add_pieces(problem.losses(), rows[:count], partials, sums, threads)
                budget -= count
                count = advance(table.address, count, 0, last, method, sums)
        finally:
            leave_all(table.address, count)
        return budget

    return run_slice
