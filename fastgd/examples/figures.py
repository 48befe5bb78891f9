"""The published lessons' own pictures: each a figure of panels, which the pictures of results draw."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fastgd.check import choice
from fastgd.examples.published import dart, decay, pizza, sine, square
from fastgd.extras import imported
from fastgd.results.plots.fit import plot_fit
from fastgd.sweeps.sweep import descend, sweep
from fastgd.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panels = dict[str, Callable[..., object]]  # by title

PANEL = (5.6, 4.6)  # inches
MOST_COLUMNS = 3
RIGHT_ANGLE = math.pi / 2.0
WINDOW = (math.radians(-15.0), math.radians(68.0))  # where both minima are seen


def figure(name: str) -> Figure:
    """Draw the pictures of a published lesson.

    Parameters
    ----------
    name : {"square", "tolerance", "sine", "pizza", "dart", "decay"}
        - square: rates that crawl, converge and blow up, on the curve and against the step
        - tolerance: the square's descent that a tolerance stops
        - sine: the random start and the fitted cubics, the loss every 100 steps and against each parameter; and the
          wider range, where the same rate diverges
        - pizza: the loss over the weight, its minimum and tangents; the line through the data
        - dart: each run of the baseline on the loss curve, in degrees; and which minimum each start reaches
        - decay: the curve at some steps, and the loss; rates that reach the minimum, and the way in two parameters

    Returns
    -------
    matplotlib.figure.Figure
        `figure.savefig("sine.png")` keeps it.

    Raises
    ------
    ValueError, TypeError
        If there is no such lesson.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.

    Examples
    --------
    >>> import fastgd
    >>> figure = fastgd.examples.figure("tolerance")
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['theta', 'step']
    >>> figure.savefig("tolerance.png")  # doctest: +SKIP
    >>> from matplotlib import pyplot
    >>> pyplot.close(figure)
    """
    panels_of = PANELS[choice("name", name, PANELS)]
    pyplot = imported("matplotlib.pyplot", "plot", "examples.figure")
    panels = panels_of()
    columns = MOST_COLUMNS if len(panels) > 4 else 2
    rows = -(-len(panels) // columns)
    drawn: Figure = pyplot.figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    parts = np.ravel(drawn.subfigures(rows, columns))  # type: ignore[arg-type]
    for part, (title, draw) in zip(parts, panels.items(), strict=False):
        part.suptitle(title)
        draw(ax=part.subplots())
    return drawn


def _square() -> Panels:
    problem = square()
    rates = {0.2: "converges", 0.001: "crawls", 10.0: "blows up"}
    runs = {rate: descend(problem, learning_rate=rate, max_steps=20) for rate in rates}
    every = sweep(problem, learning_rate=list(rates), max_steps=20, record_every=1)
    curves: Panels = {
        f"rate {rate:g} {what}: 20 steps": partial(runs[rate].plot.curve, problem) for rate, what in rates.items()
    }
    limit = problem.spectrum().max_learning_rate
    return curves | {f"the three of them; the stability limit is {limit:g}": every.plot.trajectories}


def _tolerance() -> Panels:
    problem = square()
    run = descend(problem, 3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5)
    return {
        f"theta² from 3 at rate 0.3: stops after {run.steps} steps": partial(run.plot.curve, problem),
        "the loss after each of them": run.plot.loss,
    }


def _sine() -> Panels:
    problem = sine()
    run = descend(problem, learning_rate=1e-6, max_steps=2000, record_every=100)
    wide = sine(4.0 * math.pi)
    limit = wide.spectrum().max_learning_rate
    rates = [0.9 * limit, 1e-6]
    diverging = sweep(wide, learning_rate=rates, max_steps=2000, record_every=1)
    by_hand = np.array([problem.start, [0.0, 1.0, 0.0, -1.0 / 6.0]])
    best = wide.minimum().theta
    panels: Panels = {
        "before any descent: a random start, a guess by hand": partial(plot_fit, None, problem=problem, theta=by_hand),
        "the cubic at some steps, rate 1e-6": run.plot.fit,
        "the loss every 100 steps": run.plot.loss,
    }
    for name in problem.parameters:
        panels[f"the loss against {name}"] = partial(run.plot.parameter, name)
    return panels | {
        f"from -4π to 4π rate 1e-6 diverges: the limit is {limit:.2g}": diverging.plot.trajectories,
        "there no cubic fits: the best of them": partial(plot_fit, None, problem=wide, theta=best),
    }


def _pizza() -> Panels:
    slope = pizza(intercept=False)
    line = pizza()
    run = descend(slope, learning_rate=0.001, max_steps=100)
    both = descend(line, learning_rate=0.001, max_steps=20_000)
    limit = line.spectrum().max_learning_rate
    rates = sweep(line, learning_rate=[0.001, 0.004, 1.01 * limit], max_steps=2000, record_every=1)
    tangents = [0.5, slope.minimum().theta[0], 3.0]
    return {
        "the loss over w, b held at 0": partial(run.plot.curve, slope, window=(-1.0, 4.0), tangent=tangents),
        "its 100 steps at rate 0.001": run.plot.loss,
        "the line through the data, b held at 0": partial(_over_reservations, run.plot.fit),
        "w and b: 20,000 steps on the loss": partial(both.plot.path, line),
        "the line through the data": partial(_over_reservations, both.plot.fit),
        f"above rate {limit:.6f} it diverges": rates.plot.trajectories,
    }


def _over_reservations(draw: Callable[..., Axes], ax: Axes) -> None:
    draw(ax=ax).set(xlabel="reservations", ylabel="pizzas")


def _dart() -> Panels:
    problem = dart()
    bounds = (-RIGHT_ANGLE, RIGHT_ANGLE)
    panels: Panels = {}
    for rate, steps in {1.0: 1, 0.1: 10, 0.01: 100, 0.001: 1000, 1e-4: 10_000, 1e-5: 100_000}.items():
        run = descend(problem, learning_rate=rate, max_steps=steps, loss_threshold=0.001, bounds=bounds, record_every=1)
        degrees = math.degrees(run.theta[0])
        title = f"rate {rate:g}, at most {counted(steps, 'step')}: {degrees:.2f}° after {run.steps:,}"
        panels[title] = partial(_in_degrees, partial(run.plot.curve, problem, window=WINDOW, tangent=None))
    sign = partial(sweep, problem, rule="sign", record_every=1)
    constant = sign(learning_rate=[1e-5, 1e-4, 0.001, 0.01], max_steps=70_000, loss_threshold=0.001)
    decaying = sign(learning_rate=0.1, max_steps=100, schedule="inverse_time", decay=[0.0, 0.2])
    starts = np.linspace(-RIGHT_ANGLE, RIGHT_ANGLE, 300)[1:-1, None]
    rates = np.geomspace(1e-5, 1.0, 200)
    reached = sweep(problem, theta0=starts, learning_rate=rates, max_steps=2000, loss_threshold=0.001, bounds=bounds)
    return panels | {
        "constant descent to a loss of 0.001": constant.plot.trajectories,
        "constant descent bounces, until its rate decays": decaying.plot.trajectories,
        "which minimum each start reaches": reached.plot.basins,
    }


def _in_degrees(draw: Callable[..., Axes], ax: Axes) -> None:
    """Let an axis of radians read in degrees."""
    ticker = imported("matplotlib.ticker", "plot", "examples.figure")
    axis = draw(ax=ax).xaxis
    axis.set_major_locator(ticker.MultipleLocator(math.radians(15.0)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda radians, _: f"{math.degrees(radians):.0f}°"))


def _decay() -> Panels:
    problem = decay()
    run = descend(problem, learning_rate=0.3, max_steps=2000)
    limit = problem.spectrum(run.theta).max_learning_rate
    rates = np.geomspace(0.01, 10.0, 400)
    swept = sweep(problem, learning_rate=rates, max_steps=20_000, gradient_tolerance=1e-6)
    some = sweep(problem, learning_rate=[0.03, 0.3, 0.95 * limit, 1.1 * limit], max_steps=2000, record_every=1)
    return {
        "the curve at some steps, rate 0.3": run.plot.fit,
        "the loss after each of them": run.plot.loss,
        f"the limit at the minimum is {limit:.2g}": some.plot.trajectories,
        "steps that each rate takes": swept.plot.steps,
    }


PANELS: dict[str, Callable[[], Panels]] = {
    "square": _square,
    "tolerance": _tolerance,
    "sine": _sine,
    "pizza": _pizza,
    "dart": _dart,
    "decay": _decay,
}
