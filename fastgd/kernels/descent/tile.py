"""Where the kernels find what belongs to a tile."""

import numpy as np
from numba import typeof

from fastgd.descent.hyperparameters import HYPERPARAMETERS, Hyperparameters
from fastgd.kernels.compiling.jit import inlined_part
from fastgd.kernels.compiling.tuples import numbers_of
from fastgd.kernels.compiling.words import reader
from fastgd.kernels.descent.records import VECTORS, Bounds, State, Tile


def _example():
    """Return a tile whose arrays have the types of every tile's."""
    row = np.empty(0)
    table = np.empty((0, 0))
    cube = np.empty((0, 0, 0))
    steps = np.empty(0, np.int64)
    status = np.empty(0, np.int8)
    columns = Hyperparameters(*[row] * len(HYPERPARAMETERS))
    flags = np.empty(0, np.bool_)
    state = State(table, row, row, steps, status, row, flags, cube, cube, table)
    return Tile(columns, steps, state, row, Bounds(row, row), table, steps, steps, steps, steps, table, table)


tile_at = reader(typeof(_example()))
own_of, set_own = numbers_of(Hyperparameters)


@inlined_part
def candidate_row(parameters):
    """Return the first row of where the next update leads."""
    return VECTORS + parameters


@inlined_part
def sums_row(parameters):
    """Return the row of the loss, before those of the gradient."""
    return VECTORS + 2 * parameters


@inlined_part
def memory_row(parameters):
    """Return the first row of what the rule keeps."""
    return VECTORS + 3 * parameters + 1
