"""Which configuration a cell shows: held to a slow search through all that fall there."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.results.plots.cells import along, cells, edges, two_axes, values_at


@pytest.fixture(scope="module")
def grid():
    rates = [0.3, 0.1, 0.2, 0.05, 0.4, 0.6, 0.7]
    return fastgd.sweep(
        fastgd.examples.square(),
        learning_rate=rates,
        momentum=[0.5, 0.1, 0.0, 0.9, 0.2],
        rule="momentum",
        max_steps=[1, 2, 3],
    )


def anyhow(result, seed):
    """Return the result with other outcomes, many of them alike."""
    rng = np.random.default_rng(seed)
    shape = result.status.shape
    status = rng.choice([-3, -2, -1, 0, 1, 3], shape, p=[0.1, 0.3, 0.3, 0.1, 0.1, 0.1]).astype(np.int8)
    loss = np.where(status < 0, rng.choice([np.nan, np.inf, -5.0], shape), rng.integers(0, 4, shape).astype(float))
    stalled = (status == 3) & (rng.random(shape) < 0.5)
    return replace(result, status=status, loss=loss, steps=rng.integers(0, 4, shape), stalled=stalled)


def goodness(result, by, index):
    """Return what is less for the better: a tuple."""
    status, loss, steps = result.status[index], result.loss[index], result.steps[index]
    if status < 0:
        return (2, status == Status.CANCELLED, -steps)
    if by == "loss":
        return (0, loss, steps)
    return (0, steps, loss) if status > 0 and not result.stalled[index] else (1, loss, 0)


@pytest.mark.parametrize("by", ["loss", "steps"])
@pytest.mark.parametrize("names", [("learning_rate",), ("momentum", "learning_rate"), ("learning_rate", "max_steps")])
@pytest.mark.parametrize("most", [2, 3, 5, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_a_cell_shows_the_best_that_falls_there(grid, by, names, most, seed):
    result = anyhow(grid, seed)
    picture = tuple(along(result, "x", name) for name in names)
    chosen = cells(result, picture, by=by, most=most)
    numbers = [list(result.axes).index(name) for name in names]
    ranks = [np.argsort(np.argsort(result.axes[name])) for name in names]
    fallen = {}
    for index in itertools.product(*map(range, result.status.shape)):
        cell = tuple(int(rank[index[k]]) // block for rank, k, block in zip(ranks, numbers, chosen.blocks, strict=True))
        fallen.setdefault(cell, []).append(index)
    assert chosen.chosen.shape == tuple(-(-len(r) // b) for r, b in zip(ranks, chosen.blocks, strict=True))
    assert max(chosen.chosen.shape) <= most
    assert set(fallen) == set(np.ndindex(chosen.chosen.shape))
    for cell, there in fallen.items():
        shown = np.unravel_index(chosen.chosen[cell], result.status.shape)
        assert shown in there
        assert goodness(result, by, shown) == min(goodness(result, by, index) for index in there)


def test_what_is_left_out_is_said(grid):
    rate = along(grid, "x", "learning_rate")
    momentum = along(grid, "y", "momentum")
    assert cells(grid, (rate,)).notes("point") == ["1 point = best of 15 over momentum, max_steps"]
    assert cells(grid, (rate, momentum), most=4).notes("cell") == ["1 cell = best of 12 over max_steps and neighbours"]
    one = fastgd.sweep(fastgd.examples.square(), learning_rate=np.linspace(0.1, 0.2, 10))
    assert cells(one, (along(one, "x", None),)).notes("point") == []
    assert cells(one, (along(one, "x", None),), most=5).notes("point", "fastest") == [
        "1 point = fastest of 2 neighbours"
    ]


def test_values_are_those_of_the_chosen(grid):
    rate = along(grid, "x", "learning_rate")
    assert values_at(grid, rate, cells(grid, (rate,)).chosen).tolist() == sorted(rate.values)


# ---- axes -----------------------------------------------------------------------------------------------------------


def test_an_axis_is_named_and_measured():
    dart = fastgd.sweep(fastgd.examples.dart(), theta0=[[0.1], [0.2]], learning_rate=[1e-4, 1e-3, 1e-2])
    start = along(dart, "x", "start")
    assert (start.label, start.values.tolist(), start.log) == ("start of angle", [0.1, 0.2], False)
    assert along(dart, "x", None)[::2] == ("learning_rate", True)
    pizza = fastgd.sweep(fastgd.examples.pizza(), theta0=np.eye(2)[[0, 1, 0]], learning_rate=[1e-4, 1e-4])
    assert along(pizza, "x", "start").label == "start (index)"
    assert along(pizza, "x", "learning_rate").label == "learning_rate (index)"  # two in one place
    assert along(pizza, "x", "start").values.tolist() == [0.0, 1.0, 2.0]


def test_a_zipped_table_is_seen_along_its_columns():
    table = {"learning_rate": [0.3, 0.1, 0.2], "max_steps": [1, 1, 2]}
    result = fastgd.sweep(fastgd.examples.square(), configurations=table)
    assert along(result, "x", None).label == "learning_rate"
    assert along(result, "x", "configuration").values.tolist() == [0.0, 1.0, 2.0]
    assert cells(result, (along(result, "x", "learning_rate"),)).chosen.tolist() == [1, 2, 0]
    with pytest.raises(
        ValueError, match=r"^x must be one of 'configuration', 'learning_rate', 'max_steps', got 'momentum'$"
    ):
        along(result, "x", "momentum")


def test_one_configuration_has_a_learning_rate():
    result = fastgd.sweep(fastgd.examples.square(), learning_rate=0.1)
    rate = along(result, "x", None)
    assert (rate.label, rate.values.tolist()) == ("learning_rate", [0.1])
    assert cells(result, (rate,)).chosen.tolist() == [0]


def test_a_map_takes_the_longest_axes_in_their_order(grid):
    assert two_axes(grid, None, None) == ("learning_rate", "momentum")
    assert two_axes(grid, "max_steps", None) == ("max_steps", "learning_rate")
    assert two_axes(grid, None, "learning_rate") == ("momentum", "learning_rate")
    assert two_axes(grid, "max_steps", "momentum") == ("max_steps", "momentum")


def test_edges_lie_midway():
    assert edges(np.array([1.0, 2.0, 4.0]), log=False).tolist() == [0.5, 1.5, 3.0, 5.0]
    assert edges(np.array([1.0, 4.0]), log=True) == pytest.approx([0.5, 2.0, 8.0])
    low, high = edges(np.array([3.0]), log=False)
    assert low < 3.0 < high
