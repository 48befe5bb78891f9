"""A function's bytecode as Numba's intermediate code, with what Numba leaves out of Python.

Numba refuses `first, *rest = theta`, calls with several stars and functions with defaults of keywords while it reads
bytecode, and loses the value of `(n := ...)`. Here they are read for `unrolling`, which knows what they mean.
"""

from types import FunctionType

from numba.core import byteflow, interpreter, ir
from numba.core.bytecode import ByteCode, FunctionIdentity

EXTENDED = "fastgd.extended"  # target, a list, with the elements of value put behind
UNPACKED = "fastgd.unpacked"  # value as its first elements, a list, and its last ones


def _with_names(method, module, **names):
    """Return a method whose module has these for its own names."""
    return FunctionType(method.__code__, {**vars(module), **names}, method.__name__, None, method.__closure__)


class _Runner(byteflow.TraceRunner):
    def op_UNPACK_EX(self, state, inst):
        before = inst.arg & 0xFF
        after = inst.arg >> 8
        iterable = state.pop()
        parts = state.make_temp()
        stores = [state.make_temp() for _ in range(before + 1 + after)]
        state.append(inst, iterable=iterable, parts=parts, stores=stores, before=before, after=after)
        for store in reversed(stores):
            state.push(store)


class _Flow(byteflow.Flow):
    run = _with_names(byteflow.Flow.run, byteflow, TraceRunner=_Runner)


class _Interpreter(interpreter.Interpreter):
    interpret = _with_names(interpreter.Interpreter.interpret, interpreter, Flow=_Flow)

    def post_process(self, peepholes, func_ir):
        """Leave calls and lists as they are read, but for what ends `try` and `with`."""
        kept = ("peep_hole_split_at_pop_block", "peep_hole_delete_with_exit")
        return super().post_process([each for each in peepholes if each.__name__ in kept], func_ir)

    def _remove_unused_temporaries(self):
        """Leave each, for `:=` keeps on the stack what it assigns."""

    def op_UNPACK_EX(self, inst, iterable, parts, stores, before, after):
        value = self.get(iterable)
        self.store(ir.Expr(UNPACKED, self.loc, value=value, before=before, after=after), parts)
        for k, store in enumerate(stores):
            self.store(ir.Expr.static_getitem(self.get(parts), index=k, index_var=None, loc=self.loc), store)

    def op_LIST_EXTEND(self, inst, target, value, extendvar, res):
        expression = ir.Expr(EXTENDED, self.loc, target=self.get(target), value=self.get(value))
        self.store(expression, res)

    def op_LIST_TO_TUPLE(self, inst, const_list, res):
        self.store(ir.Expr("list_to_tuple", self.loc, value=self.get(const_list)), res)

    def op_MAKE_FUNCTION(self, inst, name, code, closure, annotations, annotate, kwdefaults, defaults, res):
        super().op_MAKE_FUNCTION(inst, name, code, closure, annotations, annotate, None, defaults, res)
        self.current_block.body[-1].value._kws["kwdefaults"] = self.get(kwdefaults) if kwdefaults else None


def translated(function):
    """Return Numba's intermediate code of a Python function."""
    identity = FunctionIdentity.from_function(function)
    code = ByteCode(identity)
    entries = getattr(code, "exception_entries", ())  # of a comprehension too, whose variable is to be put back
    code.exception_entries = tuple(entry for entry in entries if code[entry.target].opname == "PUSH_EXC_INFO")
    return _Interpreter(identity).interpret(code)
