"""What the verbs `sweep`, `descend` and `roofline` do: check everything, build the problem, run it, print the answer.

All that was typed is checked before the problem is built and anything is compiled; `error` ends the process with a
sentence.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastgd import examples
from fastgd.check import choice, number_between
from fastgd.cli import values as options
from fastgd.cli.original_units import in_coordinates, in_original_units
from fastgd.data_files.columns import read_columns
from fastgd.examples.lessons import LESSONS
from fastgd.problems.fit import REDUCTIONS, Fit
from fastgd.problems.fits import LARGEST_DEGREE, LinearFit, PolynomialFit, names_with_intercept
from fastgd.problems.problem import Problem
from fastgd.problems.standardized import (
    BY_METHOD,
    BY_OPTION,
    Standardized,
    check_no_penalty,
)
from fastgd.results import files as export
from fastgd.results.roofline import roofline
from fastgd.results.sweep_result import Descent, SweepInterrupted, SweepResult
from fastgd.sweeps.grid import HYPERPARAMETERS, LARGEST_STEP_COUNT, PROBLEMS_START, Grid
from fastgd.sweeps.progress import Progress, ProgressBar
from fastgd.sweeps.settings import Settings
from fastgd.sweeps.sweep import ENGINE_NAMES, descend, sweep
from fastgd.text import counted, printable

Error = Callable[[str], NoReturn]

FILE_DEFAULTS = {"max_steps": "1000"}
LINES = 20  # of a trajectory, about
RECORDED = 100_000  # states of a trajectory from which the lines are taken
DIGITS = ".12g"
LARGEST = sys.float_info.max
COLUMNS = 8  # parameters shown in a line

_DATA_OPTIONS = ("x", "y", "degree", "loss", "reduction", "weight", "l2")
_TEXT_OPTIONS = ("separator", "decimal", "no_header", "drop_missing")


def run_sweep(arguments: argparse.Namespace, error: Error) -> int:
    """Sweep, print the summary, write the results; what an interrupted sweep finished too."""
    try:
        if arguments.out is not None:
            export.check_destination(arguments.out, arguments.problem)
        notes, keywords, problem = _prepare(arguments, axes=True)
        progress = _progress(arguments.progress)
    except ValueError as wrong:
        error(str(wrong))
    interruption = None
    try:
        with options.in_typed_words():
            result = sweep(problem, progress=progress, **in_coordinates(problem, keywords))
    except SweepInterrupted as stop:
        result, interruption = stop.result, stop
    except ValueError as wrong:  # an engine that can't serve this problem
        error(str(wrong))
    result = in_original_units(result, problem, keywords.get("theta0"))
    try:
        _print_result(result, notes, arguments)
    finally:  # even if nobody reads what is printed
        if arguments.out is not None:
            _write(arguments.out, result, problem, error)
    if interruption is not None:
        raise KeyboardInterrupt from interruption
    return 0


def run_descend(arguments: argparse.Namespace, error: Error) -> int:
    """Descend once and print the trajectory at a regular interval, and why it stopped."""
    try:
        every = None if arguments.every is None else options.whole("--every", arguments.every, minimum=1)
        notes, keywords, problem = _prepare(arguments, axes=False, record_every=every)
    except ValueError as wrong:
        error(str(wrong))
    try:
        with options.in_typed_words():
            run = descend(problem, **in_coordinates(problem, keywords))
    except SweepInterrupted as stop:
        print(in_original_units(stop.result, problem, keywords.get("theta0")))
        raise KeyboardInterrupt from stop
    except ValueError as wrong:
        error(str(wrong))
    _print_notes(notes)
    every = every or _interval(run.steps, keywords["record_every"])
    _print_trajectory(run, problem, every, arguments.problem == "dart", keywords.get("theta0"))
    print(f"{run.status.name} after {counted(run.steps, 'step')}. {options.as_typed(run.message)}")
    if arguments.timing:
        print(f"\n{run.timing}")
    return 0


def run_roofline(arguments: argparse.Namespace, error: Error) -> int:
    """Measure the machine's limits and print them."""
    try:
        threads = None if arguments.threads is None else options.whole("--threads", arguments.threads, minimum=1)
    except ValueError as wrong:
        error(str(wrong))
    print(roofline(threads))
    return 0


def _prepare(
    arguments: argparse.Namespace, *, axes: bool, record_every: int | None = None
) -> tuple[list[str], dict[str, Any], Problem]:
    """Check all that was typed, then build the problem.

    Returns
    -------
    notes : list of str
        Lines to print above the answer: options that were not typed and have a default of this problem's, as they
        would be typed, and rows that were left out.
    keywords : dict
        For `sweep`, or for `descend` if there are to be no axes.
    problem : Problem
    """
    name = arguments.problem
    if name in LESSONS:
        _refuse_data_options(arguments)
        lesson = LESSONS[name]
        defaults = options.with_defaults(arguments, lesson.sweep if axes else lesson.descend)
    else:
        _check_data_options(arguments, axes)
        defaults = options.with_defaults(arguments, FILE_DEFAULTS)
    keywords = options.keywords(arguments, axes=axes, degrees=name == "dart")
    if arguments.standardize and "bounds" in keywords:
        raise ValueError("--bounds must be left out with --standardize: a standardised parameter may mix several")
    if not axes:
        keywords["record_every"] = record_every or _decade(min(keywords["max_steps"], LARGEST_STEP_COUNT) / RECORDED)
    outline = _outline(arguments)
    options.check_length(keywords.get("theta0"), outline.parameters)
    with options.in_typed_words(outline.parameters, degrees=options.in_degrees(arguments)):
        _check(outline, keywords)
    notes = [f"by default: {defaults}"] if defaults else []
    if name == "dart":
        return notes, keywords, examples.dart()
    problem = outline
    if name not in LESSONS:
        table = read_columns(name, options.columns(arguments), options.dialect(arguments))
        if table.named_by_numbers:
            notes.append("the first line is taken for names, which are numbers; --no-header takes it for a row")
        if arguments.drop_missing:
            left_out = f"{table.dropped:,} of {counted(table.rows, 'row')}"
            notes.append(f"left out {left_out}, with nothing in one of the columns")
        with options.in_typed_words():
            problem = _fit(arguments, table.columns)
    if arguments.standardize:
        assert isinstance(problem, Fit)
        problem = problem.standardized()
    return notes, keywords, problem


def _check(problem: Problem, keywords: dict[str, Any]) -> None:
    """Raise what `sweep` would raise for these keywords, without running anything."""
    settings = Settings.from_arguments(
        problem,
        keywords.get("rule", "gradient"),
        keywords.get("schedule", "constant"),
        keywords.get("bounds"),
        keywords.get("record_every"),
    )
    values: dict[str, object] = {name: keywords.get(name) for name in HYPERPARAMETERS}
    theta0 = keywords.get("theta0", PROBLEMS_START)
    grid = Grid.from_arguments(problem, theta0, settings.with_usual_values(values, {}), {})
    settings.check_starts(grid)
    grid.check_size(settings.memories)
    settings.recorded(grid, problem.dimension)
    choice("engine", keywords.get("engine", "auto"), ENGINE_NAMES)


def _outline(arguments: argparse.Namespace) -> Problem:
    """Return a problem with the parameters and the start of the one asked for, without compiling or reading a file."""
    if arguments.problem == "square":
        return examples.square()
    if arguments.problem == "sine":
        return examples.sine()
    if arguments.problem == "pizza":
        return examples.pizza(intercept=not arguments.no_intercept)
    names = ("angle",) if arguments.problem == "dart" else _parameters(arguments)
    return LinearFit(np.zeros((1, len(names))), [0.0], intercept=False, parameters=names)


def _refuse_data_options(arguments: argparse.Namespace) -> None:
    name = arguments.problem
    for option in (*_DATA_OPTIONS, *_TEXT_OPTIONS):
        if getattr(arguments, option) not in (None, False):
            raise ValueError(f"--{option.replace('_', '-')} is for a CSV file, {name} is an example")
    if arguments.standardize and name == "dart":
        raise ValueError("--standardize is for data, dart is a function of an angle")
    if arguments.no_intercept and name != "pizza":
        raise ValueError(f"--no-intercept is for a CSV file or the example pizza, not for {name}")


def _check_data_options(arguments: argparse.Namespace, axes: bool) -> None:
    path = arguments.problem
    if path and Path(path).is_dir():
        raise ValueError(f"{path} must be a CSV file, got a folder")
    if not path or not Path(path).exists():  # a pipe is fine
        raise ValueError(f"there is no file {path!r}, nor is that one of the examples {', '.join(LESSONS)}")
    options.dialect(arguments)
    if arguments.x is None or arguments.y is None:
        missing = "--x" if arguments.x is None else "--y"
        what = "give the number of" if arguments.no_header else "name"
        raise ValueError(f"{missing} must {what} a column of {path}")
    columns = options.columns(arguments)[: len(arguments.x) + 1]  # a weight may be one of them
    if "" in columns and not arguments.no_header:
        raise ValueError(f"--x and --y must name columns of {path}, got ''")
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ValueError(f"--x and --y must name different columns, got {twice!r} twice")
    penalty = _fit_keywords(arguments)["l2"]
    if arguments.standardize:
        with options.in_typed_words():
            check_no_penalty(penalty)
    if arguments.degree is not None:
        _degree(arguments)
        if len(arguments.x) > 1:
            raise ValueError(f"--degree must be left out with several --x, got {len(arguments.x)} of them")
        if arguments.no_intercept:
            raise ValueError("--no-intercept must be left out with --degree: a polynomial has a constant term")
    if arguments.learning_rate is None:
        example = "--learning-rate 1e-6:1:1000" if axes else "--learning-rate 0.001; fastgd sweep tries many at once"
        raise ValueError(f"--learning-rate must be given, for example {example}")


def _degree(arguments: argparse.Namespace) -> int:
    return options.whole("--degree", arguments.degree, minimum=0, maximum=LARGEST_DEGREE)


def _parameters(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of a fit's parameters: the columns' and, for the intercept, b or another that is free."""
    if arguments.degree is not None:
        return tuple(f"c{k}" for k in range(_degree(arguments) + 1))
    columns = options.columns(arguments)[: len(arguments.x)]
    names = [f"x{number}" for number in columns] if arguments.no_header else columns
    return names_with_intercept(names, not arguments.no_intercept)


def _fit_keywords(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what a fit takes beside its columns."""
    with options.in_typed_words():
        reduction = choice("reduction", arguments.reduction or "mean", REDUCTIONS)
        l2 = number_between("l2", options.number("--l2", arguments.l2 or "0"), minimum=0.0, maximum=LARGEST)
    return {"loss": options.loss(arguments.loss or "squared"), "reduction": reduction, "l2": l2}


def _fit(arguments: argparse.Namespace, columns: list[NDArray[np.float64]]) -> Problem:
    """Return the fit to a file's columns, those of --x, --y and --weight."""
    keywords = _fit_keywords(arguments) | {"parameters": _parameters(arguments)}
    if arguments.weight is not None:
        *columns, keywords["sample_weight"] = columns
    *X, y = columns
    if arguments.degree is not None:
        return PolynomialFit(X[0], y, _degree(arguments), **keywords)
    return LinearFit(np.column_stack(X), y, intercept=not arguments.no_intercept, **keywords)


def _progress(wanted: bool | None) -> Progress | bool:
    """Return a bar if it is asked for, or on a terminal after a second; without tqdm only what is asked for fails."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        return False
    try:
        return ProgressBar(delay=0.0 if wanted else 1.0)
    except ModuleNotFoundError:
        if wanted:
            raise ValueError("--progress needs the package tqdm: pip install 'fastgd[cli]'") from None
        return False


def _print_result(result: SweepResult, notes: list[str], arguments: argparse.Namespace) -> None:
    _print_notes(notes)
    print(str(result).replace(BY_METHOD, BY_OPTION))
    if arguments.problem == "dart" and result.best is not None:
        print(f"  {'best angle':<15}{math.degrees(result.best.theta[0]):.10g} degrees")
    if arguments.timing:
        print(f"\n{result.timing}")
    sys.stdout.flush()


def _write(path: str, result: SweepResult, problem: Problem, error: Error) -> None:
    try:
        export.write(path, result, problem.parameters)
    except ValueError as wrong:
        error(str(wrong))


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        print(note)


def _print_trajectory(run: Descent, problem: Problem, every: int, degrees: bool, start: Any) -> None:
    """Print step, loss and parameters in columns, every so many steps and at the stop; the start as it was given."""
    assert run.trajectory is not None
    steps, theta, loss = run.trajectory.steps, run.trajectory.theta, run.trajectory.loss
    names = map(printable, problem.parameters[:COLUMNS])
    header = ["step", "loss", *names, *(["degrees"] if degrees else [])]
    if problem.dimension > COLUMNS:
        header.append(f"and {problem.dimension - COLUMNS} more")
    rows = [header]
    shown = np.flatnonzero((steps % every == 0) | (steps == run.steps))
    states = problem.original(theta[shown]) if isinstance(problem, Standardized) else theta[shown]
    if start is not None:
        states[0] = start
    for k, state in zip(shown, states, strict=True):
        angle = [math.degrees(state[0])] if degrees else []
        rows.append([f"{steps[k]:,}", *(format(v, DIGITS) for v in (loss[k], *state[:COLUMNS], *angle))])
        rows[-1] += [""] * (len(header) - len(rows[-1]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _decade(value: float) -> int:
    """Return the least power of ten that is at least `value`, and 1 below that."""
    return int(10.0 ** math.ceil(math.log10(value))) if value > 1.0 else 1


def _interval(steps: int, recorded_every: int) -> int:
    """Return the least of 1, 2, 5, 10, ... that gives no more than `LINES` lines, a multiple of what was recorded."""
    candidates = (digit * int(10.0**power) for power in range(17) for digit in (1, 2, 5))
    return next(k for k in candidates if k >= recorded_every and k * LINES >= steps)
