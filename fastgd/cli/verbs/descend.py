"""Run one gradient descent and print its steps at a regular interval, and why it stopped."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from fastgd.cli.options import add, add_hyperparameters, add_json, add_problem, add_run
from fastgd.descent.hyperparameters import LARGEST_STEP_COUNT
from fastgd.sweeps.stopwatch import HeldInterrupts
from fastgd.text import counted, least_round, printable

HELP = "run one descent and print its steps"

LINES = 20  # of a trajectory, about
RECORDED = 100_000  # states of a trajectory from which the lines are taken
DIGITS = ".12g"
COLUMNS = 8  # parameters shown in a line

_EXAMPLES = """\
examples:
  fastgd descend square --learning-rate 0.2 --max-steps 20 --every 1
  fastgd descend dart --rule sign --learning-rate 0.1 --max-steps 100 --loss-threshold none
  fastgd descend data.csv --x time --y speed --degree 3 --learning-rate 1e-3 --max-steps 5000
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of one descent."""
    parser.usage = "fastgd descend PROBLEM [options]"
    parser.epilog = _EXAMPLES
    add_problem(parser)
    add_hyperparameters(parser, "NUMBER")
    group = add_run(parser)
    add(group, "--every", "K", "print every K-th step; by default some twenty steps are printed")
    add(group, "--plot", "FILE", "draw the loss against the step: .png, .svg or .pdf")
    add_json(group)


def run(arguments: argparse.Namespace) -> int:
    """Descend once and print the trajectory at a regular interval, and why it stopped."""
    with HeldInterrupts():
        import numpy as np

        from fastgd.cli import as_json
        from fastgd.cli.outputs import check_picture, checked, write_picture
        from fastgd.cli.problem import Task
        from fastgd.cli.run_file import is_run_file, take_up
        from fastgd.cli.sentences import advice_as_typed
        from fastgd.cli.values import whole
        from fastgd.results.sweep_result import SweepInterrupted
        from fastgd.sweeps.original_units import in_original_units, original
        from fastgd.sweeps.sweep import descend

    if is_run_file(arguments):
        take_up(arguments)
    every = None if arguments.every is None else whole("--every", arguments.every, minimum=1)
    if arguments.plot is not None:
        checked("--plot", check_picture, arguments.plot, arguments.problem)
    task = Task(arguments, axes=False)
    most = min(task.keywords["max_steps"], LARGEST_STEP_COUNT)
    recorded_every = every or int(10.0 ** math.ceil(math.log10(max(1.0, most / RECORDED))))
    task.keywords["record_every"] = recorded_every
    problem = task.problem()
    try:
        found = descend(problem, **task.keywords)
    except SweepInterrupted as stop:
        far = in_original_units(stop.result, problem, task.start)
        if arguments.json:
            as_json.tell(as_json.of_interrupted(far, task.notes))
        else:
            print(far)
        raise KeyboardInterrupt from stop
    path = found.trajectory
    assert path is not None
    every = every or least_round(max(recorded_every, -(-found.steps // LINES)))  # a multiple of what was recorded
    shown = np.flatnonzero((path.steps % every == 0) | (path.steps == found.steps))
    theta = original(problem, path.theta[shown])
    if task.start is not None:
        theta[0] = task.start
    if arguments.plot is not None:
        checked("--plot", write_picture, arguments.plot, found.plot)
    if arguments.json:
        states = replace(path, steps=path.steps[shown], loss=path.loss[shown], theta=theta)
        as_json.tell(as_json.of_descent(replace(found, theta=theta[-1], trajectory=states), task.notes))
        return 0
    names = problem.parameters
    more = [f"and {len(names) - COLUMNS} more"] if len(names) > COLUMNS else []
    rows = [["step", "loss", *map(printable, names[:COLUMNS]), *["degrees"] * task.angle, *more]]
    numbers = np.column_stack([path.loss[shown], theta[:, :COLUMNS], *[np.degrees(theta)] * task.angle])
    for step, row in zip(path.steps[shown].tolist(), numbers.tolist(), strict=True):
        rows.append([f"{step:,}", *(format(number, DIGITS) for number in row), *[""] * len(more)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for line in (*task.notes, *("  ".join(map(str.rjust, cells, widths)).rstrip() for cells in rows)):
        print(line)
    print(f"{found.status.name} after {counted(found.steps, 'step')}. {advice_as_typed(found.message)}")
    if arguments.timing:
        print(f"\n{found.timing}")
    return 0
