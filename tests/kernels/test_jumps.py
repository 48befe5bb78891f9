"""Jumps to the last step, of many configurations at once: the same bits in any company, tile and slice."""

from __future__ import annotations

import numpy as np
import pytest

import fastgd
from tests.tools.cases import bits


def fit(P):
    x = np.random.default_rng(P).uniform(-1.0, 1.0, 200)
    return fastgd.PolynomialFit(x, np.sin(3.0 * x), degree=P - 1)


def rates(problem):
    """Return an odd number of rates, in no order: none, slow, fast, of odd powers, growing, diverging, beyond all."""
    limit = problem.spectrum().max_learning_rate
    all_rates = [0.0, *np.geomspace(1e-9, 3.0, 150) * limit, limit, 1e3 * limit, 1e300]
    return np.random.default_rng(0).permutation(all_rates)


@pytest.mark.parametrize("tests", [{}, {"tolerance": 1e-6}], ids=["no tests", "a test"])
@pytest.mark.parametrize("P", [1, 4, 9])
def test_company_tiles_and_threads(cut, P, tests):
    problem = fit(P)
    asked = {"max_steps": 300, "engine": "spectral", **tests}
    learning_rate = rates(problem)
    whole = fastgd.sweep(problem, learning_rate=learning_rate, **asked)
    assert {fastgd.Status.DIVERGED, fastgd.Status.MAX_STEPS} <= set(whole.status)
    backwards = fastgd.sweep(problem, learning_rate=learning_rate[::-1], **asked)
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        np.testing.assert_array_equal(getattr(backwards, name)[::-1], getattr(whole, name))
    for c in range(0, len(learning_rate), 10):
        alone = fastgd.descend(problem, learning_rate=learning_rate[c], **asked)
        np.testing.assert_array_equal(alone.theta, whole.theta[c])
        assert (alone.steps, alone.status) == (whole.steps[c], whole.status[c])
    for tile in (1, 7):
        cut(largest_exact_tile=tile, thread_seconds=0.0)
        assert bits(fastgd.sweep(problem, learning_rate=learning_rate, threads=2, **asked)) == bits(whole)


def test_recording_changes_nothing():
    problem = fit(4)
    asked = {"learning_rate": rates(problem), "max_steps": 300, "engine": "spectral"}
    plain = fastgd.sweep(problem, **asked)
    recorded = fastgd.sweep(problem, record_every=70, **asked)
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        np.testing.assert_array_equal(getattr(recorded, name), getattr(plain, name))


def test_watchers_of_one_rate():
    """Configurations that share rate and start give what each gives alone."""
    problem = fit(4)
    thresholds = problem.minimum().loss + np.geomspace(1e-8, 1.0, 9)
    asked = {"max_steps": 3000, "engine": "spectral"}
    learning_rate = np.sort(rates(problem))[::20]
    together = fastgd.sweep(problem, learning_rate=learning_rate, loss_threshold=thresholds, **asked)
    for k, threshold in enumerate(thresholds):
        alone = fastgd.sweep(problem, learning_rate=learning_rate, loss_threshold=threshold, **asked)
        for name in ("theta", "loss", "gradient_norm", "steps", "status"):
            np.testing.assert_array_equal(getattr(together, name)[:, k], getattr(alone, name))
