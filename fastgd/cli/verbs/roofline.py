"""Measure how fast this machine reads memory and does multiply-adds: what kernels are held against."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from fastgd.cli.options import add_json, add_threads

_EXAMPLES = """\
examples:
  fastgd roofline
  fastgd roofline --threads 1 --json
"""

HELP = "measure how fast this machine reads and computes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.usage = "fastgd roofline [--threads N] [--json]"
    parser.epilog = _EXAMPLES
    add_threads(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the machine's limits, and print the best that was seen of each."""
    from fastgd.cli import as_json
    from fastgd.cli.values import whole
    from fastgd.results.roofline import measured_again

    limits = measured_again(None if arguments.threads is None else whole("--threads", arguments.threads, minimum=1))
    if arguments.json:
        as_json.tell(asdict(limits))
    else:
        print(limits)
    return 0
