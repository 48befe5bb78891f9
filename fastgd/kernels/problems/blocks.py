"""What the engines know of a problem's samples: blocks, and a compiled function that sums over one.

    block_sums(samples, b, theta, sums_out)   sums_out (P + 1,): sum rho(r) over block b, then sum psi(r) dr/dtheta_k;
                                              of C thetas at once: theta (C, P), sums_out (C, P + 1)

A block is a fixed run of samples, whatever the thread count: sums taken block by block and combined in block order
round alike everywhere. Its function is compiled once for each kind of data and called by its address: inlined, or even
compiled along with each caller, it would lose what the caller does not use, vectorise otherwise and round otherwise.
And engine loops know nothing of the data, so they are compiled once for all problems. A call costs 2 ns.

A kind of data is a NamedTuple; `block_function` registers how its block is summed, theta by theta or, where one reading
of a row can serve several, at all of them; a theta must get the same bits in any company. Such a kernel slices its
block itself: loops over slices vectorise, loops over index ranges of the whole array did not. All are unchecked.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numba
from llvmlite import ir
from numba import carray
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import REASSOCIATE, c_function, kernel, merged_block_kernel
from fastgd.kernels.compiling.tuples import unpacker, words_of
from fastgd.kernels.problems.losses import users_class

THETAS_AT_ONCE = 64
_POINTER = types.CPointer(types.float64)
_SIGNATURE = types.void(*[types.intp] * 4, _POINTER, _POINTER)  # table, b, C, P, thetas, sums_out
_CHOICES = {}


class Samples(NamedTuple):
    """A problem's samples as the engines see them."""

    function: int  # address of what sums over a block
    table: int  # address of the words that describe the data to it
    blocks: int
    scale: float  # from sums to the loss: 1 over the sum of weights for a mean, 1 for a sum
    l2: float  # factor of the squares of all parameters but one, which are added to the loss
    free: int  # that one; negative if there is none


class Laid(NamedTuple):
    """Samples, and what must live as long as they are used."""

    samples: Samples
    owners: tuple[Any, ...]


def block_function(data_class):
    """Register the decorated function: it gets the data's Numba type, returns the kernel (data, b, theta, sums_out).

    What the kernel sums may be reassociated; comparisons and infinities hold.
    """

    def register(choose):
        _CHOICES[data_class] = choose, _one_by_one, REASSOCIATE
        return choose

    return register


def batch_block_function(data_class):
    """Register the decorated function: its kernel takes thetas and sums_out of up to THETAS_AT_ONCE, and adds in order.

    Should it run out of memory, an error that no C function can raise, what it has not computed must be NaN.
    """

    def register(choose):
        _CHOICES[data_class] = choose, _many_at_once, False
        return choose

    return register


def _one_by_one(implementation, unpacked):
    sums_of_block = merged_block_kernel(implementation)

    def block(table, b, count, parameters, thetas, sums_out):
        data = unpacked(table)
        theta, sums = carray(thetas, (count, parameters)), carray(sums_out, (count, parameters + 1))
        for c in range(count):
            sums_of_block(data, b, theta[c], sums[c])

    return block


def _many_at_once(implementation, unpacked):
    sums_of_block = merged_block_kernel(implementation)

    def block(table, b, count, parameters, thetas, sums_out):
        data = unpacked(table)
        theta, sums = carray(thetas, (count, parameters)), carray(sums_out, (count, parameters + 1))
        for c in range(0, count, THETAS_AT_ONCE):
            sums_of_block(data, b, theta[c : c + THETAS_AT_ONCE], sums[c : c + THETAS_AT_ONCE])

    return block


@lru_cache(maxsize=256)
def compiled_block_function(data_type):
    """Return the C function that sums over blocks of this type of data."""
    return _compile_block_function(data_type, str(data_type))


def _compile_block_function(data_type, variant):
    choose, form, fastmath = _CHOICES[data_type.instance_class]
    return c_function(form(choose(data_type), unpacker(data_type)), _SIGNATURE, variant, fastmath)


def _block_function_of(data_type):
    """Return the same; that of a user's loss lives as long as the loss."""
    users = users_class(data_type)
    if users is None:
        return compiled_block_function(data_type)
    if data_type not in users.block_functions:
        users.block_functions[data_type] = _compile_block_function(data_type, None)
    return users.block_functions[data_type]


def laid_out(data, blocks, scale, l2=0.0, free=-1):
    """Return data, a NamedTuple of C-contiguous arrays, numbers and tuples of them, as `Laid`."""
    function, table = _block_function_of(numba.typeof(data)), words_of(data)
    return Laid(Samples(function.address, table.ctypes.data, blocks, scale, l2, free), (function, table, data))


def blocks_needed(samples, length):
    """Return how many blocks of `length` hold this many samples."""
    return -(-samples // length)


@intrinsic
def _call_block_function(typingctx, function, table, b, theta, sums_out):
    def generate(context, builder, signature, arguments):
        address, table, b, *arrays = arguments
        theta, sums_out = (
            context.make_array(array_type)(context, builder, array)
            for array_type, array in zip(signature.args[3:], arrays, strict=True)
        )
        shape = cgutils.unpack_tuple(builder, theta.shape)
        count = shape[0] if len(shape) == 2 else table.type(1)
        values = [table, b, count, shape[-1], theta.data, sums_out.data]
        function_type = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(address, function_type.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, theta, sums_out), generate


@kernel
def block_sums(samples, b, theta, sums_out):
    """Sum over block b at theta (P,), or thetas (C, P), C-contiguous like sums_out (P + 1,), or (C, P + 1)."""
    _call_block_function(samples.function, samples.table, b, theta, sums_out)


@kernel
def block_range(b, length, samples):
    """Return the first sample of block b and the first after it."""
    first = b * length
    return first, min(first + length, samples)
