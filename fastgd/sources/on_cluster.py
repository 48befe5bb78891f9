"""Samples in arrays of dask: what a pass makes of each block is computed where the blocks are, and comes back in order.

A block's results are a thousandth of its samples. Reading and summing are one task, see dask's `blockwise`, where the
arrays' own chunks are whole blocks; others are cut anew on the cluster. The larger they are, the fewer tasks there are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastgd.check import Array, FloatArray, real_array
from fastgd.digest import LEAF, WHOLE, digest_of_leaves, leaves
from fastgd.sources.arrays import kernel_view
from fastgd.sources.pieces import Digests, Piece
from fastgd.sources.streamed import READING, Chunks, Streamed, step_of

AT_ONCE = 64  # pieces, at least, whose results are waited for at once; after them Ctrl-C is heard, and progress told
FOR_EACH_THREAD = 8  # of a cluster, so that few wait for the last

OfPiece = Callable[[Piece], Array]


def is_dask(array: Any) -> bool:
    """Tell whether an array is one of dask's."""
    return type(array).__module__.partition(".")[0] == "dask" and hasattr(array, "rechunk")


class OnCluster(Streamed):
    """Samples of equal weights whose features and targets are both arrays of dask."""

    def _survey(self, total: Any) -> None:
        """Check all samples where they are; what is wrong is read again, to be named."""
        x, y, _ = self.origin.shown
        self.dtype = np.result_type(*(np.float32 if array.dtype == np.float32 else np.float64 for array in (x, y)))
        length = self._length(1)
        is_fine = all(bool(some.all()) for some in self._blockwise(_are_finite, length, length, (1,)))
        if not is_fine:
            super()._survey(total)
        self.sample_count = self.counting = len(y)
        if self.sample_count:
            self.taken = self._at(slice(None, None, step_of(self.counting)))
            self.final = self._at(slice(-1, None))

    def _at(self, index: slice) -> Piece:
        """Return some samples, chosen on the cluster."""
        x, y, _ = self.origin.shown
        features, targets = (real_array("x", np.asarray(array[index])).astype(self.dtype) for array in (x, y))
        return Piece(self._rows(features), targets, None)

    def results(self, of_piece: OfPiece, block: int, shape: tuple[int, ...]) -> Iterator[Array]:
        """Yield `of_piece(piece)` (blocks, *shape) of one piece after the other, of several at a time.

        It is pickled to where it is computed.
        """
        told = READING.get()
        length = self._length(block)
        read = 0
        for some in self._blockwise(_OnPiece(of_piece, self.dtype, self.origin.columns), length, block, shape):
            yield some.reshape(-1, *shape)
            read = min(read + len(some) * block, self.counting)
            if told is not None:
                told(read, self.counting)

    def digests(self) -> Digests:
        """Return digests of all features and y, of leaves that are hashed where they are."""
        arrays = self.empty().arrays()
        slots = [_slots(own) for own in arrays]
        found = np.concatenate(list(self.results(_leaves_of, WHOLE, (sum(slots), 32))))
        features, y = (
            digest_of_leaves(own.dtype, (self.sample_count, *own.shape[1:]), _as_bytes(part))
            for own, part in zip(arrays, np.split(found, slots[:1], axis=1), strict=True)
        )
        return features, y, None

    def _length(self, block: int) -> int:
        """Return how many samples a piece of whole blocks has: as many as own chunks of the arrays, if larger."""
        x, _, _ = self.origin.shown
        return max(self.piece_length(block), max(x.chunks[0], default=0) // block * block)

    def _blockwise(
        self, function: Callable[..., Array], length: int, block: int, shape: tuple[int, ...]
    ) -> Iterator[Array]:
        """Yield function(x, y) (blocks, numbers of `shape`) of several pieces of this length at a time."""
        from dask.array import blockwise

        x, y, _ = self.origin.shown
        index = "ik"[: x.ndim]
        found = blockwise(
            function,
            "ij",
            x.rechunk((length, -1)[: x.ndim]),
            index,
            y.rechunk(length),
            "i",
            concatenate=True,
            new_axes={"j": math.prod(shape)},
            adjust_chunks={"i": lambda n: -(-n // block)},
            dtype=np.float64,
            meta=np.empty((0, 0)),
        )
        at_once = _at_once()
        for first in range(0, found.numblocks[0], at_once):
            yield np.asarray(found.blocks[first : first + at_once])


def _at_once() -> int:
    """Return how many pieces to wait for at once."""
    distributed: Any = sys.modules.get("distributed")
    try:
        threads: int = sum(distributed.get_client().nthreads().values())
    except (AttributeError, ValueError):  # no cluster
        return AT_ONCE
    return max(AT_ONCE, FOR_EACH_THREAD * threads)


def _are_finite(x: Any, y: Any) -> Array:
    """Return whether all samples are finite, (1, 1)."""
    return np.array([[float(np.isfinite(x).all() and np.isfinite(y).all())]])


def _slots(array: FloatArray) -> int:
    """Return how many leaves the digest of an array has in so many rows as make whole ones."""
    return WHOLE * array.dtype.itemsize * math.prod(array.shape[1:]) // LEAF


def _leaves_of(piece: Piece) -> Array:
    """Return the digests of leaves (blocks, slots, 32) as numbers, NaN where the last block has fewer."""
    blocks = -(-len(piece.y) // WHOLE)

    def numbers(array: FloatArray) -> Array:
        found = b"".join(leaves(array))
        all_slots = np.full(blocks * _slots(array) * 32, np.nan)
        all_slots[: len(found)] = np.frombuffer(found, np.uint8)
        return all_slots.reshape(blocks, -1, 32)

    return np.concatenate([numbers(array) for array in piece.arrays()], axis=1)


def _as_bytes(numbers: Array) -> list[bytes]:
    return [leaf.astype(np.uint8).tobytes() for leaf in numbers.reshape(-1, 32) if not np.isnan(leaf[0])]


class _OnPiece:
    """What a pass makes of a piece, of arrays as dask has them."""

    def __init__(self, of_piece: OfPiece, dtype: np.dtype[Any], columns: int | None) -> None:
        self.of_piece = of_piece
        self.dtype = dtype
        self.columns = columns

    def __call__(self, x: Any, y: Any) -> Array:
        """Return the results (blocks, numbers)."""
        features = x[:, None] if self.columns == 1 and x.ndim == 1 else x
        piece = Piece(features, y, None).each(
            lambda array: kernel_view(np.asarray(array).astype(self.dtype, copy=False))
        )
        results = self.of_piece(piece)
        return results.reshape(len(results), -1)


def streamed_from(chunks: Chunks, owner: str) -> Streamed:
    """Return samples that are read at every pass, on the cluster where that can be."""
    x, y, weights = chunks.shown
    kind = OnCluster if is_dask(x) and is_dask(y) and weights is None else Streamed
    return kind(chunks, owner)
