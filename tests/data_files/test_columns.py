"""Data files as people have them: dialects of CSV, encodings, packed files, Parquet, and what is no table."""

from __future__ import annotations

import bz2
import datetime
import decimal
import gzip
import lzma
import math
import sys

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from fastgd.data_files.columns import read_columns
from fastgd.data_files.dialect import Dialect
from tests.tools.command import FIT, output, refusal, words

NUMBER = "expected a finite number"
THOUSANDS = "if it has thousands separators, write"
TWO = "expected 2 as in the first line"
SEPARATE = "seem to separate its columns: type --separator"
SEMICOLONS = f"semicolons {SEPARATE} ';'"
NUMBERS = (
    "its first line looks like numbers: if it names no columns, type --no-header and give columns by number, "
    "for example --no-header --x 1 --y 2"
)
DROP = "; --drop-missing leaves such rows out"
NO_TABLE = "expected a table of columns: lines with as many cells each"

# ---- what is read: a file's content, options, x and y

READ = {
    "a public table": (
        'Index, "Height(Inches)", "Weight(Pounds)"\n1, 65.78, 112.99\n2, 71.52, 136.49\n3, 69.40, 153.03\n',
        "--x Height(Inches) --y Weight(Pounds)",
        [65.78, 71.52, 69.4],
        [112.99, 136.49, 153.03],
    ),
    "quotes after a space": ('"x", "y"\n"1", "2"\n"2", "4"\n', "", [1, 2], [2, 4]),
    "spaces around quotes": ('"x" , "y" \n"1" , "2" \n 2 , 4 \n', "", [1, 2], [2, 4]),
    "quotes within a quoted name": ('i,"y",x\n"a "" , b","2",1\n"c",4,2\n', "", [1, 2], [2, 4]),
    "sep line": ("sep=;\nx;y\n1;2\n2;4\n", "", [1, 2], [2, 4]),
    "sep line of a tab": ("sep=\t\r\nx\ty\r\n1\t2\r\n2\t4\r\n", "", [1, 2], [2, 4]),
    "SEP line in quotes": ('"SEP=|"\nx|y\n1|2\n', "", [1], [2]),
    "sep line against what is typed": ("sep=,\nx;y\n1;2\n", "--separator ;", [1], [2]),
    "comment": ("# measured 2020\nx,y\n1,2\n2,4\n", "", [1, 2], [2, 4]),
    "comments that could be names": ("# Oslo, 2020\n\n#a,b\n\nx,y\n1,2\n2,4\n", "", [1, 2], [2, 4]),
    "comment with numbers": ("# 3,4\nx,y\n1,2\n", "", [1], [2]),
    "names in a comment": ("# x,y\n1,2\n2,4\n", "", [1, 2], [2, 4]),
    "names in a comment after others": ("# Oslo\n#x,y\n1,2\n", "", [1], [2]),
    "names in a comment above text": ("# i,x,y\na,1,2\nb,2,4\n", "", [1, 2], [2, 4]),
    "names in a comment, spaces": ("# x y\n1.0e+00 2.0e+00\n2.0e+00 4.0e+00\n", "--separator space", [1, 2], [2, 4]),
    "a column named #": ("#,x,y\n1,5,2\n2,6,4\n", "--x #", [1, 2], [2, 4]),
    "comments and no header": ("# Oslo\n1,2\n2,4\n", "--no-header --x 1 --y 2", [1, 2], [2, 4]),
    "decimal comma": ("x;y\n1,5;2,5\n-2;,5\n", "--separator ; --decimal ,", [1.5, -2], [2.5, 0.5]),
    "decimal comma in quotes": ('x,y\n"1,5",2\n"2,5e1",4\n', "--decimal ,", [1.5, 25], [2, 4]),
    "a comma in a name": ('x;y;"z, in mm"\n1;2;3\n2;4;5\n', "--separator ;", [1, 2], [2, 4]),
    "by name": ("x;y\n1;2\n", "--separator semicolon", [1], [2]),
    "bars": ("x|y\n1|2\n2|4\n", "--separator |", [1, 2], [2, 4]),
    "tabs": ("x\ty\n1\t2\n2\t4\n", "--separator tab", [1, 2], [2, 4]),
    "tabs, as text": ("x\ty\n1\t2\n", r"--separator '\t'", [1], [2]),
    "tabs, as they are": ("x\ty\n1\t2\n", "--separator '\t'", [1], [2]),
    "empty cells between tabs": ("x\t\ty\n1\t\t2\n", "--separator tab", [1], [2]),
    "an empty cell after a quoted one": ('x\ti\t\ty\n1\t"a"\t\t2\n', "--separator tab", [1], [2]),
    "spaces": ("x y\n1 2\n2 4\n", "--separator ' '", [1, 2], [2, 4]),
    "many spaces": ("  x     y \n  1  \t 2\n\n 20   4  \n", "--separator space", [1, 20], [2, 4]),
    "no header": ("6.5,17.5\n5.25,9\n8,13.5\n", "--no-header --x 1 --y 2", [6.5, 5.25, 8], [17.5, 9, 13.5]),
    "no header, a later column": ("a,1,2\nb,3,4\n", "--no-header --x 3 --y 2", [2, 4], [1, 3]),
    "no header, one row": ("1,2", "--no-header --x 1 --y 2", [1], [2]),
    "missing: blank": ("x,y\n24,21.6\n3530.15,\n72,74.0\n", "--drop-missing", [24, 72], [21.6, 74]),
    "missing: NA": ("x,y\n24,21.6\n3,NA\n72,74.0\n", "--drop-missing", [24, 72], [21.6, 74]),
    "missing: rows of commas": ("x,y\n1,2\n2,4\n,\n,\n", "--drop-missing", [1, 2], [2, 4]),
    "missing: in the first row": ("-,2\n1,3\n", "--no-header --x 1 --y 2 --drop-missing", [1], [3]),
    "missing: words": (
        "x,y\n1,2\n\\N,1\n(null),1\nn.a.,1\n1.#IND,1\n"
        "nan,1\nN/A,1\n#N/A,1\n?,1\n.,1\n-,1\nnull,1\nNone,1\n<NA>,1\nNaT,1\n ,1\n2,4\n",
        "--drop-missing",
        [1, 2],
        [2, 4],
    ),
    "missing: in other columns": ("x,y,z\n1,2,NA\n2,4,\n", "", [1, 2], [2, 4]),
    "bool": ("x,y\nTrue,2\nFALSE,4\n", "", [1, 0], [2, 4]),
    "one row": ("x,y\n1,2\n", "", [1], [2]),
    "without a last line's end": ("x,y\n1,2\n2,4", "", [1, 2], [2, 4]),
    "index": (",x,y\n0,1,2\n1,2,4\n", "", [1, 2], [2, 4]),
    "ends of lines: CRLF": ("x,y\r\n1,2\r\n\r\n2,4\r\n", "", [1, 2], [2, 4]),
    "ends of lines: CR": ("x,y\r1,2\r2,4\r", "", [1, 2], [2, 4]),
    "a separator after all": ("x,y,\n1,2,\n2,4,\n", "", [1, 2], [2, 4]),
    "names with spaces, typed with more": ("x ,y\n1,2\n", "--x ' x'", [1], [2]),
    "latin 1": ("x,y,größe\n1,2,3\n2,4,ö\n".encode("latin-1"), "", [1, 2], [2, 4]),
    "latin 1, asked for": ("größe,y\n1,2\n2,4\n".encode("latin-1"), "--x größe", [1, 2], [2, 4]),
    "UTF-8 with its mark": ("x,y\n1,2\n2,4\n".encode("utf-8-sig"), "", [1, 2], [2, 4]),
    "UTF-8 with two marks": (2 * "\ufeff".encode() + b"x,y\n1,2\n", "", [1], [2]),
    "UTF-16": ("x,y\n1,2\n2,4\n".encode("utf-16"), "", [1, 2], [2, 4]),
    "UTF-16, the other order": (b"\xfe\xff" + "x,y\n1,2\n".encode("utf-16-be"), "", [1], [2]),
    "UTF-32": ("x,y\n1,2\n".encode("utf-32"), "", [1], [2]),
    "UTF-16, tabs, as Excel writes": ("x\ty\r\n1\t2\r\n".encode("utf-16"), "--separator tab", [1], [2]),
    "gzip": (gzip.compress(b"x,y\n1,2\n2,4\n", mtime=0), "", [1, 2], [2, 4]),
    "bzip2": (bz2.compress(b"x,y\n1,2\n2,4\n"), "", [1, 2], [2, 4]),
    "xz": (lzma.compress("x,y\n1,2\n2,4\n".encode("utf-16")), "", [1, 2], [2, 4]),
}


def typed(options):
    """Return a command's options, x and y by name and a rate where these are not given."""
    given = words(options)
    rest = [] if "--y" in given else ["--y", "y"]
    return [*([] if "--x" in given else ["--x", "x"]), *rest, *given, *words("--learning-rate 0.01 --max-steps 0")]


@pytest.mark.parametrize("kind", READ)
def test_what_is_read(capsys, data, monkeypatch, kind):
    content, options, x, y = READ[kind]
    seen = []

    def read(*arguments):
        seen.append(read_columns(*arguments))
        return seen[0]

    monkeypatch.setattr("fastgd.cli.problem.read_columns", read)
    printed = output(capsys, "sweep", data(content), *typed(options))
    for column, expected in zip(seen[0].columns, (x, y), strict=True):
        np.testing.assert_array_equal(column, expected)
    samples = f"{len(x)} sample{'s' * (len(x) != 1)}"
    assert f"1 configuration of LinearFit({samples}, 1 feature" in printed


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("x,y\n24,21.6\n3,NA\n72,74.0\n", "left out 1 of 3 rows, with nothing in one of the columns"),
        ("x,y\n1,2\n,\n3,\n,4\n", "left out 3 of 4 rows, with nothing in one of the columns"),
        ("x,y\n1,2\n", "left out 0 of 1 row, with nothing in one of the columns"),
    ],
)
@pytest.mark.parametrize("verb", ["sweep", "descend"])
def test_rows_that_are_left_out_are_counted(capsys, data, verb, content, line):
    assert line in output(capsys, verb, data(content), *FIT, "--drop-missing").splitlines()[:2]


def test_a_first_line_of_numbers_is_not_taken_for_names_in_silence(capsys, data):
    note = "the first line is taken for names, which are numbers; --no-header takes it for a row"
    path, rate = data("1,2\n3,4\n5,6\n"), words("--learning-rate 0.01 --max-steps 0")
    named = output(capsys, "sweep", path, *words("--x 1 --y 2"), *rate)
    assert named.splitlines()[0] == note
    assert "LinearFit(2 samples" in named
    by_number = output(capsys, "sweep", path, *words("--x 1 --y 2 --no-header"), *rate)
    assert note not in by_number
    assert "LinearFit(3 samples" in by_number
    assert note not in output(capsys, "sweep", data("1,y\n3,4\n"), *words("--x 1 --y y"), *rate)


def test_columns_by_number_are_named_by_it(capsys, data):
    printed = output(capsys, "descend", data("1,2,5\n2,4,6\n"), *typed("--no-header --x 2 --x 1 --y 3 --weight 1"))
    assert printed.splitlines()[0].split() == ["step", "loss", "x2", "x1", "b"]


# ---- what is refused: a file's content, options, the sentence

REFUSED = {
    "a separator after rows": ("x,y\n1,2,\n2,4,\n", "", f", line 2: 3 cells, {TWO}; it ends in a separator"),
    "cells too few": ("x,y,z\n1,2\n2,4,5\n", "", ", line 2: 2 cells, expected 3 as in the first line"),
    "footer": ("x,y\n1,2\n2,4\nTotal: 2 rows\n", "", f", line 4: 1 cell, {TWO}"),
    "footer with --drop-missing": ("x,y\n1,\nTotal\n", "--drop-missing", f", line 3: 1 cell, {TWO}"),
    "below comments": ("# Oslo\nx,y\n1,2\n3\n", "", ", line 4: 1 cell, expected 2 as in line 2"),
    "comment below": ("x,y\n1,2\n# end\n", "", f", line 3: 1 cell, {TWO}; comments may stand above the names only"),
    "names again": (
        "x,y\n1,2\nx,y\n2,4\n",
        "",
        f", line 3: column 'x' has 'x', {NUMBER}; this line repeats the names of the columns",
    ),
    "NUL": ("x,y\n1,2\0\n2,4\n", "", rf", line 2: column 'y' has '2\x00', {NUMBER}; it has a NUL byte"),
    "blank": ("x,y\n24,21.6\n3530.15,\n", "", f", line 3: column 'y' has nothing, {NUMBER}{DROP}"),
    "NA": ("x,y\n24,21.6\n3,NA\n", "", f", line 3: column 'y' has 'NA', {NUMBER}{DROP}"),
    "rows of commas": ("x,y\n1,2\n,\n", "", f", line 3: column 'x' has nothing, {NUMBER}{DROP}"),
    "nothing but missing": (
        "x,y\n1,\n,2\n",
        "--drop-missing",
        " has no row with a number in each of these columns, expected one at least",
    ),
    "infinite with --drop-missing": ("x,y\n1,inf\n", "--drop-missing", f", line 2: column 'y' has 'inf', {NUMBER}"),
    "semicolons": ("x;y\n1;2\n", "", f" has no column 'x', it has 'x;y'; {SEMICOLONS}"),
    "semicolons and decimal commas": (
        "x;y\n1,5;2,5\n",
        "",
        f" has no column 'x', it has 'x;y'; {SEMICOLONS} --decimal ,",
    ),
    "semicolons, a comma in a name": (
        'x;y;"z, in mm"\n1;2;3\n',
        "",
        f" has no column 'x', it has 'x;y;\"z', 'in mm\"'; {SEMICOLONS}",
    ),
    "semicolons and quotes": (
        '"x";"y"\n"1";"2"\n',
        "",
        f", line 1: a quote is closed before the end of its cell; {SEMICOLONS}",
    ),
    "semicolons, other names": ("a;b\n1;2\n", "", f" has no column 'x', it has 'a;b'; {SEMICOLONS}"),
    "semicolons below a comment": ("# x;y\n1;2\n", "", f" has no column 'x', it has '1;2'; {SEMICOLONS}"),
    "semicolons, no header": (
        "1;2\n2;4\n",
        "--no-header --x 1 --y 2",
        f" has 1 column, expected 2 at least; {SEMICOLONS}",
    ),
    "commas where semicolons are typed": (
        "x,y\n1,2\n",
        "--separator ;",
        f" has no column 'x', it has 'x,y'; commas {SEPARATE} ,",
    ),
    "decimal commas, untold": (
        "x;y\n1,5;2,5\n",
        "--separator ;",
        f", line 2: column 'x' has '1,5', {NUMBER}; if ',' is its decimal mark, type --decimal ,",
    ),
    "decimal points where commas are typed": (
        "x;y\n1.5;2\n",
        "--separator ; --decimal ,",
        f", line 2: column 'x' has '1.5', {NUMBER}; if '.' is its decimal mark, leave out --decimal",
    ),
    "bars": ("x|y\n1|2\n", "", f" has no column 'x', it has 'x|y'; vertical bars {SEPARATE} '|'"),
    "tabs": ("x\ty\n1\t2\n", "", rf" has no column 'x', it has 'x\ty'; tabs {SEPARATE} tab"),
    "spaces": ("x y\n1 2\n", "", f" has no column 'x', it has 'x y'; spaces {SEPARATE} space"),
    "no header": ("6.5,17.5\n5.25,9\n", "", f" has no column 'x', it has '6.5', '17.5'; {NUMBERS}"),
    "header that is no header": (
        "x,y\n1,2\n",
        "--no-header --x 1 --y 2",
        f", line 1: column 1 has 'x', {NUMBER}; leave out --no-header if this line names the columns",
    ),
    "no such number": ("1,2\n", "--no-header --x 1 --y 3", " has 2 columns, expected 3 at least"),
    "thousands": (
        'x,y\n"1,200",5\n',
        "",
        f", line 2: column 'x' has '1,200', {NUMBER}; {THOUSANDS} 1200; if ',' is its decimal mark, type --decimal ,",
    ),
    "millions": (
        'x,y\n"-1,234,567.89",5\n',
        "",
        f", line 2: column 'x' has '-1,234,567.89', {NUMBER}; {THOUSANDS} -1234567.89",
    ),
    "thousands by spaces": ("x,y\n1 200,5\n", "", f", line 2: column 'x' has '1 200', {NUMBER}; {THOUSANDS} 1200"),
    "thousands by points": (
        "x;y\n1.200,5;2\n",
        "--separator ; --decimal ,",
        f", line 2: column 'x' has '1.200,5', {NUMBER}; {THOUSANDS} 1200,5",
    ),
    "thousands by commas where decimal commas are typed": (
        "x;y\n1,200.5;2\n",
        "--separator ; --decimal ,",
        f", line 2: column 'x' has '1,200.5', {NUMBER}; {THOUSANDS} 1200,5; "
        "if '.' is its decimal mark, leave out --decimal",
    ),
    "thousands by points, untold": (
        "x;y\n1.200,5;2\n",
        "--separator ;",
        f", line 2: column 'x' has '1.200,5', {NUMBER}; {THOUSANDS} 1200.5; "
        "if ',' is its decimal mark, type --decimal ,",
    ),
    "thousands by commas, untold": (
        'x,y\n"1,200.5",2\n',
        "",
        f", line 2: column 'x' has '1,200.5', {NUMBER}; {THOUSANDS} 1200.5",
    ),
    "MySQL's NULL": ("x,y\n\\N,2\n", "", f", line 2: column 'x' has '\\\\N', {NUMBER}{DROP}"),
    "another minus": (
        "x,y\n\u22121,2\n",
        "",
        f", line 2: column 'x' has '\u22121', {NUMBER}; its minus sign is another character than '-'",
    ),
    "unit": ("x,y\n5 mmHg,2\n", "", f", line 2: column 'x' has '5 mmHg', {NUMBER}"),
    "name twice": ("x,y,y\n1,2,3\n", "", " has 2 columns named 'y', expected one"),
    "capital": ("X,Y\n1,2\n", "", " has no column 'x', it has 'X', 'Y'; did you mean 'X'?"),
    "nearly": (
        "size (m),y\n1,2\n",
        "--x Size(m)",
        " has no column 'Size(m)', it has 'size (m)', 'y'; did you mean 'size (m)'?",
    ),
    "title": (
        "My data\n\nx,y\n1,2\n",
        "",
        " has no column 'x', it has 'My data'; line 3 has these names: remove what stands above it",
    ),
    "lines in quotes": (
        '"x,y"\n"1,2"\n',
        "",
        " has no column 'x', it has 'x,y'; its lines are in quotes as wholes: remove these",
    ),
    "JSON": ('[{"x":1,"y":2},{"x":2,"y":4}]', "", f" is JSON, {NO_TABLE}"),
    "JSON in lines": ('{"x":1,"y":2}\n{"x":2,"y":4}\n', "", f" is JSON, {NO_TABLE}"),
    "JSON, spread": ('{\n  "x": [1, 2],\n  "y": [2, 4]\n}\n', "", f" is JSON, {NO_TABLE}"),
    "JSON, no header": ("[[1,2],[3,4]]", "--no-header --x 1 --y 2", f" is JSON, {NO_TABLE}"),
    "HTML": ("<html><body>404</body></html>\n", "", f" is HTML or XML, {NO_TABLE}"),
    "HTML5": ("\n<!DOCTYPE html>\n<p>404\n", "", f" is HTML or XML, {NO_TABLE}"),
    "XML": ('<?xml version="1.0"?>\n<x>1</x>\n', "", f" is HTML or XML, {NO_TABLE}"),
    "UTF-16 without its mark": (
        "x,y\n1,2\n".encode("utf-16-le"),
        "",
        f" is text in UTF-16 or UTF-32 without its mark, or no text, {NO_TABLE}",
    ),
    "packed and cut": (
        gzip.compress(b"x,y\n1,2\n" * 9, mtime=0)[:-9],
        "",
        " can't be unpacked, it is damaged or not whole",
    ),
    "packed and damaged": (
        gzip.compress(b"x,y\n1,2\n", mtime=0)[:-8] + b"\0" * 8,
        "",
        " can't be unpacked, it is damaged or not whole",
    ),
    "bzip2 and damaged": (
        bz2.compress(b"x,y\n1,2\n" * 9)[:20] + b"!" * 20,
        "",
        " can't be unpacked, it is damaged or not whole",
    ),
    "xz and damaged": (
        lzma.compress(b"x,y\n1,2\n")[:20] + b"!" * 20,
        "",
        " can't be unpacked, it is damaged or not whole",
    ),
}


DATES = [
    *("2020-01-01", "2020-01", "2020/1/31", "01.02.2020", "1/2/20", "2020-01-01T12:00:00Z", "2020-01-01 12:00"),
    *("12:30", "12:30:15.5", "3 Jan 2020", "3-Feb-2020", "January 3, 2020", "Mar 2020"),
]


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(capsys, data, kind):
    content, options, sentence = REFUSED[kind]
    path = data(content)
    assert refusal(capsys, "sweep", path, *typed(options)) == path + sentence


@pytest.mark.parametrize("text", DATES)
def test_dates_are_named(capsys, data, text):
    path = data(f'x,y\n"{text}",2\n')
    expected = f"{path}, line 2: column 'x' holds dates or times, got {text!r}, expected finite numbers"
    assert refusal(capsys, "sweep", path, *FIT) == expected


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0", "a zip archive, as Excel's .xlsx and NumPy's .npz are"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of older Office programs, as Excel's .xls is"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x80\x04\x95", "a pickle"),
        (b"x.csv".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
        (gzip.compress(b"x.csv".ljust(257, b"\0") + b"ustar\x0000", mtime=0), "a tar archive"),
    ],
)
@pytest.mark.parametrize("name", ["d.xlsx", "d.csv"])
def test_what_is_no_table_is_named(capsys, data, start, what, name):
    path = data(start, name)
    expected = f"{path} is {what}, expected a table of columns as text (.csv, also packed), Parquet or .npy"
    assert refusal(capsys, "sweep", path, *FIT) == expected


def test_a_file_may_be_named_as_an_option_is(capsys, data):
    path = data("a,y\n1,2\n", "learning_rate.csv")
    sentence = refusal(capsys, "sweep", path, *FIT)
    assert sentence.startswith(f"{path} has no column 'x'")
    sentence = refusal(capsys, "sweep", path, "--x", "max_steps", *words("--y y --learning-rate 1"))
    assert sentence == f"{path} has no column 'max_steps', it has 'a', 'y'"


# ---- Parquet and Arrow


def arrow_file(folder, columns, kind="parquet"):
    """Write columns by name; return the path."""
    table = pyarrow.Table.from_arrays([pyarrow.array(values) for _, values in columns], [name for name, _ in columns])
    path = str(folder / f"d.{kind}")
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, path)
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_arrow_is_read(tmp_path, kind):
    columns = [
        ("a", np.array([1, 2, 4], dtype=np.int8)),
        ("a.b", np.array([0.5, 0.25, 0.1], dtype=np.float32)),
        ("c", [True, False, True]),
        ("d", [decimal.Decimal("1.50"), decimal.Decimal("-2.25"), decimal.Decimal("0.00")]),
        ("note", ["p", "q", "r"]),
    ]
    path = arrow_file(tmp_path, columns, kind)
    table = read_columns(path, ["d", "a.b", "a", "c", "a"])
    assert (table.rows, table.dropped) == (3, 0)
    d, ab, a, c, again = table.columns
    assert d.tolist() == [1.5, -2.25, 0.0]
    assert ab.tolist() == np.float32([0.5, 0.25, 0.1]).tolist()
    assert a.tolist() == again.tolist() == [1.0, 2.0, 4.0]
    assert c.tolist() == [1.0, 0.0, 1.0]
    assert all(values.dtype == np.float64 for values in table.columns)


def test_arrow_rows_without_numbers_are_left_out(capsys, tmp_path):
    path = arrow_file(tmp_path, [("x", [1, None, 3, 4]), ("y", [2.0, 4.0, math.nan, 8.0])])
    table = read_columns(path, ["x", "y"], Dialect(drop_missing=True))
    assert [values.tolist() for values in table.columns] == [[1.0, 4.0], [2.0, 8.0]]
    assert "left out 2 of 4 rows" in output(capsys, "sweep", path, *FIT, "--drop-missing")
    sentence = f"{path}, row 2: column 'x' has nothing, expected a finite number{DROP}"
    assert refusal(capsys, "sweep", path, *FIT) == sentence


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ([("X", [1.0]), ("y", [2.0])], " has no column 'x', it has 'X', 'y'; did you mean 'X'?"),
        ([("x", [1.0]), ("x", [1.0]), ("y", [2.0])], " has 2 columns named 'x', expected one"),
        ([("x", ["a"]), ("y", [2.0])], ": column 'x' is of type string, expected finite numbers"),
        (
            [("x", [datetime.date(2020, 1, 1)]), ("y", [2.0])],
            ": column 'x' holds dates or times, expected finite numbers",
        ),
        ([("x", [1.0, math.inf]), ("y", [2.0, 3.0])], ", row 2: column 'x' has 'inf', expected a finite number"),
        ([("x", np.empty(0)), ("y", np.empty(0))], " has names of columns and no rows, expected rows of numbers"),
    ],
)
@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_what_is_wrong_with_arrow_is_one_sentence(capsys, tmp_path, kind, columns, sentence):
    path = arrow_file(tmp_path, columns, kind)
    assert refusal(capsys, "sweep", path, *FIT) == path + sentence


def test_options_of_text_are_for_text(capsys, tmp_path):
    path = arrow_file(tmp_path, [("x", [1.0]), ("y", [2.0])])
    for options in (["--separator", ";"], ["--decimal", ","]):
        expected = f"{path} must be a text file with --separator, --decimal or --no-header, got Parquet"
        assert refusal(capsys, "sweep", path, *FIT, *options) == expected


@pytest.mark.parametrize(("kind", "named"), [("parquet", "a Parquet"), ("feather", "an Arrow")])
def test_damaged_arrow_is_one_sentence(capsys, tmp_path, kind, named):
    path = arrow_file(tmp_path, [("x", [1.0]), ("y", [2.0])], kind)
    with open(path, "r+b") as file:
        file.truncate(100)
    assert refusal(capsys, "sweep", path, *FIT) == f"{path} can't be read as {named} file, it is damaged or not whole"


def test_parquet_without_pyarrow_says_what_to_install(capsys, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = data(b"PAR1....", "d.parquet")
    expected = f"{path} is a Parquet file, which needs the package pyarrow: pip install 'fastgd[table]'"
    assert refusal(capsys, "sweep", path, *FIT) == expected
