"""What travels to a worker: what a sweep's tiles need, pickled, once for each process, and large arrays by a file.

Numba's copy of cloudpickle pickles what plain pickle does not: lambdas, and functions of a notebook or a script.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import cloudpickle
from numpy.typing import NDArray

from fastgd.check import about
from fastgd.sweeps.work import Work

LARGE = 1 << 20  # bytes of an array that travels beside the others
ALIGNMENT = 64  # bytes, as NumPy's own arrays have it
FILE = "arrays"  # in the folder of a sweep


class Parcel(NamedTuple):
    """What tiles of a sweep need, pickled."""

    head: bytes
    places: tuple[tuple[int, int], ...]  # first byte of each large array, and the one after its last
    raw: bytes | None  # where they are if not in the file

    def opened(self, folder: str, key: str) -> Work | None:
        """Return what was packed; None if its file is not on this machine.

        Arrays in the file are mapped, each page private from the moment somebody writes to it.
        """
        if self.raw is not None:
            whole: NDArray[Any] = np.frombuffer(bytearray(self.raw), dtype=np.uint8)
        elif self.places:
            try:
                whole = np.memmap(Path(folder, FILE), dtype=np.uint8, mode="c")
            except OSError:
                return None
            if whole[self.places[-1][1] :].tobytes() != key.encode():
                return None
        work: Work = pickle.loads(self.head, buffers=[whole[first:last] for first, last in self.places])
        return work


class Packing:
    """What tiles of a sweep need, pickled once.

    Raises
    ------
    ValueError
        In one sentence, if it can't be pickled.
    """

    def __init__(self, work: Work) -> None:
        large: list[memoryview] = []

        def is_small(buffer: pickle.PickleBuffer) -> bool:
            raw = buffer.raw()
            if raw.nbytes >= LARGE:
                large.append(raw)
            return raw.nbytes < LARGE

        try:
            self.head = cloudpickle.dumps(work, protocol=5, buffer_callback=is_small)
        except Exception as error:  # whatever an object's own methods raise
            why = " ".join(f"{type(error).__name__}: {error}".split())
            hint = "keep files, locks and connections out of its functions, or leave executor out"
            raise ValueError(about("executor", f"needs a problem that can be pickled, got {why}; {hint}")) from error
        self.places: list[tuple[int, int]] = []
        self.pieces: list[bytes | memoryview] = []
        end = 0
        for raw in large:
            first = -(-end // ALIGNMENT) * ALIGNMENT
            self.pieces += [bytes(first - end), raw]
            end = first + raw.nbytes
            self.places.append((first, end))

    def by_file(self, folder: str, key: str) -> Parcel:
        """Return the parcel whose large arrays are in a file, which is written; without them if there is none."""
        if not self.places:
            return self.by_bytes()
        with open(Path(folder, FILE), "wb") as file:
            for piece in (*self.pieces, key.encode()):
                file.write(piece)
        return Parcel(self.head, tuple(self.places), None)

    def by_bytes(self) -> Parcel:
        """Return the parcel that holds all."""
        return Parcel(self.head, tuple(self.places), b"".join(self.pieces))
