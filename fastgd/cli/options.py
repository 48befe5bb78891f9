"""Options that more than one verb has: the problem, hyperparameters, the run. Neither NumPy nor Numba is imported."""

from __future__ import annotations

import argparse
from typing import Any

from fastgd.cli.parser import GivenOnce
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.rules import RULES, rules_with
from fastgd.descent.schedules import SCHEDULES, schedules_with
from fastgd.examples.lessons import LESSONS
from fastgd.problems.losses import Loss
from fastgd.sweeps.engines.names import ENGINES
from fastgd.text import either

Group = Any  # argparse's, whose class is private, or a parser


def loss_forms() -> list[str]:
    """Return how losses of a residual are typed: their words, with their numbers after a colon."""
    forms = [":".join([word, *map(str.upper, kind.parameters())]) for word, kind in Loss.known.items()]
    return sorted(forms, key=lambda form: ":" in form)


def add(group: Group, option: str, metavar: str | None, text: str) -> None:
    """Add an option that takes a value once, or none if `metavar` is None."""
    if metavar is None:
        group.add_argument(option, action="store_true", help=text)
    else:
        group.add_argument(option, metavar=metavar, action=GivenOnce, help=text)


def add_problem(verb: argparse.ArgumentParser) -> None:
    """Add the problem, and what it is made of where that is a file."""
    verb.add_argument(
        "problem",
        metavar="PROBLEM",
        help=f"an example ({', '.join(LESSONS)}), a CSV, Parquet or .npy file, or a TOML file of options",
    )
    data = verb.add_argument_group("the problem, of a CSV file")
    data.add_argument("--x", metavar="COLUMN", action="append", help="a feature; repeat it for several")
    add(data, "--y", "COLUMN", "the target")
    add(data, "--degree", "D", "fit a polynomial of this degree in one --x, not a line")
    add(data, "--no-intercept", None, "a line or plane through the origin (also for the example pizza)")
    losses = f"{either(loss_forms())} (a number stands for what is in capitals)"
    add(data, "--loss", "WORD", f"of a residual: {losses}; squared by default")
    add(data, "--reduction", "WORD", "the mean (default) or the sum of the residuals' losses")
    add(data, "--weight", "COLUMN", "weights of the rows, at least 0")
    add(data, "--l2", "A", "add A times the sum of squares of all parameters but the constant term")
    coordinates = "columns of mean 0 and deviation 1, a polynomial's x in [-1, 1]"
    units = "rates and tolerances are of these, --start and the parameters in the output are in original units"
    add(data, "--standardize", None, f"descend in standardised coordinates: {coordinates}; {units}")
    file = verb.add_argument_group("how a CSV file is written")
    add(file, "--separator", "C", "between columns: , (default) or another character, tab or space")
    add(file, "--decimal", "C", "before the decimals of a number: . (default) or ,")
    add(file, "--no-header", None, "the first line is a row of numbers; columns are given by number, from 1 on")
    add(file, "--drop-missing", None, "leave out rows that have nothing, or a word such as NA, in one of the columns")


def add_hyperparameters(verb: argparse.ArgumentParser, value: str, of_values: str = "", of_starts: str = "") -> None:
    """Add an option for each hyperparameter, and what all configurations share; `value` stands for what is typed."""
    group = verb.add_argument_group(f"hyperparameters{of_values}")
    for name in HYPERPARAMETERS:
        add(group, f"--{name.replace('_', '-')}", value, _help_of(name))
    add(group, "--rule", "WORD", f"the update's direction: {', '.join(RULES)}")
    add(group, "--schedule", "WORD", f"how the rate changes with the step: {', '.join(SCHEDULES)}")
    where = f"where to start, a number for each parameter{of_starts}"
    group.add_argument("--start", metavar="A,B,...", action="append", help=where)
    add(group, "--bounds", "LO:HI", "clip every update to these, numbers or lists; the dart takes angles such as 30deg")


def _help_of(name: str) -> str:
    """Return what a hyperparameter is, which rules or schedules have it, and its default."""
    about = HYPERPARAMETERS[name]
    default = about.default if about.usual is None else about.usual
    parts = [about.says]
    for kind, users in (("rules", rules_with(name)), ("schedules", schedules_with(name))):
        parts += [f"of the {kind} {', '.join(users)}"] if users else []
    parts += [] if default is None else [f"{default:g} by default"]
    return "; ".join(parts if default or about.optional else [*parts, "needed for a CSV file"])


def add_run(verb: argparse.ArgumentParser) -> Group:
    """Add how to run; return the group, to which a verb may add more."""
    group = verb.add_argument_group("the run")
    add(group, "--engine", "WORD", f"how to run: {', '.join(ENGINES)}, or auto (default), the cheapest")
    add_threads(group)
    add(group, "--timing", None, "print where the time went")
    return group


def add_threads(group: Group) -> None:
    """Add the number of threads."""
    add(group, "--threads", "N", "threads to use, all by default")


def add_json(group: Group) -> None:
    """Add output for machines."""
    add(
        group,
        "--json",
        None,
        "print one object of JSON, for machines, and nothing else; NaN is null there, infinity a text",
    )
