"""Powers |1 - x|^t with what they differ from 1 by, by doubling numbers of steps and adding one: no logarithms.

A number of steps a is known by its change E_a = |1 - x|^a - 1 and its power 1 + E_a:

    E_{2a} = 2 E_a + E_a^2        E_{2a+1} = E_{2a} + E_1 (1 + E_{2a})

While |E_a| < 1/4 the change has all its digits, however near 1 the power is, and the power follows from it. From then
on it is the power that has them: it is multiplied on its own, and the change, which goes on to -1 or grows and does not
come back, only tells so. Bit by bit from the top of t that takes a rounding or two a bit; what is squared k times is
off by 2^k roundings, some log(power) of them, as with a logarithm.
"""

from fastgd.kernels.jit import kernel

SMALL = 0.25


@kernel
def change_of_one_step(x):
    """Return |1 - x| - 1, without rounding if x <= 4."""
    return -x if x < 1.0 else x - 2.0


@kernel
def doubled(change, power):
    """Return change and power of twice the steps."""
    twice = (change + change) + change * change
    kept, square = 1.0 + twice, power * power
    return twice, kept if abs(change) < SMALL else square


@kernel
def doubled_and_one(change, power, one_change, one_power):
    """Return change and power of twice the steps and one."""
    twice = (change + change) + change * change
    more = twice + one_change * (1.0 + twice)
    kept, product = 1.0 + more, (power * power) * one_power
    return more, kept if abs(change) < SMALL else product


@kernel
def digits_of(change, power):
    """Return a change that has all its digits."""
    return change if abs(change) < SMALL else power - 1.0
