"""List the built-in problems, each with a command to try."""

from __future__ import annotations

import argparse

from fastgd.examples.lessons import LESSONS

HELP = "list the built-in problems"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    parser.usage = "fastgd examples"


def run(arguments: argparse.Namespace) -> int:
    """Print a line about each, and its command."""
    for name, lesson in LESSONS.items():
        print(f"{name:<8}{lesson.title}\n        {lesson.command}")
    return 0
