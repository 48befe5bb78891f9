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

from fastgd import examples, export, options
from fastgd.check import choice, number_between, printable
from fastgd.fit import REDUCTIONS
from fastgd.fits import LinearFit, PolynomialFit, names_with_intercept
from fastgd.grid import HYPERPARAMETERS, LARGEST_STEP_COUNT, PROBLEMS_START, Grid
from fastgd.lessons import LESSONS
from fastgd.problems import Problem
from fastgd.progress import Progress, ProgressBar
from fastgd.results import Descent, SweepInterrupted, SweepResult
from fastgd.roofline import roofline
from fastgd.settings import Settings
from fastgd.sweep import ENGINE_NAMES, descend, sweep
from fastgd.table import read_columns

Error = Callable[[str], NoReturn]

FILE_DEFAULTS = {"max_steps": "1000"}
LINES = 20  # of a trajectory, about
RECORDED = 100_000  # states of a trajectory from which the lines are taken
DIGITS = ".12g"
LARGEST = sys.float_info.max
COLUMNS = 8  # parameters shown in a line


def run_sweep(arguments: argparse.Namespace, error: Error) -> int:
    """Sweep, print the summary, write the results; what an interrupted sweep finished too."""
    try:
        if arguments.out is not None:
            export.check_destination(arguments.out, arguments.problem)
        defaults, keywords, problem = _prepare(arguments, axes=True)
        progress = _progress(arguments.progress)
    except (ValueError, TypeError) as wrong:
        error(options.as_typed(str(wrong)))
    interruption = None
    try:
        result = sweep(problem, progress=progress, **keywords)
    except SweepInterrupted as stop:
        result, interruption = stop.result, stop
    except ValueError as wrong:  # an engine that can't serve this problem
        error(options.as_typed(str(wrong)))
    try:
        _print_result(result, defaults, arguments)
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
        defaults, keywords, problem = _prepare(arguments, axes=False, record_every=every)
    except (ValueError, TypeError) as wrong:
        error(options.as_typed(str(wrong)))
    try:
        run = descend(problem, **keywords)
    except SweepInterrupted as stop:
        print(stop.result)
        raise KeyboardInterrupt from stop
    except ValueError as wrong:
        error(options.as_typed(str(wrong)))
    _print_defaults(defaults)
    _print_trajectory(
        run, problem, every or _interval(run.steps, keywords["record_every"]), arguments.problem == "dart"
    )
    print(f"{run.status.name} after {run.steps:,} step{'s' * (run.steps != 1)}. {options.as_typed(run.message)}")
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
) -> tuple[str, dict[str, Any], Problem]:
    """Check all that was typed, then build the problem.

    Returns
    -------
    defaults : str
        Options that were not typed and have a default of this problem's, as they would be typed.
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
        _check_data_options(arguments)
        defaults = options.with_defaults(arguments, FILE_DEFAULTS)
    keywords = options.keywords(arguments, axes=axes, degrees=name == "dart")
    if not axes:
        keywords["record_every"] = record_every or _decade(min(keywords["max_steps"], LARGEST_STEP_COUNT) / RECORDED)
    outline = _outline(arguments)
    options.check_length(keywords.get("theta0"), outline.parameters)
    _check(outline, keywords)
    if name == "dart":
        return defaults, keywords, examples.dart()
    return defaults, keywords, outline if name in LESSONS else _fit(arguments)


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
    for option in ("x", "y", "degree", "loss", "reduction", "weight", "l2"):
        if getattr(arguments, option) is not None:
            raise ValueError(f"--{option} is for a CSV file, {name} is an example")
    if arguments.no_intercept and name != "pizza":
        raise ValueError(f"--no-intercept is for a CSV file or the example pizza, not for {name}")


def _check_data_options(arguments: argparse.Namespace) -> None:
    path = arguments.problem
    if Path(path).is_dir():
        raise ValueError(f"{path} must be a CSV file, got a folder")
    if not Path(path).exists():  # a pipe is fine
        raise ValueError(f"there is no file {path!r}, nor is that one of the examples {', '.join(LESSONS)}")
    if arguments.x is None or arguments.y is None:
        missing = "--x" if arguments.x is None else "--y"
        raise ValueError(f"{missing} must name a column of {path}")
    columns = [*arguments.x, arguments.y]
    if "" in columns:
        raise ValueError(f"--x and --y must name columns of {path}, got ''")
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ValueError(f"--x and --y must name different columns, got {twice!r} twice")
    _fit_keywords(arguments)
    if arguments.degree is not None:
        options.whole("--degree", arguments.degree, minimum=0)
        if len(arguments.x) > 1:
            raise ValueError(f"--degree must be left out with several --x, got {len(arguments.x)} of them")
        if arguments.no_intercept:
            raise ValueError("--no-intercept must be left out with --degree: a polynomial has a constant term")
    if arguments.learning_rate is None:
        raise ValueError("--learning-rate must be given, for example --learning-rate 1e-6:1:1000")


def _parameters(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of a fit's parameters: the columns' and, for the intercept, b or another that is free."""
    if arguments.degree is not None:
        return tuple(f"c{k}" for k in range(int(arguments.degree) + 1))
    return names_with_intercept(arguments.x, not arguments.no_intercept)


def _fit_keywords(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what a fit takes beside its columns."""
    return {
        "loss": options.loss(arguments.loss or "squared"),
        "reduction": choice("reduction", arguments.reduction or "mean", REDUCTIONS),
        "l2": number_between("l2", options.number("--l2", arguments.l2 or "0"), minimum=0.0, maximum=LARGEST),
    }


def _fit(arguments: argparse.Namespace) -> Problem:
    """Return the fit to a file's columns."""
    weight = [] if arguments.weight is None else [arguments.weight]
    columns = read_columns(arguments.problem, [*arguments.x, arguments.y, *weight])
    keywords = _fit_keywords(arguments) | {"parameters": _parameters(arguments)}
    if weight:
        keywords["sample_weight"] = columns.pop()
    *X, y = columns
    if arguments.degree is not None:
        return PolynomialFit(X[0], y, int(arguments.degree), **keywords)
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


def _print_result(result: SweepResult, defaults: str, arguments: argparse.Namespace) -> None:
    _print_defaults(defaults)
    print(result)
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


def _print_defaults(defaults: str) -> None:
    if defaults:
        print(f"by default: {defaults}")


def _print_trajectory(run: Descent, problem: Problem, every: int, degrees: bool) -> None:
    """Print step, loss and parameters in columns, every so many steps and at the stop."""
    assert run.trajectory is not None
    steps, theta, loss = run.trajectory.steps, run.trajectory.theta, run.trajectory.loss
    names = map(printable, problem.parameters[:COLUMNS])
    header = ["step", "loss", *names, *(["degrees"] if degrees else [])]
    if problem.dimension > COLUMNS:
        header.append(f"and {problem.dimension - COLUMNS} more")
    rows = [header]
    for k in np.flatnonzero((steps % every == 0) | (steps == run.steps)):
        angle = [math.degrees(theta[k, 0])] if degrees else []
        rows.append([f"{steps[k]:,}", *(format(v, DIGITS) for v in (loss[k], *theta[k, :COLUMNS], *angle))])
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
