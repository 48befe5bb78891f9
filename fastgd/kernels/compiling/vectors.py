"""Vector code in LLVM's own terms, for kernels whose arithmetic must keep one order and stay in registers."""

from llvmlite import ir
from numba.core import cgutils, types

from fastgd.kernels.compiling.processor import vector_registers

REGISTERS, REGISTER_BYTES = vector_registers()
LANES = REGISTER_BYTES // 8
AHEAD = 4096  # bytes from what is read to what is fetched from memory meanwhile

WORD, DOUBLE = ir.IntType(64), ir.DoubleType()
VECTOR = ir.VectorType(DOUBLE, LANES)


class Emitter:
    """Emits vector code at a builder's place, in an intrinsic that gets these arguments."""

    def __init__(self, context, builder, signature, arguments):
        self.builder = builder
        self.arguments = [
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def row(self, array, i):
        """Return the address of array[i], of a C-contiguous array (I, J)."""
        builder = self.builder
        return builder.gep(array.data, [builder.mul(i, builder.extract_value(array.shape, 1))])

    def at(self, pointer, j):
        """Return the address j elements further on."""
        return self.builder.gep(pointer, [j])

    def plus(self, i, constant):
        """Return i plus a number known now."""
        return self.builder.add(i, WORD(constant)) if constant else i

    def call(self, name, result, *arguments):
        """Call a function of LLVM by its name."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def splat(self, value):
        """Return a vector of one value."""
        undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.IntType(32)(0))
        return self.builder.shuffle_vector(first, undefined, self.places([0] * LANES))

    @staticmethod
    def places(indices):
        """Return indices as a shuffle takes them."""
        return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), indices)

    def mask(self, remaining):
        """Return the mask of the first `remaining` lanes."""
        lanes = ir.Constant(ir.VectorType(WORD, LANES), list(range(LANES)))
        return self.builder.icmp_unsigned("<", lanes, self.splat(remaining))

    def load(self, pointer, mask=None):
        """Load a vector of float64; lanes that are masked out are zero, and their memory is not touched."""
        element = pointer.type.pointee
        vector = ir.VectorType(element, LANES)
        place = self.builder.bitcast(pointer, vector.as_pointer())
        align = 8 if element == DOUBLE else 4
        if mask is None:
            value = self.builder.load(place, align=align)
        else:
            name = f"llvm.masked.load.v{LANES}f{8 * align}.p0"
            value = self.call(name, vector, place, ir.IntType(32)(align), mask, ir.Constant(vector, [0.0] * LANES))
        return value if element == DOUBLE else self.builder.fpext(value, VECTOR)

    def store(self, value, pointer, mask=None):
        """Store a vector, but for lanes that are masked out."""
        place = self.builder.bitcast(pointer, value.type.as_pointer())
        if mask is None:
            self.builder.store(value, place, align=8)
        else:
            name = f"llvm.masked.store.v{LANES}f64.p0"
            self.call(name, ir.VoidType(), value, place, ir.IntType(32)(8), mask)

    def variable(self, value=None):
        """Return a new variable, zero unless told, that LLVM keeps in a register."""
        place = cgutils.alloca_once(self.builder, VECTOR)
        self.builder.store(ir.Constant(VECTOR, [0.0] * LANES) if value is None else value, place)
        return place

    def multiply_add(self, a, b, c):
        """Return a b + c."""
        return self.call(f"llvm.fmuladd.v{LANES}f64", VECTOR, a, b, c)

    def add_product(self, a, b, total):
        """Add a b to total, a variable."""
        self.builder.store(self.multiply_add(a, b, self.builder.load(total)), total)

    def over_vectors(self, width, step):
        """Emit step(j, None) for every j at which a whole vector of `width` elements starts, step(j, mask) for more."""
        builder = self.builder
        whole = builder.and_(width, WORD(-LANES))
        remaining = builder.sub(width, whole)
        with cgutils.for_range_slice(builder, WORD(0), whole, WORD(LANES)) as (j, _):
            step(j, None)
        with builder.if_then(builder.icmp_unsigned("!=", remaining, WORD(0))):
            step(whole, self.mask(remaining))

    def fetch(self, pointer, vector):
        """Ask for what lies AHEAD bytes, and so many vectors, further on."""
        byte = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        place = self.builder.gep(byte, [WORD(AHEAD + vector * REGISTER_BYTES)])
        read, near, data = ir.IntType(32)(0), ir.IntType(32)(3), ir.IntType(32)(1)
        self.call("llvm.prefetch.p0", ir.VoidType(), place, read, near, data)

    def keep_rolled(self):
        """Keep LLVM from unrolling the loop around: fetched in bursts, a row comes from memory a fifth slower."""
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        self.builder.call(nothing, [], attrs=("convergent",))

    def store_sums(self, variables, array, c, k):
        """Set array[c, k] to the sum over the lanes of a variable; of four, the next three too; always in one order."""
        vectors = [self.builder.load(variable) for variable in variables]
        found, place = self._sums_of([*vectors, *vectors * 3][:4]), self.at(self.row(array, c), k)
        if len(vectors) == 1:
            self.builder.store(self.builder.extract_element(found, ir.IntType(32)(0)), place)
        else:
            self.store(found, place)

    def _sums_of(self, vectors):
        builder, size = self.builder, LANES
        pairs = range(0, size, 2)
        even = self.places([place for j in pairs for place in (j, j + size)])
        odd = self.places([place for j in pairs for place in (j + 1, j + 1 + size)])

        def folded(a, b, places, others):
            return builder.fadd(builder.shuffle_vector(a, b, places), builder.shuffle_vector(a, b, others))

        ab, cd = folded(vectors[0], vectors[1], even, odd), folded(vectors[2], vectors[3], even, odd)
        if size == 2:
            return builder.shuffle_vector(ab, cd, self.places([0, 1, 2, 3]))
        quads = range(0, size, 4)
        low = self.places([place for j in quads for place in (j, j + 1, j + size, j + 1 + size)])
        high = self.places([place for j in quads for place in (j + 2, j + 3, j + 2 + size, j + 3 + size)])
        abcd = folded(ab, cd, low, high)
        if size == 4:
            return abcd
        return folded(abcd, abcd, self.places([0, 1, 2, 3]), self.places([4, 5, 6, 7]))
