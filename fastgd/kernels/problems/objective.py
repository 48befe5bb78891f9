"""A user's own loss and gradient, called by an address.

The user's functions are compiled (or wrapped, if they stay Python) once a process as a C function of a block of thetas,
see `users`. Engine loops get the address as a number, so they stay in the disk cache, which a jitted function as an
argument would prevent. A call costs 2 to 4 ns.
"""

from typing import NamedTuple

from fastgd.kernels.compiling.calls import call_by_address
from fastgd.kernels.problems.blocks import lane_function


class ObjectiveData(NamedTuple):
    """An objective as its kernel sees it."""

    address: int


@lane_function(ObjectiveData)
def objective_lanes(data_type):
    """Return the call of the user's functions."""

    def implementation(data, count, thetas, sums_out):
        call_by_address(data.address, (count, thetas.shape[1]), thetas, sums_out)

    return implementation
