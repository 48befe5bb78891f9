"""Values that a process computes once, when they are first needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """A value computed at the first call and kept; two threads that ask at once compute it once. Pickles without it."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self.compute = compute
        self.value: T | None = None
        self._begin()

    def _begin(self) -> None:
        self.lock = threading.Lock()
        self.process = os.getpid()

    def __call__(self) -> T:
        """Return the value."""
        if self.value is None:
            if self.process != os.getpid():  # forked, perhaps while a thread held the lock that is not there to free it
                self._begin()
            with self.lock:
                if self.value is None:
                    self.value = self.compute()
        return self.value

    def __reduce__(self) -> tuple[type[Once[T]], tuple[Callable[[], T]]]:
        return Once, (self.compute,)


class computed_once(Generic[T]):
    """A property computed at its first use and kept in the object; two threads that ask at once may compute it twice.

    Python 3.11's `functools.cached_property` holds a lock meanwhile, one for all objects of a class: a process forked
    beside a thread that computes would wait for it for ever.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> T:
        if instance is None:
            return self  # type: ignore[return-value]
        value = self.compute(instance)
        instance.__dict__[self.name] = value  # which is found before this from now on
        return value
