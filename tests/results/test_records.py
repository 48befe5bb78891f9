"""A result is a record: it says what was run whatever becomes of the arrays that went in, compares, hashes, prints."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

import fastgd
from fastgd.record import Record
from fastgd.sweeps import run
from tests.tools.cases import random_case, square

# ---- nothing is shared, nothing can be changed -------------------------------------------------------------------


def arrays_of(value):
    """Yield every array that a record holds or hands out."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from (array for part in value.values() for array in arrays_of(part))
    elif isinstance(value, Record):
        yield from (array for part in vars(value).values() for array in arrays_of(part))
        yield from arrays_of(getattr(value, "axes", None))


def given():
    return {
        "theta0": np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]),
        "learning_rate": np.array([0.01, 0.02, 0.04]),
        "max_steps": np.array([3, 7]),
        "decay": np.array([0.1, 0.2]),
        "tolerance": np.array([1e-9, 1e-8]),
    }


def columns(C=6):
    steps = np.arange(1, C + 1)
    return {
        "theta0": np.tile([0.1, 0.2, 0.3], (C, 1)) / steps[:, None],
        "learning_rate": 0.01 * steps,
        "max_steps": steps,
    }


LOWER, UPPER = np.array([-1.0, -2.0, -3.0]), np.array([1.0, 2.0, math.inf])


@pytest.mark.parametrize("zipped", [False, True])
def test_what_the_caller_does_to_arrays_does_not_reach_a_result(zipped):
    arrays, bounds = columns() if zipped else given(), (LOWER.copy(), UPPER.copy())
    how = {"schedule": "inverse_time", "bounds": bounds, "record_every": 2, "engine": "samples"}
    result = fastgd.sweep(random_case(5).problem, **({"configurations": arrays} if zipped else arrays), **how)
    text, axes, best = str(result), copy.deepcopy(result.axes), result.outcome(-1)
    configuration = best.configuration
    for array in (*arrays.values(), *bounds):
        assert not any(np.shares_memory(array, own) for own in arrays_of(result))
        assert array.flags.writeable
        array[...] = 7
    assert str(result) == text
    assert all(np.array_equal(result.axes[name], values) for name, values in axes.items())
    assert best.configuration == configuration == result.outcome(-1).configuration


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))])
def test_records_are_read_only(again):
    problem = random_case(5).problem
    result = fastgd.sweep(problem, **given(), schedule="exponential", record_every=2)
    run = fastgd.descend(problem, learning_rate=0.01, max_steps=3)
    zipped = fastgd.sweep(problem, configurations=columns())
    for record in map(again, (result, result.best, result.trajectory, run, zipped, problem.spectrum())):
        arrays = list(arrays_of(record))
        assert arrays
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.theta = 3


def test_what_is_handed_out_is_the_users():
    """Dictionaries are copies, as are the arrays of a minimum and of SciPy's result."""
    problem = random_case(5).problem
    result = fastgd.sweep(problem, **given(), schedule="exponential", bounds=(LOWER, UPPER))
    text, best, minimum = str(result), result.best.configuration, problem.minimum()
    found = result.best.configuration
    found["learning_rate"], found["theta0"][0], found["bounds"][0][1] = 7.0, 8.0, 9.0
    result.axes.clear()
    result.timing.to_dict()["versions"].clear()
    minimum.theta[:] = 5.0
    fastgd.descend(problem, learning_rate=0.01).to_optimize_result().x[:] = 5.0
    assert str(result) == text
    assert result.best.configuration == best != found
    assert result.timing.versions
    assert problem.minimum().theta.tolist() != minimum.theta.tolist()


def test_a_problems_start_is_its_own():
    start = np.array([1.0, 2.0])
    problem = fastgd.PolynomialFit([0.0, 1.0], [1.0, 2.0], 1, start=start)
    start[:] = 9.0
    assert problem.start.tolist() == [1.0, 2.0]
    run = fastgd.descend(problem, learning_rate=0.0)
    with pytest.raises(ValueError, match="read-only"):
        problem.start[0] = 3.0
    assert run.configuration["theta0"] == [1.0, 2.0]


def test_large_results_are_not_copied(monkeypatch):
    """What kernels wrote to is what a result holds: a view of it, of the grid's shape."""
    states, new_state = [], run.new_state
    monkeypatch.setattr(run, "new_state", lambda *sizes: states.append(new_state(*sizes)) or states[-1])
    result = fastgd.sweep(square(), learning_rate=[0.1, 0.2], max_steps=[3, 4], record_every=1, engine="moments")
    (state,) = states
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        assert np.shares_memory(getattr(state, name), getattr(result, name))
    assert np.shares_memory(state.trajectory_theta, result.trajectory.theta)


# ---- comparing, hashing, printing ---------------------------------------------------------------------------------


def records(rate=0.1):
    """Return one of each kind; the sweep has NaN in its trajectory and diverges in one configuration."""
    result = fastgd.sweep(square(), learning_rate=[rate, 1e200], max_steps=[2, 9], record_every=1, engine="moments")
    run = fastgd.descend(square(), learning_rate=rate, max_steps=4)
    problem = fastgd.PolynomialFit([0.0, 1.0, 2.0 + rate], [1.0, 2.0, 5.0], 1)
    return [result, result.best, result.trajectory, run, run.trajectory, problem.spectrum(), problem.minimum()]


def test_equal_records_are_equal():
    kinds, same, others = records(), records(), records(0.2)
    assert np.isnan(kinds[0].trajectory.loss).any()
    for one, again, other in zip(kinds, same, others, strict=True):
        assert one == again == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one)
        assert (one != again) is False
        assert one != other
        assert (one == other) is False
        assert hash(one) == hash(again)
        assert len({one, again}) == 1
        assert other not in [one]
        assert one is not None
        assert one != 3
        assert one != "text"
    assert all(one != another for k, one in enumerate(kinds) for another in kinds[k + 1 :])
    assert hash(kinds[0].timing) == hash(pickle.loads(pickle.dumps(kinds[0].timing)))


def test_zero_has_no_sign_where_records_are_compared():
    """0.0 == -0.0, so their hashes must be equal."""
    plus, minus = (fastgd.descend(square(), start, learning_rate=0.0, max_steps=0) for start in (0.0, -0.0))
    assert math.copysign(1.0, minus.theta[0]) == -1.0
    assert plus == minus
    assert hash(plus) == hash(minus)


@pytest.mark.parametrize("change", [{"max_steps": 10}, {"rule": "sign"}, {"bounds": (-5, 5)}, {"engine": "samples"}])
def test_results_of_other_settings_differ(change):
    """Even where every number that came out is the same: nothing moves at rate 0."""
    how = {"learning_rate": [0.0, 0.0], "tolerance": 1e-3, "engine": "moments"}
    one, other = fastgd.sweep(square(), **how), fastgd.sweep(square(), **how | change)
    assert one.steps.tolist() == other.steps.tolist()
    assert one != other


@pytest.mark.parametrize("P", [1, 9, 501])
def test_records_print_in_a_line(P):
    problem = fastgd.PolynomialFit(np.linspace(-1, 1, 5), np.arange(5.0), P - 1)
    result = fastgd.sweep(problem, learning_rate=[0.01, 0.02], max_steps=3, engine="samples", record_every=1)
    run = fastgd.descend(problem, learning_rate=0.01, max_steps=1, engine="samples")
    found = [result, result.best, result.trajectory, run, run.trajectory]
    for record in found if P > 100 else [*found, problem.spectrum()]:
        text = repr(record)
        assert type(record).__name__ in text
        assert "\n" not in text
        assert len(text) < 300
    assert "1 step," in repr(run)
    assert "2 recorded steps" in repr(run.trajectory)
    assert len(str(result.best)) < 500


# ---- one of many --------------------------------------------------------------------------------------------------


def test_outcomes_by_index():
    result = fastgd.sweep(square(), theta0=[[1.0], [2.0]], learning_rate=[0.1, 0.2, 0.3], max_steps=[1, 2, 3, 4])
    for flat, index in enumerate(np.ndindex(2, 3, 4)):
        i, j, k = index
        theta = [1.0, 2.0][i] * (1 - 2 * [0.1, 0.2, 0.3][j]) ** (k + 1)
        negative = tuple(place - n for place, n in zip(index, (2, 3, 4), strict=True))
        for spelt in (flat, flat - 24, index, list(index), np.array(index), negative, np.int64(flat)):
            assert result.outcome(spelt) == result.outcome(flat)
        assert result.outcome(index).theta == pytest.approx([theta], rel=1e-14)
        assert result.outcome(index).configuration["max_steps"] == k + 1
    single = fastgd.sweep(square(), learning_rate=0.1)
    assert single.outcome(()) == single.outcome(0) == single.outcome(-1) == single.best


@pytest.mark.parametrize("index", [24, -25, (0, 0), (2, 0, 0), (0, -4, 0), (0, 0, 0, 0), (0, 0, 0.5), "0", None, ()])
def test_an_index_that_is_none(index):
    result = fastgd.sweep(square(), theta0=[[1.0], [2.0]], learning_rate=[0.1, 0.2, 0.3], max_steps=[1, 2, 3, 4])
    with pytest.raises((ValueError, TypeError), match=r"^index must be .*, got "):
        result.outcome(index)


def test_the_best_along_an_axis():
    """From 1 theta is (1 - 2 rate)^t: 2^-t at 1/4, 0 from the first step on at 1/2, and it grows at 2."""
    rates = {"learning_rate": [0.25, 0.5, 2.0], "max_steps": [1, 3], "engine": "samples"}
    result = fastgd.sweep(square(), **rates)
    half, zero, none = result.best_along("learning_rate")
    assert (half.loss, half.steps, half.configuration["learning_rate"]) == (2.0**-6, 3, 0.25)
    assert (zero.loss, zero.steps) == (0.0, 1)  # of equals the one of fewer steps
    assert none is None
    assert [(best.loss, best.steps) for best in result.best_along("max_steps")] == [(0.0, 1), (0.0, 3)]
    assert min(filter(None, result.best_along("learning_rate")), key=lambda best: best.loss) == result.best
    starts = fastgd.sweep(square(), theta0=[[3.0], [0.0]], **rates).best_along("start")
    assert [(best.loss, best.steps) for best in starts] == [(0.0, 1), (0.0, 1)]
    flat = fastgd.sweep(square(), learning_rate=[0.0, 0.0], tolerance=1.0, max_steps=[5, 9], engine="samples")
    assert [best.configuration["max_steps"] for best in flat.best_along("learning_rate")] == [5, 5]  # then the first
    zipped = fastgd.sweep(square(), configurations={"learning_rate": [2.0, 0.25]}, max_steps=1).best_along(
        "configuration"
    )
    assert zipped[0] is None
    assert zipped[1].loss == 0.25


@pytest.mark.parametrize("axis", ["momentum", "theta0", 0, None, ["learning_rate"]])
def test_an_axis_that_is_none(axis):
    result = fastgd.sweep(square(), learning_rate=[0.1, 0.2])
    with pytest.raises((ValueError, TypeError), match=r"^axis must be one of 'learning_rate', got "):
        result.best_along(axis)
    with pytest.raises((ValueError, TypeError), match=r"^axis must be one of none, got "):
        fastgd.sweep(square(), learning_rate=0.1).best_along(axis)


# ---- doing it again -----------------------------------------------------------------------------------------------

AGAIN = [
    {},
    {"engine": "moments"},
    {"engine": "samples", "bounds": (-0.2, [0.3, math.inf, 0.1])},
    {"rule": "momentum", "momentum": [0.0, 0.9]},
    {"rule": "nesterov", "engine": "moments"},
    {"rule": "adam", "schedule": "inverse_time", "decay": [0.1, 0.2]},
    {"schedule": "cosine", "divergence_threshold": None, "loss_threshold": [0.5, 1.0]},
    {"rule": "sign", "theta0": [[0.1, 0.1, 0.1], [0.0, 0.2, 0.0]], "tolerance": 1e-4},
]


@pytest.mark.parametrize("how", AGAIN, ids=str)
def test_a_configuration_gives_the_same_bits_also_out_of_json(how):
    problem = random_case(8).problem
    result = fastgd.sweep(problem, learning_rate=[0.01, 0.3], max_steps=[4, 60], **how)
    for index in range(result.status.size):
        outcome = result.outcome(index)
        configuration = json.loads(json.dumps(outcome.configuration))
        assert configuration == outcome.configuration
        run = fastgd.descend(problem, **configuration)
        assert run.configuration == configuration
        for name in ("theta", "loss", "gradient_norm", "steps", "status"):
            assert np.asarray(getattr(run, name)).tobytes() == np.asarray(getattr(outcome, name)).tobytes(), name
