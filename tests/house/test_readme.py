"""The README is executed: its Python examples, its console examples, and what its commands name.

Times, rates and versions differ from run to run: in both texts they become `#` before they are compared.
"""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from tests.tools.command import command
from tests.tools.processes import finish

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
MEASURED = re.compile(
    r"[\d.,]+(e[+-]?\d+)?(?= s\b| configurations/s| /s| GFLOP/s| GB/s)|\b(Python|fastgd|NumPy|Numba) \d[\w.]*"
    r"|\b\d+ threads?\b( \(\w+\))?"
)


def without_measurements(text: str) -> str:
    """Replace what a clock or an installation decides, and the spaces that align it."""
    return re.sub(r"[ \t]+", " ", MEASURED.sub("#", text))


class Checker(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(without_measurements(want), without_measurements(got), optionflags)


def test_python_examples_give_what_they_show(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where they write pictures, a page and results
    python = "\n\n".join(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(python, {}, "README.md", str(README), 0)
    assert len(examples.examples) > 20
    runner = doctest.DocTestRunner(Checker(), verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    runner.run(examples, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_pictures_are_there():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXT)
    assert len(pictures) > 4
    assert [path for path in pictures if not (README.parent / path).is_file()] == []


def test_it_is_short():
    assert len(TEXT.splitlines()) < 400


CONSOLE = [
    (command, shown)
    for block in re.findall(r"```console\n(.*?)```", TEXT, flags=re.DOTALL)
    for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE)
]


@pytest.mark.process
@pytest.mark.parametrize(("line", "shown"), CONSOLE, ids=[line for line, _ in CONSOLE])
def test_console_examples_print_what_they_show(line: str, shown: str):
    program, *arguments = shlex.split(line)
    assert program == "fastgd"
    ended = finish(command(*arguments))
    assert ended.code == 0, ended.err
    assert without_measurements(ended.out) == without_measurements(shown)


def test_there_are_the_two_commands():
    one_liners = [line for line in TEXT.splitlines() if line.startswith("python -m pip install")]
    assert sum("fastgd sweep sine" in line for line in one_liners) == 1
    assert sum("pytest --quiet" in line for line in one_liners) == 1
    assert all(shlex.split(line.replace("&&", " ")) for line in one_liners)
