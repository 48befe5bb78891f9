"""Derived gradients of losses as users write them, against the same functions run in hundreds of digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastgd
from tests.oracle.derivatives import value_and_gradient
from tests.tools.user_functions import FUNCTIONS, KINKS, OF_ONE_NUMBER
from tests.tools.user_models import himmelblau

TOLERANCE = 1e-12
CANCELS = 1e-3  # a component so much smaller than the largest is a difference of large ones, which round

ALL = {**FUNCTIONS, **OF_ONE_NUMBER}


def test_sixty_functions_and_more_are_looked_at():
    assert len(FUNCTIONS) >= 75
    assert FUNCTIONS["himmelblau"].loss is himmelblau


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_value_and_gradient_are_those_of_sixty_digits(case):
    problem = fastgd.Objective(case.loss, dimension=case.dimension, start=case.points[0])
    for point in case.points:
        loss, gradient = problem.loss_and_gradient(np.atleast_1d(point))
        value, slopes = value_and_gradient(case.loss, point, case.dimension)
        largest = max(map(abs, slopes))
        assert abs(loss - value) <= TOLERANCE * abs(value), (point, loss)
        for slope, exact in zip(gradient.tolist(), slopes, strict=True):
            assert abs(slope - exact) <= TOLERANCE * max(abs(exact), CANCELS * largest), (point, gradient)


@pytest.mark.parametrize("kink", KINKS.values(), ids=KINKS)
def test_kinks_and_poles_are_as_stated(kink):
    P = np.size(kink.theta)
    problem = fastgd.Objective(kink.loss, dimension=P, start=np.ones(P))
    loss, gradient = problem.loss_and_gradient(np.atleast_1d(kink.theta))
    np.testing.assert_equal([loss, *gradient], [kink.value, *np.atleast_1d(kink.gradient)])


def test_a_gradient_that_is_given_wins():
    assert fastgd.Objective(lambda t: t * t, lambda t: 5.0 * t).gradient([2.0]) == [10.0]
    assert fastgd.Objective(lambda t: t * t).gradient([2.0]) == [4.0]


def test_a_derived_gradient_descends_as_one_given():
    given = fastgd.Objective(lambda t: math.cosh(t - 1), lambda t: math.sinh(t - 1), start=3.0)
    derived = fastgd.Objective(lambda t: math.cosh(t - 1), start=3.0)
    arguments = {"learning_rate": 0.3, "max_steps": 40}
    expected = fastgd.descend(given, **arguments).theta
    np.testing.assert_allclose(fastgd.descend(derived, **arguments).theta, expected, rtol=1e-12)
