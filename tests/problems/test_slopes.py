"""Derivatives against difference quotients: right ones hold everywhere, wrong ones are found everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastgd
from tests.tools.cases import rosenbrock, rosenbrock_gradient

DART = math.atan((1.0 - math.sqrt(1.0 - 4 * 0.49**2)) / 0.98)  # 10 tan = 4.9 (1 + tan^2)


def plain(loss, gradient, dimension=1):
    return fastgd.Objective(loss, gradient, dimension, compile=False)


def quartic(factor=1.0):
    return plain(lambda t: (t * t - 1.0) ** 2, lambda t: factor * 4.0 * t * (t * t - 1.0))


def valley(change=1.0):
    return plain(rosenbrock, lambda t: change * rosenbrock_gradient(t), 2)


STATIONARY = {
    "quartic, minimum": (quartic, 1.0),
    "quartic, other minimum": (quartic, -1.0),
    "quartic, maximum": (quartic, 0.0),
    "quartic, near": (quartic, 1.0 + 1e-9),
    "Rosenbrock": (valley, [1.0, 1.0]),
    "Rosenbrock, near": (valley, [1.0 + 1e-7, 1.0]),
    "dart": (fastgd.examples.dart, DART),
    "inflection": (lambda: plain(lambda t: t**3, lambda t: 3.0 * t * t), 0.0),
    "flat minimum": (lambda: plain(lambda t: t**4, lambda t: 4.0 * t**3), 0.0),
    "kink": (lambda: plain(abs, lambda t: float(np.sign(t))), 0.0),
    "constant": (lambda: plain(lambda t: 3.0, lambda t: 0.0), 0.0),
    "far above 0": (lambda: plain(lambda t: 1e6 + (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0)), 1.0),
    "far from 0": (lambda: plain(lambda t: (t - 1e6) ** 2, lambda t: 2.0 * (t - 1e6)), 1e6),
}


@pytest.mark.parametrize(("make", "theta"), STATIONARY.values(), ids=STATIONARY)
def test_a_right_gradient_is_right_at_a_stationary_point(make, theta):
    assert make().check_gradient(theta) < 1e-6


@pytest.mark.parametrize("spread", [1e-8, 1e-3, 1.0])
@pytest.mark.parametrize("centre", [0.0, 100.0, 2000.0])
@pytest.mark.parametrize("height", [1e-3, 1.0, 1e6])
def test_a_fits_gradient_is_right_at_its_minimum(spread, centre, height):
    random = np.random.default_rng(3)
    x = centre + random.uniform(-1, 1, 40)
    y = height * (np.sin(x) + spread * random.normal(size=40))
    for problem in (fastgd.PolynomialFit(x, y, 3), fastgd.PolynomialFit(x, y, 2, reduction="sum", l2=0.1)):
        assert problem.check_gradient(problem.minimum().theta) < 1e-6


@pytest.mark.parametrize("factor", [-1.0, 0.5, 1.01])
@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 0.1])
def test_a_wrong_gradient_is_found_near_a_stationary_point_and_at_it(factor, distance):
    for problem, theta in ((quartic(factor), 1.0 + distance), (valley(factor), [1.0, 1.0 + distance])):
        with pytest.raises(ValueError, match=r"^the gradient is wrong in theta"):
            problem.check_gradient(theta)


def test_one_wrong_component_is_found_and_named():
    for wrong, k in (([1.0, 1.01], 1), ([-1.0, 1.0], 0)):
        for theta in ([1.0, 1.0], [1.0 + 1e-7, 1.0], [2.0, 3.0]):
            with pytest.raises(ValueError, match=f"^the gradient is wrong in theta{k}"):
                valley(np.array(wrong)).check_gradient(theta)


def test_many_parameters_are_compared_in_parts():
    P = 1500  # two batches
    problem = plain(lambda t: float(t @ t), lambda t: 2.0 * t, P)
    assert problem.check_gradient(np.ones(P)) < 1e-9
    wrong = plain(lambda t: float(t @ t), lambda t: 2.0 * t * (1.0 + 0.1 * (np.arange(P) == P - 2)), P)
    with pytest.raises(ValueError, match=f"^the gradient is wrong in theta{P - 2}: "):
        wrong.check_gradient(np.ones(P))


def test_psi_is_right_where_it_is_zero():
    steep = fastgd.ResidualLoss(lambda r: 1e12 * (r * r - 1.0) ** 2, lambda r: 4e12 * r * (r * r - 1.0))
    assert steep.check([-1.0, 0.0, 1.0]) < 1e-9
    assert steep.check() < 1e-5
    lifted = fastgd.ResidualLoss(lambda r: 1e6 + r * r, lambda r: 2.0 * r)
    assert lifted.check() < 1e-5
    for wrong in (lambda r: 4.01e12 * r * (r * r - 1.0), lambda r: -4e12 * r * (r * r - 1.0)):
        with pytest.raises(ValueError, match=r"^psi is wrong at the residual"):
            fastgd.ResidualLoss(steep.rho, wrong).check()


@pytest.mark.parametrize("height", [1e9, 1e10, 1e11])
def test_a_wrong_gradient_is_found_far_above_zero(height):
    assert plain(lambda t: height + t * t, lambda t: 2.0 * t).check_gradient(1.0) < 1e-6
    for factor in (-2.0, 0.0, 1.0, 3.0, 4.0):
        with pytest.raises(ValueError, match=r"^the gradient is wrong in theta"):
            plain(lambda t: height + t * t, lambda t, factor=factor: factor * t).check_gradient(1.0)


@pytest.mark.parametrize("height", [1e13, 1e15, 1e18])
def test_what_rounding_hides_is_said_where_there_is_no_complex_step(height):
    for factor in (2.0, 3.0):
        hidden = plain(lambda t: height + t * t + math.erf(0.0 * t), lambda t, factor=factor: factor * t)
        with pytest.raises(
            ValueError, match=r"^theta must be where the loss changes by more than its rounding, got \[1"
        ):
            hidden.check_gradient(1.0)


def test_one_stationary_component_is_looked_at_aside():
    for theta in ([1.0, 0.0], [1.0, 1e-7], [1.0, 1e-5], [1.0, -1e-3]):
        assert plain(lambda t: float(t @ t), lambda t: 2.0 * t, 2).check_gradient(theta) < 1e-6
        with pytest.raises(ValueError, match=r"^the gradient is wrong in theta1: "):
            plain(lambda t: float(t @ t), lambda t: np.array([2.0, -2.0]) * t, 2).check_gradient(theta)


@pytest.mark.slow
@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("theta", [1e-10, 1e-6, 1e-3, 0.5])
def test_a_gradient_near_where_the_loss_ends(compile, theta):
    def loss(t):
        return math.log(t) ** 2

    assert (
        fastgd.Objective(loss, lambda t: 2.0 * math.log(t) / t, start=1.0, compile=compile).check_gradient(theta) < 1e-5
    )
    wrong = fastgd.Objective(loss, lambda t: math.log(t) / t, start=1.0, compile=compile)
    with pytest.raises(ValueError, match=r"^the gradient is wrong in theta"):
        wrong.check_gradient(theta)


def test_a_gradient_where_the_loss_ends():
    root = plain(lambda t: math.sqrt(t), lambda t: 0.0)
    with pytest.raises(
        ValueError, match=r"^theta must be where the loss is finite, got \[0\.\], at or near which it is not$"
    ):
        root.check_gradient(0.0)
