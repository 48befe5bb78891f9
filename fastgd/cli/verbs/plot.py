"""Draw a result that was written by fastgd sweep --out or --store, in a picture or a page."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

from fastgd.cli.options import add
from fastgd.sweeps.stopwatch import HeldInterrupts

HELP = "draw a written result"

KINDS = ("loss", "steps", "map", "basins", "trajectories", "parameter")

_EXAMPLES = """\
kinds:
  loss          the final loss against an axis, --x; --hue tells another one apart
  steps         the steps to converge against it
  map           what failed, and the losses of what did not, over two axes, --x and --y
  basins        which minimum was reached over them
  trajectories  the losses against the steps, recorded in Python by sweep(record_every=...)
  parameter     the final loss against a parameter, --name

examples:
  fastgd sweep pizza --max-steps 100:10000:50 --out pizza.npz
  fastgd plot pizza.npz
  fastgd plot pizza.npz --kind map --x max_steps --y learning_rate --out map.svg
  fastgd plot pizza.npz --page pizza.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, the kind of picture, and what it is drawn over."""
    parser.usage = "fastgd plot FILE [options]"
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="what fastgd sweep --out or --store wrote, or result.save")
    add(parser, "--kind", "WORD", f"of picture: {', '.join(KINDS)}; by default a map over two axes, or the loss")
    add(parser, "--x", "AXIS", "what to draw over; the longest axis by default")
    add(parser, "--y", "AXIS", "the other axis of a map")
    add(parser, "--hue", "AXIS", "an axis whose values are lines of their own")
    add(parser, "--name", "PARAMETER", "of theta")
    add(parser, "--out", "FILE", "the picture, .png, .svg or .pdf; by default FILE as a .png")
    add(parser, "--page", "FILE", "write a page to explore, .html, and no picture unless --out is given")


def run(arguments: argparse.Namespace) -> int:
    """Read the result, draw, and say where."""
    with HeldInterrupts():
        from fastgd.check import choice
        from fastgd.cli.outputs import check_page, check_picture, checked, write_picture
        from fastgd.results.loading import load
        from fastgd.results.plots.accessor import SweepPlots
        from fastgd.results.store.reading import is_store
        from fastgd.results.stored_result import open_result

    kind = None if arguments.kind is None else choice("--kind", arguments.kind, KINDS)
    draws = SweepPlots.__call__ if kind is None else getattr(SweepPlots, kind)
    taken = inspect.signature(draws).parameters
    over = {name: getattr(arguments, name) for name in ("x", "y", "hue", "name")}
    over = {name: value for name, value in over.items() if value is not None}
    for name in over.keys() - taken.keys():
        with_kind = "without --kind" if kind is None else f"with --kind {kind}"
        raise ValueError(f"--{name} must be left out {with_kind}")
    if kind == "parameter" and "name" not in over:
        raise ValueError("--name must be given with --kind parameter")
    try:
        result = (open_result if is_store(arguments.file) else load)(arguments.file)
    except ValueError as error:
        raise ValueError(f"FILE {str(error).removeprefix('path ')}") from None
    picture = arguments.out
    if picture is None and arguments.page is None:
        picture = str(Path(arguments.file).with_suffix(".png"))
    if picture is not None:
        checked("--out", check_picture, picture, arguments.file)
    if arguments.page is not None:
        checked("--page", check_page, arguments.page, arguments.file)
    if picture is not None:
        checked("--out", write_picture, picture, lambda ax: draws(SweepPlots(result), **over, ax=ax))
    if arguments.page is not None:
        checked("--page", result.explore, arguments.page)
    print("wrote " + " and ".join(path for path in (picture, arguments.page) if path is not None))
    return 0
