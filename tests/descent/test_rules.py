"""Update rules against their published recurrences, and what they keep from step to step, however a sweep is run."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.descent import rules
from fastgd.descent.hyperparameters import HYPERPARAMETERS, OFF
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.stopping import TESTS, Moment
from fastgd.kernels.modes import momentum as accelerated
from fastgd.sweeps.engines.plan import Cut
from tests.oracle import reference
from tests.oracle.reference import numbers
from tests.oracle.residuals import SQUARED
from tests.tools import cases
from tests.tools.cases import (
    FORCED_SAMPLES,
    RESULTS,
    RULES,
    WITH_MOMENTUM,
    Case,
    assert_equals_oracle,
    bits,
)
from tests.tools.fits import Model, real

ENGINES = ("samples", "moments")
MODELS = [Model("polynomial", 3), Model("line", 2), Model("line", 9)]


@pytest.fixture(params=RULES)
def rule(request):
    return request.param


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def case_of(model, seed=0):
    """Return a squared loss over a few samples, compared with the oracle as floats are."""
    X, y, _, start = real(model, 20, seed)
    return Case(model.fit(X, y), lambda number: model.oracle(number, X, y, SQUARED), start)


def limit_of(case):
    """Return the rate up to which the gradient rule is stable."""
    return case.problem.spectrum().max_learning_rate


def keywords(rule, momentum=0.75):
    return {"rule": rule} | ({"momentum": momentum} if rule in WITH_MOMENTUM else {})


# ---- what a rule keeps ----------------------------------------------------------------------------------------------


class Guarded(dict):
    """A memory of as many rows as a rule declares, all zero at first, which notes what is touched."""

    def __init__(self, rule, memories):
        self.rule = rule
        self.memories = memories

    def __getitem__(self, place):
        return self.setdefault(self.within(place), 0.0)

    def __setitem__(self, place, value):
        super().__setitem__(self.within(place), value)

    def within(self, place):
        says = f"RULES[{self.rule!r}] has memories={self.memories} and touches row {place[0]}"
        assert 0 <= place[0] < self.memories, f"{says}: kernels check no index, and would write beyond memory"
        return place


def test_a_rule_keeps_what_it_says(rule):
    """It comes first: what is compiled checks no index."""
    entry = rules.RULES[rule]
    memory = Guarded(rule, entry.memories)
    own = OFF._replace(learning_rate=0.1, max_steps=9, momentum=0.5)
    for t, g in enumerate((1.0, -2.0, 0.0)):
        for k in range(2):
            assert math.isfinite(entry.direction(own, entry.corrections(own, t), g, memory, k))
    unused = set(range(entry.memories)) - {row for row, _ in memory}
    assert not unused, f"RULES[{rule!r}] has memories={entry.memories} and never touches rows {sorted(unused)}"
    assert {k for _, k in memory} <= {0, 1}


# ---- the recurrences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "momentum"),
    [(rule, momentum) for rule in RULES for momentum in ((0.25, 0.9, 0.99) if rule in WITH_MOMENTUM else (None,))],
)
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_fifty_steps_to_rounding(model, rule, engine, momentum):
    """All of the trajectory against 60 digits: errors grow no faster than the steps are many."""
    case = case_of(model)
    how = {"learning_rate": 0.1 * limit_of(case), "max_steps": 50} | keywords(rule, momentum)
    run = fastgd.descend(case.problem, case.start, engine=engine, **how)
    with mpmath.workdps(60):
        expected = case.descend(mpmath.mpf, **how)
        gradients = [case.oracle(mpmath.mpf)(theta)[1] for _, theta, _ in expected.trajectory]
        smallest = min(abs(value) for gradient in gradients for value in gradient)
    assert smallest > 1e-8  # the sign of a slope at rounding level is not promised
    exact_theta = np.array([[float(value) for value in theta] for _, theta, _ in expected.trajectory])
    size = np.abs(exact_theta).max()
    for t, (found, right) in enumerate(zip(run.trajectory.theta, exact_theta, strict=True)):
        # adam divides by the root of squares: what a small gradient is off by, relative to itself, is a step's error
        unit = 1e-15 if rule != "adam" else 1e-15 * max(1.0, 1.0 / float(smallest))
        assert np.abs(found - right).max() <= (t + 2) * unit * size, t
    assert run.trajectory.loss == pytest.approx([float(loss) for _, _, loss in expected.trajectory], rel=1e-11)
    assert (run.steps, run.status) == (expected.steps, expected.status)


@pytest.mark.parametrize("momentum", [0.25, 0.5])
@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_exact_where_float64_is(rule, momentum):
    """On numbers of few bits nothing rounds, so every step is equal to exact arithmetic."""
    X, y = [[1.0, 0.0], [0.0, 2.0]], [0.5, 1.0]
    problem = fastgd.LinearFit(X, y, intercept=False, reduction="sum")
    oracle = reference.linear(numbers(X, Fraction), numbers(y, Fraction), False, "sum")
    how = {"rule": rule, "momentum": momentum, "learning_rate": 0.125, "max_steps": 8}
    run = fastgd.descend(problem, [2.0, -1.0], engine="samples", **how)
    expected = reference.descend(oracle, numbers([2.0, -1.0], Fraction), **how)
    theta = [theta for _, theta, _ in expected.trajectory]
    assert all(Fraction(float(value)) == value for vector in theta for value in vector)
    assert [[Fraction(value) for value in vector] for vector in run.trajectory.theta.tolist()] == theta
    assert len({tuple(vector) for vector in theta}) == 9


def test_adam_begins_with_the_rate():
    """Its first step is rate g / (|g| + epsilon), whatever momentum is: both averages are of one gradient."""
    problem = fastgd.LinearFit([[1.0, 0.0], [0.0, 1e-8]], [4.0, 1.0], intercept=False, reduction="sum")
    for momentum in (0.0, 0.5, 0.9, np.nextafter(1.0, 0.0)):
        run = fastgd.descend(problem, learning_rate=0.5, max_steps=1, rule="adam", momentum=momentum, engine="samples")
        assert run.theta == pytest.approx([0.5 * 8 / (8 + 1e-8), 0.5 * 2e-8 / (2e-8 + 1e-8)], rel=1e-14)


@pytest.mark.parametrize("compiled", [True, False])
def test_objectives(rule, compiled):
    def valley(theta):
        return (1 - theta[0]) ** 2 + 5 * (theta[1] - theta[0] ** 2) ** 2

    def slope(theta):
        bend = theta[1] - theta[0] ** 2
        return np.array([-2 * (1 - theta[0]) - 20 * theta[0] * bend, 10 * bend])

    problem = fastgd.Objective(valley, slope, dimension=2, start=[-1.2, 1.0], compile=compiled)
    how = {"learning_rate": 0.003, "max_steps": 60, **keywords(rule)}
    run = fastgd.descend(problem, **how)
    expected = reference.descend(lambda theta: (valley(theta), slope(theta).tolist()), [-1.2, 1.0], **how)
    assert (run.steps, run.status) == (expected.steps, expected.status)
    assert run.trajectory.theta == pytest.approx(np.array([theta for _, theta, _ in expected.trajectory]), rel=1e-11)


# ---- momentum -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", WITH_MOMENTUM)
def test_momentum_is_an_axis(rule, engine):
    case, momentum = case_of(MODELS[0]), np.array([0.0, 0.3, 0.9, 0.999])
    rates = limit_of(case) * np.array([0.01, 0.2])
    how = {"rule": rule, "max_steps": 40, "engine": engine, "theta0": case.start}
    result = fastgd.sweep(case.problem, learning_rate=rates, momentum=momentum, **how)
    assert_equals_oracle(result, case, rule=rule, max_steps=40)
    assert list(result.axes) == ["learning_rate", "momentum"]
    assert result.axes["momentum"].tolist() == momentum.tolist()
    pairs = list(itertools.product(rates, momentum))
    columns = dict(zip(("learning_rate", "momentum"), np.transpose(pairs), strict=True))
    zipped = fastgd.sweep(case.problem, configurations=columns, **how)
    assert zipped.theta.tobytes() == result.theta.tobytes()
    for (rate, beta), theta in zip(pairs, result.theta.reshape(-1, 3), strict=True):
        run = fastgd.descend(case.problem, learning_rate=rate, momentum=beta, **how)
        assert run.theta.tobytes() == theta.tobytes()


@pytest.mark.parametrize("rule", WITH_MOMENTUM)
def test_usual_momentum(rule, engine):
    case = case_of(MODELS[0])
    how = {"rule": rule, "learning_rate": 0.1 * limit_of(case), "max_steps": 30}
    without, given = (
        fastgd.descend(case.problem, case.start, engine=engine, **how, **extra) for extra in ({}, {"momentum": 0.9})
    )
    assert without.theta.tobytes() == given.theta.tobytes()
    assert without.theta == pytest.approx(case.descend(momentum=0.9, **how).theta, rel=1e-10)


@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_no_momentum_is_the_gradient(rule, engine):
    case = case_of(MODELS[1])
    how = {"learning_rate": np.array([0.1, 0.9, 1.5]) * limit_of(case), "max_steps": 60, "engine": engine}
    plain, without = fastgd.sweep(case.problem, **how), fastgd.sweep(case.problem, rule=rule, momentum=0.0, **how)
    for name in RESULTS:
        assert getattr(plain, name).tobytes() == getattr(without, name).tobytes()


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_limits_of_stability(beta, engine):
    """Heavy ball 2 (1 + beta) / lambda_max, Nesterov 2 (1 + beta) / ((1 + 2 beta) lambda_max)."""
    case = case_of(MODELS[0])
    limits = {"momentum": (1 + beta) * limit_of(case), "nesterov": (1 + beta) / (1 + 2 * beta) * limit_of(case)}
    for rule, limit in limits.items():
        how = {"rule": rule, "momentum": beta, "max_steps": 20_000, "engine": engine}
        result = fastgd.sweep(case.problem, learning_rate=[0.99 * limit, 1.01 * limit], **how)
        assert result.status.tolist() == [Status.MAX_STEPS, Status.DIVERGED]


def test_momentum_where_there_is_none():
    for rule in ("gradient", "sign"):
        with pytest.raises(ValueError, match=f"momentum must be left out under rule='{rule}'"):
            fastgd.descend(fastgd.examples.square(), learning_rate=0.1, rule=rule, momentum=0.5)
        columns = {"learning_rate": [0.1], "momentum": [0.5]}
        with pytest.raises(ValueError, match="got a column of configurations; rules with a momentum are 'momentum'"):
            fastgd.sweep(fastgd.examples.square(), rule=rule, configurations=columns)


@pytest.mark.parametrize("momentum", [1.0, -0.1, math.nan, math.inf])
@pytest.mark.parametrize("rule", WITH_MOMENTUM)
def test_momentum_out_of_range(rule, momentum):
    with pytest.raises(ValueError, match="momentum must be numbers >= 0 and < 1, got"):
        fastgd.descend(fastgd.examples.square(), learning_rate=0.1, rule=rule, momentum=momentum)


@pytest.mark.parametrize("rule", WITH_MOMENTUM)
def test_a_configuration_carries_it(rule):
    case = case_of(MODELS[0])
    how = {"max_steps": [5, 30], "tolerance": 1e-3, "schedule": "exponential", "decay": 0.01, "engine": "samples"}
    rates = np.array([0.02, 0.1]) * limit_of(case)
    for given in ({"momentum": [0.5, 0.8]}, {"momentum": 0.6}, {}):
        result = fastgd.sweep(case.problem, learning_rate=rates, rule=rule, **given, **how)
        configuration = result.best.configuration
        assert configuration["rule"] == rule
        assert configuration["momentum"] in np.atleast_1d(given.get("momentum", 0.9))
        run = fastgd.descend(case.problem, **configuration)
        assert (run.theta.tobytes(), run.loss, run.steps) == (
            result.best.theta.tobytes(),
            result.best.loss,
            result.best.steps,
        )


# ---- with everything else -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", cases.SCHEDULES, ids=lambda how: how["schedule"])
def test_schedules(rule, engine, how):
    case = case_of(MODELS[0], seed=1)
    rates = limit_of(case) * np.array([0.0, 0.05, 0.2])
    shared = keywords(rule) | how
    result = fastgd.sweep(
        case.problem, theta0=case.start, learning_rate=rates, max_steps=[0, 1, 45], engine=engine, **shared
    )
    assert_equals_oracle(result, case, **shared)


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        (lambda loss, slope: {"loss_threshold": 0.85 * loss}, Status.REACHED_LOSS),
        (lambda loss, slope: {"gradient_tolerance": 0.8 * slope}, Status.SMALL_GRADIENT),
        (lambda loss, slope: {"tolerance": 0.1}, Status.SMALL_UPDATE),
        (lambda loss, slope: {"divergence_threshold": 1.1 * loss}, Status.DIVERGED),
        (lambda loss, slope: {"bounds": (-1.0, [1.5, 0.5, 2.0])}, Status.MAX_STEPS),
        (lambda loss, slope: {"bounds": (-1.0, [1.5, 0.5, 2.0]), "tolerance": 1e-6}, Status.LOSS_GREW),
    ],
    ids=["loss", "gradient", "update", "divergence", "bounds", "bounds and update"],
)
def test_stops_and_bounds(rule, engine, tests, status):
    case = case_of(MODELS[0], seed=1)
    case.start = case.start.clip(-1.0, 0.5)
    loss, gradient = case.problem.loss_and_gradient(case.start)
    rates = limit_of(case) * np.array([0.02, 0.1, 0.3, 3.0])
    shared = keywords(rule) | tests(loss, np.linalg.norm(gradient))
    grid = {"theta0": case.start, "learning_rate": rates, "max_steps": [1, 12], "engine": engine}
    result = fastgd.sweep(case.problem, **grid, **shared)
    assert_equals_oracle(result, case, **shared)
    assert status in result.status
    if "bounds" in shared:
        assert ((result.theta == -1.0) | (result.theta == shared["bounds"][1])).any()


# ---- the same bits --------------------------------------------------------------------------------------------------


def grid(rule, limit):
    momentum = {"momentum": [0.0, 0.6, 0.95]} if rule in WITH_MOMENTUM else {}
    rates = limit * np.geomspace(1e-3, 2.0, 7)
    return {"rule": rule, "learning_rate": rates, **momentum, "max_steps": 13, "tolerance": 1e-3, "record_every": 4}


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_threads_axes_tiles_and_slices(rule, model, force):
    X, y, _, start = real(model, FORCED_SAMPLES)
    problem = model.fit(X, y)
    how = {"theta0": start, "engine": "samples", **grid(rule, problem.spectrum().max_learning_rate)}
    expected = bits(fastgd.sweep(problem, threads=1, **how))
    for axis in ("configurations", "samples"):
        force(axis, slice_seconds=0.1)
        for threads in (1, 2):
            result = fastgd.sweep(problem, threads=threads, **how)
            assert (result.timing.axis, result.timing.threads) == (axis, threads)
            assert bits(result) == expected
        force(axis, tile=5)
        assert bits(fastgd.sweep(problem, threads=2, **how)) == expected
        force(slice_seconds=1e-9)  # the kernel returns after every few evaluations, and the rule's memory is kept
        assert bits(fastgd.sweep(problem, threads=2, **how)) == expected


def test_threads_and_slices_of_moments(rule, monkeypatch, cut):
    case = case_of(MODELS[2])
    how = {"engine": "moments", **grid(rule, limit_of(case))}
    expected = bits(fastgd.sweep(case.problem, threads=1, **how))
    slices = []

    run_in_slices = Cut.run

    def run(cut, run_slice, keep_going):
        run_in_slices(cut, lambda left: slices.append(left) or run_slice(left), keep_going)

    monkeypatch.setattr(Cut, "run", run)
    cut(thread_seconds=0.0, tile_seconds=0.0, slice_seconds=1e-9, first_visits=1.0)  # left after every few evaluations
    for threads in (1, 2):
        slices.clear()
        result = fastgd.sweep(case.problem, threads=threads, **how)
        assert result.timing.threads == threads
        assert len(slices) > 3 * result.status.size
        assert bits(result) == expected


# ---- the tables -----------------------------------------------------------------------------------------------------


def test_every_entry_has_its_line_in_the_oracle():
    assert set(reference.RULES) == set(rules.RULES)
    assert set(reference.SCHEDULES) == set(SCHEDULES)


def test_entries_are_numbered_by_their_place():
    for table in (rules.RULES, SCHEDULES):
        assert [entry.code for entry in table.values()] == list(range(len(table)))
        assert all(set(entry.uses) <= set(HYPERPARAMETERS) for entry in table.values())


def test_every_test_has_its_threshold():
    for test in TESTS:
        assert test.keyword in HYPERPARAMETERS
        assert not test.holds(OFF, Moment(3, True, 1.0, 1.0, 2.0, 0.0, 1.0))


UNKNOWN = [
    (rules.RULES, "momentum", {"memories": 0}, {"rule": "momentum"}),
    (rules.RULES, "nesterov", {"memories": 0}, {"rule": "nesterov"}),
    (rules.RULES, "adam", {"memories": 0}, {"rule": "adam"}),
    (rules.RULES, "adam", {"memories": 1}, {"rule": "adam"}),
    (rules.RULES, "nesterov", {"code": 17}, {"rule": "nesterov"}),
    (rules.RULES, "gradient", {"code": -1}, {"rule": "gradient"}),
    (SCHEDULES, "cosine", {"code": 17}, {"schedule": "cosine"}),
    (SCHEDULES, "constant", {"code": -1}, {"schedule": "constant"}),
]


@pytest.mark.parametrize(("table", "name", "change", "how"), UNKNOWN)
def test_what_a_kernel_does_not_know_is_no_other_rule(monkeypatch, engine, table, name, change, how):
    """It is NaN, with bounds too, and nothing is written beyond the memory that there is."""
    monkeypatch.setitem(table, name, table[name]._replace(**change))
    for bounds in (None, (-9.0, 9.0)):
        result = fastgd.sweep(
            fastgd.examples.pizza(), learning_rate=[1e-3, 1e-4], max_steps=3, bounds=bounds, engine=engine, **how
        )
        assert (result.status == Status.DIVERGED).all()
        assert np.isnan(result.theta).all()
        assert (result.steps == 1).all()


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_a_closed_form_knows_its_rule(name):
    """Along the modes as well, whatever the engine may think that it was asked for."""
    unknown = max(rule.code for rule in rules.RULES.values()) + 1
    assert np.isfinite(accelerated.power(rules.RULES[name].code, 0.5, 0.25, 3)).all()
    assert np.isnan(accelerated.power(unknown, 0.5, 0.25, 3)).all()
