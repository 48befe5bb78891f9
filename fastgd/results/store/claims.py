"""Which of several processes runs a tile: the one that holds its byte of a file locked.

The system lets go of a lock when the process that holds it ends, however it ends. Where there are no such locks, every
process may run every tile: what they write is the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import sys
import time
import weakref
from collections.abc import Iterator
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

# of an open file rather than of a process, which would lose its locks whenever it closes the file anywhere
_SETS = getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" else None
MOST_TRIES = 100  # of a millisecond; a file system may have no locks
WHOLE = 1 << 62  # the byte that every writer shares, and that one who replaces the store has alone


@contextlib.contextmanager
def held(folder: Path, inner: str) -> Iterator[Path]:
    """Make a folder with one inside, which is to be filled, and hold it meanwhile, so that nobody takes it for left."""
    for tries in count():
        folder.mkdir(exist_ok=True)
        try:
            file = _locked(folder)
            if file is not None or fcntl is None or tries > MOST_TRIES:
                (folder / inner).mkdir()
                break
        except FileNotFoundError:  # somebody took it for left while it was empty
            continue
        time.sleep(0.001)
    try:
        yield folder / inner
    finally:
        if file is not None:
            os.close(file)


def remove_unheld(folder: Path) -> None:
    """Remove a folder that whoever made it was killed at; where there are no locks, none."""
    with contextlib.suppress(FileNotFoundError):  # somebody else did
        file = _locked(folder)
        if file is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(file)


def _locked(folder: Path) -> int | None:
    """Return an open folder that is locked, None if somebody else has it or there are no locks."""
    if fcntl is None:
        return None
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


class Claims:
    """Locks on bytes of a file that is not written meanwhile."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)  # tells at once whether the store may be written
        _OPEN.add(self)

    def take(self, byte: int, *, shared: bool = False) -> bool:
        """Lock a byte and return whether it was free."""
        return self._lock("F_RDLCK" if shared else "F_WRLCK", byte)

    def let_go(self, byte: int) -> None:
        """Unlock a byte."""
        self._lock("F_UNLCK", byte)

    def are_of(self, path: Path) -> bool:
        """Tell whether the file is still the one at a path."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._file), os.stat(path))
        return False

    def close(self) -> None:
        """Unlock all."""
        _OPEN.discard(self)
        os.close(self._file)

    @staticmethod
    def close_all() -> None:
        """Close every file in a process that was forked: it would keep the locks for as long as it lives."""
        for claims in list(_OPEN):
            claims.close()

    def _lock(self, kind: str, byte: int) -> bool:
        if _SETS is None:
            return True
        try:
            fcntl.fcntl(self._file, _SETS, struct.pack("hhqqi", getattr(fcntl, kind), os.SEEK_SET, byte, 1, 0))
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True


_OPEN: weakref.WeakSet[Claims] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Claims.close_all)
