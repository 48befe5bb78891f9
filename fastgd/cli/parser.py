"""The options of the command `fastgd`, and the sentence that anything mistyped gets.

Every value is taken as text; what it means stands in `options`. Neither NumPy nor Numba is imported.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from fastgd._version import __version__
from fastgd.descent.rules import RULES, RULES_WITH_MOMENTUM, SCHEDULES, SCHEDULES_WITH_DECAY
from fastgd.examples.lessons import LESSONS
from fastgd.text import printable

_DESCRIPTION = "Full-batch gradient descent over large grids of hyperparameters."
_COMMANDS = """\
commands to begin with:
  fastgd sweep sine                       ten thousand learning rates, a cubic fitted to a sine
  fastgd descend square                   one descent, step by step
  fastgd sweep data.csv --x COLUMN --y COLUMN --learning-rate 1e-9:1e-5:10000
  fastgd sweep --help                     every option
"""
_SWEEP_VALUES = """\
values:
  5e-7                 one number
  1e-7,5e-7,1e-6       a list: an axis of the grid
  1e-9:1e-5:10000      10,000 values from 1e-9 to 1e-5, each a constant factor above the one before
  0:0.5:11:linear      11 values from 0 to 0.5, evenly spaced
  none                 switches a test off that is on by default
  Ranges of --max-steps are rounded to whole numbers, repeats dropped.

examples:
  fastgd sweep pizza --max-steps 100,1000,10000 --out pizza.csv
  fastgd sweep data.csv --x width --x height --y price --learning-rate 1e-6:1:1000 --gradient-tolerance 1e-6
  fastgd sweep data.csv --x time --y speed --degree 3 --learning-rate 1e-6:1:1000 --max-steps 5000
"""
_DESCEND_VALUES = """\
examples:
  fastgd descend square --learning-rate 0.2 --max-steps 20 --every 1
  fastgd descend dart --rule sign --learning-rate 0.1 --max-steps 100 --loss-threshold none
  fastgd descend data.csv --x time --y speed --degree 3 --learning-rate 1e-3 --max-steps 5000
"""


_SENTENCES = (  # argparse's words, and what is said instead
    (r"^argument (\S+): expected one argument$", r"\1 needs a value after it"),
    (r"^argument (\S+): ignored explicit argument (.*)$", r"\1 takes no value, got \2"),
    (r"^argument VERB: invalid choice: (.*) \(choose from .*", r"there is no verb \1, see fastgd -h"),
    (r".*required: PROBLEM$", f"PROBLEM must be given: an example ({', '.join(LESSONS)}) or a CSV file"),
    (r"^argument ", ""),
)

_OPTION = "--[a-z0-9-]+"
_NAMED_ELSEWHERE = {  # what other software calls an option
    **dict.fromkeys(("--lr", "--rate", "--alpha", "--eta", "--step-size"), "--learning-rate"),
    **dict.fromkeys(("--steps", "--epochs", "--iterations", "--max-iter", "--max-iterations"), "--max-steps"),
    **dict.fromkeys(("--tol", "--xtol"), "--tolerance"),
    **dict.fromkeys(("--gtol", "--grad-tol"), "--gradient-tolerance"),
    **dict.fromkeys(("--theta", "--theta0", "--init", "--x0"), "--start"),
    **dict.fromkeys(("--optimizer", "--method", "--solver"), "--rule"),
    **dict.fromkeys(("--sep", "--delimiter"), "--separator"),
    **dict.fromkeys(("--output", "--save"), "--out"),
    **dict.fromkeys(("--target", "--label"), "--y"),
    "--feature": "--x",
    "--beta": "--momentum",
    "--sample-weight": "--weight",
    "--jobs": "--threads",
    "--ridge": "--l2",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and the sentence."""
        for theirs, ours in _SENTENCES:
            message = re.sub(theirs, ours, message, flags=re.DOTALL)
        self.exit(2, f"{self.prog}: error: {printable(message)}\n")

    def refuse(self, unknown: str) -> NoReturn:
        """End with the sentence for something typed that no option or argument takes."""
        if not unknown.startswith("-"):
            self.error(f"there is nothing to do with {unknown!r}; options begin with --")
        option = unknown.partition("=")[0]
        close = self._close(option.replace("_", "-"))
        advice = f"; did you mean {' or '.join(close)}?" if close else f", see {self.prog} -h"
        self.error(f"there is no option {option}{advice}")

    def _close(self, option: str) -> list[str]:
        """Return the options that may have been meant: by another name, or as they begin, or one spelt nearly so."""
        known = sorted(set(re.findall(_OPTION, self.format_help())))
        meant = _NAMED_ELSEWHERE.get(option, "")
        if meant in known:
            return [meant]
        begun = [name for name in known if name.startswith(option)]
        return begun or difflib.get_close_matches(option, known, n=1, cutoff=0.75)

    def print_help(self, file: Any = None) -> None:
        """Print the help at once; argparse would let a full disk go unnoticed."""
        print(self.format_help(), end="", file=file, flush=True)


class Version(argparse.Action):
    """Prints the version at once, as `Parser.print_help` does."""

    def __call__(self, parser: Any, *_: Any) -> None:
        """Print, and end with exit code 0."""
        print(f"fastgd {__version__}", flush=True)
        parser.exit()


class Once(argparse.Action):
    """Stores a value, and refuses a second one rather than drop the first."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Store the value of an option that has none yet."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice")
        setattr(namespace, self.dest, values)


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(prog="fastgd", description=_DESCRIPTION, epilog=_COMMANDS)
    parser.add_argument("--version", action=Version, nargs=0, help="show the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    sweep = verbs.add_parser(
        "sweep",
        help="run a grid of configurations and say which worked",
        description="Run gradient descent for every configuration of a grid, and say which worked and why.",
        usage="fastgd sweep PROBLEM [options]",
        epilog=_SWEEP_VALUES,
    )
    descend = verbs.add_parser(
        "descend",
        help="run one descent and print its steps",
        description="Run one gradient descent and print its steps at a regular interval, and why it stopped.",
        usage="fastgd descend PROBLEM [options]",
        epilog=_DESCEND_VALUES,
    )
    for verb in (sweep, descend):
        verb.set_defaults(parser=verb)
        _add_problem(verb)
        _add_hyperparameters(verb, "V" if verb is sweep else "NUMBER")
    _add_run(sweep)
    _add_out(sweep)
    run = _add_run(descend)
    run.add_argument(
        "--every", metavar="K", action=Once, help="print every K-th step; by default some twenty steps are printed"
    )
    roofline = verbs.add_parser(
        "roofline",
        help="measure how fast this machine reads and computes",
        description="Measure how fast this machine reads memory and does multiply-adds: what kernels are held against.",
        usage="fastgd roofline [--threads N]",
    )
    roofline.set_defaults(parser=roofline)
    _add_threads(roofline)
    examples = verbs.add_parser(
        "examples",
        help="list the built-in problems",
        description="List the built-in problems, each with a command to try.",
        usage="fastgd examples",
    )
    examples.set_defaults(parser=examples)
    return parser


def _add_problem(verb: Parser) -> None:
    names = ", ".join(LESSONS)
    verb.add_argument("problem", metavar="PROBLEM", help=f"an example ({names}) or a CSV or Parquet file")
    data = verb.add_argument_group("the problem, of a CSV file")
    data.add_argument("--x", metavar="COLUMN", action="append", help="a feature; repeat it for several")
    data.add_argument("--y", metavar="COLUMN", action=Once, help="the target")
    data.add_argument(
        "--degree", metavar="D", action=Once, help="fit a polynomial of this degree in one --x, not a line"
    )
    data.add_argument(
        "--no-intercept", action="store_true", help="a line or plane through the origin (also for the example pizza)"
    )
    data.add_argument(
        "--loss",
        metavar="WORD",
        action=Once,
        help="of a residual: squared (default), absolute, log-cosh, or huber:DELTA, for example huber:1.5",
    )
    data.add_argument(
        "--reduction", metavar="WORD", action=Once, help="the mean (default) or the sum of the residuals' losses"
    )
    data.add_argument("--weight", metavar="COLUMN", action=Once, help="weights of the rows, at least 0")
    data.add_argument(
        "--l2",
        metavar="A",
        action=Once,
        help="add A times the sum of squares of all parameters but the constant term",
    )
    data.add_argument(
        "--standardize",
        action="store_true",
        help="descend in standardised coordinates: columns of mean 0 and deviation 1, a polynomial's x in [-1, 1]; "
        "rates and tolerances are of these, --start and the parameters in the output are in original units",
    )
    text = verb.add_argument_group("how a CSV file is written")
    text.add_argument(
        "--separator", metavar="C", action=Once, help="between columns: , (default) or another character, tab or space"
    )
    text.add_argument("--decimal", metavar="C", action=Once, help="before the decimals of a number: . (default) or ,")
    text.add_argument(
        "--no-header",
        action="store_true",
        help="the first line is a row of numbers; columns are given by number, from 1 on",
    )
    text.add_argument(
        "--drop-missing",
        action="store_true",
        help="leave out rows that have nothing, or a word such as NA, in one of the columns",
    )


def _add_hyperparameters(verb: Parser, value: str) -> None:
    group = verb.add_argument_group(
        "hyperparameters" + (", each V a value, a list or a range, see below" if value == "V" else "")
    )
    for name, text in (
        ("--learning-rate", "the rate, >= 0; needed for a CSV file"),
        ("--max-steps", "updates to take at most, 1000 by default"),
        ("--momentum", f"of the rules {', '.join(RULES_WITH_MOMENTUM)}; 0.9 by default"),
        ("--decay", f"of the schedules {', '.join(SCHEDULES_WITH_DECAY)}"),
        ("--tolerance", "stop when the next update is shorter than this, without taking it"),
        ("--loss-threshold", "stop when the loss is below this"),
        ("--gradient-tolerance", "stop when the gradient's norm is below this"),
        ("--divergence-threshold", "stop as diverged when the loss is above this, 1e200 by default"),
    ):
        group.add_argument(name, metavar=value, action=Once, help=text)
    group.add_argument("--rule", metavar="WORD", action=Once, help=f"the update's direction: {', '.join(RULES)}")
    group.add_argument(
        "--schedule", metavar="WORD", action=Once, help=f"how the rate changes with the step: {', '.join(SCHEDULES)}"
    )
    group.add_argument(
        "--start",
        metavar="A,B,...",
        action="append",
        help="where to start, a number for each parameter"
        + ("; repeat it for several starts, or with one parameter give a range" if value == "V" else ""),
    )
    group.add_argument(
        "--bounds",
        metavar="LO:HI",
        action=Once,
        help="clip every update to these, numbers or lists; the dart takes 30deg for an angle in degrees",
    )


def _add_run(verb: Parser) -> Any:
    group = verb.add_argument_group("the run")
    group.add_argument("--engine", metavar="WORD", action=Once, help="how to run; auto (default) takes the cheapest")
    _add_threads(group)
    group.add_argument("--timing", action="store_true", help="print where the time went")
    return group


def _add_threads(group: Any) -> None:
    group.add_argument("--threads", metavar="N", action=Once, help="threads to use, all by default")


def _add_out(sweep: Parser) -> None:
    group = sweep.add_argument_group("output")
    group.add_argument(
        "--out", metavar="FILE", action=Once, help="write every configuration's result: .npz, .csv or .json"
    )
    group.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="a progress bar; by default on a terminal, after a second",
    )


def with_negative_values(argv: Sequence[str]) -> list[str]:
    """Join `--bounds -1:1` to `--bounds=-1:1`: argparse takes what begins with a dash for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and re.match(r"-(\d|\.\d|inf)", word) and re.fullmatch(_OPTION, joined[-1]):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
