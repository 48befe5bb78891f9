"""What an engine prepares for a sweep, how it cuts the grid for that, and what it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Argument, Sentence
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.kernels.descent.records import State
from fastgd.problems.problem import Problem
from fastgd.results.configurations import Grid
from fastgd.sweeps.asked import Asked
from fastgd.text import either

# The costs by which engines are compared.
VISIT_SECONDS = 1e-10  # a rough cost of P multiply-adds on one sample
EVALUATION_VISITS = 100  # what an evaluation costs beside its samples, in visits of a sample, where lanes are full
STEP_SECONDS = 1e-7  # of a step of all lanes, however few there are
LANES = 64  # descents side by side, where a thread runs whole ones

KeepGoing = Callable[[], bool]
Statistics = Mapping[str, NDArray[Any]]
Slice = Callable[[int], int]  # a budget of evaluations -> what is left of it


class Cut(NamedTuple):
    """How one sweep is cut: tiles for threads, and slices between which a tile can be stopped."""

    workers: int  # threads of a pool; 0 runs the tiles in the calling thread
    tile_size: int  # configurations
    first_budget: int  # evaluations of the first slice
    slice_seconds: float  # which later slices take
    together: int = 1  # configurations that one pass over the samples serves

    def within(self, configurations: int) -> Cut:
        """Return how to cut so many of the grid's configurations alone, so that the threads end at about one time."""
        if not self.workers:
            return self
        return self._replace(tile_size=min(self.tile_size, max(configurations // (self.workers * 16), 1)))

    def run(self, run_slice: Slice, keep_going: KeepGoing, budget: int = 0) -> int:
        """Call `run_slice(budget)`, which returns what is left of it, until something is, or until told to stop.

        The budget, at first the one given or `first_budget`, is adapted so that a call takes `slice_seconds`. Returns
        the last one.
        """
        budget = budget or self.first_budget
        while keep_going():
            begin = time.perf_counter()
            if run_slice(budget) > 0:
                break
            seconds = time.perf_counter() - begin
            budget = max(1, int(budget * min(8.0, max(0.5, self.slice_seconds / max(seconds, 1e-6)))))
        return budget


@dataclass(frozen=True)
class Cutting:
    """The sizes that sweeps are cut by. They change no bit of a result."""

    slice_seconds: float = 0.1  # how long a kernel may keep control
    first_visits: float = 1e7  # of samples, in the first slice: some milliseconds
    thread_seconds: float = 1e-3  # of work that pays for starting a pool
    tile_seconds: float = 4e-3  # of work in a tile at least, or Python's part in it shows
    tiles_per_worker: int = 32  # at least, where there are configurations enough, so that uneven descents balance
    largest_tile: int = 16384  # configurations; a tile costs some 200 microseconds of Python
    largest_exact_tile: int = 16384  # Python's part is then 4 ns a configuration, and its numbers stay in cache
    lanes: int = LANES
    cache_bytes: int = 1 << 19  # samples up to here stay in one core's cache while a thread runs whole descents
    parallel_samples: int = 32_768  # a single descent gains from sharing out its samples from here on
    pass_flops: float = 2e10  # of one pass over the samples for a whole tile, so that Ctrl-C is heard after it

    def threads(self, threads: int, configurations: int, seconds: float) -> int:
        """Return how many threads descents of `seconds` in all are worth."""
        return min(threads, configurations) if seconds >= self.thread_seconds else 1

    def tile(self, largest: int, threads: int, configurations: int, seconds: float) -> int:
        """Return the configurations of a tile, so that threads balance and Python does not show."""
        worth_it = ceil(configurations * self.tile_seconds / seconds)
        return min(largest, max(worth_it, configurations // (threads * self.tiles_per_worker), 1))

    def tile_of_descents(self, largest: int, threads: int, asked: Asked, seconds: float) -> int:
        """Return the same, so that a tile cuts no descent of several configurations in two, if one can hold it."""
        tile = self.tile(largest, threads, asked.grid.size, seconds)
        inner = asked.grid.inner
        return tile if inner > largest else -(-tile // inner) * inner

    def first_budget(self, visits: float) -> int:
        """Return the evaluations of a first slice, each of so many visits of a sample."""
        return max(1, int(self.first_visits / (visits + EVALUATION_VISITS)))


class Counts(NamedTuple):
    """The fields of a Timing that depend on the engine."""

    threads: int
    threading_layer: str
    dtype: str
    axis: str = "configurations"
    evaluations: int = 0
    sample_visits: int = 0
    flops: int = 0
    bytes: int = 0
    streams: bool = False
    footprint: int = 0


class Plan(Protocol):
    """How to run the tiles of a grid: data alone, so that any process can."""

    cut: Cut
    evaluations: list[int]  # of each slice that was run, as far as they are counted

    @property
    def statistics(self) -> Statistics:
        """What it took of the samples: `prepare` makes the same plan of it, to the bit, without them."""

    def at_starts(self, places: NDArray[np.int64]) -> Plan:
        """Return the plan for zipped configurations that begin at these of the grid's starts (n,)."""

    def passes(self, state: State) -> int:
        """Return how often tiles went through the samples; `state` is of whole tiles, from the first of one on."""

    def counts(self, passes: int) -> Counts:
        """Return what a Timing says of a run of so many passes over the samples."""

    def run(self, grid: Grid, first: int, last: int, state: State, keep_going: KeepGoing) -> None:
        """Run configurations first..last-1 to their stops, or until `keep_going()`, asked every 0.1 s, is false."""


class Engine(Protocol):
    """A module that `names.ENGINES` lists."""

    def lacks(self, problem: Problem, asked: Asked) -> str | None:
        """Return None, or what it needs and the problem or the sweep does not have."""

    def cost(self, problem: Problem, asked: Asked) -> float:
        """Return estimated seconds on one thread, every configuration going to its last step."""

    def prepare(
        self, problem: Problem, asked: Asked, threads: int, cutting: Cutting, kept: Statistics | None = None
    ) -> Plan:
        """Take what it needs of the problem, if it was not kept, and compile the one kernel that will run."""


class Serves(NamedTuple):
    """What an engine knows, by name, in its own list: what is added to the tables it does not."""

    rules: tuple[str, ...]
    schedules: tuple[str, ...]
    hyperparameters: tuple[str, ...]
    rules_are: str = ""  # what the rules have in common, as an end of a sentence

    def refusal(self, asked: Asked) -> str | None:
        """Return None, or what is needed instead of what is not known."""
        settings = asked.settings
        if settings.rule not in self.rules:
            others = either([repr(rule) for rule in self.rules]).removeprefix(repr(self.rules[0]))
            return Sentence(Argument("rule", self.rules[0]), others + self.rules_are)
        if settings.schedule not in self.schedules:
            return f"a schedule that it knows, not {settings.schedule!r}"
        for name in asked.grid.values:
            if name not in self.hyperparameters and is_set(asked.grid, name):
                return f"a sweep without {name}, which it does not know"
        return None


def is_set(grid: Grid, hyperparameter: str) -> bool:
    """Tell whether a hyperparameter is not off in some configuration."""
    return bool((grid.values[hyperparameter] != HYPERPARAMETERS[hyperparameter].off).any())


def stepping_cost(asked: Asked, visits: float) -> float:
    """Return estimated seconds on one thread of going to every last step, a step taking so many visits."""
    count, steps = asked.grid.trajectories()
    return (count + steps) * visits * VISIT_SECONDS


def side_by_side_cost(asked: Asked, visits: float) -> float:
    """Return the same where descents go side by side, a step's evaluation taking so many visits."""
    count, steps = asked.grid.trajectories()
    each = (visits + EVALUATION_VISITS) * VISIT_SECONDS + STEP_SECONDS / max(min(count, LANES), 1)
    return (count + steps) * each
