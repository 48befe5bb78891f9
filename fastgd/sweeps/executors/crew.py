"""An executor: whose it is, how many workers it has, and a new one where one broke."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from fastgd.check import about, shown
from fastgd.kernels.threads import resolve_threads
from fastgd.sweeps.asked import Asked
from fastgd.sweeps.executors import dask


class Crew:
    """The workers of an executor that was given, or of those that a function makes.

    Attributes
    ----------
    workers : int
        How many tasks they run at once; 0 if nobody knows.
    """

    def __init__(self, given: Any) -> None:
        self._make: Callable[[], Any] | None = None if _submits(given) else given
        self._opened = contextlib.ExitStack()
        self._executor: Any = None
        self.renewals = 0
        self._begin(given)
        self.workers = _workers(self._executor)
        self._share = max(resolve_threads(None) // self.workers, 1) if self.workers else 1

    def threads(self, asked: int | None) -> int:
        """Return how many threads each worker has: all workers' together are not more than the cores."""
        return min(asked or self._share, self._share)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a task."""
        future: Future[Any] = self._executor.submit(function, *arguments)
        return future

    def renew(self) -> bool:
        """Make a new executor in place of a broken one; False if nobody can."""
        if self._make is None:
            return False
        self.close()
        self._begin(self._make)
        self.renewals += 1
        return True

    def is_closed(self) -> bool:
        """Tell whether no future will ever be done, and who makes them does not say so."""
        return getattr(self._executor, "is_closed", False) is True

    def close(self) -> None:
        """Shut down what was made."""
        self._opened.close()

    def _begin(self, given: Any) -> None:
        executor = given
        if self._make is not None:
            executor = self._make()
            if hasattr(executor, "__enter__"):
                executor = self._opened.enter_context(executor)
            elif hasattr(executor, "shutdown"):
                self._opened.callback(executor.shutdown)
        executor = dask.Client.of(executor) or executor
        if not _submits(executor):
            kind = "must make what has submit, as executors of concurrent.futures have"
            raise TypeError(about("executor", f"{kind}, got {shown(executor)}"))
        self._executor = executor


@contextlib.contextmanager
def crew_for(asked: Asked) -> Iterator[tuple[Crew | None, Asked]]:
    """Return the workers of an executor, if one was asked for, and a sweep that may be run by each of them.

    What is made is shut down at the end.
    """
    if asked.executor is None:
        yield None, asked
        return
    with contextlib.closing(Crew(asked.executor)) as crew:
        yield crew, asked._replace(threads=crew.threads(asked.threads), workers=crew.workers)


def _submits(executor: Any) -> bool:
    return not isinstance(executor, type) and callable(getattr(executor, "submit", None))


def _workers(executor: Any) -> int:
    """Return how many tasks an executor runs at once; 0 if it does not say."""
    for name in ("_max_workers", "num_workers"):
        number = getattr(executor, name, None)
        if isinstance(number, int):
            return number
    return 0
