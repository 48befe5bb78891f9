"""Loops over lanes: descents side by side, each element of an array's last axis belonging to one of them.

Lanes never touch each other's elements. LLVM, which can't see that in arrays of unknown lengths, is told so: each
access to memory in such a loop belongs to an access group that the loop declares to be parallel, and is taken a vector
register at a time (LLVM's Language Reference, `llvm.loop.parallel_accesses`). It vectorises innermost loops only, so a
loop over parameters stands outside of one over lanes.
"""

from contextlib import contextmanager

from llvmlite import ir
from numba import typeof
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import inlined_part

WORD = ir.IntType(64)


class _Distinct(ir.MDValue):
    """A metadata node that equals no other, of itself first if `of_itself`, and of others."""

    def __init__(self, module, others=(), of_itself=False):
        super().__init__(module, others, name=str(len(module.metadata)))
        self.of_itself = of_itself

    def descr(self, buf):
        operands = [self] * self.of_itself + list(self.operands)
        buf += (f"distinct !{{ {', '.join(each.get_reference() for each in operands)} }}", "\n")

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


@contextmanager
def lane_loop(builder, count):
    """Write a loop over lanes 0..count-1, in LLVM: yield the lane and the access group of what only it touches.

    LLVM takes lanes side by side where all accesses to memory in the loop are in the group, or where it sees by itself
    that the others allow it.
    """
    group = _Distinct(builder.module)
    with cgutils.for_range(builder, count, intp=WORD) as lanes:
        yield lanes.index, group
        end = builder.block
    parallel = builder.module.add_metadata([ir.MetaDataString(builder.module, "llvm.loop.parallel_accesses"), group])
    one = builder.module.add_metadata(
        [ir.MetaDataString(builder.module, "llvm.loop.interleave.count"), ir.Constant(ir.IntType(32), 1)]
    )
    end.terminator.set_metadata("llvm.loop", _Distinct(builder.module, (parallel, one), of_itself=True))


def over_lanes(body):
    """Return the function of (count, *arguments) that calls body(lane, *arguments) for lanes 0..count-1, in any order.

    The body, a plain function, makes no array and touches no element of another lane; what it returns is dropped. Its
    arithmetic keeps the order written, so that the count of lanes changes no bit.
    """
    part = inlined_part(body)

    @intrinsic
    def loop(typingctx, count, *arguments):
        function_type = typeof(part)
        called = typingctx.resolve_function_type(function_type, (types.intp, *arguments), {})

        def generate(context, builder, signature, values):
            function = context.get_function(function_type, called)
            unpacked = cgutils.unpack_tuple(builder, values[1]) if arguments else []
            with lane_loop(builder, values[0]) as (lane, group):
                before = builder.block
                at = len(before.instructions)
                function(builder, [lane, *unpacked])
                blocks = builder.function.blocks
                within = blocks[blocks.index(before) :]
                for block in within:
                    for instruction in block.instructions[at if block is before else 0 :]:
                        if isinstance(instruction, ir.CallInstr):
                            instruction.set_metadata("llvm.access.group", group)
            return context.get_dummy_value()

        return types.void(types.intp, types.StarArgTuple(arguments)), generate

    return loop


@intrinsic
def one_by_one(typingctx):
    """Keep LLVM from taking the loop around in vector registers: over a few numbers, its checks take longer."""

    def generate(context, builder, signature, arguments):
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        builder.call(nothing, [])
        return context.get_dummy_value()

    return types.void(), generate


@over_lanes
def set_all(lane, row, value):
    """Set each lane of a row to a value."""
    row[lane] = value


@over_lanes
def copy_all(lane, row, source):
    """Copy each lane of a row from another."""
    row[lane] = source[lane]


@over_lanes
def multiply_all(lane, row, factor):
    """Multiply each lane of a row by a factor."""
    row[lane] *= factor
