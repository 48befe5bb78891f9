"""Sums over few samples: the same bits for any number of lanes, the values that NumPy's arithmetic gives."""

from __future__ import annotations

import numpy as np
import pytest

import fastgd
from tests.tools.fits import LOSSES

THETAS = 67  # eight vectors of eight lanes, and three lanes left over


def fit(kind, P, N, how, dtype=np.float64):
    random = np.random.default_rng(N + 100 * P)
    y = (2.0 * random.normal(size=N)).astype(dtype)
    if kind == "line":
        return fastgd.LinearFit(random.normal(size=(N, P)).astype(dtype), y, intercept=False, **how(random))
    return fastgd.PolynomialFit(random.normal(size=N).astype(dtype), y, P - 1, **how(random))


WAYS = {
    "plain": lambda random, N: {},
    "weights": lambda random, N: {"sample_weight": random.uniform(0.0, 2.0, N)},
    "penalty": lambda random, N: {"l2": 0.3, "reduction": "sum"},
    "both": lambda random, N: {"sample_weight": random.uniform(0.0, 2.0, N), "l2": 0.3},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("kind", "P"), [("line", 1), ("line", 3), ("polynomial", 1), ("polynomial", 2), ("polynomial", 4)]
)
def test_same_bits_for_any_number_of_lanes(kind, P, way, loss):
    for N in (1, 7, 30, 128):
        how = lambda random, N=N: {"loss": LOSSES[loss].loss} | WAYS[way](random, N)  # noqa: E731
        problem = fit(kind, P, N, how)
        assert problem.compiled_loss().by_lanes
        thetas = np.random.default_rng(P).normal(size=(THETAS, P))
        losses, gradients = problem.loss_and_gradient(thetas)
        for count in (1, 5, 8, 13, 64):
            some_losses, some_gradients = problem.loss_and_gradient(thetas[-count:])
            assert some_losses.tobytes() == losses[-count:].tobytes(), (N, count)
            assert some_gradients.tobytes() == gradients[-count:].tobytes(), (N, count)


@pytest.mark.parametrize("kind", ["line", "polynomial"])
@pytest.mark.parametrize("loss", LOSSES)
def test_as_many_samples_sum_to(kind, loss):
    """The same samples twice are too many for lanes, and have the same mean."""
    random = np.random.default_rng(0)
    x = random.normal(size=120)
    y = random.normal(size=120)
    weights = random.uniform(0.5, 2.0, 120)

    def problem(x, y, weights):
        how = {"loss": LOSSES[loss].loss, "sample_weight": weights}
        return fastgd.LinearFit(x, y, **how) if kind == "line" else fastgd.PolynomialFit(x, y, 3, **how)

    few = problem(x, y, weights)
    many = problem(*(np.concatenate([values, values]) for values in (x, y, weights)))
    assert few.compiled_loss().by_lanes
    assert not many.compiled_loss().by_lanes
    thetas = random.normal(size=(9, few.dimension))
    for found, expected in zip(few.loss_and_gradient(thetas), many.loss_and_gradient(thetas), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
