"""Sequences whose elements are known, or where they lie."""

from numba.core import ir

from fastgd.kernels.numbers.unrolled.joining import Joining
from fastgd.kernels.numbers.unrolled.known import (
    NUMBER,
    Generator,
    Items,
    Iterator,
    Known,
    Made,
    Named,
    Picked,
    Ref,
    Tuple,
    Unknown,
    Zip,
    count_of,
    is_array,
    is_number,
    known_of,
)
from fastgd.kernels.numbers.vectors import Constant


class Sequences(Joining):
    """Tells elements one by one."""

    def sequence(self, path, value):
        """Return a value whose elements can be told one by one; None if they can't."""
        if isinstance(value, Generator):
            return self.collected(path, value)
        if isinstance(value, Named):
            return Tuple(tuple(map(known_of, value.values)))
        return None if self.length(path, value) is None else value

    def length(self, path, value):
        """Return the number of elements, None if it isn't known."""
        if isinstance(value, Ref):
            value = path.heap[value.number]
        if isinstance(value, Iterator):
            return self.length(path, value.sequence) - value.place
        if isinstance(value, Tuple | Items):
            return len(value.items)
        if isinstance(value, Zip):
            return min((self.length(path, part) for part in value.parts), default=0)
        if isinstance(value, Picked):
            return len(value.places)
        if is_array(value) or (isinstance(value, Known) and isinstance(value.value, range | str | tuple)):
            return len(value.value)
        return count_of(value) or None

    def element(self, path, value, k):
        """Return element k of a sequence."""
        if isinstance(value, Ref):
            value = path.heap[value.number]
        if isinstance(value, Iterator):
            return self.element(path, value.sequence, value.place + k)
        if isinstance(value, Tuple | Items):
            return value.items[k]
        if isinstance(value, Zip):
            return Tuple(tuple(self.element(path, part, k) for part in value.parts))
        if isinstance(value, Picked):
            return self.element(path, value.sequence, value.places[k])
        if isinstance(value, Made):
            return self.item(path, value.variable, k)
        whole = value.value
        if isinstance(whole, Constant):
            return Known(whole.elements[k])
        if is_array(value):
            if whole.ndim == 1 and whole.dtype.kind in "biu":
                return Known(whole[k].item())
            item = ir.Expr.getitem(self.variable(path, value), self.variable(path, Known(k)), self.loc)
            return Made(self.emit(path, item), NUMBER if whole.ndim == 1 else None)
        return known_of(whole[k])

    def elements(self, path, value):
        """Return the elements of a sequence, None if they can't be told."""
        sequence = self.sequence(path, value)
        if sequence is None or self.length(path, sequence) > max(self.most_rounds, 1):
            return None
        return [self.element(path, sequence, k) for k in range(self.length(path, sequence))]

    def new_list(self, path, items):
        """Return a list of these."""
        ref = Ref(next(self.numbers))
        path.heap[ref.number] = Items(tuple(items))
        return ref

    def set_item(self, path, statement):
        """Set an element."""
        target = self.read(path, statement.target)
        index = self.read(path, statement.index)
        if not isinstance(target, Ref):
            self.append(path, self.substituted(path, statement))
            return
        if not isinstance(path.heap[target.number], Items) or not is_number(index):
            raise Unknown
        items = list(path.heap[target.number].items)
        if not -len(items) <= index.value < len(items):
            raise Unknown
        items[index.value] = self.read(path, statement.value)
        path.heap[target.number] = Items(tuple(items))
