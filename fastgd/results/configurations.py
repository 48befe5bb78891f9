"""The configurations of a sweep: the grid of what they differ in, and the settings that all of them share.

The grid is C configurations as the product of named axes, or as zipped columns, never materialised as a product. They
are numbered by flat index, the last axis fastest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.descent.hyperparameters import HYPERPARAMETERS, Configuration, Hyperparameters
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES
from fastgd.kernels.descent.records import Bounds, Columns, Method
from fastgd.record import Record, same

USUAL_SETTINGS = {"rule": "gradient", "schedule": "constant", "bounds": None}  # by default


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
    movers : tuple of str
        Hyperparameters on which a descent's way depends; the others only say where it stops.
    """

    axes: dict[str, NDArray[Any]]
    values: dict[str, NDArray[Any]]
    starts: Array
    zipped: bool
    given: frozenset[str]
    movers: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes; () for a single configuration."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """C, the number of configurations."""
        return math.prod(self.shape)

    def rows(self, first: int, last: int) -> tuple[Columns, Array]:
        """Return configurations first..last-1 as columns (T,), new and writable, and their starts (T, P).

        What all configurations share is (1,).
        """
        T = last - first
        columns = [self.column(name, first, last) for name in self.values]
        starts = self.along_starts(self.starts, first, last)
        # repeated rather than broadcast: copying a broadcast row took four times as long
        return Hyperparameters(*columns), starts if len(starts) == T else np.repeat(starts, T, axis=0)

    def column(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return a hyperparameter of configurations first..last-1, new and writable; of what all share, (1,)."""
        values = self.values[name]
        return self._run(name, values, first, last) if values.ndim else values.reshape(1).copy()

    def starts_of(self, flat: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the start of each of configurations at flat indices (n,)."""
        if len(self.starts) == 1:
            return np.zeros(flat.shape, dtype=np.int64)
        return np.asarray(np.unravel_index(flat, self.shape)[self.axis_of("start")])

    def picked(self, flat: NDArray[np.int64]) -> Grid:
        """Return configurations at flat indices (n,) as zipped ones."""
        places = np.unravel_index(flat, self.shape)
        values = {
            name: values[places[self.axis_of(name)]] if values.ndim else values for name, values in self.values.items()
        }
        starts = self.starts if len(self.starts) == 1 else self.starts[self.starts_of(flat)]
        axes = {"configuration": np.arange(flat.size)}
        return Grid(axes, values, starts, True, self.given, self.movers)

    def along_starts(self, values: NDArray[Any], first: int, last: int) -> NDArray[Any]:
        """Return what configurations first..last-1 have of values (M, ...) of the starts; the one row if M is 1."""
        return values if len(values) == 1 else self._run("start", values, first, last)

    def _run(self, name: str, values: NDArray[Any], first: int, last: int) -> NDArray[Any]:
        """Return what an axis, or a zipped column, gives configurations first..last-1.

        Of an axis of n values, inside which others make `inner` configurations, configuration c has value number
        (c // inner) % n. Say n = 3 and inner = 2, and configurations 3 to 8 are asked for:

            configuration c     3    4  5    6  7    8
            c // inner          1    2  2    3  3    4
            value number        1    2  2    0  0    1

        So the values number 1, 2, 0, 1 are taken, and repeated 1, 2, 2, 1 times. An index for each configuration would
        say the same: for a million of them it took 34 ms, as much as their descents.
        """
        inner = math.prod(self.shape[self.axis_of(name) + 1 :])
        begin = first // inner
        end = -(-last // inner)
        at = begin % len(values)
        count = end - begin
        wraps = at + count > len(values)
        chosen = values.take(np.arange(at, at + count), axis=0, mode="wrap") if wraps else values[at : at + count]
        if inner == 1 or first == last:
            return chosen.copy()
        times = np.full(count, inner)
        times[0] -= first - begin * inner
        times[-1] -= end * inner - last
        return np.repeat(chosen, times, axis=0)

    def trajectories(self) -> tuple[int, float]:
        """Return how many there are, and their longest possible steps in all.

        Configurations that follow one another and agree in the start and the movers are one.
        """
        steps = self.values["max_steps"]
        if not self.zipped:
            count = self.size // self.inner
            longest = steps.mean() if "max_steps" in self.movers else steps.max()
            return count, count * float(longest)
        begins = np.flatnonzero(self._begins(0, self.size))
        longest = np.maximum.reduceat(np.broadcast_to(steps, self.size), begins) if self.size else steps
        return len(begins), float(longest.sum(dtype=np.float64))

    @property
    def inner(self) -> int:
        """How many configurations the axes inside of all movers make; 1 if zipped."""
        lengths = list(self.shape)
        for name in reversed(self.axes):
            if name in self.movers or name in ("start", "configuration"):
                break
            lengths.pop()
        return self.size // max(math.prod(lengths), 1)

    def ends(self, first: int, last: int) -> NDArray[np.int64]:
        """Return for configurations first..last-1 the index, less `first`, after the last on the same trajectory."""
        if not self.zipped:
            if self.inner == 1:
                return np.arange(1, last - first + 1)
            ends = (np.arange(first, last) // self.inner + 1) * self.inner - first
            return np.minimum(ends, last - first)
        edges = np.append(np.flatnonzero(self._begins(first, last)), last - first)
        return np.repeat(edges[1:], np.diff(edges))

    def _begins(self, first: int, last: int) -> NDArray[np.bool_]:
        """Tell which of zipped configurations first..last-1 differ from the one before, bit by bit, in what moves."""
        differ = np.zeros(last - first, dtype=np.bool_)
        differ[:1] = True
        varied = [self.values[name] for name in self.movers if self.values[name].ndim]
        for column in (*varied, *(self.starts.T if len(self.starts) > 1 else ())):
            bits = np.ascontiguousarray(column[first:last]).view(np.int64)
            differ[1:] |= bits[1:] != bits[:-1]
        return differ

    def axis_of(self, name: str) -> int:
        """Return the number of the axis along which a hyperparameter, or the start, varies."""
        return 0 if self.zipped else list(self.axes).index(name)

    def numbers(self, index: int) -> Configuration:
        """Return one configuration's hyperparameters, off values among them."""
        places = np.unravel_index(index, self.shape)
        return Hyperparameters(
            *(values[places[self.axis_of(name)] if values.ndim else ()].item() for name, values in self.values.items())
        )

    def configuration(self, index: int) -> dict[str, Any]:
        """Return one configuration as keywords, those that are off by default left out; theta0 is an array (P,)."""
        start = np.unravel_index(index, self.shape)[self.axis_of("start")] if len(self.starts) > 1 else 0
        chosen: dict[str, Any] = {"theta0": self.starts[start].copy()}
        for name, number in self.numbers(index)._asdict().items():
            if name in self.given:
                chosen[name] = number
            elif HYPERPARAMETERS[name].default:
                chosen[name] = None
        return chosen


@dataclass(frozen=True, eq=False)
class Settings(Record):
    """What all configurations share: update rule, schedule, bounds, what is recorded."""

    rule: str
    schedule: str
    lower: Array  # (P,), infinite where there is no bound
    upper: Array  # (P,)
    record_every: int | None

    @property
    def memories(self) -> int:
        """How many vectors like theta the rule keeps from step to step."""
        return RULES[self.rule].memories

    @property
    def bounds(self) -> Array | None:
        """Lower and upper bounds (2, P), None if there are none."""
        bounded = np.isfinite(self.lower).any() or np.isfinite(self.upper).any()
        return np.stack([self.lower, self.upper]) if bounded else None

    def configuration(self) -> dict[str, Any]:
        """Return the settings as keywords for `descend`, those at their defaults left out; bounds are an array."""
        chosen = {name: getattr(self, name) for name in USUAL_SETTINGS}
        return {name: value for name, value in chosen.items() if not same(value, USUAL_SETTINGS[name])}

    def method(self, loss_scale: float) -> Method:
        """Return how to descend, as kernels take it."""
        return Method(RULES[self.rule].code, SCHEDULES[self.schedule].code, self.record_every or 0, loss_scale)

    def kernel_bounds(self) -> Bounds:
        """Return the bounds as kernels take them: writable, or these would be compiled for either kind."""
        return Bounds(self.lower.copy(), self.upper.copy())
