"""What can't be differentiated is refused in one sentence that names it and says what to do."""

from __future__ import annotations

import datetime
import math
import random
import time
from random import random as draw
from time import time as now

import numpy as np
import pytest
import scipy.special
from scipy.special import erf

import fastgd

MATRIX = np.eye(3)
DAY = datetime.date(2024, 1, 1)
MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
GENERATOR = np.random.default_rng(1)


class Weights:
    first = 2.0


WEIGHTS = Weights()


def sorted_in_place(t):
    u = t.copy()
    u.sort()
    return u[0]


def printed(t):
    print(t[0])
    return t[0]


def tried(t):
    try:
        return math.log(t[0])
    except ValueError:
        return 0.0


def written(t):
    t[0] = 1.0
    return t[1] ** 2


def added_in_place(t):
    t += 1.0
    return np.sum(t)


def written_elsewhere(t):
    MATRIX[0, 0] = t[0]
    return MATRIX[0, 0]


def global_assigned(t):
    global COUNT
    COUNT = 1
    return t[0]


def counting():
    count = 0

    def counted(t):
        nonlocal count
        count += 1
        return count * t[0]

    return counted


def assigned_from_within(t):
    total = 0.0

    def add(x):
        def squared():
            nonlocal total
            total += x * x

        squared()

    add(t[0])
    return total


def assigned_by_turns(t):
    total = 0.0

    def add(x):
        nonlocal total
        if x > 0:
            total += x
        else:
            total -= x

    add(t[0])
    return total


def opened(t):
    with open("/dev/null"):
        return t[0]


def silenced(t):
    with np.errstate(all="ignore"):
        return np.log(t[0])


def imported(t):
    import cmath

    return cmath.sin(t[0]).real


def a_class(t):
    class Inner:
        pass

    return t[0]


def seeded(t):
    np.random.seed(0)  # noqa: NPY002
    return t[0]


def none_or_number(t):
    x = None
    if t[0] > 0:
        x = t[0]
    return x * 2


def endless(t):
    return endless(t)


def drawn():
    return np.random.normal()  # noqa: NPY002


def helper(x):
    return scipy.special.jv(0, x)


def with_keywords(t, **others):
    return t[0]


REFUSED = {
    "np.linalg.solve": lambda t: np.linalg.solve(MATRIX, t)[0],
    "np.linalg.svd": lambda t: np.linalg.svd(MATRIX * t[0])[1][0],
    "np.outer": lambda t: np.outer(t, t).sum(),
    "np.sort": lambda t: np.sort(t)[0],
    "np.interp": lambda t: np.interp(t[0], (0.0, 1.0), (0.0, 2.0)),
    "np.fft.fft": lambda t: np.fft.fft(t)[0].real,
    "np.einsum": lambda t: np.einsum("i,i->", t, t),
    "np.vectorize": lambda t: np.vectorize(math.sin)(t).sum(),
    "np.argmax": lambda t: t[np.argmax(t)],
    "np.spacing": lambda t: np.spacing(t[0]),
    "np.sum with axis": lambda t: np.sum(t, axis=0),
    "t.max with axis": lambda t: t.max(axis=0),
    "math.frexp": lambda t: math.frexp(t[0])[0],
    "scipy.special.erf": lambda t: scipy.special.erf(t[0]),
    "scipy.special.jv": lambda t: helper(t[0]),
    "t.reshape()": lambda t: t.reshape(3, 1).sum(),
    "t.tolist()": lambda t: sum(t.tolist()),
    "u.sort()": sorted_in_place,
    "time.time": lambda t: t[0] * time.time(),
    "time.perf_counter": lambda t: t[0] * time.perf_counter(),
    "random numbers": lambda t: t[0] * np.random.rand(),  # noqa: NPY002
    "random numbers (of the standard library)": lambda t: t[0] * random.random(),
    "random numbers (of a generator)": lambda t: t[0] * GENERATOR.normal(),
    "random numbers (their seed)": seeded,
    "random numbers (by a name of their own)": lambda t: t[0] * draw(),
    "random numbers (of a helper)": lambda t: t[0] * drawn(),
    "time.time (by a name of its own)": lambda t: t[0] * now(),
    "erf": lambda t: erf(t[0]),
    "a complex number": lambda t: abs(t[0] + 1j * t[1]),
    "a complex number (as an exponent)": lambda t: (t[0] ** 0.5j).real,
    "a list": lambda t: sorted(list(t), key=lambda x: -x)[0],
    "a dict": lambda t: sum({k: x for k, x in enumerate(t)}.values()),
    "DAY, a date": lambda t: DAY.year * t[0],
    "a set": lambda t: len({x for x in t}) * t[0],
    "print": printed,
    "try/except": tried,
    "with": opened,
    "with (of NumPy)": silenced,
    "writing to t": written,
    "writing to MATRIX": written_elsewhere,
    "+= of a vector and a number": added_in_place,
    "a global that it assigns": global_assigned,
    "count of the function around it, which it assigns": counting(),
    "total of the function around it, which it assigns": assigned_from_within,
    "total of the function around it, which it assigns (in a branch)": assigned_by_turns,
    "an import within the function": imported,
    "a class within the function": a_class,
    "WEIGHTS, a Weights": lambda t: WEIGHTS.first * t[0],
    "Weights, a class": lambda t: Weights().first * t[0],
    "MASKED, a masked array": lambda t: np.sum(MASKED * t),
    "unheard_of, which is not defined": lambda t: unheard_of * t[0],  # noqa: F821
    "isinstance": lambda t: t[0] if isinstance(t, np.ndarray) else t[1],
    "str": lambda t: len(str(t[0])) * 1.0,
    "an f-string": lambda t: float(f"{t[0]}"),
    "text": lambda t: float("%f" % t[0]),  # noqa: UP031
    "an array as a condition": lambda t: t[0] if t > 0 else t[1],
    "an index that is a vector": lambda t: t[t > 0].sum(),
    "* of None and a number": none_or_number,
    "a function that calls itself": endless,
    "** arguments": with_keywords,
}


def named(words: str) -> str:
    return words.partition(" (")[0]


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_is_named(words):
    with pytest.raises(TypeError) as caught:
        fastgd.Objective(REFUSED[words], dimension=3, start=[0.3, 0.6, 0.2])
    sentence = str(caught.value)
    assert sentence.startswith(f"loss can't be differentiated through {named(words)}")
    assert sentence.endswith("; pass gradient=")
    assert "\n" not in sentence
    assert "fastgd." not in sentence.partition("`")[0]
    assert len(sentence) < 250


def test_the_line_is_said():
    with pytest.raises(TypeError, match=r" through print in line \d+, `print\(t\[0\]\)`; pass gradient=$"):
        fastgd.Objective(printed, dimension=3)


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda t: None, "loss must return a float, got None"),
        (lambda t: t * 2.0, "loss must return a float, got an array"),
        (lambda t: (t[0], t[1]), "loss must return a float, got a tuple of 2"),
        (lambda t: "text", "loss must return a float, got text"),
    ],
)
def test_what_is_no_loss_is_told(loss, sentence):
    with pytest.raises(TypeError) as caught:
        fastgd.Objective(loss, dimension=3)
    assert str(caught.value) == sentence


def test_theta_is_unpacked_wholly():
    def two(t):
        a, b = t
        return a * b

    with pytest.raises(ValueError, match=r"^loss must unpack what has so many elements, theta has 3: too many"):
        fastgd.Objective(two, dimension=3)


@pytest.mark.parametrize(
    ("rho", "words"),
    [
        (lambda r: np.linalg.norm(np.outer(r, r)), "np.outer"),
        (lambda r: r * np.random.rand(), "random numbers"),  # noqa: NPY002
        (lambda r: abs(r + 1j), "a complex number"),
        (lambda r: DAY.year * r, "DAY, a date"),
    ],
)
def test_a_rho_is_refused_alike(rho, words):
    loss = fastgd.ResidualLoss(rho)
    with pytest.raises(TypeError, match=rf"^rho can't be differentiated through {words} .*; pass psi=$"):
        fastgd.LinearFit([1.0, 2.0], [1.0, 3.0], loss=loss).loss([1.0, 0.0])


def test_with_a_gradient_all_of_these_that_numba_knows_are_taken():
    def loss(t):
        print("once more")
        return np.linalg.solve(np.eye(2), t)[0] ** 2

    assert fastgd.Objective(loss, lambda t: np.array([2 * t[0], 0.0]), 2).loss([3.0, 1.0]) == 9.0
