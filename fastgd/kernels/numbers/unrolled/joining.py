"""Ways that part at a condition and meet again."""

from numba.core import ir

from fastgd.kernels.numbers.unrolled.known import Made, Ref, count_of, is_number, parts_of, shape_of
from fastgd.kernels.numbers.unrolled.running import Entry
from fastgd.kernels.numbers.unrolled.writing import Writing, identity


class Joining(Writing):
    """Leads ways apart and together."""

    def both(self, path, condition):
        """Return the two ways on from a condition."""
        blocks = [self.new_block(), self.new_block()]
        labels = [block.label for block in blocks]
        self.append(path, ir.Branch(self.variable(path, condition), *labels, self.loc))
        return [path.onto(block, path.written) for block in blocks]

    def joined(self, entries, label, path, names, differing):
        """Lead a way to the block for this label and what is known; return it from there on if it is the first."""
        leaves = []
        names = sorted(names, key=lambda name: (name not in differing, name))  # of two names of a list first that one
        key = [label]
        seen = {}

        def look_at(value, may_differ):
            parts = parts_of(value)
            if isinstance(value, Ref):
                key.append((Ref, seen.get(value.number)))
                if value.number not in seen:
                    seen[value.number] = len(seen)
                    look_at(path.heap[value.number], may_differ)
            elif parts is not None:
                key.append((*shape_of(value), len(parts[0])))
                for part in parts[0]:
                    look_at(part, may_differ)
            elif may_differ and (isinstance(value, Made) or is_number(value)):
                key.append(("parameter", count_of(value)))
                leaves.append(value)
            else:
                key.append(value.variable.name if isinstance(value, Made) else identity(value))

        for name in names:
            key.append(name)
            look_at(path.variables[name], name in differing)
        for _, variables in path.outer:  # what they hold may have been changed on the way
            for name in sorted(variables):
                look_at(variables[name], False)
        sources = [self.variable(path, leaf) for leaf in leaves]
        entry = entries.get(tuple(key))
        is_first = entry is None
        if is_first:
            parameters = [self.scope.redefine("$either", self.loc) for _ in leaves]
            entry = entries[tuple(key)] = Entry(self.new_block(), parameters)
        self._set_parameters(path, entry, sources)
        return self._beyond(path, entry, leaves, names, differing) if is_first else None

    def _set_parameters(self, path, entry, sources):
        pairs = [(to, source) for to, source in zip(entry.parameters, sources, strict=True) if to is not source]
        read = {source.name for _, source in pairs}
        if any(to.name in read for to, _ in pairs):  # as in a, b = b, a
            pairs = [(to, self.emit(path, source)) for to, source in pairs]
        for to, source in pairs:
            self.append(path, ir.Assign(source, to, self.loc))
        self.append(path, ir.Jump(entry.block.label, self.loc))

    def _beyond(self, path, entry, leaves, names, differing):
        """Return the way from a block on, with its variables in the place of what may differ."""
        pairs = zip(entry.parameters, leaves, strict=True)
        parameters = iter([Made(to, count_of(leaf), getattr(leaf, "yields", None)) for to, leaf in pairs])
        beyond = path.onto(entry.block, {})
        seen = set()

        def rebuilt(value, may_differ):
            parts = parts_of(value)
            if isinstance(value, Ref):
                if value.number not in seen:
                    seen.add(value.number)
                    beyond.heap[value.number] = rebuilt(path.heap[value.number], may_differ)
                return value
            if parts is not None:
                return parts[1]([rebuilt(part, may_differ) for part in parts[0]])
            return next(parameters) if may_differ and (isinstance(value, Made) or is_number(value)) else value

        beyond.variables = {name: rebuilt(path.variables[name], name in differing) for name in names}
        return beyond
