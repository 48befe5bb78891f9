"""Every piece of advice is followed as it is printed, and works."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.cli.main import main

NUMBER = r"(\d(?:[\d.]*\d)?(?:e[-+]\d+)?)"
HOUSES = [[2104, 3], [1600, 3], [2400, 3], [1416, 2], [3000, 4], [1985, 4]]  # size and rooms
PRICES = [399900, 329900, 369000, 232000, 539900, 299900]
OUTLIERS = {"X": [[1.0], [2.0], [3.0], [4.0]], "y": [1.0, 2.0, 3.0, 40.0]}


def houses(**how):
    return fastgd.LinearFit(HOUSES, PRICES, **how)


def pizza(**how):
    data = fastgd.examples.pizza()
    return fastgd.LinearFit(data.X, data.y, **how)


def steepest(rows, reduction=1.0):
    """Return the largest eigenvalue of the Hessian matrix, by NumPy."""
    rows = np.column_stack([rows, np.ones(len(rows))])
    return 2.0 * reduction * np.linalg.eigvalsh(rows.T @ rows)[-1] / len(rows)


# ---- how advice is followed ------------------------------------------------------------------------------------------


def works(problem, how):
    result = fastgd.sweep(problem, **how)
    return result.best is not None and bool((result.loss[~result.failed] <= result.initial_loss[~result.failed]).all())


def tenths(problem, how):
    """Yield the same descents at learning rates ten times lower each time."""
    rate = min(value for value in np.ravel(how["learning_rate"]) if value > 0)
    for power in range(1, 40):
        yield {**how, "learning_rate": rate / 10.0**power}


def follow(problem, how, text):
    """Return the keywords that the advice makes of `how`; fail where it names nothing to do."""
    changed = {}
    if found := re.search(rf"raise that above {NUMBER}", text):
        changed["divergence_threshold"] = float(found[1])
    if "raise divergence_threshold" in text:
        changed["divergence_threshold"] = 1e200
    if found := re.search(rf"below {NUMBER}, for example {NUMBER}", text):
        assert 0.0 < float(found[2]) < float(found[1])
        changed["learning_rate"] = float(found[2])
    elif found := re.search(rf"to (well )?below {NUMBER}", text):
        changed["learning_rate"] = float(found[2]) * (0.05 if found[1] else 0.999)
    elif "each a tenth" in text or "lower the learning rate" in text:
        changed |= next((trial for trial in tenths(problem, how) if works(problem, trial)), {})
    assert changed, text
    return how | changed


SQUARED = {
    "unscaled houses": (houses, {"learning_rate": 0.001}),
    "unscaled houses, a grid": (houses, {"learning_rate": np.geomspace(1e-6, 1.0, 20)}),
    "their sum": (lambda: houses(reduction="sum"), {"learning_rate": 1e-6}),
    "weights and a penalty": (lambda: houses(sample_weight=[1, 2, 0, 1, 1, 3], l2=5.0), {"learning_rate": 1e-6}),
    "a schedule": (houses, {"learning_rate": 1e-6, "schedule": "inverse_time", "decay": 1e-6}),
    "bounds": (houses, {"learning_rate": [1e-6, 1e-5], "bounds": (-300.0, 300.0), "theta0": [200.0, 0.0, 0.0]}),
    "momentum": (houses, {"learning_rate": 1e-3, "rule": "momentum"}),
    "much momentum": (houses, {"learning_rate": 1e-3, "rule": "momentum", "momentum": [0.5, 0.999], "max_steps": 40}),
    "nesterov": (houses, {"learning_rate": 1e-3, "rule": "nesterov"}),
    "nesterov under a schedule": (houses, {"learning_rate": 1e-3, "rule": "nesterov", "schedule": "cosine"}),
    "a threshold": (houses, {"learning_rate": 1e-3, "divergence_threshold": 1e15}),
    "a threshold below the start": (pizza, {"learning_rate": 0.001, "divergence_threshold": 100.0}),
    "the same with rate 0": (pizza, {"learning_rate": [0.0, 0.001], "divergence_threshold": 100.0}),
    "the same at rates that are too high": (pizza, {"learning_rate": [0.0, 1.0, 2.0], "divergence_threshold": 100.0}),
    "polynomial": (lambda: fastgd.PolynomialFit(np.arange(9.0), np.arange(9.0) ** 2, 3), {"learning_rate": 1e-3}),
    "two rates just above the limit": (fastgd.examples.square, {"learning_rate": [1.0001, 1.001], "max_steps": 7}),
}
BOUNDED = {
    "Huber": (lambda: fastgd.LinearFit(**OUTLIERS, loss=fastgd.Huber(1.0)), {"learning_rate": 61.3, "max_steps": 999}),
    "log-cosh": (lambda: fastgd.LinearFit(**OUTLIERS, loss=fastgd.LogCosh()), {"learning_rate": 60.0}),
    "Huber and momentum": (
        lambda: fastgd.LinearFit(**OUTLIERS, loss=fastgd.Huber(1.0)),
        {"learning_rate": 60.0, "rule": "momentum", "momentum": 0.99},
    ),
}
WITHOUT_A_LIMIT = {
    "sign": (pizza, {"learning_rate": 100.0, "rule": "sign", "max_steps": 1001}),
    "adam": (pizza, {"learning_rate": 500.0, "rule": "adam", "max_steps": 3}),
    "absolute": (lambda: fastgd.LinearFit(**OUTLIERS, loss="absolute"), {"learning_rate": 60.0, "max_steps": 7}),
    "an objective": (
        lambda: fastgd.Objective(lambda t: t**4, lambda t: 4 * t**3, start=10.0),
        {"learning_rate": [1.0, 0.1], "max_steps": 3},
    ),
}


@pytest.mark.parametrize("case", SQUARED | BOUNDED | WITHOUT_A_LIMIT)
def test_the_summary_of_a_sweep_that_failed(case):
    make, how = (SQUARED | BOUNDED | WITHOUT_A_LIMIT)[case]
    problem = make()
    result = fastgd.sweep(problem, **how)
    assert result.best is None, case
    text = str(result)
    assert ("  stability  " in text) == (case not in WITHOUT_A_LIMIT)
    (advice,) = [line for line in text.splitlines() if line.startswith("  best ")]
    assert works(problem, follow(problem, how, advice))


@pytest.mark.parametrize("case", SQUARED | BOUNDED | WITHOUT_A_LIMIT)
def test_the_message_of_each_outcome_that_failed(case):
    make, how = (SQUARED | BOUNDED | WITHOUT_A_LIMIT)[case]
    problem = make()
    result = fastgd.sweep(problem, **how)
    axes = set(result.axes)
    for index in range(0, result.status.size, 5):
        outcome = result.outcome(index)
        own = how | {name: value for name, value in outcome.configuration.items() if name in axes}
        assert works(problem, follow(problem, own, outcome.message)) or own["learning_rate"] == 0.0


def test_the_limit_of_the_unscaled_houses():
    assert 2.16667e-7 <= 2.0 / steepest(np.array(HOUSES, dtype=float)) < 2.16668e-7
    text = str(fastgd.sweep(houses(), learning_rate=0.001))
    assert "try learning rates below 2.16e-07, for example 1.08e-07" in text
    assert "stability      limit 2.16668e-07, 1 of 1 learning rate above it" in text


@pytest.mark.parametrize("case", SQUARED)
def test_a_failing_sweep_shows_the_limit_whatever_it_costs(case, monkeypatch):
    monkeypatch.setattr(fastgd.sweeps.engines.choose, "statistics_cost", lambda problem: math.inf)
    make, how = SQUARED[case]
    assert "  stability  " in str(fastgd.sweep(make(), **how, engine="samples"))


@pytest.mark.parametrize("ran", [1e-9, 1e9])
def test_what_is_shown_depends_on_the_arguments_alone(ran, monkeypatch):
    """Neither on how fast the sweep ran nor on what was called before."""
    from fastgd.sweeps import stopwatch

    clock = itertools.count(0.0, ran)
    random = np.random.default_rng(0)
    problem = fastgd.LinearFit(random.normal(size=(5000, 3)), random.normal(size=5000))
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(clock))
    few = fastgd.sweep(problem, learning_rate=0.1, max_steps=1, engine="samples")
    assert few.spectrum is None
    problem.spectrum()
    assert fastgd.sweep(problem, learning_rate=0.1, max_steps=1, engine="samples").spectrum is None
    assert fastgd.sweep(problem, learning_rate=0.1, max_steps=20_000, engine="samples").spectrum is not None


# ---- where no learning rate helps ------------------------------------------------------------------------------------


def test_a_start_above_the_threshold_is_named():
    """The mean square of the pizzas is 812.866...; lower rates can't help."""
    for rates in (0.001, [0.0, 0.001]):
        result = fastgd.sweep(pizza(), learning_rate=rates, divergence_threshold=100)
        text = str(result)
        assert "the start's loss, 812.9, is already above divergence_threshold, raise that above 812.9" in text
        assert "(loss above divergence_threshold; 0 steps)" in text
        assert "overflowed" not in text
        assert "learning rates below" not in text
        assert result.outcome(0).message.startswith("The start's loss, 812.9, is already above divergence_threshold")


def test_several_starts_above_the_threshold():
    result = fastgd.sweep(fastgd.examples.square(), theta0=[[3.0], [-2.0]], learning_rate=0.1, divergence_threshold=1.0)
    assert "the starts' losses, 4 to 9, are already above divergence_threshold, raise that above 9" in str(result)


@pytest.mark.parametrize("engine", ["samples", "auto"])
def test_no_rate_is_named_where_float64_holds_none(engine):
    """With x = 1e200 the limit is 1e-400."""
    problem = fastgd.LinearFit([[1e200]], [1.0], intercept=False)
    how = {"learning_rate": [1e-300, 1.0], "engine": engine, "divergence_threshold": None}
    result = fastgd.sweep(problem, **how)
    assert result.best is None
    for text in (str(result), result.outcome(1).message):
        assert "X must be scaled" in text
        assert "try learning rates" not in text
        assert "lower the learning rate" not in text
    assert works(fastgd.LinearFit([[1.0]], [1.0], intercept=False), how | {"learning_rate": 0.1})


def test_a_start_that_is_not_finite():
    problem = fastgd.Objective(lambda t: math.log(t), lambda t: 1 / t, start=-1.0)
    result = fastgd.sweep(problem, learning_rate=[0.0, 0.1])
    text = str(result)
    assert "the loss or its gradient is not finite at the start, begin elsewhere" in text
    assert "learning rates below" not in text
    assert works(problem, {"theta0": 5.0, "learning_rate": 0.1, "max_steps": 9})


def test_a_wrong_gradient_is_not_blamed_on_the_rate_alone():
    problem = fastgd.Objective(lambda t: t * t, lambda t: -2 * t, start=1.0)
    result = fastgd.sweep(problem, learning_rate=[0.1, 1e-3], max_steps=50)
    assert not any(works(problem, how) for how in list(tenths(problem, {"learning_rate": 1e-3, "max_steps": 50}))[:9])
    assert "if it never does, check_gradient() tells why" in str(result)
    assert "check_gradient()" in result.outcome(0).message
    with pytest.raises(ValueError, match="the gradient is wrong"):
        problem.check_gradient()


# ---- outcomes that did not fail --------------------------------------------------------------------------------------


def descend(*arguments, **how):
    return fastgd.descend(*arguments, record_every=None, **how)


def test_a_loss_threshold_that_nothing_reaches():
    """The least mean square of the pizzas is 22.842736..., published; no number of steps passes it."""
    problem, how = pizza(), {"learning_rate": 0.004, "max_steps": 30_000}
    for threshold in (20.0, 0.0, -5.0):
        run = descend(problem, **how, loss_threshold=threshold)
        assert run.status == Status.MAX_STEPS
        assert "loss_threshold is not above the least loss there is, 22.842737" in run.message
        assert "max_steps" not in run.message
    result = fastgd.sweep(problem, **how, loss_threshold=[20.0, 22.0, 22.85])
    assert "loss_threshold is not above the least loss, 22.842737)" in str(result)
    assert result.status.tolist() == [Status.MAX_STEPS, Status.MAX_STEPS, Status.REACHED_LOSS]
    (least,) = re.findall(r"least loss there is, ([\d.]+\d)", run.message)
    assert descend(problem, **how, loss_threshold=float(least) * (1 + 1e-9)).status == Status.REACHED_LOSS


def test_a_loss_threshold_within_reach_needs_steps():
    run = descend(pizza(), learning_rate=0.004, max_steps=1000, loss_threshold=22.85)
    assert run.message == Status.MAX_STEPS.message
    assert descend(pizza(), learning_rate=0.004, max_steps=30_000, loss_threshold=22.85).status > 0


def test_a_minimum_needs_no_more_steps():
    for engine in ("moments", "spectral"):
        result = fastgd.sweep(pizza(), learning_rate=[0.004, 0.0041], max_steps=200_000, engine=engine)
        assert "reached the least loss there is, 22.842737" in result.best.message
        assert "raise" not in result.best.message


def test_steps_within_rounding_are_not_to_be_continued():
    """Where 3 + (t - 1)^2 has a slope of 1e-9, a step changes it by 1e-19."""
    hill = fastgd.Objective(lambda t: 3 + (t - 1) ** 2, lambda t: 2 * (t - 1))
    run = descend(hill, learning_rate=0.1, max_steps=100)
    assert run.gradient_norm == pytest.approx(2 * 0.8**100, rel=1e-5)
    assert "the last of them by less than its rounding; set a stopping test" in run.message
    assert "max_steps" not in run.message


def square(**how):
    return descend(fastgd.examples.square(), **{"learning_rate": 0.1, "max_steps": 50} | how)


UNMOVED = {"learning_rate": 0.0}


@pytest.mark.parametrize(
    ("how", "words", "followed"),
    [
        (UNMOVED, "The learning rate is 0", {"learning_rate": 0.1}),
        (UNMOVED | {"tolerance": 1e-3}, "The learning rate is 0", {"learning_rate": 0.1}),
        ({"max_steps": 0}, "max_steps is 0", {"max_steps": 1}),
        ({"loss_threshold": 2.0}, "The start's loss, 1, is already below loss_threshold", {"loss_threshold": 0.9}),
        ({"gradient_tolerance": 3.0}, "The gradient's norm at the start, 2, is", {"gradient_tolerance": 1.9}),
        ({"tolerance": 0.5}, "Already the first update was shorter than tolerance", {"tolerance": 0.1}),
        ({"tolerance": 0.15}, "before the gradient was small", {"tolerance": 0.01}),
        ({"loss_threshold": 0.5}, "The loss fell below loss_threshold", {"loss_threshold": 0.25}),
        ({"tolerance": 1e-3}, "The next update was smaller than tolerance", {"tolerance": 1e-4}),
        ({"bounds": (0.5, 2.0), "tolerance": 1e-3}, "for bounds hold theta", {"bounds": (0.1, 2.0)}),
    ],
)
def test_what_an_outcome_knows(how, words, followed):
    before = square(**how)
    assert words in before.message
    assert square(**how | followed).loss < before.loss


@pytest.mark.slow
def test_a_descent_that_stays():
    flat = descend(fastgd.Objective(lambda t: 1.0, lambda t: 0.0), learning_rate=0.1, max_steps=5)
    assert flat.message.startswith("The gradient is 0 here")
    crawl = descend(fastgd.Objective(lambda t: t * t, lambda t: 2 * t, start=1.0), learning_rate=1e-30, max_steps=5)
    assert "no lower than at the start" in crawl.message
    assert "raise the learning rate" in crawl.message
    run = descend(fastgd.Objective(lambda t: t * t, lambda t: 2 * t, start=1.05), learning_rate=0.1, rule="sign")
    assert "lower the learning rate, the length of a step" in run.message


# ---- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    lines = [
        "size,rooms,price",
        *(f"{size},{rooms},{price}" for (size, rooms), price in zip(HOUSES, PRICES, strict=True)),
    ]
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(lines) + "\n")
    return [str(path), "--x", "size", "--x", "rooms", "--y", "price", "--max-steps", "500"]


def typed(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_following_what_the_command_line_says(table, capsys):
    text = typed(capsys, "sweep", *table, "--learning-rate", "0.001")
    (rate,) = re.findall(rf"for example {NUMBER}", text)
    assert "every configuration failed" not in typed(capsys, "sweep", *table, "--learning-rate", rate)
    (rate,) = re.findall(rf"to below {NUMBER}\.", typed(capsys, "descend", *table, "--learning-rate", "0.001"))
    again = typed(capsys, "descend", *table, "--learning-rate", rate)
    assert "MAX_STEPS after 500 steps. Took all its steps while the loss fell" in again


def test_following_what_the_command_line_says_of_thresholds(capsys):
    words = ["descend", "pizza", "--learning-rate", "0.001", "--max-steps", "100"]
    text = typed(capsys, *words, "--divergence-threshold", "100")
    (threshold,) = re.findall(rf"already above --divergence-threshold; raise that above {NUMBER}", text)
    assert "MAX_STEPS" in typed(capsys, *words, "--divergence-threshold", threshold)
    text = typed(capsys, *words, "--loss-threshold", "20")
    assert "--loss-threshold is not above the least loss there is, 22.842737" in text
    assert "raise --max-steps" not in text
    text = typed(capsys, "sweep", "square", "--learning-rate", "1e-9:1:1000")
    assert "fastest        loss 1 " not in text
    assert "before the gradient was small, tolerance being longer than their steps" in text


@pytest.mark.slow
def test_a_users_functions_that_fail_at_the_start_are_to_be_checked():
    problem = fastgd.Objective(lambda t: t[0] + t[1], lambda t: 2.0 * t if t[0] <= 1.0 else t[:1], dimension=2)
    advice = "or see whether check_gradient() finds what is wrong"
    assert advice in fastgd.descend(problem, [2.0, 2.0], learning_rate=0.1).message
    assert advice in str(fastgd.sweep(problem, theta0=[2.0, 2.0], learning_rate=[0.1, 0.2]))
    with pytest.raises(ValueError, match=r"^gradient must return an array of shape \(2,\), got shape \(1,\)$"):
        problem.check_gradient([2.0, 2.0])
    assert "check" not in fastgd.descend(houses(), [1e200] * 3, learning_rate=0.1).message
