"""zoom(): a window of two axes, computed anew at any resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastgd.check import Array, about, choice, finite, real_array, shown, whole
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.problems.problem import Problem
from fastgd.results.plots.drawing import is_geometric
from fastgd.results.sweep_result import SweepResult
from fastgd.sweeps.sweep import sweep
from fastgd.text import listed

SPACINGS: dict[str, Callable[..., Array]] = {"linear": np.linspace, "geometric": np.geomspace}
MOST_VALUES = 10**8  # along an axis: they are made before `sweep` asks whether the grid fits in memory
WINDOWED = ("theta0", *HYPERPARAMETERS)


def zoom(
    problem: Problem,
    result: SweepResult | None = None,
    *,
    window: Sequence[Sequence[float]],
    x: str | None = None,
    y: str | None = None,
    shape: int | Sequence[int] = 512,
    spacing: str | Sequence[str] | None = None,
    **keywords: Any,
) -> SweepResult:
    """Run gradient descent over a window of two axes, at any resolution.

    Parameters
    ----------
    problem : Problem
        What to minimise.
    result : SweepResult, optional
        A sweep of this problem to look into: what its configurations have in common is kept, and the two things in
        which they differ are x and y, the learning rate first.
    window : ((low, high), (low, high))
        The ends of x and of y, both included.
    x, y : str
        What the window is of: "theta0" of a problem of one parameter, or a hyperparameter.
    shape : int or (int, int)
        How many values along x and along y.
    spacing : {"linear", "geometric"} or a pair of these, optional
        Of the values along x and y. By default as along the axis of `result`, else linear.
    **keywords
        Of `sweep`: they count before what `result` has.

    Returns
    -------
    SweepResult
        Its axes are those of every sweep, in its order: `start` first.

    Raises
    ------
    ValueError, TypeError
        In one sentence naming the argument, before any work.

    Examples
    --------
    >>> import fastgd, math
    >>> bumps = fastgd.Objective(lambda x: x**2 + 2.5 * math.cos(x), lambda x: 2 * x - 2.5 * math.sin(x), start=2.0)
    >>> wide = fastgd.zoom(
    ...     bumps, x="learning_rate", y="momentum", window=((0, 4), (0, 0.99)), shape=64, rule="momentum",
    ...     gradient_tolerance=1e-6
    ... )
    >>> near = fastgd.zoom(bumps, wide, window=((1.9, 2.55), (0.3, 0.9)), shape=(128, 64))
    >>> near
    <SweepResult of 8,192 configurations (learning_rate: 128, momentum: 64), engine 'samples'>
    >>> near.best.configuration["rule"], near.best.configuration["gradient_tolerance"]
    ('momentum', 1e-06)
    """
    if result is not None:
        x, y, keywords = _looking_into(result, problem, x, y, keywords)
    names = [choice(argument, name, WINDOWED) for argument, name in (("x", x), ("y", y))]
    if x == y:
        raise ValueError(about("y", f"must be another than x, got {y!r} for both"))
    windows = _each("window", window)
    counts = _each("shape", shape)
    spacings = _each("spacing", [_spacing_along(result, name) for name in names] if spacing is None else spacing)
    for name, ends, count, kind in zip(names, windows, counts, spacings, strict=True):
        if name in keywords:
            raise ValueError(about(name, f"must be given once, got a window and {shown(keywords[name])}"))
        count = whole("shape", count, minimum=1, maximum=MOST_VALUES)
        keywords[name] = _axis(name, ends, count, choice("spacing", kind, SPACINGS))
    return sweep(problem, **keywords)


def _looking_into(
    result: SweepResult, problem: Problem, x: str | None, y: str | None, keywords: dict[str, Any]
) -> tuple[str | None, str | None, dict[str, Any]]:
    """Return x, y and the keywords, completed by what a result has."""
    if not isinstance(result, SweepResult):
        raise TypeError(about("result", f"must be a SweepResult, got {shown(result)}"))
    if repr(problem) != result.problem:
        raise ValueError(about("result", f"must be of the same problem, {problem!r}, got one of {result.problem}"))
    grid = result.grid
    differing = [name for name in HYPERPARAMETERS if grid.values[name].size > 1] + ["theta0"] * (len(grid.starts) > 1)
    free = [name for name in differing if name not in (x, y, *keywords)]
    if len(free) != (x is None) + (y is None):
        found = listed(differing) or "nothing"
        raise ValueError(about("result", f"must differ in x and y alone, or keywords say the rest, got one in {found}"))
    x = free.pop(0) if x is None else x
    y = free.pop(0) if y is None else y
    common = grid.configuration(0) | result.settings.configuration() | {"engine": result.engine}
    return x, y, {**{name: value for name, value in common.items() if name not in (x, y)}, **keywords}


def _spacing_along(result: SweepResult | None, name: str) -> str:
    """Return how a result's values of a hyperparameter are spaced."""
    geometric = result is not None and name != "theta0" and is_geometric(result.grid.values[name].astype(np.float64))
    return "geometric" if geometric else "linear"


def _each(name: str, value: Any) -> tuple[Any, Any]:
    """Return what is said of x and what of y: two things, or one of both."""
    if not isinstance(value, tuple | list | np.ndarray) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value, value
    if len(value) != 2:
        raise ValueError(about(name, f"must be two, of x and of y, got {shown(value)}"))
    return value[0], value[1]


def _axis(name: str, window: Any, count: int, spacing: str) -> Array:
    """Return the values of an axis as `sweep` takes it, from one end of a window to the other."""
    ends = finite("window", real_array("window", window))
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise ValueError(about("window", f"must be (low, high) along {name}, low < high, got {shown(window)}"))
    if spacing == "geometric" and ends[0] <= 0.0:
        raise ValueError(
            about("window", f"must be above 0 along {name}, whose spacing is geometric, got {shown(window)}")
        )
    values = SPACINGS[spacing](*ends.astype(np.float64), count)
    if name == "theta0":
        return values[:, None]
    return np.round(values) if HYPERPARAMETERS[name].whole else values
