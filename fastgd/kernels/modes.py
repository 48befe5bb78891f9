"""The modes of a squared loss, along each of which gradient descent is a geometric series.

With R = U diag(s) V' and b = U'q the loss is scale (||R theta - q||^2 + floor). In the modal residuals
r = U'(R theta - q) = s V'theta - b everything is a sum over modes:

    loss        scale (floor + sum r_j^2)
    gradient    V (2 scale s_j r_j), of the same norm without V
    a step      r_j <- (1 - x_j) r_j,  x_j = rate lambda_j = 2 scale rate s_j^2
    t steps     r_j = (1 - x_j)^t c_j,  theta_t = theta_0 - V d,  d_j = (1 - (1 - x_j)^t) c_j / s_j

c being the residuals at theta_0; as s -> 0, d -> rate t 2 scale s c. Nothing cancels: |1 - x|^t comes with its change,
|1 - x|^t - 1, see `powers`, and theta_0 - V d keeps the digits of slow modes, whose own minimum b_j / s_j may be huge.
Once every residual has halved, theta_t is put together from its modes, V ((b + r) / s): that keeps the digits of a
theta that shrinks to zero.

States are computed LANES at a time, so that the machine's vectors are full: a lane is a configuration at a step t. All
arithmetic is lane by lane, in the order written, so a lane's bits depend on nothing in the others.

All are unchecked. Rows lie at constant distances from each other because the compiler then sees, without asking at run
time, that they don't overlap.
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd.kernels.jit import kernel, never_inline
from fastgd.kernels.powers import change_of_one_step, digits_of, doubled, doubled_and_one

LANES = 64
VECTOR = 8  # of the machine's numbers at most: work for fewer lanes takes as long


def rows(count, first=0):
    """Return where so many rows begin."""
    return range(first, first + count * LANES, LANES)


# Of the problem.
SINGULAR, TARGET, SLOPE = range(3)  # s, zero beyond the rank; b; 2 scale s

# Of a page.
START, FIRST, DISTANCE = rows(3)  # theta_0 (component j, not mode j); c; c / s
SHRINKAGE, ONE_CHANGE, ONE_POWER = rows(3, 3 * LANES)  # x; |1 - x| - 1; |1 - x|
CHANGE, POWER, HALF = rows(3, 6 * LANES)  # |1 - x|^t - 1; |1 - x|^t; |1 - x|^(t // 2)
RESIDUAL, DISPLACEMENT, COORDINATE, THETA = rows(4, 9 * LANES)  # r; d; of theta; theta_t (component j)
PAGE = 13 * LANES

# Of numbers.
RATE, FASTEST = rows(2)  # FASTEST: the largest x
LOSS, SLOPE_SQUARES, FIRST_LOSS, FIRST_SLOPE_SQUARES = rows(4, 2 * LANES)
MOVES, TOGETHER = rows(2, 6 * LANES)  # 1.0 where some residual is not zero; where theta is put together from its modes
NUMBERS = 8 * LANES

# Of steps.
STEP = 0  # t
STEPS = LANES

NO_CURVATURE = 1e-290  # of x: below it d is t times the first update, to all digits, for all t up to 2^53
LARGEST = np.finfo(np.float64).max


class Level(NamedTuple):
    """What turns a sum of squared modal residuals into a loss: scale (floor + sum)."""

    floor: float
    scale: float


class Modes(NamedTuple):
    """A squared loss by its modes."""

    problem: np.ndarray  # (3, P), a row for each letter
    vectors: np.ndarray  # (P, P), v_j one a row
    level: Level


class Lanes(NamedTuple):
    """Where LANES descents stand."""

    block: np.ndarray  # (P, page), a page for each mode, in which the LANES numbers of a row begin at the row's name
    numbers: np.ndarray  # rows of a number for each lane
    steps: np.ndarray  # the same, int64
    starts: np.ndarray  # (LANES P,) the starts, P numbers a lane
    sums: np.ndarray  # (P + 1,) loss and modal gradient of one lane
    origin: np.ndarray  # (P,) zeros


# ---- where lanes start -----------------------------------------------------------------------------------------------


@kernel
def set_starts(modes, lanes, thetas, first, count):
    """Set everything that depends on the starts, if they have changed.

    They are P numbers a configuration of `thetas` (T P,) for `count` configurations from `first` on; lanes beyond take
    the first of them.
    """
    never_inline()
    problem, block, numbers, starts = modes.problem, lanes.block, lanes.numbers, lanes.starts
    P = problem.shape[1]
    changed = False
    for k in range(count * P):
        changed |= starts[k] != thetas[first * P + k]
    if not changed:
        return
    for i in range(LANES):
        for k in range(P):
            starts[i * P + k] = thetas[(first + (i if i < count else 0)) * P + k]
            block[k, START + i] = starts[i * P + k]
    for i in range(LANES):
        numbers[FIRST_LOSS + i] = 0.0
        numbers[FIRST_SLOPE_SQUARES + i] = 0.0
        numbers[MOVES + i] = 0.0
    for j in range(P):
        page = block[j]
        singular, target, slope = problem[SINGULAR, j], problem[TARGET, j], problem[SLOPE, j]
        for i in range(LANES):
            page[FIRST + i] = 0.0
        add_multiples(page[FIRST : FIRST + LANES], modes.vectors[j], block, START)
        for i in range(LANES):
            residual = singular * page[FIRST + i] - target
            page[FIRST + i] = residual
            page[DISTANCE + i] = residual / singular
            numbers[FIRST_LOSS + i] += residual * residual
            numbers[FIRST_SLOPE_SQUARES + i] += (slope * residual) * (slope * residual)
            numbers[MOVES + i] = numbers[MOVES + i] if residual == 0.0 else 1.0
    for i in range(LANES):
        numbers[FIRST_LOSS + i] = modes.level.scale * (modes.level.floor + numbers[FIRST_LOSS + i])


@kernel
def add_multiples(out, factors, block, row):
    """Add multiples of one row of every page to the first of these lanes, in the order of the pages."""
    width, P = out.size, factors.size
    j = 0
    while j + 4 <= P:
        add_four(out, factors, j, *four_rows(block, row, j, width))
        j += 4
    while j < P:
        add_one(out, factors[j], block[j, row : row + width])
        j += 1


@kernel
def four_rows(block, row, j, width):
    """Return a row of four pages."""
    end = row + width
    return block[j, row:end], block[j + 1, row:end], block[j + 2, row:end], block[j + 3, row:end]


@kernel
def add_four(out, factors, j, one, two, three, four):
    """Add multiples of four rows, one after the other: a row that is added to is the slower part."""
    a, b, c, d = factors[j], factors[j + 1], factors[j + 2], factors[j + 3]
    for i in range(out.size):
        out[i] = (((out[i] + a * one[i]) + b * two[i]) + c * three[i]) + d * four[i]


@kernel
def add_one(out, factor, row):
    """Add a multiple of a row."""
    for i in range(out.size):
        out[i] += factor * row[i]


@kernel
def set_rates(modes, lanes):
    """Set what depends on the rates; return whether a residual grows in any lane.

    A residual of zero stays zero at any rate. Its mode is given x = 1, since zero times an infinite power is no number.
    """
    never_inline()
    problem, numbers = modes.problem, lanes.numbers
    for i in range(LANES):
        numbers[FASTEST + i] = 0.0
    for j in range(problem.shape[1]):
        page = lanes.block[j]
        singular, slope = problem[SINGULAR, j], problem[SLOPE, j]
        curved = singular > 0.0
        for i in range(LANES):
            x = (numbers[RATE + i] * singular) * slope
            x = 1.0 if curved & (page[FIRST + i] == 0.0) else x
            change = change_of_one_step(x)
            page[SHRINKAGE + i] = x
            page[ONE_CHANGE + i] = change
            page[ONE_POWER + i] = 1.0 + change
            fastest = numbers[FASTEST + i]
            numbers[FASTEST + i] = x if x > fastest else fastest
    fastest = 0.0
    for i in range(LANES):
        fastest = max(fastest, numbers[FASTEST + i])
    return fastest > 2.0


# ---- where they are after t steps ------------------------------------------------------------------------------------


@kernel
def jump(modes, lanes, grows):
    """Go to step t, each lane to its own, and set loss and squared gradient norm there."""
    never_inline()
    problem, numbers, steps = modes.problem, lanes.numbers, lanes.steps
    lowest = highest = steps[STEP]
    for i in range(LANES):
        lowest, highest = min(lowest, steps[STEP + i]), max(highest, steps[STEP + i])
    levels = 0
    while highest >> levels > 0:
        levels += 1
    for i in range(LANES):
        numbers[LOSS + i] = 0.0
        numbers[SLOPE_SQUARES + i] = 0.0
    for j in range(problem.shape[1]):
        page = lanes.block[j]
        if lowest == highest and highest > 0:
            raise_to_one_power(page, highest, levels, grows)
        else:
            raise_to_powers(page, steps, levels)
        move(page, numbers, steps, problem[SLOPE, j])
        if grows:
            move_far(page, steps, problem[SINGULAR, j])
        slope = problem[SLOPE, j]
        for i in range(LANES):
            residual = page[RESIDUAL + i]
            numbers[LOSS + i] += residual * residual
            numbers[SLOPE_SQUARES + i] += (slope * residual) * (slope * residual)
    for i in range(LANES):
        numbers[LOSS + i] = modes.level.scale * (modes.level.floor + numbers[LOSS + i])


@kernel
def raise_to_one_power(page, t, levels, grows):
    """Set change, power and half power for a t > 0 that all lanes share."""
    never_inline()
    for i in range(LANES):
        page[CHANGE + i] = page[ONE_CHANGE + i]
        page[POWER + i] = page[ONE_POWER + i]
        page[HALF + i] = 1.0
    for k in range(levels - 2, -1, -1):
        if grows and k == 0:
            for i in range(LANES):
                page[HALF + i] = page[POWER + i]
        if (t >> k) & 1:
            for i in range(LANES):
                change, power = doubled_and_one(
                    page[CHANGE + i], page[POWER + i], page[ONE_CHANGE + i], page[ONE_POWER + i]
                )
                page[CHANGE + i] = change
                page[POWER + i] = power
        else:
            for i in range(LANES):
                change, power = doubled(page[CHANGE + i], page[POWER + i])
                page[CHANGE + i] = change
                page[POWER + i] = power


@kernel
def raise_to_powers(page, steps, levels):
    """Set change, power and half power, a t for each lane."""
    never_inline()
    for i in range(LANES):
        page[CHANGE + i] = 0.0
        page[POWER + i] = 1.0
        page[HALF + i] = 1.0
    for k in range(levels - 1, -1, -1):
        if k == 0:
            for i in range(LANES):
                page[HALF + i] = page[POWER + i]
        for i in range(LANES):
            even, even_power = doubled(page[CHANGE + i], page[POWER + i])
            odd, odd_power = doubled_and_one(
                page[CHANGE + i], page[POWER + i], page[ONE_CHANGE + i], page[ONE_POWER + i]
            )
            is_odd = (steps[STEP + i] >> k) & 1 == 1
            page[CHANGE + i] = odd if is_odd else even
            page[POWER + i] = odd_power if is_odd else even_power


@kernel
def move(page, numbers, steps, slope):
    """Set residual and displacement of a mode from its change and power."""
    never_inline()
    for i in range(LANES):
        t, x, first = steps[STEP + i], page[SHRINKAGE + i], page[FIRST + i]
        power = page[POWER + i]
        change = digits_of(page[CHANGE + i], power)
        turned = (t & 1 == 1) & (x > 1.0)
        change = -2.0 - change if turned else change
        power = -power if turned else power
        curved = -change * page[DISTANCE + i]
        straight = t * (numbers[RATE + i] * (slope * first))
        page[RESIDUAL + i] = power * first
        page[DISPLACEMENT + i] = straight if x < NO_CURVATURE else curved


@kernel
def move_far(page, steps, singular):
    """Set them where the power is infinite, while the residual itself may be a number yet."""
    for i in range(LANES):
        half = page[HALF + i]
        far = (page[FIRST + i] * half) * half
        far = far * page[ONE_POWER + i] if steps[STEP + i] & 1 == 1 else far
        residual = page[RESIDUAL + i]
        far = math.copysign(far, residual)
        infinite = page[POWER + i] > LARGEST
        page[RESIDUAL + i] = far if infinite else residual
        page[DISPLACEMENT + i] = -far / singular if infinite else page[DISPLACEMENT + i]


@kernel
def set_theta(modes, lanes, count):
    """Set theta_t of the first `count` lanes, or more, from residual and displacement."""
    never_inline()
    problem, block, numbers = modes.problem, lanes.block, lanes.numbers
    P = problem.shape[1]
    for i in range(LANES):
        numbers[TOGETHER + i] = numbers[MOVES + i]
    for j in range(P):
        page = block[j]
        for i in range(LANES):
            halved = abs(page[RESIDUAL + i]) <= 0.5 * abs(page[FIRST + i])
            numbers[TOGETHER + i] = numbers[TOGETHER + i] if halved else 0.0
    some = 0.0
    for i in range(LANES):
        some = max(some, numbers[TOGETHER + i])
    some_together = some > 0.0 and problem[SINGULAR].min() > 0.0
    for j in range(P):
        page = block[j]
        if some_together:
            put_together(page, numbers, problem[SINGULAR, j], problem[TARGET, j])
        else:
            for i in range(LANES):
                page[THETA + i] = page[START + i]
                page[COORDINATE + i] = -page[DISPLACEMENT + i]
    width = -(-count // VECTOR) * VECTOR
    for k in range(P):
        add_multiples(block[k, THETA : THETA + width], modes.vectors[:, k], block, COORDINATE)


@kernel
def put_together(page, numbers, singular, target):
    """Set where theta begins, and how far it goes along a mode, where some lane is put together from its modes."""
    for i in range(LANES):
        whole = (target + page[RESIDUAL + i]) / singular
        together = numbers[TOGETHER + i] == 1.0
        page[THETA + i] = 0.0 if together else page[START + i]
        page[COORDINATE + i] = whole if together else -page[DISPLACEMENT + i]
