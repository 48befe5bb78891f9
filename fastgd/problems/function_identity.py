"""A digest of the user's functions, by which a stored sweep knows them again in another process.

It is of what a function is made of: bytecode, constants, defaults, what it reads of closures and globals, the functions
that it calls. Neither names of files nor addresses count, and no machine code: of a warm cache it is another.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from fastgd.check import about, shown
from fastgd.digest import digest
from fastgd.problems.frozen import MARK, frozen, is_foreign, names_in

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)


def identity_of_functions(**functions: Callable[..., Any]) -> dict[str, str]:
    """Return what tells functions from others, by name; TypeError in one sentence if that can't be told."""
    digests = {name: _digest(function) for name, function in functions.items()}
    return {"bytecode": str(sys.implementation.cache_tag), **digests}


def _digest(function: Callable[..., Any]) -> str:
    found = hashlib.sha256()
    for word in _Reader().words(*frozen(function)):
        found.update(word.encode("utf-8", "surrogatepass") + b"\0")
    return found.hexdigest()[:32]


class _Reader:
    """Reads what functions are made of, each function once: it may call itself."""

    def __init__(self) -> None:
        self.met: dict[int, tuple[int, Any]] = {}  # by identity, with the object, lest its id be another's

    def words(self, value: Any) -> Iterator[str]:
        """Yield words that differ where values do."""
        if id(value) in self.met:
            yield f"met {self.met[id(value)][0]}"
            return
        kind = type(value)
        if kind in _PLAIN:
            yield f"{kind.__name__} {value!r}"
            return
        if isinstance(value, FunctionType | ModuleType | list | dict):  # constants are shared now so, now so
            self.met[id(value)] = len(self.met), value
        if isinstance(value, FunctionType) and not is_foreign(value.__module__):
            yield from self._of_function(value)
        elif isinstance(value, CodeType):
            yield from self._of_code(value)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            yield f"array {digest(np.asarray(value))}"
        elif isinstance(value, np.generic):
            yield f"{value.dtype.str} {value.tobytes().hex()}"
        elif isinstance(value, tuple | list):
            yield f"{kind.__name__} {len(value)} {getattr(value, '_fields', '')}"
            for element in value:
                yield from self.words(element)
        elif isinstance(value, dict):
            yield f"dict {len(value)}"
            for pair in value.items():
                yield from self.words(pair)
        elif isinstance(value, frozenset | set):
            yield f"set {sorted(map(repr, value))}"
        elif isinstance(value, ModuleType):
            yield from self._of_module(value)
        else:
            yield _named(value)

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        mark = getattr(function, MARK, None)
        options = None if mark is None or mark.options is None else sorted(mark.options.items())
        yield f"function {options!r}"
        yield from self.words(function.__code__)
        yield from self.words(function.__defaults__)
        yield from self.words(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            yield from self._of_cell(cell)
        for name in sorted(set(names_in(function.__code__, "LOAD_GLOBAL", "LOAD_NAME"))):
            if name in function.__globals__:
                yield f"global {name}"
                yield from self.words(function.__globals__[name])

    def _of_cell(self, cell: CellType) -> Iterator[str]:
        try:
            value = cell.cell_contents
        except ValueError:
            yield "empty"
            return
        yield from self.words(value)

    def _of_code(self, code: CodeType) -> Iterator[str]:
        yield f"code {code.co_code.hex()} {code.co_exceptiontable.hex()} {code.co_flags} {code.co_argcount}"
        yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        for constant in code.co_consts:
            yield from self.words(constant)

    def _of_module(self, module: ModuleType) -> Iterator[str]:
        yield f"module {module.__name__}"
        if not is_foreign(module.__name__):  # a copy, of what is read of it
            for name, value in sorted(vars(module).items()):
                if not name.startswith("__"):
                    yield f"attribute {name}"
                    yield from self.words(value)


def _named(value: Any) -> str:
    """Return the name of what Numba or Python knows by its name; TypeError for anything else."""
    is_named = isinstance(value, type | BuiltinFunctionType | FunctionType | np.ufunc)
    module = getattr(value, "__module__", None) or type(value).__module__
    if is_named and (is_foreign(module) or module in ("builtins", "numpy")):
        return f"{module}.{getattr(value, '__qualname__', value.__name__)}"
    if is_foreign(type(value).__module__):  # a type of Numba's, say
        return f"{type(value).__module__}.{type(value).__qualname__} {value}"
    raise TypeError(
        about("store", "needs functions of numbers, arrays and functions, got one that reads ", shown(value))
    )
