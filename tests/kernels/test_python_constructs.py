"""Ordinary Python in a loss: each function compiled for fastgd's own numbers gives what Python gives."""

import ctypes
import functools
import math
import re
from contextlib import contextmanager
from types import FunctionType, SimpleNamespace

import mpmath
import numpy as np
import pytest

from fastgd.kernels.numbers.unrolled.unrolling import Unrolling
from fastgd.problems import in_blocks
from fastgd.problems.frozen import frozen
from tests.tools import python_losses

STARTS = ([0.7, 1.9], [-0.4, 0.3], [2.2, -1.1], [6.0, 0.6])


def of_numbers(dimension, *functions):
    """Return what a loss and its gradient are at a theta, compiled for numbers."""
    compiled = in_blocks.compiled(frozen(*functions), dimension)

    def at(theta):
        out = np.empty(dimension + 1)
        pointer = ctypes.POINTER(ctypes.c_double)
        theta = np.array(theta, dtype=float)
        compiled.ctypes(1, 1, theta.ctypes.data_as(pointer), out.ctypes.data_as(pointer))
        return out

    return at


def _objects(values):
    return np.array(values, dtype=object)


PRECISE = {
    "np": SimpleNamespace(
        array=_objects,
        exp=np.vectorize(mpmath.exp, otypes=[object]),
        max=np.max,
        sum=np.sum,
        zeros=lambda n: _objects([mpmath.mpf(0)] * n),
    ),
    "math": SimpleNamespace(
        **{name: getattr(mpmath, name) for name in ("pi", "e", "sqrt", "cos", "exp", "factorial", "log", "log1p")},
        comb=math.comb,
        gcd=math.gcd,
        fsum=sum,
        prod=lambda values, start=1: functools.reduce(mpmath.fmul, values, start),
        hypot=lambda *values: mpmath.sqrt(sum(value**2 for value in values)),
        dist=lambda p, q: mpmath.sqrt(sum((a - b) ** 2 for a, b in zip(p, q, strict=True))),
    ),
    **{name: getattr(mpmath, name) for name in ("exp", "sin", "cos")},
    "divmod": lambda a, b: (mpmath.floor(a / b), a - b * mpmath.floor(a / b)),
    "round": mpmath.nint,
}


def precise(function):
    """Return the value and the derivatives of one of these functions, by differences of 60 digits."""
    names = vars(python_losses)
    scope = dict(names)
    for name, value in list(scope.items()):
        if isinstance(value, FunctionType) and value.__globals__ is names:
            scope[name] = copied = FunctionType(value.__code__, scope, name, value.__defaults__, value.__closure__)
            copied.__kwdefaults__ = value.__kwdefaults__
    scope |= PRECISE

    def at(theta):
        with mpmath.workdps(60):
            loss = scope[function.__name__]
            theta = _objects([mpmath.mpf(t) for t in theta])
            found = [loss(theta)]
            for k in range(len(theta)):
                step = np.zeros(len(theta), dtype=object)
                step[k] = mpmath.mpf("1e-20")
                found.append((loss(theta + step) - loss(theta - step)) / mpmath.mpf("2e-20"))
            return [float(value) for value in found]

    return at


@pytest.mark.parametrize("loss", python_losses.OF_TWO, ids=lambda loss: loss.__name__)
def test_a_loss_and_its_derivatives_are_what_python_says(loss):
    at = of_numbers(2, loss)
    exactly = precise(loss)
    for theta in STARTS:
        found = at(theta)
        expected = exactly(theta)
        assert expected[0] == pytest.approx(float(loss(np.array(theta))), rel=1e-12, abs=1e-12)  # the oracle itself
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


class Weighted:
    """A loss with numbers of its own."""

    def __init__(self, weights):
        self.weights = weights

    def scaled(self, x, k):
        return self.weights[k] * x

    def loss(self, theta):
        return sum(self.scaled(t, k) ** 2 for k, t in enumerate(theta))

    def __call__(self, theta):
        return self.loss(theta) + theta[0]


def test_methods_and_objects_are_known():
    weighted = Weighted([2.0, -0.5])
    np.testing.assert_array_equal(of_numbers(2, weighted.loss)([3.0, 4.0]), [40.0, 24.0, 2.0])
    np.testing.assert_array_equal(of_numbers(2, weighted)([3.0, 4.0]), [43.0, 25.0, 2.0])


def test_of_many_parameters_a_loop_within_a_loop_is_left_one():
    """Written out it would be 256 rounds, and compiled for seconds."""

    def loss(theta):
        s = 0.0
        for i in range(len(theta)):
            for j in range(i):
                s += (theta[i] - theta[j]) ** 2
        return s

    theta = np.arange(16.0) ** 2
    with compiled_anew() as compiled:
        found = of_numbers(16, loss)(theta)
    assert compiled.statements < 100
    differences = theta[:, None] - theta
    np.testing.assert_array_equal(found, [np.sum(differences**2) / 2, *(2 * differences.sum(1))])


@contextmanager
def compiled_anew():
    """Tell of the last function that is compiled meanwhile how it was written."""
    told = SimpleNamespace(statements=0)
    run = Unrolling.run

    def noted(self):
        code = run(self)
        told.statements = sum(len(block.body) for block in code.blocks.values())
        return code

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unrolling, "run", noted)
        yield told


def test_a_loop_is_the_vector_code_that_the_sum_written_out_is():
    """Of five parameters: by indices, by arrays, by a generator, by hand; the same instructions as often."""

    def by_indices(t):
        s = 0.0
        for i in range(len(t) - 1):
            s += 100 * (t[i + 1] - t[i] ** 2) ** 2 + (1 - t[i]) ** 2
        return s

    def by_arrays(t):
        return np.sum(100 * (t[1:] - t[:-1] ** 2) ** 2 + (1 - t[:-1]) ** 2)

    def by_generator(t):
        return sum(100 * (t[i + 1] - t[i] ** 2) ** 2 + (1 - t[i]) ** 2 for i in range(4))

    def by_hand(t):
        a, b, c, d, e = t
        first = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + (100 * (c - b**2) ** 2 + (1 - b) ** 2)
        return first + (100 * (d - c**2) ** 2 + (1 - c) ** 2) + (100 * (e - d**2) ** 2 + (1 - d) ** 2)

    counts = [vector_products(loss) for loss in (by_hand, by_indices, by_arrays, by_generator)]
    assert min(counts) > 0
    assert len(set(counts)) == 1


def vector_products(loss):
    """Return how many products of registers of several numbers a loss of five parameters has, in machine code."""
    code = in_blocks.compiled(frozen(loss), 5)._library.get_asm_str()
    return len(re.findall(r"\b(?:v?mulpd|fmul\s+v\d+\.2d)", code))
