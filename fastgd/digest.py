"""Digests that tell arrays from one another, the same whatever the machine and however many threads take them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAF = 1 << 20  # bytes; hashed apart, so that threads share the work: one alone reads 0.5 to 1.5 GB/s
WHOLE = LEAF // 4  # elements of float32 in a leaf: so many rows of any arrays of floats are whole leaves


def digest(array: NDArray[Any]) -> str:
    """Return a digest of an array's type, shape and elements: SHA-256 of those of its leaves of 1 MiB."""
    return digest_of_leaves(array.dtype, array.shape, leaves(array))


def leaves(array: NDArray[Any]) -> list[bytes]:
    """Return the digests of an array's leaves."""
    elements = max(LEAF // max(array.dtype.itemsize, 1), 1)
    flat = array.reshape(-1)  # a copy of what is not contiguous

    def leaf(first: int) -> bytes:
        part = flat[first : first + elements]
        little: Any = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
        return hashlib.sha256(little).digest()

    firsts = range(0, flat.size, elements)
    if len(firsts) <= 1:
        return list(map(leaf, firsts))
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        return list(pool.map(leaf, firsts))


def digest_of_leaves(dtype: np.dtype[Any], shape: tuple[int, ...], leaves: Iterable[bytes]) -> str:
    """Return the digest of an array, of which each part but the last had whole leaves."""
    return _text(hashlib.sha256(f"{dtype.newbyteorder('<').str} {shape}".encode()), *leaves)


def digest_of_json(value: Any) -> str:
    """Return a digest of what plain JSON says, however it is written."""
    return _text(hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()))


def _text(whole: Any, *parts: bytes) -> str:
    for part in parts:
        whole.update(part)
    return str(whole.hexdigest()[:32])
