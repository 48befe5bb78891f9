"""Sweeps of every loss: equal to the oracle's descents, the same bits on any threads, and nothing compiled in vain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.tools.cases import FORCED_SAMPLES, RULES, Case, assert_equals_oracle, bits
from tests.tools.compiling import compilations, names
from tests.tools.fits import LOSSES, Model, is_weighted, real


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


# ---- against the oracle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Model("polynomial", 3), Model("line", 2)], ids=str)
def test_sweeps_equal_the_oracle(loss, model):
    weighted = is_weighted(loss, model)
    X, y, weights, start = real(model, 25, seed=3)
    kind, how = LOSSES[loss], {"l2": 0.125} if weighted else {}
    problem = model.fit(X, y, loss=kind.loss, **how, **({"sample_weight": weights} if weighted else {}))
    oracle_how = how | ({"weights": weights} if weighted else {})
    start = start.clip(-4, 0.25)
    case = Case(problem, lambda number: model.oracle(number, X, y, kind.oracle, **oracle_how), start)
    stable = {"learning_rate": [0.0, 0.03, 0.3, 0.5], "max_steps": [0, 1, 40]}
    statuses: set[int] = set()
    growing = {"learning_rate": [0.3, 1e3], "max_steps": [1, 3]}  # few steps, before they are chaotic
    for axes, tests in (
        (stable, {}),
        (stable, {"loss_threshold": 0.9 * problem.loss(start)}),
        (stable, {"gradient_tolerance": 0.35}),
        (stable, {"tolerance": 0.021, "schedule": "inverse_time", "decay": 0.1}),
        (growing, {}),
        (growing, {"bounds": (-4.0, [400.0, 0.25, 400.0]), "divergence_threshold": 4.0}),
    ):
        result = fastgd.sweep(problem, theta0=start, **axes, **tests, engine="samples")
        assert_equals_oracle(result, case, **tests)
        statuses.update(result.status.ravel().tolist())
    assert statuses >= set(Status) - {Status.CANCELLED}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "gradient"])
def test_rules_and_losses_together(loss, rule):
    model = Model("line", 2)
    X, y, weights, start = real(model, 25, seed=4)
    weights = weights if is_weighted(loss, model) else None
    problem = model.fit(X, y, loss=LOSSES[loss].loss, sample_weight=weights, l2=0.125)
    kind = LOSSES[loss].oracle
    case = Case(problem, lambda number: model.oracle(number, X, y, kind, weights=weights, l2=0.125), start)
    how = {"rule": rule, "loss_threshold": problem.loss(start) / 2}
    result = fastgd.sweep(problem, theta0=start, learning_rate=[0.01, 0.07], max_steps=[3, 30], **how, engine="samples")
    assert_equals_oracle(result, case, **how)


# ---- the same bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [Model("polynomial", 3), Model("polynomial", 12), Model("line", 2), Model("line", 12)], ids=str
)
def test_threads_and_axes(loss, model, force):
    X, y, weights, start = real(model, FORCED_SAMPLES)
    how = {"sample_weight": weights, "l2": 0.01} if is_weighted(loss, model) else {}
    problem = model.fit(X, y, loss=LOSSES[loss].loss, **how)
    assert problem.compiled_loss().blocks > 3
    found = {}
    for axis, threads in itertools.product(("configurations", "samples"), (1, 2)):
        force(axis)
        result = fastgd.sweep(
            problem,
            theta0=start,
            learning_rate=np.geomspace(1e-3, 1, 7),
            max_steps=5,
            engine="samples",
            threads=threads,
        )
        assert (result.timing.axis, result.timing.threads) == (axis, threads)
        found[axis, threads] = bits(result)
        assert problem.loss(result.theta).tobytes() == result.loss.tobytes()
    assert all(value == found["samples", 1] for value in found.values())


@pytest.mark.parametrize("model", [Model("polynomial", 3), Model("line", 12)], ids=str)
def test_memory_maps_that_are_read_only(tmp_path, loss, model):
    arrays = real(model, 500)
    for name, array in zip("Xyw", arrays[:3], strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    X, y, weights = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "Xyw")
    how = {"sample_weight": weights} if is_weighted(loss, model) else {}
    mapped = model.fit(X, y, loss=LOSSES[loss].loss, **how)
    in_memory = model.fit(arrays[0], arrays[1], loss=LOSSES[loss].loss, **how and {"sample_weight": arrays[2]})
    how = {"theta0": arrays[3], "learning_rate": [0.1, 0.2], "max_steps": 5, "engine": "samples"}
    assert bits(fastgd.sweep(mapped, **how)) == bits(fastgd.sweep(in_memory, **how))


# ---- nothing compiled in vain ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Model("polynomial", 3), Model("line", 12)], ids=str)
def test_another_delta_compiles_nothing(model):
    from fastgd.kernels.problems.blocks import compiled_sums

    X, y, _, theta = real(model, 50)

    def run(delta):
        problem = model.fit(X, y, loss=fastgd.Huber(delta))
        return fastgd.descend(problem, theta, learning_rate=0.1, max_steps=3, engine="samples").loss

    first = run(1.0)
    made = compiled_sums.cache_info().misses
    with compilations() as functions:
        assert len({first, *map(run, (0.25, 0.5, 2.0))}) == 4
    assert names(functions) == []
    assert compiled_sums.cache_info().misses == made
