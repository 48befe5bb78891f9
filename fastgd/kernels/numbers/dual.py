"""A float64 that knows it is fastgd's, with its partial derivatives: the number that a user's function is compiled for.

Whatever Numba knows to do with a float64 is done with its value, see `functions`; what that does to the derivatives is
in `slopes`. Nobody else's Numba changes its meaning: only where this type is among the arguments are its
implementations found.

    Dual(())        a number that no parameter moves
    Dual((0, 2))    one with the partial derivatives by theta_0 and theta_2: by all others they are 0

Which there are is part of the type, so that constants cost nothing, and no 0 is multiplied by what is infinite.

Numba converts it to no other type by itself, for the first implementation that a conversion leads to would be taken.
A number of Numba's that meets it, in a sum say, becomes one; one that meets another gets the other's derivatives, 0.
"""

from llvmlite import ir
from numba.core import types
from numba.core.typeconv import Conversion
from numba.extending import lower_cast, models, register_model

NUMBERS = (types.Integer, types.Float, types.Boolean)


class Dual(types.Type):
    """The type of such a number.

    Attributes
    ----------
    partials : tuple of int
        The parameters that it has derivatives by, in order.
    """

    def __init__(self, partials=()):
        self.partials = tuple(sorted(partials))
        super().__init__(f"fastgd.Dual{self.partials}")

    def unify(self, typing_context, other):
        """Return the type that holds either."""
        return union(self, other) if is_number(other) else None

    def can_convert_from(self, typing_context, other):
        """Tell that a number of Numba's becomes one, and one with fewer derivatives."""
        if isinstance(other, Dual):
            return Conversion.safe if set(other.partials) <= set(self.partials) else None
        return typing_context.can_convert(other, types.float64) if isinstance(other, NUMBERS) else None


REAL = Dual()


@register_model(Dual)
class _Model(models.StructModel):
    def __init__(self, manager, dual):
        partials = [(f"by_{k}", types.float64) for k in dual.partials]
        super().__init__(manager, dual, [("value", types.float64), *partials])


def is_number(numba_type):
    """Tell whether a type is of real numbers, this or Numba's."""
    return isinstance(numba_type, (Dual, *NUMBERS))


def union(*kinds):
    """Return the Dual that holds numbers of these types."""
    return Dual({k for kind in kinds if isinstance(kind, Dual) for k in kind.partials})


def value_of(builder, dual):
    """Return the float64 of one, in LLVM."""
    return builder.extract_value(dual, 0)


def partials_of(builder, kind, dual):
    """Return its partial derivatives by their parameters, in LLVM; none of a number of Numba's."""
    if not isinstance(kind, Dual):
        return {}
    return {k: builder.extract_value(dual, 1 + place) for place, k in enumerate(kind.partials)}


def dual_of(builder, kind, value, partials):
    """Return the one of a float64 and of partial derivatives by their parameters, in LLVM: others are 0."""
    double = value.type
    dual = ir.Constant(ir.LiteralStructType([double] * (1 + len(kind.partials))), ir.Undefined)
    for place, element in enumerate([value, *(partials.get(k, double(0.0)) for k in kind.partials)]):
        dual = builder.insert_value(dual, element, place)
    return dual


@lower_cast(types.Integer, Dual)
@lower_cast(types.Float, Dual)
@lower_cast(types.Boolean, Dual)
def _of_number(context, builder, from_type, to_type, value):
    return dual_of(builder, to_type, context.cast(builder, value, from_type, types.float64), {})


@lower_cast(Dual, Dual)
def _of_dual(context, builder, from_type, to_type, value):
    return dual_of(builder, to_type, value_of(builder, value), partials_of(builder, from_type, value))
