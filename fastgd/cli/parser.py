"""The parser of the command `fastgd`: its verbs, and the sentence that anything mistyped gets.

Every value is taken as text; what it means stands in `values`. Neither NumPy nor Numba is imported.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn

from fastgd._version import __version__
from fastgd.examples.lessons import LESSONS
from fastgd.text import printable

_DESCRIPTION = "Full-batch gradient descent over large grids of hyperparameters."
_COMMANDS = """\
commands to begin with:
  fastgd sweep sine                       ten thousand learning rates, a cubic fitted to a sine
  fastgd descend square                   one descent, step by step
  fastgd sweep data.csv --x COLUMN --y COLUMN --learning-rate 1e-9:1e-5:10000
  fastgd sweep sine --page sine.html      a page to explore; fastgd plot draws a written result
  fastgd sweep --help                     every option

exit codes:
  0    done, whatever became of the descents
  2    something typed, a file or the installation is wrong: one sentence on standard error
  130  interrupted; what was finished is printed and written
  141  the reader of the output has gone
"""

_SENTENCES = (  # argparse's words, and what is said instead
    (r"^argument (\S+): expected one argument$", r"\1 needs a value after it"),
    (r"^argument (\S+): ignored explicit argument (.*)$", r"\1 takes no value, got \2"),
    (r"^argument VERB: invalid choice: (.*) \(choose from .*", r"there is no verb \1, see fastgd -h"),
    (
        r".*required: PROBLEM$",
        f"PROBLEM must be given: an example ({', '.join(LESSONS)}) or a CSV, Parquet, .npy or TOML file",
    ),
    (r".*required: FILE$", "FILE must be given: what fastgd sweep --out wrote"),
    (r".*required: FOLDER$", "FOLDER must be given: what fastgd sweep --store wrote"),
    (r"^argument ", ""),
)

_OPTION = "--[a-z0-9-]+"
_NAMED_ELSEWHERE = {  # what other software calls an option
    "--learning-rate": "--lr --rate --alpha --eta --step-size",
    "--max-steps": "--steps --epochs --iterations --max-iter --max-iterations",
    "--tolerance": "--tol --xtol",
    "--gradient-tolerance": "--gtol --grad-tol",
    "--start": "--theta --theta0 --init --x0",
    "--rule": "--optimizer --method --solver",
    "--momentum": "--beta",
    "--separator": "--sep --delimiter",
    "--x": "--feature",
    "--y": "--target --label",
    "--weight": "--sample-weight",
    "--l2": "--ridge",
    "--threads": "--jobs",
    "--out": "--output --save",
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
        close = self.close(option.replace("_", "-"))
        advice = f"; did you mean {' or '.join(close)}?" if close else f", see {self.prog} -h"
        self.error(f"there is no option {option}{advice}")

    def close(self, option: str) -> list[str]:
        """Return the options that may have been meant: by another name, or as they begin, or one spelt nearly so."""
        known = sorted(set(re.findall(_OPTION, self.format_help())))
        meant = [name for name in known if option in _NAMED_ELSEWHERE.get(name, "").split()]
        begun = [name for name in known if name.startswith(option)]
        return meant or begun or difflib.get_close_matches(option, known, n=1, cutoff=0.75)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help, the version or an error at once; argparse lets a full disk go unnoticed."""
        print(message, end="", file=file, flush=True)


class GivenOnce(argparse.Action):
    """Stores a value, and refuses a second one rather than drop the first."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Store the value of an option that has none yet."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice")
        setattr(namespace, self.dest, values)


def build_parser() -> Parser:
    """Return the parser of the whole command line: the verbs are the modules in the folder `verbs`."""
    parser = Parser(prog="fastgd", description=_DESCRIPTION, epilog=_COMMANDS)
    parser.add_argument(
        "--version", action="version", version=f"fastgd {__version__}", help="show the version and exit"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for file in iter_modules([str(Path(__file__).with_name("verbs"))]):
        module = import_module(f"fastgd.cli.verbs.{file.name}")
        verb = verbs.add_parser(file.name, help=module.HELP, description=module.__doc__)
        module.add_arguments(verb)
        verb.set_defaults(parser=verb, run=module.run)
    return parser


def with_negative_values(argv: Sequence[str]) -> list[str]:
    """Join `--bounds -1:1` to `--bounds=-1:1`: argparse takes what begins with a dash for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and re.match(r"-(\d|\.\d|inf)", word) and re.fullmatch(_OPTION, joined[-1]):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
