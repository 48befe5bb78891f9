"""Records: what came out of a run can't be changed, compares by value, and shares no memory with what went in."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

import numpy as np


class Record:
    """A frozen dataclass whose arrays, also those in dictionaries, are read-only.

    Two are equal if they are of one type and all fields that compare are equal, in which NaN equals NaN. Numbers that
    are equal, shapes and names are hashed; arrays are not.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, protected(value))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Record.__post_init__(self)  # arrays come writable out of a pickle and a deep copy

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, each.name) for each in fields(self) if each.compare)

    def __eq__(self, other: object) -> bool:
        return same(self._values(), other._values()) if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hashed(self._values())


def protected(value: Any) -> Any:
    """Return arrays, also those in a dictionary, as read-only views, and anything else as it is."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    if type(value) is dict:
        return {name: protected(part) for name, part in value.items()}
    return value


def read_only_copy(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a read-only copy, which what its owner does to an array later does not reach."""
    return np.asarray(protected(array.copy(order="C")))


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are equal: arrays by shape and numbers, NaN equal to NaN."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and same(tuple(a.values()), tuple(b.values()))
    if isinstance(a, tuple | list) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b or (a != a and b != b))


def hashed(value: Any) -> int:
    """Return a hash that is equal for what is the `same`."""
    if isinstance(value, np.ndarray):
        return hash(value.shape)
    if isinstance(value, dict):
        return hash(tuple(value))
    if isinstance(value, tuple):
        return hash(tuple(map(hashed, value)))
    return hash(value) if value == value else 0  # one NaN has another hash than the next
