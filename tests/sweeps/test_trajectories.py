"""Configurations that differ only in where they stop are one descent, and what each tells is what it tells alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastgd
from tests.tools.cases import RESULTS, RULES, SCHEDULES, WITH_MOMENTUM, assert_equals_oracle, bits, random_case

RATES = [1e-3, 0.05, 0.4, 3.0]  # the last of them grows
WATCHED = {
    "max_steps": [0, 1, 7, 40],
    "tolerance": [0.3, 1e-3],
    "loss_threshold": [1.0, 0.2, -1.0],
    "gradient_tolerance": [1e-1, 1e-3],
    "divergence_threshold": [5.0, 1e9],
}
x = np.linspace(-1.0, 1.0, 40)


def cubic(N=40, **how):
    at = np.linspace(-1.0, 1.0, N)
    return fastgd.PolynomialFit(at, np.sin(3.0 * at) + 0.1 * np.cos(40.0 * at), 3, **how)


def line(F):
    random = np.random.default_rng(F)
    return fastgd.LinearFit(random.normal(size=(50, F)), random.normal(size=50), l2=0.1)


PROBLEMS = {
    "few samples": (cubic(), "samples"),
    "Huber": (cubic(loss=fastgd.Huber(0.3)), "samples"),
    "weights": (cubic(sample_weight=np.arange(40) % 3), "samples"),
    "many samples": (cubic(5000), "samples"),
    "many features": (line(20), "samples"),
    "objective": (fastgd.Objective(lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0)), "samples"),
    "plain Python": (fastgd.Objective(lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0), compile=False), "samples"),
    "statistics": (cubic(), "moments"),
    "statistics of many": (line(20), "moments"),
    "modes": (cubic(), "spectral"),
}


def columns_of(grid):
    """Return the grid's configurations as columns, and an order in which no two neighbours go the same way."""
    names = [*grid]
    product = np.meshgrid(*(np.asarray(grid[name], dtype=float) for name in names), indexing="ij")
    return {name: values.ravel() for name, values in zip(names, product, strict=True)}


def assert_same_as_apart(problem, engine, grid, **shared):
    """Compare a grid with its configurations in an order that keeps those of one descent apart."""
    together = fastgd.sweep(problem, engine=engine, **grid, **shared)
    columns = columns_of(grid)
    count = len(columns["learning_rate"])
    apart = np.arange(count).reshape(len(grid["learning_rate"]), -1).T.ravel()
    if "max_steps" in columns:
        columns["max_steps"] = columns["max_steps"].astype(np.int64)
    scattered = {name: values[apart] for name, values in columns.items()}
    alone = fastgd.sweep(problem, engine=engine, configurations=scattered, **shared)
    assert together.timing.trajectories < count
    assert alone.timing.trajectories == count
    for name in (*RESULTS, "initial_loss", "stalled"):
        found = getattr(together, name).reshape(count, -1)[apart]
        assert found.tobytes() == getattr(alone, name).reshape(count, -1).tobytes(), name
    if together.trajectory is not None:
        for name in ("theta", "loss"):
            found = getattr(together.trajectory, name)
            found = found.reshape(count, -1)[apart]
            expected = getattr(alone.trajectory, name).reshape(count, -1)
            assert found.tobytes() == expected.tobytes(), name
    return together


@pytest.mark.parametrize("which", PROBLEMS)
def test_all_that_stops_a_descent(which):
    problem, engine = PROBLEMS[which]
    grid = {"learning_rate": RATES} | WATCHED
    recorded = {"record_every": 3} if engine != "spectral" else {}
    result = assert_same_as_apart(problem, engine, grid, **recorded)
    assert result.timing.trajectories == len(RATES)
    assert len(np.unique(result.status)) >= 4
    assert list(result.axes) == ["learning_rate", *WATCHED]
    assert "4 trajectories" in str(result).splitlines()[0]
    assert "trajectories" in str(result.timing)


@pytest.mark.parametrize("engine", ["samples", "moments"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("how", SCHEDULES, ids=lambda how: how["schedule"])
def test_every_rule_and_schedule(engine, rule, how):
    """Under the cosine schedule max_steps moves a descent, too."""
    grid = {"learning_rate": [0.02, 0.3]} | ({"momentum": [0.0, 0.9]} if rule in WITH_MOMENTUM else {})
    grid |= {"max_steps": [3, 30], "tolerance": [1e-2, 1e-4], "loss_threshold": [0.3, 0.01]}
    result = assert_same_as_apart(cubic(), engine, grid, rule=rule, record_every=4, bounds=(-1.5, 1.5), **how)
    movers = [name for name in ("learning_rate", "momentum") if name in grid] + ["max_steps"] * (
        how["schedule"] == "cosine"
    )
    assert result.timing.trajectories == np.prod([len(grid[name]) for name in movers])


def test_evaluations_are_those_of_the_longest():
    problem = cubic(loss=fastgd.Huber(0.3))
    alone = fastgd.sweep(problem, learning_rate=[0.01, 0.1], max_steps=50)
    watched = fastgd.sweep(problem, learning_rate=[0.01, 0.1], max_steps=[5, 10, 50], loss_threshold=[-1.0, -2.0])
    assert alone.timing.evaluations == watched.timing.evaluations == 2 * 51
    assert watched.timing.sample_visits == 2 * 51 * 40
    assert watched.timing.steps == 2 * 2 * (5 + 10 + 50)
    assert watched.timing.to_dict()["trajectories"] == 2


def test_many_starts_and_equal_neighbours():
    """Starts are compared to the bit, and so are rates, however they are given."""
    starts = [[0.0] * 4, [-0.0] * 4, [0.0] * 4]
    columns = {"theta0": starts, "learning_rate": [0.1] * 3, "max_steps": [0, 5, 5]}
    assert fastgd.sweep(cubic(), engine="samples", configurations=columns).timing.trajectories == 3
    columns["theta0"] = [[0.0] * 4] * 3
    result = fastgd.sweep(cubic(), engine="samples", configurations=columns)
    assert result.timing.trajectories == 1
    assert result.timing.evaluations == 6
    assert result.steps.tolist() == [0, 5, 5]


@pytest.mark.parametrize("engine", ["samples", "moments", "spectral"])
def test_cut_anywhere(engine, cut):
    """Neither lanes nor tiles nor slices, which leave descents at any step, change a bit."""
    problem = cubic(loss=fastgd.Huber(0.3)) if engine == "samples" else cubic()
    grid = {"learning_rate": np.geomspace(1e-3, 3.0, 11)} | {
        name: WATCHED[name] for name in ("max_steps", "tolerance", "loss_threshold")
    }
    how = {"engine": engine} if engine == "spectral" else {"engine": engine, "rule": "adam", "record_every": 2}
    expected = bits(fastgd.sweep(problem, **grid, **how))
    for sizes in (
        {"lanes": 1},
        {"lanes": 3},
        {"lanes": 256},
        {"largest_tile": 5, "largest_exact_tile": 5},
        {"first_visits": 1.0, "slice_seconds": 1e-9},
        {"first_visits": 1e4, "slice_seconds": 1e-9, "lanes": 7},
    ):
        cut(**{"slice_seconds": 0.1, "first_visits": 1e7, "lanes": 64, "largest_tile": 4096} | sizes)
        assert bits(fastgd.sweep(problem, **grid, **how)) == expected, sizes


def test_tiles_hold_whole_trajectories(cut):
    cut(largest_tile=64, tiles_per_worker=1, thread_seconds=0.0)
    result = fastgd.sweep(cubic(loss=fastgd.Huber(0.3)), learning_rate=np.geomspace(0.01, 0.1, 20), max_steps=range(50))
    assert result.timing.evaluations == 20 * 50


def test_samples_on_all_threads(force):
    force("samples")
    grid = {"learning_rate": RATES} | WATCHED
    result = assert_same_as_apart(cubic(30_000), "samples", grid)
    assert result.timing.axis == "samples"


many = st.lists(st.floats(1e-9, 2.0), min_size=1, max_size=4, unique=True)
limits = st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True)


@given(st.integers(0, 200), limits, many, many, st.sampled_from(SCHEDULES), st.sampled_from(["samples", "moments"]))
def test_random_watchers_against_the_oracle(seed, max_steps, thresholds, tolerances, how, engine):
    case = random_case(seed)
    tests = {"max_steps": max_steps, "tolerance": tolerances, "loss_threshold": thresholds}
    result = fastgd.sweep(case.problem, learning_rate=[0.02, 0.3], engine=engine, **tests, **how)
    assert_equals_oracle(result, case, **how)
