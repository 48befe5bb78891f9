"""What runs: a function's program, its frames, and the ways through it."""

from dataclasses import dataclass, field, replace

from numba.core import ir

from fastgd.kernels.numbers.unrolled.known import Closure, Unknown
from fastgd.kernels.numbers.unrolled.paths import Paths
from fastgd.kernels.numbers.unrolled.translating import translated


class Ended(Exception):
    """No way leads on from here."""


class Long(Exception):
    """Too much is written."""


@dataclass
class Path:
    """A way through the function: where it writes, and what is known there."""

    block: ir.Block
    variables: dict = field(default_factory=dict)
    heap: dict = field(default_factory=dict)
    frame: int = 0
    place: tuple = ()  # in the function: its paths, label and statement
    outer: tuple = ()  # frames and variables of the functions that wait for this one
    differing: dict = field(default_factory=dict)  # node -> names that may differ there from another way's
    written: dict = field(default_factory=dict)  # constants that the block has in variables

    def onto(self, block, written):
        """Return the same way, to be written into another block from here, that knows these constants."""
        variables = dict(self.variables)
        return replace(
            self,
            block=block,
            variables=variables,
            heap=dict(self.heap),
            differing=dict(self.differing),
            written=dict(written),
        )

    def needed(self):
        """Return the variables that the function that runs needs after this statement."""
        paths, label, index = self.place
        names = paths.needed(label, index) & self.variables.keys()
        return {name: self.variables[name] for name in names}


class Program:
    """A function to be run."""

    def __init__(self, function):
        self.function = function
        self.ir = translated(function)
        self.is_generator = self.ir.is_generator
        self.blocks = self.ir.blocks
        around = function.__code__.co_freevars
        for block in self.blocks.values():
            for statement in block.body:
                if isinstance(statement, ir.Assign) and statement.target.name in around:  # nonlocal
                    raise Unknown
                tries = isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Global)
                if isinstance(statement, ir.EnterWith) or (tries and statement.value.name == "mark_try_block"):
                    raise Unknown
        self.paths = Paths(self.blocks, set(function.__code__.co_cellvars), self.is_generator)
        self.changed = set().union(*self.paths.changed.values())


@dataclass
class Frame:
    """A function that runs."""

    program: Program
    number: int
    arguments: dict
    closure: Closure | None = None
    step: object = None  # what is made of each value that a generator yields
    until: bool | None = None  # the truth that ends it
    entries: dict = field(default_factory=dict)
    left: list = field(default_factory=list)
    exits: list = field(default_factory=list)


@dataclass
class Entry:
    """A block that several ways lead to, with the variables that they set before."""

    block: ir.Block
    parameters: list
