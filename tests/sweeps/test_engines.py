"""The engines side by side: what each needs, which one is chosen, what it reports; threads, tiles, slices, Ctrl-C."""

from __future__ import annotations

import pickle
import signal
import threading
import tracemalloc
from importlib import import_module

import numpy as np
import pytest

import fastgd
from fastgd import Status
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.descent.stopping import TESTS
from fastgd.kernels.modes.descents import descend_by_modes
from fastgd.sweeps.asked import Space, checked
from fastgd.sweeps.engines import choose as engines
from fastgd.sweeps.engines import spectral
from fastgd.sweeps.engines.names import ENGINES
from fastgd.sweeps.engines.plan import Cutting
from fastgd.sweeps.engines.state import clear, new_state
from tests.tools.cases import RESULTS, bits

EXACT = ("moments", "spectral")


def noisy_cubic(N=500, **how):
    x = np.linspace(-1, 1, N)
    return fastgd.PolynomialFit(x, np.sin(3 * x) + np.random.default_rng(0).normal(size=N), 3, **how)


MANY = {"learning_rate": np.geomspace(1e-4, 0.1, 1000), "max_steps": 2000}


# ---- which engine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "how", "needs"),
    [
        ("spectral", {"rule": "sign"}, "rule='gradient'"),
        ("spectral", {"bounds": (-1, 1)}, "without bounds"),
        ("spectral", {"bounds": (-np.inf, [1, np.inf, np.inf, np.inf])}, "without bounds"),
    ],
)
def test_what_an_engine_lacks_for_a_sweep(engine, how, needs):
    with pytest.raises(ValueError, match=f"^engine='{engine}' needs .*{needs}") as caught:
        fastgd.sweep(noisy_cubic(), learning_rate=0.1, engine=engine, **how)
    assert "use engine='auto' or 'samples'" in str(caught.value)
    assert fastgd.sweep(noisy_cubic(), learning_rate=0.1, engine="moments", **how).engine == "moments"


@pytest.mark.parametrize("engine", EXACT)
def test_an_objective_has_no_statistics(engine):
    with pytest.raises(ValueError, match=f"engine='{engine}' needs a squared loss over samples"):
        fastgd.sweep(fastgd.examples.dart(), learning_rate=0.1, engine=engine)


def test_bounds_that_bind_nothing_are_no_hindrance():
    result = fastgd.sweep(noisy_cubic(), learning_rate=0.1, bounds=(-np.inf, np.inf), engine="spectral")
    assert result.engine == "spectral"


@pytest.mark.parametrize(
    ("served", "how", "needs"),
    [
        ({"rules": ("gradient",)}, {"rule": "nesterov"}, "rule='gradient', which act"),
        ({"rules": ("gradient", "momentum")}, {"rule": "nesterov"}, "rule='gradient' or 'momentum', which act"),
        ({"schedules": ("constant",)}, {"schedule": "cosine"}, "a schedule that it knows, not 'cosine'"),
    ],
)
def test_modes_are_not_asked_for_a_rule_or_schedule_that_they_do_not_know(monkeypatch, served, how, needs):
    """What is in the tables but not in the engine's own list, as whatever is added to them is not."""
    monkeypatch.setattr(spectral, "SERVES", spectral.SERVES._replace(**served))
    with pytest.raises(ValueError, match=f"engine='spectral' needs {needs}"):
        fastgd.sweep(noisy_cubic(), learning_rate=0.1, engine="spectral", **how)
    assert fastgd.sweep(noisy_cubic(), **MANY | how).engine != "spectral"


def test_modes_are_not_asked_for_a_test_that_they_do_not_know(monkeypatch):
    known = tuple(name for name in HYPERPARAMETERS if name != "gradient_tolerance")
    monkeypatch.setattr(spectral, "SERVES", spectral.SERVES._replace(hyperparameters=known))

    def engine_for(tolerance, engine="auto"):
        return fastgd.sweep(noisy_cubic(), gradient_tolerance=tolerance, engine=engine, **MANY).engine

    assert engine_for(None) == "spectral"
    assert engine_for(3.0) == "moments"
    with pytest.raises(ValueError, match="engine='spectral' needs a sweep without gradient_tolerance, which it does"):
        engine_for([0.0, 3.0], "spectral")


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_lists_what_is_there(name):
    serves = import_module(ENGINES[name]).SERVES
    assert set(serves.rules) <= set(RULES)
    assert set(serves.schedules) <= set(SCHEDULES)
    assert set(serves.hyperparameters) <= set(HYPERPARAMETERS)
    assert {test.keyword for test in TESTS} & set(serves.hyperparameters)


@pytest.mark.parametrize("name", ENGINES)
def test_plans_are_data(name):
    """What is prepared once can be sent to another process, but for the addresses that kernels have in this one."""
    problem = noisy_cubic()
    asked = checked(Space(problem.parameters, problem.start), engine=name, **MANY)
    plan = engines.prepare(problem, asked, threads=1, cutting=Cutting()).plan
    copy = pickle.loads(pickle.dumps(plan))
    results = []
    for each in (plan, copy):
        state = new_state(8, problem.dimension, 0, 0)
        clear(state)
        each.run(asked.grid, 0, 8, state, lambda: True)
        results.append([array.tobytes() for array in state[:5]])
    assert results[0] == results[1]


def features(N, F):
    random = np.random.default_rng(F)
    return fastgd.LinearFit(random.normal(size=(N, F)), random.normal(size=N), intercept=False)


@pytest.mark.parametrize(
    ("problem", "how", "expected"),
    [
        (fastgd.examples.square, {"learning_rate": 0.1, "max_steps": 20}, "samples"),
        (noisy_cubic, {"learning_rate": 0.1, "max_steps": 3}, "samples"),
        (lambda: features(1500, 1024), {"learning_rate": 1e-4, "max_steps": 10}, "samples"),
        (noisy_cubic, MANY, "spectral"),
        (noisy_cubic, MANY | {"schedule": "inverse_time"}, "moments"),
        (noisy_cubic, MANY | {"tolerance": 1e-3, "loss_threshold": 0.01}, "spectral"),
        (lambda: features(5000, 8), {"learning_rate": 0.01, "max_steps": 10**6}, "spectral"),
        (noisy_cubic, MANY | {"rule": "sign", "max_steps": 50}, "moments"),
        (noisy_cubic, MANY | {"bounds": (-1, 1), "max_steps": 50}, "moments"),
        (lambda: features(9, 8), MANY | {"bounds": (-1, 1), "max_steps": 2}, "samples"),
        (fastgd.examples.dart, {"learning_rate": 0.01, "max_steps": 20}, "samples"),
    ],
)
def test_auto_takes_the_cheapest(problem, how, expected):
    result = fastgd.sweep(problem(), **how)
    assert result.engine == result.timing.engine == expected
    if isinstance(problem(), fastgd.Objective):
        assert result.timing.choice == "the only one for this problem"
    else:
        assert result.timing.choice.startswith("least estimated cost: ")
        assert all(f"{name} " in result.timing.choice for name in ("samples", "moments", expected))


def test_the_engine_does_not_depend_on_what_was_called_before():
    problem, how = noisy_cubic(), {"learning_rate": [0.1] * 3, "max_steps": 300}
    before = fastgd.sweep(problem, **how)
    problem.spectrum()
    problem.minimum()
    after = fastgd.sweep(problem, **how)
    assert (after.engine, after.timing.choice) == (before.engine, before.timing.choice)
    assert np.array_equal(after.theta, before.theta)
    assert np.array_equal(after.loss, before.loss)


def test_asked_for_is_what_runs():
    for engine in ENGINES:
        timing = fastgd.sweep(noisy_cubic(), learning_rate=[0.1, 0.2], max_steps=9, engine=engine).timing
        assert (timing.engine, timing.choice) == (engine, "asked for")
    assert "'spectral'" in repr(fastgd.sweep(noisy_cubic(), learning_rate=0.1, engine="spectral"))


@pytest.mark.parametrize("engine", EXACT)
def test_exact_engines_visit_no_sample(engine):
    timing = fastgd.sweep(noisy_cubic(), learning_rate=[0.1, 0.2], max_steps=9, engine=engine).timing
    assert (timing.sample_visits, timing.flops, timing.bytes, timing.streams) == (0, 0, 0, False)
    assert (timing.configurations, timing.steps) == (2, 18)
    assert timing.roofline_fraction is None
    assert "sample visits" not in str(timing)


# ---- the same mathematics -------------------------------------------------------------------------------------------

HOW = [
    {},
    {"schedule": "cosine"},
    {"schedule": "exponential", "decay": [0.001, 0.1]},
    {"schedule": "inverse_sqrt", "gradient_tolerance": [0.3, 1e-3]},
    {"loss_threshold": [0.9, 1.2], "tolerance": [1e-2, 1e-4], "record_every": 10},
    {"theta0": [[1, 2, -1, 0], [0.5, 0, 0, -3]], "divergence_threshold": [10, 1e10]},
    {"rule": "sign", "schedule": "inverse_time", "loss_threshold": [0.9, 1.2]},
    {"bounds": (-0.3, [0.2, 0.4, 0.1, np.inf]), "tolerance": [1e-2, 1e-5]},
]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("how", HOW, ids=lambda how: " ".join(how))
def test_engines_agree(how, reduction):
    problem = noisy_cubic(reduction=reduction)
    limit = problem.spectrum().max_learning_rate
    parts = np.array([0.01, 0.1, 0.5, 0.9, 0.99, 1.01, 1.5, 4.0])
    if reduction == "sum":
        totals = [name for name in ("loss_threshold", "divergence_threshold") if name in how]
        how = how | {name: np.multiply(how[name], 500) for name in totals}
    results = [
        fastgd.sweep(
            problem,
            learning_rate=parts / 20 if how.get("rule") == "sign" else limit * parts,
            max_steps=[0, 1, 10, 200],
            engine=engine,
            **how,
        )
        for engine in ENGINES
        if engine != "spectral" or not {"rule", "bounds"} & set(how)
    ]
    first = results[0]
    assert len(np.unique(first.status)) > 1
    # what grew and shrank again under a schedule has kept the rounding of its largest theta
    axis = list(first.axes).index("learning_rate")
    steady = np.moveaxis(np.broadcast_to(parts <= 1.01, np.moveaxis(first.loss, axis, -1).shape), -1, axis)
    size = first.gradient_norm[steady].max()
    for result in results[1:]:
        assert np.array_equal(result.steps, first.steps)
        assert np.array_equal(result.status, first.status)
        assert result.theta[steady] == pytest.approx(first.theta[steady], rel=1e-11, abs=1e-12)
        assert result.loss[steady] == pytest.approx(first.loss[steady], rel=1e-11)
        assert result.gradient_norm[steady] == pytest.approx(first.gradient_norm[steady], rel=1e-11, abs=1e-13 * size)
        if first.trajectory is not None:
            assert np.array_equal(np.isnan(result.trajectory.loss), np.isnan(first.trajectory.loss))
            for name in ("theta", "loss"):
                expected = getattr(first.trajectory, name)[steady]
                found = getattr(result.trajectory, name)[steady]
                assert found == pytest.approx(expected, rel=1e-11, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_order_of_tests(engine):
    square = fastgd.examples.square()
    how = {"learning_rate": 0.1, "loss_threshold": 2.0, "gradient_tolerance": 3.0, "tolerance": 1.0, "engine": engine}
    statuses = []
    for left_out, extra in (
        (None, {"max_steps": 0, "divergence_threshold": 0.5}),
        (None, {"max_steps": 0}),
        ("loss_threshold", {"max_steps": 0}),
        ("gradient_tolerance", {"max_steps": 0}),
        (None, {"max_steps": 1}),
    ):
        how.pop(left_out, None)
        statuses.append(fastgd.descend(square, **how, **extra).status.name)
    assert statuses == ["DIVERGED", "REACHED_LOSS", "SMALL_GRADIENT", "MAX_STEPS", "SMALL_UPDATE"]
    # later on: at step 3 theta is 0.512 and everything passes its test at once
    later = {"loss_threshold": 0.27, "gradient_tolerance": 1.03, "tolerance": 0.103}
    for names, status in (
        (("loss_threshold", "gradient_tolerance", "tolerance"), Status.REACHED_LOSS),
        (("gradient_tolerance", "tolerance"), Status.SMALL_GRADIENT),
        (("tolerance",), Status.SMALL_UPDATE),
    ):
        tests = {name: later[name] for name in names}
        run = fastgd.descend(square, learning_rate=0.1, max_steps=9, engine=engine, **tests)
        assert (run.steps, run.status) == (3, status)
        run = fastgd.descend(square, learning_rate=0.1, max_steps=3, engine=engine, **tests)
        assert run.status == (status if status != Status.SMALL_UPDATE else Status.MAX_STEPS)


@pytest.mark.parametrize("engine", ENGINES)
def test_tests_are_strict(engine):
    square = fastgd.examples.square()
    how = {"learning_rate": 0.0, "max_steps": 3, "engine": engine}
    assert fastgd.descend(square, loss_threshold=1.0, gradient_tolerance=2.0, **how).status == Status.MAX_STEPS
    assert fastgd.descend(square, tolerance=0.0, **how).status == Status.MAX_STEPS
    assert fastgd.descend(square, tolerance=5e-324, **how).status == Status.SMALL_UPDATE


@pytest.mark.parametrize("engine", ENGINES)
def test_divergence_is_a_status_with_its_step(engine):
    how = {"learning_rate": 10.0, "engine": engine, "record_every": None}  # the loss is 361^t
    for threshold, steps in ((1e200, 79), (361.0, 2), (360.0, 1), (0.5, 0)):
        run = fastgd.descend(fastgd.examples.square(), divergence_threshold=threshold, **how)
        assert (run.status, run.steps) == (Status.DIVERGED, steps)
    run = fastgd.descend(fastgd.examples.square(), divergence_threshold=None, **how)
    assert (run.status, run.steps, run.loss) == (Status.DIVERGED, 121, np.inf)


def test_curvature_beyond_floats_is_no_obstacle_to_a_sweep():
    problem = fastgd.LinearFit([[1e160], [2e160]], [1.0, 4.0], intercept=False)
    with pytest.raises(ValueError, match="X must be scaled"):
        problem.spectrum()
    results = [fastgd.sweep(problem, learning_rate=[0.0, 1e-310], max_steps=3, engine=engine) for engine in ENGINES]
    for result in results:
        assert result.status.tolist() == [Status.MAX_STEPS, Status.LOSS_GREW]
        assert result.theta == pytest.approx(results[0].theta, rel=1e-11)
        assert "1 (took all steps, loss grew" in str(result)


# ---- the same bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [HOW[1], HOW[4]], ids=lambda how: " ".join(how))
@pytest.mark.parametrize("engine", EXACT)
def test_threads_tiles_and_slices_change_no_bit(cut, engine, how):
    problem = noisy_cubic()
    rates = problem.spectrum().max_learning_rate * np.linspace(0.01, 1.2, 37)
    starts = np.random.default_rng(0).normal(size=(2, 4))

    def run(threads):
        return fastgd.sweep(
            problem, theta0=starts, learning_rate=rates, max_steps=[3, 70], threads=threads, engine=engine, **how
        )

    expected = bits(run(1))
    cut(thread_seconds=0.0, tile_seconds=0.0, tiles_per_worker=1)
    for tile in (1, 7, 10_000):
        cut(largest_exact_tile=tile)
        for threads in (1, 2, 5):
            result = run(threads)
            assert bits(result) == expected
            assert result.timing.threads == threads
    cut(slice_seconds=1e-9, first_visits=1.0)  # a budget of one: the kernel returns as often as it can
    assert bits(run(2)) == expected


@pytest.mark.parametrize("engine", EXACT)
def test_columns_equal_descents_one_by_one(engine):
    problem, random, C = noisy_cubic(), np.random.default_rng(0), 40
    columns = {
        "theta0": random.normal(size=(C, 4)),
        "learning_rate": 10 ** random.uniform(-2, 0.5, C),
        "max_steps": random.integers(0, 60, C),
        "decay": random.uniform(0, 0.1, C),
        "tolerance": 10 ** random.uniform(-6, -2, C),
        "loss_threshold": random.uniform(0, 2, C),
        "gradient_tolerance": 10 ** random.uniform(-4, 0, C),
        "divergence_threshold": 10 ** random.uniform(1, 10, C),
    }
    for schedule in ("constant", "inverse_time"):
        some = {name: column for name, column in columns.items() if schedule != "constant" or name != "decay"}
        result = fastgd.sweep(problem, configurations=some, schedule=schedule, engine=engine)
        assert len(np.unique(result.status)) >= 5
        for c in range(C):
            own = {name: column[c] for name, column in some.items()}
            run = fastgd.descend(problem, **own, schedule=schedule, engine=engine)
            for name in RESULTS:
                assert np.array_equal(getattr(result, name)[c], getattr(run, name)), name


def test_a_recorded_state_is_that_of_a_descent_so_long():
    problem = noisy_cubic()
    for how in ({}, {"schedule": "exponential", "decay": 0.01}):
        run = fastgd.descend(problem, learning_rate=0.3, max_steps=50, record_every=7, engine="spectral", **how)
        lengths = fastgd.sweep(problem, learning_rate=0.3, max_steps=run.trajectory.steps, engine="spectral", **how)
        assert np.array_equal(run.trajectory.theta, lengths.theta)
        assert np.array_equal(run.trajectory.loss, lengths.loss)


def test_one_compilation_serves_every_sweep():
    problem = noisy_cubic()
    for how in ({}, {"schedule": "cosine"}, {"rule": "momentum"}):
        fastgd.sweep(problem, learning_rate=0.2, engine="spectral", **how)
    compiled = len(descend_by_modes.signatures)
    for how in (
        {"learning_rate": 0.1},
        {"learning_rate": np.linspace(0, 1, 50), "max_steps": [5, 7], "tolerance": 1e-3},
        {"learning_rate": 0.1, "schedule": "cosine", "record_every": 3},
        {"configurations": {"learning_rate": [0.1, 0.2], "max_steps": [3, 4]}},
        {"learning_rate": 0.1, "theta0": np.zeros((3, 4)), "bounds": None, "threads": 2},
    ):
        fastgd.sweep(problem, engine="spectral", **how)
    fastgd.sweep(features(20, 9), learning_rate=0.1, engine="spectral")
    assert len(descend_by_modes.signatures) == compiled


# ---- long, large, interrupted ---------------------------------------------------------------------------------------


def test_memory_of_a_large_sweep():
    problem, C = fastgd.examples.sine(), 400_000
    fastgd.sweep(problem, learning_rate=1e-7, engine="spectral")
    rates = np.geomspace(1e-9, 1e-5, C)
    tracemalloc.start()
    try:
        result = fastgd.sweep(problem, learning_rate=rates, max_steps=2000, tolerance=1e-7, engine="spectral")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * C
    assert len(np.unique(result.status)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "how",
    [
        {"engine": "spectral", "schedule": "inverse_sqrt", "decay": 1e-9},
        {"engine": "moments"},
    ],
    ids=lambda how: how["engine"],
)
def test_ctrl_c_leaves_every_descent_where_it_was(how, threads):
    problem = noisy_cubic()
    rates = np.geomspace(1e-3, 1e-1, 40)
    steps = np.array([10, 10**9])
    fastgd.sweep(problem, learning_rate=rates, max_steps=[1, 2], threads=threads, **how)
    timer = threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(fastgd.SweepInterrupted) as caught:
            fastgd.sweep(problem, learning_rate=rates, max_steps=steps, threads=threads, **how)
    finally:
        timer.cancel()
    result = caught.value.result
    assert result.status[0, 0] == Status.MAX_STEPS
    assert (result.status[:, 1] == Status.CANCELLED).all()
    under_way = result.steps[:, 1] > 0
    assert 0 < under_way.sum() <= threads
    assert (result.steps[under_way, 1] < 10**9).all()
    assert np.isfinite(result.theta[under_way, 1]).all()
    short = fastgd.sweep(
        problem,
        configurations={"learning_rate": rates[under_way], "max_steps": result.steps[under_way, 1]},
        **how,
    )
    if how["engine"] == "spectral":
        assert np.array_equal(short.theta, result.theta[under_way, 1])


def test_sweeps_from_several_threads_at_once():
    problem = noisy_cubic()
    rates = np.geomspace(1e-3, 1, 500)
    expected = fastgd.sweep(noisy_cubic(), learning_rate=rates, max_steps=50, engine="spectral")
    results = [None] * 4

    def work(k):
        results[k] = fastgd.sweep(problem, learning_rate=rates, max_steps=50, engine="spectral")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert bits(result) == bits(expected)


def test_samples_serve_where_statistics_are_beyond_float64():
    problem = fastgd.PolynomialFit([1e200, -1e200, 2e200], [1.0, 2.0, 3.0], degree=2)
    how = {"learning_rate": [0.0, 1e-3], "max_steps": 10**6}
    result = fastgd.sweep(problem, **how)
    assert result.engine == "samples"
    assert "x must be scaled" in result.timing.choice
    assert (result.status == Status.DIVERGED).all()
    assert (result.steps == 0).all()
    for engine in ("spectral", "moments"):
        with pytest.raises(ValueError, match=r"x must be scaled: its powers up to 2 leave the range of float64"):
            fastgd.sweep(problem, engine=engine, **how)


def test_configurations_do_not_know_their_neighbours(cut):
    """Tiles that cut the grid anywhere, in both orders, give the same bits."""
    problem = noisy_cubic()
    rates = np.geomspace(1e-4, 1.5, 301) * problem.spectrum().max_learning_rate
    how = {"max_steps": [7, 900], "loss_threshold": 1.0, "tolerance": 1e-4, "engine": "spectral"}
    expected = fastgd.sweep(problem, learning_rate=rates, **how)
    assert len(np.unique(expected.status)) >= 3
    for tile in (1, 63, 64, 10**6):
        cut(largest_exact_tile=tile)
        assert bits(fastgd.sweep(problem, learning_rate=rates, **how)) == bits(expected)
    backwards = fastgd.sweep(problem, learning_rate=rates[::-1], **how)
    for name in RESULTS:
        assert np.array_equal(getattr(backwards, name)[::-1], getattr(expected, name)), name
