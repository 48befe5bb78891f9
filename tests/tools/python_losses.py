"""Losses of two parameters in ordinary Python, one construct each.

They stand in no file of tests, for in those pytest writes assertions anew.
"""

# ruff: noqa: B007, B023, B905, E731, RUF005, RUF007, SIM108 (as users write)

import functools
import math
from math import cos, exp, sin
from types import FunctionType

import numpy as np

WEIGHTS = (0.5, 1.5, -2.0)
POINTS = [0.3, 1.7, 2.9]
ARRAY = np.array([0.25, -1.5, 3.0])
PLACES = np.array([2, 0, 1])
MATRIX = [[2.0, 0.5], [0.5, 1.0]]
POWERS = {"square": 2, "cube": 3}
SAMPLES = np.linspace(-1.0, 2.0, 150)
LONG = [0.01 * k for k in range(90)]
TABLE = np.array([[0.0, 1.0], [1.0, 2.5], [2.5, 3.0]])
FLIPPED = np.array([1, 0])
MASK = np.array([True, False])
PAIRS = [(0.0, 1.0), (1.0, 2.5), (2.5, 3.0)]
N = 3


def helper(row, scale=2.0, *, shift=0.0):
    return scale * row[0] ** 2 + row[1] - shift


def both(row):
    return row[0] + row[1], row[0] * row[1]


def scaled(row, by):
    return row * by


def power(x, n):
    return 1 if n == 0 else x * power(x, n - 1)


def total(*values):
    result = 0.0
    for value in values:
        result += value * value
    return result


def multiplier(factor):
    def multiplied(x):
        return factor * x

    return multiplied


double = multiplier(2.0)
triple = multiplier(3.0)


def of_one_source(theta):
    return double(theta[0]) + triple(theta[1]) * double(theta[1])


def rosenbrock_by_index(theta):
    s = 0.0
    for i in range(len(theta) - 1):
        s += 100 * (theta[i + 1] - theta[i] ** 2) ** 2 + (1 - theta[i]) ** 2
    return s


def rosenbrock_by_size(theta):
    s = 0.0
    n = theta.size
    for i in range(1, n):
        s = s + 100 * (theta[n - i] - theta[n - i - 1] ** 2) ** 2 + (1 - theta[n - i - 1]) ** 2
    return s


def rosenbrock_by_shape(theta):
    return sum(100 * (theta[i + 1] - theta[i] ** 2) ** 2 for i in range(theta.shape[0] - 1))


def rosenbrock_of_slices(theta):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(theta[:-1], theta[1:]))


def over_theta(theta):
    s = 0.0
    for t in theta:
        s += t * t
    return s


def enumerated(theta):
    s = 0.0
    for i, t in enumerate(theta):
        s += (i + 1) * (t - i) ** 2
    return s


def enumerated_from_one(theta):
    s = 0.0
    for i, t in enumerate(theta, 1):
        s += t / i
    return s


def zipped_with_weights(theta):
    s = 0.0
    for w, t in zip(WEIGHTS, theta):
        s += w * t**2
    return s


def zipped_with_array(theta):
    s = 0.0
    for w, t in zip(ARRAY, theta):
        s += (t - w) ** 2
    return s


def in_reverse(theta):
    s = 0.0
    for t in reversed(theta):
        s = s * 0.5 + t
    return s


def horner(theta):
    p = 0.0
    for k in range(len(theta) - 1, -1, -1):
        p = p * 1.5 + theta[k]
    return p**2


def nested(theta):
    s = 0.0
    for i in range(len(theta)):
        for j in range(i):
            s += (theta[i] - theta[j]) ** 2
    return s


def with_break(theta):
    s = 0.0
    for t in theta:
        if t > 1.0:
            break
        s += t * t
    return s


def with_break_and_else(theta):
    s = 0.0
    for i in range(len(theta)):
        if theta[i] > 5.0:
            s = s + 7.0
            break
        s += theta[i]
    else:
        s *= 2.0
    return s


def with_continue(theta):
    s = 1.0
    for i in range(len(theta)):
        if i == 1:
            continue
        if theta[i] < 0:
            continue
        s *= 1 + theta[i] ** 2
    return s


def by_parity(theta):
    s = 0.0
    for i in range(len(theta)):
        if i % 2 == 0:
            j = i
        else:
            j = i - 1
        s += theta[j] * theta[i]
    return s


def counted(theta):
    n = 0
    for t in theta:
        if t > 0:
            n += 1
    return n * theta[0] ** 2


def first_found(theta):
    found = -1
    for i in range(len(theta)):
        if theta[i] > 0.5:
            found = i
            break
    return theta[found] ** 2


def early_return(theta):
    s = 0.0
    for t in theta:
        if t < -10:
            return 1e3
        if t < 0:
            s -= t
        else:
            s += t
    return s


def branches_in_loop(theta):
    s = 0.0
    for t in theta:
        if t > 1:
            s += t
        elif t > 0:
            s += t * t
        else:
            s -= t
    return s


def while_loop(theta):
    x = theta[0]
    k = 0
    while k < 4:
        x = 0.5 * (x + 2 / x)
        k += 1
    return x


def while_with_condition(theta):
    x = theta[0] ** 2 + 1
    n = 0
    while x > 0.1:
        x = x * 0.5
        n += 1
    return x + n


def swapped(theta):
    a = theta[0]
    b = theta[1]
    k = 0
    while a < 50 and k < 10:
        a, b = b, a + b * b
        k += 1
    return a + 2 * b


def long_loop(theta):
    s = 0.0
    for k in range(200):
        s += (theta[0] * k - theta[1]) ** 2
    return s


def long_loop_by_place(theta):
    s = 0.0
    for k in range(200):
        s += theta[k % 2] * k
    return s


def summed_squares(theta):
    return sum(t * t for t in theta)


def summed_list(theta):
    return sum([t**2 for t in theta])


def summed_positive(theta):
    return sum(t for t in theta if t > 0)


def summed_nested(theta):
    return sum(a * b for a in theta for b in theta)


def summed_with_closure(theta):
    scale = theta[0]
    return sum(scale * t for t in theta)


def greatest_of(theta):
    return max(abs(t - 1) for t in theta)


def least_of_list(theta):
    return min([t * t + 1 for t in theta])


def greatest_of_theta(theta):
    return max(theta) - min(theta)


def greatest_of_several(theta):
    return max(theta[0], theta[1], 0.5) + min(theta[0], theta[1], -0.5)


def array_of_list(theta):
    return np.sum(np.array([t * i for i, t in enumerate(theta)]) ** 2)


def numpy_of_list(theta):
    return np.sum([t**2 for t in theta]) + np.max([theta[0], theta[1]])


def all_positive(theta):
    return theta[0] if all(t > 0 for t in theta) else -theta[1]


def any_large(theta):
    return theta[0] ** 2 if any(t > 1.5 for t in theta) else theta[1]


def all_of_list(theta):
    return theta[0] if all([t > 0 for t in theta]) else theta[1]


def appended(theta):
    terms = []
    for i in range(len(theta)):
        terms.append(theta[i] ** (i + 1))
    return sum(terms)


def changed_list(theta):
    values = [0.0] * len(theta)
    for i in range(len(theta)):
        values[i] += theta[i] * 2
    values[0] = 1.0
    return sum(values)


def listed(theta):
    values = list(theta) + [1.0]
    return sum(values[1:]) * len(values)


def first_and_rest(theta):
    first, *rest = theta
    return first + sum(t * t for t in rest)


def ends(theta):
    first, *_, last = theta
    return first * last


def unpacked(theta):
    a, b = theta
    return (a - 1) ** 2 + b * b


def unpacked_nested(theta):
    (a, b), c = theta, 3.0
    return a * c + b


def starred_call(theta):
    return total(*theta) + total(1.0, *theta)


def starred_maximum(theta):
    return max(*theta, 0.25)


def starred_list(theta):
    values = [*theta, 2.0]
    return sum(values)


def chained(theta):
    return theta[0] if -1 < theta[0] < 1 <= 2 else theta[1]


def ternary(theta):
    return theta[0] if theta[0] > theta[1] else theta[1] ** 2


def logic(theta):
    if (theta[0] > 0 and theta[1] > 0) or not theta[1] > -5:
        return theta[0]
    return theta[1]


def augmented(theta):
    s = theta[0]
    s *= 3
    s -= theta[1]
    s /= 2
    s **= 2
    return s


def walrus(theta):
    if (d := theta[0] - theta[1]) > 0:
        return d * d
    return -d


def inner_function(theta):
    def f(x, y=2.0, *, z=1.0):
        return x * y + z

    return f(theta[0]) + f(theta[1], z=3) + f(y=1.0, x=theta[0])


def inner_lambda(theta):
    square = lambda x: x * x
    return sum(map(square, theta))


def closure_of_closure(theta):
    def times(factor):
        def inner(x):
            return factor * x

        return inner

    double = times(2)
    mine = times(theta[0])
    return double(theta[0]) + mine(theta[1])


def reassigned_cell(theta):
    scale = 1.0

    def f(x):
        return scale * x

    scale = 5.0
    return f(theta[0])


def cell_of_the_time(theta):
    scale = theta[0]
    shift = 0.5

    def f(x):
        return scale * x if x > 0.4 else x - shift

    scale = scale + 1.0
    scale, shift = shift, scale
    shift = f(theta[1]) * 2.0
    for k in range(2):
        scale = f(theta[k])
    return f(scale) + shift


def with_defaults(theta):
    return helper(theta) + helper(theta, 3.0) + helper(row=theta, shift=1.5) + helper(theta, shift=theta[0])


def of_tuple(theta):
    a, b = both(theta)
    return a * b + both(theta)[0]


def of_row(theta):
    return np.sum(scaled(theta, 2.0)) + scaled(theta[:1], theta[1])[0]


def recursive(theta):
    return power(theta[0], 5) + power(theta[1], 2)


def products(theta):
    return math.prod(theta) + math.prod([t + 1 for t in theta])


def fsum(theta):
    return math.fsum(t * t for t in theta) + math.fsum(theta)


def hypot(theta):
    return math.hypot(theta[0], theta[1], 2.0) + math.hypot(*theta)


def dist(theta):
    return math.dist(theta, (1.0, 2.0))


def powers(theta):
    return pow(theta[0], 3) + pow(theta[1], 2.0) + theta[0] ** 2 * theta[1] ** -1


def divided(theta):
    q, r = divmod(theta[0] * 7.3, 2.0)
    return q + r * theta[1]


def rounded(theta):
    return round(theta[0]) + int(theta[1] * 7.3) * theta[0]


def combinatorial(theta):
    return sum(math.comb(3, k) * theta[0] ** k for k in range(4)) + math.factorial(3) * theta[1] + math.gcd(4, 6)


def reduced(theta):
    return functools.reduce(lambda a, b: a * b + 1, theta) + functools.reduce(lambda a, b: a + b, theta, 2.0)


def matched(theta):
    s = 0.0
    for i in range(len(theta)):
        match i:
            case 0:
                s += theta[i]
            case 1:
                s += 2 * theta[i] ** 2
            case _:
                s -= 1
    return s


def asserted(theta):
    assert len(theta) == 2
    assert theta[0] == theta[0], "a number"
    return theta[0] + theta[1]


def raising(theta):
    if theta[0] > 1e6:
        raise ValueError("too large")
    return theta[0] ** 2


def tuple_by_place(theta):
    s = 0.0
    for i in range(2):
        s += WEIGHTS[i] * theta[i]
    return s + WEIGHTS[-1]


def list_by_place(theta):
    return sum(POINTS[i] * t for i, t in enumerate(theta))


def array_by_place(theta):
    return sum((ARRAY[i] - t) ** 2 for i, t in enumerate(theta))


def place_by_array(theta):
    s = 0.0
    for i in PLACES[1:]:
        s += theta[i] * i
    return s


def global_number(theta):
    s = 0.0
    for i in range(N):
        s += theta[i % 2] * i
    return s


def fit_of_points(theta):
    loss = 0.0
    for x, y in zip(POINTS, WEIGHTS):
        r = theta[0] * exp(-theta[1] * x) - y
        loss += r * r
    return loss / len(POINTS)


def fit_by_comprehension(theta):
    residuals = [theta[0] + theta[1] * x - y for x, y in zip(POINTS, WEIGHTS)]
    return sum(r**2 for r in residuals) / len(residuals)


def rastrigin(theta):
    return 10 * len(theta) + sum(x**2 - 10 * cos(2 * math.pi * x) for x in theta)


def ackley(theta):
    n = len(theta)
    squares = sum(x * x for x in theta) / n
    waves = sum(cos(2 * math.pi * x) for x in theta) / n
    return -20 * exp(-0.2 * math.sqrt(squares)) - exp(waves) + 20 + math.e


def styblinski_tang(theta):
    return 0.5 * sum(x**4 - 16 * x**2 + 5 * x for x in theta)


def griewank(theta):
    product = 1.0
    for i, x in enumerate(theta):
        product *= cos(x / math.sqrt(i + 1))
    return 1 + sum(x**2 for x in theta) / 4000 - product


def local_array(theta):
    out = np.zeros(2)
    for i in range(2):
        out[i] = theta[i] * (i + 1)
    return np.sum(out**2)


def arrays_zipped(theta):
    differences = theta - np.array([1.0, 2.0])
    return sum(w * d**2 for w, d in zip([1.0, 0.5], differences))


def written_in_loop(theta):
    out = np.zeros(3)
    for k in range(3):
        for i, t in enumerate(theta):
            out[k] += t * (k + i)
    return out[0] * out[1] - out[2]


def empty_range(theta):
    s = theta[0]
    for i in range(0):
        s += 1000.0
    return s


def sine_series(theta):
    return sum(t * sin((k + 1) * 0.7) for k, t in enumerate(theta))


def newton(theta):
    x = 1.0 + theta[0] ** 2
    for _ in range(50):
        step = (x * x - theta[1] ** 2 - 1) / (2 * x)
        x -= step
        if abs(step) < 1e-14:
            break
    return x


def forever(theta):
    x = 1.0 + theta[0] ** 2
    rounds = 0
    while True:
        x *= 0.5
        rounds += 1
        if x < 0.3 or rounds >= 20:
            break
    return x * theta[1]


def quadratic_form(theta):
    return sum(MATRIX[i][j] * theta[i] * theta[j] for i in range(2) for j in range(2))


def of_pairs(theta):
    return sum((theta[0] + theta[1] * x - y) ** 2 for x, y in PAIRS)


def of_unzipped_pairs(theta):
    xs, ys = zip(*PAIRS)
    s = 0.0
    for x, y in zip(xs, ys):
        s += abs(theta[0] * x - y)
    return s + theta[1]


def enumerated_pairs(theta):
    s = 0.0
    for k, (x, y) in enumerate(PAIRS):
        s += k * (theta[0] * x - theta[1] * y)
    return s


def steps_of_two(theta):
    s = 0.0
    for k in range(10, -2, -3):
        s += k * theta[k % 2]
    return s


def conditional_update(theta):
    best = theta[0]
    place = 0
    for i in range(1, len(theta)):
        if theta[i] < best:
            best = theta[i]
            place = i
    return best**2 + place


def bubble_sorted(theta):
    values = [theta[0], theta[1], 0.5]
    for i in range(3):
        for j in range(2 - i):
            a = values[j]
            b = values[j + 1]
            values[j] = min(a, b)
            values[j + 1] = max(a, b)
    return values[0] - 2 * values[1] + 3 * values[2]


def swapped_in_branch(theta):
    values = [theta[0], theta[1]]
    if values[0] > values[1]:
        values[0], values[1] = values[1], values[0]
    return values[0] * 3 + values[1]


def appended_in_branch(theta):
    values = []
    for t in theta:
        if t > 0:
            values.append(t)
    return sum(values) + len(values)


def list_of_lists(theta):
    rows = [[t * i for i in range(3)] for t in theta]
    return sum(sum(row) for row in rows) + rows[1][2]


def nested_generator(theta):
    squares = (t * t for t in theta)
    return sum(s + 1 for s in squares)


def filtered_twice(theta):
    return sum(t * u for t in theta if t > 0 for u in theta if u < 1)


def any_of_products(theta):
    return theta[0] if any(a * b > 1 for a in theta for b in theta) else theta[1] * 2


def both_all_and_any(theta):
    return float(all(t > 0 for t in theta)) + any(t > 5 for t in theta) * theta[0]


def generator_over_long_range(theta):
    return sum(theta[0] * k for k in range(100)) + max(theta[1] - k for k in range(3))


def inner_recursion(theta):
    def choose(n, a, b):
        return a if n == 0 else b

    return sum(choose(k % 2, theta[0], theta[1]) for k in range(5))


def function_as_argument(theta):
    def integrate(f, a, b, n=8):
        h = (b - a) / n
        return h * (0.5 * f(a) + sum(f(a + k * h) for k in range(1, n)) + 0.5 * f(b))

    return integrate(lambda x: theta[0] * x**2 + theta[1], 0.0, 1.0)


def functions_in_a_tuple(theta):
    s = 0.0
    for f in (sin, cos, exp, lambda x: x * x):
        s += f(theta[0]) * theta[1]
    return s


def returned_early_from_helper(theta):
    def clipped(x, low=-1.0, high=1.0):
        if x < low:
            return low
        if x > high:
            return high
        return x

    return sum(clipped(t) ** 2 + t for t in theta)


def raising_helper(theta):
    def checked(x):
        if x > 1e9:
            raise ValueError("too large")
        return x

    return checked(theta[0]) * checked(theta[1])


def default_of_the_time(theta):
    functions = [lambda x, k=k: x * k for k in range(3)]
    return sum(f(theta[0]) for f in functions) + functions[2](theta[1])


def late_cell(theta):
    functions = []
    for k in range(3):
        functions.append(lambda x: x * k)
    return functions[0](theta[0]) + theta[1]


def tuples_compared(theta):
    kind = "linear" if len(theta) > 2 else "square"
    return theta[0] ** 2 if kind == "square" else theta[0]


def is_in(theta):
    s = 0.0
    for i in range(4):
        if i in (1, 3):
            s += theta[i % 2] * i
        if i not in [0, 2]:
            s -= 0.5
    return s * theta[0]


def counted_down(theta):
    n = len(theta)
    s = 0.0
    while n > 0:
        n -= 1
        s += theta[n] * (n + 1)
    return s


def nothing_or_number(theta):
    best = None
    for t in theta:
        if best is None or t < best:
            best = t
    return best * 2


def polynomial(theta):
    coefficients = np.array([1.0, -2.0, 0.5])
    s = 0.0
    for c in coefficients[::-1]:
        s = s * theta[0] + c
    return s + theta[1]


def row_of_differences(theta):
    d = theta[1:] - theta[:-1]
    s = 0.0
    for i in range(len(d)):
        s += d[i] ** 2
    return s + sum(d)


def row_with_weights(theta):
    w = np.exp(-theta) + 1.0
    return sum(a * b for a, b in zip(w, theta)) / sum(w)


def mixed_tuple(theta):
    options = (2, 0.5, True)
    s = 0.0
    for o in options:
        s += theta[0] * o
    return s + theta[1]


def constants_folded(theta):
    n = 2 * len(theta) - 1
    half = n // 2
    return theta[half] ** n + theta[-half] * (n / 2) + theta[n - 3] * (1 << half)


def chunked(theta):
    values = list(theta) * 2
    return sum(a * b for a, b in zip(values[::2], values[1::2])) + sum(values[-2:])


def exponent_by_place(theta):
    return sum(t ** (k + 2) for k, t in enumerate(theta)) + sum(t**-k for k, t in enumerate(theta))


def logged(theta):
    total = math.log(1 + theta[0] ** 2)
    for k in (1, 2, 3):
        total += math.log1p(theta[1] ** 2 / k) * (-1) ** k
    return total


def of_samples(theta):
    s = 0.0
    for i in range(len(SAMPLES)):
        s += (theta[0] * SAMPLES[i] ** 2 + theta[1] - 1) ** 2
    return s / len(SAMPLES)


def of_zipped_samples(theta):
    return sum((theta[0] * x + theta[1] - y) ** 2 for x, y in zip(SAMPLES, SAMPLES[::-1]))


def huber_of_samples(theta):
    s = 0.0
    for x, y in zip(SAMPLES, SAMPLES[::-1]):
        r = theta[0] * x + theta[1] - y
        s += 0.5 * r * r if abs(r) < 1 else abs(r) - 0.5
    return s


def of_long_list(theta):
    return sum((theta[0] * x - theta[1]) ** 2 for x in LONG)


def of_table(theta):
    s = 0.0
    for x, y in TABLE:
        s += (theta[0] + theta[1] * x - y) ** 2
    for i in range(TABLE.shape[0]):
        s += theta[0] * TABLE[i, 0] * TABLE[i, 1]
    return s


def number_in_each_row(theta):
    k = 1 if theta[0] > theta[1] else 0
    return theta[k] ** 2 - SAMPLES[k] * theta[1 - k]


def of_dictionary(theta):
    s = POWERS["square"] * theta[0] ** POWERS["square"]
    local = {"a": 2.0, "b": theta[1]}
    for name in local:
        s += len(name) * local[name]
    for power in POWERS.values():
        s += theta[1] ** power
    return s + sum(v for k, v in local.items() if k != "a") + local.get("c", 1.0)


def middle(theta):
    return sorted([theta[0], theta[1], 0.5])[1]


def leapfrog(theta):
    p = [theta[0], theta[1]]
    v = [0.0, 0.0]
    for _ in range(10):
        for k in range(2):
            v[k] -= 0.1 * p[k]
            p[k] += 0.1 * v[k]
    return p[0] ** 2 + p[1] ** 2


def many_steps(theta):
    x, v = theta
    for _ in range(100):
        v = v - 0.01 * x
        x = x + 0.01 * v
    return x * x + v * v


def changed_result(theta):
    a = theta * 2.0
    b = a
    c = a[1:]
    a[1] += a[0]
    a -= 1.0
    return a[0] + 2 * b[1] + 3 * c[0]


def running_sums(theta):
    a = np.exp(-theta)
    for i in range(len(a) - 1):
        a[i + 1] += a[i]
    return a[-1] * a[0]


def gathered(theta):
    return sum(theta[FLIPPED] * theta) + theta[[1, 1]][0] + sum(theta[MASK])


def compared_with_key(theta):
    return sum(theta) * (1 if {"a": 1}.get("b") is None else 2)


def counted_truths(theta):
    n = 0
    for t in theta:
        n += t > 0
    return n * theta[0] + (theta[0] > 0) * theta[1] + float(theta[1] > 0) + int(theta[0] > 1) * theta[1]


def triangle_by_while(theta):
    s = 0.0
    i = 0
    while i < len(theta):
        j = 0
        while j <= i:
            s += theta[i] * theta[j]
            j += 1
        i += 1
    return s


def mapped_over_two(theta):
    return sum(map(lambda a, b: a * b, theta, POINTS))


def started_sums(theta):
    return sum((t for t in theta), start=2.0) + math.prod([t for t in theta], start=3)


def shared_total(theta):
    total = 0.0

    def add(x):
        nonlocal total
        total += x * x

    def doubled():
        nonlocal total
        total *= 2
        return total + 1

    add(theta[0])
    first = doubled()
    add(theta[1])
    return first * total


OF_TWO = [
    value
    for value in list(globals().values())
    if isinstance(value, FunctionType) and value.__code__.co_varnames[:1] == ("theta",)
]
