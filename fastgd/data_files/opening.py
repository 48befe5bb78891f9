"""A data file, opened as what its first bytes say it is: text, packed text, or a table of Arrow's."""

from __future__ import annotations

import codecs
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, BinaryIO

PEEKED = 1 << 16  # bytes
LONGEST_LINE = 1 << 28  # letters; what goes on longer is no table

_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}  # and the module that unpacks it
_TABLES = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"\x93NUMPY": "NumPy"}
_OTHERS = {
    b"PK\x03\x04": "a zip archive, as Excel's .xlsx and NumPy's .npz are",
    b"\xd0\xcf\x11\xe0": "a document of older Office programs, as Excel's .xls is",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    b"MATLAB 5.0": "a file of MATLAB's",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"7z\xbc\xaf": "a 7z archive",
    b"FEA1": "a Feather file of the first version",
    b"ORC": "an ORC file",
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickle"),
}
_MARKS = {  # the longer one first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextmanager
def opened(path: str) -> Iterator[tuple[str, BinaryIO]]:
    """Open a file, unpacked; give it with "text", or the name of its kind if it is another table.

    Raises
    ------
    ValueError
        If it can't be read or unpacked, or is known to be something else than a table.
    """
    try:
        with open(path, "rb", buffering=PEEKED) as file, _unpacked(file) as unpacked:
            yield _kind(path, unpacked), unpacked
    except _errors_of_unpacking() as error:
        refusal = getattr(error, "strerror", None)  # the system's
        what = f"read: {refusal}" if refusal else "unpacked, it is damaged or not whole"
        raise ValueError(f"{path} can't be {what}") from None


def lines_of(path: str, file: BinaryIO) -> Iterator[str]:
    """Yield a file's lines with their ends, decoded by its mark, else as UTF-8 with what is not as surrogates."""
    encoding = _named_by(_peek(file), _MARKS) or "utf-8"
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    try:
        with io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as text:
            number = 0
            while line := text.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise ValueError(f"{path}, line {number} is longer than {LONGEST_LINE:,} letters, expected a table")
                yield line.lstrip("\ufeff") if number == 1 else line  # some files have two marks
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not whole, or not in {encoding.upper()} as its first bytes say") from None


def decoded(text: str) -> str:
    """Return text with what was not UTF-8 read as Windows-1252, of which Latin-1 is a part."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return text


def _unpacked(file: BinaryIO) -> BinaryIO:
    module = _named_by(_peek(file), _PACKED)
    if module is None:
        return file
    unpacked: Any = import_module(module).open(file)
    return io.BufferedReader(unpacked, PEEKED)


def _kind(path: str, file: BinaryIO) -> str:
    """Return "text", or the name of a kind of table that is not."""
    start = _peek(file)
    kind = _named_by(start, _TABLES)
    what = "a tar archive" if start[257:262] == b"ustar" else _named_by(start, _OTHERS)
    if kind is None and what is not None:
        raise ValueError(f"{path} is {what}, expected a table of columns as text (.csv, also packed), Parquet or .npy")
    return kind or "text"


def _named_by(start: bytes, marks: dict[bytes, str]) -> str | None:
    return next((name for mark, name in marks.items() if start.startswith(mark)), None)


def _peek(file: BinaryIO) -> bytes:
    return file.peek(PEEKED)  # type: ignore[attr-defined, no-any-return]


def _errors_of_unpacking() -> tuple[type[Exception], ...]:
    """Return what modules that unpack raise, lzma's if it was imported."""
    lzma = sys.modules.get("lzma")
    return (OSError, EOFError, zlib.error, *([lzma.LZMAError] if lzma else []))
