"""A user's function as straight code: loops over few elements written out, functions in the place of their calls.

Numba's code of a function is run with what is known in the place of values, see `known`. What is known needs no code:
`theta[i + 1]` has one place, of a branch only the way that is taken is left. The rest is written as it stands, in the
source's order. Where the way is not known, both are written; they go on together where the source's ways meet, with
what may differ in a variable. A loop that is not written out is one with all that it assigns in such variables.

Before, generator expressions, star arguments and lists that grow had no code at all. Where something would have to be
known that is not, the function is left as it was.
"""

from typing import NamedTuple

import numpy as np
from numba.core import ir, types
from numba.core.compiler_machinery import register_pass
from numba.core.ir_utils import build_definitions, rename_labels, simplify_CFG
from numba.core.registry import CPUDispatcher
from numba.core.untyped_passes import TranslateByteCode

from fastgd.kernels.numbers.unrolled import known_calls, known_operations
from fastgd.kernels.numbers.unrolled.calling import Calling
from fastgd.kernels.numbers.unrolled.known import (
    MOST_ROUNDS,
    MOST_TESTED,
    NUMBER,
    NUMBERS,
    Closure,
    Known,
    Made,
    Ref,
    Tuple,
    Unknown,
    count_of_elements,
    known_of,
)
from fastgd.kernels.numbers.unrolled.paths import YIELDED
from fastgd.kernels.numbers.unrolled.running import Ended, Frame, Long, Path, Program
from fastgd.kernels.numbers.vectors import Row

MOST_STATEMENTS = 600  # a millisecond of compilation each
MOST_IF_NEED_BE = 2000  # where loops stay loops


class Unrolling(Calling):
    """Runs a function with what is known, and writes what is not."""

    def __init__(self, program, argument_types, options, most_rounds):
        most = MOST_STATEMENTS if most_rounds else MOST_IF_NEED_BE
        super().__init__(program.ir.loc, most + sum(len(block.body) for block in program.blocks.values()))
        self.program = program
        self.options = options
        self.most_rounds = most_rounds
        self.types = dict(zip(program.ir.arg_names, argument_types, strict=True))

    def run(self):
        """Return the code that is written, as Numba's."""
        self._outermost = next(self.numbers)
        path = Path(self.new_block(), frame=self._outermost)
        arguments = {name: self._argument(path, k, name) for k, name in enumerate(self.program.ir.arg_names)}
        frame = Frame(self.program, self._outermost, arguments)
        frame.left.append((path, min(self.program.blocks)))
        self.finish(frame)
        blocks = rename_labels(simplify_CFG(self.blocks))
        of = self.program.ir
        definitions = build_definitions(blocks)
        return ir.FunctionIR(blocks, False, of.func_id, of.loc, definitions, of.arg_count, of.arg_names)

    def _argument(self, path, index, name):
        variable = self.emit(path, ir.Arg(name, index, self.loc), name=name)
        kind = self.types[name]
        if isinstance(kind, types.Omitted) and type(kind.value) in NUMBERS:
            return Known(kind.value)
        if isinstance(kind, types.BaseTuple) and len(kind) <= MOST_ROUNDS:
            return Tuple(tuple(self.item(path, variable, k) for k in range(len(kind))))
        if isinstance(kind, Row):
            return Made(variable, kind.count)
        return Made(variable, None if isinstance(kind, types.Array | types.IterableType) else NUMBER)

    def finish(self, frame):
        """Run a function to its end, on all ways."""
        self.scopes[frame.number] = frame.program.function.__globals__
        while frame.left:
            path, label = frame.left.pop()
            try:
                self._block(frame, path, label)
            except Ended:
                continue

    def _block(self, frame, path, label):
        for index, statement in enumerate(frame.program.blocks[label].body):
            self.loc = statement.loc
            path.place = (frame.program.paths, label, index)
            if isinstance(statement, ir.Assign):
                name = statement.target.name
                path.variables[name] = self._value(frame, path, statement.value)
                if name in frame.program.changed:
                    self.let_change(path, name)
            elif isinstance(statement, ir.Jump):
                self._enter(frame, path, label, statement.target)
            elif isinstance(statement, ir.Branch):
                self._branch(frame, path, label, statement)
            elif isinstance(statement, ir.Return):
                self._return(frame, path, statement)
            elif isinstance(statement, ir.SetItem):
                self.set_item(path, statement)
            elif not isinstance(statement, ir.Del):
                self.append(path, self.substituted(path, statement))

    def _return(self, frame, path, statement):
        if frame.program.is_generator:
            frame.exits.append((path, path.variables[YIELDED]))
        elif frame.number != self._outermost:
            frame.exits.append((path, self.read(path, statement.value)))
        else:
            value = self.variable(path, self.read(path, statement.value))
            value = self.emit(path, ir.Expr.cast(value, self.loc))
            self.append(path, ir.Return(value, self.loc))

    def _branch(self, frame, path, label, statement):
        condition = self.read(path, statement.cond)
        if isinstance(condition, Known):
            self._enter(frame, path, label, statement.truebr if condition.value else statement.falsebr)
            return
        for node, names in frame.program.paths.joins(label).items():
            path.differing[node] = path.differing.get(node, set()) | names
        for way, to in zip(self.both(path, condition), (statement.truebr, statement.falsebr), strict=True):
            self._enter(frame, way, label, to)

    def _enter(self, frame, path, origin, label):
        paths = frame.program.paths
        node = paths.node(origin, label)
        differing = path.differing.pop(node, set())
        if node != label:
            body = paths.loops[label].body
            path.differing = {k: v for k, v in path.differing.items() if k not in body}
        if label in paths.loops and not self._is_unrolled(frame, path, label):
            differing |= paths.assigned_in(paths.loops[label].body)
        if label not in paths.shared:
            frame.left.append((path, label))
            return
        names = paths.live[label] & path.variables.keys()
        if joined := self.joined(frame.entries, label, path, names, differing):
            frame.left.append((joined, label))

    def _is_unrolled(self, frame, path, header):
        """Tell whether a loop is written out; if it is not, its iterator is one of the code that is written."""
        iterators = [
            statement.value.value
            for statement in frame.program.blocks[header].body
            if isinstance(statement, ir.Assign) and getattr(statement.value, "op", "") == "iternext"
        ]
        if not iterators or not isinstance(ref := self.read(path, iterators[0]), Ref):
            return False
        iterator = path.heap[ref.number]
        most = MOST_TESTED if frame.program.paths.leaves_early(header) else MOST_ROUNDS
        if iterator.place or self.length(path, iterator) <= most:
            return True
        made = ir.Expr.getiter(self.variable(path, iterator.sequence), self.loc)
        yields = count_of_elements(iterator.sequence)
        path.variables[iterators[0].name] = Made(self.emit(path, made), yields=yields)
        return False

    def _value(self, frame, path, node):
        if isinstance(node, ir.Var):
            return self.read(path, node)
        if isinstance(node, ir.FreeVar) and frame.closure is not None:
            return self.cell(frame, path, node.name)
        if isinstance(node, ir.Const | ir.Global | ir.FreeVar):
            return known_of(node.value, name=getattr(node, "name", ""))
        if isinstance(node, ir.Arg):
            return frame.arguments[node.name]
        if isinstance(node, ir.Yield):
            return self.yielded(frame, path, self.read(path, node.value))
        known = known_operations.OPERATIONS.get(node.op)
        value = known(self, path, node) if known else None
        return self.as_it_stands(path, node) if value is None else value

    def apply(self, path, function, arguments, named):
        """Return what a call gives: known, run in its place, or written."""
        if isinstance(function, Closure):
            value = self.called(path, function, arguments, named)
            if value is None:
                raise Unknown
            return value
        value = known_calls.result(self, path, function, arguments, named)
        if value is None and isinstance(function, Known) and self._is_users(function.value):
            value = self.called(path, function.value.py_func, arguments, named)
        if value is None:
            counted = known_calls.count_of_result(function, arguments, named)
            called = getattr(function, "value", None)
            called = np.ufunc if isinstance(called, np.ufunc) else called
            value = self.result(Made(self.written_call(path, function, arguments, named), counted), called)
        return value

    def _is_users(self, function):
        if not isinstance(function, CPUDispatcher):
            return False
        error_model = function.targetoptions.get("error_model", "python")
        return _Options(error_model, function._compiler.pipeline_class) == self.options


# ---- a pass of the compiler ------------------------------------------------------------------------------------------


@register_pass(mutates_CFG=True, analysis_only=False)
class Translating(TranslateByteCode):
    """Numba's reading of bytecode, of functions that are unrolled where they can be."""

    _name = "fastgd_unrolling"

    def run_pass(self, state):
        """Do so; of the ways to write the function the first that is not too long is taken."""
        try:
            program = Program(state.func_id.func)
        except Exception:  # Unknown, or what Numba's own reading will say
            return super().run_pass(state)
        options = _Options(state.flags.error_model, type(state.pipeline))
        for most_rounds in (MOST_ROUNDS, 16, 8, 0):
            try:
                state.func_ir = Unrolling(program, state.args, options, most_rounds).run()
            except Long:
                continue
            except Exception:  # Unknown, or what is wrong with the function: Numba says it
                break
            return True
        return super().run_pass(state)


class _Options(NamedTuple):
    """How functions are compiled that may stand in one another's place."""

    error_model: str
    pipeline_class: type
