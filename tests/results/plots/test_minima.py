"""Which minimum a point is at."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.cluster.hierarchy

from fastgd.results.plots.minima import minima


@pytest.mark.parametrize("P", [1, 2, 15])
def test_clusters_are_found_and_ordered_by_theta(P):
    rng = np.random.default_rng(P)
    centres = rng.permutation(10)[:5, None] * 10.0 + rng.standard_normal((5, P))
    which = rng.integers(0, 5, 2000)
    theta = centres[which] + rng.uniform(-0.01, 0.01, (2000, P))
    loss = rng.random(2000)
    found = minima(theta, loss, np.ones(2000, dtype=bool), tolerance=0.1)
    linked = scipy.cluster.hierarchy.fcluster(
        scipy.cluster.hierarchy.linkage(theta, "single"), 1.0, criterion="distance"
    )
    pairs = set(zip(found.number.tolist(), linked.tolist(), strict=True))
    assert len(pairs) == len(set(found.number)) == len(set(linked)) == 5
    assert found.theta.tolist() == sorted(found.theta.tolist())
    for number, place in enumerate(found.theta):
        own = found.number == number
        assert place.tolist() == theta[own][loss[own].argmin()].tolist()


def test_numbers_do_not_depend_on_the_order_of_points():
    rng = np.random.default_rng(1)
    theta = rng.choice([-1.0, 0.5, 2.0], 500)[:, None] + rng.uniform(-0.004, 0.004, (500, 1))
    settled = rng.random(500) < 0.7
    loss = np.abs(theta[:, 0])
    order = rng.permutation(500)
    first = minima(theta, loss, settled, 0.02)
    second = minima(theta[order], loss[order], settled[order], 0.02)
    assert first.theta.tolist() == second.theta.tolist()
    assert first.number[order].tolist() == second.number.tolist()


def test_a_valley_is_one_minimum():
    theta = np.linspace(0.0, 50.0, 1000)[:, None] * np.ones(3)
    found = minima(theta, theta[:, 0], np.ones(1000, dtype=bool), tolerance=0.1)
    assert found.theta.tolist() == [[0.0, 0.0, 0.0]]
    assert not found.number.any()


def test_what_is_elsewhere_has_no_number():
    theta = np.array([[0.0], [1e300], [0.001], [-7.0]])
    found = minima(theta, np.zeros(4), np.array([True, False, False, False]), tolerance=0.01)
    assert found.number.tolist() == [0, -1, 0, -1]
    assert minima(theta, np.zeros(4), np.zeros(4, dtype=bool), 0.01).number.tolist() == [-1] * 4


@pytest.mark.parametrize("tolerance", [5e-324, 1e-300, 1e300])
def test_any_tolerance_will_do(tolerance):
    theta = np.array([[-1.0], [1.0], [1e5], [1e5]])
    found = minima(theta, np.zeros(4), np.array([True, True, True, False]), tolerance)
    assert found.number.tolist() == ([0, 1, 2, 2] if tolerance < 1.0 else [0] * 4)


def test_more_places_than_are_compared_leave_the_rest_elsewhere():
    theta = np.arange(3000.0)[:, None] * 5.0
    found = minima(theta, theta[:, 0], np.ones(3000, dtype=bool), tolerance=1.0)
    assert len(found.theta) == 2000
    assert (found.number < 0).sum() == 1000
