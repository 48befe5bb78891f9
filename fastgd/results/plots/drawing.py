"""What all pictures share: whose axes, how kinds of outcomes look, scales with a place for zeros and overflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, about, shown
from fastgd.descent.statuses import Status
from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes
from fastgd.text import printable

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

LEAST = 1e-200  # drawn on a log axis: what is nearer to 0 lies with it, and float64 has room for the strip below
MOST = 1e200  # drawn, as texts say: what is greater lies with what is not finite
_WIDEST = 45.0  # decades of a strip: matplotlib looks a tenth of the axis beyond its ends, which float64 must hold
SPAN = 100.0  # from the least positive value to the greatest: narrower than that, values are drawn on a linear axis
ROUNDING = 1e-9  # parts of a loss that are not to be seen
MOST_MARKERS = 60  # along an axis: more would touch, and be a thick line


class Look(NamedTuple):
    """How a kind of outcome is drawn, so that it is told apart without colour too."""

    label: str
    colour: str  # of Okabe and Ito's, and Tol's, which the colour-blind tell apart; their greys differ as well
    marker: str
    face: str  # of the marker
    hatch: str
    line: str


# in the order of their codes, the better before the worse
LOOKS = {
    "converged": Look("converged", "#0072B2", "o", "#0072B2", "", "-"),
    "stalled": Look("stalled by tolerance", "#88CCEE", "s", "white", "--", "-."),
    "exhausted": Look("took all steps", "#E69F00", "^", "white", "..", "--"),
    "failed": Look("failed", "#882255", "x", "#882255", "////", ":"),
    "interrupted": Look("interrupted", "#999999", "|", "#999999", "", ":"),
}
CONVERGED, STALLED, EXHAUSTED, FAILED, INTERRUPTED = range(len(LOOKS))

# for what is neither better nor worse: lines of one value each, minima
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#5D3A9B", "#999933")


def axes(ax: Axes | None, what: str) -> Axes:
    """Return the axes to draw in: those given, or a new figure's.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    what : str
        What needs matplotlib, as its user called it.

    Raises
    ------
    TypeError
        If `ax` is something else.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.
    """
    pyplot = imported("matplotlib.pyplot", "plot", what)
    if ax is None:
        ax = pyplot.subplots(layout="constrained")[1]
    elif not isinstance(ax, imported("matplotlib.axes", "plot", what).Axes):
        raise TypeError(about("ax", f"must be matplotlib axes, got {shown(ax)}"))
    elif ax.name != "rectilinear":
        raise TypeError(about("ax", f"must be axes of two straight scales, got {ax.name} ones"))
    return ax


def kind_of(status: NDArray[np.int8] | int, stalled: NDArray[np.bool_] | bool = False) -> NDArray[np.intp]:
    """Return the codes of outcomes' kinds, places in `LOOKS`."""
    status = np.asarray(status)
    success = np.where(status > 0, np.where(stalled, STALLED, CONVERGED), EXHAUSTED)
    return np.where(status >= 0, success, np.where(status == Status.CANCELLED, INTERRUPTED, FAILED))


def kinds(result: Outcomes) -> NDArray[np.intp]:
    """Return the same for all configurations (*axes)."""
    return kind_of(result.status, result.stalled)


def kinds_at(result: Outcomes, places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the same for configurations at flat indices of any shape."""
    return kind_of(result.at("status", places), result.at("stalled", places))


def counts_of_kinds(result: Outcomes) -> NDArray[np.intp]:
    """Return how many configurations are of each kind."""
    each = (np.bincount(kind_of(part["status"], part["stalled"]), minlength=len(LOOKS)) for part in result.parts())
    return np.asarray(np.sum(list(each), axis=0))


def looks() -> list[tuple[int, Look]]:
    """Return each kind's code and look."""
    return list(enumerate(LOOKS.values()))


class Scale(NamedTuple):
    """Where values lie along an axis: on a linear or a log scale, zeros on its floor, what is not finite at its end."""

    log: bool
    floor: float | None  # where zeros lie on a log scale, if there are any
    ceiling: tuple[float, ...]  # where what is not finite lies, a row for each line; empty if there is none

    def positions(self, values: Array, row: int = 0) -> Array:
        """Return where values are drawn, as the axis measures."""
        values = np.asarray(values, dtype=np.float64)
        if self.floor is not None:
            values = np.where(values < LEAST, self.floor, values)
        return np.where(are_drawn(values), values, self.ceiling[row]) if self.ceiling else values


def are_drawn(values: Array) -> NDArray[np.bool_]:
    """Tell which values have a place of their own on an axis."""
    return np.abs(values) <= MOST


def few_of(values: Array) -> Array:
    """Return a few of some values, of which the scale is that of all."""
    drawn = are_drawn(values)
    kinds = drawn, drawn & (values >= LEAST), ~drawn & np.isfinite(values), ~np.isfinite(values)
    some = [values[kind] for kind in kinds if kind.any()]
    return np.array([end for each in some for end in (each.min(), each.max())])


def is_wide(values: Array) -> bool:
    """Tell whether losses, say, are seen on a log scale alone: none negative, and far apart."""
    values = values[are_drawn(values)]
    positive = values[values >= LEAST]
    return bool(positive.size and values.min() >= 0.0 and positive.max() / SPAN >= positive.min())


def is_geometric(values: Array) -> bool:
    """Tell whether an axis' values are chosen by factors: their middle one lies nearer to the ends' geometric mean."""
    values = values[are_drawn(values)]
    positive = values[values >= LEAST]
    if positive.size < 2 or values.min() < 0.0 or positive.max() / 10.0 < positive.min():
        return False
    low, middle, high = np.log(np.quantile(positive, [0.0, 0.5, 1.0], method="lower"))
    arithmetic = high + np.log1p(np.exp(low - high)) - np.log(2.0)
    return bool(abs(middle - (low + high) / 2.0) <= abs(middle - arithmetic))


def scaled(axis: Axis, values: Array, *, log: bool, beyond: str = "", rows: int = 1, rounding: float = 0.0) -> Scale:
    """Give an axis the scale and the limits of values, with strips for zeros and for what is not finite.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        `ax.xaxis` or `ax.yaxis`.
    values : ndarray
        All that are to be drawn.
    log : bool
        Whether to use a log scale; it serves if something is positive and nothing negative.
    beyond : str
        What a tick tells of those that are not finite, or too great to be drawn; whichever they are by default.
    rows : int
        How many lines there are, each with a place of its own in that strip.
    rounding : float
        Values that differ by less than that part of them are drawn as if they were alike.
    """
    finite = values[are_drawn(values)]
    zeros = log and bool((finite < LEAST).any())
    inner = finite[finite >= LEAST] if log else finite
    log = log and inner.size > 0
    low, high = _ends(inner, log, rounding)
    bottom = low - 0.05 * (high - low)
    top = high + 0.05 * (high - low)
    strip = min(min(0.06 + 0.03 * rows, 0.2) * (high - low), _WIDEST if log else np.inf)
    name = axis.axis_name  # type: ignore[attr-defined]
    getattr(axis.axes, f"set_{name}scale")("log" if log else "linear")
    texts = _set_ticks(axis, low, high, log)
    texts = texts if inner.size else {}
    floor = None
    ceiling: list[float] = []
    shade = axis.axes.axvspan if name == "x" else axis.axes.axhspan
    strips = []
    if zeros:
        texts = {at: text for at, text in texts.items() if at > bottom + strip / 2.0} | {bottom - strip / 2.0: "0"}
        strips.append((bottom - strip, bottom))
        floor = _value(bottom - strip / 2.0, log)
        bottom -= strip
    if finite.size < values.size:
        room = 1.5 * strip if name == "x" else strip / 2.0  # for words side by side, or one above another
        texts = {at: text for at, text in texts.items() if at < top - room}
        texts[top + strip / 2.0] = beyond or _told(values[~are_drawn(values)])
        strips.append((top, top + strip))
        ceiling = [_value(top + strip * (row + 1) / (rows + 1), log) for row in range(rows)]
        top += strip
    if strips:
        axis.set_ticks([_value(at, log) for at in texts], list(texts.values()))
        axis.set_minor_locator(imported("matplotlib.ticker", "plot", "plot").NullLocator())
    for first, last in strips:
        shade(_value(first, log), _value(last, log), facecolor="0.92", edgecolor="none", zorder=0.0)
    if inner.size or strips:
        getattr(axis.axes, f"set_{name}lim")(_value(bottom, log), _value(top, log))
    return Scale(log, floor, tuple(ceiling))


def _told(values: Array) -> str:
    """Return what values are that have no place of their own."""
    finite = np.isfinite(values)
    return ", ".join(["beyond 1e200"] * bool(finite.any()) + ["inf, NaN"] * (not finite.all()))


def _ends(inner: Array, log: bool, rounding: float) -> tuple[float, float]:
    """Return the least and greatest value, as the scale measures, apart from one another."""
    if not inner.size:
        return 0.0, 1.0
    low, high = (float(np.log10(end) if log else end) for end in (inner.min(), inner.max()))
    room = 0.5 if log else 0.5 * abs(low) or 0.5
    return (low, high) if high - low > rounding * abs(high) else (low - room, high + room)


def _value(position: float, log: bool) -> float:
    return float(10.0**position) if log else position


def digits(low: float, high: float) -> int:
    """Return how many digits tell apart some numbers from low to high."""
    return min(17, 3 + int(np.log10(max(abs(low), abs(high)) / (high - low)) + 1.0)) if high > low else 3


def telling(values: Array, least: int = 3) -> int:
    """Return how many digits tell apart values, those that differ."""
    different = np.unique(values).tolist()
    return next((n for n in range(least, 17) if len({f"{value:.{n}g}" for value in different}) == len(different)), 17)


def _set_ticks(axis: Axis, low: float, high: float, log: bool) -> dict[float, str]:
    """Let an axis have ticks that do not overlap, and return those between the ends, as the scale measures."""
    ticker = imported("matplotlib.ticker", "plot", "plot")
    by_powers = log and high - low >= 2.0
    needed = 6 if log else digits(low, high)
    form = f".{max(6, needed)}g"  # 1600 is written out though two digits tell it
    if log:
        axis.set_major_locator(ticker.LogLocator(subs=(1.0,) if by_powers else (1.0, 2.0, 5.0)))
        axis.set_minor_formatter(ticker.NullFormatter())
    else:
        across = axis.axis_name == "x"  # type: ignore[attr-defined]
        most = 7 if not across else 5 if len(format(high / 3.0, f".{needed}g")) < 8 else 3
        axis.set_major_locator(ticker.MaxNLocator(most))
    if not by_powers:  # an axis' common factor would be written where the legend is
        axis.set_major_formatter(lambda value, _: format(value, form))
    places = axis.get_major_locator().tick_values(_value(low, log), _value(high, log))
    texts = {}
    for place in places:
        at = float(np.log10(place)) if log else float(place)
        if low <= at <= high:
            texts[at] = f"$10^{{{at:.0f}}}$" if by_powers else format(place, form)
    return texts


def note(ax: Axes, label: str, *notes: str) -> None:
    """Label the horizontal axis, and say below what the picture leaves out, where nothing can overlap it."""
    ax.set_xlabel("\n".join([label, *filter(None, notes)]))


def ink(ax: Axes) -> Any:
    """Return the colour that words beside these axes have: black, and on a dark ground a light one."""
    return ax.xaxis.label.get_color()


def named(name: str) -> str:
    """Return a name as matplotlib draws it as it is: dollars mean formulas, and a leading underscore nothing."""
    text = printable(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def legend(ax: Axes, handles: Sequence[Artist | tuple[Artist, ...]]) -> None:
    """Draw a legend above the axes, where it hides nothing; of several artists that are one entry the last is named."""
    if handles:
        labels = [str((each[-1] if isinstance(each, tuple) else each).get_label()) for each in handles]
        font = imported("matplotlib.font_manager", "plot", "plot").FontProperties(size="small")
        letter = 0.55 * font.get_size_in_points() * ax.figure.dpi / 72.0  # its usual width, in pixels
        room = ax.get_window_extent().width / letter
        columns = next(n for n in (4, 3, 2, 1) if n == 1 or _width(labels, n) <= room)
        ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False, prop=font)


def _width(labels: list[str], columns: int) -> int:
    """Return the width of a legend in letters, with six for each handle."""
    return sum(max(map(len, part)) + 6 for part in np.array_split(labels, columns) if part.size)


def say(ax: Axes, text: str) -> None:
    """Say in the middle of the axes why they are empty."""
    ground = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "alpha": 0.9}
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", wrap=True, bbox=ground)


def marked(look: Look, colour: str | None = None) -> dict[str, Any]:
    """Return how matplotlib marks a kind of outcome, in its colour or in another."""
    colour = colour or look.colour
    face = look.face if look.face == "white" else colour
    return {"linestyle": "", "marker": look.marker, "markersize": 4.5, "markerfacecolor": face, "color": colour}


def failed_or(values: Array, success: NDArray[np.bool_]) -> str:
    """Return what the strip above holds: what failed, and losses of what did not that are too great to be drawn."""
    return "failed, or beyond 1e200" if (success & ~are_drawn(values)).any() else "failed"


def explain(ax: Axes, kind: NDArray[np.intp]) -> None:
    """Say so where no configuration was finished, or all of them failed."""
    if (kind == INTERRUPTED).all():
        say(ax, "no configuration was finished")
    elif (kind >= FAILED).all():
        say(ax, "all configurations failed" + " or were interrupted" * bool((kind == INTERRUPTED).any()))


def handle(look: Look, count: int | None = None, colour: str | None = None) -> Artist:
    """Return what stands for a kind of outcome in a legend, a marker, with how many configurations are of it."""
    label = look.label if count is None else f"{look.label} ({count:,})"
    artist: Artist = imported("matplotlib.lines", "plot", "plot").Line2D([], [], label=label, **marked(look, colour))
    return artist
