"""The user's functions as they are when they are given: copied with what they read from closures, globals and defaults.

Numba takes the constants of a function when it compiles it, copies arrays up to 1 MB and borrows larger ones. Here they
are copied first, whatever their size, so that a later change of them is never seen, and so that they are freed with
what was made of them. Numba is not imported: a loss of residuals is compiled long after it is made.
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import takewhile
from operator import itemgetter
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

MARK = "_fastgd"  # the attribute of a copied function that holds its `Mark`
_FOREIGN = {"numpy", "numba", "scipy", "llvmlite", *sys.stdlib_module_names}  # Numba knows these by identity


class Mark(NamedTuple):
    """What is known of a copied function."""

    options: dict[str, Any] | None  # that its user gave to Numba, None if it was not jitted
    kind: str = "function"  # what was given
    bytes: int = 0  # of the arrays that were copied with it


class ByValue(NamedTuple):
    """Functions that are pickled with what they hold, not by name; what comes out of a pickle is the functions."""

    functions: Any

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        from numba.core.serialize import dumps

        return pickle.loads, (dumps(self.functions),)


def frozen(*functions: Callable[..., Any], arguments: int = 1) -> tuple[FunctionType, ...]:
    """Return the functions, of so many arguments, as plain Python ones of a scope that nothing outside can change.

    Functions that they call are copied alike, jitted or not. A partial, a bound method or an object with `__call__`
    becomes a function that has what it holds as constants.
    """
    copier = Freezer(arguments)
    copies = tuple(copier.function_of(function) for function in functions)
    for copy, function in zip(copies, functions, strict=True):
        setattr(copy, MARK, getattr(copy, MARK)._replace(kind=_kind(function), bytes=copier.bytes))
    return copies


class Positional(NamedTuple):
    """The arguments that a function takes by their places."""

    names: tuple[str, ...]
    required: int  # of them; the others have defaults
    rest: str | None = None  # the name of what takes all further ones, if something does
    keywords: tuple[str, ...] = ()  # those that must be given by name, or stand after such a rest, which Numba mistakes


def positional(function: Callable[..., Any]) -> Positional | None:
    """Return what a function takes by places; None of a built-in function that doesn't tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    placed = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    rest = next((each.name for each in parameters if each.kind == each.VAR_POSITIONAL), None)
    required = sum(each.default is each.empty for each in placed)
    by_name = [each for each in parameters if each.kind == each.KEYWORD_ONLY]
    keywords = tuple(each.name for each in by_name if rest is not None or each.default is each.empty)
    return Positional(tuple(each.name for each in placed), required, rest, keywords)


def takes_one(name: str, function: Callable[..., Any], argument: str) -> None:
    """Raise TypeError if a function can't be called with one argument."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a built-in function that doesn't tell
        return
    try:
        signature.bind(None)
    except TypeError:
        count = len(signature.parameters)
        takes = f"{count} argument{'s' * (count != 1)}" if count else "none"
        raise TypeError(f"{name} must take {argument} alone, it takes {takes}") from None


class Copier:
    """Copies functions and what they read, each object once."""

    def __init__(self) -> None:
        self._copies: dict[Any, tuple[Any, Any]] = {}  # by identity, with the original, lest its id be another's
        self._twins: list[FunctionType] = []

    def keep(self, key: Any, original: Any, copy: Any) -> Any:
        """Remember a copy, which may refer to itself."""
        self._copies[key] = original, copy
        return copy

    def __call__(self, value: Any) -> Any:
        """Return the copy of a value that a function reads."""
        key = (id(value.__self__), id(value.__func__)) if isinstance(value, MethodType) else id(value)
        if key in self._copies:
            return self._copies[key][1]
        if isinstance(value, np.ndarray):
            return self.keep(key, value, self.array(value))
        if type(value) in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_fields")):
            return self.keep(key, value, self.sequence(map(self, value), type(value)))
        if type(value) is dict:
            return self.keep(key, value, {name: self(element) for name, element in value.items()})
        return self.other(key, value)

    def array(self, value: Any) -> Any:
        """Return the copy of an array."""
        raise NotImplementedError

    def sequence(self, elements: Iterable[Any], kind: type) -> Any:
        """Return the copy of a list, a tuple or a named tuple."""
        return list(elements) if kind is list else tuple.__new__(kind, elements)

    def other(self, key: Any, value: Any) -> Any:
        """Return the copy of anything else."""
        raise NotImplementedError

    def twin(self, function: FunctionType, made: Callable[[FunctionType], Any]) -> Any:
        """Return `made` of a function with the same code, in a scope of its own that holds copies."""
        cells = tuple(CellType() for _ in function.__closure__ or ())
        scope = {"__builtins__": builtins, "__name__": function.__module__}
        function = _by_places(function)
        twin = FunctionType(function.__code__, scope, function.__name__, self(function.__defaults__), cells)
        twin.__kwdefaults__ = {name: self(value) for name, value in (function.__kwdefaults__ or {}).items()} or None
        self._twins.append(twin)
        result = made(twin)  # which is kept by now: a recursive function reads itself
        for cell, original in zip(cells, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # an empty one
                cell.cell_contents = self(original.cell_contents)
        attributes = set(names_in(function.__code__, "LOAD_ATTR", "LOAD_METHOD"))
        for name in names_in(function.__code__, "LOAD_GLOBAL", "LOAD_NAME"):
            if name in function.__globals__:
                value = function.__globals__[name]
                scope[name] = self.module(value, attributes) if isinstance(value, ModuleType) else self(value)
        return result

    def let_go(self) -> None:
        """Empty the copied functions: Numba keeps for good what its kernels have called."""
        for twin in self._twins:
            twin.__defaults__ = twin.__kwdefaults__ = None
            twin.__globals__.clear()
            for cell in twin.__closure__ or ():
                with suppress(ValueError):  # an empty one
                    del cell.cell_contents
        self._copies.clear()

    def module(self, module: ModuleType, attributes: set[str]) -> ModuleType:
        """Return a module of the user's with copies of these of its attributes; another's as it is."""
        if is_foreign(module.__name__):
            return module
        copy = ModuleType(f"{module.__name__} as it was")  # by its own name, a pickle would hold the name alone
        for name in attributes & vars(module).keys():
            value = vars(module)[name]
            setattr(copy, name, self.module(value, attributes) if isinstance(value, ModuleType) else self(value))
        return copy


class Freezer(Copier):
    """Copies what functions read, down to its arrays."""

    bytes = 0  # of arrays

    def __init__(self, arguments: int = 1) -> None:
        super().__init__()
        self.arguments = arguments  # of the functions that are given

    def array(self, value: Any) -> Any:
        """Return a copy that can't be written."""
        copy = value.copy(order="K")
        self.bytes += copy.nbytes
        copy.flags.writeable = False
        return copy

    def other(self, key: Any, value: Any) -> Any:
        """Return functions of the user's as plain ones that know their options; anything else as it is."""
        if _is_jitted(value):
            return self._marked(value.py_func, dict(value.targetoptions), key, value)
        if isinstance(value, FunctionType):
            return value if _is_known(value) else self._marked(value, None, key, value)
        if isinstance(value, MethodType) and isinstance(value.__func__, FunctionType):
            self.keep(key, value, value)  # one that calls itself remains a method, which Numba refuses
            function = self(value.__func__)
            holder = self._holder(value.__self__, value.__func__.__code__)
            return self._marked(lambda *arguments: function(holder, *arguments), None, key, value)
        if isinstance(value, np.vectorize):
            return self(value.pyfunc)  # numbers come one at a time
        if isinstance(value, functools.partial):
            return self._marked(_applied(value, self.arguments), None, key, value)
        return value

    def function_of(self, value: Callable[..., Any]) -> FunctionType:
        """Return the function of theta, of a residual, or of a sample and theta, that a callable is."""
        if _is_object(value):
            value = MethodType(type(value).__call__, value)
        copy = self(value)
        if hasattr(copy, MARK):
            return copy  # type: ignore[no-any-return]

        def wrapped(*arguments):  # type: ignore[no-untyped-def]
            return value(*arguments)  # math.cosh: Numba knows it, but not how to compile it

        return self._marked(wrapped, None, id(wrapped), wrapped)

    def _marked(self, function: Any, options: dict[str, Any] | None, key: Any, original: Any) -> FunctionType:
        def mark(twin: FunctionType) -> FunctionType:
            setattr(twin, MARK, Mark(options))
            return self.keep(key, original, twin)  # type: ignore[no-any-return]

        return self.twin(function, mark)  # type: ignore[no-any-return]

    def _holder(self, instance: Any, code: CodeType) -> Any:
        """Return a named tuple of what a method's code reads of its object."""
        names = {name for name in names_in(code, "LOAD_ATTR", "LOAD_METHOD") if not name.startswith("__")}
        return _named({name: self(getattr(instance, name)) for name in sorted(names) if hasattr(instance, name)})


def _by_places(function: FunctionType) -> FunctionType:
    """Return a function that takes keyword-only arguments by their places too, after the others: Numba knows none."""
    code = function.__code__
    if code.co_kwonlyargcount == 0 or code.co_flags & inspect.CO_VARARGS:
        return function
    parameters = list(inspect.signature(function).parameters.values())
    defaults = [each.default for each in takewhile(lambda each: each.default is not each.empty, reversed(parameters))]
    count = code.co_argcount + code.co_kwonlyargcount
    placed = code.replace(co_argcount=count, co_kwonlyargcount=0)
    return FunctionType(
        placed, function.__globals__, function.__name__, tuple(reversed(defaults)), function.__closure__
    )


def _is_object(value: Any) -> bool:
    """Tell whether a callable is an object of a class of the user's with `__call__`."""
    call = getattr(type(value), "__call__", None)  # noqa: B004 (wanted is what its class defines)
    return isinstance(call, FunctionType) and not (_is_jitted(value) or is_foreign(call.__module__))


def _kind(value: Any) -> str:
    if isinstance(value, MethodType):
        return f"bound method of {type(value.__self__).__name__}"
    return f"{type(value).__name__} with __call__" if _is_object(value) else type(value).__name__


def _applied(partial: functools.partial[Any], count: int) -> Any:
    """Return a partial as a function of the arguments that it leaves, keywords in the place of their parameters."""
    function = partial.func
    before = partial.args
    keywords = partial.keywords
    parameters = list(inspect.signature(getattr(function, "py_func", function)).parameters.values())
    if unnamed := keywords.keys() - {parameter.name for parameter in parameters}:  # Numba knows no ** arguments
        raise TypeError(
            f"a partial's function must have its keywords as parameters by name, got {min(unnamed)!r} for **"
        )
    following = parameters[len(before) + count :]
    while following and following[-1].name not in keywords:
        following.pop()
    after = tuple(keywords.get(parameter.name, parameter.default) for parameter in following)

    def applied(*arguments):  # type: ignore[no-untyped-def]
        return function(*before, *arguments, *after)

    return applied


def _named(values: dict[str, Any]) -> Any:
    """Return a named tuple; unlike those of `collections`, its names may begin with an underscore."""
    fields: dict[str, Any] = {name: property(itemgetter(k)) for k, name in enumerate(values)}
    kind = type("Attributes", (tuple,), fields | {"_fields": tuple(values), "_asdict": None})  # by these Numba knows it
    return kind(values.values())


def names_in(code: CodeType, *operations: str) -> Iterator[str]:
    """Yield the names that code, or a function defined in it, reads by these operations."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in operations:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant, *operations)


def is_foreign(module: str | None) -> bool:
    """Tell whether a module is Python's own, or one of those that Numba knows."""
    return (module or "").partition(".")[0] in _FOREIGN


def _is_jitted(value: Any) -> bool:
    if "numba" not in sys.modules:  # then nothing is
        return False
    from numba.extending import is_jitted

    return bool(is_jitted(value))


def _is_known(function: FunctionType) -> bool:
    """Tell whether Numba has an implementation of a Python function, found by its identity."""
    if is_foreign(function.__module__) or "numba" not in sys.modules:
        return is_foreign(function.__module__)
    from numba.core.registry import cpu_target

    context = cpu_target.typing_context
    context.refresh()
    try:
        context.resolve_value_type(function)
    except Exception:  # Numba's TypingError, or a ValueError
        return False
    return True
