"""Run gradient descent for every configuration of a grid, and say which worked and why."""

from __future__ import annotations

import argparse
import math
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fastgd.cli.options import add, add_hyperparameters, add_json, add_problem, add_run
from fastgd.sweeps.stopwatch import HeldInterrupts

if TYPE_CHECKING:
    from fastgd.sweeps.progress import ProgressBar

HELP = "run a grid of configurations and say which worked"

_VALUES = """\
values:
  5e-7                 one number
  1e-7,5e-7,1e-6       a list: an axis of the grid
  1e-9:1e-5:10000      10,000 values from 1e-9 to 1e-5, each a constant factor above the one before
  0:0.5:11:linear      11 values from 0 to 0.5, evenly spaced
  none                 switches a test off that is on by default
  Ranges of --max-steps are rounded to whole numbers, repeats dropped.

examples:
  fastgd sweep sine --plot sine.png --page sine.html
  fastgd sweep pizza --max-steps 100,1000,10000 --out pizza.csv
  fastgd sweep data.csv --x width --x height --y price --learning-rate 1e-6:1:1000 --gradient-tolerance 1e-6
  fastgd sweep data.csv --x time --y speed --degree 3 --learning-rate 1e-6:1:1000 --max-steps 5000
  fastgd sweep sine --store run.zarr   kept tile by tile: typed again, it goes on where it was interrupted, or killed
  fastgd sweep run.toml                its lines are options: problem = "data.csv", x = ["width"], max_steps = 100
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a sweep."""
    parser.usage = "fastgd sweep PROBLEM [options]"
    parser.epilog = _VALUES
    add_problem(parser)
    several = "; repeat it for several starts, or with one parameter give a range"
    add_hyperparameters(parser, "V", ", each V a value, a list or a range, see below", several)
    add_run(parser)
    group = parser.add_argument_group("output")
    add(group, "--out", "FILE", "write every configuration's result: .npz, .csv, .json, .parquet, .nc or .zarr")
    add(
        group,
        "--plot",
        "FILE",
        "draw the result: .png, .svg or .pdf; fastgd plot draws a written one otherwise",
    )
    add(group, "--page", "FILE", "write a page to explore in a browser, offline: .html")
    add(group, "--store", "FOLDER", "write tile by tile, and go on where the same sweep into it stopped: usually .zarr")
    add(group, "--durable", None, "with --store, count a tile as done only when the disk has it")
    add_json(group)
    bar = "a progress bar; by default on a terminal, after a second"
    group.add_argument("--progress", action=argparse.BooleanOptionalAction, help=bar)


def run(arguments: argparse.Namespace) -> int:
    """Sweep, print the summary, write the results; what an interrupted sweep finished too."""
    with HeldInterrupts():
        from fastgd.cli import as_json
        from fastgd.cli.outputs import check_page, check_picture, checked, write_picture
        from fastgd.cli.problem import Task
        from fastgd.cli.run_file import is_run_file, take_up
        from fastgd.problems.linear_model import BY_METHOD, BY_OPTION
        from fastgd.results.files import check_destination, write
        from fastgd.results.store.reading import is_store
        from fastgd.results.sweep_result import SweepInterrupted
        from fastgd.sweeps.original_units import in_original_units
        from fastgd.sweeps.sweep import sweep

    if is_run_file(arguments):
        take_up(arguments)
    if arguments.out is not None:
        check_destination(arguments.out, arguments.problem)
    if arguments.plot is not None:
        checked("--plot", check_picture, arguments.plot, arguments.problem)
    if arguments.page is not None:
        checked("--page", check_page, arguments.page, arguments.problem)
    if arguments.store is not None and arguments.standardize:
        why = "it keeps parameters as they descend, in standardised coordinates"
        raise ValueError(f"--store must be left out with --standardize: {why}")
    task = Task(arguments, axes=True)
    task.keywords |= {"store": arguments.store, "durable": arguments.durable}
    problem = task.problem()
    progress = _progress(arguments.progress)
    interruption = None
    if arguments.store is not None and is_store(arguments.store):
        print(_how_far(arguments.store), file=sys.stderr, flush=True)
    try:
        result = sweep(problem, progress=progress, **task.keywords)
    except SweepInterrupted as stop:
        interruption = stop
        result = stop.result
    result = in_original_units(result, problem, task.start)
    try:
        if arguments.json:
            as_json.tell(as_json.of_sweep(result, task.notes))
        else:
            print(*task.notes, str(result).replace(BY_METHOD, BY_OPTION), sep="\n")
            if task.angle and result.best is not None:
                print(f"  {'best angle':<15}{math.degrees(result.best.theta[0]):.10g} degrees")
            if arguments.timing:
                print(f"\n{result.timing}")
        sys.stdout.flush()
    finally:  # even if nobody reads what is printed
        if arguments.out is not None:
            write(arguments.out, result)
        if arguments.plot is not None:
            checked("--plot", write_picture, arguments.plot, result.plot)
        if arguments.page is not None:
            checked("--page", result.explore, arguments.page)
    if interruption is not None:
        raise KeyboardInterrupt from interruption
    return 0


def _how_far(path: str) -> str:
    """Return how much of a store is there."""
    from fastgd.results.store.reading import Store
    from fastgd.text import counted

    finished = Store.open(path, "--store").finished()
    return f"resuming: {finished.sum():,} of {counted(finished.size, 'tile')} done"


def _progress(wanted: bool | None) -> ProgressBar | bool:
    """Return a bar if it is asked for, or on a terminal after a second; without tqdm only what is asked for fails."""
    from fastgd.sweeps.progress import ProgressBar

    has_tqdm = find_spec("tqdm") is not None
    if wanted and not has_tqdm:
        raise ValueError("--progress needs the package tqdm: pip install 'fastgd[cli]'")
    shown = has_tqdm and sys.stderr.isatty() if wanted is None else wanted
    return ProgressBar(delay=0.0 if wanted else 1.0) if shown else False
