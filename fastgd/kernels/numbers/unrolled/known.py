"""What is known of a value before types are: all of it, its elements, or the variable that will hold it.

`unrolling` runs a function with these in the place of values.
"""

from dataclasses import dataclass, field, replace
from types import CodeType, ModuleType
from typing import Any

import numpy as np
from numba.core import ir

from fastgd.kernels.numbers.vectors import Constant

NUMBER = 0  # the count of what is one number
NUMBERS = (bool, int, float)
MOST_ROUNDS = 64  # of a loop that is written out
MOST_TESTED = 16  # of one that may be left in each: it is no straight code then


class Unknown(Exception):
    """What would have to be known is not: the function is left as it is."""


@dataclass(frozen=True, eq=False)
class Known:
    """A Python object. `parent` is the module, say, whose attribute it was read as."""

    value: Any
    parent: Any = None
    name: str = ""


UNDEFINED = Known(None)  # what a comprehension's variable was before, and is behind it


@dataclass(frozen=True, eq=False)
class Made:
    """What a variable of the code that is written holds: a number, a row of `count` elements, or None knows what.

    `yields` is the count of what an iterator yields.
    """

    variable: ir.Var
    count: int | None = None
    yields: int | None = None


@dataclass(frozen=True, eq=False)
class Tuple:
    """A tuple of such values."""

    items: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Zip:
    """What zip makes of sequences: a Tuple of an element of each."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Picked:
    """The elements of a sequence at these places."""

    sequence: Any
    places: range


@dataclass(frozen=True, eq=False)
class Ref:
    """A list, or an iterator over a sequence, which change: what they hold stands in the heap under this number."""

    number: int


@dataclass(frozen=True, eq=False)
class Items:
    """What a list holds."""

    items: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Iterator:
    """What an iterator will yield: a sequence from a place on."""

    sequence: Any
    place: int = 0


@dataclass(frozen=True, eq=False)
class Generator:
    """A call of a generator that has not begun."""

    function: Any
    arguments: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Pair:
    """What an iterator says: its next element, and whether it has one."""

    first: Any
    second: Any


@dataclass(frozen=True, eq=False)
class Named:
    """A dictionary whose keys the source tells: what a call takes by **, or the defaults of arguments by name."""

    values: dict[Any, Any]


@dataclass(frozen=True, eq=False)
class Method:
    """The method of a value by this name."""

    owner: Any
    name: str


@dataclass(frozen=True, eq=False)
class Closure:
    """A function that the source defines within another.

    What it reads of the function around it is what that has now, while it runs: else `cells`.
    """

    code: CodeType
    scope: dict[str, Any]
    frame: int
    cells: dict[str, Any]
    defaults: tuple[Any, ...] = ()
    named_defaults: dict[str, Any] = field(default_factory=dict)

    def outliving(self, frame, variables):
        """Return it as it is when that function ends."""
        now = {name: variables[name] for name in self.cells if name in variables} if frame == self.frame else {}
        return replace(self, cells=self.cells | now)


def parts_of(value):
    """Return the values that one is made of, and what makes it of others in their places; None if it is a whole."""
    if isinstance(value, Tuple | Items):
        return value.items, lambda items: type(value)(tuple(items))
    if isinstance(value, Zip):
        return value.parts, lambda parts: Zip(tuple(parts))
    if isinstance(value, Picked | Iterator):
        return (value.sequence,), lambda parts: replace(value, sequence=parts[0])
    if isinstance(value, Method):
        return (value.owner,), lambda parts: Method(parts[0], value.name)
    if isinstance(value, Pair):
        return (value.first, value.second), lambda parts: Pair(*parts)
    if isinstance(value, Closure):
        groups = (value.cells.values(), value.defaults, value.named_defaults.values())
        cells = len(value.cells)
        named = cells + len(value.defaults)
        return [part for group in groups for part in group], lambda parts: replace(
            value,
            cells=dict(zip(value.cells, parts[:cells], strict=True)),
            defaults=tuple(parts[cells:named]),
            named_defaults=dict(zip(value.named_defaults, parts[named:], strict=True)),
        )
    if isinstance(value, Named):
        return value.values.values(), lambda parts: Named(dict(zip(value.values, parts, strict=True)))
    if isinstance(value, Generator):
        return [value.function, *value.arguments.values()], lambda parts: Generator(
            parts[0], dict(zip(value.arguments, parts[1:], strict=True))
        )
    return None


def replaced(value, old, new):
    """Return a value with another in the place of one of its parts."""
    parts = parts_of(value)
    if parts is not None:
        return parts[1]([replaced(part, old, new) for part in parts[0]])
    return new if value is old else value


def shape_of(value):
    """Return what tells two values apart whose parts are alike."""
    if isinstance(value, Named):
        return Named, tuple(value.values)
    if isinstance(value, Closure):
        return Closure, id(value.code), value.frame, tuple(value.cells), tuple(value.named_defaults)
    if isinstance(value, Picked):
        return Picked, value.places
    if isinstance(value, Iterator):
        return Iterator, value.place
    return type(value), getattr(value, "name", None)


def is_number(value):
    """Tell whether a value is a number that the source tells."""
    return isinstance(value, Known) and type(value.value) in NUMBERS


def known_of(value, parent=None, name=""):
    """Return what stands for a Python object."""
    if type(value) is tuple and len(value) <= MOST_ROUNDS:
        return Tuple(tuple(map(known_of, value)))
    if type(value) is dict:
        return Named({key: known_of(element) for key, element in value.items()})
    return Known(value, parent, name)


def is_array(value):
    """Tell whether a value is an array of data."""
    return isinstance(value, Known) and isinstance(value.value, np.ndarray) and value.value.ndim > 0


def count_of_elements(value):
    """Return the count of what a sequence yields."""
    is_range = isinstance(value, Known) and isinstance(value.value, range)
    is_flat = is_array(value) and value.value.ndim == 1
    return NUMBER if is_range or is_flat or count_of(value) else None


def count_of(value):
    """Return NUMBER for one, the number of elements of a row, or None: nothing else has its arithmetic."""
    if isinstance(value, Made):
        return value.count
    if is_number(value):
        return NUMBER
    if isinstance(value, Known) and isinstance(value.value, Constant):
        return len(value.value.elements)
    return None


def together(counts):
    """Return the count of what an operation on such makes, as NumPy has it."""
    counts = set(counts)
    if None in counts:
        return None
    return max(counts) if len(counts - {NUMBER, 1}) < 2 else None


def attribute_of(value, name):
    """Return what is known of an attribute, None if it is that of a variable."""
    if isinstance(value, Known):
        whole = value.value
        if isinstance(whole, ModuleType) or hasattr(type(whole), "_fields"):
            return known_of(getattr(whole, name), value, name)
        if isinstance(whole, np.ndarray) and name in ("shape", "size", "ndim"):
            return known_of(getattr(whole, name))
    count = count_of(value)
    if count:
        known = {"shape": Tuple((Known(count),)), "size": Known(count), "ndim": Known(1), "T": value}
        return known.get(name, Method(value, name))
    return Method(value, name) if isinstance(value, Ref | Named) or is_array(value) else None
