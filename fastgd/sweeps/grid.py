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
from fastgd.problems.problem import Problem, Theta
from fastgd.record import Record, read_only_copy
from fastgd.sweeps.columns import common_length
from fastgd.sweeps.memory import available_memory

LARGEST_STEP_COUNT = 2**53  # beyond it a float no longer counts steps one by one
NUMBERS_BESIDE_THETA = 5  # loss, first loss, gradient norm, steps, status
SURELY_THERE = 1 << 28  # bytes for which the system is not asked


class _ProblemsStart:
    """What `theta0` is if it is left out. None would also be the `best` of a sweep that failed, so it is an error."""

    def __repr__(self) -> str:
        return "problem.start"


PROBLEMS_START = _ProblemsStart()


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


@dataclass(frozen=True, eq=False)
class Grid(Record):
    """Checked configurations, copied: a result names what was run, whatever becomes of the caller's arrays.

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
        """Return one configuration as keywords, those that are off by default left out; theta0 is an array (P,)."""
        places = dict(zip(self.axes, np.unravel_index(index, self.shape), strict=True))
        start = places.get("configuration" if self.zipped else "start", 0) if len(self.starts) > 1 else 0
        chosen: dict[str, Any] = {"theta0": self.starts[start].copy()}
        for name, values in self.values.items():
            if name in self.given:
                place = places["configuration" if self.zipped else name] if values.ndim else ()
                chosen[name] = values[place].item()
            elif HYPERPARAMETERS[name].default:
                chosen[name] = None
        return chosen

    @classmethod
    def from_arguments(
        cls, problem: Problem, theta0: object, hyperparameters: Mapping[str, object], columns: Mapping[str, Any]
    ) -> Grid:
        """Check and gather a sweep's arguments; `hyperparameters` has a value or None for each name."""
        keywords = {"theta0": theta0, **hyperparameters}
        for name in columns:
            if name not in keywords:
                raise ValueError(f"configurations has a column {shown(name)}, expected some of {', '.join(keywords)}")
            if not _is_default(name, keywords[name]):
                raise ValueError(
                    f"{name} must be given once, got a column of configurations and {shown(keywords[name])}"
                )
        zipped, own_starts = bool(columns), "theta0" in columns
        columns = {name: _prepared(name, column) for name, column in columns.items()}
        C = common_length(columns) if zipped else 1
        raw = {**hyperparameters, **{name: column for name, column in columns.items() if name != "theta0"}}
        values = {name: _checked(name, value, in_columns=name in columns) for name, value in raw.items()}
        starts = _starts(problem, columns.get("theta0", theta0), in_columns=own_starts)
        if zipped:
            for name, value in values.items():
                if value.ndim and name not in columns:
                    raise ValueError(f"{name} must be one number beside configurations=, got {shown(value)}")
            if not own_starts and starts.ndim == 2:
                raise ValueError(f"theta0 must be one start beside configurations=, got shape {starts.shape}")
            axes: dict[str, NDArray[Any]] = {"configuration": np.arange(C)}
        else:
            axes = ({"start": starts} if starts.ndim == 2 else {}) | {n: v for n, v in values.items() if v.ndim}
        given = frozenset(name for name, value in raw.items() if value is not None)
        return cls(axes, values, starts.reshape(-1, problem.dimension), zipped, given)


def _is_default(name: str, value: object) -> bool:
    """Tell whether a keyword was left at its default."""
    default = PROBLEMS_START if name == "theta0" else HYPERPARAMETERS[name].default
    return value is default or (isinstance(value, int | float) and value == default)


def _prepared(name: str, column: Any) -> Any:
    """Return a column with starts for what has one, and with the off value for None."""
    if name == "theta0":
        return theta_of(_label(name), column)
    if isinstance(column, list | tuple) and HYPERPARAMETERS[name].optional:
        return [HYPERPARAMETERS[name].off if value is None else value for value in column]
    return column


def _label(name: str, *, in_columns: bool = True) -> str:
    return f"configurations[{name!r}]" if in_columns else name


def _checked(name: str, value: object, *, in_columns: bool) -> NDArray[Any]:
    """Return a hyperparameter as a checked 0-D or 1-D array, None as its off value."""
    rule = HYPERPARAMETERS[name]
    if value is None:
        if not rule.optional:
            raise ValueError(f"{name} must be given, as a keyword or a column of configurations, got None")
        return np.array(rule.off)
    label = _label(name, in_columns=in_columns)
    return read_only_copy(numbers_between(label, value, minimum=rule.minimum, maximum=rule.maximum, whole=rule.whole))


def theta_of(name: str, theta0: Any) -> Any:
    """Return the numbers of what may be a start: theta of an outcome, each theta of a result or of a list of outcomes.

    Raises
    ------
    ValueError
        If it is None, or one of a list is: what `best` is where every configuration failed.
    """
    found = theta0
    if hasattr(theta0, "theta"):
        found = theta0.theta
        found = found.reshape(-1, found.shape[-1]) if getattr(found, "ndim", 0) > 2 else found
    elif isinstance(theta0, list | tuple):
        found = [getattr(start, "theta", start) for start in theta0]
    missing = [k for k, start in enumerate(found) if start is None] if isinstance(found, list) else []
    if found is None or missing:
        where = f" at index {missing[0]}" if missing else ""
        raise ValueError(
            f"{name} must be numbers or outcomes, got None{where}; a sweep has no best if every configuration failed, "
            "and leaving theta0 out means the problem's own start"
        )
    return found


def _starts(problem: Problem, theta0: object, *, in_columns: bool) -> Theta:
    """Return one start (P,), or several (M, P), of which a column of configurations must hold one for each."""
    P = problem.dimension
    if theta0 is PROBLEMS_START:
        return problem.start
    label = _label("theta0", in_columns=in_columns)
    array = real_array(label, theta_of(label, theta0)).astype(np.float64, copy=False)
    if P == 1 and (array.ndim == 0 or (in_columns and array.ndim == 1)):
        array = array.reshape((-1, 1) if in_columns else -1)
    expected = f"(C, {P})" if in_columns else f"({P},), or (M, {P}) for M starts"
    shape_is_right = array.ndim == 2 if in_columns else array.ndim in (1, 2)
    if not shape_is_right or array.shape[-1] != P:
        hint = "; write theta0[:, None] for an axis of starts" if P == 1 and array.ndim == 1 else ""
        raise ValueError(f"{label} must have shape {expected}, got shape {array.shape}{hint}")
    if array.size == 0:
        raise ValueError(f"{label} must have at least one start, got shape {array.shape}")
    return read_only_copy(finite(label, array))
