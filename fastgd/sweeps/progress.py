"""Progress: a bar by tqdm, or the user's own function."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import shown
from fastgd.descent.statuses import Status
from fastgd.extras import imported
from fastgd.sources.streamed import READING

PASS_DELAY = 1.0  # seconds

REPORT_EVERY = 0.1  # seconds between calls of progress

Progress = Callable[[int, int, dict[str, int]], object]


class ProgressFailed(Exception):
    """Carries what a progress callback raised out of the scheduler."""


def progress_callback(progress: object) -> Progress | None:
    """Return the function of (done, total, counts by status) that `progress` asks for."""
    if progress is False or progress is None:
        return None
    if progress is True:
        return ProgressBar()
    if callable(progress):
        return progress
    raise TypeError(f"progress must be True, False or a function of (done, total, counts), got {shown(progress)}")


@contextmanager
def told_of_passes(report: object) -> Iterator[None]:
    """Tell progress of passes over streamed samples, by its method `reading` of (samples read, of how many)."""
    token = READING.set(getattr(report, "reading", None))
    try:
        yield
    finally:
        READING.reset(token)


def words_of_cause(interruption: BaseException) -> str:
    """Return what a progress callback raised, in a line; nothing where it was Ctrl-C."""
    raised = interruption.__cause__
    return "" if raised is None else " ".join("".join(traceback.format_exception_only(raised)).split())


class Reports:
    """What is told to a progress callback, ten times a second at most."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0
        self.counts = Counter[int]()
        self.last = time.monotonic()

    def add(self, status: NDArray[np.int8]) -> None:
        """Count configurations that are done; what the callback raises is a ProgressFailed."""
        if self.progress is not None:
            self.count(dict(zip(*np.unique_counts(status), strict=True)))

    def count(self, statuses: Mapping[Any, int]) -> None:
        """Count configurations that are done, so many of each status."""
        if self.progress is None:
            return
        self.done += sum(statuses.values())
        self.counts.update(statuses)
        if self.done == self.total or time.monotonic() - self.last > REPORT_EVERY:
            self.last = time.monotonic()
            counts = {Status(code).name: int(self.counts[code]) for code in sorted(self.counts)}
            try:
                self.progress(self.done, self.total, counts)
            except Exception as error:
                raise ProgressFailed from error


class ProgressBar:
    """A tqdm bar on standard error that appears after `delay` seconds, and another of a pass that takes a second."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.tqdm = imported("tqdm", "cli", "progress=True").tqdm  # its absence is told before any work
        self.bar: Any = None
        self.of_pass: Any = None

    def __call__(self, done: int, total: int, counts: dict[str, int]) -> None:
        """Show how far the sweep is."""
        if self.bar is None:
            unit = " configuration" + "s" * (total != 1)
            self.bar = self.tqdm(total=total, unit=unit, unit_scale=True, delay=self.delay)
        self.bar.set_postfix(counts, refresh=False)
        self.bar.update(done - self.bar.n)
        if done == total:
            self.close()

    def reading(self, done: int, total: int) -> None:
        """Show how far a pass over streamed samples is; the bar is gone after it."""
        if self.of_pass is None or done <= self.of_pass.n:
            self._close_pass()
            how = {"unit": " samples", "unit_scale": True, "delay": PASS_DELAY, "leave": False}
            self.of_pass = self.tqdm(total=total, desc="reading", **how)
        self.of_pass.update(done - self.of_pass.n)
        if done == total:
            self._close_pass()

    def _close_pass(self) -> None:
        if self.of_pass is not None:
            self.of_pass.close()
            self.of_pass = None

    def close(self) -> None:
        """Leave the bar as it is: an interrupted one would be drawn again below what is printed next."""
        self._close_pass()
        if self.bar is not None:
            self.bar.close()
