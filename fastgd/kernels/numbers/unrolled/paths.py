"""The ways through a function: what is assigned where, what is still needed, and where ways meet again."""

from functools import cached_property

from numba.core import ir
from numba.core.ir_utils import compute_cfg_from_blocks

CHANGES = ("append", "extend", "insert", "pop", "reverse")  # methods of a list that change it
YIELDED = "$yielded"  # the variable that holds what has been made of what a generator yielded


class Paths:
    """The graph of a function's blocks. `again(h)` stands for the next round of the loop with header h."""

    def __init__(self, blocks, cells, is_generator):
        self.graph = compute_cfg_from_blocks(blocks)
        self.loops = self.graph.loops()
        self.following = {label: [to for to, _ in self.graph.successors(label)] for label in blocks}
        self.uses = {}
        self.assigned = {}
        for label, block in blocks.items():
            self.uses[label], self.assigned[label] = _uses_and_assigned(block, is_generator)
        self.changed = {label: changed_in(block) for label, block in blocks.items()}
        self.live = self._live(blocks, cells)
        self.cells = cells
        self.blocks = blocks
        self.is_generator = is_generator
        self._needed = {}
        self._joins = {}
        self._reached = {}

    def _live(self, blocks, cells):
        """Return the names that are needed from each label on."""
        live = {label: self.uses[label] | cells for label in blocks}
        changed = True
        while changed:
            changed = False
            for label in sorted(blocks, reverse=True):
                after = set().union(*(live[to] for to in self.following[label]))
                needed = live[label] | (after - self.assigned[label])
                if len(needed) > len(live[label]):
                    live[label] = needed
                    changed = True
        return live

    @cached_property
    def shared(self):
        """The labels that can be reached in more than one way."""
        return {label for label in self.following if len(list(self.graph.predecessors(label))) > 1}

    def needed(self, label, index):
        """Return the names that are needed after this statement of a block."""
        if label not in self._needed:
            after = set(self.cells).union(*(self.live[to] for to in self.following[label]))
            needed = self._needed[label] = []
            for statement in reversed(self.blocks[label].body):
                needed.append(after)
                used, assigned = _of_statement(statement, self.is_generator)
                after = (after - assigned) | used | self.cells  # which functions within may read at any time
            needed.reverse()
        return self._needed[label][index]

    def node(self, origin, label):
        """Return what stands for a label that is reached from another."""
        loop = self.loops.get(label)
        return ("again", label) if loop and origin in loop.body else label

    def leaves_early(self, header):
        """Tell whether a loop can be left from within: by a break, a return or what raises."""
        body = self.loops[header].body
        return any(not set(self.following[label]) <= body for label in body if label != header)

    def assigned_in(self, labels):
        """Return the names that are assigned in these blocks, or whose lists are changed there."""
        return set().union(*(self.assigned[label] | self.changed[label] for label in labels))

    def _next(self, node):
        if not isinstance(node, tuple):
            return {self.node(node, to) for to in self.following[node]}
        body = self.loops[node[1]].body
        return {self.node(label, to) for label in body for to in self.following[label] if to not in body}

    def _reach(self, node):
        """Return the nodes that can be reached from one, itself among them, without a second round of a loop."""
        if node not in self._reached:
            found = {node}
            left = [node]
            while left:
                new = self._next(left.pop()) - found
                found |= new
                left += new
            self._reached[node] = found
        return self._reached[node]

    def joins(self, label):
        """Return the nodes at which the two ways from a branch meet, each with the names assigned on the ways there."""
        if label not in self._joins:
            self._joins[label] = self._found_joins(label)
        return self._joins[label]

    def _found_joins(self, label):
        ways = [self._reach(node) for node in self._next(label)]
        if len(ways) < 2:
            return {}
        both = ways[0] & ways[1]
        all_ways = ways[0] | ways[1]
        before = (all_ways - both) | {label}
        entered = {to for node in before for to in self._next(node)} & both
        return {join: self._assigned_before(join, all_ways) for join in entered}

    def _assigned_before(self, join, nodes):
        names = set()
        for node in nodes - {join}:
            if join in self._reach(node):
                names |= self.assigned_in(self.loops[node[1]].body if isinstance(node, tuple) else [node])
        return names


def changed_in(block):
    """Return the names of what a block changes, if it is a list or an array: x[k] = ..., x += ..., x.append(...)."""
    names = set()
    copies = {}
    for statement in block.body:
        value = getattr(statement, "value", None)
        changed = statement.target if isinstance(statement, ir.SetItem) else None
        if isinstance(statement, ir.Assign) and isinstance(value, ir.Var):
            copies[statement.target.name] = value.name
        elif isinstance(value, ir.Expr) and value.op == "inplace_binop":
            changed = value.lhs
        elif isinstance(value, ir.Expr) and value.op == "getattr" and value.attr in CHANGES:
            changed = value.value
        if changed is not None:
            names |= {changed.name, copies.get(changed.name, changed.name)}
    return names


def _uses_and_assigned(block, is_generator):
    uses = set()
    assigned = set()
    for statement in block.body:
        used, set_here = _of_statement(statement, is_generator)
        uses |= used - assigned
        assigned |= set_here
    return uses, assigned


def _of_statement(statement, is_generator):
    """Return the names that a statement uses and those that it assigns."""
    value = statement.value if isinstance(statement, ir.Assign) else statement
    variables = [value] if isinstance(value, ir.Var) else value.list_vars() if hasattr(value, "list_vars") else []
    used = {variable.name for variable in variables}
    assigned = {statement.target.name} if isinstance(statement, ir.Assign) else set()
    if is_generator and isinstance(value, ir.Yield | ir.Return):
        used.add(YIELDED)
        assigned |= {YIELDED} if isinstance(value, ir.Yield) else set()
    return used, assigned
