"""List the built-in problems, each with a command to try."""

from __future__ import annotations

import argparse

from fastgd.cli.options import add_json
from fastgd.examples.lessons import LESSONS

HELP = "list the built-in problems"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add output for machines."""
    parser.usage = "fastgd examples [--json]"
    parser.epilog = "example:\n  fastgd examples\n"
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line about each, and its command."""
    if arguments.json:
        from fastgd.cli import as_json  # which imports NumPy

        as_json.tell({name: {"title": lesson.title, "command": lesson.command} for name, lesson in LESSONS.items()})
        return 0
    for name, lesson in LESSONS.items():
        print(f"{name:<8}{lesson.title}\n        {lesson.command}")
    return 0
