"""Samples that are read anew at every pass: checked in a first one, watched in all others.

What is kept of them is small: how many there are, the sum of their weights, and evenly taken samples, by which a later
pass sees that it reads what the first one read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np

from fastgd.check import FloatArray, about, finite, real_array
from fastgd.digest import WHOLE, digest_of_leaves, leaves
from fastgd.sources.arrays import Total, checked_total
from fastgd.sources.in_memory import changed
from fastgd.sources.pieces import Digests, Piece, cut, joined, largest_in

T = TypeVar("T")

PIECE_BYTES = 1 << 24  # of a piece: Python's part in it is then a few hundredths
LOADED = 1 << 27  # bytes of samples up to which they are read into memory, and only once
FEW = 4096  # samples up to which they always are: there are better ways with few than passes
TAKEN = 4096  # evenly, at most, and kept

READING: ContextVar[Callable[[int, int], object] | None] = ContextVar("READING", default=None)
"""What is told, in the calling thread, how many samples a pass has read, and of how many."""


class Chunks(Protocol):
    """Where samples come from."""

    name: str  # of the argument that holds the features
    sample_count: int | None  # None where only a pass can tell
    is_weighted: bool
    is_read_ahead: bool  # by a thread, while the calling one computes
    columns: int | None  # F, None where x is one number

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """What was given as x, y and weights."""

    def chunks(self, length: int) -> Iterator[Piece]:
        """Yield arrays of samples, of about this length if there is a choice."""

    def forget(self) -> None:
        """Let go of what was given: it can't be read again."""

    def called(self, what: str, number: int, first: int) -> tuple[str, int]:
        """Return what x, y or the weights of a chunk are called in a sentence, and the index of the first in it.

        `number` chunks came before, and `first` samples.
        """


class Streamed:
    """Samples that are read piece by piece, at every pass; those of the first one, here, are checked."""

    is_whole = False
    sample_count = 0
    counting = 0
    final: Piece  # the last of those that count

    def __init__(self, chunks: Chunks, owner: str) -> None:
        self.origin = chunks
        self.owner = owner
        self.is_weighted = chunks.is_weighted
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.weights_dtype: np.dtype[Any] = np.dtype(np.float32)
        self.taken: Piece | None = None
        self.bytes_per_sample = 8 * (1 + (chunks.columns or 1) + self.is_weighted)
        total = Total()
        self._survey(total)
        if self.sample_count == 0:
            raise ValueError(about(chunks.name, "must not be empty, got no samples"))
        self.total_weight = checked_total(total) if self.is_weighted else float(self.sample_count)
        if self.dtype != np.float32:
            self.weights_dtype = self.dtype
        self.bytes_per_sample = self.dtype.itemsize * (1 + (chunks.columns or 1))
        if self.is_weighted:
            self.bytes_per_sample += self.weights_dtype.itemsize

    def _survey(self, total: Total) -> None:
        """Read and check all samples once."""
        known = self.origin.sample_count
        told = READING.get()
        gathered = []
        chunks = self.origin.chunks(self.piece_length(1))
        for number, raw in enumerate(_ahead(chunks) if self.origin.is_read_ahead else chunks):
            chunk = self._checked(number, raw)
            self.dtype = np.result_type(self.dtype, chunk.features, chunk.y)
            if known is not None and not self.is_weighted:
                gathered.append(self._taken_of(chunk, self.sample_count, step_of(known)))
            self.sample_count += len(chunk.y)
            self.counting += len(chunk.y) if chunk.weights is None else self._weigh(chunk.weights, total)
            present = slice(-1, None) if chunk.weights is None else np.flatnonzero(chunk.weights)[-1:]
            if len(chunk.y[present]):
                self.final = chunk.at(present).each(np.copy)
            if told is not None:
                told(self.sample_count, known or self.sample_count)
        if gathered:
            self.taken = joined(gathered, self.empty())

    def _weigh(self, weights: Any, total: Total) -> int:
        """Add weights to the total, see whether float32 holds them, and return how many are not 0."""
        total.add(weights)
        with np.errstate(over="ignore", under="ignore"):
            if not np.array_equal(weights.astype(np.float32), weights):
                self.weights_dtype = np.dtype(np.float64)
        return int(np.count_nonzero(weights))

    def _checked(self, number: int, chunk: Piece) -> Piece:
        """Return a chunk as real numbers; ValueError or TypeError, with its number, for what is wrong in it."""

        def called(what: str) -> tuple[str, int]:
            return self.origin.called(what, number, self.sample_count)

        def checked(what: str, values: Any) -> Any:
            name, first = called(what)
            return finite(name, real_array(name, values), first)

        name = self.origin.name
        x = self._rows(checked(name, chunk.features))
        y = checked("y", chunk.y)
        weights = None if chunk.weights is None else checked("sample_weight", chunk.weights)
        columns = self.origin.columns
        if y.ndim != 1 or x.shape[1:] != (() if columns is None else (columns,)):
            wanted = "(n,)" if columns is None else f"(n, {columns})"
            raise ValueError(f"{called(name)[0]} must have shape {wanted} and its y (n,), got {x.shape} and {y.shape}")
        if len(x) != len(y):
            raise ValueError(f"{called(name)[0]} must have as many samples as its y, got {len(x)} and {len(y)}")
        if weights is not None and weights.shape != y.shape:
            what = f"must have one weight for each of {len(y)} samples, got shape {weights.shape}"
            raise ValueError(about(called("sample_weight")[0], what))
        if weights is not None and weights.size and weights.min() < 0.0:
            raise ValueError(about(called("sample_weight")[0], f"must be at least 0, got {float(weights.min())!r}"))
        return Piece(x, y, weights)

    # ---- passes ------------------------------------------------------------------------------------------------------

    def check_unchanged(self) -> None:
        """Do nothing: each pass looks at what it reads."""

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """What was given."""
        return self.origin.shown

    def empty(self) -> Piece:
        """Return a piece of no samples."""
        columns = self.origin.columns
        weights = np.empty(0, self.weights_dtype) if self.is_weighted else None
        piece = Piece(np.empty(0 if columns is None else (0, columns), self.dtype), np.empty(0, self.dtype), weights)
        for array in piece.arrays():
            array.flags.writeable = False
        return piece

    def piece_length(self, block: int) -> int:
        """Return how many samples a piece of whole blocks has."""
        return block * max(1, PIECE_BYTES // (self.bytes_per_sample * block))

    def pieces(self, block: int) -> Iterator[Piece]:
        """Yield the samples that count, piece by piece; ValueError if they are not those of the first pass."""
        length = self.piece_length(block)
        read = 0
        for piece in self._told(cut(self._counting(), self.empty(), length), self.counting):
            if not self._is_as_it_was(piece, read):
                raise changed(self.origin.name, self.owner)
            yield piece
            read += len(piece.y)

    def _told(self, pieces: Iterator[Piece], count: int) -> Iterator[Piece]:
        """Yield pieces, and tell how many of `count` samples were read; ValueError if they are not as many."""
        told = READING.get()
        read = 0
        for piece in _ahead(pieces) if self.origin.is_read_ahead else pieces:
            yield piece
            read += len(piece.y)
            if told is not None:
                told(read, count)
        if read != count:
            raise changed(self.origin.name, self.owner)

    def digests(self) -> Digests:
        """Return digests of all features, y and weights: those of the same arrays in memory."""
        length = self.piece_length(WHOLE)
        pieces = self._told(cut(self.read(), self.empty(), length), self.sample_count)
        found = [piece.each(leaves) for piece in pieces]

        def whole(own: FloatArray, parts: Iterable[Any]) -> str:
            return digest_of_leaves(own.dtype, (self.sample_count, *own.shape[1:]), chain.from_iterable(parts))

        features, y, weights = self.empty()
        return (
            whole(features, (part.features for part in found)),
            whole(y, (part.y for part in found)),
            None if weights is None else whole(weights, (part.weights for part in found)),
        )

    def read(self) -> Iterator[Piece]:
        """Yield all samples as real numbers, in chunks as they come."""
        for chunk in self.origin.chunks(self.piece_length(1)):
            real = chunk.each(lambda values: real_array(self.origin.name, values))
            yield real._replace(features=self._rows(real.features))

    def _rows(self, x: Any) -> Any:
        """Return the numbers of one feature as rows, where features come in rows."""
        return x[:, None] if self.origin.columns == 1 and x.ndim == 1 else x

    def _counting(self) -> Iterator[Piece]:
        """Yield chunks without samples of weight 0."""
        for chunk in self.read():
            if chunk.weights is None or self.counting == self.sample_count:
                yield chunk
            else:
                yield chunk.at(chunk.weights > 0.0)

    def _taken_of(self, piece: Piece, first: int, step: int) -> Piece:
        """Return those samples of a piece, which begins at sample `first`, that are some of every `step`."""
        return piece.at(slice(-first % step, None, step)).each(np.copy)

    def _is_as_it_was(self, piece: Piece, first: int) -> bool:
        """Tell whether evenly taken samples are those that were kept, bit by bit."""
        if self.taken is None:
            return True
        step = step_of(self.counting)
        now = self._taken_of(piece, first, step)
        at = -(-first // step)
        pairs = zip(now.arrays(), self.taken.part(at, at + len(now.y)).arrays(), strict=True)
        return all(own.tobytes() == kept.tobytes() for own, kept in pairs)

    # ---- some of them ------------------------------------------------------------------------------------------------

    def whole(self) -> Piece:
        """Return all samples that count in memory."""
        return joined(self.pieces(1), self.empty())

    def last(self) -> Piece:
        """Return the last of those that count."""
        return self.final

    def largest(self, what: str) -> float:
        """Return the largest |x| or |y|."""
        return max(largest_in(piece, what) for piece in self.pieces(1))

    def some(self) -> Piece:
        """Return those that are kept."""
        return self.every(step_of(self.counting))

    def every(self, step: int) -> Piece:
        """Return samples 0, step, 2 step, ... of those that count, by a pass if the first has not kept them."""
        own = step_of(self.counting)
        if self.taken is None:
            self.taken = self._gathered(own)
        if step % own:
            return self._gathered(step)
        return self.taken.at(slice(None, None, step // own))

    def _gathered(self, step: int) -> Piece:
        def parts() -> Iterator[Piece]:
            first = 0
            for piece in self.pieces(1):
                yield self._taken_of(piece, first, step)
                first += len(piece.y)

        return joined(parts(), self.empty())


def step_of(count: int) -> int:
    """Return the step at which samples are kept."""
    return -(-count // TAKEN)


def _ahead(pieces: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields, each asked for in a thread while the one before is in use."""
    end: Any = object()
    with ThreadPoolExecutor(1, thread_name_prefix="fastgd-read") as reader:
        upcoming = reader.submit(next, pieces, end)
        while (piece := upcoming.result()) is not end:
            upcoming = reader.submit(next, pieces, end)
            yield piece
