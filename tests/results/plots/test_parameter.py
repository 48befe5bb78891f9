"""The loss against one parameter: where descents ended, or went along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastgd
from fastgd import Status
from tests.tools.axes import artist, drawn, labels


@pytest.fixture(scope="module")
def result():
    return fastgd.sweep(
        fastgd.examples.pizza(), learning_rate=np.geomspace(1e-4, 1e-2, 12), max_steps=5000, gradient_tolerance=1e-3
    )


@pytest.mark.parametrize("name", ["w", "b"])
def test_all_configurations_are_points(result, name):
    ax = drawn(result.plot.parameter, name)
    theta = result.theta[:, result.parameters.index(name)]
    for label, mask in (("converged", result.converged), ("took all steps", result.status == 0)):
        x, y = artist(ax, label).get_data()
        assert x.tolist() == theta[mask].tolist()
        assert y.tolist() == result.loss[mask].tolist()
    failed = artist(ax, "failed")
    assert len(failed.get_xdata()) == result.failed.sum()
    assert (failed.get_ydata() > result.loss[~result.failed].max()).all()
    assert set(failed.get_xdata()) <= set(ax.get_xlim())
    assert ax.get_xlabel() == f"{name}\n{result.failed.sum()} that failed lie beyond, drawn at the edges"


def test_many_are_thinned_and_that_is_said():
    rates = np.geomspace(1e-5, 1e-2, 20_000)
    many = fastgd.sweep(fastgd.examples.pizza(), learning_rate=rates, max_steps=100)
    ax = drawn(many.plot.parameter, "w")
    x, y = artist(ax, "took all steps").get_data()
    assert 100 < len(x) < 20_000
    assert set(zip(x, y, strict=True)) <= set(zip(many.theta[:, 0], many.loss, strict=True))
    assert "1 point = up to " in ax.get_xlabel()


def test_a_descent_is_drawn_along_its_trajectory():
    run = fastgd.descend(fastgd.examples.pizza(), learning_rate=1e-3, max_steps=50)
    ax = drawn(run.plot.parameter, "b")
    line = ax.get_lines()[0]
    assert line.get_xdata().tolist() == run.trajectory.theta[:, 1].tolist()
    assert line.get_ydata().tolist() == run.trajectory.loss.tolist()
    assert labels(ax) == ["start", "took all steps"]
    assert artist(ax, "took all steps").get_xdata().tolist() == [run.theta[1]]


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_a_descent_to_zero_or_beyond_float64_is_drawn(rate):
    run = fastgd.descend(fastgd.examples.square(), learning_rate=rate, max_steps=2000, divergence_threshold=np.inf)
    ax = drawn(run.plot.parameter, "theta")
    assert len(ax.get_lines()[0].get_xdata()) == len(run.trajectory.steps)


def test_little_and_nothing(result):
    square = fastgd.examples.square()
    drawn(fastgd.sweep(square, learning_rate=0.5, max_steps=5).plot.parameter, "theta")
    ax = drawn(fastgd.sweep(square, learning_rate=[2.0, 3.0], max_steps=2000).plot.parameter, "theta")
    assert [text.get_text() for text in ax.texts] == ["all configurations failed"]
    nothing = replace(result, status=np.full_like(result.status, Status.CANCELLED))
    ax = drawn(nothing.plot.parameter, "w")
    assert [text.get_text() for text in ax.texts] == ["no configuration was finished"]


def test_what_is_not_there_is_refused(result):
    with pytest.raises(ValueError, match=r"^name must be one of 'w', 'b', got 'c'$"):
        result.plot.parameter("c")
    run = fastgd.descend(fastgd.examples.square(), learning_rate=0.1, record_every=None)
    with pytest.raises(ValueError, match=r"^plot_parameter needs a trajectory, and record_every=None recorded none$"):
        run.plot.parameter("theta")
