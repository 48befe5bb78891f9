"""A sweep's result in a file, in the format of its suffix, see `formats`.

A file is written beside its final name and moved there when it is whole, so that name never holds half a result.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastgd.check import about, shown
from fastgd.extras import imported
from fastgd.results.content import result_of
from fastgd.results.formats import FORMATS, Format
from fastgd.results.outcomes import Outcomes
from fastgd.results.store.reading import is_store
from fastgd.text import either

T = TypeVar("T", bound=Outcomes)


def check_destination(path: str, source: str | None = None) -> None:
    """Raise ValueError if `path` has an unknown suffix, can't be written, or is the data file `source`.

    And ModuleNotFoundError if its format needs a package that is not there.
    """
    form = _format_of(path)
    for package in form.needs:
        imported(package, form.extra, f"writing {Path(path).suffix.lower()}")
    check_writable(path, source, is_folder=form.is_folder)


def check_writable(path: str, source: str | None = None, *, is_folder: bool = False) -> None:
    """Raise ValueError if no file, or folder, can be written to `path`, or if it is the data file `source`."""
    target = Path(path)
    try:
        if not target.parent.is_dir():
            raise ValueError(about("path", f"must be in a folder that exists, got {path!r}"))
        if is_folder:
            if is_store(path):
                raise ValueError(
                    about("path", f"must not be the store of a sweep, which save would replace, got {path!r}")
                )
            if target.exists() and not _is_zarr(target):
                raise ValueError(about("path", f"must be new or a folder that zarr wrote, got {path!r}"))
        elif target.is_dir():
            raise ValueError(about("path", f"must be a file, got the folder {path!r}"))
        elif target.exists() and not target.is_file():
            raise ValueError(about("path", f"must be a file, got the device or pipe {path!r}"))
        if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
            raise ValueError(about("path", f"must not be the data file itself, got {path!r}"))
        _remove(_partial(target, is_folder))
    except OSError as error:
        raise _refused(path, error) from None


def write(path: str, result: Outcomes) -> None:
    """Write a result in the format of the suffix, whole or not at all; ValueError if the disk refuses."""
    form = _format_of(path)
    if result.trajectory is not None and not form.records:
        able = either([suffix for suffix, other in FORMATS.items() if other.records])
        raise ValueError(about("path", f"must end in {able} to keep recorded states, got {path!r}"))
    write_whole(path, lambda partial: form.write(partial, result), is_folder=form.is_folder)


def write_whole(path: str, write: Callable[[Path], object], *, is_folder: bool = False) -> None:
    """Write a file, or a folder, that takes its name when it is whole; ValueError if the disk refuses.

    `write` gets the path of an empty one beside it.
    """
    target = Path(os.path.realpath(path))  # a link is kept, what it points to is replaced
    try:
        partial = _partial(target, is_folder)
        try:
            write(partial)
            if (mode := _mode(target)) is not None:
                _set_mode(partial, mode)
            if is_folder and _is_zarr(target):
                _swapped(partial, target)
            else:
                os.replace(partial, target)
        except BaseException:
            _remove(partial)
            raise
    except OSError as error:
        raise _refused(path, error) from None


def read(path: str, kind: type[T]) -> T:
    """Return the result that a file holds; ValueError in one sentence if it holds none, or not all of one."""
    form = _format_of(path)
    try:
        with open(path if not form.is_folder else Path(path) / "zarr.json", "rb"):
            pass  # what the system says of a file that is not there is clearer than what libraries do
        return result_of(kind, form.read(Path(path)))
    except ModuleNotFoundError:
        raise
    except OSError as error:
        why = error.strerror or _words(error)
    except Exception as error:  # whatever a library says of bytes that nobody expected
        why = _words(error)
    raise ValueError(about("path", f"must be a result that fastgd wrote, got {path!r}: {why}"))


def _words(error: BaseException) -> str:
    """Return an error's first line, or its name where it says nothing."""
    if isinstance(error, KeyError):
        return f"it is damaged: {error}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _format_of(path: str) -> Format:
    if not isinstance(path, str):
        raise TypeError(about("path", f"must be a path, got {shown(path)}"))
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(about("path", f"must end in {either(list(FORMATS))}, got {path!r}"))
    return FORMATS[suffix]


def _refused(path: str, error: OSError) -> ValueError:
    return ValueError(about("path", f"can't be written to {path!r}: {error.strerror or _words(error)}"))


def _partial(target: Path, is_folder: bool) -> Path:
    """Make a new file beside the target, for those only who may read the target; by the umask if there is none yet.

    It is a new file, or folder, or none: no link that somebody laid under its name is followed.
    """
    target = Path(os.path.realpath(target))
    # of this thread alone, and no longer than a name may be, which the target's own may use up
    partial = target.with_name(f".{target.name[:40]}.{os.getpid()}.{threading.get_ident()}.partial")
    _remove(partial)
    mode = _mode(target)
    if is_folder:
        partial.mkdir(mode=0o777 if mode is None else mode)
    else:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode))
    if mode is not None:
        _set_mode(partial, mode | 0o200)  # a file that nobody may write is written all the same, by its owner
    return partial


def _mode(target: Path) -> int | None:
    return target.stat().st_mode & 0o777 if target.exists() else None


def _set_mode(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):  # on a file system without permissions
        os.chmod(path, mode)


def _is_zarr(folder: Path) -> bool:
    return (folder / "zarr.json").is_file()


def _swapped(partial: Path, target: Path) -> None:
    """Put a folder in another's place. No system replaces at once what is not empty."""
    old = partial.with_suffix(".old")
    os.replace(target, old)
    try:
        os.replace(partial, target)
    except BaseException:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for _ in range(100):  # zarr's other writers may still be at it when one of them has failed
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                break
            time.sleep(0.01)
    else:
        path.unlink(missing_ok=True)
