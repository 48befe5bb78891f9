"""A table of plain functions as one function of a code, which kernels can call."""

from types import FunctionType

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import kernel_part


def switch(functions, otherwise):
    """Return the function of (code, *arguments) that calls the function of this code, and `otherwise` of any other.

    It is a jump in machine code: as a chain of functions, each with an `if` and a call of the next, a table of five
    took a third of a second to compile, beside what its functions take.

    Parameters
    ----------
    functions : dict of int to function
        Plain functions, which call nothing but `math`, of the same parameters and with the same type of result; or
        loops over lanes.
    otherwise : function
        One more of them.
    """
    compiled = {code: _compiled(function) for code, function in functions.items()}
    compiled_otherwise = _compiled(otherwise)

    @intrinsic
    def chosen(typingctx, code, *arguments):
        cases = {code: typingctx.resolve_value_type(function) for code, function in compiled.items()}
        other = typingctx.resolve_value_type(compiled_otherwise)
        result_type = typingctx.resolve_function_type(other, arguments, {}).return_type
        signatures = {case: typingctx.resolve_function_type(case, arguments, {}) for case in (*cases.values(), other)}

        def generate(context, builder, _, values):
            unpacked = cgutils.unpack_tuple(builder, values[1])
            result = cgutils.alloca_once(builder, context.get_value_type(result_type))
            end = builder.append_basic_block()

            def block_of(case):
                block = builder.append_basic_block()
                with builder.goto_block(block):
                    called = signatures[case]
                    given = unpacked
                    if called.args and isinstance(called.args[-1], types.StarArgTuple):
                        place = len(called.args) - 1
                        given = [*unpacked[:place], context.make_tuple(builder, called.args[-1], unpacked[place:])]
                    builder.store(context.get_function(case, called)(builder, given), result)
                    builder.branch(end)
                return block

            jump = builder.switch(values[0], block_of(other))
            for known, case in cases.items():
                jump.add_case(ir.Constant(ir.IntType(64), known), block_of(case))
            builder.position_at_end(end)
            return builder.load(result)

        return result_type(types.int64, types.StarArgTuple(arguments)), generate

    return chosen


def _compiled(function):
    return kernel_part(function) if isinstance(function, FunctionType) else function
