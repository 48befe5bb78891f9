"""zoom: a window of two axes is the sweep over them, and keeps what the sweep that it looks into had."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastgd
from tests.tools.cases import bits

SQUARE = fastgd.examples.square()
OF_MOMENTUM = {"rule": "momentum", "max_steps": 50, "tolerance": 1e-6, "engine": "samples"}


def wells():
    return fastgd.Objective(lambda x: (x * x - 1.0) ** 2, lambda x: 4.0 * x * (x * x - 1.0), start=0.3)


@pytest.fixture(scope="module")
def wide():
    rates = np.geomspace(0.01, 10.0, 7)
    return fastgd.sweep(SQUARE, theta0=3.0, learning_rate=rates, momentum=[0.0, 0.4, 0.9], **OF_MOMENTUM)


def same_bits(one, other):
    assert one == other
    assert bits(one) == bits(other)


# ---- what it is -----------------------------------------------------------------------------------------------------


def test_is_the_sweep_over_its_axes():
    window = ((0.1, 1.2), (0.0, 0.5))
    found = fastgd.zoom(SQUARE, x="learning_rate", y="momentum", window=window, shape=(5, 3), **OF_MOMENTUM)
    rates, momenta = np.linspace(0.1, 1.2, 5), np.linspace(0.0, 0.5, 3)
    same_bits(found, fastgd.sweep(SQUARE, learning_rate=rates, momentum=momenta, **OF_MOMENTUM))
    turned = fastgd.zoom(
        SQUARE, x="momentum", y="learning_rate", window=window[::-1], shape=(3, 5), spacing="linear", **OF_MOMENTUM
    )
    same_bits(turned, found)  # whatever is x


def test_over_starts():
    found = fastgd.zoom(wells(), x="learning_rate", y="theta0", window=((0.01, 1.0), (-2, 2)), shape=9, max_steps=40)
    assert list(found.axes) == ["start", "learning_rate"]
    np.testing.assert_array_equal(found.axes["start"], np.linspace(-2.0, 2.0, 9)[:, None])
    np.testing.assert_array_equal(found.axes["learning_rate"], np.linspace(0.01, 1.0, 9))


def test_spacing():
    how = {"x": "learning_rate", "y": "max_steps", "window": ((0.01, 1.0), (1, 100)), "shape": (4, 3)}
    axes = fastgd.zoom(SQUARE, **how, spacing="geometric").axes
    np.testing.assert_array_equal(axes["learning_rate"], np.geomspace(0.01, 1.0, 4))
    np.testing.assert_array_equal(axes["max_steps"], [1, 10, 100])
    axes = fastgd.zoom(SQUARE, **how, spacing=("geometric", "linear")).axes
    np.testing.assert_array_equal(axes["learning_rate"], np.geomspace(0.01, 1.0, 4))
    np.testing.assert_array_equal(axes["max_steps"], [1, 50, 100])  # whole numbers, each the nearest


def test_one_value_along_an_axis():
    found = fastgd.zoom(SQUARE, x="learning_rate", y="theta0", window=((0.1, 0.9), (1, 2)), shape=(1, 2))
    assert found.status.shape == (2, 1)
    assert found.axes["learning_rate"].tolist() == [0.1]


# ---- looking into a result ------------------------------------------------------------------------------------------


def test_keeps_what_the_result_shares(wide):
    found = fastgd.zoom(SQUARE, wide, window=((0.5, 1.5), (0.1, 0.2)), shape=(6, 4))
    rates, momenta = np.geomspace(0.5, 1.5, 6), np.linspace(0.1, 0.2, 4)  # the one spaced as it was, by factors
    same_bits(found, fastgd.sweep(SQUARE, theta0=3.0, learning_rate=rates, momentum=momenta, **OF_MOMENTUM))


def test_the_whole_of_a_result_is_that_result(wide):
    ends = [(values[0], values[-1]) for values in wide.axes.values()]
    found = fastgd.zoom(SQUARE, wide, window=ends, shape=wide.status.shape)
    np.testing.assert_array_equal(found.steps[:, [0, 2]], wide.steps[:, [0, 2]])


def test_keywords_count_before(wide):
    found = fastgd.zoom(
        SQUARE, wide, window=((0.5, 1.5), (0.1, 0.2)), shape=2, max_steps=7, theta0=1.0, rule="nesterov"
    )
    told = found.best.configuration
    assert (told["max_steps"], told["theta0"], told["rule"], told["tolerance"]) == (7, [1.0], "nesterov", 1e-6)


def test_other_axes_than_the_result_s(wide):
    window = ((-1.0, 1.0), (0.5, 1.5))
    found = fastgd.zoom(SQUARE, wide, x="theta0", y="learning_rate", window=window, shape=3, momentum=0.5)
    assert list(found.axes) == ["start", "learning_rate"]
    assert found.best.configuration["momentum"] == 0.5
    one = fastgd.zoom(SQUARE, found, y="momentum", window=((0.5, 1.5), (0.0, 0.5)), shape=2, theta0=1.0)
    assert list(one.axes) == ["learning_rate", "momentum"]


def test_bounds_and_schedules_are_kept():
    how = {"schedule": "exponential", "decay": 0.1, "bounds": (-1.0, 2.0), "max_steps": 30}
    wide = fastgd.sweep(SQUARE, theta0=[[1.0], [2.0]], learning_rate=[0.1, 0.2], **how)
    found = fastgd.zoom(SQUARE, wide, window=((0.3, 0.4), (-1.0, 1.5)), shape=(2, 3))
    starts = np.linspace(-1.0, 1.5, 3)[:, None]
    same_bits(found, fastgd.sweep(SQUARE, theta0=starts, learning_rate=[0.3, 0.4], engine=wide.engine, **how))


# ---- what is refused ------------------------------------------------------------------------------------------------

GOOD = {"x": "learning_rate", "y": "theta0", "window": ((0.1, 0.9), (1.0, 2.0)), "shape": 2}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"x": "rate"}, "x must be one of 'theta0', 'learning_rate', 'momentum', "),
        ({"y": None}, "y must be one of 'theta0', "),
        ({"y": "learning_rate"}, "y must be another than x, got 'learning_rate' for both"),
        ({"window": (0.1, 0.9)}, "window must be (low, high) along learning_rate, low < high, got 0.1"),
        (
            {"window": ((0.9, 0.1), (1, 2))},
            "window must be (low, high) along learning_rate, low < high, got (0.9, 0.1)",
        ),
        ({"window": ((0.1, 0.9), (1, 1))}, "window must be (low, high) along theta0, low < high, got (1, 1)"),
        ({"window": ((0.1, 0.9), (1, np.inf))}, "window must be finite, got inf at index 1"),
        ({"window": ((0.1, 0.9),)}, "window must be two, of x and of y, got ((0.1, 0.9),)"),
        ({"window": ((-1, 1), (1, 2))}, "learning_rate must be numbers >= 0"),
        ({"window": ((0, 1), (1, 2)), "spacing": "geometric"}, "window must be above 0 along learning_rate, whose "),
        ({"shape": 0}, "shape must be at least 1, got 0"),
        ({"shape": 2.5}, "shape must be a whole number, got 2.5"),
        ({"shape": None}, "shape must be a whole number, got None"),
        ({"shape": 10**30}, "shape must be at most 100000000, got 1000"),
        ({"shape": (1, 10**12)}, "shape must be at most 100000000, got 1000"),
        ({"window": np.array(3.0)}, "window must be (low, high) along learning_rate, low < high, got "),
        ({"window": None}, "window must be numbers, got None"),
        ({"window": ("a", "b")}, "window must be numbers, got 'a'"),
        ({"shape": (2, 3, 4)}, "shape must be two, of x and of y, got (2, 3, 4)"),
        ({"spacing": "log"}, "spacing must be one of 'linear', 'geometric', got 'log'"),
        ({"learning_rate": 0.1}, "learning_rate must be given once, got a window and 0.1"),
        ({"result": 3}, "result must be a SweepResult, got 3"),
    ],
)
def test_in_a_sentence(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(sentence)}"):
        fastgd.zoom(SQUARE, **{**GOOD, **wrong})


def test_results_that_leave_open_what_to_keep(wide):
    with pytest.raises(
        ValueError, match=r"^result must differ in x and y alone, or keywords say the rest, got one in "
    ):
        fastgd.zoom(SQUARE, wide, x="theta0", y="learning_rate", window=((1, 2), (0.1, 0.2)))
    one = fastgd.sweep(SQUARE, learning_rate=[0.1, 0.2])
    with pytest.raises(ValueError, match=r"^result must differ in x and y alone, .* got one in learning_rate$"):
        fastgd.zoom(SQUARE, one, window=((1, 2), (0.1, 0.2)))
    with pytest.raises(ValueError, match=r"^result must be of the same problem, Objective\(.*\), got one of "):
        fastgd.zoom(wells(), wide, window=((0.5, 1.5), (0.1, 0.2)))
    plane = fastgd.Objective(lambda t: t[0] ** 2 + t[1] ** 2, lambda t: 2.0 * t, dimension=2)
    with pytest.raises(ValueError, match=r"^theta0 must have shape \(2,\), or \(M, 2\) for M starts"):
        fastgd.zoom(plane, **GOOD)
