"""Progress: a bar by tqdm, or the user's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastgd.check import shown
from fastgd.extras import imported

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


class ProgressBar:
    """A tqdm bar on standard error that appears after `delay` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.tqdm = imported("tqdm", "cli", "progress=True").tqdm  # its absence is told before any work
        self.bar: Any = None

    def __call__(self, done: int, total: int, counts: dict[str, int]) -> None:
        """Show how far the sweep is."""
        if self.bar is None:
            unit = " configuration" + "s" * (total != 1)
            self.bar = self.tqdm(total=total, unit=unit, unit_scale=True, delay=self.delay)
        self.bar.set_postfix(counts, refresh=False)
        self.bar.update(done - self.bar.n)
        if done == total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is: an interrupted one would be drawn again below what is printed next."""
        if self.bar is not None:
            self.bar.close()
