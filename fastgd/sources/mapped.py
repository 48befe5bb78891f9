"""Arrays in files: memory maps, read slice by slice, pages fetched ahead and given back, and datasets of h5py.

A pickle of one has the file's name, not what is in it.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_mapped(value: object) -> bool:
    """Tell whether an array is a memory map, or a view of one."""
    return isinstance(value, np.memmap) and value._mmap is not None  # type: ignore[attr-defined]


class Mapped:
    """A memory map whose slices are read one after the other."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return samples as a view, their pages in memory; those two slices before are let go."""
        first, last, _ = rows.indices(len(self.array))
        part = self.array[first:last]
        if part.flags.c_contiguous:
            part.reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max()  # here, in a thread that computes nothing
        length = last - first
        if first == 0:
            self._check_whole()
        if first >= 2 * length:
            self._let_go(first - 2 * length, first - length)
        else:
            self._let_go(last, len(self.array))  # the last ones of a pass before
        return np.asarray(part)

    def _check_whole(self) -> None:
        """Raise ValueError if the file was cut off: reading on would kill the process."""
        begin = self.array.offset - self.array.offset % mmap.ALLOCATIONGRANULARITY
        if self.array._mmap.size() < begin + len(self.array._mmap):
            name = self.array.filename
            raise ValueError(f"{name} must stay as long as it was, got one that was cut off since")

    def _let_go(self, first: int, last: int) -> None:
        """Tell the system that these samples' pages are not in use here any more: it keeps them where there is room."""
        step = self.array.strides[0]
        if self.array.mode == "c" or not hasattr(mmap, "MADV_DONTNEED") or step < max(map(abs, self.array.strides)):
            return  # what was written to a copy would be lost; or the samples lie all over the file
        begin = self._place() + first * step
        start = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
        end = (begin + (last - first) * step) // mmap.PAGESIZE * mmap.PAGESIZE
        if start < end:
            self.array._mmap.madvise(mmap.MADV_DONTNEED, start, end - start)

    def _place(self) -> int:
        """Return where the array begins in the map."""
        return _address(self.array) - _address(np.frombuffer(self.array._mmap, np.uint8))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to map the file again, to be read."""
        array = self.array
        if array.filename is None or array.mode == "c":
            return Mapped._of_content, (np.array(array),)
        begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY + self._place()
        return _mapped_again, (str(array.filename), array.dtype, array.shape, array.strides, begin)

    @staticmethod
    def _of_content(array: NDArray[Any]) -> NDArray[Any]:
        return array


class InFile:
    """A dataset of h5py, whose pickle has the names of its file and of itself."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype
        self.chunks = array.chunks

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return samples."""
        return np.asarray(self.array[rows])

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to open the file again, to be read."""
        return _opened_again, (self.array.file.filename, self.array.name)


def _opened_again(path: str, name: str) -> InFile:
    import h5py

    return InFile(h5py.File(path, "r")[name])


def again_in_a_process(array: Any) -> Any:
    """Return an array that is read by slices so that other processes, which get its pickle, can read it too."""
    if is_mapped(array):
        return Mapped(array)
    is_of_h5py = type(array).__module__.partition(".")[0] == "h5py" and hasattr(array, "file")
    return InFile(array) if is_of_h5py else array


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _mapped_again(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], strides: tuple[int, ...], begin: int
) -> Mapped:
    low = sum(min(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True))
    high = sum(max(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True)) + dtype.itemsize
    whole = np.memmap(name, np.uint8, "r", begin + low, (high - low,))
    first = whole[-low : dtype.itemsize - low].view(dtype)
    return Mapped(np.lib.stride_tricks.as_strided(first, shape, strides, subok=True, writeable=False))
