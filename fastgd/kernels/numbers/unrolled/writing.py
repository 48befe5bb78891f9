"""The code that is written while a function runs: blocks of statements, whose variables are new for each value."""

import copy

import numpy as np
from numba.core import ir

from fastgd.kernels.numbers.unrolled.known import (
    NUMBER,
    NUMBERS,
    Items,
    Known,
    Made,
    Method,
    Ref,
    Tuple,
    Unknown,
    count_of,
    replaced,
    together,
)
from fastgd.kernels.numbers.unrolled.running import Long


class Writing:
    """Writes what is not known."""

    def __init__(self, loc, most):
        self.loc = loc
        self.scope = ir.Scope(parent=None, loc=loc)
        self.blocks = {}
        self.most = most
        self.statements = 0
        self.results = set()  # variables that hold rows which arithmetic made

    def new_block(self):
        """Return a block for which nothing is written yet."""
        block = ir.Block(self.scope, self.loc)
        self.blocks[len(self.blocks)] = block
        block.label = len(self.blocks) - 1
        return block

    def append(self, path, statement):
        """Write a statement."""
        self.statements += 1
        if self.statements > self.most:
            raise Long
        path.block.append(statement)

    def emit(self, path, value, name="$known"):
        """Write an assignment of Numba's value; return its variable."""
        variable = self.scope.redefine(name if name not in ("", "$") else "$known", self.loc)
        self.append(path, ir.Assign(value, variable, self.loc))
        return variable

    def item(self, path, variable, index, item_count=NUMBER):
        """Write an element, or a slice, of a variable's row."""
        return Made(self.emit(path, ir.Expr.static_getitem(variable, index, None, self.loc)), item_count)

    def variable(self, path, value):
        """Return the variable that holds a value, written if it is not yet."""
        if isinstance(value, Made):
            return value.variable
        if isinstance(value, Known):
            key = identity(value)
            if key not in path.written:
                path.written[key] = self._constant(path, value)
            return path.written[key]
        if isinstance(value, Ref) and isinstance(path.heap[value.number], Items):
            value = path.heap[value.number]
        if isinstance(value, Tuple | Items):
            items = [self.variable(path, item) for item in value.items]
            return self.emit(path, ir.Expr.build_tuple(items, self.loc))
        if isinstance(value, Method):
            return self.emit(path, ir.Expr.getattr(self.variable(path, value.owner), value.name, self.loc))
        raise Unknown

    def _constant(self, path, known):
        value = known.value
        if isinstance(value, range | slice):
            arguments = [Known(each) for each in (value.start, value.stop, value.step)]
            return self.written_call(path, Known(type(value)), arguments, {})
        if known.parent is not None:
            return self.emit(path, ir.Expr.getattr(self.variable(path, known.parent), known.name, self.loc))
        if value is None or type(value) in (*NUMBERS, str):
            return self.emit(path, ir.Const(value, self.loc))
        return self.emit(path, ir.Global(known.name or getattr(value, "__name__", "constant"), value, self.loc))

    def written_call(self, path, function, arguments, named):
        """Write a call; return its variable."""
        expression = ir.Expr.call(
            self.variable(path, function),
            [self.variable(path, argument) for argument in arguments],
            [(name, self.variable(path, value)) for name, value in named.items()],
            self.loc,
        )
        return self.emit(path, expression)

    def read(self, path, variable):
        """Return what is known of a variable of the function."""
        if variable.name not in path.variables:
            raise Unknown
        return path.variables[variable.name]

    def substituted(self, path, node):
        """Return a part of the code with variables of what is written."""
        if isinstance(node, ir.Var):
            return self.variable(path, self.read(path, node))
        if isinstance(node, list | tuple):
            return type(node)(self.substituted(path, each) for each in node)
        if isinstance(node, ir.Expr):
            return ir.Expr(node.op, node.loc, **{k: self.substituted(path, v) for k, v in node._kws.items()})
        if isinstance(node, ir.Stmt):
            node = copy.copy(node)
            for name, value in vars(node).items():
                setattr(node, name, self.substituted(path, value))
        return node

    def as_it_stands(self, path, expression, item_count=None):
        """Write an expression; return what it makes, of so many elements."""
        return self.result(Made(self.emit(path, self.substituted(path, expression)), item_count), expression.op)

    def binary(self, path, function, left, right):
        """Write an operator; return what it makes."""
        counted = together([count_of(left), count_of(right)])
        left = self.variable(path, left)
        return Made(self.emit(path, ir.Expr.binop(function, left, self.variable(path, right), self.loc)), counted)

    def result(self, made, operation):
        """Return what an operation made; of rows that is remembered."""
        if made.count and operation in ("binop", "unary", np.ufunc, np.where):
            self.results.add(made.variable.name)
        return made

    def let_change(self, path, name):
        """Put an array in the place of what arithmetic made, for nobody writes a Vector."""
        old = path.variables[name]
        if not isinstance(old, Made) or old.variable.name not in self.results:
            return
        new = Made(self.written_call(path, Known(np.copy, Known(np), "copy"), [old], {}), old.count)
        for held in (path.variables, path.heap):
            held.update({key: replaced(value, old, new) for key, value in held.items()})


def identity(known):
    """Return what tells one known object from another."""
    value = known.value
    if value is None or type(value) in (*NUMBERS, str, range, slice):
        return type(value), repr(value)
    return id(value), known.name
