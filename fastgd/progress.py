"""Progress: a bar by tqdm, or the user's own function."""

from __future__ import annotations

from collections.abc import Callable

from fastgd.check import shown

Progress = Callable[[int, int, dict[str, int]], object]


class ProgressFailed(Exception):
    """Carries what a progress callback raised out of the scheduler."""


def progress_callback(progress: object) -> Progress | None:
    """Return the function of (done, total, counts by status) that `progress` asks for."""
    if progress is False or progress is None:
        return None
    if progress is True:
        return progress_bar()
    if callable(progress):
        return progress
    raise TypeError(f"progress must be True, False or a function of (done, total, counts), got {shown(progress)}")


def progress_bar(delay: float = 0.0) -> Progress:
    """Return a tqdm bar on standard error that appears after `delay` seconds."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "progress=True needs the package tqdm: pip install 'fastgd[cli]', or give a function"
        ) from None
    bar = None

    def update(done: int, total: int, counts: dict[str, int]) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=total, unit=" configurations", unit_scale=True, delay=delay)
        bar.set_postfix(counts, refresh=False)
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return update
