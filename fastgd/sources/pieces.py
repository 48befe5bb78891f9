"""Samples as passes take them: pieces of whole blocks, one after the other.

    a source                 samples that count: all but those of weight 0
      | .pieces(block)       each a multiple of `block` samples long, but the last
    Piece(features, y, weights)

Arrays in memory are one piece. What is read from elsewhere comes in chunks of any lengths; `cut` makes pieces of them
whose lengths are told by the kernels' blocks alone. So sums over blocks, added in block order, have the same bits
however the samples came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from fastgd.check import FloatArray
from fastgd.sources.arrays import kernel_view


class Piece(NamedTuple):
    """Some samples: contiguous, native, read-only arrays, as kernels take them. It holds until the next is read."""

    features: FloatArray  # (n,) or (n, F)
    y: FloatArray  # (n,)
    weights: FloatArray | None  # (n,), None where all are 1

    def each(self, function: Callable[[Any], Any]) -> Piece:
        """Return what a function makes of each array."""
        weights = None if self.weights is None else function(self.weights)
        return Piece(function(self.features), function(self.y), weights)

    def arrays(self) -> list[FloatArray]:
        """Return the arrays."""
        return [self.features, self.y, *([] if self.weights is None else [self.weights])]

    def at(self, index: Any) -> Piece:
        """Return the samples that an index chooses."""
        return self.each(lambda array: array[index])

    def part(self, first: int, last: int) -> Piece:
        """Return samples first..last-1, as views."""
        return self.at(slice(first, last))


Digests = tuple[str, str, str | None]  # of features, y and weights


class Source(Protocol):
    """Samples of one problem."""

    is_whole: bool  # in memory, so that `pieces` are one
    sample_count: int  # N, those of weight 0 among them
    counting: int  # those that count
    is_weighted: bool
    dtype: np.dtype[Any]
    bytes_per_sample: int

    @property
    def total_weight(self) -> float:
        """The sum of all weights, N where they are 1."""

    def pieces(self, block: int) -> Iterator[Piece]:
        """Yield the samples that count, piece by piece."""

    def piece_length(self, block: int) -> int:
        """Return how many samples a piece has at most."""

    def whole(self) -> Piece:
        """Return all of them in memory."""

    def every(self, step: int) -> Piece:
        """Return samples 0, step, 2 step, ... of those that count."""

    def last(self) -> Piece:
        """Return the last of those that count."""

    def largest(self, what: str) -> float:
        """Return the largest |x| or |y|."""

    def some(self) -> Piece:
        """Return some of those that count, evenly taken, where there are many."""

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """What a problem shows as its samples and their weights: arrays, or what was given."""

    def empty(self) -> Piece:
        """Return a piece of no samples, whose arrays have the types of every piece's."""

    def read(self) -> Iterator[Piece]:
        """Yield all of them, those of weight 0 too, in chunks as they come."""

    def digests(self) -> Digests:
        """Return digests of all samples, the same wherever they lie."""

    def check_unchanged(self) -> None:
        """Raise ValueError if data in memory was changed since; what is read anew is checked when it is read."""


def largest_in(piece: Piece, what: str) -> float:
    """Return the largest |x| or |y| of a piece."""
    array = piece.y if what == "y" else piece.features
    return max(abs(float(array.min())), abs(float(array.max())))


def runs_of(source: Source, length: int) -> Iterator[Piece]:
    """Yield the samples that count in runs of this length, the last one shorter."""
    for piece in source.pieces(length):
        for first in range(0, len(piece.y), length):
            yield piece.part(first, first + length)


def cut(chunks: Iterable[Piece], types: Piece, length: int) -> Iterator[Piece]:
    """Yield the samples of chunks of any lengths in pieces of this length, the last one shorter.

    `types` is a piece of no samples. A piece that lies in one chunk is a view of it; others are gathered in two buffers
    in turn, so that one can be filled while the other is in use.
    """
    buffers: list[Piece | None] = [None, None]
    filled = 0
    for chunk in chunks:
        n = len(chunk.y)
        first = 0
        if _are_alike(chunk, types):
            while filled == 0 and n - first >= length:
                yield _seen(chunk.part(first, first + length))
                first += length
        while first < n:
            buffer = buffers[0] = buffers[0] or _room(types, length)
            count = min(length - filled, n - first)
            _copy(chunk.part(first, first + count), buffer.part(filled, filled + count))
            filled += count
            first += count
            if filled == length:
                yield _seen(buffer)
                buffers.reverse()
                filled = 0
    if filled and buffers[0] is not None:
        yield _seen(buffers[0].part(0, filled))


def _are_alike(chunk: Piece, types: Piece) -> bool:
    """Tell whether kernels can take views of a chunk."""
    pairs = zip(chunk.arrays(), types.arrays(), strict=True)
    return all(own.dtype == other.dtype and own.flags.c_contiguous for own, other in pairs)


def _seen(piece: Piece) -> Piece:
    return piece.each(kernel_view)


def _room(types: Piece, length: int) -> Piece:
    return types.each(lambda own: np.empty((length, *own.shape[1:]), own.dtype))


def _copy(chunk: Piece, room: Piece) -> None:
    for values, own in zip(chunk.arrays(), room.arrays(), strict=True):
        own[...] = values


def joined(pieces: Iterable[Piece], types: Piece) -> Piece:
    """Return pieces as one, with arrays of its own."""
    parts = [piece.each(np.copy) for piece in pieces]
    columns = zip(types.arrays(), *(part.arrays() for part in parts), strict=True)
    features, y, *weights = [kernel_view(np.concatenate(column, dtype=column[0].dtype)) for column in columns]
    return Piece(features, y, weights[0] if weights else None)
