"""The command line: what it prints and writes, what it refuses and how, and how its process ends."""

from __future__ import annotations

import fcntl
import importlib.metadata
import inspect
import json
import math
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

import fastgd
from fastgd import table
from fastgd.cli import main
from fastgd.lessons import LESSONS
from fastgd.parser import build_parser

ROOT = Path(fastgd.__file__).parent.parent
PIZZA = str(ROOT / "fastgd" / "pizza.csv")
SLOW = ["sweep", "sine", "--engine", "samples", "--learning-rate", "1e-9:1e-6:20000"]  # half a minute
FIT = ["--x", "x", "--y", "y", "--learning-rate", "0.01"]


def words(line):
    return shlex.split(line)


def command(*arguments, **options):
    """Start the real command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "fastgd", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT} | options,
    )


def output(capsys, *arguments):
    """Run a command that succeeds in this process and return what it prints."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refusal(capsys, *arguments):
    """Run a command that is refused and return the sentence."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    prefix = f"fastgd {arguments[0]}: error: "
    assert captured.err.startswith(prefix)
    assert captured.err.endswith("\n")
    sentence = captured.err.removeprefix(prefix).removesuffix("\n")
    assert "\n" not in sentence
    return sentence


def python(code, *arguments):
    """Run Python code in a process of its own and return what it prints."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture
def data(tmp_path):
    """Write a CSV file and return its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


# ---- what every lesson gives without options


def test_sweep_sine_finds_the_least_squares_cubic(capsys, tmp_path):
    out = str(tmp_path / "sine.npz")
    text = output(capsys, "sweep", "sine", "--out", out)
    assert text.startswith("by default: --learning-rate 1e-9:1e-5:10000 --max-steps 2000\n10,000 configurations of")
    assert len(text.splitlines()) <= 16
    result = np.load(out)
    assert result["learning_rate"].shape == (10_000,)
    assert result["max_steps"] == 2000
    x = np.linspace(-np.pi, np.pi, 2000)
    best = result["theta"][np.argmin(np.where(result["status"] >= 0, result["loss"], np.inf))]
    np.testing.assert_allclose(best, np.polynomial.polynomial.polyfit(x, np.sin(x), 3), atol=5e-4)
    hessian = 2.0 * np.vander(x, 4).T @ np.vander(x, 4)
    limit = 2.0 / np.linalg.eigvalsh(hessian).max()
    rates = result["learning_rate"]
    assert rates[result["status"] >= 0].max() == rates[rates < limit].max()


def test_sweep_pizza_converges_up_to_the_published_limit(capsys, tmp_path):
    out = str(tmp_path / "pizza.npz")
    text = output(capsys, "sweep", "pizza", "--out", out, "--timing")
    assert "SMALL_GRADIENT" in text
    assert "GFLOP/s" in text or "engine         spectral" in text
    result = np.load(out)
    rates = result["learning_rate"]
    assert rates[result["status"] >= 0].max() == rates[rates < 0.00455510].max()
    pizza = np.loadtxt(PIZZA, delimiter=",", skiprows=1)
    slope, intercept = np.polyfit(pizza[:, 0], pizza[:, 1], 1)
    np.testing.assert_allclose(result["theta"][result["status"] == 2][-1], [slope, intercept], rtol=1e-5)


def test_sweep_square_separates_crawling_converging_and_growing_rates(capsys, tmp_path):
    out = str(tmp_path / "square.npz")
    output(capsys, "sweep", "square", "--out", out)
    result = np.load(out)
    rates, status = result["learning_rate"], result["status"]
    assert (status[rates > 1.0] < 0).all()
    assert (status[rates < 0.001 * 1.001] == fastgd.Status.MAX_STEPS).all()
    assert (status[(rates > 0.002) & (rates < 0.9)] == fastgd.Status.SMALL_UPDATE).all()


def test_sweep_dart_shows_degrees(capsys):
    text = output(capsys, "sweep", "dart")
    angle = float(re.search(r"best angle +(\S+) degrees", text)[1])
    assert abs(angle - 50.7) < 0.1  # the upper of the two published minima
    assert "REACHED_LOSS" in text


@pytest.mark.parametrize("lesson", LESSONS)
def test_listed_command_works(capsys, lesson):
    program, *arguments = words(LESSONS[lesson].command)
    assert program == "fastgd"
    assert arguments[1] == lesson
    assert len(output(capsys, *arguments).splitlines()) > 4


def test_examples_are_listed_with_a_command_each(capsys):
    lines = output(capsys, "examples").splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(LESSONS)
    assert [line.split()[:3:2] for line in lines[1::2]] == [["fastgd", name] for name in LESSONS]


# ---- descend


def rows_of(text):
    """Return the header and the numbers of a printed trajectory."""
    header, *lines = [line.split() for line in text.splitlines() if not line.startswith("by default")]
    return header, np.array([[float(cell.replace(",", "")) for cell in line] for line in lines[:-1]])


def test_descend_prints_the_published_square(capsys):
    text = output(capsys, *words("descend square --learning-rate 0.2 --max-steps 20 --every 1"))
    header, rows = rows_of(text)
    assert header == ["step", "loss", "theta"]
    np.testing.assert_array_equal(rows[:, 0], np.arange(21))
    np.testing.assert_allclose(rows[:, 2], 0.6 ** np.arange(21), rtol=1e-11)
    assert text.splitlines()[-1].startswith("MAX_STEPS after 20 steps. Took all its steps while the loss fell")


def test_descend_prints_degrees_of_the_dart(capsys):
    header, rows = rows_of(output(capsys, "descend", "dart"))
    assert header == ["step", "loss", "angle", "degrees"]
    assert rows[-1, 0] == 16
    assert rows[-1, 3] == pytest.approx(38.59420083394617, abs=1e-10)
    assert rows[-1, 1] == pytest.approx(0.000802795150984, rel=1e-9)


def test_descend_prints_some_twenty_lines_and_the_stop(capsys):
    _, rows = rows_of(output(capsys, "descend", "pizza"))
    np.testing.assert_array_equal(rows[:, 0], np.arange(0, 20_001, 1000))
    np.testing.assert_allclose(rows[-1, 2:], [1.0811301700, 13.1722676564], rtol=1e-11)
    _, rows = rows_of(output(capsys, *words("descend pizza --max-steps 3333 --every 1000")))
    np.testing.assert_array_equal(rows[:, 0], [0, 1000, 2000, 3000, 3333])
    _, rows = rows_of(output(capsys, *words("descend square --start 3 --learning-rate 0.3 --tolerance 1e-5")))
    np.testing.assert_array_equal(rows[:, 0], np.arange(15))  # published: stops at step 14


def test_descend_of_millions_of_steps_prints_as_few_lines(capsys):
    arguments = words("descend square --learning-rate 1e-9 --max-steps 2300000")
    _, rows = rows_of(output(capsys, *arguments))
    np.testing.assert_array_equal(rows[:, 0], np.append(np.arange(0, 2_300_000, 200_000), 2_300_000))


def test_descend_shows_the_first_parameters_of_many(capsys, data):
    names = [f"x{k}" for k in range(12)]
    path = data(",".join([*names, "y"]) + "\n" + ",".join(["1"] * 13) + "\n")
    columns = [word for name in names for word in ("--x", name)]
    text = output(capsys, "descend", path, *columns, *words("--y y --learning-rate 0.01 --max-steps 3"))
    assert text.splitlines()[0].split() == ["step", "loss", *names[:8], "and", "5", "more"]
    assert len(text.splitlines()) == 6


def test_descend_tells_the_time(capsys):
    assert "configurations" in output(capsys, "descend", "square", "--timing")


# ---- values of options


def swept(capsys, tmp_path, *arguments):
    """Run a sweep with --out and return what was written."""
    out = tmp_path / "result.npz"
    output(capsys, "sweep", *arguments, "--out", str(out))
    return np.load(out)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-9:1e-5:50", np.geomspace(1e-9, 1e-5, 50)),
        ("1:0.1:7", np.geomspace(1.0, 0.1, 7)),
        ("0:0.5:11:linear", np.linspace(0.0, 0.5, 11)),
        ("0.1,0.3,0.2", [0.1, 0.3, 0.2]),
        ("0.25", 0.25),
    ],
)
@pytest.mark.parametrize(
    "axis",
    ["learning-rate", "decay", "tolerance", "loss-threshold", "gradient-tolerance", "divergence-threshold"],
)
def test_every_axis_takes_every_form(capsys, tmp_path, axis, text, expected):
    arguments = ["square", f"--{axis}", text, "--max-steps", "3"]
    arguments += [] if axis == "learning-rate" else ["--learning-rate", "0.1"]
    arguments += ["--schedule", "exponential"] if axis == "decay" else []
    result = swept(capsys, tmp_path, *arguments)
    name = axis.replace("-", "_")
    np.testing.assert_array_equal(result[name], expected)
    assert list(result["axes"]) == ([name] if np.ndim(expected) else [])


def test_momentum_is_an_axis(capsys, tmp_path):
    result = swept(
        capsys, tmp_path, "square", "--learning-rate", "0.1", "--rule", "nesterov", "--momentum", "0,0.5,0.9"
    )
    np.testing.assert_array_equal(result["momentum"], [0.0, 0.5, 0.9])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:1000:3", [10, 100, 1000]),
        ("1:10:30", np.arange(1, 11)),
        ("0:4:3:linear", [0, 2, 4]),
        ("5,3", [5, 3]),
        ("7", 7),
        ("1e3", 1000),
    ],
)
def test_step_counts_are_whole(capsys, tmp_path, text, expected):
    result = swept(capsys, tmp_path, "square", "--learning-rate", "0.1", "--max-steps", text)
    assert result["max_steps"].dtype == np.int64
    np.testing.assert_array_equal(result["max_steps"], expected)


def test_options_mean_what_the_keywords_mean(capsys, tmp_path):
    arguments = "sine --learning-rate 1e-7:1e-5:5 --max-steps 10,300 --rule sign --schedule inverse_time --decay 0.1,1"
    arguments += " --start 1,2,3,4 --start -1,0,0,0.5 --bounds -1.5,-3,-5,-6:2,inf,5,6 --tolerance 1e-7"
    arguments += " --loss-threshold 100 --gradient-tolerance 1e-3 --divergence-threshold none --threads 1"
    result = swept(capsys, tmp_path, *words(arguments))
    expected = fastgd.sweep(
        fastgd.examples.sine(),
        learning_rate=np.geomspace(1e-7, 1e-5, 5),
        max_steps=[10, 300],
        rule="sign",
        schedule="inverse_time",
        decay=[0.1, 1.0],
        theta0=[[1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 0.0, 0.5]],
        bounds=([-1.5, -3.0, -5.0, -6.0], [2.0, np.inf, 5.0, 6.0]),
        tolerance=1e-7,
        loss_threshold=100.0,
        gradient_tolerance=1e-3,
        divergence_threshold=None,
    )
    assert list(result["axes"]) == list(expected.axes) == ["start", "learning_rate", "max_steps", "decay"]
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        np.testing.assert_array_equal(result[name], getattr(expected, name))


def test_none_switches_a_default_off(capsys):
    by_default = output(capsys, *words("sweep dart --learning-rate 0.1 --max-steps 10"))
    assert "--loss-threshold 0.001 --bounds -90deg:90deg" in by_default
    free = output(capsys, *words("sweep dart --learning-rate 0.1 --max-steps 10 --loss-threshold none --bounds none"))
    assert "by default" not in free
    assert "best angle     -90 degrees" not in free
    assert main(words("descend dart --learning-rate 0.1 --max-steps 10")) == 0
    assert capsys.readouterr().out.splitlines()[-2].split()[-1] == "-90"  # published


def test_angles_of_the_dart_may_be_degrees(capsys, tmp_path):
    result = swept(capsys, tmp_path, *words("dart --start -80deg:80deg:9:linear --learning-rate 1e-3 --max-steps 5"))
    np.testing.assert_allclose(result["start"][:, 0], np.radians(np.linspace(-80, 80, 9)), rtol=1e-15)
    one = swept(capsys, tmp_path, *words("dart --start 30deg --learning-rate 1e-3 --max-steps 0"))
    assert one["theta"].tolist() == [math.radians(30)]
    radians = swept(capsys, tmp_path, *words("dart --start 0.5 --start -1 --learning-rate 1e-3 --max-steps 0"))
    assert radians["theta"].tolist() == [[0.5], [-1.0]]


def test_pizza_without_intercept_is_the_published_line(capsys, tmp_path):
    arguments = words("pizza --no-intercept --learning-rate 0.001 --max-steps 100 --gradient-tolerance none")
    result = swept(capsys, tmp_path, *arguments)
    assert result["theta"] == pytest.approx([1.8436928702], rel=1e-10)
    assert result["loss"] == pytest.approx(69.1209628, abs=1e-7)


def test_every_keyword_of_sweep_has_an_option():
    parser = build_parser()
    for verb, function in (("sweep", fastgd.sweep), ("descend", fastgd.descend)):
        known = set(vars(parser.parse_args([verb, "sine"])))
        keywords = set(inspect.signature(function).parameters) - {"problem", "configurations"}
        spelt = {"theta0": "start", "record_every": "every"}
        missing = {name for name in keywords if spelt.get(name, name) not in known}
        assert missing <= ({"record_every"} if verb == "sweep" else set())


# ---- CSV files


def linear_table(rows=200):
    random = np.random.default_rng(3)
    X = random.normal(size=(rows, 2))
    return X, X @ [2.0, -1.0] + 0.5 + 0.1 * random.normal(size=rows)


def as_csv(X, y, header):
    lines = [",".join(map(repr, [*row, target])) for row, target in zip(X.tolist(), y.tolist(), strict=True)]
    return "\n".join([header, *lines]) + "\n"


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
    y, x = table.read_columns(data(content), ["y", "x"])
    assert x.tolist() == [1.0, -0.002, 3.0]
    assert y.tolist() == [2.5, 4.0, 0.5]


@pytest.mark.parametrize("rows_at_once", [1, 65_536])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "FILE is empty, expected a line with the names of the columns and then rows of numbers"),
        ("\n\r\n \n", "FILE is empty, expected a line with the names of the columns and then rows of numbers"),
        ("x,y\n", "FILE has a line of names and no rows below it, expected rows of numbers"),
        ("x;y\n1;2\n", "FILE separates its columns by semicolons, expected commas"),
        ("x\ty\n1\t2\n", "FILE separates its columns by tabs, expected commas"),
        ("a,y\n1,2\n", "FILE has no column 'x', it has 'a', 'y'"),
        ("1,2\n3,4\n", "FILE has no column 'x', it has '1', '2'; its first line must name the columns"),
        (
            ",".join(f"c{k}" for k in range(25)) + "\n",
            f"FILE has no column 'x', it has {', '.join(repr(f'c{k}') for k in range(20))} and 5 more",
        ),
        ("x,x,y\n1,2,3\n", "FILE has 2 columns named 'x', expected one"),
        ("x,y\n1,2\n\n,4\n", "FILE, line 4: column 'x' has nothing, expected a finite number"),
        ("x,y\n1,2\n3,  \n", "FILE, line 3: column 'y' has '  ', expected a finite number"),
        ("x,y\n1,2\nabc,4\n", "FILE, line 3: column 'x' has 'abc', expected a finite number"),
        ("x,y\n1,2\n3,nan\n", "FILE, line 3: column 'y' has 'nan', expected a finite number"),
        ("x,y\n1,2\n3,-inf\n", "FILE, line 3: column 'y' has '-inf', expected a finite number"),
        ("x,y\n1,1e999\n", "FILE, line 2: column 'y' has '1e999', expected a finite number"),
        ("x,y\n1_000,2\n", "FILE, line 2: column 'x' has '1_000', expected a finite number"),
        ('x,y\n"1,5",2\n', "FILE, line 2: column 'x' has '1,5', expected a finite number"),
        ("x,y\n__import__('os'),2\n", "FILE, line 2: column 'x' has \"__import__('os')\", expected a finite number"),
        ("x,y\n1,2\n3\n", "FILE, line 3: 1 cell, expected 2 as in the first line"),
        ("x,y\n1,2,3\n", "FILE, line 2: 3 cells, expected 2 as in the first line"),
        (b"x,y\n1,\xff\n", "FILE is not a text file in UTF-8, as a CSV file must be"),
        ("x,y\n1,2\n".encode("utf-16"), "FILE is not a text file in UTF-8, as a CSV file must be"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(capsys, data, monkeypatch, content, sentence, rows_at_once):
    monkeypatch.setattr(table, "ROWS_AT_ONCE", rows_at_once)
    path = data(content)
    expected = sentence.replace("FILE", path).replace("'  '", "nothing")
    assert refusal(capsys, "sweep", path, *FIT) == expected
    assert refusal(capsys, "descend", path, *FIT) == expected


def test_broken_quotes_are_one_sentence(capsys, data):
    path = data('x,y\n1,"2\n')
    assert refusal(capsys, "sweep", path, *FIT).startswith(f"{path}, line 2: not a row of a CSV file (")


def test_pipe_serves_as_a_file(capsys, tmp_path):
    path = str(tmp_path / "pipe.csv")
    os.mkfifo(path)
    with subprocess.Popen([sys.executable, "-c", f"open({path!r}, 'w').write('x,y\\n1,2\\n2,4\\n')"]):
        assert "LinearFit(2 samples" in output(capsys, "sweep", path, *FIT)


# ---- what is refused

RANGE = "--learning-rate must be a range lo:hi:count or lo:hi:count:linear"
COUNT = "--learning-rate must be a range of 2 to 100,000,000 values"
RATES = "--learning-rate must be numbers >= 0 and <= 1.79769e+308"
STEPS = "--max-steps must be whole numbers >= 0 and <= 9.0072e+15"
FORMS = "must be a number, a list a,b,c or a range lo:hi:count[:linear]"

REFUSED = [
    ("sweep", "PROBLEM must be given: an example (square, sine, pizza, dart) or a CSV file"),
    ("sweep sin", "there is no file 'sin', nor is that one of the examples square, sine, pizza, dart"),
    (
        "sweep no/data.csv --x x",
        "there is no file 'no/data.csv', nor is that one of the examples square, sine, pizza, dart",
    ),
    ("sweep fastgd", "fastgd must be a CSV file, got a folder"),
    ("sweep sine pizza", "there is nothing to do with 'pizza'; options begin with --"),
    ("sweep sine --learning_rate 1", "there is no option --learning_rate; did you mean --learning-rate?"),
    ("sweep sine --foo=1", "there is no option --foo, see fastgd sweep -h"),
    ("sweep sine --learn 1", "there is no option --learn; did you mean --learning-rate?"),
    ("sweep sine --max-steps", "--max-steps needs a value after it"),
    ("sweep sine --max-steps 1 --max-steps 2", "--max-steps is given twice"),
    ("sweep FILE", "--x must name a column of FILE"),
    ("sweep FILE --x x", "--y must name a column of FILE"),
    ("sweep FILE --x '' --y y", "--x and --y must name columns of FILE, got ''"),
    ("sweep FILE --x x --x x --y y", "--x and --y must name different columns, got 'x' twice"),
    ("sweep FILE --x x --y x", "--x and --y must name different columns, got 'x' twice"),
    ("sweep FILE --x x --y y", "--learning-rate must be given, for example --learning-rate 1e-6:1:1000"),
    ("sweep FILE --x z --y y --learning-rate 1", "FILE has no column 'z', it has 'x', 'y'"),
    ("sweep FILE --x x --y y --degree 2.5", "--degree must be a whole number, got '2.5'"),
    ("sweep FILE --x x --y y --degree -1", "--degree must be at least 0, got -1"),
    ("sweep FILE --x x --x z --y y --degree 1", "--degree must be left out with several --x, got 2 of them"),
    (
        "sweep FILE --x x --y y --degree 1 --no-intercept",
        "--no-intercept must be left out with --degree: a polynomial has a constant term",
    ),
    ("sweep FILE --x x --y y --reduction max", "--reduction must be one of 'mean', 'sum', got 'max'"),
    (
        "sweep FILE --x x --y y --loss huber",
        "--loss must be squared, absolute, log-cosh or huber:DELTA, got 'huber'",
    ),
    ("sweep FILE --x x --y y --loss huber:wide", "--loss huber must be a number, got 'wide'"),
    ("sweep FILE --x x --y y --loss huber:-1", "delta must be one finite number above 0, got -1.0"),
    ("sweep FILE --x x --y y --l2 -1", "--l2 must be numbers >= 0 and <= 1.79769e+308, got -1.0"),
    ("sweep FILE --x x --y y --l2 much", "--l2 must be a number, got 'much'"),
    ("sweep sine --weight w", "--weight is for a CSV file, sine is an example"),
    ("sweep sine --x x", "--x is for a CSV file, sine is an example"),
    ("sweep dart --y y", "--y is for a CSV file, dart is an example"),
    ("sweep sine --degree 3", "--degree is for a CSV file, sine is an example"),
    ("descend pizza --reduction sum", "--reduction is for a CSV file, pizza is an example"),
    ("sweep sine --no-intercept", "--no-intercept is for a CSV file or the example pizza, not for sine"),
    ("sweep sine --learning-rate abc", f"--learning-rate {FORMS}, got 'abc'"),
    ("sweep sine --learning-rate ''", f"--learning-rate {FORMS}, got ''"),
    ("sweep sine --learning-rate none", f"--learning-rate {FORMS}, got 'none'"),
    (
        "sweep sine --learning-rate 30deg",
        "--learning-rate must be a plain number here, got '30deg'; angles are for the dart's start and bounds",
    ),
    ("sweep sine --learning-rate 1,,2", "--learning-rate must be a number, got '' in '1,,2'"),
    ("sweep sine --learning-rate 1,x", "--learning-rate must be a number, got 'x' in '1,x'"),
    ("sweep sine --learning-rate 1:x:3", "--learning-rate must be a number, got 'x' in '1:x:3'"),
    ("sweep sine --learning-rate 1:2", f"{RANGE}, got '1:2'"),
    ("sweep sine --learning-rate 1:2:3:log", f"{RANGE}, got '1:2:3:log'"),
    ("sweep sine --learning-rate 1:2:3:linear:4", f"{RANGE}, got '1:2:3:linear:4'"),
    ("sweep sine --learning-rate 1e-9:1:1", f"{COUNT}, got '1' in '1e-9:1:1'"),
    ("sweep sine --learning-rate 1e-9:1:2.5", f"{COUNT}, got '2.5' in '1e-9:1:2.5'"),
    ("sweep sine --learning-rate 1e-9:1:nan", f"{COUNT}, got 'nan' in '1e-9:1:nan'"),
    ("sweep sine --learning-rate 1e-9:1:1e12", f"{COUNT}, got '1e12' in '1e-9:1:1e12'"),
    (
        "sweep sine --learning-rate 0:1:5",
        "--learning-rate must be a geometric range between two positive numbers, got '0:1:5'; "
        "add :linear for even spacing",
    ),
    ("sweep sine --learning-rate 1:inf:5", "--learning-rate must be a range between finite numbers, got '1:inf:5'"),
    ("sweep sine --learning-rate -1", f"{RATES}, got -1.0"),
    ("sweep sine --learning-rate nan", f"{RATES}, got nan"),
    ("sweep sine --learning-rate 0.1,inf", f"{RATES}, got inf"),
    ("sweep sine --max-steps 1.5", f"{STEPS}, got 1.5"),
    ("sweep dart --max-steps -3", f"{STEPS}, got -3.0"),
    ("sweep sine --tolerance -1", "--tolerance must be numbers >= 0, got -1.0"),
    ("sweep sine --gradient-tolerance -1,1", "--gradient-tolerance must be numbers >= 0, got -1.0"),
    ("sweep sine --loss-threshold nan", "--loss-threshold must be numbers, got nan"),
    ("sweep dart --divergence-threshold nan", "--divergence-threshold must be numbers, got nan"),
    (
        "sweep sine --decay 0.1",
        "--decay must be left out under --schedule constant, which has none, got 0.1; "
        "schedules with a decay are 'inverse_time', 'exponential', 'inverse_sqrt'",
    ),
    (
        "sweep dart --rule newton",
        "--rule must be one of 'gradient', 'sign', 'momentum', 'nesterov', 'adam', got 'newton'",
    ),
    (
        "sweep sine --schedule step",
        "--schedule must be one of 'constant', 'inverse_time', 'exponential', 'inverse_sqrt', 'cosine', got 'step'",
    ),
    ("sweep dart --threads two", "--threads must be a whole number, got 'two'"),
    ("sweep dart --threads 0", "--threads must be at least 1, got 0"),
    ("roofline --threads 0", "--threads must be at least 1, got 0"),
    ("sweep sine --bounds 3", "--bounds must be LO:HI, got '3'"),
    ("sweep sine --bounds a:3", "--bounds must be a number, got 'a' in 'a'"),
    ("sweep sine --bounds 3:1", "--bounds must have lower <= upper, got [3. 3. 3. 3.] and [1. 1. 1. 1.]"),
    ("sweep sine --bounds -1,2:3", "--bounds must have lower a number or of shape (4,), got [-1.0, 2.0]"),
    ("sweep sine --start 1", "--start must have 4 numbers (c0, c1, c2, c3), got 1"),
    ("sweep dart --start 1,2", "--start must have 1 number (angle), got 2"),
    ("sweep FILE --x x --y y --start 1 --learning-rate 1", "--start must have 2 numbers (x, b), got 1"),
    ("sweep sine --start 1,2 --start 1", "--start must have as many numbers each time, got 1 and 2"),
    ("sweep sine --start 1,2,3,x", "--start must be a number, got 'x' in '1,2,3,x'"),
    ("sweep sine --start nan,1,1,1", "--start must be finite, got nan at index 0"),
    ("sweep sine --out a.txt", "--out must end in .npz, .csv or .json, got 'a.txt'"),
    ("sweep sine --out a", "--out must end in .npz, .csv or .json, got 'a'"),
    ("sweep sine --out no/a.csv", "--out must be in a folder that exists, got 'no/a.csv'"),
    ("sweep FILE --out FILE", "--out must not be the data file itself, got 'FILE'"),
    ("descend sine --every 0", "--every must be at least 1, got 0"),
    ("descend sine --every 1.5", "--every must be a whole number, got '1.5'"),
    (
        "descend sine --learning-rate 1:2:3",
        "--learning-rate must be one number for descend, got '1:2:3'; fastgd sweep takes lists and ranges",
    ),
    (
        "descend sine --max-steps 1,2",
        "--max-steps must be one number for descend, got '1,2'; fastgd sweep takes lists and ranges",
    ),
    ("descend sine --max-steps inf", f"{STEPS}, got inf"),
    (
        "descend dart --start 1 --start 0",
        "--start must be given once for descend, got it 2 times; fastgd sweep takes several",
    ),
    ("examples sine", "there is nothing to do with 'sine'; options begin with --"),
]


@pytest.mark.parametrize(("line", "sentence"), REFUSED, ids=[line for line, _ in REFUSED])
def test_what_is_mistyped_is_one_sentence(capsys, data, monkeypatch, line, sentence):
    monkeypatch.chdir(ROOT)
    path = data("x,y\n1,2\n2,4\n")
    assert refusal(capsys, *words(line.replace("FILE", path))) == sentence.replace("FILE", path)


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("sweep dart --engine spectrum", r"--engine must be one of 'auto', 'samples'.*, got 'spectrum'"),
        ("sweep square --bounds 2:3", r"--start must lie within --bounds, got .*1.0.*, outside \[2.0, 3.0\]"),
        ("sweep dart --start 100deg", r"--start must lie within --bounds, got .*1.745.*, outside \[-1.57.*, 1.57.*\]"),
        ("descend dart --max-steps 1e12 --every 1", r"--every 1 would record 1,000,000,000,001 steps .*"),
        ("sweep FOLDER.csv", r".*FOLDER.csv' must be|.* must be a CSV file, got a folder"),
        ("sweep sine --out FOLDER.csv", r"--out must be a file, got the folder '.*FOLDER.csv'"),
        ("sweep sine --out /proc/a.csv", r"--out can't be written to '/proc/a.csv': .+"),
    ],
)
def test_what_is_mistyped_is_one_sentence_of_this_kind(capsys, tmp_path, line, pattern):
    (tmp_path / "FOLDER.csv").mkdir()
    sentence = refusal(capsys, *words(line.replace("FOLDER.csv", str(tmp_path / "FOLDER.csv"))))
    assert re.fullmatch(pattern.replace("np.float64", ""), sentence), sentence


def test_unreadable_file_is_one_sentence(capsys, data, monkeypatch):
    path = data("x,y\n1,2\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)  # the tests may run as root, whom no file refuses
    assert refusal(capsys, "sweep", path, *FIT) == f"{path} can't be read: Permission denied"


def test_engine_that_can_not_serve_is_one_sentence(capsys):
    if "spectral" not in fastgd.sweep.__globals__["ENGINE_NAMES"]:
        assert "--engine" in refusal(capsys, *words("sweep dart --engine spectral"))
        return
    sentence = refusal(capsys, *words("sweep dart --engine spectral --learning-rate 0.1"))
    assert sentence.startswith("--engine spectral ")
    assert "engine=" not in sentence


def test_unknown_verb_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["swep", "sine"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "fastgd: error: there is no verb 'swep', see fastgd -h\n"
    with pytest.raises(SystemExit) as ended:
        main(["--verison"])
    assert capsys.readouterr().err == "fastgd: error: there is no option --verison; did you mean --version?\n"


def test_nothing_is_compiled_for_what_is_refused(data):
    """Not even Numba is imported, in any refusal above."""
    path = data("x,y\n1,2\n2,4\n")
    lines = [line.replace("FILE", path) for line, _ in REFUSED]
    lines += ["sweep square --bounds 2:3", "sweep dart --start 100deg", "descend dart --max-steps 1e12 --every 1"]
    lines += ["sweep dart --engine spectrum"]
    code = """
import contextlib, io, json, shlex, sys
from fastgd.cli import main
for line in json.loads(sys.argv[1]):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            main(shlex.split(line))
    except SystemExit as ended:
        assert ended.code == 2, line
    else:
        raise AssertionError(line)
    assert "numba" not in sys.modules, line
    assert "tqdm" not in sys.modules, line
print("done")
"""
    assert python(code, json.dumps(lines)) == "done\n"


# ---- results in files

GRID = "--learning-rate 0.1,0.4,3 --max-steps 5,600 --start 1 --start -2 --tolerance 1e-6"


def expected_of_grid():
    return fastgd.sweep(
        fastgd.examples.square(),
        learning_rate=[0.1, 0.4, 3.0],
        max_steps=[5, 600],
        theta0=[[1.0], [-2.0]],
        tolerance=1e-6,
    )


def test_npz(capsys, tmp_path):
    result = swept(capsys, tmp_path, "square", *words(GRID))
    expected = expected_of_grid()
    assert list(result["axes"]) == list(expected.axes)
    for name, values in expected.axes.items():
        np.testing.assert_array_equal(result[name], values)
    for name in ("theta", "loss", "gradient_norm", "steps", "status"):
        np.testing.assert_array_equal(result[name], getattr(expected, name))
        assert result[name].dtype == getattr(expected, name).dtype
    assert result["tolerance"] == 1e-6
    assert list(result["parameters"]) == ["theta"]
    assert str(result["problem"]) == expected.problem
    named = dict(zip(result["status_codes"].tolist(), result["status_names"].tolist(), strict=True))
    assert named == {int(status): status.name for status in fastgd.Status}


def test_csv(capsys, tmp_path):
    out = tmp_path / "result.csv"
    output(capsys, "sweep", "square", *words(GRID), "--out", str(out))
    expected = expected_of_grid()
    header, *lines = out.read_text().splitlines()
    assert header == "start_theta,learning_rate,max_steps,tolerance,theta,loss,gradient_norm,steps,status"
    assert len(lines) == 12
    grid = np.stack(np.meshgrid([1.0, -2.0], [0.1, 0.4, 3.0], [5, 600], [1e-6], indexing="ij"), -1).reshape(-1, 4)
    cells = [line.split(",") for line in lines]
    numbers = np.array([row[:-1] for row in cells], dtype=float)
    np.testing.assert_array_equal(numbers[:, :4], grid)
    np.testing.assert_array_equal(numbers[:, 4], expected.theta.ravel())
    np.testing.assert_array_equal(numbers[:, 5], expected.loss.ravel())
    np.testing.assert_array_equal(numbers[:, 6], expected.gradient_norm.ravel())
    np.testing.assert_array_equal(numbers[:, 7], expected.steps.ravel())
    assert [row[-1] for row in cells] == [fastgd.Status(code).name for code in expected.status.ravel()]
    assert {"SMALL_UPDATE", "MAX_STEPS", "DIVERGED", "LOSS_GREW"} <= {row[-1] for row in cells}


def test_csv_has_as_many_rows_as_configurations(capsys, tmp_path, monkeypatch):
    out = tmp_path / "result.csv"
    monkeypatch.setattr("fastgd.export.ROWS_AT_ONCE", 7)
    output(capsys, *words("sweep square --learning-rate 0.1:1:100 --max-steps 3"), "--out", str(out))
    rows = np.loadtxt(out, delimiter=",", skiprows=1, usecols=(0, 3))
    np.testing.assert_array_equal(rows[:, 0], np.geomspace(0.1, 1, 100))
    np.testing.assert_allclose(rows[:, 1], (1 - 2 * rows[:, 0]) ** 3, rtol=1e-12, atol=1e-15)


def test_csv_columns_have_different_names(capsys, data, tmp_path):
    path, out = data('loss,"a,b",theta_loss,y\n1,2,3,4\n'), tmp_path / "result.csv"
    columns = ["--x", "loss", "--x", "a,b", "--x", "theta_loss", "--y", "y", "--learning-rate", "0.1"]
    output(capsys, "sweep", path, *columns, "--out", str(out))
    header = out.read_text().splitlines()[0]
    assert header == 'learning_rate,max_steps,theta_loss,"a,b",theta_theta_loss,b,loss,gradient_norm,steps,status'


def test_json(capsys, tmp_path):
    out = tmp_path / "result.json"
    output(capsys, "sweep", "square", *words(GRID), "--out", str(out))

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(out.read_text(), parse_constant=refuse)
    expected = expected_of_grid()
    assert list(content["axes"]) == ["start", "learning_rate", "max_steps"]
    assert content["axes"]["learning_rate"] == [0.1, 0.4, 3.0]
    assert content["shared"] == {"tolerance": 1e-6}
    assert content["parameters"] == ["theta"]
    assert content["rule"] == "gradient"
    np.testing.assert_array_equal(np.array(content["theta"], dtype=float), expected.theta)
    np.testing.assert_array_equal(content["steps"], expected.steps)
    names = [[[fastgd.Status(code).name for code in row] for row in rows] for rows in expected.status]
    assert content["status"] == names
    assert set(content["timing"]) == set(expected.timing.to_dict())


def test_json_of_what_is_not_finite(capsys, tmp_path):
    out = tmp_path / "result.json"
    line = "sweep square --learning-rate 0.1,1e300 --max-steps 5 --tolerance none"
    line += " --divergence-threshold none --bounds -inf:5"
    output(capsys, *words(line), "--out", str(out))
    content = json.loads(out.read_text())
    assert content["loss"][1] is None
    assert content["loss"][0] == pytest.approx(0.8**10)
    assert content["bounds"] == [[None], [5.0]]
    one = tmp_path / "one.json"
    output(capsys, *words("sweep square --learning-rate 0.1 --max-steps 2"), "--out", str(one))
    assert json.loads(one.read_text())["status"] == "MAX_STEPS"
    assert json.loads(one.read_text())["theta"] == [pytest.approx(0.64)]


def test_file_is_replaced_whole_or_not_at_all(capsys, tmp_path, monkeypatch):
    out = tmp_path / "result.json"
    output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(out))
    before = out.read_text()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastgd.export.json.dumps", full)
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "square", "--learning-rate", "0.2", "--out", str(out)])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.err == f"fastgd sweep: error: --out can't be written to {str(out)!r}: No space left on device\n"
    assert "best " in captured.out  # the answer is not lost with the file
    assert out.read_text() == before
    assert list(tmp_path.iterdir()) == [out]


def test_link_stays_a_link(capsys, tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "result.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    output(capsys, "sweep", "square", "--learning-rate", "0.1", "--out", str(link))
    assert link.is_symlink()
    assert target.read_text().startswith("learning_rate,")
    assert target.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---- the process


@pytest.mark.parametrize("arguments", [["--help"], ["sweep", "--help"], ["descend", "-h"], ["--version"], ["examples"]])
def test_help_imports_nothing_heavy(arguments):
    code = """
import sys
from fastgd.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0
print([name for name in ("numpy", "numba", "tqdm") if name in sys.modules])
"""
    assert python(code, *arguments).splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", ["sweep", "descend"])
def test_help_tells_every_option(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    text = capsys.readouterr().out
    for name in ("x", "y", "degree", "loss", "weight", "l2", "reduction", "learning-rate", "start", "bounds", "timing"):
        assert f"--{name} " in text
    assert "VALUES" not in text


def test_console_script():
    script = Path(sys.executable).parent / "fastgd"
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="fastgd")
    assert entry.load() is main
    finished = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, f"fastgd {fastgd.__version__}\n", "")


def test_without_a_verb_the_help_is_shown():
    process = command()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert "fastgd sweep sine" in err


def test_process_ends_with_a_sentence_and_code_2():
    process = command("sweep", "sine", "--learning-rate", "-1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == "fastgd sweep: error: --learning-rate must be numbers >= 0 and <= 1.79769e+308, got -1.0\n"


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    out = tmp_path / "part.json"
    process = command(*SLOW, "--progress", "--out", str(out))
    shown = ""
    while not re.search(r"[1-9][\d.k]*/", shown):  # some configurations are done
        character = process.stderr.read(1)
        assert character, shown  # it ended
        shown += character
    process.send_signal(signal.SIGINT)
    printed, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in shown + err
    assert "fastgd sweep: interrupted" in err
    assert re.search(r"CANCELLED +[\d,]+ \(interrupted", printed)
    status = json.loads(out.read_text())["status"]
    assert len(status) == 20_000
    assert set(status) == {"MAX_STEPS", "CANCELLED"}
    assert os.listdir(tmp_path) == ["part.json"]


INTERRUPTED_AFTER = """
import os, signal, sys, threading
threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGINT)).start()
from fastgd.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0, 1.5, 2.0])
def test_ctrl_c_while_importing_or_compiling(tmp_path, seconds):
    finished = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AFTER, str(seconds), *SLOW],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (130, "fastgd sweep: interrupted\n")


def test_ctrl_c_is_left_alone_where_it_is_ignored():
    """As it is for a command in the background of a shell."""
    code = INTERRUPTED_AFTER.replace("from fastgd", "signal.signal(signal.SIGINT, signal.SIG_IGN)\nfrom fastgd")
    finished = subprocess.run(
        [sys.executable, "-c", code, "0.3", "sweep", "square"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")


def test_closed_pipe_is_no_traceback(tmp_path):
    out = tmp_path / "result.npz"
    process = command("sweep", "square", "--out", str(out))
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141
    assert np.load(out)["loss"].shape == (10_000,)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:
        process = command("examples", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == "fastgd examples: error: standard output can't be written: No space left on device\n"


def test_memory_that_runs_out_is_one_sentence(capsys, monkeypatch):
    def too_much(*_, **__):
        raise MemoryError

    monkeypatch.setattr("fastgd.verbs.sweep", too_much)
    assert main(["sweep", "square"]) == 2
    expected = "fastgd sweep: error: there is not enough memory; make the grid or the data smaller\n"
    assert capsys.readouterr().err == expected


def test_roofline_is_printed(capsys):
    assert "GB/s" in output(capsys, "roofline", "--threads", "1")


# ---- progress


def on_a_terminal(*arguments, until="fastgd sweep: interrupted", seconds=None):
    """Run the command with standard error on a terminal and interrupt it; return what the terminal got.

    Ctrl-C comes after some seconds, or when a text is shown.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = command(*arguments, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    if seconds is not None:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        process.send_signal(signal.SIGINT)
    shown = ""
    while True:
        try:
            part = os.read(ours, 4096).decode(errors="replace")
        except OSError:  # Linux says so when the other side is closed
            break
        shown += part
        if not part:
            break
        if seconds is None and until in shown:
            process.send_signal(signal.SIGINT)
            seconds = 0.0
    os.close(ours)
    process.wait(timeout=60)
    return shown


def test_bar_is_shown_on_a_terminal_after_a_second():
    shown = on_a_terminal(*SLOW, until="/20.0k [")
    assert "fastgd sweep: interrupted" in shown
    assert re.search(r"[1-9][\d.k]*/20\.0k \[", shown)
    first = re.search(r"\[00:(\d\d)<", shown)[1]
    assert int(first) >= 1


def test_no_bar_for_what_is_quick_or_if_it_is_not_wanted():
    assert on_a_terminal("sweep", "square") == ""
    assert on_a_terminal(*SLOW, "--no-progress", seconds=4) == "fastgd sweep: interrupted\r\n"


def test_bar_is_shown_anywhere_if_it_is_asked_for():
    process = command("sweep", "square", "--progress")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "10.0k/10.0k" in err


WITHOUT_TQDM = """
import sys
sys.modules["tqdm"] = None
from fastgd.cli import main
sys.stderr.isatty = lambda: True
assert main(["sweep", "square"]) == 0
try:
    main(["sweep", "square", "--progress"])
except SystemExit as ended:
    assert ended.code == 2
"""


def test_without_tqdm_everything_else_works():
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_TQDM], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "SMALL_UPDATE" in finished.stdout
    assert finished.stderr == ("fastgd sweep: error: --progress needs the package tqdm: pip install 'fastgd[cli]'\n")
