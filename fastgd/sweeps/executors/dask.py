"""A client of dask's as an executor.

Its own executor's futures are never done where a result is lost on its way and its task then fails (distributed
2026.8): here what a future of the client's ends with is handed on whatever that is.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Client:
    """Submits to a client; `options` are those of its executor, as what workers may be used."""

    def __init__(self, client: Any, **options: Any) -> None:
        self._client = client
        self._options = options | {"pure": False}

    @classmethod
    def of(cls, executor: Any) -> Client | None:
        """Return what submits for a client, or an executor of one; None for anything else."""
        if hasattr(executor, "get_executor") and hasattr(executor, "scheduler_info"):
            return cls(executor)
        client = getattr(executor, "_client", None)
        return cls(client, **executor._kwargs) if hasattr(client, "scheduler_info") else None

    @property
    def num_workers(self) -> int:
        """How many tasks its workers run at once."""
        return int(sum(self._client.nthreads().values()))

    @property
    def is_closed(self) -> bool:
        """Whether no future will ever be done: it closes when it has lost its scheduler for long."""
        return self._client.status in ("closing", "closed")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a task."""
        theirs = self._client.submit(function, *arguments, **self._options)
        ours: Future[Any] = Future()

        def hand_on(_: Any) -> None:
            if not ours.set_running_or_notify_cancel():
                return
            try:
                ours.set_result(theirs.result())
            except BaseException as error:
                ours.set_exception(error)
            theirs.release()  # or it would be computed once more where its worker is lost later

        def cancel(_: Any) -> None:
            if ours.cancelled() and not self.is_closed:
                theirs.cancel()

        ours.add_done_callback(cancel)
        theirs.add_done_callback(hand_on)
        return ours
