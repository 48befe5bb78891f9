"""The first step at which a descent at a constant rate stops, without taking the steps before it, LANES at a time.

Along t the loss and the squared gradient norm are sums of w_j rho_j^(2 t) with w_j >= 0, so they are convex: the steps
at which one is below a threshold are an interval, and so are those at which the loss is not above its upper limit. If a
sum is below its threshold at the last step that matters, "no test stops at t" holds up to some t and nowhere from there
on. That t is found twice:

- roughly, bit by bit from the top, with a table of rho_j^(2^k): a probe costs P multiply-adds;
- exactly, from there, by the definition's own tests on the states that `jump` gives, so that what is reported passes
  the test that it is said to have passed, and the step before does not.

If some residual grows, a sum may fall below its threshold and rise again. Then the last step that matters is the one
where it is least, the first at which sum w_j rho_j^(2 t) (1 - rho_j^2) is not positive.

Shapes: those of `modes`, whose pages, numbers and steps go on here; sums (P + 1,) for one lane. All are unchecked.
"""

import math

import numpy as np

from fastgd.kernels import codes
from fastgd.kernels.descent import Configuration, all_finite, stop_before_update, stop_by_update
from fastgd.kernels.jit import kernel, never_inline
from fastgd.kernels.modes import (
    FASTEST,
    FIRST,
    FIRST_LOSS,
    FIRST_SLOPE_SQUARES,
    LANES,
    LARGEST,
    LOSS,
    MOVES,
    NUMBERS,
    ONE_CHANGE,
    ONE_POWER,
    PAGE,
    RATE,
    RESIDUAL,
    SLOPE,
    SLOPE_SQUARES,
    STEP,
    STEPS,
    jump,
    rows,
)
from fastgd.kernels.powers import doubled
from fastgd.kernels.rules import SAFE_SQUARES, distance

# Of a page. A weight is a squared residual over the square of the largest.
FIRST_WEIGHT, WEIGHT, TRIAL = rows(3, PAGE)  # WEIGHT after the bits so far; TRIAL with one more
ONE, CURVATURE, FALL, FALL_OF_SLOPE = rows(4, PAGE + 3 * LANES)
# 1; (s / largest s)^2, what a weight counts in the squared gradient norm; 1 - rho^2, what a step takes away of a
# weight; what it takes away of its part in the squared gradient norm
TABLE = PAGE + 7 * LANES  # rho^2, rho^4, rho^8, ...

# Of numbers.
TOLERANCE, LOSS_THRESHOLD, GRADIENT_TOLERANCE, DIVERGENCE_THRESHOLD = rows(4, NUMBERS)
NORM, LEAST_SLOPE, LARGEST_RESIDUAL = rows(3, NUMBERS + 4 * LANES)  # LEAST_SLOPE: the norm below which a test stops
LEAST, MOST, OTHER_LEAST, TOTAL, OTHER, WITHIN = rows(6, NUMBERS + 7 * LANES)
ALL_NUMBERS = NUMBERS + 13 * LANES

# Of steps. Between GOES_ON, a step that does not stop, and STOP, one that does, the first that stops is sought.
MAX_STEPS, FINITE, STATUS, STOP, GOES_ON, GUESS, STRIDE, LIMIT, FOUND = rows(9, STEPS)
DIPS_IN_LOSS, DIPS_IN_SLOPE = rows(2, STEPS + 9 * LANES)
ALL_STEPS = STEPS + 11 * LANES

TINY = np.finfo(np.float64).tiny


# A row that is an argument is passed as np.int64: Numba compiles a function anew for every literal int.


def page_size(steps):
    """Return the numbers in a page with the table's levels for so many steps."""
    return TABLE + int(steps).bit_length() * LANES


# ---- exactly ---------------------------------------------------------------------------------------------------------


@kernel
def status_at(configuration, t, finite, loss, gradient_norm, initial_loss, rate):
    """Return the status of all tests at step t, CANCELLED if none stops; `rate` is that of this step."""
    status = stop_before_update(configuration, t, finite, loss, gradient_norm, initial_loss)
    return stop_by_update(configuration, rate * gradient_norm) if status == codes.CANCELLED else status


@kernel
def fill(row, column, first, count):
    """Set a row to what a column has for `count` configurations from `first` on; lanes beyond take the first."""
    own = column[first : first + count]
    if count == LANES:
        for i in range(LANES):
            row[i] = own[i]
    else:
        for i in range(LANES):
            row[i] = own[i] if i < count else own[0]


@kernel
def set_controls(lanes, controls, first, count):
    """Set the lanes' hyperparameters."""
    never_inline()
    numbers = lanes.numbers
    fill(numbers[RATE : RATE + LANES], controls.learning_rate, first, count)
    fill(numbers[TOLERANCE : TOLERANCE + LANES], controls.tolerance, first, count)
    fill(numbers[LOSS_THRESHOLD : LOSS_THRESHOLD + LANES], controls.loss_threshold, first, count)
    fill(numbers[GRADIENT_TOLERANCE : GRADIENT_TOLERANCE + LANES], controls.gradient_tolerance, first, count)
    fill(numbers[DIVERGENCE_THRESHOLD : DIVERGENCE_THRESHOLD + LANES], controls.divergence_threshold, first, count)
    fill(lanes.steps[MAX_STEPS : MAX_STEPS + LANES], controls.max_steps, first, count)


@kernel
def status_in(numbers, steps, i, t, loss):
    """Return the status of lane i at step t, where norm and finiteness have been set."""
    configuration = Configuration(
        codes.GRADIENT,
        codes.CONSTANT,
        numbers[RATE + i],
        steps[MAX_STEPS + i],
        0.0,  # no momentum, no decay
        0.0,
        numbers[TOLERANCE + i],
        numbers[LOSS_THRESHOLD + i],
        numbers[GRADIENT_TOLERANCE + i],
        numbers[DIVERGENCE_THRESHOLD + i],
    )
    finite, norm, first_loss = steps[FINITE + i] == 1, numbers[NORM + i], numbers[FIRST_LOSS + i]
    return status_at(configuration, t, finite, loss, norm, first_loss, numbers[RATE + i])


@kernel
def judge(modes, lanes):
    """Set gradient norm and status of each lane where it is."""
    never_inline()
    numbers, steps = lanes.numbers, lanes.steps
    set_norms(modes, lanes, np.int64(LOSS), np.int64(SLOPE_SQUARES), np.int64(RESIDUAL))
    for i in range(LANES):
        steps[STATUS + i] = status_in(numbers, steps, i, steps[STEP + i], numbers[LOSS + i])


@kernel
def judge_starts(modes, lanes):
    """Set gradient norm and status of each lane at its start."""
    never_inline()
    numbers, steps = lanes.numbers, lanes.steps
    set_norms(modes, lanes, np.int64(FIRST_LOSS), np.int64(FIRST_SLOPE_SQUARES), np.int64(FIRST))
    for i in range(LANES):
        steps[STATUS + i] = status_in(numbers, steps, i, np.int64(0), numbers[FIRST_LOSS + i])


@kernel
def set_norms(modes, lanes, loss_row, squares_row, residual_row):
    """Set the gradient norm and whether it and the loss are finite."""
    never_inline()
    numbers, steps = lanes.numbers, lanes.steps
    losses, squares = numbers[loss_row : loss_row + LANES], numbers[squares_row : squares_row + LANES]
    norms, finite = numbers[NORM : NORM + LANES], steps[FINITE : FINITE + LANES]
    for i in range(LANES):
        norms[i] = math.sqrt(squares[i])
        finite[i] = 1 if abs(losses[i]) <= LARGEST else 0
    unsafe = 0
    for i in range(LANES):
        unsafe += 0 if (squares[i] > SAFE_SQUARES[0]) & (squares[i] < SAFE_SQUARES[1]) else 1
    if unsafe == 0:
        return
    sums = lanes.sums
    for i in range(LANES):
        if not SAFE_SQUARES[0] < squares[i] < SAFE_SQUARES[1]:
            sums[0] = losses[i]
            for j in range(lanes.origin.size):
                sums[1 + j] = modes.problem[SLOPE, j] * lanes.block[j, residual_row + i]
            norms[i] = distance(sums, lanes.origin)
            finite[i] = 1 if all_finite(sums) else 0


@kernel
def settle(modes, lanes, grows):
    """Find STOP near GUESS, where GOES_ON + 1 is not STOP already, and go there."""
    never_inline()
    steps = lanes.steps
    while True:
        for i in range(LANES):
            stop, goes_on, t = steps[STOP + i], steps[GOES_ON + i], steps[GUESS + i]
            inside = t if (goes_on < t) & (t < stop) else goes_on + ((stop - goes_on) >> 1)
            steps[STEP + i] = inside if stop - goes_on > 1 else stop
        jump(modes, lanes, grows)
        judge(modes, lanes)
        settled = True
        for i in range(LANES):
            stop, goes_on, t, stride = steps[STOP + i], steps[GOES_ON + i], steps[STEP + i], steps[STRIDE + i]
            if stop - goes_on > 1:
                if steps[STATUS + i] == codes.CANCELLED:
                    steps[GOES_ON + i] = t
                    steps[GUESS + i] = t + stride
                else:
                    steps[STOP + i] = t
                    steps[GUESS + i] = t - stride
                steps[STRIDE + i] = min(2 * stride, stop)
                settled = settled and steps[STOP + i] == t and t - steps[GOES_ON + i] == 1
        if settled:
            return


# ---- roughly ---------------------------------------------------------------------------------------------------------


@kernel
def prepare_search(modes, lanes, levels):
    """Set the table's first levels, the weights and what they count."""
    never_inline()
    problem, block, numbers = modes.problem, lanes.block, lanes.numbers
    P = problem.shape[1]
    steepest = 0.0
    for i in range(LANES):
        numbers[LARGEST_RESIDUAL + i] = 0.0
    for j in range(P):
        page = block[j]
        steepest = max(steepest, problem[SLOPE, j])
        for i in range(LANES):
            residual, largest = abs(page[FIRST + i]), numbers[LARGEST_RESIDUAL + i]
            numbers[LARGEST_RESIDUAL + i] = residual if residual > largest else largest
    for j in range(P):
        page = block[j]
        curvature = (problem[SLOPE, j] / steepest) ** 2
        for i in range(LANES):
            relative = page[FIRST + i] / numbers[LARGEST_RESIDUAL + i]
            page[FIRST_WEIGHT + i] = relative * relative
        for i in range(LANES):
            change = page[ONE_CHANGE + i]
            fall = -change * (2.0 + change)
            page[ONE + i] = 1.0
            page[CURVATURE + i] = curvature
            page[FALL + i] = fall
            page[FALL_OF_SLOPE + i] = curvature * fall
        for i in range(LANES):
            page[WEIGHT + i] = page[ONE_CHANGE + i]
            page[TRIAL + i] = page[ONE_POWER + i]
        for k in range(levels):
            table = page[TABLE + k * LANES : TABLE + (k + 1) * LANES]
            for i in range(LANES):
                change, power = doubled(page[WEIGHT + i], page[TRIAL + i])
                page[WEIGHT + i] = change
                page[TRIAL + i] = power
                table[i] = power
    return steepest


@kernel
def last_steps_within(lanes, levels, factor, other_factor):
    """Set FOUND, the largest t < LIMIT with LEAST <= sum factor w <= MOST and OTHER_LEAST <= sum other_factor w.

    The factors are rows. It is taken to hold at 0, and to hold nowhere after a t where it does not.
    """
    never_inline()
    block, numbers, steps = lanes.block, lanes.numbers, lanes.steps
    P = block.shape[0]
    for j in range(P):
        page = block[j]
        for i in range(LANES):
            page[WEIGHT + i] = page[FIRST_WEIGHT + i]
    for i in range(LANES):
        steps[FOUND + i] = 0
        numbers[WITHIN + i] = 0.0
    for k in range(levels - 1, -1, -1):
        for i in range(LANES):
            numbers[TOTAL + i] = 0.0
            numbers[OTHER + i] = 0.0
        for j in range(P):
            page = block[j]
            try_bit(page, numbers, page[TABLE + k * LANES : TABLE + (k + 1) * LANES])
            trial = page[TRIAL : TRIAL + LANES]
            add_product(numbers[TOTAL : TOTAL + LANES], page[factor : factor + LANES], trial)
            add_product(numbers[OTHER : OTHER + LANES], page[other_factor : other_factor + LANES], trial)
        bit = np.int64(1) << k
        for i in range(LANES):
            total, other, further = numbers[TOTAL + i], numbers[OTHER + i], steps[FOUND + i] + bit
            enough = (numbers[LEAST + i] <= total) & (numbers[OTHER_LEAST + i] <= other)
            within = enough & (total <= numbers[MOST + i]) & (further < steps[LIMIT + i])
            numbers[WITHIN + i] = 1.0 if within else 0.0
            steps[FOUND + i] = further if within else steps[FOUND + i]


@kernel
def try_bit(page, numbers, table):
    """Take over the bit that was tried before in the weights of a mode, if it was within, and try one more.

    The sums are taken apart from this: of one loop over five arrays the compiler makes no vectors.
    """
    for i in range(LANES):
        weight = page[TRIAL + i] if numbers[WITHIN + i] == 1.0 else page[WEIGHT + i]
        page[WEIGHT + i] = weight
        page[TRIAL + i] = weight * table[i]


@kernel
def find_bottoms(lanes, levels, fall):
    """Set FOUND, the step <= LIMIT at which a sum is least, `fall` being the row of what a step takes away from it."""
    never_inline()
    block, numbers, steps = lanes.block, lanes.numbers, lanes.steps
    for i in range(LANES):
        numbers[LEAST + i] = TINY
        numbers[MOST + i] = math.inf
        numbers[OTHER_LEAST + i] = -math.inf
    last_steps_within(lanes, levels, fall, fall)
    for i in range(LANES):
        numbers[TOTAL + i] = 0.0
    for j in range(block.shape[0]):
        page = block[j]
        add_product(
            numbers[TOTAL : TOTAL + LANES],
            page[fall : fall + LANES],
            page[FIRST_WEIGHT : FIRST_WEIGHT + LANES],
        )
    for i in range(LANES):
        steps[FOUND + i] = steps[FOUND + i] + 1 if numbers[TOTAL + i] > 0.0 else 0


@kernel
def add_product(row, one, other):
    """Add the product of two rows of lanes to a third."""
    for i in range(LANES):
        row[i] += one[i] * other[i]


# ---- both ------------------------------------------------------------------------------------------------------------


@kernel
def find_stops(modes, lanes, grows):
    """Go to the first step that stops, each lane to its own."""
    never_inline()
    numbers, steps = lanes.numbers, lanes.steps
    judge_starts(modes, lanes)
    least_loss = modes.level.scale * modes.level.floor
    for i in range(LANES):
        least, tolerance = numbers[GRADIENT_TOLERANCE + i], numbers[TOLERANCE + i]
        least_by_update = tolerance / numbers[RATE + i] if tolerance > 0.0 else 0.0
        least = least_by_update if least_by_update > least else least
        last = steps[MAX_STEPS + i] if steps[STATUS + i] == codes.CANCELLED else np.int64(0)
        seeks = (numbers[LOSS_THRESHOLD + i] > least_loss) | (least > 0.0)
        is_open = (last > 1) & (seeks | (numbers[FASTEST + i] > 2.0)) & (numbers[MOVES + i] > 0.0)
        numbers[LEAST_SLOPE + i] = least
        steps[STOP + i] = last
        steps[GOES_ON + i] = 0 if is_open else last - 1
        steps[GUESS + i] = last
        steps[STRIDE + i] = 1
    if grows and last_open(steps) > 0:
        leave_those_that_only_grow(modes, lanes)
    last = last_open(steps)
    if last > 0:
        levels = 0
        while (last - 1) >> levels > 0:
            levels += 1
        steepest = prepare_search(modes, lanes, levels)
        if grows:
            look_into_dips(modes, lanes, levels, np.int64(DIPS_IN_LOSS), np.int64(FALL))
            look_into_dips(modes, lanes, levels, np.int64(DIPS_IN_SLOPE), np.int64(FALL_OF_SLOPE))
        guess(modes, lanes, levels, steepest)
    settle(modes, lanes, grows)


@kernel
def last_open(steps):
    """Return the largest STOP that may not be the first step that stops, 0 if none."""
    last = np.int64(0)
    for i in range(LANES):
        stop = steps[STOP + i]
        last = max(last, stop if stop - steps[GOES_ON + i] > 1 else np.int64(0))
    return last


@kernel
def leave_those_that_only_grow(modes, lanes):
    """Look at the last steps of what grows; settle what seeks no threshold and has not diverged by then.

    Set whether loss and gradient may have been below their thresholds before.
    """
    never_inline()
    numbers, steps = lanes.numbers, lanes.steps
    least_loss = modes.level.scale * modes.level.floor
    for i in range(LANES):
        steps[STEP + i] = steps[STOP + i]
    jump(modes, lanes, True)
    judge(modes, lanes)
    for i in range(LANES):
        threshold, least = numbers[LOSS_THRESHOLD + i], numbers[LEAST_SLOPE + i]
        seeks_loss, seeks_slope = threshold > least_loss, least > 0.0
        stop, goes_on = steps[STOP + i], steps[GOES_ON + i]
        is_open = (stop - goes_on > 1) & (numbers[FASTEST + i] > 2.0)
        only_grows = is_open & (steps[STATUS + i] != codes.DIVERGED) & (not (seeks_loss | seeks_slope))
        steps[GOES_ON + i] = stop - 1 if only_grows else goes_on
        steps[DIPS_IN_LOSS + i] = 1 if is_open & seeks_loss & (numbers[LOSS + i] >= threshold) else 0
        steps[DIPS_IN_SLOPE + i] = 1 if is_open & seeks_slope & (numbers[NORM + i] >= least) else 0


@kernel
def look_into_dips(modes, lanes, levels, dips_row, fall):
    """Where a sum falls before it grows, and a test stops at its bottom, set STOP there."""
    never_inline()
    steps = lanes.steps
    dips = steps[dips_row : dips_row + LANES]
    some = 0
    for i in range(LANES):
        some += dips[i]
        steps[LIMIT + i] = steps[MAX_STEPS + i] if dips[i] == 1 else 0
    if some == 0:
        return
    find_bottoms(lanes, levels, fall)
    for i in range(LANES):
        steps[STEP + i] = steps[FOUND + i]
    jump(modes, lanes, True)
    judge(modes, lanes)
    for i in range(LANES):
        stops = (dips[i] == 1) & (steps[STATUS + i] != codes.CANCELLED)
        steps[STOP + i] = min(steps[STOP + i], steps[STEP + i]) if stops else steps[STOP + i]


@kernel
def guess(modes, lanes, levels, steepest):
    """Set GUESS of the lanes whose stop is open to the last step that does not stop, or near it."""
    never_inline()
    numbers, steps, level = lanes.numbers, lanes.steps, modes.level
    least_loss = level.scale * level.floor
    for i in range(LANES):
        largest, stop = numbers[LARGEST_RESIDUAL + i], steps[STOP + i]
        unit, slope = level.scale * (largest * largest), numbers[LEAST_SLOPE + i] / (steepest * largest)
        steps[LIMIT + i] = stop if stop - steps[GOES_ON + i] > 1 else 0
        numbers[LEAST + i] = (numbers[LOSS_THRESHOLD + i] - least_loss) / unit
        numbers[MOST + i] = (min(numbers[DIVERGENCE_THRESHOLD + i], LARGEST) - least_loss) / unit
        numbers[OTHER_LEAST + i] = slope * slope
    last_steps_within(lanes, levels, np.int64(ONE), np.int64(CURVATURE))
    for i in range(LANES):
        steps[GUESS + i] = max(steps[FOUND + i], 1)
