"""The command `fastgd`: reads the command line, does what its verb says, and ends as a command should.

Exit codes are what `fastgd --help` tells. Neither NumPy nor Numba is imported before the command line has been read.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from fastgd.cli.parser import Parser, build_parser, with_negative_values
from fastgd.text import printable

WRONG = 2
INTERRUPTED = 130  # 128 + the signal's number, as shells have it
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `SystemExit` ends it for `--help` and for errors."""
    _open_closed_streams()
    arguments = argparse.Namespace(verb=None)
    try:
        code = _answer(sys.argv[1:] if argv is None else argv, arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _tell(arguments, "interrupted", INTERRUPTED)
    except ValueError as error:  # something typed is refused, or a file
        from fastgd.cli.sentences import refusal_as_typed  # which imports NumPy

        verb: Parser = arguments.parser
        verb.error(refusal_as_typed(error, arguments))
    except ImportError as error:  # Numba's compiler is turned off, or a package does not fit another
        return _tell(arguments, f"error: {error}", WRONG)
    except MemoryError:
        return _tell(arguments, "error: there is not enough memory; make the grid or the data smaller", WRONG)
    except OSError as error:
        if error.filename is not None:  # not standard output
            return _tell(arguments, f"error: {error.strerror}: {error.filename}", WRONG)
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED
        return _tell(arguments, f"error: standard output can't be written: {error.strerror}", WRONG)


def _answer(argv: Sequence[str], arguments: argparse.Namespace) -> int:
    parser = build_parser()
    _, unknown = parser.parse_known_args(with_negative_values(argv), arguments)
    if unknown:
        getattr(arguments, "parser", parser).refuse(unknown[0])
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        return WRONG
    with contextlib.suppress(AttributeError):  # a stream that was replaced
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # columns have any name
    return int(arguments.run(arguments))


def _open_closed_streams() -> None:
    """Let what a shell closed (`>&-`) lead nowhere: a file opened later would take its number, and its output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False))


def _tell(arguments: argparse.Namespace, sentence: str, code: int) -> int:
    name = f"fastgd {arguments.verb}" if arguments.verb else "fastgd"
    print(f"{name}: {printable(sentence)}", file=sys.stderr)
    return code
