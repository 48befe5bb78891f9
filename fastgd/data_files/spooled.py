"""Columns that are read part by part: in memory or, where they are many numbers, in temporary files, mapped again."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 1 << 27  # bytes of all columns together
Part = Sequence[NDArray[np.float64]]  # some rows of each column


class Spooled:
    """So many columns of float64, to which parts are added. Their files have no names, and go when nobody maps them."""

    def __init__(self, path: str, count: int) -> None:
        self.path = path
        self.rows = 0
        self.parts: list[list[NDArray[np.float64]]] = [[] for _ in range(count)]
        self.files: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:  # a map of one keeps what is in it
            file.close()

    def add(self, part: Part) -> None:
        """Add rows of all columns."""
        self.rows += len(part[0])
        for parts, values in zip(self.parts, part, strict=True):
            parts.append(values)
        if self.files or 8 * self.rows * len(self.parts) > IN_MEMORY:
            self._write()

    def _write(self) -> None:
        try:
            self.files = self.files or [tempfile.TemporaryFile() for _ in self.parts]  # noqa: SIM115 (see `__exit__`)
            for file, parts in zip(self.files, self.parts, strict=True):
                for values in parts:
                    file.write(np.ascontiguousarray(values).data)
                file.flush()
                parts.clear()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            folder = tempfile.gettempdir()
            raise ValueError(
                f"{self.path} has columns that do not fit into {folder}, where they are kept as numbers; set the "
                "environment variable TMPDIR to a folder with more room"
            ) from None

    def columns(self) -> list[NDArray[np.float64]]:
        """Return the columns (N,)."""
        if not self.files:
            return [np.concatenate(parts) if parts else np.empty(0) for parts in self.parts]
        return [np.memmap(file, np.float64, "r", shape=(self.rows,)) for file in self.files]
