"""Values that a process computes once, when they are first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any


class Once:
    """A value computed at the first call and kept; two threads that ask at once compute it once. Pickles without it."""

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.compute = compute
        self.value: Any = None
        self.lock, self.process = threading.Lock(), os.getpid()

    def __call__(self) -> Any:
        """Return the value."""
        if self.value is None:
            if self.process != os.getpid():  # forked, perhaps while a thread held the lock that is not there to free it
                self.lock, self.process = threading.Lock(), os.getpid()
            with self.lock:
                if self.value is None:
                    self.value = self.compute()
        return self.value

    def __reduce__(self) -> tuple[type[Once], tuple[Callable[[], Any]]]:
        return Once, (self.compute,)
