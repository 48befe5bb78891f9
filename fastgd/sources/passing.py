"""Samples that can be read once: they are checked as they pass, and only sums over them are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from fastgd.check import Array, about
from fastgd.sources.arrays import Total, checked_total
from fastgd.sources.pieces import Digests, Piece, cut
from fastgd.sources.streamed import Chunks, Streamed


class Passing(Streamed):
    """Chunks of an iterator, in a domain that was told, since nobody can look at them before.

    Attributes
    ----------
    domain : (low, high), each ndarray (1,) or (F,)
    """

    def __init__(self, chunks: Chunks, owner: str, domain: tuple[Array, Array]) -> None:
        self.origin = chunks
        self.owner = owner
        self.domain = domain
        self.is_weighted = chunks.is_weighted
        self.dtype = self.weights_dtype = np.dtype(np.float64)
        self.bytes_per_sample = 8 * (1 + (chunks.columns or 1) + self.is_weighted)
        self.taken = None
        self.is_passed = False
        self.total = Total()
        self.largest_of = {"x": 0.0, "y": 0.0}

    @property
    def total_weight(self) -> float:  # type: ignore[override]
        """The sum of the weights of what has passed."""
        return checked_total(self.total) if self.is_weighted else float(self.sample_count)

    def pieces(self, block: int) -> Iterator[Piece]:
        """Yield the samples that count, piece by piece; ValueError if they have passed before."""
        if self.is_passed:
            self._refuse()
        self.is_passed = True
        yield from cut(self._checked_chunks(), self.empty(), self.piece_length(block))
        self.origin.forget()
        if self.sample_count == 0:
            raise ValueError(about(self.origin.name, "must not be empty, got no samples"))

    def _checked_chunks(self) -> Iterator[Piece]:
        low, high = self.domain
        for number, raw in enumerate(self.origin.chunks(0)):
            chunk = self._checked(number, raw)
            beyond = (chunk.features < low) | (chunk.features > high)
            if beyond.any():
                called, _ = self.origin.called(self.origin.name, number, self.sample_count)
                raise ValueError(about(called, f"must lie in domain, got {float(chunk.features[beyond][0])!r}"))
            self.sample_count += len(chunk.y)
            self.counting += len(chunk.y) if chunk.weights is None else self._weigh(chunk.weights, self.total)
            for what, array in (("x", chunk.features), ("y", chunk.y)):
                self.largest_of[what] = max(self.largest_of[what], float(np.abs(array).max(initial=0.0)))
            yield chunk if chunk.weights is None else chunk.at(chunk.weights > 0.0)

    def check_unchanged(self) -> None:
        """Do nothing: what is kept can't change."""

    def whole(self) -> Piece:
        """Raise ValueError: they have passed."""
        self._refuse()

    def largest(self, what: str) -> float:
        """Return the largest |x| or |y| that has passed."""
        return self.largest_of[what]

    def some(self) -> Piece:
        """Return nothing: none were kept."""
        return self.empty()

    def read(self) -> Iterator[Piece]:
        """Raise ValueError: they have passed."""
        self._refuse()

    def digests(self) -> Digests:
        """Raise ValueError: they have passed."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        again = "something that can be gone through again for this, got an iterator, of which statistics alone are kept"
        raise ValueError(about(self.origin.name, f"must be {again}"))
