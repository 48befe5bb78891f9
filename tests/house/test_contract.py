"""The public surface: names, signatures, defaults, statuses, the order of axes."""

from __future__ import annotations

import inspect
from enum import IntEnum
from inspect import Parameter

import numpy as np
import pytest

import fastgd
from fastgd.sweeps.grid import PROBLEMS_START
from tests.oracle import reference
from tests.tools.processes import run

NAMES = [
    "Boundary",
    "CurveFit",
    "Descent",
    "ExecutorLost",
    "Huber",
    "LinearFit",
    "LogCosh",
    "Objective",
    "PolynomialFit",
    "ResidualLoss",
    "Status",
    "SweepInterrupted",
    "SweepResult",
    "Timing",
    "boundary",
    "descend",
    "examples",
    "load",
    "open_result",
    "roofline",
    "sweep",
    "zoom",
]


# ---- names ----------------------------------------------------------------------------------------------------------


def test_every_name_is_there():
    assert set(NAMES) <= set(fastgd.__all__)
    assert set(fastgd.__all__) <= set(dir(fastgd))
    for name in fastgd.__all__:
        assert getattr(fastgd, name).__doc__, name
    with pytest.raises(AttributeError, match="'fastgd' has no attribute 'swep'"):
        fastgd.swep  # noqa: B018


@pytest.mark.process
def test_import_loads_neither_numba_nor_numpy():
    assert run("import fastgd, sys; print({'numba', 'llvmlite', 'numpy'} & set(sys.modules))") == "set()"


@pytest.mark.process
def test_what_needs_no_kernel_does_not_load_numba():
    code = (
        "import fastgd, sys\n"
        "problem = fastgd.PolynomialFit([0, 1, 2], [1, 2, 5], degree=2)\n"
        "problem.predict([1, 0, 1]); fastgd.Status(1).message; fastgd.examples\n"
        "print('numba' in sys.modules)"
    )
    assert run(code) == "False"


# ---- signatures -----------------------------------------------------------------------------------------------------


def parameters_of(function):
    return inspect.signature(function).parameters


def defaults_of(function):
    """Return name -> default of the keyword parameters; Parameter.empty where there is none."""
    return {name: parameter.default for name, parameter in parameters_of(function).items()}


SWEEP = {
    "problem": Parameter.empty,
    "learning_rate": None,
    "theta0": PROBLEMS_START,  # None is an error
    "rule": "gradient",
    "momentum": None,
    "schedule": "constant",
    "decay": None,
    "max_steps": 1000,
    "tolerance": None,
    "loss_threshold": None,
    "gradient_tolerance": None,
    "divergence_threshold": 1e200,
    "bounds": None,
    "record_every": None,
    "configurations": None,
    "engine": "auto",
    "threads": None,
    "progress": False,
    "store": None,
    "durable": False,
    "executor": None,
}


def test_sweep_signature():
    assert list(defaults_of(fastgd.sweep).items()) == list(SWEEP.items())
    problem, *others = parameters_of(fastgd.sweep).values()
    assert problem.kind is Parameter.POSITIONAL_OR_KEYWORD
    assert {parameter.kind for parameter in others} == {Parameter.KEYWORD_ONLY}


def test_descend_signature():
    problem, theta0, *others = parameters_of(fastgd.descend).values()
    assert (problem.name, theta0.name) == ("problem", "theta0")
    assert problem.kind is theta0.kind is Parameter.POSITIONAL_OR_KEYWORD
    assert theta0.default is PROBLEMS_START
    assert repr(theta0.default) == "problem.start"
    assert {parameter.kind for parameter in others} == {Parameter.KEYWORD_ONLY}
    of_sweep_alone = {"problem", "theta0", "configurations", "progress", "threads", "engine"}
    of_sweep_alone |= {"store", "durable", "executor"}
    assert {parameter.name for parameter in others} >= set(SWEEP) - of_sweep_alone
    for parameter in others:
        if parameter.name not in ("learning_rate", "record_every"):  # a descent needs a rate
            assert parameter.default == SWEEP[parameter.name], parameter.name


def test_zoom_signature():
    problem, result, *others, keywords = parameters_of(fastgd.zoom).values()
    assert (problem.name, result.name, result.default, keywords.kind) == (
        "problem",
        "result",
        None,
        Parameter.VAR_KEYWORD,
    )
    assert {parameter.kind for parameter in others} == {Parameter.KEYWORD_ONLY}
    named = {parameter.name: parameter.default for parameter in others}
    assert named == {"window": Parameter.empty, "x": None, "y": None, "shape": 512, "spacing": None}
    assert not set(named) & set(SWEEP)


def test_boundary_signature():
    assert defaults_of(fastgd.boundary) == {"result": Parameter.empty, "by": "failed"}


OF_A_FIT = {
    "loss": "squared",
    "reduction": "mean",
    "sample_weight": None,
    "l2": 0.0,
    "parameters": None,
    "start": None,
}
OF_A_CURVE = {name: value for name, value in OF_A_FIT.items() if name not in ("start", "parameters")}
DOMAIN = {"domain": None}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("PolynomialFit", {"x": ..., "y": None, "degree": None, **OF_A_FIT, **DOMAIN}),
        ("LinearFit", {"X": ..., "y": None, "intercept": True, **OF_A_FIT, **DOMAIN}),
        (
            "CurveFit",
            {"model": ..., "x": ..., "y": None, "start": None, "parameters": None, **OF_A_CURVE, "derivative": None},
        ),
        (
            "Objective",
            {"loss": ..., "gradient": None, "dimension": 1, "parameters": None, "start": None, "compile": True},
        ),
    ],
)
def test_problem_signatures(function, expected):
    defaults = {
        name: ... if value is Parameter.empty else value
        for name, value in defaults_of(getattr(fastgd, function)).items()
    }
    assert list(defaults.items()) == list(expected.items())


def test_example_signatures():
    assert defaults_of(fastgd.examples.square) == {}
    assert defaults_of(fastgd.examples.sine) == {"half_width": np.pi, "rng": 0}
    assert defaults_of(fastgd.examples.pizza) == {"intercept": True}
    assert defaults_of(fastgd.examples.dart) == {}
    assert defaults_of(fastgd.examples.decay) == {}


@pytest.mark.parametrize("name", ["PolynomialFit", "LinearFit", "CurveFit", "Objective"])
def test_what_a_problem_offers(name):
    problem = getattr(fastgd, name)
    for method, arguments in {
        "loss": ["self", "theta"],
        "gradient": ["self", "theta"],
        "loss_and_gradient": ["self", "theta"],
    }.items():
        assert list(parameters_of(getattr(problem, method))) == arguments
    if name != "Objective":
        assert list(defaults_of(problem.predict).items()) == [
            ("self", Parameter.empty),
            ("theta", Parameter.empty),
            ("x", None),
        ]


def test_public_things_are_annotated_and_documented():
    for name in NAMES:
        value = getattr(fastgd, name)
        if inspect.isfunction(value):
            signature = inspect.signature(value)
            assert signature.return_annotation is not inspect.Signature.empty, name
            assert all(p.annotation is not Parameter.empty for p in signature.parameters.values()), name
            assert "Parameters\n" in value.__doc__ or not signature.parameters, name


# ---- statuses -------------------------------------------------------------------------------------------------------


def test_status_values():
    assert issubclass(fastgd.Status, IntEnum)
    assert {status.name: status.value for status in fastgd.Status} == {
        "REACHED_LOSS": 1,
        "SMALL_GRADIENT": 2,
        "SMALL_UPDATE": 3,
        "MAX_STEPS": 0,
        "DIVERGED": -1,
        "LOSS_GREW": -2,
        "CANCELLED": -3,
    }
    for status in fastgd.Status:
        if status is not fastgd.Status.CANCELLED:
            assert getattr(reference, status.name) == status


@pytest.mark.parametrize("status", list(fastgd.Status))
def test_status_message_is_one_sentence(status):
    message = status.message
    assert message[0].isupper()
    assert message.endswith(".")
    assert "\n" not in message
    assert not any(mark in message[:-1] for mark in (". ", "! ", "? "))


def test_status_messages_differ_and_name_what_to_change():
    messages = {status: status.message for status in fastgd.Status}
    assert len(set(messages.values())) == len(messages)
    for status, word in {
        fastgd.Status.REACHED_LOSS: "loss_threshold",
        fastgd.Status.SMALL_GRADIENT: "gradient_tolerance",
        fastgd.Status.SMALL_UPDATE: "tolerance",
        fastgd.Status.MAX_STEPS: "max_steps",
        fastgd.Status.DIVERGED: "learning rate",
        fastgd.Status.LOSS_GREW: "learning rate",
        fastgd.Status.CANCELLED: "again",
    }.items():
        assert word in messages[status]


# ---- results --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def problem():
    return fastgd.PolynomialFit([0.0, 0.5, 1.0, 1.5], [1.0, 2.0, 1.0, 0.0], degree=1)


AXES = {
    "start": ("theta0", [[0.0, 0.0], [1.0, 1.0]]),
    "learning_rate": ("learning_rate", [0.01, 0.05, 0.1]),
    "momentum": ("momentum", [0.0, 0.8]),
    "decay": ("decay", [0.0, 0.1]),
    "max_steps": ("max_steps", [3, 5]),
    "tolerance": ("tolerance", [1e-9, 1e-3]),
    "loss_threshold": ("loss_threshold", [1e-9, 1.0]),
    "gradient_tolerance": ("gradient_tolerance", [1e-9, 1.0, 2.0]),
    "divergence_threshold": ("divergence_threshold", [1e3, 1e200]),
}


def test_axes_come_in_the_order_of_the_signature(problem):
    backwards = {keyword: values for keyword, values in reversed(list(AXES.values()))}
    result = fastgd.sweep(problem, rule="nesterov", schedule="exponential", **backwards)
    assert list(result.axes) == list(AXES)
    for name, (_, values) in AXES.items():
        assert np.array_equal(result.axes[name], values)
    shape = tuple(len(values) for _, values in AXES.values())
    assert result.theta.shape == (*shape, 2)
    for name in ("loss", "gradient_norm", "steps", "status", "converged", "failed"):
        assert getattr(result, name).shape == shape, name


@pytest.mark.parametrize("name", list(AXES))
def test_each_axis_alone(problem, name):
    keyword, values = AXES[name]
    others = {"learning_rate": 0.1, "max_steps": 4, "engine": "samples"}
    others |= {"decay": {"schedule": "inverse_time"}, "momentum": {"rule": "momentum"}}.get(name, {})
    result = fastgd.sweep(problem, **{**others, keyword: values})
    assert list(result.axes) == [name]
    assert result.loss.shape == (len(values),)
    one_by_one = [fastgd.sweep(problem, **{**others, keyword: value}) for value in values]
    assert all(one.axes == {} and one.loss.shape == () and one.theta.shape == (2,) for one in one_by_one)
    for field in ("theta", "loss", "gradient_norm", "steps", "status"):
        assert np.array_equal(getattr(result, field), [getattr(one, field) for one in one_by_one]), field


def test_what_a_sweep_result_holds(problem):
    how = {"max_steps": 50, "gradient_tolerance": 0.1, "record_every": 25, "engine": "samples"}
    result = fastgd.sweep(problem, learning_rate=[0.1, 0.2, 5.0], **how)
    assert isinstance(result, fastgd.SweepResult)
    assert result.theta.dtype == result.loss.dtype == result.gradient_norm.dtype == np.float64
    assert np.issubdtype(result.steps.dtype, np.signedinteger)
    assert np.issubdtype(result.status.dtype, np.signedinteger)
    assert result.converged.dtype == result.failed.dtype == bool
    assert np.array_equal(result.converged, result.status > 0)
    assert np.array_equal(result.failed, result.status < 0)
    assert result.engine == "samples"
    assert isinstance(result.timing, fastgd.Timing)
    for chosen in (result.best, result.fastest):
        again = fastgd.descend(problem, **chosen.configuration)
        assert (again.loss, again.steps, again.status) == (chosen.loss, chosen.steps, chosen.status)
        assert np.array_equal(again.theta, chosen.theta)


def test_what_a_descent_holds(problem):
    run = fastgd.descend(problem, [1.0, 1.0], learning_rate=0.1, max_steps=10, record_every=4)
    assert isinstance(run, fastgd.Descent)
    assert run.theta.shape == (2,)
    assert (type(run.loss), type(run.gradient_norm), type(run.steps)) == (float, float, int)
    assert run.status is fastgd.Status.MAX_STEPS
    assert run.message == run.status.message
    assert isinstance(run.timing, fastgd.Timing)
