"""The command line: what each lesson gives, descents, and what options mean."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

import fastgd
from fastgd.cli import verbs
from fastgd.cli.main import main
from fastgd.cli.parser import build_parser
from fastgd.examples.lessons import LESSONS
from tests.tools.command import PIZZA, output, swept, words

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


def test_whole_numbers_may_have_an_exponent(capsys, data):
    path = data("x,y\n1,2\n2,4\n3,6\n")
    line = "--degree 1e0 --every 1e1 --max-steps 3e1 --threads 1e0 --learning-rate 0.1 --tolerance none"
    header, rows = rows_of(output(capsys, "descend", path, *words(f"--x x --y y {line}")))
    assert header == ["step", "loss", "c0", "c1"]
    assert rows[:, 0].tolist() == [0, 10, 20, 30]


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
    assert list(result["axes"]) == list(expected.axes) == ["start", "learning_rate", "decay", "max_steps"]
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


@pytest.mark.parametrize("verb", [file.name for file in iter_modules(verbs.__path__)])
def test_every_verb_has_what_the_command_asks_of_it(verb):
    """Without one of these every verb ends in a traceback."""
    module = import_module(f"fastgd.cli.verbs.{verb}")
    for name, kind in {"__doc__": str, "HELP": str, "add_arguments": Callable, "run": Callable}.items():
        assert isinstance(getattr(module, name, None), kind), f"fastgd/cli/verbs/{verb}.py needs {name}"


def test_every_keyword_of_sweep_has_an_option():
    parser = build_parser()
    for verb, function in (("sweep", fastgd.sweep), ("descend", fastgd.descend)):
        known = set(vars(parser.parse_args([verb, "sine"])))
        keywords = set(inspect.signature(function).parameters) - {"problem", "configurations", "executor"}
        spelt = {"theta0": "start", "record_every": "every"}
        missing = {name for name in keywords if spelt.get(name, name) not in known}
        assert missing <= ({"record_every"} if verb == "sweep" else set())
