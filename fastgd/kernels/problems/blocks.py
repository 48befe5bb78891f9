"""What the engines know of a problem: blocks, and a compiled function that sums over one.

    a problem                arrays, checked; its residuals' loss, weights and penalty
      | .data()
    PolynomialData(x, y, ..., loss, weights)
      |                      a NamedTuple of arrays and numbers: its class chooses the kernel, the loss' mark rho
      | .compiled_loss()
    CompiledLoss(function, table, blocks, by_lanes, scale, l2, free)
      |        |         |   the same numbers of every problem, so that engine loops are compiled once
      |        |         +-- address of the words that tell the function where the data lies
      |        +------------ address of a C function, one for each type of data
      | an engine's loop -> evaluate(compiled_loss, count, thetas, ...)
    block_sums(compiled_loss, b, rows, sums_out)            of many samples
      | function(table, b, C, P, rows, sums_out), which unpacks the data
    polynomial_sums(data, b, theta, sums_out)
                             sums_out (P + 1,): sum rho(r) over block b, then sum psi(r) dr/dtheta_k
    lane_sums(compiled_loss, count, thetas, sums_out)       of few samples, statistics and objectives
      | function(table, count, W, P, thetas, sums_out)
    polynomial_lanes(data, count, thetas, sums_out)
                             sums_out (P + 1, W): the same of all samples, for each lane below `count`

A block is a fixed run of samples, whatever the thread count: sums taken block by block and combined in block order
round alike everywhere. Its function is compiled once for each type of data and called by its address: inlined, or even
compiled along with each caller, it would lose what the caller does not use, vectorise otherwise and round otherwise.
A call costs 2 ns.

`block_function` registers how a block of a class of data is summed, theta by theta or, where one reading of a row can
serve several, at all of them: theta (C, P), sums_out (C, P + 1); whatever the company, a theta must get the same bits.
Such a kernel slices its block itself: loops over slices vectorise, loops over index ranges of the whole array did not.

`lane_function` registers how all of it is summed where that is so little that vectors over the samples would be mostly
empty, or there are none: for thetas side by side, each lane's arithmetic in the order written, so that a lane gets the
same bits whatever their count. All are unchecked.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numba
from numba import carray
from numba.core import types

from fastgd.kernels.compiling.calls import call_by_address
from fastgd.kernels.compiling.jit import REASSOCIATE, c_function, kernel, kernel_part, merged_block_kernel
from fastgd.kernels.compiling.words import unpacker, words_of
from fastgd.kernels.problems.losses import own_block_functions

THETAS_AT_ONCE = 64
FEW_SAMPLES = 128  # up to here they are summed lane by lane
_POINTER = types.CPointer(types.float64)
_SIGNATURE = types.void(*[types.intp] * 4, _POINTER, _POINTER)  # table, b, C, P, thetas, sums_out


class _Registered(NamedTuple):
    """How blocks of a class of data are summed."""

    choose: Any  # Numba's type of the data -> the kernel
    step: int  # thetas that the kernel takes
    part: Any  # (array, c) -> what it takes of thetas, or of sums
    fastmath: Any


_REGISTERED: dict[type, _Registered] = {}
_LANE_KERNELS: dict[type, Any] = {}  # Numba's type of the data -> the kernel
_WHEN: dict[type, Any] = {}  # Numba's type of the data -> whether it has one


class _Numbers(NamedTuple):
    function: int  # address of what sums over a block
    table: int  # address of the words that describe the data to it
    blocks: int
    by_lanes: bool  # whether the function takes thetas side by side, and all data at once
    scale: float  # from sums to the loss: 1 over the sum of weights for a mean, 1 for a sum
    l2: float  # factor of the squares of all parameters but one, which are added to the loss
    free: int  # that one; negative if there is none


class CompiledLoss(_Numbers):
    """A problem as the engines see it."""

    owners: tuple[Any, ...]  # of what lies at its addresses


def block_function(data_class):
    """Register the decorated function: it gets the data's Numba type, returns the kernel (data, b, theta, sums_out).

    What the kernel sums may be reassociated; comparisons and infinities hold.
    """

    def register(choose):
        _REGISTERED[data_class] = _Registered(choose, 1, lambda array, c: array[c], REASSOCIATE)
        return choose

    return register


def batch_block_function(data_class):
    """Register the decorated function: its kernel takes thetas and sums_out of up to THETAS_AT_ONCE, and adds in order.

    Should it run out of memory, an error that no C function can raise, what it has not computed must be NaN.
    """

    def register(choose):
        some = lambda array, c: array[c : c + THETAS_AT_ONCE]  # noqa: E731
        _REGISTERED[data_class] = _Registered(choose, THETAS_AT_ONCE, some, False)
        return choose

    return register


def lane_function(data_class, when=lambda data_type: True):
    """Register the decorated function of the data's Numba type: it returns the kernel (data, count, thetas, sums_out).

    Data for whose type `when` is false, or of more than FEW_SAMPLES, is summed block by block.
    """

    def register(choose):
        _LANE_KERNELS[data_class] = choose
        _WHEN[data_class] = when
        return choose

    return register


@lru_cache(maxsize=256)
def compiled_sums(data_type, by_lanes):
    """Return the C function that sums over blocks of this type of data, or lane by lane."""
    return _compile_sums(data_type, by_lanes, f"{data_type}, by lanes: {by_lanes}")


def _compile_sums(data_type, by_lanes, variant):
    return (_compile_lane_function if by_lanes else _compile_block_function)(data_type, variant)


def _compile_lane_function(data_type, variant):
    sums_of_lanes = kernel_part(_LANE_KERNELS[data_type.instance_class](data_type))
    unpacked = unpacker(data_type)

    def lanes(table, count, width, parameters, thetas, sums_out):
        theta = carray(thetas, (parameters, width))
        sums_of_lanes(unpacked(table), count, theta, carray(sums_out, (parameters + 1, width)))

    return c_function(lanes, _SIGNATURE, variant)


def _compile_block_function(data_type, variant):
    choose, step, part, fastmath = _REGISTERED[data_type.instance_class]
    sums_of_block = merged_block_kernel(choose(data_type))
    part_of = merged_block_kernel(part)
    unpacked = unpacker(data_type)

    def block(table, b, count, parameters, thetas, sums_out):
        data = unpacked(table)
        theta = carray(thetas, (count, parameters))
        sums = carray(sums_out, (count, parameters + 1))
        for c in range(0, count, step):
            sums_of_block(data, b, part_of(theta, c), part_of(sums, c))

    return c_function(block, _SIGNATURE, variant, fastmath)


def _goes_by_lanes(data, data_type):
    """Tell whether data is summed lane by lane."""
    when = _WHEN.get(type(data))
    return when is not None and len(getattr(data, "y", ())) <= FEW_SAMPLES and when(data_type)


def _sums_of(data_type, by_lanes):
    """Return the C function that sums; that of a user's loss lives as long as the loss."""
    own = own_block_functions(data_type)
    if own is None:
        return compiled_sums(data_type, by_lanes)
    if (data_type, by_lanes) not in own:
        own[data_type, by_lanes] = _compile_sums(data_type, by_lanes, None)
    return own[data_type, by_lanes]


def compiled_loss(data, scale=1.0, l2=0.0, free=-1, is_part=False):
    """Compile the loss of data, a NamedTuple of C-contiguous arrays, numbers and tuples of them.

    Data with a `block_length` has so many samples of its `y` in each block; any other is one block. Of a part of the
    samples that are summed blocks, however few.
    """
    data_type = numba.typeof(data)
    by_lanes = not is_part and _goes_by_lanes(data, data_type)
    return _over(data, _sums_of(data_type, by_lanes), by_lanes, scale, l2, free)


def _over(data, function, by_lanes, scale, l2, free):
    table = words_of(data)
    blocks = 1 if by_lanes or not hasattr(data, "block_length") else -(-len(data.y) // data.block_length)
    compiled = CompiledLoss(function.address, table.ctypes.data, blocks, by_lanes, scale, l2, free)
    compiled.owners = (function, table, data)
    return compiled


def with_data(compiled, data):
    """Return a loss of blocks with other data of the same type: nothing is looked up, let alone compiled."""
    return _over(data, compiled.owners[0], False, compiled.scale, compiled.l2, compiled.free)


@kernel
def block_sums(compiled_loss, b, theta, sums_out):
    """Sum over block b at theta (P,), or thetas (C, P), C-contiguous like sums_out (P + 1,), or (C, P + 1)."""
    thetas = theta.shape[0] if theta.ndim == 2 else 1
    numbers = (compiled_loss.table, b, thetas, theta.shape[-1])
    call_by_address(compiled_loss.function, numbers, theta, sums_out)


@kernel
def lane_sums(compiled_loss, count, thetas, sums_out):
    """Sum over all data at the first `count` of thetas (P, W), C-contiguous like sums_out (P + 1, W)."""
    numbers = (compiled_loss.table, count, thetas.shape[1], thetas.shape[0])
    call_by_address(compiled_loss.function, numbers, thetas, sums_out)


@kernel
def block_range(b, length, count):
    """Return the first of `count` samples that lies in block b, and the first after it."""
    first = b * length
    return first, min(first + length, count)
