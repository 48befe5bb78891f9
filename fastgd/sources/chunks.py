"""Where samples larger than memory come from: arrays that are read by slices, the user's chunks, tables by batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import about, shown
from fastgd.sources.mapped import again_in_a_process, is_mapped
from fastgd.sources.pieces import Piece
from fastgd.text import counted, listed


class Sliced:
    """Arrays of all samples of which a slice can be had: memory maps, arrays of zarr, h5py and dask.

    `x` is (N,), or (N, F) where features come in rows; so are y and the weights (N,).
    """

    is_read_ahead = True

    def __init__(self, name: str, x: Any, y: Any, weights: Any, in_rows: bool | None) -> None:
        self.name = name
        self.arrays = [array if array is None else again_in_a_process(array) for array in (x, y, weights)]
        self.is_weighted = weights is not None
        self.sample_count: int | None = _checked_lengths(name, x, y, weights, in_rows)
        self.columns = _columns(x.shape, in_rows)

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """The arrays."""
        x, y, weights = (getattr(array, "array", array) for array in self.arrays)
        return x, y, weights

    def chunks(self, length: int) -> Iterator[Piece]:
        """Yield slices: of the arrays' own chunks, which are read as wholes, or about as long as asked for."""
        own = max(map(_chunk_length, self.arrays))
        length = own * max(1, length // own)
        N = self.sample_count or 0
        for first in range(0, N, length):
            last = min(first + length, N)
            yield Piece(*(None if array is None else np.asarray(array[first:last]) for array in self.arrays))  # type: ignore[arg-type]

    def forget(self) -> None:
        """Do nothing: arrays can be read again."""

    def called(self, what: str, number: int, first: int) -> tuple[str, int]:
        """Return an array's name, and where a slice begins in it."""
        return what, first


def _chunk_length(array: Any) -> int:
    """Return how many samples are stored together."""
    chunks = getattr(array, "chunks", None)
    if not chunks:
        return 1
    first = chunks[0]
    return max(1, first if isinstance(first, int) else max(first))


def _checked_lengths(name: str, x: Any, y: Any, weights: Any, in_rows: bool | None) -> int:
    N = int(x.shape[0]) if x.shape else 0
    if len(x.shape) not in ((1,) if in_rows is False else (1, 2)):
        raise ValueError(f"{name} must be {'1-D' if in_rows is False else '1-D or 2-D'}, got {_described(x)}")
    if len(y.shape) != 1:
        raise ValueError(f"y must be 1-D, got {_described(y)}")
    if y.shape[0] != N:
        raise ValueError(f"{name} and y must have the same number of samples, got {N} and {y.shape[0]}")
    if weights is not None and tuple(weights.shape) != (N,):
        each = counted(N, "sample")
        raise ValueError(about("sample_weight", f"must have one weight for each of {each}, got shape {weights.shape}"))
    return N


def _columns(shape: Sequence[int], in_rows: bool | None) -> int | None:
    """Return F of features of a shape, None where x is one number."""
    if in_rows is False or (in_rows is None and len(shape) != 2):
        return None
    return shape[1] if len(shape) == 2 else 1


def _described(array: Any) -> str:
    return f"an array of shape {tuple(array.shape)} and dtype {array.dtype}"


def is_sliced(value: Any) -> bool:
    """Tell whether a value is an array that is not in memory, or need not be: it has a shape, a dtype and slices."""
    if value is None or isinstance(value, np.ndarray):
        return is_mapped(value)
    try:
        shape = tuple(map(int, value.shape))
        np.dtype(value.dtype)
        is_sparse = hasattr(value, "nnz")
        is_stored = hasattr(value, "chunks") or not (hasattr(value, "__array__") or is_sparse)
    except Exception:  # it has none, or another library's; or whatever a stranger's class raises
        return False
    return bool(shape) and is_stored and hasattr(type(value), "__getitem__")


class Stacked:
    """Columns (N,) as rows (N, F), which are put together where they are read."""

    def __init__(self, columns: Sequence[Any]) -> None:
        self.columns = [again_in_a_process(column) for column in columns]
        self.shape = (len(columns[0]), len(columns))
        self.size = self.shape[0] * self.shape[1]
        self.dtype = np.result_type(*(column.dtype for column in columns))

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return rows."""
        return np.column_stack([column[rows] for column in self.columns])


def stacked(columns: Sequence[Any]) -> Any:
    """Return columns (N,) as rows (N, F), in memory if they are."""
    return Stacked(columns) if any(map(is_mapped, columns)) else np.column_stack(columns)


class Chunked:
    """The user's chunks (x, y) or (x, y, weight), whose iteration begins anew each time."""

    is_read_ahead = False  # what a thread of ours may not touch, such as a database's cursor, may be behind them
    sample_count: int | None = None

    def __init__(self, name: str, users: Iterable[Any], in_rows: bool | None) -> None:
        self.name = name
        begun = iter(users)
        first = next(begun, None)
        self.users = chain([first], begun) if begun is users else users  # an iterator, which can be read once
        if first is None:
            raise ValueError(about(name, "must not be empty, got no chunks"))
        x, _, weights = self._parts(0, first)
        self.is_weighted = weights is not None
        self.columns = _columns(np.shape(x), in_rows)

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """The chunks."""
        return self.users, None, None

    def chunks(self, length: int) -> Iterator[Piece]:
        """Yield the user's chunks."""
        for number, chunk in enumerate(self.users):
            yield self._parts(number, chunk)

    def forget(self) -> None:
        """Let go of the chunks."""
        self.users = ()

    def _parts(self, number: int, chunk: Any) -> Piece:
        """Return a chunk's arrays as they came."""
        is_pair = isinstance(chunk, tuple | list) and len(chunk) in (2, 3)
        if not is_pair:
            expected = f"must be (x, y) or (x, y, weight), got {shown(chunk)}"
            raise TypeError(about(f"chunk {number} of {self.name}", expected))
        if hasattr(self, "is_weighted") and self.is_weighted != (len(chunk) == 3):
            expected = f"must have {3 if self.is_weighted else 2} arrays like the first, got {len(chunk)}"
            raise ValueError(about(f"chunk {number} of {self.name}", expected))
        return Piece(*chunk, *[None] * (3 - len(chunk)))

    def called(self, what: str, number: int, first: int) -> tuple[str, int]:
        """Return what a chunk's array is called."""
        chunk = f"chunk {number} of {self.name}"
        return (chunk if what == self.name else f"{what} in {chunk}"), 0


class Batches:
    """A table that has `to_batches()`, as those of Arrow and its datasets: columns by name, the others are features."""

    is_read_ahead = True
    sample_count: int | None = None

    def __init__(self, name: str, table: Any, y: str, weight: str | None, in_rows: bool | None) -> None:
        self.name = name
        self.table = table
        names = _names_of(name, table)
        for argument, column in (("y", y), ("sample_weight", weight)):
            if column is not None and names.count(column) != 1:
                raise ValueError(about(argument, f"must name a column of {name} ({listed(names)}), got {column!r}"))
        self.names = [column for column in names if column not in (y, weight)]
        if not self.names or (in_rows is False and len(self.names) > 1):
            wanted = "one column" if in_rows is False else "one column at least"
            got = f"{len(self.names)} ({listed(self.names)})" if self.names else "none"
            raise ValueError(about(name, f"must have {wanted} beside those of y and weights, got {got}"))
        self.y = y
        self.weight = weight
        self.is_weighted = weight is not None
        self.columns = len(self.names) if in_rows or len(self.names) > 1 else None

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """The table, and the names of the columns of y and weights."""
        return self.table, self.y, self.weight

    def chunks(self, length: int) -> Iterator[Piece]:
        """Yield batches."""
        wanted = [*self.names, self.y, *([self.weight] if self.weight else [])]
        few = {"columns": wanted, "batch_readahead": 1, "fragment_readahead": 1}
        for batch in self.table.to_batches(**(few if hasattr(self.table, "scanner") else {})):
            features = [_numbers(batch, column) for column in self.names]
            x = features[0] if self.columns is None else np.column_stack(features)
            yield Piece(x, _numbers(batch, self.y), None if self.weight is None else _numbers(batch, self.weight))

    def forget(self) -> None:
        """Do nothing: the table can be read again."""

    def called(self, what: str, number: int, first: int) -> tuple[str, int]:
        """Return what a column is called, and its first row in a batch."""
        name = {"y": self.y, "sample_weight": self.weight}.get(what)
        column = f"column {name!r}" if name else f"column {self.names[0]!r}" if self.columns is None else "columns"
        return f"{column} of {self.name}", first


def _names_of(name: str, table: Any) -> list[str]:
    schema = getattr(table, "schema", None)
    if schema is None:
        schema = getattr(table, "dataset_schema", None)
    names = getattr(schema, "names", None)
    if names is None:
        raise TypeError(about(name, f"must have a schema with the names of its columns, got {shown(table)}"))
    return list(names)


def _numbers(batch: Any, name: str) -> Any:
    """Return a column as an array; what is missing in it is NaN, which is no number."""
    column = batch.column(name)
    return column.to_numpy(zero_copy_only=False)
