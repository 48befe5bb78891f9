"""The model against its samples: the curve at recorded steps, or of several features what is predicted of what is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastgd.check import Array, about, numbers_between, real_array, shown
from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes, Run, Trajectory
from fastgd.results.plots import drawing
from fastgd.results.plots.states import COLUMNS, Window, around, evenly, recorded_of
from fastgd.results.plots.way import frame
from fastgd.results.portrait import MOST_SAMPLES, Samples, samples_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = 6  # by default
FEWEST = 2  # of clouds of points
ROOM = 1.5  # times the height of the samples that a curve may lie outside of them
NUMBERS = 4  # of theta, that a legend tells
SAMPLE = "0.6"  # grey
BY_HAND = (drawing.COLOURS[5], *drawing.COLOURS[2:4])


class Fitted(NamedTuple):
    """Parameters whose model is drawn, and what the legend says of them."""

    theta: Array  # (P,)
    label: str


def plot_fit(
    run: Run | Outcomes | None = None,
    ax: Axes | None = None,
    problem: Any = None,
    steps: Sequence[int] | None = None,
    theta: ArrayLike | None = None,
) -> Axes:
    """Draw a model over its samples: at recorded steps of a descent, light to dark, or at parameters of your choice.

    Parameters
    ----------
    run : Descent or SweepResult, optional
        What was fitted; of a sweep the best is drawn.
    ax : matplotlib.axes.Axes, optional
        Where; a new figure by default.
    problem : Problem, optional
        The fit itself. A run knows enough of a curve over one feature; models of several features, and a picture
        without a run, need it.
    steps : sequence of int, optional
        Which of the recorded steps; by default about six, the first and the last among them.
    theta : array_like (P,) or (C, P), optional
        Parameters to draw beside them, or alone: a guess by hand, say.

    Returns
    -------
    matplotlib.axes.Axes
        Of a curve over one feature x: y over x. Of several features: predicted over observed values.

    Raises
    ------
    ValueError, TypeError
        If there are no samples to draw, a step was not recorded, or an argument is not as above.

    Examples
    --------
    >>> import fastgd
    >>> from matplotlib.figure import Figure
    >>> problem = fastgd.examples.sine()
    >>> run = fastgd.descend(problem, learning_rate=1e-6, max_steps=2000, record_every=100)
    >>> ax = plot_fit(run, ax=Figure().subplots(), steps=[0, 2000])
    >>> ax.get_xlabel().splitlines()
    ['x', '1,000 of 2,000 samples shown']

    A curve before any descent:

    >>> ax = plot_fit(problem=problem, theta=[0, 1, 0, -1 / 6], ax=Figure().subplots())
    """
    samples = _samples(run, problem)
    fitted = _fitted(run, steps, problem, CURVES if samples is not None else FEWEST)
    chosen = [] if theta is None else _by_hand(theta, problem, run)
    ax = drawing.axes(ax, "plot.fit")
    shades = imported("matplotlib", "plot", "plot.fit").colormaps["Blues"](np.linspace(1.0, 0.35, len(fitted)))
    looks: list[dict[str, Any]] = [{"color": shade} for shade in shades[::-1]]
    looks += [{"color": BY_HAND[number % len(BY_HAND)], "linestyle": "--"} for number in range(len(chosen))]
    drawn = list(zip(fitted + chosen, looks, strict=True))
    if samples is None:
        _draw_predicted(ax, problem, drawn)
    else:
        _draw_curves(ax, samples, drawn)
    if run is not None and not fitted:
        drawing.note(ax, ax.get_xlabel(), "every configuration failed")
    drawing.legend(ax, ax.get_legend_handles_labels()[0])
    return ax


def _samples(run: Any, problem: Any) -> Samples | None:
    """Return the samples of a curve; None for a fit of several features, which predicts."""
    if run is not None and not isinstance(run, Run | Outcomes):
        raise TypeError(about("run", f"must be a Descent or a SweepResult, got {shown(run)}"))
    samples = None if run is None else run.portrait.samples
    if samples is not None and not samples.can_predict:
        if problem is None:
            why = "for a file keeps samples of a model of one's own, and not the model"
            raise ValueError(about("problem", f"must be given, the fit itself, {why}"))
        samples = None
    if samples is None and problem is not None:
        samples = samples_of(problem)
        if samples is None and not hasattr(problem, "counting"):
            raise ValueError(about("problem", f"must be a fit, which has samples to draw, got {shown(problem)}"))
    elif samples is None:
        why = "where there is no run" if run is None else "as a run keeps samples of a curve over one feature alone"
        raise ValueError(about("problem", f"must be given, a fit, {why}"))
    return samples


def _fitted(run: Run | Outcomes | None, steps: Sequence[int] | None, problem: Any, most: int) -> list[Fitted]:
    """Return the states to draw, in the order of their steps."""
    trajectory = _way(run, steps)
    if trajectory is None:
        return []
    recorded = trajectory.steps
    if steps is None:
        places = np.unique(np.geomspace(1.0, len(recorded), most).round().astype(np.intp)) - 1
    else:
        asked = np.atleast_1d(numbers_between("steps", steps, minimum=0, whole=True))
        unknown = asked[~np.isin(asked, recorded)]
        if unknown.size:
            what = f"must be among the recorded ones, {len(recorded):,} from {recorded[0]:,} to {recorded[-1]:,}"
            raise ValueError(about("steps", f"{what}, got {unknown[0]}; record_every= records others"))
        places = np.searchsorted(recorded, asked)
    return [
        Fitted(trajectory.theta[place], f"step {recorded[place]:,}, loss {trajectory.loss[place]:.4g}")
        for place in places.tolist()
    ]


def _way(run: Any, steps: Any) -> Trajectory | None:
    """Return the states of a descent, or of a sweep's best; its last state alone where nothing was recorded."""
    if run is None:
        return None
    if isinstance(run, Outcomes):
        best = run.best  # type: ignore[attr-defined]
        if best is None:
            return None
        if run.trajectory is not None:
            same = (run.loss.ravel() == best.loss) & (run.steps.ravel() == best.steps)
            return recorded_of(run, int(np.flatnonzero(same & ~run.failed.ravel())[0]), "plot.fit")
        run = best
    elif run.trajectory is not None:
        return run.trajectory  # type: ignore[no-any-return]
    return Trajectory(np.array([run.steps]), run.theta[None], np.array([run.loss]))


def _by_hand(theta: Any, problem: Any, run: Any) -> list[Fitted]:
    P = run.theta.shape[-1] if problem is None else problem.dimension
    array = np.atleast_2d(real_array("theta", theta).astype(np.float64))
    if array.ndim != 2 or array.shape[1] != P:
        raise ValueError(about("theta", f"must have shape ({P},) or (C, {P}), got shape {np.shape(theta)}"))
    losses = [""] * len(array) if problem is None else [f", loss {loss:.4g}" for loss in problem.loss(array)]
    texts = [", ".join(f"{number:.2g}" for number in own[:NUMBERS]) + ", ..." * (P > NUMBERS) for own in array]
    return [Fitted(own, f"({text}){loss}") for own, text, loss in zip(array, texts, losses, strict=True)]


def _draw_curves(ax: Axes, samples: Samples, curves: list[tuple[Fitted, dict[str, Any]]]) -> None:
    name = drawing.named(samples.name)
    ax.scatter(samples.x, samples.y, s=12, color=SAMPLE, zorder=1.5, linewidths=0, label="samples")
    left, right = around(samples.x, 0.05)
    x = np.linspace(left, right, COLUMNS)
    drawn = [samples.y]
    for fitted, look in curves:
        with np.errstate(over="ignore", invalid="ignore"):
            y = samples.predict(fitted.theta, x)
        finite = np.isfinite(y)
        label = fitted.label if finite.any() else f"{fitted.label}, not finite"
        ax.plot(x, np.where(finite, y, np.nan), label=label, zorder=2.0, **look)
        drawn.append(y[finite])
    low, high = around(samples.y, 0.0)
    room = ROOM * (high - low)
    frame(ax, Window(left, right, *around(np.concatenate(drawn).clip(low - room, high + room))))
    ax.set_ylabel("y")
    drawing.note(ax, name, _how_many(len(samples.x), samples.count))


def _draw_predicted(ax: Axes, problem: Any, clouds: list[tuple[Fitted, dict[str, Any]]]) -> None:
    count, X, y = problem.some()
    rows = evenly(np.arange(len(y)), MOST_SAMPLES)
    observed = np.asarray(y[rows], dtype=np.float64)
    drawn = [observed]
    for fitted, look in clouds:
        predicted = problem.predict(fitted.theta, X[rows])
        finite = np.isfinite(predicted)
        label = fitted.label if finite.any() else f"{fitted.label}, not finite"
        ax.scatter(observed[finite], predicted[finite], s=12, color=look["color"], linewidths=0, label=label)
        drawn.append(predicted[finite])
    low, high = around(observed)
    ax.plot([low, high], [low, high], color=drawing.ink(ax), linewidth=0.8, label="predicted = observed")
    room = ROOM * (high - low)
    frame(ax, Window(low, high, *around(np.concatenate(drawn).clip(low - room, high + room))))
    ax.set_ylabel("predicted y")
    drawing.note(ax, "observed y", _how_many(len(rows), count))


def _how_many(shown: int, count: int) -> str:
    return f"{shown:,} of {count:,} samples shown" if shown < count else ""
