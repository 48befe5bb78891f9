"""What was typed, as a problem and the keywords to run it with.

All that was typed is checked before a file is read and anything is compiled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastgd.check import choice, number_between
from fastgd.cli import values
from fastgd.cli.options import loss_forms
from fastgd.cli.sentences import option, renamed
from fastgd.data_files.columns import read_columns
from fastgd.data_files.dialect import checked_dialect
from fastgd.examples import published
from fastgd.examples.lessons import LESSONS, Lesson
from fastgd.problems.fit import REDUCTIONS
from fastgd.problems.linear import LinearFit, names_with_intercept
from fastgd.problems.linear_model import LinearModel, Standardized, check_no_penalty
from fastgd.problems.losses import Loss
from fastgd.problems.polynomial import LARGEST_DEGREE, PolynomialFit
from fastgd.problems.problem import Problem
from fastgd.sources.chunks import stacked
from fastgd.sweeps.asked import Space, checked
from fastgd.sweeps.stopwatch import HeldInterrupts
from fastgd.text import counted, either, listed

_OF_A_FIT = ("x", "y", "degree", "loss", "reduction", "weight", "l2")
_OF_A_TEXT = ("separator", "decimal", "no_header", "drop_missing")


class Task:
    """What was typed for `sweep` or, without axes, for `descend`, and what there is to tell of it."""

    def __init__(self, arguments: argparse.Namespace, *, axes: bool) -> None:
        self.arguments = arguments
        lesson = LESSONS.get(arguments.problem)
        if lesson is None:
            file = _File(arguments, axes)
            self.make: Callable[[], Problem] = lambda: file.fit(self.notes)
            unmade = file.parameters
            defaults = {"max_steps": "1000"}
        else:
            _check_example_options(arguments, lesson)
            self.make = lambda: _example(arguments)
            unmade = tuple(lesson.start or ())
            defaults = lesson.sweep if axes else lesson.descend
        typed = values.with_defaults(arguments, defaults)
        self.notes = [f"by default: {typed}"] if typed else []  # lines to print above the answer
        self.angle = lesson is not None and lesson.of_angle  # whether the parameter is one
        self.keywords = values.keywords(arguments, axes=axes, degrees=self.angle)  # of the function
        self.start = self.keywords.get("theta0")  # as it was typed: in original parameters
        self.made = None if unmade else self.make()
        start = np.zeros(len(unmade)) if lesson is None else np.array(list((lesson.start or {}).values()))
        self.space = Space(self.made.parameters, self.made.start) if self.made else Space(unmade, start)
        if arguments.standardize and "bounds" in self.keywords:
            raise ValueError("--bounds must be left out with --standardize: a standardised parameter may mix several")

    def problem(self) -> Problem:
        """Check everything, then build the problem."""
        names = self.space.parameters
        if self.start is not None and self.start.shape[-1] != len(names):
            expected = f"{counted(len(names), 'number')} ({listed(names)})"
            raise ValueError(f"--start must have {expected}, got {self.start.shape[-1]}")
        checked(self.space, **self.keywords)
        problem = self.made or self.make()
        if self.arguments.standardize and isinstance(problem, LinearModel):
            problem = problem.standardized()
            if isinstance(problem, Standardized) and self.start is not None:
                self.keywords["theta0"] = problem.standard(self.start)
        return problem


def _example(arguments: argparse.Namespace) -> Problem:
    make: Callable[..., Problem] = getattr(published, arguments.problem)
    with HeldInterrupts():
        return make(intercept=False) if arguments.no_intercept else make()


def _check_example_options(arguments: argparse.Namespace, lesson: Lesson) -> None:
    name = arguments.problem
    for given in (*_OF_A_FIT, *_OF_A_TEXT):
        if getattr(arguments, given) not in (None, False):
            raise ValueError(f"{option(given)} is for a CSV file, {name} is an example")
    if arguments.standardize and lesson.start:
        rest = "data, {} is a function of an angle" if lesson.of_angle else "linear models, {} is none"
        raise ValueError(f"--standardize is for {rest.format(name)}")
    if arguments.no_intercept and not lesson.has_intercept:
        others = ", ".join(other for other, lesson in LESSONS.items() if lesson.has_intercept)
        raise ValueError(f"--no-intercept is for a CSV file or the example {others}, not for {name}")


class _File:
    """A fit to columns of a file, as it was typed."""

    def __init__(self, arguments: argparse.Namespace, axes: bool) -> None:
        self.path = path = arguments.problem
        if path and Path(path).is_dir():
            raise ValueError(f"{path} must be a CSV file, got a folder")
        if not path or not Path(path).exists():  # a pipe is fine
            raise ValueError(f"there is no file {path!r}, nor is that one of the examples {', '.join(LESSONS)}")
        self.dialect = checked_dialect(*(getattr(arguments, name) for name in _OF_A_TEXT))
        if arguments.x is None or arguments.y is None:
            missing = "--x" if arguments.x is None else "--y"
            what = "give the number of" if arguments.no_header else "name"
            raise ValueError(f"{missing} must {what} a column of {path}")
        typed = [*(("--x", name) for name in arguments.x), ("--y", arguments.y), ("--weight", arguments.weight)]
        self.columns = [self._column(*column) for column in typed if column[1] is not None]
        different = self.columns[: len(arguments.x) + 1]  # a weight may be one of them
        if "" in different:
            raise ValueError(f"--x and --y must name columns of {path}, got ''")
        if len(set(different)) < len(different):
            twice = next(column for column in different if different.count(column) > 1)
            raise ValueError(f"--x and --y must name different columns, got {twice!r} twice")
        self.weighted = arguments.weight is not None
        self.loss = _loss(arguments.loss or "squared")
        self.reduction = choice("reduction", arguments.reduction or "mean", REDUCTIONS)
        penalty = values.number("--l2", arguments.l2 or "0")
        self.l2 = number_between("l2", penalty, minimum=0.0, maximum=sys.float_info.max)
        if arguments.standardize:
            check_no_penalty(self.l2)
        self.intercept = not arguments.no_intercept
        self.degree = -1
        if arguments.degree is not None:
            self.degree = values.whole("--degree", arguments.degree, minimum=0, maximum=LARGEST_DEGREE)
            if len(arguments.x) > 1:
                raise ValueError(f"--degree must be left out with several --x, got {len(arguments.x)} of them")
            if arguments.no_intercept:
                raise ValueError("--no-intercept must be left out with --degree: a polynomial has a constant term")
        if arguments.learning_rate is None:
            example = "1e-6:1:1000" if axes else "0.001; fastgd sweep tries many at once"
            raise ValueError(f"--learning-rate must be given, for example --learning-rate {example}")

    def _column(self, option: str, name: str) -> str:
        """Return a column's name, without a header its number."""
        if self.dialect.header:
            return name.strip()
        return str(values.whole(f"{option} with --no-header", name, minimum=1))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the fit's parameters: the columns' and, for the intercept, b or another that is free."""
        if self.degree >= 0:
            return tuple(f"c{k}" for k in range(self.degree + 1))
        features = self.columns[: -2 if self.weighted else -1]
        return names_with_intercept([name if self.dialect.header else f"x{name}" for name in features], self.intercept)

    def fit(self, notes: list[str]) -> Problem:
        """Read the file and return the fit; add to the notes what there is to tell of the rows."""
        table = read_columns(self.path, self.columns, self.dialect)
        if table.named_by_numbers:
            notes.append("the first line is taken for names, which are numbers; --no-header takes it for a row")
        if self.dialect.drop_missing:
            left_out = f"{table.dropped:,} of {counted(table.rows, 'row')}"
            notes.append(f"left out {left_out}, with nothing in one of the columns")
        columns = list(table.columns)
        weights = columns.pop() if self.weighted else None
        y = columns.pop()
        how: dict[str, Any] = {"loss": self.loss, "reduction": self.reduction, "sample_weight": weights}
        how |= {"l2": self.l2, "parameters": self.parameters}
        if self.degree >= 0:
            return PolynomialFit(columns[0], y, self.degree, **how)
        return LinearFit(stacked(columns), y, intercept=self.intercept, **how)


def _loss(text: str) -> Loss:
    """Return the loss of a residual that a word names, with its number after a colon if it has one."""
    word, *numbers = text.split(":")
    kind = Loss.known.get(word)
    if kind is None or len(numbers) != len(kind.parameters()):
        raise ValueError(f"--loss must be {either(loss_forms())}, got {text!r}")
    typed = [values.number(f"--loss {word}", number) for number in numbers]
    try:
        return kind(*typed)
    except ValueError as error:  # which names a number of the loss: what is one, another argument may be called, too
        raise ValueError(renamed(error.args[0], kind.parameters(), f"--loss {word}")) from None
