"""Functions that run in the place of their calls."""

from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import count
from types import CellType, FunctionType

from fastgd.kernels.numbers.unrolled.known import (
    NUMBER,
    UNDEFINED,
    Closure,
    Generator,
    Items,
    Known,
    Made,
    Ref,
    Tuple,
    Unknown,
    count_of,
    is_number,
    known_of,
    parts_of,
)
from fastgd.kernels.numbers.unrolled.paths import YIELDED
from fastgd.kernels.numbers.unrolled.running import Ended, Frame, Program
from fastgd.kernels.numbers.unrolled.sequences import Sequences

MOST_CALLS = 40  # one within the other


class Calling(Sequences):
    """Runs functions that others call."""

    def __init__(self, loc, most):
        super().__init__(loc, most)
        self.programs = {}
        self.scopes = {}
        self.defining = set()  # frames whose functions define others
        self.numbers = count()
        self.depth = 0

    def program_of(self, function):
        """Return the program of a Python function or of a function within; None if it can't be run."""
        key = function.code if isinstance(function, Closure) else function  # whose cells are constants
        if key not in self.programs:
            if isinstance(function, Closure):
                cells = tuple(CellType() for _ in key.co_freevars)
                function = FunctionType(key, function.scope, key.co_name, None, cells)
            try:
                self.programs[key] = Program(function)
            except Exception:  # Unknown, or what Numba does not read: it says so if it is to compile it
                self.programs[key] = None
        return self.programs[key]

    def called(self, path, function, arguments, named):
        """Return what a function returns, run in the place of its call; None if it can't be."""
        program = self.program_of(function)
        if program is None:
            return None
        bound = bound_arguments(function, arguments, named)
        if program.is_generator:
            return Generator(function, bound)
        return self.returned(path, function, bound)

    def returned(self, path, function, bound, start=None, step=None, until=None):
        """Return what a function returns; of a generator, what `step` makes of `start` and all that it yields."""
        if self.depth > MOST_CALLS:
            raise Unknown
        closure = function if isinstance(function, Closure) else None
        frame = Frame(self.program_of(function), next(self.numbers), bound, closure, step, until)
        inner = path.onto(path.block, path.written)
        inner.differing = {}
        inner.outer = (*path.outer, (path.frame, path.needed()))
        inner.frame = frame.number
        inner.variables = {} if start is None else {YIELDED: start}
        frame.left.append((inner, min(frame.program.blocks)))
        self.depth += 1
        self.finish(frame)
        self.depth -= 1
        return self._left(path, frame)

    def _left(self, path, frame):
        """Lead all ways out of a function into one, which goes on; return the value that it brings."""
        if not frame.exits:
            raise Ended
        counts = {_count_or_shape(value) for _, value in frame.exits}
        ways = []
        for way, value in frame.exits:
            if counts == {None, NUMBER}:
                value = Made(self.variable(way, value))
            if frame.number in self.defining:
                value = self._outliving(frame.number, way, value)
            way.variables = path.needed() | {"$returned": value}
            way.outer = path.outer
            ways.append(way)
        if len(ways) > 1:
            entries = {}
            differing = {"$returned"} | _changed_lists(path.needed(), [way.heap for way in ways])
            ways = [self.joined(entries, "", way, set(way.variables), differing) for way in ways]
            ways = [way for way in ways if way]
            if len(ways) > 1:
                raise Unknown
        (way,) = ways
        path.block = way.block
        path.heap = way.heap
        path.written = way.written
        return way.variables["$returned"]

    def _outliving(self, number, way, value):
        """Return a value, and lead on a way, with the functions that are defined in a function which ends."""

        def outlived(value):
            parts = parts_of(value)
            if parts is not None:
                value = parts[1]([outlived(part) for part in parts[0]])
            return value.outliving(number, way.variables) if isinstance(value, Closure) else value

        way.heap = {number: outlived(held) for number, held in way.heap.items()}
        return outlived(value)

    def cell(self, frame, path, name):
        """Return what a function within reads of the ones around it."""
        for number, variables in reversed(path.outer):
            if number == frame.closure.frame and name in variables:
                if variables[name] is UNDEFINED:  # the function has the cell of a comprehension that is over
                    raise Unknown
                return variables[name]
        return frame.closure.cells[name]

    def collected(self, path, generator):
        """Return a list of all that a generator yields."""

        def step(path, items, value):
            path.heap[items.number] = Items((*path.heap[items.number].items, value))
            return items

        start = self.new_list(path, ())
        return self.returned(path, generator.function, generator.arguments, start, step)

    def yielded(self, frame, path, value):
        """Take a value that a generator yields."""
        if frame.step is None and frame.until is None:
            raise Unknown
        if frame.until is None:
            path.variables[YIELDED] = frame.step(path, path.variables[YIELDED], value)
            return Known(None)
        truth = self.apply(path, Known(bool), [value], {})
        if isinstance(truth, Made):
            stopping, going_on = self.both(path, truth)[:: 1 if frame.until else -1]
            frame.exits.append((stopping, Known(frame.until)))
            path.block = going_on.block
        elif truth.value is frame.until:
            frame.exits.append((path, Known(frame.until)))
            raise Ended
        return Known(None)

    def function(self, path, code, *held):
        """Return a function that the one that runs defines, of code and what a Closure holds."""
        self.defining.add(path.frame)
        return Closure(code, self.scopes[path.frame], path.frame, *held)


def _changed_lists(variables, heaps):
    """Return the names of lists that hold one thing in one heap and another in another."""
    numbers = {name: value.number for name, value in variables.items() if isinstance(value, Ref)}
    return {name for name, number in numbers.items() if len({id(heap.get(number)) for heap in heaps}) > 1}


def _count_or_shape(value):
    """Return the count of what may be in one variable, else what tells it from another."""
    return count_of(value) if isinstance(value, Made) or is_number(value) else type(value)


def bound_arguments(function, arguments, named):
    """Return the arguments of a call by the names that the function has for them."""
    is_closure = isinstance(function, Closure)
    code = function.code if is_closure else function.__code__
    defaults = function.defaults if is_closure else tuple(map(known_of, function.__defaults__ or ()))
    by_name = function.named_defaults if is_closure else function.__kwdefaults__ or {}
    by_name = by_name if is_closure else {name: known_of(value) for name, value in by_name.items()}
    names = code.co_varnames[: code.co_argcount]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    has_rest = bool(code.co_flags & CO_VARARGS)
    if code.co_flags & CO_VARKEYWORDS or (len(arguments) > len(names) and not has_rest):
        raise Unknown
    bound = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)) | by_name
    given = dict(zip(names, arguments, strict=False))
    if given.keys() & named.keys() or not named.keys() <= {*names, *keywords}:
        raise Unknown
    bound |= given | named
    if bound.keys() != {*names, *keywords}:
        raise Unknown
    if has_rest:
        bound[code.co_varnames[len(names) + len(keywords)]] = Tuple(tuple(arguments[len(names) :]))
    return {name.replace(".", "implicit"): value for name, value in bound.items()}
