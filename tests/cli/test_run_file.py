"""`fastgd sweep run.toml`: a run written down is as if it were typed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tools.command import as_csv, linear_table, output, refusal, words
from tests.tools.processes import finish, start

SENTENCES = [
    (
        "learning_rate = 3",
        "problem must be given: an example (square, sine, pizza, dart, decay) or a CSV, Parquet or .npy file",
    ),
    ('problem = "pizza"\nlearning_rates = 3', "there is no key 'learning_rates'; did you mean learning_rate?"),
    ('problem = "pizza"\nlr = 3', "there is no key 'lr'; did you mean learning_rate?"),
    ('problem = "pizza"\nqqq = 3', "there is no key 'qqq', see fastgd sweep -h"),
    ('problem = "pizza"\nstandardize = "yes"', "standardize must be true or false, got 'yes'"),
    ('problem = "pizza"\nmax_steps = true', "max_steps must be a number, a text or a list, got True"),
    ('problem = "pizza"\nmax_steps = 1979-05-27', "max_steps must be a number, a text or a list, got datetime.date"),
    ('problem = "pizza"\nbounds = [1, 2, 3]', "bounds must be a list of two, got [1, 2, 3]"),
    ("problem = 3", "problem must be a text, got 3"),
    ('problem = "run.toml"', "problem must be no other run file, got 'run.toml'"),
    ('problem = "pizza"\nmax-steps = 5\nmax_steps = 7', "max_steps is given twice, also with dashes"),
    ('problem = "pizza"\njson = true', "json must be typed, as --json"),
    ('problem = "pizza"\nno_progress = true', "there is no key 'no_progress', see fastgd sweep -h"),
    ('problem = "pizza"\n"" = 1', "there is no key '', see fastgd sweep -h"),
    ('problem = "pizza"\nplot = ["a.png"]', "plot must be a text, got ['a.png']"),
    (
        f'problem = "pizza"\nmax_steps = {"[" * 90}{"]" * 90}',
        f"max_steps must be a number or a text, got list {'[' * 40}...",
    ),
    ('problem = "pizza"\n[also]\nx = 1', "there is no key 'also', see fastgd sweep -h"),
]


def run_file(tmp_path, text, name="run.toml"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def without_time(printed):
    return [line for line in printed.splitlines() if not line.startswith(("  time", "  engine"))]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (
            'problem = "pizza"\nlearning_rate = [0.001, 1e-3, 0.004]\nmax_steps = 50',
            "pizza --learning-rate 0.001,1e-3,0.004 --max-steps 50",
        ),
        (
            'problem = "pizza"\nlearning-rate = "1e-5:1e-2:9"\nmax-steps = [5, 50]',
            "pizza --learning-rate 1e-5:1e-2:9 --max-steps 5,50",
        ),
        (
            'problem = "pizza"\nstart = [1, 2.5]\nstandardize = true\nmax_steps=9',
            "pizza --start 1,2.5 --standardize --max-steps 9",
        ),
        (
            'problem = "pizza"\nstart = [[1, 2.5], [0, 0]]\nbounds = [-1, [3, 40]]\nrule = "adam"\nmomentum = 0.5\n'
            "max_steps = 99",
            "pizza --start 1,2.5 --start 0,0 --bounds -1:3,40 --rule adam --momentum 0.5 --max-steps 99",
        ),
        (
            'problem = "dart"\nbounds = "-90deg:90deg"\nloss_threshold = "none"\nmax_steps = 9',
            "dart --bounds -90deg:90deg --loss-threshold none --max-steps 9",
        ),
        (
            'problem = "square"\ndivergence_threshold = inf\nmax_steps = 9',
            "square --divergence-threshold inf --max-steps 9",
        ),
    ],
)
def test_a_run_file_is_as_if_it_were_typed(capsys, tmp_path, text, typed):
    told = output(capsys, "sweep", run_file(tmp_path, text))
    assert without_time(told) == without_time(output(capsys, "sweep", *words(typed)))


def test_paths_are_those_from_the_files_folder(capsys, tmp_path):
    X, y = linear_table()
    (tmp_path / "table.csv").write_text(as_csv(X, y, "x,z,y"))
    text = 'problem = "table.csv"\nx = ["x", "z"]\ny = "y"\nlearning_rate = 0.01\nmax_steps = 5\nout = "result.npz"\n'
    output(capsys, "sweep", run_file(tmp_path, text))
    assert list(np.load(tmp_path / "result.npz")["parameters"]) == ["x", "z", "b"]


def test_what_is_typed_counts_instead(capsys, tmp_path):
    path = run_file(tmp_path, 'problem = "pizza"\nlearning_rate = [0.001, 0.004]\nmax_steps = 50\n')
    told = output(capsys, "sweep", path, "--max-steps", "7")
    assert without_time(told) == without_time(
        output(capsys, "sweep", *words("pizza --learning-rate 0.001,0.004 --max-steps 7"))
    )


def test_what_is_typed_counts_instead_where_it_says_no(capsys, tmp_path):
    path = run_file(tmp_path, 'problem = "pizza"\nlearning_rate = 0.001\nprogress = true\n')
    output(capsys, "sweep", path, "--no-progress")  # which would find a bar on standard error


def test_columns_by_number_and_none(capsys, tmp_path):
    (tmp_path / "table.csv").write_text("1,2\n2,3\n3,5\n")
    text = 'problem = "table.csv"\nno_header = true\ny = 2\nlearning_rate = 0.01\n'
    for x in ("1", "[1]", '"1"'):
        assert "3 samples, 1 feature" in output(capsys, "sweep", run_file(tmp_path, f"{text}x = {x}"))
    assert refusal(capsys, "sweep", run_file(tmp_path, f"{text}x = []")).startswith(
        "--x must give the number of a column"
    )


def test_a_mark_of_byte_order_and_line_ends_of_windows(capsys, tmp_path):
    path = tmp_path / "run.toml"
    path.write_bytes(b'\xef\xbb\xbfproblem = "pizza"\r\nlearning_rate = 0.001\r\nmax_steps = 5\r\n')
    assert "1 configuration" in output(capsys, "sweep", str(path))


def test_descend_takes_one_too(capsys, tmp_path):
    path = run_file(tmp_path, 'problem = "square"\nlearning_rate = 0.2\nmax_steps = 20\nevery = 1\n')
    typed = "square --learning-rate 0.2 --max-steps 20 --every 1"
    assert output(capsys, "descend", path) == output(capsys, "descend", *words(typed))


@pytest.mark.parametrize(("text", "sentence"), SENTENCES)
def test_errors_name_the_key(capsys, tmp_path, text, sentence):
    path = run_file(tmp_path, text)
    assert refusal(capsys, "sweep", path).startswith(f"{path}: {sentence}")


def test_values_are_refused_as_if_they_were_typed(capsys, tmp_path):
    path = run_file(tmp_path, 'problem = "pizza"\nlearning_rate = "1e-5:oops:9"')
    assert refusal(capsys, "sweep", path) == refusal(capsys, "sweep", "pizza", "--learning-rate", "1e-5:oops:9")


def test_files_that_are_no_toml(capsys, tmp_path):
    path = run_file(tmp_path, "problem = [1")
    assert refusal(capsys, "sweep", path).startswith(f"{path} can't be read as TOML: ")
    for depth in ("[" * 5000, "9" * 5000):
        path = run_file(tmp_path, f"max_steps = {depth}")
        assert refusal(capsys, "sweep", path).startswith(f"{path} can't be read as TOML: ")
    (tmp_path / "latin.toml").write_bytes('problem = "é"'.encode("latin-1"))
    latin = str(tmp_path / "latin.toml")
    assert refusal(capsys, "sweep", latin) == f"{latin} must be a text in UTF-8, got other bytes"
    missing = str(tmp_path / "missing.toml")
    assert refusal(capsys, "sweep", missing) == f"{missing} can't be read: No such file or directory"


WITHOUT_MSGSPEC = """
import sys
sys.modules["msgspec"] = None
from fastgd.cli.main import main
print(main(["sweep", sys.argv[1]]))
"""


@pytest.mark.process
def test_without_msgspec_a_sentence_says_what_to_install(tmp_path):
    ended = finish(start("-c", WITHOUT_MSGSPEC, run_file(tmp_path, 'problem = "pizza"')))
    assert ended.out == "2\n"
    assert ended.err == "fastgd sweep: error: a run file needs the package msgspec: pip install 'fastgd[cli]'\n"
