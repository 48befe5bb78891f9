"""A user's own loss and gradient, called by an address.

The user's functions are compiled (or wrapped, if they stay Python) once a process as `void f(double *theta, double
*out)`, out = (loss, gradient...). Engine loops get the address as a number, so they stay in the disk cache, which a
jitted function as an argument would prevent. A call costs 2 to 4 ns.
"""

from typing import NamedTuple

from fastgd.kernels.compiling.calls import call_by_address
from fastgd.kernels.problems.blocks import block_function


class ObjectiveData(NamedTuple):
    """An objective as its kernel sees it: one block, whose sums are the loss and the gradient."""

    address: int


@block_function(ObjectiveData)
def objective_sums(data_type):
    """Return the call of the user's functions."""
    return lambda data, b, theta, sums_out: call_by_address(data.address, (), theta, sums_out)
