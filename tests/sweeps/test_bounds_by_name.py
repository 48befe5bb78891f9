"""Bounds by the names of parameters are the bounds of those parameters."""

from __future__ import annotations

import numpy as np
import pytest

import fastgd

PROBLEM = fastgd.PolynomialFit([0.0, 0.5, 1.0, 2.0], [1.0, 2.0, 3.0, -1.0], 2)


@pytest.mark.parametrize(
    ("named", "lower", "upper"),
    [
        ({}, -np.inf, np.inf),
        ({"c1": (0.0, None)}, [-np.inf, 0.0, -np.inf], np.inf),
        ({"c2": (None, 0.25), "c0": (-0.5, 0.5)}, [-0.5, -np.inf, -np.inf], [0.5, np.inf, 0.25]),
        ({"c0": [None, None]}, -np.inf, np.inf),
        ({"c1": np.array([0.0, 0.125])}, [-np.inf, 0.0, -np.inf], [np.inf, 0.125, np.inf]),
    ],
)
def test_they_are_those_of_a_pair(named, lower, upper):
    how = {"learning_rate": [0.01, 0.05], "max_steps": 50}
    found = fastgd.sweep(PROBLEM, bounds=named, **how)
    assert found.theta.tobytes() == fastgd.sweep(PROBLEM, bounds=(lower, upper), **how).theta.tobytes()
    run = fastgd.descend(PROBLEM, learning_rate=0.05, bounds=named, max_steps=50)
    assert (run.theta >= lower).all()
    assert (run.theta <= upper).all()


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"^bounds must name parameters, which are c0, c1, c2, got 'slope'$"):
        fastgd.sweep(PROBLEM, learning_rate=0.1, bounds={"slope": (0, 1)})
    with pytest.raises(ValueError, match=r"^bounds must have a pair \(lower, upper\) for c1, got 3.0$"):
        fastgd.sweep(PROBLEM, learning_rate=0.1, bounds={"c1": 3.0})
