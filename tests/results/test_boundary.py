"""The boundary between outcomes: its cells by hand, its dimension where that is known, by proof or published."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import fastgd

SIDE = 1024
ROW, COLUMN = np.ogrid[:SIDE, :SIDE]


def two_wells(theta):
    return (theta**2 - 1.0) ** 2


def slope_of_two_wells(theta):
    return 4.0 * theta * (theta**2 - 1.0)


# ---- cells ----------------------------------------------------------------------------------------------------------


def test_cells_by_hand():
    found = fastgd.boundary(np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 7]]))
    assert found.mask.tolist() == [[False] * 4, [False, False, True, True], [False, False, True, True]]
    assert found.sizes.tolist() == [1]
    assert found.counts.tolist() == [3.0]  # one of six boxes, and two that go over the edge
    assert math.isnan(found.dimension)
    assert math.isnan(found.error)
    assert repr(found) == "<Boundary of 4 of 12 cells, too few for a dimension>"


def test_a_boundary_between_more_than_two():
    """Labels are names: that 1 lies between 0 and 2 means nothing."""
    labels = np.array([[0, 1, 1, 2], [0, 1, 1, 2]])
    np.testing.assert_array_equal(fastgd.boundary(labels).mask, np.ones((2, 4), dtype=bool))
    np.testing.assert_array_equal(fastgd.boundary(labels.T).mask, np.ones((4, 2), dtype=bool))


def test_along_one_axis():
    found = fastgd.boundary(np.array([True, True, False, False, False]))
    assert found.mask.tolist() == [False, True, True, False, False]
    assert found.counts.tolist() == [1.0]


def test_nothing_differs():
    found = fastgd.boundary(np.zeros((40, 40), dtype=bool))
    assert not found.mask.any()
    assert not found.counts.any()
    assert math.isnan(found.dimension)


def test_of_a_sweep():
    rates = np.linspace(0.1, 1.5, 15)  # those of x^2 from 1.0 on fail
    result = fastgd.sweep(fastgd.examples.square(), learning_rate=rates, theta0=[[1.0], [2.0]], max_steps=200)
    found = fastgd.boundary(result)
    assert found.mask.shape == result.status.shape == (2, 15)
    np.testing.assert_array_equal(found.mask, [np.abs(np.arange(15) - 9.5) < 1] * 2)  # 1.0 keeps the loss as it is
    assert fastgd.boundary(result, "status") == found
    one = fastgd.sweep(fastgd.examples.square(), learning_rate=rates, theta0=[[1.0]], max_steps=200)
    np.testing.assert_array_equal(fastgd.boundary(one).mask, found.mask[0])


def test_by_status_and_by_minimum():
    problem = fastgd.Objective(two_wells, slope_of_two_wells)
    starts = np.array([-1.5, -0.5, 0.5, 1.5, 40.0])[:, None]
    result = fastgd.sweep(problem, theta0=starts, learning_rate=[0.05, 0.06], gradient_tolerance=1e-9)
    assert (np.sign(result.theta[:4, :, 0]) == [[-1, -1], [-1, -1], [1, 1], [1, 1]]).all()
    assert result.failed.tolist() == [[False, False]] * 4 + [[True, True]]
    by = {word: fastgd.boundary(result, by=word).mask[:, 0].tolist() for word in ("failed", "status", "minimum")}
    assert by["failed"] == by["status"] == [False, False, False, True, True]
    assert by["minimum"] == [False, True, True, True, True]


def test_one_step_along_an_axis_has_no_dimension():
    found = fastgd.boundary(np.arange(1000) > 300)
    assert (found.dimension, found.error) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert found.counts.tolist() == [1.0] * 6


def test_a_record():
    found = fastgd.boundary(COLUMN > ROW // 2)
    assert isinstance(found, fastgd.Boundary)
    assert pickle.loads(pickle.dumps(found)) == copy.deepcopy(found) == found
    assert found != fastgd.boundary(COLUMN > ROW // 3)
    with pytest.raises(ValueError, match="read-only"):
        found.mask[0, 0] = True
    assert repr(found).startswith("<Boundary of ")
    assert f"dimension {found.dimension:.3f} ± {found.error:.3f} by boxes of 1 to 64 cells>" in repr(found)


# ---- dimensions -----------------------------------------------------------------------------------------------------


def cantor_gaps(n):
    """Return whether the gap of Cantor's set in which each of n places in [0, 1] lies is of an even or an odd level."""
    place = (np.arange(n) + 0.5) / n
    depth = np.full(n, -1)
    for level in range(30):
        digit = np.floor(place * 3.0)
        depth[(digit == 1.0) & (depth < 0)] = level
        place = place * 3.0 - digit
    return depth % 2


KNOWN = {
    "a line between cells": (1.0, (COLUMN > 300) & (ROW >= 0)),
    "a line askew": (1.0, 0.37 * ROW + 100 > COLUMN),
    "a diagonal": (1.0, ROW > COLUMN),
    "a circle": (1.0, (ROW - 500) ** 2 + (COLUMN - 520) ** 2 < 400**2),
    "what fills the plane": (2.0, np.random.default_rng(0).random((SIDE, SIDE)) < 0.5),
    "Sierpinski's triangle": (math.log2(3.0), np.frexp((ROW & COLUMN).astype(float))[1] % 2),  # of levels, too
    "Cantor's set": (math.log(2.0, 3.0), cantor_gaps(3**11)),
    "Cantor's set by a line": (1.0 + math.log(2.0, 3.0), cantor_gaps(SIDE)[:, None] + 0 * COLUMN),
}


@pytest.mark.parametrize("name", KNOWN)
def test_dimension_that_is_proved(name):
    dimension, labels = KNOWN[name]
    for turned in (labels, labels.T, labels[..., ::-1]):
        found = fastgd.boundary(turned)
        assert abs(found.dimension - dimension) < min(found.error + 1e-12, 0.07)


@pytest.mark.parametrize(("c", "dimension"), [(0.0, 1.0), (-1.0, 1.26835)])
def test_descents_to_a_julia_set(c, dimension):
    """At rate 1 this one goes to conj(z^2 + c) from z, whose Julia set for a real c is that of z^2 + c.

    That of z^2 is the unit circle; for z^2 - 1 C. T. McMullen, "Hausdorff dimension and conformal dynamics III", Amer.
    J. Math. 120, 1998, computes 1.26835.
    """

    def loss(theta):
        x, y = theta
        return (x * x + y * y) / 2.0 - (x**3 - 3.0 * x * y * y) / 3.0 - c * x

    def gradient(theta):
        x, y = theta
        return np.array([x - (x * x - y * y) - c, y + 2.0 * x * y])

    problem = fastgd.Objective(loss, gradient, dimension=2)
    problem.check_gradient()
    along = np.linspace(-1.8, 1.8, SIDE)
    starts = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2)
    result = fastgd.sweep(problem, theta0=starts, learning_rate=1.0, max_steps=300, divergence_threshold=1e6)
    found = fastgd.boundary((result.status == fastgd.Status.DIVERGED).reshape(SIDE, SIDE))
    assert abs(found.dimension - dimension) < min(found.error, 0.01)


# How often rates k 1.5 / 2^n, k = 0 ... 2^n, change from bounded to divergent, n = 0 ... 20: numB of exp-0-numB.mat of
# https://github.com/liuyz0/FractalBoundary, 1,000 steps from x = 1; what is bounded stays at losses up to 1e8.
COUNTED = [1, 1, 1, 1, 3, 5, 7, 13, 21, 27, 57, 115, 247, 423, 683, 1215, 2303, 4245, 7619, 13365, 22885]


def test_liu_s_counts():
    """Y. Liu (2024), arXiv:2406.13971: x^2 (1 + 0.2 cos(20 pi x)). Rounding decides on a few in a thousand."""

    def loss(x):
        return x * x * (1.0 + 0.2 * math.cos(2.0 * math.pi * x / 0.1))

    def gradient(x):
        turn = 2.0 * math.pi * x / 0.1
        return 2.0 * x * (1.0 + 0.2 * math.cos(turn)) - 0.2 * 2.0 * math.pi * x * x * math.sin(turn) / 0.1

    bowl = fastgd.Objective(loss, gradient, start=1.0)
    halvings = 16
    rates = np.linspace(0.0, 1.5, 2**halvings + 1)
    result = fastgd.sweep(bowl, learning_rate=rates, max_steps=1000, divergence_threshold=1e8)
    diverged = result.status == fastgd.Status.DIVERGED
    counts = [np.count_nonzero(np.diff(diverged[:: 2 ** (halvings - n)])) for n in range(halvings + 1)]
    np.testing.assert_allclose(counts, COUNTED[: halvings + 1], rtol=0.01, atol=4)
    found = fastgd.boundary(diverged)
    assert abs(found.dimension - np.polyfit(np.arange(4, 21), np.log2(COUNTED[4:]), 1)[0]) < found.error


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "error", "sentence"),
    [
        (
            np.zeros((2, 2, 2), dtype=bool),
            ValueError,
            r"^result must be a SweepResult or an array \(n, m\) of bool or ",
        ),
        (
            np.zeros((0, 2), dtype=bool),
            ValueError,
            r"^result must be a SweepResult or an array \(n, m\) of bool or int",
        ),
        (np.zeros((4, 4)), TypeError, r"^result must be .* got an array of shape \(4, 4\) and dtype float64$"),
        ("mask", TypeError, "^result must be a SweepResult or an array .* got 'mask'$"),
        ([[1, 2], [3]], ValueError, r"^result must be a SweepResult or an array .* got \[\[1, 2\], \[3\]\]$"),
        (None, TypeError, "^result must be a SweepResult or an array .* got None$"),
    ],
)
def test_what_is_no_grid(result, error, sentence):
    with pytest.raises(error, match=sentence):
        fastgd.boundary(result)


def test_other_sweeps():
    square = fastgd.examples.square()
    zipped = fastgd.sweep(square, configurations={"learning_rate": [0.1, 2.0]})
    with pytest.raises(
        ValueError, match=r"^result must be of axes, got zipped configurations, which have no neighbours$"
    ):
        fastgd.boundary(zipped)
    cube = fastgd.sweep(square, learning_rate=[0.1, 2.0], max_steps=[1, 2], tolerance=[0.1, 0.2])
    with pytest.raises(
        ValueError, match=r"^result must be over one or two axes, got one over learning_rate, max_steps, tolerance$"
    ):
        fastgd.boundary(cube)
    with pytest.raises(ValueError, match=r"^by must be one of 'failed', 'status', 'minimum', got 'loss'$"):
        fastgd.boundary(zipped, by="loss")
