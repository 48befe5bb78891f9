"""Running the command line in tests, in this process or in one of its own."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

import fastgd
from fastgd.cli.main import main
from tests.tools.processes import ROOT, start

PIZZA = str(Path(fastgd.__file__).parent / "examples" / "pizza.csv")
SLOW = ["sweep", "sine", "--engine", "samples", "--learning-rate", "1e-9:1e-6:20000"]  # half a minute
FIT = ["--x", "x", "--y", "y", "--learning-rate", "0.01"]


def words(line):
    return shlex.split(line)


def command(*arguments, **options):
    """Start the real command in a process of its own."""
    return start("-m", "fastgd", *arguments, **{"cwd": ROOT} | options)


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


def swept(capsys, tmp_path, *arguments):
    """Run a sweep with --out and return what was written."""
    out = tmp_path / "result.npz"
    output(capsys, "sweep", *arguments, "--out", str(out))
    return np.load(out)


def linear_table(rows=200):
    random = np.random.default_rng(3)
    X = random.normal(size=(rows, 2))
    return X, X @ [2.0, -1.0] + 0.5 + 0.1 * random.normal(size=rows)


def as_csv(X, y, header):
    lines = [",".join(map(repr, [*row, target])) for row, target in zip(X.tolist(), y.tolist(), strict=True)]
    return "\n".join([header, *lines]) + "\n"
