"""Files whose columns are more than memory is meant for: text and Parquet by temporary files, .npy as it lies."""

from __future__ import annotations

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from fastgd.data_files import columns, spooled
from fastgd.data_files.columns import read_columns
from fastgd.data_files.dialect import Dialect
from fastgd.sources import streamed
from tests.tools.command import as_csv, linear_table, output, refusal
from tests.tools.processes import run

ROWS = 6000
FIT = ["--x", "a", "--x", "b", "--y", "y", "--learning-rate", "1e-3:1e-1:5", "--max-steps", "20", "--json"]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(spooled, "IN_MEMORY", 0)
    monkeypatch.setattr(columns, "ROWS_AT_ONCE", 1000)
    monkeypatch.setattr(streamed, "LOADED", 0)
    monkeypatch.setattr(streamed, "PIECE_BYTES", 1 << 14)


def text(folder):
    path = folder / "big.csv"
    path.write_text(as_csv(*linear_table(ROWS), "a,b,y"))
    return str(path)


def parquet(folder):
    X, y = linear_table(ROWS)
    path = str(folder / "big.parquet")
    table = pyarrow.table({"a": X[:, 0], "b": X[:, 1], "y": y})
    pyarrow.parquet.write_table(table, path, row_group_size=999)
    return path


def table_of_numpy(folder):
    X, y = linear_table(ROWS)
    np.save(folder / "big.npy", np.column_stack([X, y]))
    return str(folder / "big.npy")


def records_of_numpy(folder):
    X, y = linear_table(ROWS)
    records = np.empty(ROWS, [("a", float), ("b", float), ("y", float)])
    records["a"], records["b"], records["y"] = *X.T, y
    np.save(folder / "records.npy", records)
    return str(folder / "records.npy")


def told(capsys, path, fit=FIT):
    """Return what a sweep of a file answers, but for times and what tells that it was streamed."""
    answer = json.loads(output(capsys, "sweep", path, *fit))
    return json.dumps(answer["best"])


@pytest.mark.parametrize("make", [text, parquet, records_of_numpy])
def test_the_same_answer_as_in_memory(make, capsys, tmp_path, monkeypatch, small):
    found = told(capsys, make(tmp_path))
    monkeypatch.undo()
    assert found == told(capsys, text(tmp_path))


def test_columns_of_an_array_have_numbers(capsys, tmp_path, small):
    path = table_of_numpy(tmp_path)
    by_number = ["--x", "1", "--x", "2", "--y", "3", *FIT[6:]]
    by_name = told(capsys, text(tmp_path)).replace('"_b"', '"b"')
    found = told(capsys, path, by_number).replace('"1"', '"a"').replace('"2"', '"b"', 1)
    assert found.replace('"_b"', '"b"') == by_name
    assert refusal(capsys, "sweep", path, *FIT) == f"{path} has no column 'a', it has '1', '2', '3'"


def test_rows_are_left_out_part_by_part(tmp_path, small):
    path = tmp_path / "gaps.csv"
    path.write_text("x,y\n" + "".join(f"{k},{'' if k % 7 == 0 else k * k}\n" for k in range(5000)))
    table = read_columns(str(path), ["y", "x"], Dialect(drop_missing=True))
    kept = np.array([k for k in range(5000) if k % 7])
    assert isinstance(table.columns[0], np.memmap)
    assert (table.rows, table.dropped) == (5000, 5000 - len(kept))
    assert table.columns[1].tolist() == kept.tolist()
    assert table.columns[0].tolist() == (kept**2).tolist()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x93NUMPY\x01\0", "can't be read as a NumPy file, it is damaged, not whole, or of objects"),
        (np.zeros((2, 3, 4)), "must be a table of rows and columns, or of records, got an array of (2, 3, 4)"),
        (np.zeros((0, 3)), "has columns and no rows, expected rows of numbers"),
        (np.array([["p", "q", "r"]]), "column '1' is of type <U1, expected finite numbers"),
        (np.array([[1.0, np.nan, 3.0]]), ""),
    ],
)
def test_sentences_of_numpy_files(content, sentence, capsys, tmp_path):
    path = tmp_path / "d.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    refused = refusal(capsys, "sweep", str(path), "--x", "1", "--x", "2", "--y", "3", "--learning-rate", "0.1")
    assert sentence in refused
    assert str(path) in refused or "must be finite, got nan" in refused


FULL = """
import resource, signal, sys
from fastgd.data_files import columns, spooled

spooled.IN_MEMORY = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    columns.read_columns(sys.argv[1], ["a", "y"])
except ValueError as error:
    print(error)
"""


@pytest.mark.process
def test_no_room_for_a_temporary_file(tmp_path):
    path = text(tmp_path)
    told = run(FULL, path)
    assert told.startswith(f"{path} has columns that do not fit into ")
    assert "set the environment variable TMPDIR" in told
