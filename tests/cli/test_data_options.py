"""The command line on CSV files: what their columns become, and what is wrong with a file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

import fastgd
from fastgd.data_files import columns as table
from tests.tools.command import FIT, as_csv, linear_table, output, refusal, swept, words

# ---- CSV files


def test_columns_become_a_linear_fit(capsys, data, tmp_path):
    X, y = linear_table()
    path = data(as_csv(X, y, "width,b,price"))
    result = swept(capsys, tmp_path, path, *words("--x b --x width --y price --learning-rate 0.01,0.1 --max-steps 50"))
    assert list(result["parameters"]) == ["b", "width", "_b"]
    expected = fastgd.sweep(fastgd.LinearFit(X[:, ::-1], y), learning_rate=[0.01, 0.1], max_steps=50)
    np.testing.assert_array_equal(result["theta"], expected.theta)
    np.testing.assert_array_equal(result["loss"], expected.loss)


def test_fit_without_intercept_by_the_sum(capsys, data, tmp_path):
    X, y = linear_table()
    path = data(as_csv(X, y, "u,v,w"))
    arguments = words("--x u --x v --y w --no-intercept --reduction sum --learning-rate 1e-4 --max-steps 50")
    result = swept(capsys, tmp_path, path, *arguments)
    assert list(result["parameters"]) == ["u", "v"]
    problem = fastgd.LinearFit(X, y, intercept=False, reduction="sum")
    np.testing.assert_array_equal(result["theta"], fastgd.descend(problem, learning_rate=1e-4, max_steps=50).theta)


@pytest.mark.parametrize(
    ("word", "loss"),
    [
        ("absolute", "absolute"),
        ("log-cosh", fastgd.LogCosh()),
        ("huber:0.25", fastgd.Huber(0.25)),
        ("squared", "squared"),
    ],
)
def test_losses_weights_and_penalty(capsys, data, tmp_path, word, loss):
    X, y = linear_table()
    weights = np.arange(len(y)) % 3
    path = data(as_csv(np.column_stack([X, weights]), y, "u,v,weight,w"))
    arguments = words("--x u --x v --y w --weight weight --l2 0.5 --learning-rate 1e-3 --max-steps 50 --loss")
    result = swept(capsys, tmp_path, path, *arguments, word)
    problem = fastgd.LinearFit(X, y, loss=loss, sample_weight=weights, l2=0.5)
    np.testing.assert_array_equal(result["theta"], fastgd.descend(problem, learning_rate=1e-3, max_steps=50).theta)


def test_degree_makes_a_polynomial_fit(capsys, data, tmp_path):
    X, y = linear_table()
    path = data(as_csv(X, y, "u,v,w"))
    result = swept(capsys, tmp_path, path, *words("--x u --y w --degree 3 --learning-rate 0.01 --max-steps 50"))
    assert list(result["parameters"]) == ["c0", "c1", "c2", "c3"]
    problem = fastgd.PolynomialFit(X[:, 0], y, 3)
    np.testing.assert_array_equal(result["theta"], fastgd.descend(problem, learning_rate=0.01, max_steps=50).theta)


def test_file_has_a_step_limit_by_default(capsys, data):
    path = data("x,y\n1,2\n2,4\n")
    assert output(capsys, "sweep", path, *FIT).startswith(
        "by default: --max-steps 1000\n1 configuration of LinearFit(2"
    )
    assert "by default" not in output(capsys, "sweep", path, *FIT, "--max-steps", "10")


@pytest.mark.parametrize("rows_at_once", [1, 2, 65_536])
@pytest.mark.parametrize(
    "content",
    [
        'x,note,y\n1,one,2.5\n-2e-3,,4\n3,"a, b",.5\n',
        b"\xef\xbb\xbfx,note,y\r\n1,,2.5\r\n\r\n-2e-3,,4\r\n3,,.5",
        '\n x , note ,y\n \n 1 ,,2.5\n-0.002,"two\nlines",4\n3,,0.5\n\n',
    ],
)
def test_tables_are_read(data, monkeypatch, content, rows_at_once):
    monkeypatch.setattr(table, "ROWS_AT_ONCE", rows_at_once)
    y, x = table.read_columns(data(content), ["y", "x"]).columns
    assert x.tolist() == [1.0, -0.002, 3.0]
    assert y.tolist() == [2.5, 4.0, 0.5]


@pytest.mark.parametrize("rows_at_once", [1, 65_536])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "FILE is empty, expected a line with the names of the columns and then rows of numbers"),
        ("\n\r\n \n", "FILE is empty, expected a line with the names of the columns and then rows of numbers"),
        ('""\n', "FILE is empty, expected a line with the names of the columns and then rows of numbers"),
        ("x,y\n", "FILE has a line of names and no rows below it, expected rows of numbers"),
        ("a,y\n1,2\n", "FILE has no column 'x', it has 'a', 'y'"),
        (
            ",".join(f"c{k}" for k in range(25)) + "\n",
            f"FILE has no column 'x', it has {', '.join(repr(f'c{k}') for k in range(20))} and 5 more",
        ),
        ("x,x,y\n1,2,3\n", "FILE has 2 columns named 'x', expected one"),
        (
            "x,y\n1,2\n\n,4\n",
            "FILE, line 4: column 'x' has nothing, expected a finite number; --drop-missing leaves such rows out",
        ),
        (
            "x,y\n1,2\n3,  \n",
            "FILE, line 3: column 'y' has '  ', expected a finite number; --drop-missing leaves such rows out",
        ),
        ("x,y\n1,2\nabc,4\n", "FILE, line 3: column 'x' has 'abc', expected a finite number"),
        (
            "x,y\n1,2\n3,nan\n",
            "FILE, line 3: column 'y' has 'nan', expected a finite number; --drop-missing leaves such rows out",
        ),
        ("x,y\n1,2\n3,-inf\n", "FILE, line 3: column 'y' has '-inf', expected a finite number"),
        ("x,y\n1,1e999\n", "FILE, line 2: column 'y' has '1e999', expected a finite number"),
        ("x,y\n1_000,2\n", "FILE, line 2: column 'x' has '1_000', expected a finite number"),
        ("x,y\n__import__('os'),2\n", "FILE, line 2: column 'x' has \"__import__('os')\", expected a finite number"),
        ("x,y\n1,2\n3\n", "FILE, line 3: 1 cell, expected 2 as in the first line"),
        ("x,y\n1,2,3\n", "FILE, line 2: 3 cells, expected 2 as in the first line"),
        (b"x,y\n1,\xff\n", "FILE, line 2: column 'y' has '\u00ff', expected a finite number"),
        ("x,y\n1,2\n".encode("utf-16")[:-1], "FILE is not whole, or not in UTF-16 as its first bytes say"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(capsys, data, monkeypatch, content, sentence, rows_at_once):
    monkeypatch.setattr(table, "ROWS_AT_ONCE", rows_at_once)
    path = data(content)
    expected = sentence.replace("FILE", path).replace("'  '", "nothing")
    assert refusal(capsys, "sweep", path, *FIT) == expected
    assert refusal(capsys, "descend", path, *FIT) == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('x,y\n1,2\n3,"4\n5,6\n7,8\n', "line 3: a quote is opened and not closed"),
        ('x,y\n"1"2,3\n', "line 2: a quote is closed before the end of its cell"),
        ('x,y\n"1" 2,3\n', "line 2: a quote is closed before the end of its cell"),
        ('x,y\n1,2\n"' + "3,4\n" * 40_000, "line 3: a cell has more than 131,072 letters, is a quote not closed?"),
    ],
)
def test_broken_quotes_are_one_sentence(capsys, data, content, sentence):
    path = data(content)
    assert refusal(capsys, "sweep", path, *FIT) == f"{path}, {sentence}"


def test_pipe_serves_as_a_file(capsys, tmp_path):
    path = str(tmp_path / "pipe.csv")
    os.mkfifo(path)
    writer = threading.Thread(target=Path(path).write_text, args=("x,y\n1,2\n2,4\n",))
    writer.start()
    assert "LinearFit(2 samples" in output(capsys, "sweep", path, *FIT)
    writer.join()
