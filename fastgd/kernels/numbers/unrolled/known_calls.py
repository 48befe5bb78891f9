"""What calls of Python's, NumPy's and the standard library's functions give of what is known of their arguments."""

import builtins
import functools
import math
import operator

import numpy as np

from fastgd.kernels.numbers.unrolled.known import (
    NUMBER,
    Generator,
    Items,
    Known,
    Made,
    Method,
    Named,
    Picked,
    Ref,
    Tuple,
    Unknown,
    Zip,
    count_of,
    is_number,
    known_of,
    together,
)
from fastgd.kernels.numbers.unrolled.known_operations import folded

MOST_SORTED = 8
_NONE = Known(0)
_LAST = Known(-1)
_FOLDED = {abs, bool, float, int, max, min, pow, round, range, slice}
_FOLDED |= {math.ceil, math.comb, math.factorial, math.floor, math.gcd, math.isqrt, math.lcm, math.perm, math.trunc}
_REDUCING = {
    np.argmax,
    np.argmin,
    np.cumsum,
    np.dot,
    np.max,
    np.mean,
    np.median,
    np.min,
    np.prod,
    np.std,
    np.sum,
    np.var,
}
_REDUCING |= {np.linalg.norm}
_SINGLE = {"sum", "mean", "prod", "max", "min", "dot", "std", "var", "item", "any", "all"}  # methods that give a number
_FILLED = {np.zeros, np.ones, np.empty, np.full}
_ALIKE = {
    np.zeros_like,
    np.ones_like,
    np.empty_like,
    np.full_like,
    np.copy,
    np.cumsum,
    np.ascontiguousarray,
    np.asarray,
}


def result(run, path, function, arguments, named):
    """Return what a call gives, None if it is to be written."""
    if isinstance(function, Method):
        return _of_method(run, path, function, arguments, named)
    if not isinstance(function, Known) or not _is_hashable(function.value):
        return None
    called = function.value
    if called in _FOLDED and arguments and not named and all(map(_is_known, arguments)):
        known = _folded(called, [argument.value for argument in arguments])
        if known is not None:
            return known
    if called in _CALLS and named.keys() <= _BY_NAME.get(called, set()):
        known = _CALLS[called](run, path, *arguments, **named)
        if known is not None:
            return known
    if isinstance(called, np.ufunc) or called in _REDUCING:
        rows = [_as_row(run, path, argument) for argument in arguments]
        if any(row is not argument for row, argument in zip(rows, arguments, strict=True)):
            return run.apply(path, function, rows, named)
    return None


def _is_hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_known(value):
    return is_number(value) or (isinstance(value, Known) and value.value is None)


def _folded(function, values):
    if function in (range, slice):
        try:
            return Known(function(*values))
        except TypeError:
            return None
    return folded(function, values)


def _as_row(run, path, value):
    """Return an array of what a list or a tuple of numbers holds, anything else as it is."""
    items = path.heap[value.number].items if _is_list(path, value) else getattr(value, "items", None)
    if not isinstance(value, Ref | Tuple) or not items:
        return value
    return run.apply(path, Known(np.array, Known(np), "array"), [Tuple(tuple(items))], {})


def _is_list(path, value):
    return isinstance(value, Ref) and isinstance(path.heap[value.number], Items)


# ---- methods ---------------------------------------------------------------------------------------------------------


def _of_method(run, path, method, arguments, named):
    owner = method.owner
    if isinstance(owner, Named):
        return _of_dictionary(owner.values, method.name, *arguments)
    if isinstance(owner, Ref):
        change = _CHANGES.get(method.name)
        if not _is_list(path, owner) or change is None or named:
            raise Unknown
        items = list(path.heap[owner.number].items)
        value = change(run, path, items, *arguments)
        path.heap[owner.number] = Items(tuple(items))
        return value
    return None


def _of_dictionary(values, name, *arguments):
    keys = tuple(map(known_of, values))
    if name == "get" and isinstance(arguments[0], Known):
        return values.get(arguments[0].value, arguments[1] if len(arguments) > 1 else Known(None))
    known = {
        "keys": keys,
        "values": tuple(values.values()),
        "items": tuple(map(Tuple, zip(keys, values.values(), strict=True))),
    }
    if name not in known:
        raise Unknown
    return Tuple(known[name])


def _append(run, path, items, value):
    items.append(value)
    return Known(None)


def _extend(run, path, items, values):
    elements = run.elements(path, values)
    if elements is None:
        raise Unknown
    items.extend(elements)
    return Known(None)


def _insert(run, path, items, place, value):
    if not is_number(place):
        raise Unknown
    items.insert(place.value, value)
    return Known(None)


def _pop(run, path, items, place=_LAST):
    if not is_number(place) or not -len(items) <= place.value < len(items):
        raise Unknown
    return items.pop(place.value)


def _copy(run, path, items):
    return run.new_list(path, items)


def _reverse(run, path, items):
    items.reverse()
    return Known(None)


_CHANGES = {
    "append": _append,
    "copy": _copy,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "reverse": _reverse,
}


# ---- sequences -------------------------------------------------------------------------------------------------------


def _binary(run, path, function, left, right):
    """Return what an operator makes of two values."""
    if is_number(left) and is_number(right) and (known := folded(function, [left.value, right.value])):
        return known
    return run.binary(path, function, left, right)


def _fold(function, start):
    """Return the function that takes elements together, one after the other."""

    def fold(run, path, values, start=start):
        def step(path, total, value):
            return _binary(run, path, function, total, value)

        if isinstance(values, Generator):
            return run.returned(path, values.function, values.arguments, start, step)
        elements = run.elements(path, values)
        if elements is None:
            return None
        return functools.reduce(lambda total, value: step(path, total, value), elements, start)

    return fold


def _any_or_all(until):
    def found(run, path, values):
        if isinstance(values, Generator):
            return run.returned(path, values.function, values.arguments, Known(not until), None, until)
        elements = run.elements(path, values)
        if elements is None:
            return None
        truths = [run.apply(path, Known(bool), [element], {}) for element in elements]
        if any(isinstance(truth, Known) and truth.value is until for truth in truths):
            return Known(until)
        unknown = [truth for truth in truths if isinstance(truth, Made)]
        if not unknown:
            return Known(not until)
        function = operator.or_ if until else operator.and_
        return functools.reduce(lambda one, other: _binary(run, path, function, one, other), unknown)

    return found


def _extreme(function):
    def extreme(run, path, *arguments):
        if len(arguments) != 1 or count_of(arguments[0]) == NUMBER:
            return None
        elements = run.elements(path, arguments[0])
        if not elements:
            return None
        return elements[0] if len(elements) == 1 else run.apply(path, Known(function), elements, {})

    return extreme


def _reduce(run, path, function, values, *start):
    elements = run.elements(path, values)
    if elements is None or not (elements or start):
        raise Unknown
    return functools.reduce(lambda one, other: run.apply(path, function, [one, other], {}), [*start, *elements])


def _map(run, path, function, *sequences):
    several = [run.elements(path, sequence) for sequence in sequences]
    if None in several:
        raise Unknown
    return Tuple(tuple(run.apply(path, function, list(each), {}) for each in zip(*several, strict=False)))


def _sequences(run, path, values):
    found = [run.sequence(path, value) for value in values]
    lengths = [sequence and run.length(path, sequence) for sequence in found]
    return None if None in lengths or min(lengths, default=0) > run.most_rounds else found


def _zip(run, path, *values, strict=None):
    found = _sequences(run, path, values)
    lengths = {run.length(path, sequence) for sequence in found or ()}
    if found is None or (strict is not None and (not is_number(strict) or (strict.value and len(lengths) > 1))):
        return None
    return Zip(tuple(found))


def _enumerate(run, path, values, start=_NONE):
    found = _sequences(run, path, [values])
    if not found or not is_number(start):
        return None
    first = start.value
    return Zip((Known(range(first, first + run.length(path, found[0]))), found[0]))


def _reversed(run, path, values):
    found = _sequences(run, path, [values])
    return found and Picked(found[0], range(run.length(path, found[0]))[::-1])


def _length(run, path, value):
    length = None if isinstance(value, Generator) else run.length(path, value)
    return None if length is None else Known(length)


def _list(run, path, *values):
    elements = run.elements(path, values[0]) if values else ()
    return None if elements is None else run.new_list(path, elements)


def _tuple(run, path, *values):
    elements = run.elements(path, values[0]) if values else ()
    return None if elements is None else Tuple(tuple(elements))


def _sorted(run, path, values):
    """Return a sorted list: of two neighbours the smaller goes first, as often as it takes."""
    elements = run.elements(path, values)
    if elements is None or len(elements) > MOST_SORTED or not all(count_of(each) == NUMBER for each in elements):
        raise Unknown
    for last in range(len(elements) - 1, 0, -1):
        for k in range(last):
            both = elements[k : k + 2]
            elements[k : k + 2] = [run.apply(path, Known(function), both, {}) for function in (min, max)]
    return run.new_list(path, elements)


def _truth(run, path, value):
    if isinstance(value, Known) and value.value is None:
        return Known(False)
    if isinstance(value, Made):
        return Made(run.written_call(path, Known(bool), [value], {}), NUMBER)
    length = run.length(path, value)
    return None if length is None else Known(length > 0)


def _quotient_and_rest(run, path, left, right):
    if count_of(left) != NUMBER or count_of(right) != NUMBER:
        return None
    return Tuple(tuple(_binary(run, path, function, left, right) for function in (operator.floordiv, operator.mod)))


def _float(run, path, value):
    if not isinstance(value, Made) or value.count != NUMBER:
        return None
    return run.binary(path, operator.mul, Known(1.0), value)  # Numba has none of a truth value


def _hypot(run, path, *values):
    if len(values) == 2:
        return None
    if not values:
        return Known(0.0)
    function = Known(math.hypot, Known(math), "hypot")
    start = run.apply(path, Known(abs), [values[0]], {})
    return functools.reduce(lambda one, other: run.apply(path, function, [one, other], {}), values[1:], start)


def _distance(run, path, one, other):
    both = [run.elements(path, value) for value in (one, other)]
    if None in both or len(both[0]) != len(both[1]):
        raise Unknown
    differences = [_binary(run, path, operator.sub, *pair) for pair in zip(*both, strict=True)]
    return run.apply(path, Known(math.hypot, Known(math), "hypot"), differences, {})


def _array(run, path, values, *more, **named):
    if isinstance(values, Generator) or not isinstance(values, Ref):
        return None
    elements = run.elements(path, values)
    return elements and run.apply(path, Known(np.array, Known(np), "array"), [Tuple(tuple(elements)), *more], named)


_CALLS = {
    all: _any_or_all(False),
    any: _any_or_all(True),
    bool: _truth,
    float: _float,
    divmod: _quotient_and_rest,
    builtins.map: _map,
    builtins.tuple: _tuple,
    enumerate: _enumerate,
    functools.reduce: _reduce,
    len: _length,
    list: _list,
    math.dist: _distance,
    math.fsum: _fold(operator.add, Known(0.0)),
    math.hypot: _hypot,
    math.prod: _fold(operator.mul, Known(1)),
    max: _extreme(max),
    min: _extreme(min),
    np.array: _array,
    reversed: _reversed,
    sorted: _sorted,
    sum: _fold(operator.add, Known(0)),
    zip: _zip,
}


_BY_NAME = {enumerate: {"start"}, math.prod: {"start"}, np.array: {"dtype"}, sum: {"start"}, zip: {"strict"}}

# ---- how many elements a call gives ----------------------------------------------------------------------------------


def count_of_result(function, arguments, named):
    """Return the count of what a call that is written gives, None if it isn't known."""
    if isinstance(function, Method):
        owner = count_of(function.owner)
        if function.name == "copy":
            return owner
        return NUMBER if owner and function.name in _SINGLE and not named else None
    if not isinstance(function, Known) or not _is_hashable(function.value):
        return None
    called = function.value
    counts = [count_of(argument) for argument in arguments]
    if called in _FILLED:
        shape = (
            arguments[0].items[0] if isinstance(arguments[0], Tuple) and len(arguments[0].items) == 1 else arguments[0]
        )
        return shape.value if is_number(shape) and type(shape.value) is int and shape.value > 0 else None
    if called is np.array:
        items = getattr(arguments[0], "items", None)
        return len(items) if items and all(count_of(item) == NUMBER for item in items) else counts[0]
    if called in _ALIKE:
        return counts[0]
    if named or None in counts:
        return None
    if called in _REDUCING:
        return None if called is np.cumsum else NUMBER
    if isinstance(called, np.ufunc) or called in (np.where, abs):
        return together(counts)
    is_of_one = getattr(called, "__module__", None) in ("math", "builtins") and set(counts) == {NUMBER}
    return NUMBER if is_of_one and called is not divmod else None
