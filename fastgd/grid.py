"""The grid: C configurations as the product of named axes, or as zipped columns, never materialised as a product.

Configurations are numbered by flat index, the last axis fastest. `Grid.rows` gives any run of them as columns.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import finite, numbers_between, real_array, shown
from fastgd.memory import available_memory
from fastgd.problems import Problem, Theta

LARGEST_STEP_COUNT = 2**53  # beyond it a float no longer counts steps one by one
NUMBERS_BESIDE_THETA = 5  # loss, first loss, gradient norm, steps, status
SURELY_THERE = 1 << 28  # bytes for which the system is not asked


class Hyperparameter(NamedTuple):
    """What a number in a configuration may be, its default in signatures, and the value that stands for None."""

    off: float
    default: float | None = None
    minimum: float = 0.0
    maximum: float = math.inf
    whole: bool = False
    optional: bool = True


# In the order of the signature, which is the order of axes. Off values are never passed by a test.
HYPERPARAMETERS = {
    "learning_rate": Hyperparameter(off=math.nan, maximum=sys.float_info.max, optional=False),
    "max_steps": Hyperparameter(off=math.nan, default=1000, maximum=LARGEST_STEP_COUNT, whole=True, optional=False),
    "momentum": Hyperparameter(off=0.0, maximum=math.nextafter(1.0, 0.0)),
    "decay": Hyperparameter(off=0.0, maximum=sys.float_info.max),
    "tolerance": Hyperparameter(off=0.0),
    "loss_threshold": Hyperparameter(off=-math.inf, minimum=-math.inf),
    "gradient_tolerance": Hyperparameter(off=0.0),
    "divergence_threshold": Hyperparameter(off=math.inf, default=1e200, minimum=-math.inf),
}


@dataclass(frozen=True)
class Grid:
    """Checked configurations.

    Attributes
    ----------
    axes : dict
        Name to values, in the order of the result's dimensions; `start` has values (M, P).
    values : dict
        Each hyperparameter: 0-D if all configurations share it, else along its axis, or along the zipped columns.
    starts : ndarray (M, P), or (C, P) if zipped, or (1, P)
    zipped : bool
        Whether the configurations are columns, whose one axis is `configuration`.
    given : frozenset of str
        Hyperparameters that are not None.
    """

    axes: dict[str, NDArray[Any]]
    values: dict[str, NDArray[Any]]
    starts: Theta
    zipped: bool
    given: frozenset[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes; () for a single configuration."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """C, the number of configurations."""
        return math.prod(self.shape)

    def check_size(self, vectors: int) -> None:
        """Raise ValueError if the results don't fit in memory, with as many vectors like theta kept beside each."""
        size = self.size * 8 * (self.starts.shape[1] * (1 + vectors) + NUMBERS_BESIDE_THETA)
        if size > SURELY_THERE and size > (available := available_memory()):
            axes = " x ".join(f"{length:,}" for length in self.shape)
            raise ValueError(
                f"the grid must fit in memory, got {self.size:,} configurations ({axes}), "
                f"{size / 2**30:,.4g} GiB of results where {available / 2**30:,.4g} GiB are available"
            )

    def rows(self, first: int, last: int) -> tuple[dict[str, NDArray[Any]], Theta]:
        """Return configurations first..last-1 as columns (T,), new and writable, and their starts (T, P)."""
        T = last - first
        columns = {
            name: np.full(T, values) if values.ndim == 0 else self._run(name, values, first, last)
            for name, values in self.values.items()
        }
        starts = self.along_starts(self.starts, first, last)
        # repeated rather than broadcast: copying a broadcast row took four times as long
        return columns, starts if len(starts) == T else np.repeat(starts, T, axis=0)

    def along_starts(self, values: NDArray[Any], first: int, last: int) -> NDArray[Any]:
        """Return what configurations first..last-1 have of values (M, ...) of the starts; the one row if M is 1."""
        return values if len(values) == 1 else self._run("start", values, first, last)

    def _run(self, name: str, values: NDArray[Any], first: int, last: int) -> NDArray[Any]:
        """Return what an axis, or a zipped column, gives configurations first..last-1.

        Without an index for each: a million of them took 34 ms, as much as their descents.
        """
        axis = "configuration" if self.zipped else name
        lengths = dict(zip(self.axes, self.shape, strict=True))
        names = list(lengths)
        inner = math.prod(list(lengths.values())[names.index(axis) + 1 :])  # configurations that a value is kept for
        begin, end = first // inner, -(-last // inner)
        n = len(values)
        at = begin % n
        wraps = at + end - begin > n
        chosen = values[np.arange(at, at + end - begin) % n] if wraps else values[at : at + end - begin]
        if inner == 1 or first == last:
            return chosen.copy()
        counts = np.full(end - begin, inner)
        counts[0] -= first - begin * inner
        counts[-1] -= end * inner - last
        return np.repeat(chosen, counts, axis=0)

    def configuration(self, index: int) -> dict[str, Any]:
        """Return one configuration as keywords, those that are off by default left out."""
        columns, starts = self.rows(index, index + 1)
        chosen = {name: columns[name][0].item() if name in self.given else None for name in columns}
        return {"theta0": starts[0]} | {
            name: value for name, value in chosen.items() if value is not None or HYPERPARAMETERS[name].default
        }

    @classmethod
    def from_arguments(
        cls, problem: Problem, theta0: object, hyperparameters: Mapping[str, object], configurations: Any
    ) -> Grid:
        """Check and gather a sweep's arguments; `hyperparameters` has a value or None for each name."""
        columns = {name: configurations[name] for name in column_names(configurations)}
        keywords = {"theta0": theta0, **hyperparameters}
        for name in columns:
            if name not in keywords:
                raise ValueError(f"configurations has a column {shown(name)}, expected some of {', '.join(keywords)}")
            if not _is_default(name, keywords[name]):
                raise ValueError(
                    f"{name} must be given once, got a column of configurations and {shown(keywords[name])}"
                )
        zipped = configurations is not None
        C = _common_length(columns) if zipped else 1
        raw = {**hyperparameters, **{name: column for name, column in columns.items() if name != "theta0"}}
        values = {name: _checked(name, value, in_columns=name in columns) for name, value in raw.items()}
        starts = _starts(problem, columns.get("theta0", theta0), C if "theta0" in columns else None)
        if zipped:
            for name, value in values.items():
                if value.ndim and name not in columns:
                    raise ValueError(f"{name} must be one number beside configurations=, got {shown(value)}")
            if "theta0" not in columns and starts.ndim == 2:
                raise ValueError(f"theta0 must be one start beside configurations=, got shape {starts.shape}")
            axes: dict[str, NDArray[Any]] = {"configuration": np.arange(C)}
        else:
            axes = ({"start": starts} if starts.ndim == 2 else {}) | {n: v for n, v in values.items() if v.ndim}
        given = frozenset(name for name, value in raw.items() if value is not None)
        return cls(axes, values, starts.reshape(-1, problem.dimension), zipped, given)


def _is_default(name: str, value: object) -> bool:
    """Tell whether a keyword was left at its default."""
    default = None if name == "theta0" else HYPERPARAMETERS[name].default
    return value is default or (isinstance(value, int | float) and value == default)


def _checked(name: str, value: object, *, in_columns: bool) -> NDArray[Any]:
    """Return a hyperparameter as a checked 0-D or 1-D array, None as its off value."""
    rule = HYPERPARAMETERS[name]
    if value is None:
        if not rule.optional:
            raise ValueError(f"{name} must be given, as a keyword or a column of configurations, got None")
        return np.array(rule.off)
    label = f"configurations[{name!r}]" if in_columns else name
    return numbers_between(label, value, minimum=rule.minimum, maximum=rule.maximum, whole=rule.whole)


def _starts(problem: Problem, theta0: object, count: int | None) -> Theta:
    """Return one start (P,), or several (M, P); `count` is how many a column of configurations must hold."""
    P = problem.dimension
    if theta0 is None:
        return problem.start
    label = "theta0" if count is None else "configurations['theta0']"
    array = real_array(label, getattr(theta0, "theta", theta0)).astype(np.float64, copy=False)
    if P == 1 and (array.ndim == 0 or (count is not None and array.ndim == 1)):
        array = array.reshape(-1 if count is None else (-1, 1))
    expected = f"(C, {P})" if count is not None else f"({P},), or (M, {P}) for M starts"
    shape_is_right = array.ndim == 2 if count is not None else array.ndim in (1, 2)
    if not shape_is_right or array.shape[-1] != P:
        hint = "; write theta0[:, None] for an axis of starts" if P == 1 and array.ndim == 1 else ""
        raise ValueError(f"{label} must have shape {expected}, got shape {array.shape}{hint}")
    if array.size == 0:
        raise ValueError(f"{label} must have at least one start, got shape {array.shape}")
    return np.ascontiguousarray(finite(label, array), dtype=np.float64)


def column_names(configurations: Any) -> list[str]:
    """Return the names of the columns of a mapping, a structured array or a data frame; none of None."""
    if configurations is None:
        return []
    names = getattr(getattr(configurations, "dtype", None), "names", None)
    if names is None and isinstance(configurations, Mapping):
        names = configurations
    if names is None:
        names = getattr(configurations, "columns", None)
    if names is None or not len(names):
        raise TypeError(
            "configurations must be columns by name: a mapping, a structured array or a data frame, "
            f"got {shown(configurations)}"
        )
    return list(names)


def _common_length(columns: Mapping[str, Any]) -> int:
    """Return the one length of all columns."""
    lengths: dict[str, int] = {}
    for name, column in columns.items():
        shape = np.shape(real_array(f"configurations[{name!r}]", column))
        if not shape:
            raise ValueError(f"configurations[{name!r}] must be a column of numbers, got {shown(column)}")
        lengths[name] = shape[0]
    if len(set(lengths.values())) > 1:
        raise ValueError(f"configurations must have columns of one length, got {lengths}")
    return next(iter(lengths.values()))
