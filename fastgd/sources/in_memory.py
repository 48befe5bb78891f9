"""Samples that lie in memory: one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastgd.check import FloatArray
from fastgd.digest import digest
from fastgd.sources.arrays import COPIED, checked_weights, kernel_view, some_of
from fastgd.sources.pieces import Digests, Piece, largest_in


class InMemory:
    """Arrays as `checked_pair` returns them, and their weights.

    Attributes
    ----------
    features : ndarray (N,) or (N, F)
    y : ndarray (N,)
    weights : ndarray (N,) or None
    """

    is_whole = True

    def __init__(self, name: str, features: FloatArray, y: FloatArray, weights: object, owner: str) -> None:
        self.features = features
        self.y = y
        self.weights, self.total_weight, self.counting = checked_weights(weights, y)
        self.owner = owner
        arrays = {name: features, "y": y}
        if self.weights is not None:
            arrays["sample_weight"] = self.weights
        self.is_weighted = self.weights is not None
        self.dtype: np.dtype[Any] = y.dtype
        self.sample_count = len(y)
        self.bytes_per_sample = sum(array.nbytes for array in arrays.values()) // len(y)
        borrowed = {name: some_of(array) for name, array in arrays.items() if array.nbytes > COPIED}
        self.seen = [(name, some, some.tobytes()) for name, some in borrowed.items()]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled, arrays read-only again: of others every kernel would be compiled once more."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    def check_unchanged(self) -> None:
        """Raise ValueError if data was changed since: engines would disagree, having read it before or after."""
        for name, now, then in self.seen:
            if now.tobytes() != then:
                raise changed(name, self.owner)

    def whole(self) -> Piece:
        """Return the samples that count: one of weight 0 is absent, whatever its values."""
        weights = self.weights
        if weights is None or self.counting == self.sample_count:
            return Piece(self.features, self.y, weights)
        return Piece(self.features, self.y, weights).at(weights > 0.0).each(kernel_view)

    @property
    def shown(self) -> tuple[Any, Any, Any]:
        """What a problem shows as its samples and their weights."""
        return self.features, self.y, self.weights

    def some(self) -> Piece:
        """Return samples for a picture: all of them."""
        return self.whole()

    def pieces(self, block: int) -> Iterator[Piece]:
        """Yield them, all at once."""
        yield self.whole()

    def largest(self, what: str) -> float:
        """Return the largest |x| or |y|."""
        return largest_in(self.whole(), what)

    def read(self) -> Iterator[Piece]:
        """Yield them, those of weight 0 too."""
        yield Piece(self.features, self.y, self.weights)

    def piece_length(self, block: int) -> int:
        """Return how many samples a piece of whole blocks has."""
        return -(-self.counting // block) * block

    def every(self, step: int) -> Piece:
        """Return samples 0, step, 2 step, ... of those that count."""
        return self.whole().at(slice(None, None, step))

    def digests(self) -> Digests:
        """Return digests of all features, y and weights."""
        return digest(self.features), digest(self.y), None if self.weights is None else digest(self.weights)

    def last(self) -> Piece:
        """Return the last of them."""
        return self.whole().part(self.counting - 1, self.counting)

    def empty(self) -> Piece:
        """Return a piece of no samples."""
        return self.whole().part(0, 0)


def changed(name: str, owner: str) -> ValueError:
    """Return the sentence for data that is not what it was."""
    return ValueError(
        f"{name} must stay as it was when {owner} took it, got one that was changed since; make a new problem of it"
    )
