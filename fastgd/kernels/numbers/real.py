"""A float64 that knows it is fastgd's: the number that a user's function is compiled for.

Whatever Numba knows to do with a float64 is done with its value, see `functions`. Nobody else's Numba changes its
meaning: only where this type is among the arguments are its implementations found.

Numba converts it to no other type by itself, for the first implementation that a conversion leads to would be taken.
A number of Numba's that meets it, in a sum say, becomes one.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import lower_cast, models, register_model

NUMBERS = (types.Integer, types.Float, types.Boolean)


class Real(types.Type):
    """The type of such a number."""

    def __init__(self):
        super().__init__("fastgd.Real")

    def unify(self, typing_context, other):
        """Return the type that holds either: this one."""
        return self if is_number(other) else None

    def can_convert_from(self, typing_context, other):
        """Tell that a number of Numba's becomes one."""
        return typing_context.can_convert(other, types.float64) if isinstance(other, NUMBERS) else None


REAL = Real()


@register_model(Real)
class _Model(models.StructModel):
    def __init__(self, manager, real):
        super().__init__(manager, real, [("value", types.float64)])


def is_number(numba_type):
    """Tell whether a type is of real numbers, this or Numba's."""
    return isinstance(numba_type, (Real, *NUMBERS))


def value_of(builder, real):
    """Return the float64 of one, in LLVM."""
    return builder.extract_value(real, 0)


def real_of(builder, value):
    """Return the one of a float64, in LLVM."""
    return builder.insert_value(ir.Constant(ir.LiteralStructType([value.type]), ir.Undefined), value, 0)


@lower_cast(types.Integer, Real)
@lower_cast(types.Float, Real)
@lower_cast(types.Boolean, Real)
def _cast(context, builder, from_type, to_type, value):
    return real_of(builder, context.cast(builder, value, from_type, types.float64))
