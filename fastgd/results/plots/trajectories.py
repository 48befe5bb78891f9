"""The loss against the step: of a descent, or of as many of a sweep's as can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, about, shown
from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes, Run, Trajectory
from fastgd.results.plots import drawing
from fastgd.results.plots.states import evenly, extremes, recorded, recorded_of
from fastgd.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 24  # that can be told apart
MOST_CHOSEN = 1 << 25  # configurations: choosing takes some numbers of each
BEYOND = 1e4  # times the greatest loss of a start or of what did not fail: where losses are drawn in a strip above
BEYOND_LINEAR = 3.0  # the same where losses are negative, so that no log scale serves
UNLIKE = 100.0  # times the steps of the shortest that the longest takes: from there steps are drawn by their logarithm


def plot_trajectories(result: Outcomes | Run, ax: Axes | None = None) -> Axes:
    """Draw the recorded losses against the steps.

    Parameters
    ----------
    result : SweepResult or Descent
        With recorded trajectories. Of a sweep at most 24 are drawn, evenly picked over the learning rates, or over what
        else it varies; what failed is dashed, and picked as often as it is found.
    ax : matplotlib.axes.Axes, optional
        Where; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Losses far beyond all starts lie in a strip at the top, zeros in one at the bottom.

    Raises
    ------
    ValueError, TypeError
        If it is something else, or nothing was recorded.

    Examples
    --------
    >>> import fastgd
    >>> from matplotlib.figure import Figure
    >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.4, 1.5], max_steps=20, record_every=1)
    >>> ax = plot_trajectories(result, ax=Figure().subplots())
    >>> [line.get_linestyle() for line in ax.get_lines() if len(line.get_xdata()) > 1]
    ['-', '-', '--']
    """
    shown = _chosen(result)
    ax = drawing.axes(ax, "plot.trajectories")
    limit = _limit(shown)
    losses = [np.where(line.loss > limit, np.inf, line.loss) for line in shown.lines]
    every = np.concatenate(losses)
    scale = drawing.scaled(ax.yaxis, every, log=drawing.is_wide(every), beyond="beyond", rounding=drawing.ROUNDING)
    stops = [int(line.steps[-1]) for line in shown.lines if line.steps[-1] > 0]
    wide = len(stops) > 0 and max(stops) > UNLIKE * min(stops)
    if wide:
        ax.set_xscale("symlog", linthresh=1.0)
    else:
        ax.xaxis.set_major_locator(imported("matplotlib.ticker", "plot", "plot.loss").MaxNLocator(6, integer=True))
        ax.xaxis.set_major_formatter(lambda step, _: f"{step:,.10g}")
    colours = _colours(ax, shown)
    for line, loss, kind, colour in zip(shown.lines, losses, shown.kinds, colours, strict=True):
        _draw_line(ax, line.steps, scale.positions(loss), kind, colour, wide)
    told = {kind: int(count) for kind, count in enumerate(shown.counts) if count}
    handles = [
        drawing.handle(look, told[kind] if shown.hue else None) for kind, look in drawing.looks() if kind in told
    ]
    drawing.legend(ax, handles)
    ax.set_ylabel("loss")
    below = f"below {-drawing.MOST:.0e}, " * bool((every < -drawing.MOST).any())
    beyond = f"beyond: {below}above {limit:.0e}, inf or NaN"
    drawing.note(ax, "step", beyond * bool(scale.ceiling), shown.note)
    if told.keys() == {drawing.INTERRUPTED}:
        drawing.say(ax, "no configuration was finished")
    return ax


class Shown(NamedTuple):
    """The descents that a picture shows.

    Attributes
    ----------
    lines : list of Trajectory
    kinds : ndarray (n,)
        Of their outcomes, places in `drawing.LOOKS`.
    counts : ndarray
        How many of each kind there are in all, drawn or not.
    hues : ndarray (n,)
        The learning rates, or what else is varied.
    hue : str
        Its name; empty if nothing is.
    note : str
        How many of them these are.
    """

    lines: list[Trajectory]
    kinds: NDArray[np.intp]
    counts: NDArray[np.intp]
    hues: Array
    hue: str = ""
    note: str = ""


def _chosen(result: Outcomes | Run) -> Shown:
    what = "a picture of the loss against the step"
    if isinstance(result, Run):
        kinds = drawing.kind_of(np.array([result.status]))
        return Shown([recorded(result, what)], kinds, _counted(kinds), np.zeros(1))
    if not isinstance(result, Outcomes):
        raise TypeError(about("result", f"must be a SweepResult or a Descent, got {shown(result)}"))
    if result.recorded is None:
        recorded_of(result, 0, what)
    if result.grid.size > MOST_CHOSEN:
        many = f"got {counted(result.grid.size, 'configuration')}; take a part by isel or sel"
        raise ValueError(f"plot.trajectories picks its lines among at most {MOST_CHOSEN:,}, {many}")
    kinds = drawing.kinds(result).ravel()
    hue, hues = _varied(result)
    places = _evenly_over(hues, result.failed.ravel())
    note = ""
    if len(places) < len(kinds):
        note = f"{len(places)} of {len(kinds):,} shown, evenly over {drawing.named(hue)}"
    lines = [recorded_of(result, place, what) for place in places.tolist()]
    return Shown(lines, kinds[places], _counted(kinds), hues[places], hue if len(kinds) > 1 else "", note)


def _counted(kinds: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.bincount(kinds, minlength=len(drawing.LOOKS))


def _varied(result: Outcomes) -> tuple[str, Array]:
    """Return name and values (C,) of the learning rate, or of what else varies, or the configurations' numbers."""
    grid = result.grid
    numbers = np.arange(grid.size)
    for name in sorted(grid.values, key=lambda name: name != "learning_rate"):
        values = grid.values[name]
        if values.ndim and values.min() < values.max():
            places = np.unravel_index(numbers, grid.shape)[grid.axis_of(name)]
            return name, values[places].astype(np.float64)
    return "start" if "start" in grid.axes else "configuration", numbers.astype(np.float64)


def _evenly_over(hues: Array, failed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which to draw, in the order of their hues: of those that failed and of the others each their share."""
    order = np.argsort(hues, kind="stable")
    if len(order) <= MOST_LINES:
        return order
    parts = [order[~failed[order]], order[failed[order]]]
    share = round(MOST_LINES * len(parts[1]) / len(order))
    share = int(np.clip(share, min(2, len(parts[1])), MOST_LINES - min(2, len(parts[0]))))
    shares = [MOST_LINES - share, share]
    places = np.concatenate([evenly(part, share) for part, share in zip(parts, shares, strict=True)])
    return places[np.argsort(hues[places], kind="stable")]


def _limit(shown: Shown) -> float:
    """Return the loss above which the way up is of no interest: all other lines would be flat beside it."""
    pairs = zip(shown.lines, shown.kinds, strict=True)
    finite = np.concatenate([line.loss[: 1 if kind == drawing.FAILED else None] for line, kind in pairs])
    finite = finite[np.isfinite(finite)]
    highest = float(np.abs(finite).max(initial=0.0))
    factor = BEYOND if (finite >= 0.0).all() else BEYOND_LINEAR
    return factor * highest if 0.0 < highest < drawing.MOST / factor else drawing.MOST


def _colours(ax: Axes, shown: Shown) -> Any:
    """Return each line's colour, and draw the bar that tells of which value it is."""
    if not shown.hue:
        return [drawing.COLOURS[0]]
    cm = imported("matplotlib.cm", "plot", "plot.trajectories")
    colors = imported("matplotlib.colors", "plot", "plot.trajectories")
    log = drawing.is_geometric(shown.hues)
    hues = np.minimum(shown.hues, drawing.MOST)  # ticks of a colour bar overflow beyond
    seen = hues[hues > 0.0] if log else hues
    low = seen.min()
    high = seen.max() if seen.max() > low else low + 1.0
    viridis = imported("matplotlib", "plot", "plot.trajectories").colormaps["viridis"]
    shades = colors.ListedColormap(viridis(np.linspace(0.0, 0.9, 256)))  # its lightest yellow is hardly seen on white
    norm = (colors.LogNorm if log else colors.Normalize)(low, high)
    mapped = cm.ScalarMappable(norm, shades.with_extremes(bad="black"))
    ax.figure.colorbar(mapped, ax=ax, label=drawing.named(shown.hue) + " (0 is black)" * (len(seen) < len(hues)))
    return mapped.to_rgba(hues)


def _draw_line(ax: Axes, steps: NDArray[np.int64], loss: Array, kind: int, colour: Any, wide: bool) -> None:
    look = drawing.LOOKS[list(drawing.LOOKS)[kind]]
    drawn = extremes(np.log1p(steps) if wide else steps.astype(np.float64), loss)
    style = "--" if kind == drawing.FAILED else "-"
    ax.plot(steps[drawn], loss[drawn], style, color=colour, linewidth=1.2)
    face = colour if look.face == look.colour else look.face
    ax.plot(steps[-1:], loss[-1:], look.marker, color=colour, markerfacecolor=face, markersize=5.0)
