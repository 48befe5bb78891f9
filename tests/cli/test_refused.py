"""What the command line refuses: one sentence that names the option, before anything is compiled."""

from __future__ import annotations

import json
import re

import pytest

from fastgd.check import about
from fastgd.cli.main import main
from fastgd.cli.options import loss_forms
from fastgd.descent.rules import RULES
from fastgd.descent.schedules import SCHEDULES, schedules_with
from fastgd.problems.losses import Loss
from fastgd.text import either
from tests.tools.command import FIT, output, refusal, words
from tests.tools.processes import ROOT, run

# ---- what is refused


def quoted(table):
    return ", ".join(map(repr, table))


RANGE = "--learning-rate must be a range lo:hi:count or lo:hi:count:linear"
COUNT = "--learning-rate must be a range of 2 to 100,000,000 values"
RATES = "--learning-rate must be numbers >= 0 and <= 1.79769e+308"
STEPS = "--max-steps must be whole numbers >= 0 and <= 9.0072e+15"
SEPARATOR = "--separator must be one character that is in no number, or tab, space, comma, semicolon or pipe"
FORMS = "must be a number, a list a,b,c or a range lo:hi:count[:linear]"

REFUSED = [
    (
        "sweep",
        "PROBLEM must be given: an example (square, sine, pizza, dart, decay) or a CSV, Parquet, .npy or TOML file",
    ),
    ("sweep sin", "there is no file 'sin', nor is that one of the examples square, sine, pizza, dart, decay"),
    (
        "sweep no/data.csv --x x",
        "there is no file 'no/data.csv', nor is that one of the examples square, sine, pizza, dart, decay",
    ),
    ("sweep ''", "there is no file '', nor is that one of the examples square, sine, pizza, dart, decay"),
    ("sweep fastgd", "fastgd must be a CSV file, got a folder"),
    ("sweep sine pizza", "there is nothing to do with 'pizza'; options begin with --"),
    ("sweep sine --learning_rate 1", "there is no option --learning_rate; did you mean --learning-rate?"),
    ("sweep sine --foo=1", "there is no option --foo, see fastgd sweep -h"),
    ("sweep sine --learn 1", "there is no option --learn; did you mean --learning-rate?"),
    ("sweep sine --lr 1", "there is no option --lr; did you mean --learning-rate?"),
    ("descend sine --epochs=9", "there is no option --epochs; did you mean --max-steps?"),
    ("sweep sine --max_iter 9", "there is no option --max_iter; did you mean --max-steps?"),
    ("sweep FILE --delimiter ;", "there is no option --delimiter; did you mean --separator?"),
    ("roofline --lr 1", "there is no option --lr, see fastgd roofline -h"),
    (
        "sweep sine --l 1",
        "there is no option --l; did you mean --l2 or --learning-rate or --loss or --loss-threshold?",
    ),
    ("sweep sine --l3 1", "there is no option --l3; did you mean --l2?"),
    ("sweep sine --max-steps", "--max-steps needs a value after it"),
    ("sweep sine --max-steps 1 --max-steps 2", "--max-steps is given twice"),
    ("sweep FILE", "--x must name a column of FILE"),
    ("sweep FILE --x x", "--y must name a column of FILE"),
    ("sweep FILE --x '' --y y", "--x and --y must name columns of FILE, got ''"),
    ("sweep FILE --x x --x x --y y", "--x and --y must name different columns, got 'x' twice"),
    ("sweep FILE --x x --y x", "--x and --y must name different columns, got 'x' twice"),
    ("sweep FILE --x x --y y", "--learning-rate must be given, for example --learning-rate 1e-6:1:1000"),
    (
        "descend FILE --x x --y y",
        "--learning-rate must be given, for example --learning-rate 0.001; fastgd sweep tries many at once",
    ),
    ("sweep FILE --x z --y y --learning-rate 1", "FILE has no column 'z', it has 'x', 'y'"),
    ("sweep FILE --x x --y y --degree 2.5", "--degree must be a whole number, got '2.5'"),
    ("sweep FILE --x x --y y --degree 1e6", "--degree must be at most 1000, got 1000000"),
    ("sweep FILE --x x --y y --degree 1e-1", "--degree must be a whole number, got '1e-1'"),
    ("sweep FILE --x x --y y --degree inf", "--degree must be a whole number, got 'inf'"),
    ("sweep FILE --x x --y y --degree -1", "--degree must be at least 0, got -1"),
    ("sweep FILE --x x --y y --degree 9999999999", "--degree must be at most 1000, got 9999999999"),
    ("sweep FILE --x x --x z --y y --degree 1", "--degree must be left out with several --x, got 2 of them"),
    (
        "sweep FILE --x x --y y --degree 1 --no-intercept",
        "--no-intercept must be left out with --degree: a polynomial has a constant term",
    ),
    ("sweep FILE --x x --y y --reduction max", "--reduction must be one of 'mean', 'sum', got 'max'"),
    (
        "sweep FILE --x x --y y --loss huber",
        f"--loss must be {either(loss_forms())}, got 'huber'",
    ),
    ("sweep FILE --x x --y y --loss huber:wide", "--loss huber must be a number, got 'wide'"),
    ("sweep FILE --x x --y y --loss huber:-1", "--loss huber must be one finite number above 0, got -1.0"),
    ("sweep FILE --x x --y y --loss huber:inf", "--loss huber must be one finite number above 0, got inf"),
    ("sweep FILE --x x --y y --loss huber:nan", "--loss huber must be one finite number above 0, got nan"),
    ("sweep FILE --x x --y y --l2 -1", "--l2 must be numbers >= 0 and <= 1.79769e+308, got -1.0"),
    ("sweep FILE --x x --y y --l2 -1e-3", "--l2 must be numbers >= 0 and <= 1.79769e+308, got -0.001"),
    ("sweep FILE --x x --y y --l2 much", "--l2 must be a number, got 'much'"),
    ("sweep FILE --x x --y y --decimal ;", "--decimal must be . or , (what begins the decimals of a number), got ';'"),
    ("sweep FILE --x x --y y --separator ab", f"{SEPARATOR}, got 'ab'"),
    ("sweep FILE --x x --y y --separator ''", f"{SEPARATOR}, got ''"),
    ("sweep FILE --x x --y y --separator 1", f"{SEPARATOR}, got '1'"),
    ("sweep FILE --x x --y y --separator .", f"{SEPARATOR}, got '.'"),
    ("sweep FILE --no-header", "--x must give the number of a column of FILE"),
    ("sweep FILE --no-header --x x --y 2", "--x with --no-header must be a whole number, got 'x'"),
    ("sweep FILE --no-header --x 1 --y 0", "--y with --no-header must be at least 1, got 0"),
    ("sweep FILE --no-header --x 1 --y 01", "--x and --y must name different columns, got '1' twice"),
    ("sweep sine --separator ;", "--separator is for a CSV file, sine is an example"),
    ("sweep sine --no-header", "--no-header is for a CSV file, sine is an example"),
    ("descend dart --drop-missing", "--drop-missing is for a CSV file, dart is an example"),
    ("sweep sine --timing=3", "--timing takes no value, got '3'"),
    ("sweep sine --no-progress=1", "--progress/--no-progress takes no value, got '1'"),
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
        f"schedules with a decay are {quoted(schedules_with('decay'))}",
    ),
    (
        "sweep dart --rule newton",
        f"--rule must be one of {quoted(RULES)}, got 'newton'",
    ),
    (
        "sweep sine --schedule step",
        f"--schedule must be one of {quoted(SCHEDULES)}, got 'step'",
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
    (
        "sweep dart --start 100deg --bounds -90deg:90deg",
        "--start must lie within --bounds, got 100deg for angle, outside [-90deg, 90deg]",
    ),
    (
        "descend dart --start -0.5 --bounds 0:1.5",
        "--start must lie within --bounds, got -0.5 for angle, outside [0.0, 1.5]",
    ),
    ("sweep dart --bounds 90deg:-90deg", "--bounds must have lower <= upper, got [90deg] and [-90deg]"),
    (
        "sweep sine --start 0,0,0,4 --bounds -1:2",
        "--start must lie within --bounds, got 4.0 for c3, outside [-1.0, 2.0]",
    ),
    (
        "sweep FILE --x x --y y --start 0,4 --bounds -1:2 --learning-rate 1",
        "--start must lie within --bounds, got 4.0 for b, outside [-1.0, 2.0]",
    ),
    ("sweep sine --out a.txt", "--out must end in .npz, .csv, .json, .parquet, .nc or .zarr, got 'a.txt'"),
    ("sweep sine --out a", "--out must end in .npz, .csv, .json, .parquet, .nc or .zarr, got 'a'"),
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
        ("sweep dart --start 2", r"--start must lie within --bounds, got 2.0 for angle, outside \[-1.57.*, 1.57.*\]"),
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


def test_a_number_of_a_loss_may_be_called_as_an_option_is(capsys, data, monkeypatch):
    monkeypatch.setattr(Loss, "known", dict(Loss.known))

    class Rare(Loss):
        word = "rare"

        def __init__(self, decay):
            if decay <= 0:
                raise ValueError(about("decay", f"must be above 0, got {decay}"))

        def _formulas(self):
            raise NotImplementedError

    line = [data("x,y\n1,2\n2,4\n"), *words("--x x --y y --learning-rate 1 --schedule exponential")]
    assert refusal(capsys, "sweep", *line, "--loss", "rare:0") == "--loss rare must be above 0, got 0.0"
    assert refusal(capsys, "sweep", *line, "--loss", "huber:0").startswith("--loss huber must be one finite number")
    for loss in ("squared", "rare:1"):
        sentence = refusal(capsys, "sweep", *line, "--loss", loss, "--decay", "-1")
        assert sentence == "--decay must be numbers >= 0 and <= 1.79769e+308, got -1.0"


def test_unreadable_file_is_one_sentence(capsys, data, monkeypatch):
    path = data("x,y\n1,2\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)  # the tests may run as root, whom no file refuses
    assert refusal(capsys, "sweep", path, *FIT) == f"{path} can't be read: Permission denied"


@pytest.mark.parametrize("verb", ["sweep", "descend"])
def test_the_rate_that_is_advised_is_taken(capsys, data, verb):
    path = data("x,y\n1,2\n2,4\n3,5\n")
    sentence = refusal(capsys, verb, path, *words("--x x --y y"))
    advice = words(re.search(r"--learning-rate must be given, for example ([^;]*)", sentence)[1])
    answer = "  best " if verb == "sweep" else " steps. "
    assert answer in output(capsys, verb, path, *words("--x x --y y"), *advice)


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        (
            "sweep sine --learning-rate 1e-9:1e-5:100000 --tolerance 1e-9:1e-5:100000",
            r"the grid must fit in memory, got 10,000,000,000 configurations \(100,000 x 100,000\), "
            r"670\.6 GiB of results where [\d.,]+ GiB are available",
        ),
        (
            "sweep dart --learning-rate 1:2:1e5 --tolerance 1:2:1e5 --momentum 0:0.9:1e5:linear --rule adam "
            "--gradient-tolerance 1:2:1e5",
            r"the grid must fit in memory, got 100,000,000,000,000,000,000 configurations .*",
        ),
        (
            "descend sine --learning-rate 1 --max-steps 9e9 --every 2",
            r"--every 2 would record 4,500,000,001 steps of 1 configuration, [\d,.]+ GiB \(at most 1\); raise it",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(capsys, line, pattern):
    sentence = refusal(capsys, *words(line))
    assert re.fullmatch(pattern, sentence), sentence


def test_engine_that_can_not_serve_is_one_sentence(capsys):
    sentence = refusal(capsys, *words("sweep dart --engine spectral --learning-rate 0.1"))
    assert sentence.startswith("--engine spectral ")
    assert "engine=" not in sentence
    assert "loss=" not in sentence


@pytest.mark.parametrize("verb", ["swep", "sw-eep", "data.csv", "it's", "(choose from me)"])
def test_unknown_verb_is_one_sentence(capsys, verb):
    with pytest.raises(SystemExit) as ended:
        main([verb, "sine"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"fastgd: error: there is no verb {verb!r}, see fastgd -h\n"


def test_unknown_option_without_a_verb_is_one_sentence(capsys):
    with pytest.raises(SystemExit):
        main(["--verison"])
    assert capsys.readouterr().err == "fastgd: error: there is no option --verison; did you mean --version?\n"


@pytest.mark.process
def test_nothing_is_compiled_for_what_is_refused(data):
    """Not even Numba is imported, in any refusal above."""
    path = data("x,y\n1,2\n2,4\n")
    lines = [line.replace("FILE", path) for line, _ in REFUSED]
    lines += ["sweep square --bounds 2:3", "sweep dart --start 100deg", "descend dart --max-steps 1e12 --every 1"]
    lines += ["sweep dart --engine spectrum"]
    code = """
import contextlib, io, json, shlex, sys
from fastgd.cli.main import main
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
    assert run(code, json.dumps(lines)) == "done"
