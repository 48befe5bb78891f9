"""What operations of Numba's code give of what is known; None where they are to be written as they stand."""

import operator
from dataclasses import replace

import numpy as np

from fastgd.kernels.numbers.unrolled.known import (
    NUMBER,
    NUMBERS,
    UNDEFINED,
    Items,
    Iterator,
    Known,
    Made,
    Named,
    Pair,
    Picked,
    Ref,
    Tuple,
    Unknown,
    attribute_of,
    count_of,
    count_of_elements,
    is_number,
    known_of,
    together,
)
from fastgd.kernels.numbers.unrolled.translating import EXTENDED, UNPACKED

_MOST = 1 << 63
_ROUNDED = (operator.pow, operator.ipow)  # of floats: by a library, whose last digit may be another
_COMPARED = (operator.matmul, operator.imatmul)


def folded(function, values):
    """Return what a function of numbers that are known gives, None where compiled code would give another thing."""
    if function in _ROUNDED and any(isinstance(value, float) for value in values):
        return None
    try:
        result = function(*values)
    except Exception:  # it is raised when it is run, if it is
        return None
    if type(result) not in NUMBERS or (type(result) is int and not -_MOST <= result < _MOST):
        return None
    return Known(result)


def _unary(run, path, node):
    value = run.read(path, node.value)
    if is_number(value):
        return folded(node.fn, [value.value])
    if node.fn is operator.not_ and run.length(path, value) is not None and not isinstance(value, Made):
        return Known(run.length(path, value) == 0)
    return run.as_it_stands(path, node, count_of(value))


def _binary(run, path, node):
    left = run.read(path, node.lhs)
    right = run.read(path, node.rhs)
    function = node._kws.get("immutable_fn", node.fn)
    if function in (operator.eq, operator.ne) and _are_text(left, right):
        return Known(function(left.value, right.value))
    if is_number(left) and is_number(right):
        return folded(function, [left.value, right.value])
    if function in (operator.is_, operator.is_not):
        return _same(left, right, function is operator.is_)
    if isinstance(left, Ref) and node.op == "inplace_binop" and function is operator.add:
        return _extended(run, path, left, right)
    known = _SEQUENCES[function](run, path, left, right) if function in _SEQUENCES else None
    if known is None:
        counts = count_of(left), count_of(right)
        of_rows = NUMBER if None not in counts and NUMBER not in counts else None
        known = run.as_it_stands(path, node, of_rows if function in _COMPARED else together(counts))
    return known


def _are_text(*values):
    return all(isinstance(value, Known) and type(value.value) is str for value in values)


def _same(left, right, wanted):
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Known) and one.value is None and not (isinstance(other, Made) and other.count is None):
            return Known((isinstance(other, Known) and other.value is None) is wanted)
    return None


def _list_or_tuple(run, path, value):
    if isinstance(value, Ref) and isinstance(path.heap[value.number], Items):
        return path.heap[value.number].items, lambda items: run.new_list(path, items)
    return (value.items, lambda items: Tuple(tuple(items))) if isinstance(value, Tuple) else None


def _joined(run, path, left, right):
    both = [_list_or_tuple(run, path, value) for value in (left, right)]
    if None in both or type(left) is not type(right):
        return None
    return both[0][1]((*both[0][0], *both[1][0]))


def _repeated(run, path, left, right):
    if is_number(left):
        left, right = right, left
    sequence = _list_or_tuple(run, path, left)
    if sequence is None or not is_number(right) or len(sequence[0]) * right.value > run.most_rounds:
        return None
    return sequence[1](sequence[0] * right.value)


def _contains(run, path, left, right):
    length = run.length(path, left)
    if length is None or not isinstance(right, Known) or isinstance(left, Made):
        return None
    elements = [run.element(path, left, k) for k in range(length)]
    if not all(isinstance(element, Known) for element in elements):
        return None
    return Known(right.value in [element.value for element in elements])


_SEQUENCES = {operator.add: _joined, operator.mul: _repeated, operator.contains: _contains}


def _extended(run, path, target, value):
    items = run.elements(path, value)
    if items is None or not isinstance(path.heap[target.number], Items):
        raise Unknown
    path.heap[target.number] = Items((*path.heap[target.number].items, *items))
    return target


def _unpacked(run, path, node):
    elements = run.elements(path, run.read(path, node.value))
    if elements is None or len(elements) < node.before + node.after:
        raise Unknown
    end = len(elements) - node.after
    rest = run.new_list(path, elements[node.before : end])
    return Tuple((*elements[: node.before], rest, *elements[end:]))


def _exhausted(run, path, node):
    elements = run.elements(path, run.read(path, node.value))
    return Tuple(tuple(elements)) if elements is not None and len(elements) == node.count else None


def _iterator(run, path, node):
    value = run.read(path, node.value)
    if isinstance(value, Ref) and isinstance(path.heap[value.number], Iterator):
        return value
    sequence = run.sequence(path, value)
    if sequence is None or run.length(path, sequence) > run.most_rounds:
        return replace(run.as_it_stands(path, node), yields=count_of_elements(value))
    iterator = run.new_list(path, ())
    path.heap[iterator.number] = Iterator(sequence)
    return iterator


def _next(run, path, node):
    ref = run.read(path, node.value)
    if not isinstance(ref, Ref):
        return replace(run.as_it_stands(path, node), yields=ref.yields)
    iterator = path.heap[ref.number]
    if not run.length(path, iterator):
        return Pair(Known(None), Known(False))
    path.heap[ref.number] = Iterator(iterator.sequence, iterator.place + 1)
    return Pair(run.element(path, iterator, 0), Known(True))


def _first(run, path, node):
    pair = run.read(path, node.value)
    return pair.first if isinstance(pair, Pair) else run.as_it_stands(path, node, pair.yields)


def _second(run, path, node):
    pair = run.read(path, node.value)
    return pair.second if isinstance(pair, Pair) else run.as_it_stands(path, node, NUMBER)


def _item(run, path, node):
    index = run.read(path, node.index)
    return item_of(run, path, run.read(path, node.value), index, lambda: run.as_it_stands(path, node))


def _static_item(run, path, node):
    value = run.read(path, node.value)
    return item_of(
        run,
        path,
        value,
        Known(node.index),
        lambda: Made(run.item(path, run.variable(path, value), node.index).variable),
    )


def item_of(run, path, value, index, otherwise):
    """Return an element or a slice of a value."""
    if isinstance(value, Named):
        return value.values[index.value] if isinstance(index, Known) and index.value in value.values else otherwise()
    length = run.length(path, value)
    places = _places(run, path, index, length) if count_of(value) else None
    if places:
        elements = [run.element(path, value, k) for k in places]
        return run.apply(path, Known(np.array, Known(np), "array"), [Tuple(tuple(elements))], {})
    if length is None or not isinstance(index, Known):
        if isinstance(index, Made) and index.count == NUMBER and count_of(value):
            return Made(otherwise().variable, NUMBER)
        return otherwise()
    if type(index.value) is int and -length <= index.value < length:
        return run.element(path, value, range(length)[index.value])
    if not isinstance(index.value, slice):
        return otherwise()
    places = range(length)[index.value]
    if isinstance(value, Made):
        return run.item(path, value.variable, index.value, len(places)) if places else otherwise()
    if sequence := _list_or_tuple(run, path, value):
        return sequence[1](sequence[0][index.value])
    if isinstance(value, Known) and type(value.value) in (range, tuple, str):
        return known_of(value.value[index.value])
    if isinstance(value, Known):
        return Made(otherwise().variable, len(places)) if count_of(value) else otherwise()
    return Picked(value, places)


def _places(run, path, index, length):
    """Return the places in a row that an array or a list of whole numbers or of truth values picks, if it does."""
    places = [each.value for each in run.elements(path, index) or () if is_number(each)]
    if count_of(index) is not None or len(places) != run.length(path, index):
        return None
    if {type(place) for place in places} == {bool} and len(places) == length:
        return [k for k, is_picked in enumerate(places) if is_picked]
    known = all(type(place) is int and -length <= place < length for place in places)
    return [range(length)[place] for place in places] if known else None


def _attribute(run, path, node):
    return attribute_of(run.read(path, node.value), node.attr)


def _call(run, path, node):
    arguments = [run.read(path, argument) for argument in node.args]
    named = {name: run.read(path, value) for name, value in node.kws}
    if node.vararg is not None:
        elements = run.elements(path, run.read(path, node.vararg))
        if elements is None:
            return None
        arguments += elements
    if node.varkwarg is not None:
        more = run.read(path, node.varkwarg)
        if not isinstance(more, Named):
            raise Unknown
        named |= more.values
    return run.apply(path, run.read(path, node.func), arguments, named)


def _function(run, path, node):
    cells = [] if node.closure is None else run.read(path, node.closure).items
    defaults = () if node.defaults is None else _defaults(run, path, node.defaults)
    named = node._kws.get("kwdefaults")
    named = {} if named is None else run.read(path, named).values
    cells = dict(zip(node.code.co_freevars, cells, strict=True))
    return run.function(path, node.code, cells, defaults, named)


def _defaults(run, path, defaults):
    if isinstance(defaults, tuple):
        return tuple(run.read(path, each) for each in defaults)
    return run.read(path, defaults).items


def _mapping(run, path, node):
    pairs = [(run.read(path, key), run.read(path, value)) for key, value in node.items]
    if not all(isinstance(key, Known) for key, _ in pairs):
        return None
    return Named({key.value: value for key, value in pairs})


OPERATIONS = {
    "undef": lambda run, path, node: UNDEFINED,
    "unary": _unary,
    "binop": _binary,
    "inplace_binop": _binary,
    "cast": lambda run, path, node: run.read(path, node.value),
    "build_tuple": lambda run, path, node: Tuple(tuple(run.read(path, item) for item in node.items)),
    "build_list": lambda run, path, node: run.new_list(path, [run.read(path, item) for item in node.items]),
    "build_map": _mapping,
    "list_to_tuple": lambda run, path, node: Tuple(path.heap[run.read(path, node.value).number].items),
    EXTENDED: lambda run, path, node: _extended(run, path, run.read(path, node.target), run.read(path, node.value)),
    UNPACKED: _unpacked,
    "exhaust_iter": _exhausted,
    "getiter": _iterator,
    "iternext": _next,
    "pair_first": _first,
    "pair_second": _second,
    "getitem": _item,
    "static_getitem": _static_item,
    "getattr": _attribute,
    "call": _call,
    "make_function": _function,
}
