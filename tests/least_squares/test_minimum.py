"""Minima whose coefficients, rounded to floats, lose the fit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastgd
from tests.oracle.mean_square import Exact, columns_of

YEARS = np.arange(1990.0, 2021.0)
WARMING = np.round(14 + 0.02 * (YEARS - 1990) + 0.1 * np.sin(YEARS), 2)
COUNTERS = 4.2e9 + np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])


def power_fits():
    u = np.linspace(0.0, 1.0, 200)
    yield u, np.cos(7 * u) + 0.01 * np.sin(1000 * u), 40
    yield YEARS, WARMING, 3
    yield YEARS, WARMING, 7
    yield COUNTERS, np.array([1.0, 3.0, 2.0, 5.0, 4.0, 6.0]), 1
    yield np.linspace(-1.0, 1.0, 60), np.exp(np.linspace(-1.0, 1.0, 60)), 9
    yield np.linspace(0.0, 1.0, 30), np.cos(np.arange(30.0)), 60


@pytest.mark.parametrize("case", range(6))
def test_the_loss_of_a_minimum_is_that_of_its_theta(case):
    x, y, degree = list(power_fits())[case]
    problem = fastgd.PolynomialFit(x, y, degree)
    minimum = problem.minimum()
    own = float(Exact(columns_of(x, degree), y).loss(minimum.theta))
    assert minimum.loss == pytest.approx(own, rel=1e-9, abs=1e-26)
    assert minimum.loss >= minimum.least_loss * (1 - 1e-9)
    assert minimum.attained == (minimum.loss <= minimum.least_loss * (1 + 1e-6) + 1e-20 * np.mean(y**2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.RankWarning)
        peer = np.polyfit(x, y, degree)[::-1]
    assert minimum.loss <= float(Exact(columns_of(x, degree), y).loss(peer)) * (1 + 1e-9) + 1e-26


def test_a_minimum_that_coefficients_can_not_hold_says_so():
    x, y, degree = next(power_fits())
    minimum = fastgd.PolynomialFit(x, y, degree).minimum()
    assert not minimum.attained
    assert minimum.loss < 4.92e-5
    assert minimum.least_loss == pytest.approx(4.70596593e-05, rel=1e-7)
    assert "can't hold the fit, whose least loss is 4.70596593" in str(minimum)
    held = fastgd.examples.pizza().minimum()
    assert held.attained
    assert "hold" not in str(held)


@pytest.mark.parametrize(("N", "degree"), [(30, 60), (60, 60), (100, 300), (20, 40)])
def test_as_many_coefficients_as_points(N, degree):
    x = np.linspace(-1.0, 1.0, N)
    y = np.sin(3 * x)
    problem = fastgd.PolynomialFit(x, y, degree)
    minimum = problem.minimum()
    assert minimum.rank == N
    assert minimum.loss < 1e-24
    assert np.polynomial.polynomial.polyval(x, minimum.theta) == pytest.approx(y, abs=1e-11)
