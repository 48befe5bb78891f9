"""Arrays that a function makes, as `vectors.View`s: on the stack, where an evaluation costs no allocation.

Before types are inferred, calls that make an array are replaced by calls of functions of this file. They know Views
only of lengths that the types tell; where one doesn't, the function is not compiled in this way. What stands in a loop
is left alone: a View has one place in memory for each place in the code. What a function returns is copied out of
memory, for that ends with the function.
"""

import operator
import random
from contextlib import suppress
from functools import cache

import numpy as np
from numba.core import ir, ir_utils, types
from numba.core.compiler import DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.errors import ConstantInferenceError, TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.core.typed_passes import NopythonTypeInference
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    bound_function,
    infer_getattr,
    infer_global,
    signature,
)
from numba.core.untyped_passes import ReconstructSSA, TranslateByteCode
from numba.extending import lower_builtin

from fastgd.kernels.compiling.parts import LoweredCompiler
from fastgd.kernels.numbers.dual import Dual, is_number, union
from fastgd.kernels.numbers.series.arrays import array_like, array_of_shape, make_array
from fastgd.kernels.numbers.unrolled.unrolling import Translating
from fastgd.kernels.numbers.vectors import MOST_ELEMENTS, Row, Vector, View, as_many, elements_of, vector_of, view_of


def _stand_in(result, elements):
    """Return a function for compiled code: its array is `result(*types)`, or None; what is in it `elements` writes."""

    def stand_in(*arguments):
        raise NotImplementedError

    class Template(AbstractTemplate):
        key = stand_in
        prefer_literal = True

        def generic(self, arguments, keywords):
            kind = result(*arguments)
            return None if keywords or kind is None else signature(kind, *arguments)

    infer_global(stand_in, types.Function(Template))

    @lower_builtin(stand_in, types.VarArg(types.Any))
    def lowered(context, builder, sig, values):
        row = sig.return_type
        if isinstance(row, types.Array):
            one = Vector([row.dtype])
            number = None if elements is _copied else elements(context, builder, one, sig.args, values)[0]
            return make_array(context, builder, row, sig.args[0], values[0], number)
        made = elements(context, builder, row, sig.args, values)
        return view_of(builder, made) if isinstance(row, View) else vector_of(builder, made)

    return stand_in


class StandIns:
    """The functions that make arrays of numbers of one type: those of NumPy's by their names."""

    def __init__(self, dual):
        self.dual = dual
        zeros = _stand_in(self._of_shape, _constant(0.0))
        zeros_like = _stand_in(self._alike, _constant(0.0))
        array = _stand_in(self._of_elements, _copied)
        self.by_name = {
            "zeros": zeros,
            "empty": zeros,
            "ones": _stand_in(self._of_shape, _constant(1.0)),
            "full": _stand_in(self._of_shape, _filled),
            "zeros_like": zeros_like,
            "empty_like": zeros_like,
            "ones_like": _stand_in(self._alike, _constant(1.0)),
            "full_like": _stand_in(self._alike, _filled),
            "array": array,
            "asarray": array,
            "copy": array,
        }

    def _view(self, count):
        return View(self.dual, count) if self._is_short(count) else None

    def _is_short(self, count):
        return 0 < count <= max(MOST_ELEMENTS, len(self.dual.partials))

    def _of_shape(self, shape, *fill):
        """Return the array of the first argument of np.zeros, np.ones or np.full."""
        if isinstance(shape, types.BaseTuple) and len(shape) == 1:
            shape = shape[0]
        whole = [number for number in fill if not isinstance(number, Dual | types.Float)]  # would make whole numbers
        if whole:
            return None
        if isinstance(shape, types.IntegerLiteral) and self._is_short(shape.literal_value):
            return self._view(shape.literal_value)
        return array_of_shape(self.dual, shape)

    def _alike(self, row, *fill):
        if not isinstance(row, Row):
            return array_like(self.dual, row) if all(map(is_number, fill)) else None
        return self._view(row.count) if _is_of_floats(row) and all(map(is_number, fill)) else None

    def _of_elements(self, sequence):
        """Return the array of the argument of np.array: of floats, for whole numbers would make an array of such."""
        if isinstance(sequence, types.BaseTuple):
            kinds = list(sequence)
            floats = any(isinstance(kind, Dual | types.Float) for kind in kinds) and all(map(is_number, kinds))
            return self._view(len(kinds)) if floats else None
        return self._alike(sequence)


def _is_of_floats(row):
    return isinstance(row, Row) and isinstance(row.dtype, Dual | types.Float)


def _constant(number):
    def elements(context, builder, row, kinds, values):
        value = context.get_constant(types.float64, number)
        return as_many(context, builder, row.count, row.dtype, types.float64, value)

    return elements


def _filled(context, builder, row, kinds, values):
    return as_many(context, builder, row.count, row.dtype, kinds[1], values[1])


def _copied(context, builder, row, kinds, values):
    sequence = kinds[0]
    if isinstance(sequence, Row):
        return as_many(context, builder, row.count, row.dtype, sequence, values[0])
    elements = [builder.extract_value(values[0], k) for k in range(len(sequence))]
    return [context.cast(builder, each, kind, row.dtype) for each, kind in zip(elements, sequence, strict=True)]


_ARGUMENTS = {"full": 2, "full_like": 2}  # before dtype
# What asks for a type, and would take this for another than float64's.
_ASK = {
    "builtins": {"callable", "getattr", "hasattr", "hash", "isinstance", "issubclass", "repr", "str", "type"},
    "numpy": {"iscomplex", "iscomplexobj", "isreal", "isrealobj", "isscalar", "ndim", "shape", "size"},
}


@infer_getattr
class _Copy(AttributeTemplate):
    key = Row

    @bound_function("fastgd.Row.copy")
    def resolve_copy(self, row, arguments, keywords):
        if not arguments and not keywords and _is_of_floats(row):
            return signature(View(union(row.dtype), row.count))


@lower_builtin("fastgd.Row.copy", Row)
def _copy(context, builder, sig, arguments):
    row = sig.args[0]
    return view_of(builder, as_many(context, builder, row.count, sig.return_type.dtype, row, arguments[0]))


def _returned(value, *arguments):
    """Return a value; of a View its elements, unless it may be one of the arguments, which the caller sees."""
    raise NotImplementedError


@infer_global(_returned)
class _Returned(AbstractTemplate):
    def generic(self, arguments, keywords):
        value, *others = arguments
        result = Vector(value.kinds) if isinstance(value, View) else value
        if "fastgd.View" in str(result):  # within a tuple, say
            return None
        if result != value and any(isinstance(kind, View) and kind.writable for kind in others):
            return None
        return signature(result, *arguments)


@lower_builtin(_returned, types.VarArg(types.Any))
def _return(context, builder, sig, values):
    if sig.return_type != sig.args[0]:
        return vector_of(builder, elements_of(builder, sig.args[0], values[0]))
    return impl_ret_borrowed(context, builder, sig.return_type, values[0])


# ---- passes of the compiler ------------------------------------------------------------------------------------------


class _Rewriter:
    """Replaces what makes arrays in a function's intermediate code, and has Vectors returned."""

    def __init__(self, code, stand_ins):
        self.code = code
        self.stand_ins = stand_ins
        self.body = []
        statements = (statement for block in code.blocks.values() for statement in block.body)
        self.arguments = [each.target for each in statements if _value_is(each, ir.Arg)]

    def rewrite(self):
        """Do so."""
        blocks = self.code.blocks
        loops = ir_utils.compute_cfg_from_blocks(blocks).loops().values()
        in_loops = {label for loop in loops for label in loop.body}
        for label, block in blocks.items():
            old = block.body
            self.body = block.body = []
            for statement in old:
                if isinstance(statement, ir.Print):  # which knows Numba's own numbers alone
                    raise TypingError("print is not known", loc=statement.loc)
                if _value_is(statement, ir.Expr):
                    self._look_at(statement.value, label in in_loops, block.scope)
                self.body.append(statement)
        self.code._definitions = ir_utils.build_definitions(blocks)

    def _look_at(self, expression, in_loop, scope):
        self.scope = scope
        if expression.op == "cast":  # of what is returned
            value = self._as_tuple(expression.value)
            expression.value = self._assigned(self._call(_returned, (value, *self.arguments), value.loc))
        elif expression.op == "call":
            name, owner = ir_utils.guard(ir_utils.find_callname, self.code, expression) or (None, None)
            if isinstance(owner, str) and name in _ASK.get(owner, ()):
                raise TypingError(f"{name} is not known", loc=expression.loc)
            if not in_loop:
                self._replace(expression, name, owner)
            elif isinstance(owner, ir.Var) and name == "copy":
                raise TypingError("a copy in a loop is not known")
        elif _is_power(expression):
            with suppress(ConstantInferenceError):  # Numba's own pass looks for the operator by another name
                expression.static_rhs = self.code.infer_constant(expression.rhs)

    def _assigned(self, value):
        """Return a new variable of this value."""
        target = ir.Var(self.scope, ir_utils.mk_unique_var("$fastgd"), value.loc)
        self.body.append(ir.Assign(value, target, value.loc))
        return target

    def _call(self, function, arguments, loc):
        function = self._assigned(ir.Global(function.__name__, function, loc))
        return ir.Expr.call(function, tuple(arguments), (), loc)

    def _as_tuple(self, variable):
        """Return the variable; if it is a list that the source writes out here, that is a tuple from now on."""
        made = self._definition(variable)
        if variable.name.startswith("$") and isinstance(made, ir.Expr) and made.op == "build_list" and made.items:
            made.op = "build_tuple"
        return variable

    def _definition(self, variable):
        return ir_utils.guard(ir_utils.get_definition, self.code, variable)

    def _replace(self, call, name, owner):
        if owner != "numpy" or name not in self.stand_ins:
            return
        count = _ARGUMENTS.get(name, 1)
        keywords = dict(call.kws)
        others = [*call.args[count:], *([keywords.pop("dtype")] if "dtype" in keywords else [])]
        if len(call.args) < count or keywords or not all(map(self._is_float, others)):
            return
        arguments = call.args[:count]
        if name in ("array", "asarray"):
            arguments = [self._as_tuple(arguments[0])]
        new = self._call(self.stand_ins[name], arguments, call.loc)
        call.func = new.func
        call.args = new.args
        call.kws = ()

    def _is_float(self, dtype):
        made = self._definition(dtype)
        if isinstance(made, ir.Expr):
            return made.op == "getattr" and made.attr in ("float64", "double")
        return getattr(made, "value", None) is float


def _is_power(expression):
    return expression.op in ("binop", "inplace_binop") and expression.fn in (operator.pow, operator.ipow)


def _value_is(statement, kind):
    return isinstance(statement, ir.Assign) and isinstance(statement.value, kind)


@register_pass(mutates_CFG=False, analysis_only=False)
class _Rewriting(FunctionPass):
    _name = "fastgd_views"

    def __init__(self):
        FunctionPass.__init__(self)

    def run_pass(self, state):
        stand_ins = state.pipeline.stand_ins().by_name
        state.typingctx.refresh()  # they may have been made just now
        state.targetctx.refresh()
        _Rewriter(state.func_ir, stand_ins).rewrite()
        return True


_HOLDERS = (types.Container, types.DictType, types.Generator, types.LiteralList, types.Optional)


@register_pass(mutates_CFG=False, analysis_only=False)
class _Checking(FunctionPass):
    """Refuses fastgd's numbers in lists and the like, whose implementations know nothing of them."""

    _name = "fastgd_containers"

    def __init__(self):
        FunctionPass.__init__(self)

    def run_pass(self, state):
        for name, kind in state.typemap.items():
            if isinstance(kind, _HOLDERS) and not isinstance(kind, types.BaseTuple) and "fastgd." in str(kind):
                made = ir_utils.guard(ir_utils.get_definition, state.func_ir, name)
                raise TypingError(f"{kind} is not known", loc=made and made.loc)
        for block in state.func_ir.blocks.values():
            for statement in block.body:
                if _value_is(statement, ir.Expr) and _is_power(statement.value):
                    self._look_at(statement.value, state.typemap)
            for call in block.find_exprs("call"):
                if state.pipeline.is_derived and _is_random(state.typemap[call.func.name]):
                    raise TypingError("random numbers is not known", loc=call.loc)
        return True

    def _look_at(self, power, typemap):
        """Leave Numba's own powers to Numba, which would not know an exponent for a number of the source's."""
        if "fastgd." not in str(typemap[power.lhs.name]):
            power.static_rhs = ir.UNDEFINED


def _is_random(called):
    """Tell whether a type is that of a function of random numbers, of which a derivative would be of one draw."""
    function = getattr(called, "typing_key", None)
    drawn = isinstance(getattr(function, "__self__", None), random.Random | np.random.RandomState)
    return drawn or str(getattr(function, "__module__", "")).startswith("numpy.random")


@cache
def compiler_for(dual):
    """Return Numba's compiler with these passes, for functions whose arrays are of numbers of this type."""
    stand_ins = cache(lambda: StandIns(dual))

    class Compiler(LoweredCompiler):
        is_derived = bool(dual.partials)

        def stand_ins(self):
            return stand_ins()

        def define_pipelines(self):
            manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
            manager.passes = [
                (Translating, name) if each is TranslateByteCode else (each, name) for each, name in manager.passes
            ]
            manager.add_pass_after(_Rewriting, ReconstructSSA)
            manager.add_pass_after(_Checking, NopythonTypeInference)
            manager.finalize()
            return [manager]

    return Compiler
