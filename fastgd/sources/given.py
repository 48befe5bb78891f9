"""What a fit's arguments hold: arrays in memory, or samples that are to be read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastgd.check import Array, FloatArray, about, finite, real_array, shown
from fastgd.sources import streamed
from fastgd.sources.arrays import checked_pair, column_names
from fastgd.sources.chunks import Batches, Chunked, Sliced, is_sliced
from fastgd.sources.in_memory import InMemory
from fastgd.sources.mapped import is_mapped
from fastgd.sources.on_cluster import is_dask, streamed_from
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import joined
from fastgd.sources.streamed import Chunks, Streamed


class GivenArrays(NamedTuple):
    """Arrays in memory, checked."""

    name: str
    features: FloatArray
    y: FloatArray
    owner: str
    names: tuple[str, ...] | None  # of the columns

    @property
    def columns(self) -> int | None:
        """F, None where x is one number."""
        return None if self.features.ndim == 1 else self.features.shape[1]

    def source(self, sample_weight: Any) -> InMemory:
        """Return the samples with these weights, checked."""
        return InMemory(self.name, self.features, self.y, sample_weight, self.owner)


class GivenChunks(NamedTuple):
    """Samples that are to be read."""

    chunks: Chunks
    owner: str
    domain: tuple[Array, Array] | None = None  # of what can be read once

    @property
    def columns(self) -> int | None:
        """F, None where x is one number."""
        return self.chunks.columns

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns' names."""
        names = getattr(self.chunks, "names", None)
        return None if names is None or self.columns is None else tuple(names)

    def source(self, sample_weight: Any) -> InMemory | Streamed:
        """Return the samples, read and checked; of what can be read once that is left to who takes its statistics."""
        if self.domain is not None:
            return Passing(self.chunks, self.owner, self.domain)
        return source_of(self.chunks, self.owner)


Given = GivenArrays | GivenChunks


def given(
    name: str,
    x: Any,
    y: Any,
    sample_weight: Any,
    *,
    in_rows: bool | None,
    owner: str,
    domain: Any = None,
    takes_domain: bool = True,
) -> Given:
    """Return what the arguments of a fit hold, checked but for what only reading tells.

    Features come in rows, or are one number x; they are as they come if `in_rows` is None. `owner` is the name of the
    fit's class.

    Raises
    ------
    ValueError, TypeError
        In one sentence.
    """
    if domain is not None and not (y is None and isinstance(x, Iterator)):
        raise TypeError(about("domain", f"must be left out but where {name} is an iterator, got {shown(domain)}"))
    if hasattr(x, "to_batches") and (y is None or isinstance(y, str)):
        if y is None:
            raise TypeError(about("y", f"must name a column of {name}, got None"))
        if not isinstance(sample_weight, str | None):
            raise TypeError(about("sample_weight", f"must name a column of {name}, got {shown(sample_weight)}"))
        return GivenChunks(Batches(name, x, y, sample_weight, in_rows), owner)
    if y is None:
        chunks = _chunked(name, x, sample_weight, in_rows, domain, takes_domain)
        return GivenChunks(chunks, owner, None if domain is None else _ends(domain, chunks.columns or 1))
    if (is_sliced(x) or is_sliced(y) or is_sliced(sample_weight)) and _is_large(x, y):
        weights = None if sample_weight is None else _readable("sample_weight", sample_weight)
        return GivenChunks(Sliced(name, _readable(name, x), _readable("y", y), weights, in_rows), owner)
    for argument, value in ((name, x), ("y", y), ("sample_weight", sample_weight)):
        if type(value) is not np.ndarray and is_dask(value):  # any other is sliced
            why = "got one of dask's in chunks of unknown lengths; its compute_chunk_sizes() finds them"
            raise ValueError(about(argument, f"must be an array of known shape, {why}"))
    features, targets = checked_pair(name, x, y, (1,) if in_rows is False else (1, 2))
    if in_rows:
        features = features.reshape(len(features), -1)
    return GivenArrays(name, features, targets, owner, column_names(x, features.shape[1]) if in_rows else None)


def _is_large(x: Any, y: Any) -> bool:
    """Tell whether samples are no memory map that can as well be taken as an array in memory."""
    stored = [value for value in (x, y) if is_sliced(value)]
    if not all(map(is_mapped, stored)):
        return True
    return sum(8 * int(value.size) for value in stored) > streamed.LOADED


def _readable(name: str, value: Any) -> Any:
    """Return an array that can be read by slices, of real numbers."""
    array = value if is_sliced(value) else real_array(name, value)
    if np.dtype(array.dtype).kind not in "fiub":
        raise TypeError(about(name, f"must be real numbers, got dtype {array.dtype}"))
    return array


def _ends(domain: Any, columns: int) -> tuple[Array, Array]:
    """Return the ends of a domain, each (columns,)."""
    if not isinstance(domain, tuple | list) or len(domain) != 2:
        raise TypeError(about("domain", f"must be (low, high), got {shown(domain)}"))
    ends = []
    for name, end in zip(("low", "high"), domain, strict=True):
        array = finite(f"domain ({name})", real_array(f"domain ({name})", end)).astype(np.float64)
        if array.shape not in ((), (columns,)):
            raise ValueError(about("domain", f"must have {name} a number or of shape ({columns},), got {shown(end)}"))
        ends.append(np.broadcast_to(array, (columns,)).copy())
    low, high = ends
    if (low > high).any():
        raise ValueError(about("domain", f"must have low <= high, got {shown(domain)}"))
    return low, high


def _chunked(name: str, x: Any, sample_weight: Any, in_rows: bool | None, domain: Any, takes_domain: bool) -> Chunked:
    """Return the user's chunks."""
    if isinstance(x, Iterator) and domain is None:
        again = "something that can be gone through again, such as a list or an object whose __iter__ begins anew"
        way_out = ": give domain=(low, high) with it" if takes_domain else ""
        raise TypeError(about(name, f"must be {again}, got {shown(x)}, which can be read once{way_out}"))
    if not hasattr(type(x), "__iter__") or hasattr(x, "__array__") or isinstance(x, str | bytes | dict):
        raise TypeError(
            about("y", f"must be given with arrays; without it {name} must have chunks (x, y), got {shown(x)}")
        )
    if sample_weight is not None:
        raise TypeError(about("sample_weight", f"must be the third array of each chunk, got {shown(sample_weight)}"))
    return Chunked(name, x, in_rows)


def source_of(chunks: Chunks, owner: str) -> InMemory | Streamed:
    """Return samples of chunks: in memory if they are little, else to be read anew at every pass."""
    source = streamed_from(chunks, owner)
    if source.counting > streamed.FEW and source.counting * source.bytes_per_sample > streamed.LOADED:
        return source
    x, y, weights = joined(source.read(), source.empty())
    return InMemory(chunks.name, x, y, weights, owner)
