"""Measure how fast this machine reads memory and does multiply-adds: what kernels are held against."""

from __future__ import annotations

import argparse

from fastgd.cli.options import add_threads

HELP = "measure how fast this machine reads and computes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.usage = "fastgd roofline [--threads N]"
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the machine's limits, and print the best that was seen of each."""
    from fastgd.cli.values import whole
    from fastgd.results.roofline import measured_again

    print(measured_again(None if arguments.threads is None else whole("--threads", arguments.threads, minimum=1)))
    return 0
