"""Loops in vector registers, for kernels whose arithmetic must keep one order and stay in registers.

A function marked by `vector_code` runs once, when a kernel that calls it is compiled, and writes instructions down. It
reads like the loops that it stands for, since its arguments stand for what they will be when the kernel runs:

    Index       a whole number; it can be added, subtracted and multiplied
    Matrix      a C-contiguous array (I, J) of float64 or float32; matrix.row(i) is the place of its element [i, 0]
    Place       where an element is; place[j] is j elements further on. A vector, the LANES elements from a place on, is
                loaded and stored there: place.load(), place.store(vector)
    Register    a vector that changes from step to step of a loop, like a running sum
    VectorCode  all else: loops, masks, sums over the lanes of a vector

Python's own loops and branches are gone through while the code is written: what stands in `for m in range(4)` is there
four times, for m = 0, 1, 2, 3. What stands in `for k in code.loop(...)` is there once, and k is an Index. A mask tells
the first lanes, of which alone a vector is loaded or stored, where a row ends within it.
"""

from __future__ import annotations

import inspect

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastgd.kernels.compiling.processor import vector_registers

REGISTERS, REGISTER_BYTES = vector_registers()
LANES = REGISTER_BYTES // 8
AHEAD = 4096  # bytes from what is read to what is fetched from memory meanwhile

INT = ir.IntType(32)
WORD = ir.IntType(64)
DOUBLE = ir.DoubleType()
VECTOR = ir.VectorType(DOUBLE, LANES)
ZEROS = ir.Constant(VECTOR, [0.0] * LANES)


def vector_code(write, **known):
    """Make a function that kernels can call of one that writes vector code: write(code, *arguments, **known).

    Its arguments are arrays (I, J), C-contiguous, and whole numbers; it returns nothing.
    """

    def typed(typingctx, *arguments):
        signature = types.void(*(each if isinstance(each, types.Array) else types.intp for each in arguments))

        def generate(context, builder, signature, values):
            code = VectorCode(builder)
            write(code, *(code.argument(context, *each) for each in zip(signature.args, values, strict=True)), **known)
            return context.get_dummy_value()

        return signature, generate

    names = [name for name in list(inspect.signature(write).parameters)[1:] if name not in known]
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    typed.__signature__ = inspect.Signature([inspect.Parameter(name, positional) for name in ["typingctx", *names]])
    typed.__name__ = typed.__qualname__ = write.__name__
    return intrinsic(typed)


class Index:
    """A whole number."""

    def __init__(self, code, value):
        self.code = code
        self.value = value

    def __add__(self, other):
        return self if isinstance(other, int) and other == 0 else self._with(self.code.builder.add, other)

    def __sub__(self, other):
        return self._with(self.code.builder.sub, other)

    def __mul__(self, other):
        return self._with(self.code.builder.mul, other)

    def _with(self, operation, other):
        return Index(self.code, operation(self.value, self.code.word(other)))


class Matrix:
    """A C-contiguous array (I, J)."""

    def __init__(self, code, array):
        self.code = code
        self.array = array

    @property
    def width(self):
        """J."""
        return Index(self.code, self.code.builder.extract_value(self.array.shape, 1))

    def row(self, i):
        """Return the place of element [i, 0]."""
        return Place(self.code, self.array.data)[self.width * i]


class Place:
    """Where an element of an array is."""

    def __init__(self, code, pointer):
        self.code = code
        self.pointer = pointer

    def __getitem__(self, j):
        return Place(self.code, self.code.builder.gep(self.pointer, [self.code.word(j)]))

    def splat(self):
        """Return a vector whose lanes are all this element, a float64."""
        return self.code.splat(self.code.builder.load(self.pointer))

    def load(self, mask=None):
        """Load a vector of float64; lanes that are masked out are zero, and their memory is not touched."""
        builder = self.code.builder
        element = self.pointer.type.pointee
        vector = ir.VectorType(element, LANES)
        first = builder.bitcast(self.pointer, vector.as_pointer())
        size = 8 if element == DOUBLE else 4
        if mask is None:
            value = builder.load(first, align=size)
        else:
            name = f"llvm.masked.load.v{LANES}f{8 * size}.p0"
            value = self.code.call(name, vector, first, INT(size), mask, ir.Constant(vector, [0.0] * LANES))
        return value if element == DOUBLE else builder.fpext(value, VECTOR)

    def store(self, vector, mask=None):
        """Store a vector, but for lanes that are masked out."""
        first = self.code.builder.bitcast(self.pointer, vector.type.as_pointer())
        if mask is None:
            self.code.builder.store(vector, first, align=8)
        else:
            self.code.call(f"llvm.masked.store.v{LANES}f64.p0", ir.VoidType(), vector, first, INT(8), mask)

    def fetch(self, vector):
        """Ask for what lies AHEAD bytes, and so many vectors, further on."""
        byte = self.code.builder.bitcast(self.pointer, ir.IntType(8).as_pointer())
        ahead = self.code.builder.gep(byte, [WORD(AHEAD + vector * REGISTER_BYTES)])
        to_read = INT(0)
        kept_near = INT(3)
        data = INT(1)
        self.code.call("llvm.prefetch.p0", ir.VoidType(), ahead, to_read, kept_near, data)


class Register:
    """A vector that changes, and that LLVM keeps in a register."""

    def __init__(self, code, vector):
        self.code = code
        self.place = cgutils.alloca_once(code.builder, VECTOR)
        self.set(vector)

    def set(self, vector):
        """Set it."""
        self.code.builder.store(vector, self.place)

    def vector(self):
        """Return what it is here."""
        return self.code.builder.load(self.place)

    def add(self, vector):
        """Add a vector to it."""
        self.set(self.code.builder.fadd(self.vector(), vector))

    def add_product(self, a, b):
        """Add a b to it."""
        self.set(self.code.multiply_add(a, b, self.vector()))


class VectorCode:
    """Vector code that is written at a builder's place."""

    def __init__(self, builder):
        self.builder = builder

    def argument(self, context, kind, value):
        """Return a Matrix or an Index."""
        if isinstance(kind, types.Array):
            return Matrix(self, context.make_array(kind)(context, self.builder, value))
        return Index(self, value)

    def word(self, number):
        """Return a number, an Index or Python's own, as LLVM takes it."""
        return number.value if isinstance(number, Index) else WORD(number)

    def call(self, name, result, *arguments):
        """Call a function of LLVM by its name."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    # ---- loops -------------------------------------------------------------------------------------------------------

    def loop(self, start, stop, step=1):
        """Yield k, once: what is written until the next is asked for is the body of a loop over k."""
        with cgutils.for_range_slice(self.builder, *map(self.word, (start, stop, step))) as (k, _):
            yield Index(self, k)

    def vectors(self, width):
        """Yield (j, None) for the loop over whole vectors of `width` elements, and (j, mask) for what is left of them.

        What is written in between is there twice, the second time behind an if.
        """
        whole = Index(self, self.builder.and_(width.value, WORD(-LANES)))
        left = width - whole
        for j in self.loop(0, whole, LANES):
            yield j, None
        with self.builder.if_then(self.builder.icmp_unsigned("!=", left.value, WORD(0))):
            yield whole, self.mask(left)

    def keep_rolled(self):
        """Keep LLVM from unrolling the loop around: fetched in bursts, a row comes from memory a fifth slower."""
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        self.builder.call(nothing, [], attrs=("convergent",))

    # ---- vectors -----------------------------------------------------------------------------------------------------

    def register(self, vector=ZEROS):
        """Return a new Register."""
        return Register(self, vector)

    def mask(self, count):
        """Return the mask of the first `count` lanes."""
        lanes = ir.Constant(ir.VectorType(WORD, LANES), list(range(LANES)))
        return self.builder.icmp_unsigned("<", lanes, self.splat(count.value))

    def splat(self, value):
        """Return a vector whose lanes are all one value."""
        undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        first = self.builder.insert_element(undefined, value, INT(0))
        return self.shuffled(first, undefined, [0] * LANES)

    def shuffled(self, a, b, lanes):
        """Return the vector of these lanes of two vectors, b's numbered after a's."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT, len(lanes)), lanes))

    def multiply_add(self, a, b, c):
        """Return a b + c."""
        return self.call(f"llvm.fmuladd.v{LANES}f64", VECTOR, a, b, c)

    def store_sums(self, registers, place):
        """Store the sum over the lanes of one register, or those of four one beside the other, always in one order."""
        vectors = [register.vector() for register in registers]
        if len(vectors) == 1:
            sums = self._sums_over_lanes(vectors * 4)
            self.builder.store(self.builder.extract_element(sums, INT(0)), place.pointer)
        else:
            place.store(self._sums_over_lanes(vectors))

    def _sums_over_lanes(self, vectors):
        """Return the sums (4 lanes) over the lanes of four vectors: neighbours are added, then neighbouring pairs."""
        a, b, c, d = vectors
        pairs = range(0, LANES, 2)
        even = [lane for j in pairs for lane in (j, j + LANES)]
        odd = [lane for j in pairs for lane in (j + 1, j + 1 + LANES)]
        ab = self._folded(a, b, even, odd)  # a0 + a1, b0 + b1, a2 + a3, b2 + b3, ...
        cd = self._folded(c, d, even, odd)
        if LANES == 2:
            return self.shuffled(ab, cd, [0, 1, 2, 3])
        quads = range(0, LANES, 4)
        low = [lane for j in quads for lane in (j, j + 1, j + LANES, j + 1 + LANES)]
        high = [lane for j in quads for lane in (j + 2, j + 3, j + 2 + LANES, j + 3 + LANES)]
        abcd = self._folded(ab, cd, low, high)
        return abcd if LANES == 4 else self._folded(abcd, abcd, [0, 1, 2, 3], [4, 5, 6, 7])

    def _folded(self, a, b, lanes, others):
        return self.builder.fadd(self.shuffled(a, b, lanes), self.shuffled(a, b, others))
